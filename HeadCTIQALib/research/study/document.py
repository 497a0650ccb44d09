"""A finished study as a page of the documentation: Markdown, with its figures as SVG in a folder beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from HeadCTIQALib import __version__, text
from HeadCTIQALib.cohort.calibrate import Calibration
from HeadCTIQALib.cohort.evaluation import Evaluation
from HeadCTIQALib.errors import OutputError
from HeadCTIQALib.hierarchy import CATEGORY_BY_ID, IQMS
from HeadCTIQALib.networks import models_used
from HeadCTIQALib.report.evaluation import in_short, is_figure, is_figures
from HeadCTIQALib.report.evaluation_figures import figures
from HeadCTIQALib.report.evaluation_markdown import markdown, rows_as_markdown
from HeadCTIQALib.report.evaluation_tables import tables
from HeadCTIQALib.report.html import number, plain_unit
from HeadCTIQALib.report.plots import standalone
from HeadCTIQALib.writing import recover, refuse_foreign, starts_with, whole_folder, write_text

from .design import Design
from .judging import DEFECTS, WAYS
from .limit import cross_validated, in_words, with_and_without
from .readers import MEASURING
from .report import BESIDE, LABEL, SHOWS, SHOWS_NOT, Outcomes, beside, beside_head, facts, judged_parts

_TITLE = "# The protocol rerun in simulation"
_FIGURES = ("metrics-icc", "scores-icc", "scatter-overall", "bland-altman-overall")


_READERS = (
    "Each reader measures the true value with a bias (drawn once) and a random error (drawn for every scan), judges the true values by a taste of its own, and gives scores in "
    "steps of five points. Neither the curves nor the models of HeadCTIQA are in these readers. All sizes are assumptions, chosen so that single readers agree about as "
    "raters of image quality do; the table of readers among themselves below has what came of it."
)
_ITEMS = (
    "A defect takes a share of its category that rises as a logistic in the logarithm of its size. The sizes are assumptions near the limits of published criteria; every reader "
    "multiplies them (SD 15 %) and the harm (SD 8 %) by factors drawn once, and pools the items of a category by Minkowski's sum with an exponent drawn from 1.3 to 3."
)
_OVERALL = "One ruined category makes a scan poor for every reader, each of whom gets there in another way; thresholds are moved by what was drawn for the reader."


def write_document(path: Path, design: Design, e: Evaluation, calibration: Calibration, outcomes: Outcomes) -> None:
    """Write the page to ``path``, figures into a folder of its name beside it.

    Raises:
        OutputError: something else lies there, or a file cannot be written.
    """
    check_document(path)
    drawn = {k: v for k, v in figures(e).items() if _wanted(k, e)}
    with whole_folder(path.with_suffix(""), is_figure) as part:
        for key, drawing in drawn.items():
            (part / f"{key}.svg").write_text(standalone(drawing), encoding="utf-8", newline="")
    page = "\n\n".join(_sections(path, design, e, calibration, outcomes, tuple(drawn)))
    write_text(path, page + "\n", "The page")


def check_document(path: Path) -> None:
    """Refuse a path at which something else lies than an earlier page and its figures.

    Raises:
        OutputError: see above.
    """
    refuse_foreign(path, lambda file: starts_with(file, _TITLE), "a page about a study")
    figures_folder = path.with_suffix("")
    if figures_folder == path:
        raise OutputError(f"The page {path} has no ending; give it a name that ends in .md.")
    if path.parent.is_dir():
        recover(figures_folder, is_figure)
    if not path.exists() and figures_folder.exists() and not is_figures(figures_folder):
        raise OutputError(
            f"The folder {figures_folder}, for the figures of {path.name}, exists and holds other files; choose another name for the page."
        )


def _wanted(key: str, e: Evaluation) -> bool:
    ends = [f"-{p.title.lower().replace(' ', '-')}" for p in judged_parts(e) if p is not None]
    return key.startswith(("cohorts", "subgroups")) or any(key == f + end for f in _FIGURES for end in ends)


def _sections(
    path: Path, design: Design, e: Evaluation, calibration: Calibration, outcomes: Outcomes, drawn: tuple[str, ...]
) -> Iterator[str]:
    scans = [p.title for p in judged_parts(e) if p is not None]
    by_key = {t.key: t for t in tables(e)}

    def pictures(*starts: str) -> str:
        return "\n".join(f"![{k.replace('-', ' ')}]({path.stem}/{k}.svg)" for k in drawn if k.startswith(starts))

    networks = ", ".join(f"{m['name']} {m['version']} ({m['sha256'][:8]})" for m in models_used())
    yield _TITLE
    yield f"> **{LABEL}**"
    yield (
        f"Made by `headctiqa study --preset {design.name} --matrix {design.matrix} --output DIR --document {text.printable(path.name)}` on {datetime.now(UTC):%Y-%m-%d}, HeadCTIQA {__version__}, "
        f"networks {networks}. The same seeds give the same scans and readers anywhere; "
        "the last digits of measurements depend on the processor. All intervals are 95 %."
    )
    yield "## What was done"
    yield _bullets(facts(design, e, calibration, outcomes))
    yield rows_as_markdown(("Centre", "scans", "scanners", "slice thickness, mm"), _centres(design))
    yield "## The simulated readers"
    yield _READERS
    yield rows_as_markdown(
        ("Metric", "SD of a reader's bias", "SD of one measurement", "and share of the value, %"), _measuring()
    )
    yield _ITEMS
    yield rows_as_markdown(
        ("Defect", "half of the harm at", "steepness", "most that it takes of the category, %"), _defects()
    )
    yield _OVERALL
    yield rows_as_markdown(
        ("Reader", "overall score"), ((f"Reader {k + 1}", WAYS[k % len(WAYS)].words) for k in range(design.readers))
    )
    yield "## Beside the published figures"
    yield f"{BESIDE}."
    yield rows_as_markdown(beside_head(e), beside(e))
    yield "## In short"
    yield _bullets(tuple(in_short(e)))
    for title, key, starts, targets in (
        ("Metrics against the readers' measurements", "measurements", ("metrics-icc",), None),
        ("Scores against the mean of the readers", "scores", ("scores-icc", "scatter", "bland"), None),
        ("Bias and limits of agreement", "bland_altman", (), [*(c.title for c in CATEGORY_BY_ID.values()), "Overall"]),
        ("Metrics and the readers' scores", "correlations", (), None),
        ("Readers among themselves", "readers", (), None),
    ):
        if key in by_key:
            yield f"## {title}"
            if pictures(*starts) and starts:
                yield pictures(*starts)
            yield markdown(by_key[key], scans, targets)
    yield "## Cohorts side by side: the overall score"
    yield pictures("cohorts")
    yield markdown(by_key["scores"], targets=["Overall"])
    if "subgroups" in by_key:
        yield "## Subgroups"
        yield pictures("subgroups")
        yield markdown(by_key["subgroups"])
    yield "## With the limit above the worst category, and without"
    yield _bullets(tuple(in_words(e, calibration)))
    yield markdown(cross_validated(calibration))
    yield markdown(with_and_without(e, calibration))
    yield "## The fit"
    yield rows_as_markdown(
        ("Category", "n", "R² before shrinkage", "shrinkage", "error of left-out scans", "the guideline's"),
        _fit(calibration),
    )
    yield "Errors are root mean squares in points, from repeated cross-validation on the calibration scans. What speaks against the model:"
    yield _bullets(calibration.fit.reasons_not_to_use or ("Nothing in these data.",))
    yield "## What this shows"
    yield _bullets(SHOWS)
    yield "## What it does not show"
    yield _bullets(SHOWS_NOT)


def _bullets(sentences: tuple[str, ...]) -> str:
    return "\n".join(f"- {text.markdown(s)}" for s in sentences)


def _centres(design: Design) -> Iterator[tuple[object, ...]]:
    for c in design.centres:
        p = c.population
        scanners = ", ".join(f"{s.model} {100 * w:.0f} %" for s, w in p.scanners)
        yield c.name, c.scans, scanners, ", ".join(f"{t:g}" for t, _ in sorted(p.thickness_mm))


def _measuring() -> Iterator[tuple[object, ...]]:
    for m in IQMS:
        bias, fixed, share = MEASURING[m.id]
        yield f"{m.title}, {plain_unit(m.unit)}", number(bias), number(fixed), number(100 * share)


def _defects() -> Iterator[tuple[object, ...]]:
    for d in DEFECTS:
        yield d.title, *(f"{x:g}" for x in (d.half, d.steepness, 100 * d.harm))


def _fit(c: Calibration) -> Iterator[tuple[object, ...]]:
    for id_, f in c.fit.categories.items():
        cv = f.cross_validation
        yield (
            CATEGORY_BY_ID[id_].title,
            f.n,
            f.r_squared,
            f.shrinkage,
            cv.rmse if cv else None,
            cv.guideline_rmse if cv else None,
        )
    for words, fit in ((f"Overall ({c.fit.mode} mode, used here)", c.fit), (f"Overall ({c.other.mode} mode)", c.other)):
        cv = fit.overall
        yield (
            words,
            cv.n if cv else 0,
            None,
            fit.weight_shrinkage,
            cv.rmse if cv else None,
            cv.guideline_rmse if cv else None,
        )
