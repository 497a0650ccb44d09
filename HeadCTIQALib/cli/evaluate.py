"""``headctiqa evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from HeadCTIQALib.progress import TextProgress

from .terminal import show

if TYPE_CHECKING:
    from HeadCTIQALib.cohort.scales import Scale


def evaluate(
    assessments: Path,
    readers: list[Path],
    scoring: Path | None,
    output: Path,
    margin: float,
    scale: Scale | None = None,
    profile: str | None = None,
) -> int:
    """Compare assessments with readers and write the report; returns 0.

    Raises:
        HeadCTIQAError: inputs that cannot be used, or an output that is not ours to write.
    """
    from HeadCTIQALib.cohort.account import calibration_scans
    from HeadCTIQALib.cohort.direction import against_the_guideline, doubts
    from HeadCTIQALib.cohort.evaluation import evaluate_cohort
    from HeadCTIQALib.cohort.readers import read_readers
    from HeadCTIQALib.cohort.scans import load_scans, matched
    from HeadCTIQALib.report.evaluation import check_folder, in_short, write_evaluation
    from HeadCTIQALib.scoring.choice import chosen_model

    check_folder(output)
    model = chosen_model(scoring, profile)
    fitted = None if scoring is None else calibration_scans(scoring)
    table = read_readers(*readers, scale=scale)
    with TextProgress() as progress:
        scans, left_out = load_scans(assessments, progress)
        table, notes = matched(scans, table)
        unknown = model.kind != "guideline" and fitted is None
        if unknown:
            notes = (
                *notes,
                "The record of the fit is not beside the model, so scans that it was fitted to cannot be told from others: results may flatter it.",
            )
        notes = (*notes, *doubts(against_the_guideline(scans, table, model.profile)))
        progress("Comparing", 0.0)
        result = evaluate_cohort(
            scans, table, model, fitted=fitted, margin=margin, notes=(*left_out, *table.warnings, *notes)
        )
        progress("Writing the report", 0.5)
        report = write_evaluation(result, output)
    show("\n".join(f"- {s}" for s in (*in_short(result), *result.notes)) + f"\n\nReport: {report}\n")
    return 0
