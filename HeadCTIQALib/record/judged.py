"""What a record says of measurements and scores."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from .base import (
    CATEGORY_IDS,
    IQM_IDS,
    AtLeast,
    AtMost,
    Band,
    CategoryId,
    Index,
    Interval,
    Part,
    Point,
    Points,
    Text,
    require,
    says,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Mapping
else:
    from .base import by_id

Quantiles = Annotated[tuple[float, ...], Meta(min_length=9, max_length=9)]


class ContributionEntry(Part, frozen=True, kw_only=True):
    """A part of a score: score = base + sum of points; points = coefficient * feature_value."""

    source_id: Annotated[
        str,
        says(
            "id of the IQM or category that the points come from; of the limit above the worst category, the IQM that limits"
        ),
    ]
    points: Annotated[float, says("what it adds to the score", "points")]
    coefficient: float
    feature: str
    feature_value: Annotated[float, says("scores enter as what they lack to 100, so that an ideal scan loses nothing")]


Score = Annotated[Points | None, says("0-100, higher is better; null when withheld", "points")]
ScoreInterval = Annotated[
    Interval | None,
    says("95 % interval of the score of the true values, whatever is unknown; null where no error is known", "points"),
]
WithheldReason = Annotated[str, says("why there is no score; empty otherwise")]
Base = Annotated[float, says("score of an ideal scan", "points")]


class LimitEntry(Part, frozen=True, kw_only=True):
    """What the limit above the worst category takes, and which item it is."""

    points: Annotated[float, Meta(le=0)]
    iqm: str
    sentence: Text


class Overall(Part, frozen=True, kw_only=True):
    """The overall score with what it is made of, or the reason why it is withheld."""

    score: Score
    interval: ScoreInterval
    band: Band | None
    withheld_reason: WithheldReason
    at_least: AtLeast
    at_most: AtMost
    base: Base
    contributions: tuple[ContributionEntry, ...]
    contributions_by_iqm: Annotated[tuple[ContributionEntry, ...], says("the overall score read back to the IQMs")]
    base_by_iqm: float
    limit: Annotated[LimitEntry | None, says("null where the limit above the worst category takes nothing")]

    def __post_init__(self) -> None:
        _require_score_or_reason(self)

    @property
    def score_interval(self) -> Interval | None:
        """The interval of the score, named as in an IQM."""
        return self.interval


class CategoryEntry(Part, frozen=True, kw_only=True):
    """A category's score with what it is made of, or the reason why it is withheld."""

    title: str
    weight: Annotated[float, says("share of the overall score in the scoring model used", "1")]
    score: Score
    interval: ScoreInterval
    band: Band | None
    withheld_reason: WithheldReason
    at_least: AtLeast
    at_most: AtMost
    base: Base
    contributions: tuple[ContributionEntry, ...]

    def __post_init__(self) -> None:
        _require_score_or_reason(self)

    @property
    def score_interval(self) -> Interval | None:
        """The interval of the score, named as in an IQM."""
        return self.interval


Scored = Overall | CategoryEntry


def _require_score_or_reason(entry: Scored) -> None:
    require((entry.band is None) == (entry.score is None), "band")
    require(entry.score is not None or entry.withheld_reason != "", "withheld_reason")
    require(is_ordered(entry.interval), "interval")


class VerdictEntry(Part, frozen=True, kw_only=True):
    """What can be said with certainty, whatever the value of what is unknown."""

    band: Band | None
    at_least: AtLeast
    at_most: AtMost
    limiting: Annotated[tuple[str, ...], says("ids of the IQMs whose items are below good, the worst first")]
    sentence: Text
    brain_complete: Annotated[bool | None, says("whether the scan holds the whole brain; null where that is not known")]


class ProfileEntry(Part, frozen=True, kw_only=True):
    """What the scan was judged by; in full in the definition of the scoring model."""

    id: Text
    name: Text


class AdviceEntry(Part, frozen=True, kw_only=True):
    """What the technologist can do, and which value would reach the next band; empty where it is good, unknown or not scored."""

    instruction: str
    counterfactual: str


class Ranges(Part, frozen=True, kw_only=True):
    """The bands in words."""

    good: str
    acceptable: str
    poor: str


class EvidenceEntry(Part, frozen=True, kw_only=True):
    """Where in the images a reader sees what was measured."""

    view: Literal["axial", "coronal", "sagittal"]
    slice_index: Annotated[Index | None, says("native slice, 0 = lowest")]
    window: Annotated[tuple[float, float], says("centre and width", "HU")]
    points: Annotated[dict[str, Point], says("named points", "mm, RAS")]
    lines: Annotated[tuple[tuple[Point, Point], ...], says("lines to draw", "mm, RAS")]
    plane: Annotated[tuple[Point, Point] | None, says("origin and unit normal", "mm, RAS")]
    masks: tuple[str, ...]
    slices: Annotated[tuple[Index, ...], says("native slices concerned")]
    caption: str


class IqmEntry(Part, frozen=True, kw_only=True):
    """A measurement with the score of its item."""

    value: Annotated[
        Annotated[float, Meta(ge=-100000, le=100000)] | None, says("null exactly when not assessable", "unit")
    ]
    interval: Annotated[
        Interval | None,
        says(
            "95 % interval of the true value; null where it is not known: a bound, a corrected value, nothing measured",
            "unit",
        ),
    ]
    quantiles: Annotated[
        Quantiles | None,
        says("of what the true value can be, at the levels 0, 0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975 and 1", "unit"),
    ]
    unit: str
    status: Literal["measured", "corrected", "not_assessable"]
    reason: str
    band: Band | None
    score: Annotated[
        Points | None,
        says(
            "score of the item, read off the knots at read_at, at most the ceiling; null when not assessable", "points"
        ),
    ]
    at_least: AtLeast
    at_most: AtMost
    score_interval: Annotated[
        Interval | None, says("95 % interval of the item's score; null where that of the value is not known", "points")
    ]
    scored: Annotated[bool, says("false where the profile shows the item without scoring it")]
    bound: Annotated[
        Literal["at_most", "at_least"] | None,
        says("the true value is at most, or at least, the value; null: it is the value"),
    ]
    judged: Annotated[
        float | None, says("value that is judged in place of value, e.g. of 5 mm slices; null: value itself", "unit")
    ]
    read_at: Annotated[float | None, says("value at which the curve was read by the profile in force", "unit")]
    ceiling: Annotated[Points, says("the most that the item can score, whatever the value", "points")]
    ceiling_reason: Annotated[str, says("why; empty exactly when the ceiling is 100")]
    advice: AdviceEntry
    knots: Annotated[
        tuple[tuple[float, float], ...],
        Meta(min_length=2),
        says("the quality curve as (value, score); linear between, flat outside", "(unit, points)"),
    ]
    method: Annotated[str, says("the variant that measured it")]
    details: Annotated[dict[str, float], says("further numbers, unit at the end of the name")]
    flags: Annotated[tuple[str, ...], says("sentences to weigh with the value")]
    evidence: EvidenceEntry | None
    title: str
    symbol: str
    category: CategoryId
    item: str
    item_title: str
    direction: Literal["low", "high", "margin"]
    ranges: Annotated[Ranges, says("in words, by the knots")]
    definition: str
    source: Annotated[str, says("of the ranges")]

    def __post_init__(self) -> None:
        known = self.status != "not_assessable"
        for name in ("value", "band", "score", "read_at"):
            require((getattr(self, name) is not None) == known, name)
        if not known:
            require(self.judged is None, "judged")
            require(self.bound is None, "bound")
            require(self.reason != "", "reason")
        require(is_ordered(self.interval) and is_ordered(self.score_interval), "interval")
        require(is_ordered(self.quantiles) and (known or self.quantiles is None), "quantiles")


def is_ordered(numbers: tuple[float, ...] | None) -> bool:
    """Whether no number is smaller than the one before it."""
    return numbers is None or all(b >= a for a, b in pairwise(numbers))


if TYPE_CHECKING:
    Iqms = Mapping[str, IqmEntry]
    SomeIqms = Mapping[str, IqmEntry]
    Categories = Mapping[str, CategoryEntry]
    CategoryScores = Mapping[str, float | None]
else:
    Iqms = by_id("Iqms", IqmEntry, IQM_IDS)
    SomeIqms = by_id("SomeIqms", IqmEntry, IQM_IDS, optional=True)
    Categories = by_id("Categories", CategoryEntry, CATEGORY_IDS)
    CategoryScores = by_id("CategoryScores", Points | None, CATEGORY_IDS)
