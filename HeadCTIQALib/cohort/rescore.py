"""Scoring stored assessments by another model: no scan, no networks, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from HeadCTIQALib.errors import HeadCTIQAError, boundary
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.record import (
    RECORD,
    REPORT,
    Record,
    dump,
    is_present,
    measurements_from_record,
    read_record,
    rescored_record,
)
from HeadCTIQALib.scoring import ScoringModel, score
from HeadCTIQALib.writing import whole_folder

from .scans import find_folders

_LARGEST_REPORT = 200_000_000  # bytes; a report with all its pictures has a few millions


@dataclass(frozen=True)
class Rescored:
    """What became of every folder: scores written anew, already by this model, or failed with a sentence."""

    changed: tuple[Path, ...]
    unchanged: tuple[Path, ...]
    failed: tuple[HeadCTIQAError, ...]


def rescore(root: Path, model: ScoringModel, progress: Progress = silent) -> Rescored:
    """Score every assessment under ``root`` by ``model``; one that fails does not keep the others from it.

    Raises:
        InputError: there is no assessment under ``root``.
    """
    folders = find_folders(root)
    changed: list[Path] = []
    unchanged: list[Path] = []
    failed: list[HeadCTIQAError] = []
    for n, folder in enumerate(folders):
        progress("Scoring", n / len(folders))
        try:
            (changed if rescore_folder(folder, model) else unchanged).append(folder)
        except HeadCTIQAError as error:
            failed.append(error)
    progress("Scoring", 1.0)
    return Rescored(tuple(changed), tuple(unchanged), tuple(failed))


def rescore_folder(folder: Path, model: ScoringModel) -> bool:
    """Write record and report of one assessment with the scores of ``model``, both or none; False when they are there already.

    Raises:
        InputError: the assessment is damaged, or its report was written by another version.
        OutputError: a file cannot be written.
    """
    record = read_record(folder)
    new = rescored_record(record, score(measurements_from_record(record), model), model)
    if new == record and is_present(folder):
        return False
    report = _report(folder, new)
    with whole_folder(folder, (RECORD, REPORT).__contains__) as part:
        if report is not None:
            (part / REPORT).write_text(report, encoding="utf-8", errors="replace")
        (part / RECORD).write_text(dump(new), encoding="utf-8", errors="replace")
    return True


def _report(folder: Path, record: Record) -> str | None:
    """The new report; None where the folder has none."""
    from HeadCTIQALib.report.document import rescored

    path = folder / REPORT
    try:
        data = read_regular(path, _LARGEST_REPORT, "The report")
    except FileNotFoundError:
        return None
    with boundary(
        f"The report {path} was not written by this version, so its scores cannot be replaced; assess the scan again."
    ):
        return rescored(record, data.decode("utf-8"))
