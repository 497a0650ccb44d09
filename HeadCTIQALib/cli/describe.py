"""The quality hierarchy in words, from the table itself."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from HeadCTIQALib import RESEARCH_USE
from HeadCTIQALib.curve import BAND_ACCEPTABLE, BAND_GOOD
from HeadCTIQALib.hierarchy import CATEGORIES, LIMIT_POINTS, iqms_of
from HeadCTIQALib.resources import resource

NOTE = (
    "The hierarchy is a reconstruction: the reference paper publishes its shape (6 categories, 10 items, 10 metrics) only. "
    "Every curve names its source or says that it is an inference."
)


def as_json() -> str:
    """The whole table as JSON text, keyed by the public ids."""
    categories: list[dict[str, Any]] = [
        {
            "id": category.id,
            "title": category.title,
            "weight": category.weight,
            "iqms": [
                {
                    "id": iqm.id,
                    "symbol": iqm.symbol,
                    "title": iqm.title,
                    "unit": iqm.unit,
                    "item": iqm.item,
                    "item_title": iqm.item_title,
                    "direction": iqm.direction,
                    "definition": iqm.definition,
                    "knots": [list(knot) for knot in iqm.knots],
                    "ranges": dict(zip(("good", "acceptable", "poor"), iqm.ranges, strict=True)),
                    "source": iqm.source,
                    "correction": iqm.correction,
                }
                for iqm in iqms_of(category.id)
            ],
        }
        for category in CATEGORIES
    ]
    bands = {"good": BAND_GOOD, "acceptable": BAND_ACCEPTABLE}
    return (
        json.dumps(
            {"note": NOTE, "research_use": RESEARCH_USE, "score_bands_from": bands, "categories": categories}, indent=1
        )
        + "\n"
    )


def as_text(width: int = 100) -> str:
    """The whole table as text of ``width`` columns."""
    lines = textwrap.wrap(NOTE, width)
    lines += textwrap.wrap(
        f"Scores run from 0 to 100: good from {BAND_GOOD:g}, acceptable from {BAND_ACCEPTABLE:g}, poor below. The curve of a metric gives the score "
        f"of its item (value: score; linear between, flat outside). In the guideline model a category is its worst item, and the overall score is "
        f"the weighted mean of the categories, at most {LIMIT_POINTS:g} points above the worst of them.",
        width,
    )
    lines += textwrap.wrap(
        "Numbers in brackets beside a value or score are 95 % intervals: the true one lies between in about 95 of 100 scans. Where an interval reaches into another "
        f'band the words say so ("poor, close to acceptable"). Error model {json.loads(resource("Uncertainty", "errors.json").read_text(encoding="utf-8"))["version"]}.',
        width,
    )
    lines.append("")
    for category in CATEGORIES:
        lines.append(f"{category.title}  [{category.id}]  weight {category.weight:.0%}")
        for iqm in iqms_of(category.id):
            unit = "" if iqm.unit == "1" else f" {iqm.unit}"
            good, acceptable, poor = iqm.ranges
            lines.append(f"  {iqm.title}, {iqm.symbol}{f' in{unit}' if unit else ''}  [{iqm.id}]")
            for label, text in (
                ("item", f"{iqm.item_title}  [{iqm.item}]"),
                ("definition", iqm.definition),
                ("curve", "  ".join(f"{x:g}: {y:g}" for x, y in iqm.knots)),
                ("ranges", f"good {good} | acceptable {acceptable} | poor {poor}{f'  ({iqm.unit})' if unit else ''}"),
                ("source", iqm.source),
                ("correct by", iqm.correction),
            ):
                lines += textwrap.wrap(text, width, initial_indent=f"    {label + ':':<12}", subsequent_indent=" " * 16)
        lines.append("")
    return "\n".join([*lines, RESEARCH_USE]) + "\n"
