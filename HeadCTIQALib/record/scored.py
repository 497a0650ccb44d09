"""Between the scores of a scan and what its record says of them; scoring a record by another model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID, IQMS
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.metrics.uncertainty import error_model
from HeadCTIQALib.scoring import Contribution, Score, Scores, ScoringModel, score
from HeadCTIQALib.scoring.storage import from_json
from HeadCTIQALib.scoring.storage import to_json as definition_of

from .base import like
from .judged import CategoryEntry, ContributionEntry, LimitEntry, Overall, ProfileEntry, VerdictEntry
from .measured import iqm_entry, measurements_from_record, original_measurements, points
from .reviewed import OriginalScores
from .rounding import rounded
from .types import Record, ScoringModelEntry


def scored_parts(measurements: Mapping[str, Measurement], scores: Scores, model: ScoringModel) -> dict[str, Any]:
    """The fields of a record that depend on the scoring model and its profile."""
    overall = scores.overall
    return {
        "verdict": like(VerdictEntry, scores.verdict),
        "profile": like(ProfileEntry, model.profile),
        "overall": Overall(
            **_score(overall),
            contributions_by_iqm=_contributions(overall.contributions_by_iqm),
            base_by_iqm=overall.base_by_iqm,
            limit=_limit(overall.limit),
        ),
        "categories": {
            c.id: CategoryEntry(title=c.title, weight=model.weights[c.id], **_score(scores.categories[c.id]))
            for c in CATEGORIES
        },
        "iqms": {m.id: iqm_entry(measurements[m.id], model.profile) for m in IQMS},
        "scoring_model": ScoringModelEntry(
            id=model.id,
            name=model.name,
            kind=model.kind,
            provenance=dict(model.provenance),
            definition=definition_of(model),
        ),
        "error_model": error_model().version,
    }


def rescored_record(record: Record, scores: Scores, model: ScoringModel) -> Record:
    """``record`` with the scores of another model and that model, everything else as it was."""
    parts = scored_parts(measurements_from_record(record), scores, model)
    if record.review:
        # the scores that the measurements before any correction have by the other model
        before, original = original_measurements(record), record.review.original
        again = msgspec.structs.replace(
            original,
            iqms={id_: iqm_entry(before[id_], model.profile) for id_ in original.iqms},
            scores=scores_only(score(before, model)),
        )
        parts["review"] = msgspec.structs.replace(record.review, original=again)
    return rounded(msgspec.structs.replace(record, **parts))


def scores_only(scores: Scores) -> OriginalScores:
    """Bare numbers: overall and by category, None where withheld."""
    by_category = {c: points(s.score) for c, s in scores.categories.items()}
    return OriginalScores(overall=points(scores.overall.score), categories=by_category)


def model_of(record: Record) -> ScoringModel:
    """The scoring model that a record was scored by, as the record itself describes it.

    Raises:
        ModelError: the description is damaged.
    """
    return from_json(record.scoring_model.definition)


def _score(scored: Score) -> dict[str, Any]:
    names = ("score", "interval", "band", "withheld_reason", "at_least", "at_most", "base")
    return {name: getattr(scored, name) for name in names} | {"contributions": _contributions(scored.contributions)}


def _contributions(contributions: Iterable[Contribution]) -> tuple[ContributionEntry, ...]:
    return tuple(like(ContributionEntry, c) for c in contributions)


def _limit(limit: Contribution | None) -> LimitEntry | None:
    if limit is None:
        return None
    title = IQM_BY_ID[limit.source_id].item_title
    sentence = f"Limited by {title[:1].lower()}{title[1:]}."
    return LimitEntry(points=limit.points, iqm=limit.source_id, sentence=sentence)
