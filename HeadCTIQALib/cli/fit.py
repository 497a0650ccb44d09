"""``headctiqa fit``: what a person reads about a fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from HeadCTIQALib.hierarchy import CATEGORY_BY_ID, IQM_BY_ID
from HeadCTIQALib.progress import TextProgress
from HeadCTIQALib.writing import check_writable

from .terminal import show

if TYPE_CHECKING:
    from HeadCTIQALib.cohort.calibrate import Calibration
    from HeadCTIQALib.cohort.scales import Scale
    from HeadCTIQALib.scoring.calibration import Coefficient, CrossValidation


def fit(
    assessments: Path, readers: list[Path], output: Path, mode: Literal["paper", "robust"], test_share: float, seed: int, name: str, scale: Scale | None = None,
    profile: str | None = None,
) -> int:  # fmt: skip
    """Fit, write the model and its account, and show what speaks for and against it; returns 0.

    Raises:
        HeadCTIQAError: see :func:`HeadCTIQALib.cohort.calibrate.calibrate`.
    """
    from HeadCTIQALib.cohort.calibrate import account_path, calibrate, check_model
    from HeadCTIQALib.scoring import DEFAULT
    from HeadCTIQALib.scoring.profile_file import find_profile

    for path in (output, account_path(output)):
        check_writable(path)
    check_model(output)
    judging = DEFAULT if profile is None else find_profile(profile)
    with TextProgress() as progress:
        result = calibrate(
            assessments,
            readers,
            mode,
            name=name,
            seed=seed,
            test_share=test_share,
            scale=scale,
            profile=judging,
            progress=progress,
        )
    account = result.save(output)
    show("\n".join(_lines(result)) + f"\n\nModel: {output}\nRecord of the fit: {account}\n")
    return 0


def suggest(
    assessments: Path, readers: list[Path], count: int, scale: Scale | None = None, profile: str | None = None
) -> int:
    """Show which scans to read next; returns 0.

    Raises:
        HeadCTIQAError: see :func:`HeadCTIQALib.cohort.suggestion.suggest`.
    """
    from HeadCTIQALib.cohort.readers import read_readers
    from HeadCTIQALib.cohort.scans import load_scans, matched
    from HeadCTIQALib.cohort.suggestion import suggest
    from HeadCTIQALib.scoring import DEFAULT
    from HeadCTIQALib.scoring.profile_file import find_profile

    judging = DEFAULT if profile is None else find_profile(profile)
    table = read_readers(*readers, scale=scale) if readers else None
    with TextProgress() as progress:
        scans, left_out = load_scans(assessments, progress)
    if table is not None:
        table, _ = matched(scans, table)
    found = suggest(scans, table, count, judging)
    unusable = (
        (f"{found.unusable} scans in which an item could not be assessed are not suggested.",) if found.unusable else ()
    )
    show(
        f"{found.read} scans were read; of the other {found.candidates}, these tell a fit most about all items (D-optimal), the most telling first:\n"
        + "".join(f"  {name}\n" for name in found.scans) + "".join(f"  - {s}\n" for s in (*left_out, *unusable))
    )  # fmt: skip
    return 0


def _lines(c: Calibration) -> Iterator[str]:
    from HeadCTIQALib.scoring.calibration import Coefficient

    f = c.fit
    yield f"{f.model.name} ({f.model.id}); profile: {f.model.profile.name}"
    yield f"{len(c.calibration)} scans for calibration, {len(c.test)} kept for testing; readers: {', '.join(c.readers.readers)}"
    yield "Coefficients and weights are those of the model as it is used: by the share under \"shrunk\" they are the guideline's, moved to the readers' mean."
    yield ""
    yield f"{'':28}{'scans':>6}{'R2':>7}{'shrunk':>8}   typical error on left-out scans"
    for category, part in f.categories.items():
        r2 = "-" if part.r_squared is None else f"{part.r_squared:.2f}"
        yield f"{CATEGORY_BY_ID[category].title:28}{part.n:6}{r2:>7}{part.shrinkage:8.2f}   {_error(part.cross_validation)}{'; keeps the guideline' if part.keeps_guideline else ''}"
        for k in part.coefficients:
            yield _number(
                "ideal scan"
                if k.term == "intercept"
                else IQM_BY_ID[k.term].title
                if k.term in IQM_BY_ID
                else "worst item",
                k,
            )
    yield f"{'Overall':28}{'' if f.overall is None else f.overall.n:>6}{'':7}{f.weight_shrinkage:8.2f}   {_error(f.overall)}"
    for w in f.weights or (Coefficient(c, "score", v, v, v) for c, v in f.model.weights.items()):
        yield _number("intercept" if w.term == "intercept" else f"weight of {CATEGORY_BY_ID[w.term].title}", w)
    yield f"    {f.model.provenance['limit']}"
    yield from _section("About the data", c.notes)
    yield from _section(
        "Why not to use this model", f.reasons_not_to_use or ("Nothing speaks against it in these data.",)
    )


def _number(title: str, k: Coefficient) -> str:
    interval = f"   95 % interval {k.low:.2f} to {k.high:.2f}" if k.low < k.high else ""
    return f"    {title:36}{k.value:9.2f}{interval}"


def _error(cv: CrossValidation | None) -> str:
    return "not judged" if cv is None else f"{cv.rmse:.1f} points (guideline {cv.guideline_rmse:.1f}), n = {cv.n}"


def _section(title: str, sentences: tuple[str, ...]) -> Iterator[str]:
    if sentences:
        yield f"\n{title}:"
        yield from (f"  - {s}" for s in sentences)
