"""An assessment as one row of a table."""

from __future__ import annotations

from typing import Any

from HeadCTIQALib.record import Record
from HeadCTIQALib.record.base import Interval


def table_row(record: Record) -> dict[str, Any]:
    """Verdict, scores, values, status and advice by public id; empty where there is none."""
    overall = record.overall
    row: dict[str, Any] = {"scan": record.input.name, "sha256": record.input.sha256, "created": record.created}
    row["verdict"] = record.verdict.sentence
    row |= {"overall": overall.score, **_interval("overall", overall.interval)}
    row |= {"overall_at_least": overall.at_least, "overall_at_most": overall.at_most}
    for id_, category in record.categories.items():
        row |= {f"score_{id_}": category.score, **_interval(f"score_{id_}", category.interval)}
    for id_, entry in record.iqms.items():
        row |= {id_: entry.value, **_interval(id_, entry.interval)}
        row |= {f"{id_}_bound": entry.bound, f"{id_}_status": entry.status, f"{id_}_score": entry.score}
        row |= _interval(f"{id_}_score", entry.score_interval)
        row |= {f"{id_}_band": entry.band, f"{id_}_advice": entry.advice.instruction}
    row |= {
        "scoring_model": record.scoring_model.name,
        "profile": record.profile.name,
        "error_model": record.error_model,
    }
    return row


def _interval(name: str, interval: Interval | None) -> dict[str, float | None]:
    """The ends of a 95 % interval as two columns."""
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}
