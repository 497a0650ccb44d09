"""What leaves the module: report, table row, assessment folder."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from HeadCTIQALib.assessment.storage import FILES, check_output, copy_files, write_files
from HeadCTIQALib.errors import InputError, OutputError, boundary
from HeadCTIQALib.record import REPORT, Record
from HeadCTIQALib.report.table_row import table_row
from HeadCTIQALib.text import cell
from HeadCTIQALib.writing import write_text

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
    folder = Path(tempfile.mkdtemp(prefix="HeadCTIQA-report-", dir=slicer.app.temporaryPath))
    session.scratch.append(folder)
    path = folder / REPORT
    path.write_text(render(record, volume, findings), encoding="utf-8")
    return path


def save(session: Session, folder: Path) -> Path:
    """Write the assessment folder of what is shown, corrections included.

    Raises:
        InputError: there is no assessment, or its scan is not in the scene.
        OutputError: ``folder`` holds other files or cannot be written.
    """
    record = _record(session)
    target = check_output(folder, mine=session.folder)
    unchanged = (
        not session.corrected
        and session.folder is not None
        and all((session.folder / f).exists() for f in (FILES[0], REPORT))
    )
    if unchanged and session.folder is not None:
        return target if session.folder.resolve() == target else copy_files(session.folder, target)
    volume, findings = _scan(session)
    return write_files(volume, findings, record, target, mine=session.folder)


def export_row(session: Session, path: Path) -> None:
    """Append the scan to a CSV table: one row, a header when the file is new.

    Raises:
        InputError: there is no assessment.
        OutputError: the file has other columns or cannot be written.
    """
    row = table_row(_record(session))
    with boundary(_("The table {path} cannot be read as CSV; choose a new file.").format(path=path), OutputError):
        before = path.read_bytes().decode("utf-8") if path.exists() else ""
        header = next(csv.reader(io.StringIO(before)), [])
    if before and header != list(row):
        raise OutputError(_("The table {path} has other columns; choose a new file.").format(path=path))
    text = io.StringIO(newline="")
    text.write(before if not before or before.endswith("\n") else before + "\r\n")
    writer = csv.DictWriter(text, list(row))
    if not before:
        writer.writeheader()
    writer.writerow({k: cell(v) if isinstance(v, str) else v for k, v in row.items()})
    write_text(path, text.getvalue(), _("The table"))


def _record(session: Session) -> Record:
    session.settle()
    if session.record is None:
        raise InputError(_("There is no assessment yet: press Assess, or load one."))
    return session.record


def _scan(session: Session) -> tuple[Any, Any]:
    if session.volume is None or session.findings is None:
        raise InputError(_("The scan of this assessment is not in the scene; load the scan first."))
    return session.volume, session.findings
