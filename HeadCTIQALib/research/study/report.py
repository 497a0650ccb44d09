"""What a study says before the results: what was simulated, beside the published figures, and what follows.

The same sentences and rows stand in the report (HTML, :func:`lead`) and in the documentation (:mod:`.document`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from HeadCTIQALib.cohort.calibrate import Calibration
from HeadCTIQALib.cohort.evaluation import Agreement, Evaluation, Part
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.report.evaluation import words
from HeadCTIQALib.report.evaluation_cells import title_of
from HeadCTIQALib.report.html import Html, table, tag

from .design import Design
from .limit import cross_validated, in_words, with_and_without
from .scan import CpuSeconds, Outcome

Outcomes = Mapping[str, Outcome]
LABEL = (
    "SIMULATED READERS AND SCANS. No patient and no radiologist took part; these numbers are no clinical validation."
)
SHOWS = (
    "That the whole chain works from DICOM files to the report on scans it has never seen: reading, networks, measuring, fitting to readers, scoring, evaluating.",
    (
        "How far HeadCTIQA's errors of measuring and the readers' own disagreement carry through to scores, on scanners, kernels, slice thicknesses and patients "
        "other than those of the fit."
    ),
    (
        "How well a straight line per category, and a weighted mean with or without a limit, imitate readers who think in neither, each of whom lets one ruined category decide "
        "in another way."
    ),
)
SHOWS_NOT = (
    (
        "How the networks do on patients: the scans are drawn by formulas, and the networks learned from drawings of the same kind (other heads, other seeds). "
        "Simulated scans are easier than real ones."
    ),
    (
        "How real readers score: these see the true values, with errors of an assumed size, and tastes that were made up for them. Other sizes would have given other "
        "agreement, and in some reports radiologists agree far less (Fleiss kappa 0.12 on distorted MR images, doi:10.1186/s12880-020-00505-z)."
    ),
    "That HeadCTIQA does as well as the system of the reference paper: categories, metrics and limits are a reconstruction, and neither its scans nor its readers were used.",
    "Anything about diagnosis, dose or treatment.",
)
BESIDE_HEAD = ("", "Reference paper (patients, radiologists)")
BESIDE = "Published figures and this simulation: beside each other, not to be compared as equals"


def lead(design: Design, e: Evaluation, calibration: Calibration, outcomes: Outcomes) -> Html:
    """The first sections of the report."""
    against = calibration.fit.reasons_not_to_use or ("Nothing speaks against it in these data.",)
    return tag(
        "section",
        _list("What was done", facts(design, e, calibration, outcomes)),
        tag("h2", "Beside the published figures"),
        table(beside_head(e), list(beside(e)), BESIDE),
        _list("With the limit above the worst category, and without", tuple(in_words(e, calibration))),
        cross_validated(calibration).html(),
        with_and_without(e, calibration).html(),
        _list("What this shows", SHOWS),
        _list("What it does not show", SHOWS_NOT),
        _list("What speaks against the fitted model", against),
        id="study",
    )


def _list(title: str, sentences: tuple[str, ...]) -> Html:
    return tag("div", tag("h2", title), tag("ul", *(tag("li", s) for s in sentences)))


def facts(design: Design, e: Evaluation, calibration: Calibration, outcomes: Outcomes) -> tuple[str, ...]:
    """What was done, in sentences."""
    inside, *outside = design.centres
    cpu = {k: sum(getattr(o.cpu_seconds, k) for o in outcomes.values()) for k in CpuSeconds.__struct_fields__}
    n = len(outcomes)
    return (
        f"{inside.scans} simulated scans of one centre, {len(calibration.calibration)} of them fitted to and {len(calibration.test)} kept apart; "
        + ", ".join(f"{c.scans} of {c.name}" for c in outside)
        + f" with other scanners, kernels, thicknesses and patients. Slices have {design.matrix} x {design.matrix} pixels and were written and read as DICOM.",
        f"{design.readers} simulated readers, who know the true values and never see what HeadCTIQA measured; their errors and tastes are described in HeadCTIQALib/research/study/readers.py and judging.py.",
        (
            f"{n} scans took {sum(cpu.values()) / 3600:.2f} CPU hours: {cpu['simulation'] / n:.1f} CPU seconds a scan for simulating and "
            f"{cpu['assessment'] / n:.1f} for assessing, {sum(cpu.values()) / n:.1f} CPU seconds a scan together."
        ),
        *_not_assessed(outcomes),
        *_withheld(e),
    )


def _not_assessed(outcomes: Outcomes) -> Iterator[str]:
    n = len(outcomes)
    for kind, verb in (
        ("refused", "Refused by HeadCTIQA"),
        ("failed", "Failed by an error of the program, and missing below"),
    ):
        found = Counter(said for o in outcomes.values() if (said := getattr(o, kind)))
        yield from (f"{verb}, {count} of {n} scans: {reason}" for reason, count in found.items())
    if not any(o.refused or o.failed for o in outcomes.values()):
        yield f"No scan was refused and none failed (n = {n})."


def _withheld(e: Evaluation) -> Iterator[str]:
    """Overall scores that were not given, and the measurements that were missing; scans are counted once."""
    missing = Counter(i for s in e.scans for i, m in s.measurements.items() if m.value is None)
    withheld = sum(any(m.value is None for m in s.measurements.values()) for s in e.scans)
    if withheld:
        causes = ", ".join(f"{IQM_BY_ID[i].title} in {n}" for i, n in missing.most_common())
        yield f"The overall score was withheld for {withheld} of {len(e.scans)} assessed scans, for want of: {causes}. They are left out of its figures, not guessed."


def judged_parts(e: Evaluation) -> tuple[Part | None, Part | None]:
    """The scans kept apart, and all external ones together."""
    test = next((p for p in e.parts if p.role == "test"), None)
    return test, next((p for p in reversed(e.parts) if p.role == "external"), None)


def beside_head(e: Evaluation) -> tuple[str, ...]:
    """Column titles of :func:`beside`."""
    return *BESIDE_HEAD, *(
        f"Here: {name}{_count(p)}" for name, p in zip(("test", "external"), judged_parts(e), strict=True)
    )


def beside(e: Evaluation) -> Iterator[tuple[object, ...]]:
    """Rows: what, the reference paper's abstract, the test scans, the external scans."""
    parts = judged_parts(e)
    for what, published, words_of in (
        ("Metrics against readers, ICC", "0.87 to 0.99", _icc_range),
        ("Metrics and readers' scores, Pearson r", "significant for all ten", _correlations),
        ("Scores against readers, paired t-test", "no significant difference", _differences),
        ("Overall score, Bland-Altman bias", "no systematic bias", _bias),
        ("Overall score, ICC(A,1) and MAPE", "not in the abstract", _overall),
        ("Single readers among themselves, ICC(A,1)", "not in the abstract", _between),
    ):
        yield (what, published, *(words_of(e, p) for p in parts))


def _count(part: Part | None) -> str:
    return "" if part is None else f", {len(part.rows)} scans"


def _icc_range(e: Evaluation, part: Part | None) -> str:
    found = [a for a in e.measurements if a.part == part and a.icc.value is not None]
    if not found:
        return "–"
    low, high = (f(found, key=lambda a: a.icc.value or 0.0) for f in (min, max))
    return f"{words(low.icc)} for {IQM_BY_ID[low.target].title} to {words(high.icc)} for {IQM_BY_ID[high.target].title}"


def _correlations(e: Evaluation, part: Part | None) -> str:
    found = [c for c in e.correlations if c.part == part and c.category.low is not None and c.category.high is not None]
    clear = [c for c in found if (c.category.low or 0.0) * (c.category.high or 0.0) > 0]
    rest = [IQM_BY_ID[c.iqm].title for c in found if c not in clear]
    if not found:
        return "–"
    return f"with the category's score away from 0 for {len(clear)} of {len(found)}" + (
        f", not for {', '.join(rest)}" if rest else ""
    )


def _differences(e: Evaluation, part: Part | None) -> str:
    found = [a for a in e.scores if a.part == part and a.test.p is not None]
    if not found:
        return "–"
    seen = [
        f"{title_of(a.target)} {words(a.test.difference)}" for a in found if a.test.p is not None and a.test.p < 0.05
    ]
    shown = sum(a.tost is not None and bool(a.tost.equivalent) for a in found)
    text = f"p < .05 for {'; '.join(seen)}" if seen else "none at p < .05"
    return f"{text}. Shown equivalent within ±{e.margin:g} points: {shown} of {len(found)} scores"


def _of_overall(e: Evaluation, part: Part | None) -> Agreement | None:
    return next((a for a in e.scores if a.part == part and a.target == "overall"), None)


def _bias(e: Evaluation, part: Part | None) -> str:
    found = _of_overall(e, part)
    return "–" if found is None else f"{words(found.limits.bias)} points"


def _overall(e: Evaluation, part: Part | None) -> str:
    found = _of_overall(e, part)
    return "–" if found is None else f"{words(found.icc)}; MAPE {words(found.mape)} %"


def _between(e: Evaluation, part: Part | None) -> str:
    found = [b for b in e.between if b.part == part and b.single.value is not None and b.target not in IQM_BY_ID]
    if not found:
        return "–"
    low, high = (f(found, key=lambda b: b.single.value or 0.0) for f in (min, max))
    return f"scores: {words(low.single)} for {title_of(low.target)} to {words(high.single)} for {title_of(high.target)}"
