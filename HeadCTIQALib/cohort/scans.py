"""The assessments of a cohort: which folders there are, and what their records say of each scan."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.assessment.storage import FILES
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.record import RECORD, measurements_from_record, read_record
from HeadCTIQALib.record.scan import Input
from HeadCTIQALib.scoring import Profile, items
from HeadCTIQALib.volume.kernels import sharpness_word
from HeadCTIQALib.writing import is_kept, recover, recover_inside

from .readers import ReaderTable
from .scan_keys import match_scans


@dataclass(frozen=True)
class Scan:
    """One assessed scan of a cohort.

    Attributes:
        name: folder name, the scan key of reader tables.
        cohort: folders between the root and its own ("site/2026"), "" where there are none.
        sha256: of voxels and geometry, None where the record has none.
        measurements: IQM id to Measurement, corrected values included.
        groups: subgroup name to this scan's value: "scanner", "kernel", "slice thickness".
        simulated: whether the record says that a computer made the scan.
    """

    folder: Path
    name: str
    cohort: str
    sha256: str | None
    measurements: Mapping[str, Measurement]
    groups: Mapping[str, str]
    simulated: bool


def find_folders(root: Path) -> list[Path]:
    """Assessment folders at ``root``: itself, or those at any depth below it (the folders between are cohorts); in order of name.

    Older results that were kept beside their successors are none of them; what killed runs left is put in order.

    Raises:
        InputError: there is none.
    """
    with contextlib.suppress(OSError):
        recover(root, FILES.__contains__)
    if (root / RECORD).is_file():
        return [root]
    try:
        found = list(_below(root))
    except OSError as error:
        raise InputError(f"The folder {root} cannot be read ({error.strerror or error}); check the path.") from error
    if not found:
        raise InputError(f"The folder {root} holds no assessments ({RECORD} in any folder); choose another folder.")
    return sorted(found)


def load_scans(root: Path, progress: Progress = silent) -> tuple[tuple[Scan, ...], tuple[str, ...]]:
    """All scans assessed under ``root``, and a sentence about those that cannot be read and are left out, with the reasons.

    Raises:
        InputError: there is none that can be read, or two scans have one name.
    """
    folders = find_folders(root)
    scans, reasons = [], []
    for n, folder in enumerate(folders):
        progress("Reading the assessments", n / len(folders))
        try:
            scans.append(
                _scan(
                    folder, "" if folder in (root, root / folder.name) else folder.parent.relative_to(root).as_posix()
                )
            )
        except InputError as error:
            reasons.append(str(error))
    if not scans:
        raise InputError(
            f"None of the {len(folders)} assessments under {root} can be read. {reasons[0]}"
            if len(folders) > 1
            else reasons[0]
        )
    left_out = (
        (f"{len(reasons)} of {len(folders)} assessments cannot be read and were left out. {' '.join(reasons)}",)
        if reasons
        else ()
    )
    names = [s.name for s in scans]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(
            f"Two assessments under {root} are called {twice}; rename one of the folders, as reader tables go by their names."
        )
    return tuple(scans), left_out


def values_of(scans: tuple[Scan, ...]) -> NDArray[np.float64]:
    """(n, 10) values in the order of the hierarchy, NaN where not assessable."""
    rows = []
    for s in scans:
        values = (s.measurements[m.id].value for m in IQMS)
        rows.append([np.nan if v is None else v for v in values])
    return np.array(rows, float).reshape(len(scans), len(IQMS))


def judged_of(scans: tuple[Scan, ...], profile: Profile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 10) values as ``profile`` judges them, and (n, 10) item scores, in the order of the hierarchy; NaN where not assessable."""
    found = [items(s.measurements, profile).values() for s in scans]
    values = [[np.nan if i.judged is None else i.judged for i in row] for row in found]
    scores = [[np.nan if i.score is None else i.score for i in row] for row in found]
    shape = len(scans), len(IQMS)
    return np.array(values, float).reshape(shape), np.array(scores, float).reshape(shape)


def matched(scans: tuple[Scan, ...], table: ReaderTable) -> tuple[ReaderTable, tuple[str, ...]]:
    """The table with folder names as scan keys, and sentences about what did not fit.

    Raises:
        InputError: none of the scans is in the table.
    """
    names, unknown = match_scans(table, {s.name: s.sha256 for s in scans})
    if not names:
        some = ", ".join(table.scans[:3])
        raise InputError(
            f"None of the scans in the reader table ({some}, ...) is among the assessments; the scan must be the name of the folder."
        )
    notes = []
    if unknown:
        notes.append(
            f"{len(unknown)} scans of the reader table are not among the assessments ({_some(unknown)}) and were left out."
        )
    unread = tuple(s.name for s in scans if s.name not in set(names.values()))
    if unread:
        notes.append(f"{len(unread)} assessments have no reader values ({_some(unread)}) and were left out.")
    return table.renamed(names), tuple(notes)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _below(root: Path) -> Iterator[Path]:
    """Assessment folders below ``root``; nothing within one of them is looked at."""
    pending = [root]
    while pending:
        place = pending.pop()
        recover_inside(place, FILES.__contains__)
        try:
            names = [e.name for e in os.scandir(place) if e.is_dir()]
        except OSError:
            if place == root:
                raise
            continue  # a folder further down that may not be entered holds nothing for us
        for folder in (place / name for name in names if not name.startswith(".") and not is_kept(Path(name))):
            if (folder / RECORD).is_file():
                yield folder
            elif not folder.is_symlink():  # links may lead round in circles
                pending.append(folder)


def _scan(folder: Path, cohort: str) -> Scan:
    record = read_record(folder)
    return Scan(
        folder=folder,
        name=folder.resolve().name,
        cohort=cohort,
        sha256=record.input.sha256,
        measurements=measurements_from_record(record),
        groups=_groups(record.input),
        simulated=record.input.simulated,
    )


def _groups(scan: Input) -> dict[str, str]:
    a = scan.acquisition
    scanner = " ".join(name for name in (a.manufacturer, a.model) if name)
    thickness = a.slice_thickness_mm or scan.spacing_mm.slice_median
    return {
        "scanner": scanner or "unknown scanner",
        "kernel": f"{sharpness_word(a.kernel)} kernel",
        "slice thickness": "unknown thickness"
        if not thickness
        else "up to 2 mm"
        if thickness <= 2
        else "over 2 to 4 mm"
        if thickness <= 4
        else "over 4 mm",
    }
