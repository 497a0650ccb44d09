"""What leaves the module: report, table row, assessment folder."""

from __future__ import annotations

import csv
import shutil
import tempfile
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from HeadCTIQALib.assessment.storage import FILES, REPORT, check_output, write_files
from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS
from HeadCTIQALib.text import cell

from .session import Session


def report(session: Session) -> Path:
    """The HTML report of what is shown, corrections included.

    Raises:
        InputError: there is no assessment, or its scan is not in the scene to draw pictures of.
    """
    record = _record(session)
    if not session.corrected and session.folder is not None and (session.folder / REPORT).is_file():
        return session.folder / REPORT
    from HeadCTIQALib.report import render

    volume, findings = _scan(session)
    path = Path(tempfile.mkdtemp(prefix="HeadCTIQA-report-", dir=slicer.app.temporaryPath)) / REPORT
    path.write_text(render(record, volume, findings), encoding="utf-8")
    return path


def save(session: Session, folder: Path) -> Path:
    """Write the assessment folder of what is shown, corrections included.

    Raises:
        InputError: there is no assessment, or its scan is not in the scene.
        OutputError: ``folder`` holds other files or cannot be written.
    """
    record = _record(session)
    target = check_output(folder)
    unchanged = not session.corrected and session.folder is not None and all((session.folder / f).exists() for f in (FILES[0], REPORT))
    if unchanged and session.folder is not None:
        if session.folder.resolve() != target:
            try:
                shutil.copytree(session.folder, target, dirs_exist_ok=True)
            except OSError as error:
                raise OutputError(_("The folder {folder} cannot be written; choose another one.").format(folder=folder)) from error
        return target
    volume, findings = _scan(session)
    return write_files(volume, findings, record, target)


def export_row(session: Session, path: Path) -> None:
    """Append the scan to a CSV table: one row, a header when the file is new.

    Raises:
        InputError: there is no assessment.
        OutputError: the file has other columns or cannot be written.
    """
    row = table_row(_record(session))
    try:
        header = next(csv.reader(path.open(encoding="utf-8", newline="")), []) if path.exists() else []
        if header and header != list(row):
            raise OutputError(_("The table {path} has other columns; choose a new file.").format(path=path))
        with path.open("a", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(row))
            if not header:
                writer.writeheader()
            writer.writerow({k: cell(v) if isinstance(v, str) else v for k, v in row.items()})
    except OSError as error:
        raise OutputError(_("The table {path} cannot be written; choose another file.").format(path=path)) from error


def table_row(record: dict[str, Any]) -> dict[str, Any]:
    """Scores, values and status by public id; empty where there is none."""
    row: dict[str, Any] = {"scan": record["input"]["name"], "sha256": record["input"]["sha256"], "created": record["created"]}
    row["overall"] = record["overall"]["score"]
    row |= {f"score_{c.id}": record["categories"][c.id]["score"] for c in CATEGORIES}
    for m in IQMS:
        row |= {m.id: record["iqms"][m.id]["value"], f"{m.id}_status": record["iqms"][m.id]["status"]}
    row["scoring_model"] = record["scoring_model"]["name"]
    return row


def _record(session: Session) -> dict[str, Any]:
    session.settle()
    if session.record is None:
        raise InputError(_("There is no assessment yet: press Assess, or load one."))
    return session.record


def _scan(session: Session) -> tuple[Any, Any]:
    if session.volume is None or session.findings is None:
        raise InputError(_("The scan of this assessment is not in the scene; load the scan first."))
    return session.volume, session.findings
