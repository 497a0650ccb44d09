"""Scores and scoring models as values: additive, immutable, explained down to the IQMs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from HeadCTIQALib.curve import Band
from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.hierarchy import CATEGORIES, CATEGORY_BY_ID, IQM_BY_ID, LIMIT_POINTS
from HeadCTIQALib.scoring.features import FEATURES, OF_SCORES, WORST
from HeadCTIQALib.scoring.items import Item
from HeadCTIQALib.scoring.profile import DEFAULT, Profile
from HeadCTIQALib.scoring.spread import Draws

ModelKind = Literal["guideline", "reader_least_squares", "reader_non_negative"]
MODEL_KINDS: tuple[str, ...] = ("guideline", "reader_least_squares", "reader_non_negative")
LARGEST = 1e6  # points: beyond, a score of 0-100 is made of rounding errors
OVERALL = "overall"
CLIP = "limit to 0..100"  # feature name of the contribution that keeps a score within its scale
LIMIT = "limit above the worst category"  # feature name of the contribution that keeps the overall score near the worst category


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one source adds to a score: ``points = coefficient * feature_value``.

    ``source_id`` is an IQM id, or a category id where categories make up the overall score (feature "score") or where
    a category's score was limited to 0..100 (feature :data:`CLIP`).  Scores enter as what they lack to 100, so that an
    ideal scan loses nothing.  The limit above the worst category (feature :data:`LIMIT`) has the id of the item's IQM.
    """

    source_id: str
    points: float
    coefficient: float
    feature: str
    feature_value: float


@dataclass(frozen=True, slots=True)
class Score:
    """A score of 0-100 (higher is better), or None with the reason why it is withheld.

    Attributes:
        id: category id, or "overall".
        score: base + the sum of the points of ``contributions``, added in their order.
        band: "good", "acceptable" or "poor"; None when withheld.
        contributions: additive parts; empty when withheld.
        base: score of an ideal scan.
        withheld_reason: one sentence; empty exactly when there is a score.
        at_least, at_most: what the score can be whatever is unknown: an IQM that is not assessable, or known as a bound only.
        contributions_by_iqm, base_by_iqm: for "overall", the same score read back to the IQMs.
        interval: what the score of the true values is, with 95 % certainty, whatever is unknown; None where no error is known.
        drawn: :mod:`.spread` of the score.
    """

    id: str
    score: float | None
    band: Band | None
    contributions: tuple[Contribution, ...] = ()
    base: float = 0.0
    withheld_reason: str = ""
    at_least: float = 0.0
    at_most: float = 100.0
    contributions_by_iqm: tuple[Contribution, ...] = ()
    base_by_iqm: float = 0.0
    interval: tuple[float, float] | None = None
    drawn: Draws = field(default_factory=lambda: Draws.between(0.0, 100.0), compare=False, repr=False)

    def __post_init__(self) -> None:
        if (self.score is None) == (not self.withheld_reason) or (self.score is None) != (self.band is None):
            raise ValueError(f"{self.id}: a score with a band, or a reason why it is withheld")
        if self.score is None:
            return
        views = [(self.base, self.contributions)]
        if self.contributions_by_iqm:
            views.append((self.base_by_iqm, self.contributions_by_iqm))
        for base, parts in views:
            size = 1 + abs(base) + sum(abs(c.points) for c in parts)  # large parts of either sign are rounded
            if not abs(self.score - (base + sum(c.points for c in parts))) < 1e-9 * size:
                raise ValueError(f"{self.id}: the contributions do not add up to {self.score}")

    @property
    def limit(self) -> Contribution | None:
        """What the limit above the worst category takes from the overall score; None where it takes nothing."""
        return next((c for c in self.contributions if c.feature == LIMIT), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What can be said of a scan with certainty, whatever the value of what is unknown.

    Attributes:
        band: of the overall score; None where it depends on what is unknown.
        at_least, at_most: the overall score lies between.
        limiting: ids of the IQMs whose items are below good, the worst first; by a model that was fitted to readers, of those that
            take a point or more from its overall score, the most first.
        sentence: the verdict in words, the limiting item first.
        brain_complete: whether the scan holds the whole brain; None where that is not known.
    """

    band: Band | None
    at_least: float
    at_most: float
    limiting: tuple[str, ...]
    sentence: str
    brain_complete: bool | None


@dataclass(frozen=True, slots=True)
class Scores:
    """All scores of one scan by one model: items and categories by id in table order, the overall score, the verdict."""

    items: Mapping[str, Item]
    categories: Mapping[str, Score]
    overall: Score
    verdict: Verdict
    model_id: str
    model_name: str

    @property
    def overall_by_iqm(self) -> tuple[Contribution, ...]:
        """The overall score read back to IQMs: ``overall.base_by_iqm`` plus the sum of these points."""
        return self.overall.contributions_by_iqm


@dataclass(frozen=True, slots=True)
class Term:
    """One feature in a category's linear model (:mod:`HeadCTIQALib.scoring.features`); of the feature "worst", ``iqm`` is the category's id."""

    iqm: str
    feature: str
    coefficient: float


@dataclass(frozen=True, slots=True)
class CategoryModel:
    """Linear model of one category's score: intercept + sum of coefficient * feature."""

    intercept: float
    terms: tuple[Term, ...]

    @property
    def ideal(self) -> float:
        """Score of an ideal scan, in which folded values are 0 and scores 100; what an explanation counts down from."""
        return self.intercept + sum(100.0 * t.coefficient for t in self.terms if t.feature in OF_SCORES)


@dataclass(frozen=True)
class ScoringModel:
    """How measurements become scores: linear per category, weighted over categories, limited above the worst of them.

    In the guideline model a category is its worst item.

    Attributes:
        id, name: identify the model wherever a score is shown.
        kind: one of :data:`MODEL_KINDS`.
        categories: id to :class:`CategoryModel`, all six.
        weights: category id to its weight in the overall score; not negative, in the guideline model those of the profile.
        intercept: of the overall score; 0 in the guideline model.
        limit: points that the overall score may lie above the worst category; None: no limit.
        profile: the curves that item scores are read from, and what counts.
        provenance: where the model came from, plain sentences by key.
        prediction_sd: category id, or "overall", to the SD of readers' mean scores about the model's in scans that took no part in
            the fit; empty in the guideline model, which predicts no readers.

    Raises:
        ModelError: a model that contradicts itself or the hierarchy.
    """

    id: str
    name: str
    kind: ModelKind
    categories: Mapping[str, CategoryModel]
    weights: Mapping[str, float]
    intercept: float = 0.0
    limit: float | None = LIMIT_POINTS
    profile: Profile = DEFAULT
    provenance: Mapping[str, str] = field(default_factory=dict)
    prediction_sd: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._validate()
        order = [c.id for c in CATEGORIES]
        for name, content in (
            ("categories", {c: self.categories[c] for c in order}),
            ("weights", {c: self.weights[c] for c in order}),
            ("provenance", dict(self.provenance)),
            ("prediction_sd", {t: self.prediction_sd[t] for t in (*order, OVERALL) if t in self.prediction_sd}),
        ):
            object.__setattr__(self, name, MappingProxyType(content))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through plain dicts (for worker processes): read-only views cannot be pickled."""
        rest = (
            dict(self.weights),
            self.intercept,
            self.limit,
            self.profile,
            dict(self.provenance),
            dict(self.prediction_sd),
        )
        return ScoringModel, (self.id, self.name, self.kind, dict(self.categories), *rest)

    def _validate(self) -> None:
        where = f'The scoring model "{self.name}"'
        if not self.id or not self.name:
            raise ModelError("The scoring model needs an id and a name.")
        if self.kind not in MODEL_KINDS:
            raise ModelError(f'{where} is of the unknown kind "{self.kind}"; use one of {", ".join(MODEL_KINDS)}.')
        for title, mapping in (("categories", self.categories), ("weights", self.weights)):
            if set(mapping) != set(CATEGORY_BY_ID):
                raise ModelError(f"{where} must have {title} for exactly {', '.join(CATEGORY_BY_ID)}.")
        for category, model in self.categories.items():
            if not abs(model.intercept) <= LARGEST:
                raise ModelError(f'{where} has an intercept of "{category}" that is no number up to {LARGEST:g}.')
            if len({(t.iqm, t.feature) for t in model.terms}) < len(model.terms):
                raise ModelError(f'{where} has the same feature twice in "{category}".')
            for term in model.terms:
                self._validate_term(where, category, term)
        if any(not 0 <= w <= LARGEST for w in self.weights.values()) or not any(self.weights.values()):
            raise ModelError(f"{where} has weights that are negative, no numbers up to {LARGEST:g}, or all 0.")
        if not abs(self.intercept) <= LARGEST:
            raise ModelError(f"{where} has an intercept of the overall score that is no number up to {LARGEST:g}.")
        if self.limit is not None and not 0 <= self.limit <= 100:
            raise ModelError(f"{where} has a limit above the worst category that is not from 0 to 100 points.")
        if set(self.prediction_sd) - {*CATEGORY_BY_ID, OVERALL} or any(
            not 0 <= sd <= 100 for sd in self.prediction_sd.values()
        ):
            raise ModelError(f"{where} has errors of prediction that are of no score, or no numbers from 0 to 100.")
        for category, weight in self.weights.items():
            if weight > 0 and not self.profile.scored(category):
                raise ModelError(
                    f'{where} weighs "{category}", of which the profile "{self.profile.name}" leaves out everything.'
                )

    def _validate_term(self, where: str, category: str, term: Term) -> None:
        if term.feature not in FEATURES:
            raise ModelError(
                f'{where} uses the unknown feature "{term.feature}" of "{term.iqm}"; use one of {", ".join(FEATURES)}.'
            )
        if term.feature == WORST:
            if term.iqm != category:
                raise ModelError(f'{where} uses the worst item of "{term.iqm}" in the category "{category}".')
        elif term.iqm not in IQM_BY_ID or IQM_BY_ID[term.iqm].category != category:
            raise ModelError(f'{where} uses "{term.iqm}", which is no metric of the category "{category}".')
        elif term.iqm in self.profile.left_out:
            raise ModelError(f'{where} uses "{term.iqm}", which the profile "{self.profile.name}" leaves out.')
        if not abs(term.coefficient) <= LARGEST:
            raise ModelError(f'{where} has a coefficient of "{term.iqm}" that is no number up to {LARGEST:g}.')
