"""What a study's report says before the results: what was simulated, beside the published figures, and what follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from HeadCTIQALib.cohort.calibrate import Calibration
from HeadCTIQALib.cohort.evaluation import Agreement, Evaluation, Part
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.report.evaluation import words
from HeadCTIQALib.report.evaluation_tables import title_of
from HeadCTIQALib.report.html import Html, table, tag

from .design import Design

SHOWS = (
    "That the whole chain works end to end on scans it has never seen: reading, networks, measuring, fitting to readers, scoring.",
    ("How far measurement errors of HeadCTIQA and readers' own disagreement carry through to scores, on scanners, kernels, slice thicknesses and patients "
    "other than those of the fit."),
)
SHOWS_NOT = (
    "How the networks do on patients: the scans are drawn by formulas, and the networks were trained on such drawings too. Simulated scans are easier than real ones.",
    "How real readers score: these see the true values, with errors of an assumed size, and share one idea of quality.",
    "Anything about diagnosis, dose or treatment.",
)


def lead(design: Design, e: Evaluation, calibration: Calibration, truths: Mapping[str, Mapping[str, Any]]) -> Html:
    """The first sections of the report."""
    scans, refused = len(truths), Counter(t["refused"] for t in truths.values() if t["refused"])
    cpu = [sum(t["cpu_seconds"].values()) for t in truths.values()]
    facts = [
        f"{design.centres[0].scans} simulated scans of one centre, {len(calibration.calibration)} of them fitted to and {len(calibration.test)} kept apart; "
        + ", ".join(f"{c.scans} of {c.name}" for c in design.centres[1:]) + " with other scanners, kernels, thicknesses and patients.",
        f"{design.readers} simulated readers, who know the true values and never see a measurement; their errors are described in HeadCTIQALib/study/readers.py.",
        f"{scans} scans took {sum(cpu) / 3600:.2f} CPU hours, {sum(cpu) / max(1, scans):.1f} CPU seconds a scan on average.",
        *(f"Refused, {n} of {scans} scans: {reason}" for reason, n in refused.items()),
        *(f"About the fit: {r}" for r in calibration.fit.reasons_not_to_use),
    ]  # fmt: skip
    return tag(
        "section",
        tag("p", "SIMULATED READERS AND SCANS. No patient and no radiologist took part; these numbers are no clinical validation.", class_="banner simulated"),
        tag("h2", "What was done"),
        tag("ul", *(tag("li", f) for f in facts)),
        tag("h2", "Beside the published figures"),
        _beside(e),
        tag("h2", "What this shows"),
        tag("ul", *(tag("li", s) for s in SHOWS)),
        tag("h2", "What it does not show"),
        tag("ul", *(tag("li", s) for s in SHOWS_NOT)),
        id="study",
    )


def _beside(e: Evaluation) -> Html:
    test = next((p for p in e.parts if p.role == "test"), None)
    outside = next((p for p in reversed(e.parts) if p.role == "external"), None)
    rows: list[tuple[object, ...]] = [
        ("Metrics against readers, ICC", "0.87 to 0.99", _icc_range(e, test), _icc_range(e, outside)),
        ("Scores against readers, paired t-test", "no significant difference", _differences(e, test), _differences(e, outside)),
        ("Overall score, Bland-Altman bias", "no systematic bias", _bias(e, test), _bias(e, outside)),
    ]
    head = ("", "Reference paper (patients, radiologists)", f"Here: test{_count(test)}", f"Here: external{_count(outside)}")
    return table(head, rows, "Published figures and this simulation: beside each other, not to be compared as equals")


def _count(part: Part | None) -> str:
    return "" if part is None else f", {len(part.rows)} scans"


def _icc_range(e: Evaluation, part: Part | None) -> str:
    found = [a for a in e.measurements if a.part == part and a.icc.value is not None]
    if not found:
        return "–"
    low, high = (f(found, key=lambda a: a.icc.value or 0.0) for f in (min, max))
    return f"{words(low.icc)} for {IQM_BY_ID[low.target].title} to {words(high.icc)} for {IQM_BY_ID[high.target].title}"


def _differences(e: Evaluation, part: Part | None) -> str:
    found = [a for a in e.scores if a.part == part and a.test.p is not None]
    if not found:
        return "–"
    seen = [f"{title_of(a.target)} {words(a.test.difference)}" for a in found if a.test.p is not None and a.test.p < 0.05]
    shown = sum(a.tost is not None and bool(a.tost.equivalent) for a in found)
    text = f"p < .05 for {'; '.join(seen)}" if seen else "none at p < .05"
    return f"{text}. Shown equivalent within ±{e.margin:g} points: {shown} of {len(found)} scores"


def _bias(e: Evaluation, part: Part | None) -> str:
    found: Agreement | None = next((a for a in e.scores if a.part == part and a.target == "overall"), None)
    return "–" if found is None else f"{words(found.limits.bias)} points"
