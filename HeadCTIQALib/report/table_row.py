"""An assessment as one row of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from HeadCTIQALib.hierarchy import CATEGORIES, IQMS


def table_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Verdict, scores, values, status and advice by public id; empty where there is none."""
    row: dict[str, Any] = {
        "scan": record["input"]["name"],
        "sha256": record["input"]["sha256"],
        "created": record["created"],
    }
    row["verdict"] = record["verdict"]["sentence"]
    row |= {"overall": record["overall"]["score"], **_interval("overall", record["overall"]["interval"])}
    row |= {f"overall_{end}": record["overall"][end] for end in ("at_least", "at_most")}
    for c in CATEGORIES:
        row |= {
            f"score_{c.id}": record["categories"][c.id]["score"],
            **_interval(f"score_{c.id}", record["categories"][c.id]["interval"]),
        }
    for m in IQMS:
        entry = record["iqms"][m.id]
        row |= {
            m.id: entry["value"],
            **_interval(m.id, entry["interval"]),
            **{f"{m.id}_{key}": entry[key] for key in ("bound", "status", "score")},
        }
        row |= {
            **_interval(f"{m.id}_score", entry["score_interval"]),
            f"{m.id}_band": entry["band"],
            f"{m.id}_advice": entry["advice"]["instruction"],
        }
    row |= {
        "scoring_model": record["scoring_model"]["name"],
        "profile": record["profile"]["name"],
        "error_model": record["error_model"],
    }
    return row


def _interval(name: str, interval: Sequence[float] | None) -> dict[str, float | None]:
    """The ends of a 95 % interval as two columns."""
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}
