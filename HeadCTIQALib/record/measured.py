"""Between the measurements of a scan and what its record says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from HeadCTIQALib.curve import range_words
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.metrics.advice import Advice, advice
from HeadCTIQALib.metrics.types import Evidence, Measurement
from HeadCTIQALib.volume.types import Acquisition

from .base import like
from .judged import AdviceEntry, EvidenceEntry, IqmEntry, Ranges
from .rounding import DECIMALS
from .scan import AcquisitionEntry
from .types import Record

if TYPE_CHECKING:
    from HeadCTIQALib.scoring import Profile


def measurements_from_record(record: Record) -> dict[str, Measurement]:
    """The measurements in a record, e.g. to score them by another model without scan or findings."""
    return measurements_of(record.iqms)


def original_measurements(record: Record) -> dict[str, Measurement]:
    """The ten measurements before any edit."""
    return measurements_of({**record.iqms, **(record.review.original.iqms if record.review else {})})


def measurements_of(iqms: Mapping[str, IqmEntry]) -> dict[str, Measurement]:
    """The measurements in entries of a record, by the ids of the IQMs."""
    return {
        id_: Measurement(
            id_, value=e.value, status=e.status, reason=e.reason, method=e.method, details=dict(e.details), flags=e.flags,
            evidence=None if e.evidence is None else evidence_of(e.evidence), bound=e.bound, judged=e.judged, ceiling=e.ceiling,
            ceiling_reason=e.ceiling_reason, quantiles=e.quantiles,
        )
        for id_, e in iqms.items()
    }  # fmt: skip


def evidence_of(entry: EvidenceEntry) -> Evidence:
    """Where to look, as a measurement says it."""
    return Evidence(**{name: getattr(entry, name) for name in entry.__struct_fields__})


def acquisition_of(entry: AcquisitionEntry) -> Acquisition:
    """The acquisition of a volume, as a record keeps it."""
    return Acquisition(**{f.name: getattr(entry, f.name) for f in fields(Acquisition)})


def iqm_entry(measurement: Measurement, profile: Profile) -> IqmEntry:
    """One measurement as the record keeps it, with the score of its item by ``profile``."""
    from HeadCTIQALib.scoring import item

    iqm, knots = IQM_BY_ID[measurement.iqm], profile.knots[measurement.iqm]
    scored = item(measurement.iqm, measurement, profile)
    told = Advice() if scored.left_out else advice(measurement, knots, scored.judged, profile.baseline_target_deg)
    return IqmEntry(
        value=measurement.value,
        interval=measurement.interval,
        quantiles=measurement.quantiles,
        unit=iqm.unit,
        status=measurement.status,
        reason=measurement.reason,
        band=scored.band,
        score=points(scored.score),
        at_least=round(scored.at_least, DECIMALS),
        at_most=round(scored.at_most, DECIMALS),
        score_interval=_ends(scored.interval),
        scored=not scored.left_out,
        bound=measurement.bound,
        judged=measurement.judged,
        read_at=scored.judged,
        ceiling=measurement.ceiling,
        ceiling_reason=measurement.ceiling_reason,
        advice=like(AdviceEntry, told),
        knots=knots,
        method=measurement.method,
        details=dict(measurement.details),
        flags=measurement.flags,
        evidence=None if measurement.evidence is None else like(EvidenceEntry, measurement.evidence),
        title=iqm.title,
        symbol=iqm.symbol,
        category=iqm.category,
        item=iqm.item,
        item_title=iqm.item_title,
        direction=iqm.direction,
        ranges=Ranges(**range_words(knots)),
        definition=iqm.definition,
        source=iqm.source,
    )


def points(score: float | None) -> float | None:
    """A score to the record's decimals also where all else is kept to more: its last ones change with those of the value."""
    return None if score is None else round(score, DECIMALS)


def _ends(interval: Sequence[float] | None) -> tuple[float, float] | None:
    """An interval of points to the record's decimals, as :func:`points`."""
    return None if interval is None else (round(interval[0], DECIMALS), round(interval[1], DECIMALS))
