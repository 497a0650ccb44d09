"""An assessment as a tree for the terminal: verdict, categories, items, metrics, contributions, reasons and warnings."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from HeadCTIQALib.curve import score_text
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.judged import IqmEntry, Scored
from HeadCTIQALib.report.record import (
    MINUS,
    AnyScored,
    band_text,
    certain_range,
    judged_words,
    limit_row,
    notes,
    points_by_source,
    score_spread,
    score_words,
    value_interval,
)

_BAR = 20
_TITLE = 41
_METRIC = 47
_INTERVAL = 8
_WORDS = 26


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters that a tree is drawn with."""

    branch: str
    last: str
    stem: str
    full: str
    empty: str


UNICODE = Glyphs("├─ ", "└─ ", "│  ", "█", "░")
ASCII = Glyphs("|- ", "`- ", "|  ", "#", ".")


def glyphs_for(encoding: str | None) -> Glyphs:
    """Line-drawing characters if ``encoding`` has them, else ASCII."""
    try:
        "".join((UNICODE.branch, UNICODE.last, UNICODE.stem, UNICODE.full, UNICODE.empty)).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def as_text(record: Record, folder: Path | None = None, glyphs: Glyphs | None = None) -> str:
    """The record of one assessment as a tree, the verdict first, with where its report is."""
    g = glyphs or glyphs_for(sys.stdout.encoding)
    overall = record.overall
    lines = [
        record.input.name,
        f"scored by: {record.scoring_model.name}; profile: {record.profile.name}",
        "",
    ]
    if overall.interval is not None:
        lines[1:2] = [lines[1], f"in brackets: 95 % intervals (error model {record.error_model})"]
    lines += [record.verdict.sentence, "", _score_line("Overall", overall, g), *_withheld(overall, "")]
    if limit := limit_row(record):
        lines.append(f"   {limit[2].rstrip('.')}: {limit[1]:+.1f} points")
    categories = list(record.categories.items())
    for n, (id_, category) in enumerate(categories):
        at_end = n == len(categories) - 1
        stem = "   " if at_end else g.stem
        lines.append((g.last if at_end else g.branch) + _score_line(category.title, category, g, _TITLE - 3))
        lines += _withheld(category, stem)
        points = points_by_source(category.contributions)
        items = [(i, m) for i, m in record.iqms.items() if m.category == id_]
        for k, (iqm, entry) in enumerate(items):
            last = k == len(items) - 1
            lines += _item_lines(
                iqm, entry, points.get(iqm), stem, g.last if last else g.branch, stem + ("   " if last else g.stem), g
            )
    if told := notes(record):
        lines += ["", "Warnings", *(f"  - {sentence}" for sentence in told)]
    lines.append("")
    if folder is not None:
        lines.append(f"Report: {folder / 'report.html'}")
    return "\n".join([*lines, record.research_use]) + "\n"


def value_text(iqm: str, entry: IqmEntry) -> str:
    """What was measured as printed, e.g. "at most -20.0 mm" or "7.1 HU, judged as 4.4 HU at 5 mm"; never rounded into another band."""
    m = IQM_BY_ID[iqm]
    if entry.value is None:
        return "not assessable"
    bound = "" if entry.bound is None else f"{entry.bound.replace('_', ' ')} "
    spread = value_interval(entry, m).replace(MINUS, "-")
    return f"{bound}{_in_unit(m.text(entry.value, entry.knots), m.unit)}{spread}{judged_words(entry, m, _in_unit)}"


def _in_unit(number: str, unit: str) -> str:
    return number if unit == "1" else f"{number} {unit}"


def _score_line(title: str, entry: Scored, g: Glyphs, width: int = _TITLE) -> str:
    score = entry.score
    if score is None:
        most = certain_range(entry)[1]
        known = f", at most {score_text(most)}" if most < 100 else ""
        return f"{title:<{width}}  withheld{known}"
    filled = round(_BAR * score / 100)
    return f"{_number(title, entry, width)}  {_spread(entry)}  {g.full * filled}{g.empty * (_BAR - filled)}  {band_text(entry)}"


def _number(title: str, entry: AnyScored, width: int) -> str:
    """A title and its score, which ends in one column whether or not it is a bound."""
    words = score_words(entry, 1)
    return f"{title}{words:>{max(1 + len(words), width + 7 - len(title))}}"


def _spread(entry: AnyScored) -> str:
    """The interval of a score in a column of its own."""
    spread = score_spread(entry, "-")
    return f" {f'({spread})' if spread else '':<{_INTERVAL}}"


def _withheld(entry: Scored, indent: str) -> list[str]:
    return [f"{indent}   withheld: {entry.withheld_reason}"] if entry.score is None and entry.withheld_reason else []


def _item_lines(
    iqm: str, entry: IqmEntry, points: float | None, stem: str, branch: str, below: str, g: Glyphs
) -> list[str]:
    """The line of one item, below it that of its metric, and below that reason, flags and advice."""
    item, metric = f"{stem}{branch}{entry.item_title}", f"{below}{g.last}{entry.title}"
    if entry.value is None:
        return [f"{item:<{_TITLE}}  not assessable", f"{metric:<{_METRIC}} {entry.reason}"]
    if entry.scored:
        lost = "" if points is None else f"{points + 0.0:+.1f} points" if round(points, 1) else "no points lost"
        line = f"{_number(item, entry, _TITLE)}{_spread(entry)}  {band_text(entry):<{_WORDS}}  {lost}"
    else:
        line = f"{item:<{_TITLE}}  not scored by this profile"
    said = f"{metric:<{_METRIC}} {value_text(iqm, entry)}" + (f"  {entry.band}" if entry.scored else "")
    if entry.status == "corrected":
        said += f"  corrected: {entry.reason}"
    told = [*([entry.ceiling_reason] if entry.ceiling_reason else []), *entry.flags]
    advice = [entry.advice.instruction, entry.advice.counterfactual]
    return [
        line.rstrip(),
        said,
        *(f"{below}     ! {flag}" for flag in told),
        *(f"{below}     > {sentence}" for sentence in advice if sentence),
    ]
