"""What leaves the module: report, table row, assessment folder."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from HeadCTIQALib.assessment.storage import FILES, REPORT, check_output, copy_files, write_files
from HeadCTIQALib.errors import InputError, OutputError, boundary
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS
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


def table_row(record: dict[str, Any]) -> dict[str, Any]:
    """Verdict, scores, values, status and advice by public id; empty where there is none."""
    row: dict[str, Any] = {
        "scan": record["input"]["name"],
        "sha256": record["input"]["sha256"],
        "created": record["created"],
    }
    row["verdict"] = record["verdict"]["sentence"]
    row |= {"overall": record["overall"]["score"], **_interval("overall", record["overall"]["interval"])}
    row |= {f"overall_{end}": record["overall"][end] for end in ("at_least", "at_most")}
    for c in CATEGORIES:
        row |= {
            f"score_{c.id}": record["categories"][c.id]["score"],
            **_interval(f"score_{c.id}", record["categories"][c.id]["interval"]),
        }
    for m in IQMS:
        entry = record["iqms"][m.id]
        row |= {
            m.id: entry["value"],
            **_interval(m.id, entry["interval"]),
            **{f"{m.id}_{key}": entry[key] for key in ("bound", "status", "score")},
        }
        row |= {
            **_interval(f"{m.id}_score", entry["score_interval"]),
            f"{m.id}_band": entry["band"],
            f"{m.id}_advice": entry["advice"]["instruction"],
        }
    row |= {
        "scoring_model": record["scoring_model"]["name"],
        "profile": record["profile"]["name"],
        "error_model": record["error_model"],
    }
    return row


def _interval(name: str, interval: list[float] | None) -> dict[str, float | None]:
    """The ends of a 95 % interval as two columns."""
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def _record(session: Session) -> dict[str, Any]:
    session.settle()
    if session.record is None:
        raise InputError(_("There is no assessment yet: press Assess, or load one."))
    return session.record


def _scan(session: Session) -> tuple[Any, Any]:
    if session.volume is None or session.findings is None:
        raise InputError(_("The scan of this assessment is not in the scene; load the scan first."))
    return session.volume, session.findings
