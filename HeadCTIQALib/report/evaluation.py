"""The evaluation as a report: one HTML document, the tables as CSV, the figures as SVG, and everything as JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from HeadCTIQALib import RESEARCH_USE, __version__
from HeadCTIQALib.agreement import Estimate
from HeadCTIQALib.errors import OutputError
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.report.document import document
from HeadCTIQALib.report.evaluation_cells import Table, probability, title_of
from HeadCTIQALib.report.evaluation_figures import figures
from HeadCTIQALib.report.evaluation_json import as_json
from HeadCTIQALib.report.evaluation_tables import tables
from HeadCTIQALib.report.html import Html, number, table, tag
from HeadCTIQALib.report.plots import STYLE, standalone
from HeadCTIQALib.writing import check_writable, output_error, recover, starts_with, whole_folder

if TYPE_CHECKING:
    from HeadCTIQALib.cohort.evaluation import Agreement, Evaluation

REPORT = "evaluation.html"
FOR_PROGRAMS = "evaluation.json"
_OURS = re.compile(
    r"evaluation\.(html|json)|tables/(measurements|scores|bland_altman|correlations|readers|subgroups|scans)\.csv|figures/(cohorts|subgroups|metrics|scores|scatter|bland-altman)-[a-z0-9_-]+\.svg"
)
_ROLES = {
    "calibration": "the model was fitted to these; they show how well it fits, not how well it predicts",
    "test": "kept apart from the fit",
    "external": "from another cohort than the fit",
    "all": "no fit took place, or it is not known on which scans",
}
_SLOPE_MARGIN = (0.8, 1.25)  # slopes whose interval lies within are as good as 1
_STYLE = (
    STYLE
    + ".wide { font-size: .84rem; } .wide td { white-space: nowrap; } .fig { max-width: 100%; height: auto; } .figures .fig { flex: 0 0 auto; } .plain.wide th[scope=row] { width: auto; } #cohorts td:nth-child(2) { white-space: nowrap; min-width: 3rem; }"
)
_METHODS = (
    (
        "ICC(A,1), ICC(A,k), ICC(C,1)",
        "two-way random effects; absolute agreement of a single rater, of the mean of k raters, and consistency; McGraw & Wong 1996",
    ),
    (
        "Weighted kappa",
        "of readers on a scale of few steps: quadratic weights, Cohen 1968; interval by Fleiss, Cohen & Everitt 1969; mean over pairs of readers, Light 1971",
    ),
    (
        "MAD, MAE, MAPE",
        "mean absolute difference or error, and in percent of the readers' mean; t interval of the mean",
    ),
    ("Pearson r", "with Fisher's z interval"),
    ("Paired t-test", "two-sided, with the t interval of the mean difference"),
    ("Equivalence (TOST)", "two one-sided t-tests at .05 against the stated margin; Schuirmann 1987"),
    (
        "Bland-Altman",
        "bias and bias ± 1.96 SD; exact intervals of the limits by the noncentral t (Carkeet 2015); slope of the differences on the means",
    ),
    ("Calibration slope", "the readers' mean on HeadCTIQA by least squares, with its t interval; 1 is ideal"),
    ("Intervals", "95 %, for single comparisons; with many comparisons some miss by chance"),
)


def write_evaluation(
    e: Evaluation, folder: Path, title: str = "Evaluation against readers", label: str = "", lead: Html | None = None
) -> Path:
    """Write report, ``evaluation.json``, ``tables/*.csv`` and ``figures/*.svg`` as ``folder``, whole or not at all; returns the report's path.

    An older evaluation goes; other files in its folder stay.

    Args:
        label: what must be known before anything else, on top; whether scans are simulated when empty.
        lead: what a study says before the results.

    Raises:
        OutputError: ``folder`` holds other files, or cannot be written.
    """
    made, drawn = tables(e), figures(e)
    content = {f"tables/{t.key}.csv": t.csv() for t in made} | {
        f"figures/{key}.svg": standalone(drawing) for key, drawing in drawn.items()
    }
    content[FOR_PROGRAMS] = as_json(e)
    content[REPORT] = render_evaluation(e, made, drawn, title, label, lead)

    def permit() -> bool:
        check_folder(folder)
        return False

    check_folder(folder)
    with whole_folder(folder, _ours, permit) as part:
        for name, text in content.items():
            (part / name).parent.mkdir(exist_ok=True)
            (part / name).write_text(text, encoding="utf-8", errors="replace", newline="")
    return folder / REPORT


def check_folder(folder: Path) -> None:
    """Refuse a folder that is not ours to write into; what a killed run left of it is put in order.

    Raises:
        OutputError: it is a file, or holds files but no evaluation.
    """
    try:
        if folder.parent.is_dir():
            recover(folder, _ours)
        if folder.exists() and (
            not folder.is_dir() or (any(folder.iterdir()) and not starts_with(folder / REPORT, "<title>HeadCTIQA"))
        ):
            raise OutputError(f"The output {folder} exists and holds no evaluation; choose an empty or new folder.")
    except OSError as error:
        raise output_error(folder, error, "The output folder") from error
    check_writable(folder / REPORT)


def is_figures(folder: Path) -> bool:
    """Whether a folder holds figures of an evaluation and nothing else."""
    return folder.is_dir() and all(is_figure(p.name) for p in folder.iterdir() if not p.name.startswith("."))


def is_figure(name: str) -> bool:
    """Whether a file has the name of a figure of an evaluation."""
    return _ours(f"figures/{name}")


def _ours(name: str) -> bool:
    return _OURS.fullmatch(name) is not None


def render_evaluation(
    e: Evaluation,
    made: tuple[Table, ...],
    drawn: dict[str, Html],
    title: str,
    label: str = "",
    lead: Html | None = None,
) -> str:
    """The report as one document that fetches nothing; ``label`` and ``lead`` as in :func:`write_evaluation`."""
    by_key = {t.key: t for t in made}
    label = label or (
        "SIMULATED: scans in this evaluation were made by a computer and show no patients." if e.simulated else ""
    )
    body = tag(
        "body",
        tag(
            "header",
            tag("p", label, class_="banner simulated", role="note") if label else None,
            tag("p", tag("b", "HeadCTIQA"), f" {__version__}", class_="brand"),
            tag("h1", title),
            tag("p", f"Scoring model: {e.model.name} ({e.model.id}) · {len(e.scans)} scans · {_readers(e)} · {datetime.now(UTC):%Y-%m-%d}", class_="context"),
            tag("p", f"{RESEARCH_USE} Metrics and ranges are a reconstruction from published criteria.", class_="banner use", role="note"),
        ),
        tag(
            "main",
            lead,
            tag("section", tag("h2", "In short"), tag("ul", *(tag("li", s) for s in in_short(e))), id="short"),
            _notes(e),
            _cohorts(e, [v for k, v in drawn.items() if k.startswith("cohorts")]),
            _section("Metrics against the readers' measurements", by_key.get("measurements"), [v for k, v in drawn.items() if k.startswith("metrics")]),
            _section("Scores against the readers", by_key.get("scores"), [v for k, v in drawn.items() if k.startswith("scores")]),
            _section("Bias and limits of agreement", by_key.get("bland_altman"), [v for k, v in drawn.items() if k.startswith(("scatter", "bland"))]),
            _section("Metrics and scores", by_key.get("correlations"), []),
            _section("Readers among themselves", by_key.get("readers"), []),
            _section("Subgroups", by_key.get("subgroups"), [v for k, v in drawn.items() if k.startswith("subgroups")]),
            tag("section", tag("h2", "Methods"), table(("Statistic", "How"), list(_METHODS), "All statistics are of HeadCTIQA against the mean of the readers"), id="methods"),
        ),
    )  # fmt: skip
    return document(f"HeadCTIQA: {title}", body, _STYLE)


def in_short(e: Evaluation) -> Iterator[str]:
    """The main results in sentences, each with its number of scans and interval."""
    judging = [p for p in e.parts if p.judges]
    outside = [p for p in judging if p.role == "external"]
    main = [p for p in judging if p not in outside[:-1]]  # the last of several stands for all
    if not judging:
        yield "All scans were used for the fit, so nothing can be said about new scans."
    for p in judging:
        overall = next((a for a in e.scores if a.target == "overall" and a.part == p), None)
        if overall is not None and overall.n:
            yield f"{p.title}: {overall_words(overall)}"
        if p not in main:
            continue
        if overall is not None and overall.calibration.value is not None:
            yield f"{p.title}: {calibration_words(overall)}"
        ours = [a for a in e.measurements if a.part == p and a.icc.value is not None]
        if ours:
            low, high = (f(ours, key=lambda a: a.icc.value or 0.0) for f in (min, max))
            yield (
                f"{p.title}: the ICC(A,1) of {len(ours)} metrics with the readers' measurements lies between {words(low.icc)} "
                f"({IQM_BY_ID[low.target].title}) and {words(high.icc)} ({IQM_BY_ID[high.target].title})."
            )
        biased = [
            f"{title_of(a.target)} {words(a.test.difference)}"
            for a in e.scores
            if a.part == p and a.test.p is not None and a.test.p < 0.05
        ]
        if biased:
            yield f"{p.title}: a difference from the readers at p < .05 was seen, in points, for {'; '.join(biased)}."
    between = next(
        (b for b in e.between if b.target == "overall" and b.part in judging and b.single.value is not None), None
    )
    if between is not None:
        kappa = "" if between.kappa is None else f" and weighted kappa {words(between.kappa)}"
        yield f"Single readers agree on the overall score with ICC(A,1) {words(between.single)}{kappa} ({between.part.title}, {len(between.readers)} readers)."


def overall_words(a: Agreement) -> str:
    """Agreement on the overall score in one sentence."""
    parts = [f"overall score against the mean of the readers: ICC(A,1) {words(a.icc)}"]
    if a.limits.bias.value is not None:
        parts.append(f"mean difference {words(a.limits.bias)} points")
    if a.tost is not None and a.tost.equivalent is not None:
        shown = "equivalent to the readers on average" if a.tost.equivalent else "not shown to be equivalent"
        parts.append(f"{shown} within ±{a.tost.margin:g} points (TOST p {probability(a.tost.p)})")
        if not a.tost.equivalent and a.test.p is not None and a.test.p >= 0.05:
            parts.append(f"{a.n} scans cannot tell whether there is a bias")
    if a.limits.lower.value is not None and a.limits.upper.value is not None:
        parts.append(f"limits of agreement {words(a.limits.lower_exact)} to {words(a.limits.upper_exact)} points")
    return "; ".join(parts) + "."


def calibration_words(a: Agreement) -> str:
    """What the calibration slope of the overall score says."""
    c = a.calibration
    low, high = (c.low, c.high) if c.low is not None and c.high is not None else (-math.inf, math.inf)
    if high < 0:
        verdict = "the readers' scores fall where HeadCTIQA's rise: check the direction of their scale"
    elif high < 1:
        verdict = "HeadCTIQA spreads scans further than the readers do"
    elif low > 1:
        verdict = "HeadCTIQA spreads scans less far than the readers do"
    elif _SLOPE_MARGIN[0] <= low and high <= _SLOPE_MARGIN[1]:
        verdict = (
            f"HeadCTIQA spreads scans as far as the readers do, within {_SLOPE_MARGIN[0]:g} to {_SLOPE_MARGIN[1]:g}"
        )
    else:
        verdict = f"{c.n} scans cannot tell whether HeadCTIQA spreads scans further or less far than the readers do"
    return f"calibration slope of the overall score (readers on HeadCTIQA; 1 is ideal) {words(c)}: {verdict}."


def words(e: Estimate) -> str:
    """An estimate in a sentence."""
    if e.value is None:
        return f"not available ({e.reason.rstrip('.')}; n = {e.n})"
    if e.low is None or e.high is None:
        return f"{number(e.value)} (n = {e.n}; no interval)"
    return f"{number(e.value)} (95 % CI {number(e.low)} to {number(e.high)}, n = {e.n})"


def _readers(e: Evaluation) -> str:
    return "one reader" if len(e.readers) == 1 else f"{len(e.readers)} readers"


def _notes(e: Evaluation) -> Html:
    notes = list(e.notes)
    if len(e.readers) == 1:
        notes.append("With one reader nobody knows how far another would differ.")
    small = [f"{p.title} ({len(p.rows)})" for p in e.parts if p.judges and len(p.rows) < 30]
    if small:
        notes.append(f"Few scans: {', '.join(small)}. Read the intervals, not the numbers.")
    if not notes:
        return Html("")
    return tag(
        "aside", tag("h2", "Please note"), tag("ul", *(tag("li", s) for s in dict.fromkeys(notes))), class_="warnings"
    )


def _cohorts(e: Evaluation, drawings: list[Html]) -> Html:
    notes = {p.title: power for p, power in e.power}
    rows: list[tuple[object, ...]] = [
        (p.title, len(p.rows), _ROLES[p.role], notes[p.title].note if p.title in notes else "–") for p in e.parts
    ]
    return tag(
        "section",
        tag("h2", "Scans"),
        table(("Scans", "n", "Role", "What so many scans can show"), rows, "Cohorts and sample size"),
        tag("div", *drawings, class_="figures") if drawings else None,
        id="cohorts",
    )


def _section(title: str, content: Table | None, drawings: list[Html]) -> Html:
    if content is None:
        return Html("")
    return tag(
        "section",
        tag("h2", title),
        tag("div", *drawings, class_="figures") if drawings else None,
        content.html(),
        id=content.key,
    )
