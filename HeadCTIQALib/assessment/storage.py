"""The assessment folder on disk: written whole or not at all, read back with plain sentences when something is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import UnsetType

from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.record import LANDMARKS, PLANE, RECORD, REPORT, SEGMENTATION, Record, dump, read_record
from HeadCTIQALib.record.persons_work import persons_work, with_checksums
from HeadCTIQALib.record.reading import is_record, read_json
from HeadCTIQALib.writing import check_writable, output_error, recover, whole_folder

if TYPE_CHECKING:
    from HeadCTIQALib.findings import Findings, Landmark, Plane
    from HeadCTIQALib.record.found import FindingsEntry
    from HeadCTIQALib.volume import CTVolume

    from .pipeline import Assessment

FILES = (RECORD, SEGMENTATION, LANDMARKS, PLANE, REPORT)


@dataclass(frozen=True)
class StoredAssessment:
    """An assessment folder that was read: its record, and its findings when the scan was at hand."""

    folder: Path
    record: Record
    findings: Findings | None = None


def check_output(
    folder: str | Path, input_path: str | Path | None = None, *, replace: bool = False, mine: Path | None = None
) -> Path:
    """The absolute path of ``folder`` if an assessment may be written there; what a killed run left of it is put in order.

    Args:
        input_path: the scan, which the folder must not overlap.
        replace: allow that it holds the work of a person; see :func:`write_files`.
        mine: the folder whose corrections are carried on with, which may always be written again.

    Raises:
        OutputError: it is a file, a non-empty folder that is not an assessment, overlaps the input, or holds a person's work.
    """
    folder = Path(folder).absolute()
    try:
        target = folder.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: how Python up to 3.12 reports links in a circle
        raise OutputError(
            f"The output folder {folder} cannot be resolved (links in a circle?); choose another folder."
        ) from error
    if input_path is not None:
        source = Path(input_path).resolve()
        if target == source or (source.is_dir() and source in target.parents) or target in source.parents:
            raise OutputError(f"The output folder {folder} overlaps the input {source}; choose a folder outside it.")
    try:
        if target.parent.is_dir():
            recover(target, FILES.__contains__)
        if target.exists() and not target.is_dir():
            raise OutputError(f"The output {folder} is a file; choose a folder that does not exist yet.")
        if target.is_dir() and any(target.iterdir()) and not _is_assessment(target):
            raise OutputError(
                f"The output folder {folder} holds other files; choose a folder that is empty or does not exist yet."
            )
        if target.is_mount():
            raise OutputError(f"The output folder {folder} is a disk or volume of its own; choose a folder inside it.")
    except OSError as error:
        raise output_error(folder, error, "The output folder") from error
    check_writable(target)
    if not replace and not (mine is not None and mine.resolve() == target) and (work := persons_work(target)):
        raise OutputError(
            f"The output folder {folder} holds {work}; choose another folder, or give --replace, which keeps the old one beside the new."
        )
    return target


def write_assessment(
    assessment: Assessment, folder: Path, progress: Progress, *, replace: bool = False, mine: Path | None = None
) -> Path:
    """Write all files of ``assessment``; see :meth:`Assessment.write` and :func:`check_output`."""
    check_output(folder, assessment.input_path, replace=replace, mine=mine)
    return write_files(
        assessment.volume, assessment.findings, assessment.record, folder, progress, replace=replace, mine=mine
    )


def write_files(
    volume: CTVolume, findings: Findings, record: Record, folder: Path, progress: Progress = silent, *, replace: bool = False, mine: Path | None = None
) -> Path:  # fmt: skip
    """Write an assessment folder, whole or not at all; returns its absolute path.

    An older assessment goes, but files that are not ours stay.  With ``replace`` one that holds a person's work is kept
    beside it as ``folder``.previous; arguments as in :func:`check_output`.

    Raises:
        OutputError: it cannot be written, or :func:`check_output` refuses it.
    """
    from HeadCTIQALib.findings.markups import write_landmarks, write_plane
    from HeadCTIQALib.findings.segmentation import write_segmentation
    from HeadCTIQALib.report import render

    target = Path(folder).absolute().resolve()

    def permit() -> bool:  # again, as a person may have worked in it since the beginning
        check_output(target, replace=replace, mine=mine)
        return replace and bool(persons_work(target))

    with whole_folder(target, FILES.__contains__, permit) as part, ThreadPoolExecutor(1, "write") as beside:
        # compressing the masks and drawing the pictures share two cores
        segmentation = beside.submit(write_segmentation, part / SEGMENTATION, volume, findings)
        progress("Drawing the report", 0.0)
        report = render(record, volume, findings)
        progress("Writing the results", 0.0)
        write_landmarks(part / LANDMARKS, findings.landmarks)
        if findings.midsagittal is not None:
            write_plane(part / PLANE, findings.midsagittal)
        (part / REPORT).write_text(report, encoding="utf-8")
        segmentation.result()
        (part / RECORD).write_text(dump(with_checksums(record, part)), encoding="utf-8")
    progress("Writing the results", 1.0)
    return target


def copy_files(source: Path, folder: Path) -> Path:
    """Write the files of the assessment in ``source`` into ``folder``, which :func:`check_output` accepted; whole or not at all.

    Raises:
        OutputError: they cannot be read or written, or ``folder`` holds a person's work.
    """
    target = Path(folder).absolute().resolve()

    def permit() -> bool:
        check_output(target)
        return False

    with whole_folder(target, FILES.__contains__, permit) as part:
        for name in FILES:
            if (source / name).exists():
                shutil.copyfile(source / name, part / name)
    return target


def load_assessment(folder: str | Path, volume: CTVolume | None = None) -> StoredAssessment:
    """Read an assessment folder; with the ``volume`` that it is of, the findings as well.

    Masks, landmarks and plane come from their 3D Slicer files, so that corrections saved from 3D Slicer count; motion
    grades, methods and notes come from the record.

    Raises:
        InputError: the folder is no assessment, is of another version or another scan, or a file is damaged.
    """
    folder = Path(folder)
    record = read_record(folder)
    if volume is None:
        return StoredAssessment(folder, record)
    known, given = record.input.sha256, volume.source.sha256
    if volume.shape != record.input.shape or (known and given and known != given):
        raise InputError(
            f"The assessment in {folder} is of another scan than {volume.source.called}; choose the scan that it was made from."
        )
    return StoredAssessment(folder, record, _read_findings(folder, record.findings, volume))


def _read_findings(folder: Path, stored: FindingsEntry, volume: CTVolume) -> Findings:
    from HeadCTIQALib.findings.markups import read_landmarks, read_plane
    from HeadCTIQALib.findings.segmentation import read_segmentation

    plane = read_plane(folder / PLANE) if (folder / PLANE).exists() else None
    return findings_of(
        stored, *read_segmentation(folder / SEGMENTATION, volume), read_landmarks(folder / LANDMARKS), plane
    )


def findings_of(
    stored: FindingsEntry,
    tissue: np.ndarray,
    streak: np.ndarray | None,
    landmarks: Mapping[str, Landmark],
    midsagittal: Plane | None,
) -> Findings:
    """Findings from a record's ``findings`` and what lies beside the record: (K, J, I) tissue and streak, points and plane."""
    from HeadCTIQALib.findings import Findings

    def per_slice(values: Sequence[float | None] | UnsetType | None) -> np.ndarray | None:
        return np.array([np.nan if x is None else x for x in values], float) if isinstance(values, Sequence) else None

    grades = stored.motion_grades
    return Findings(
        tissue=tissue,
        streak=streak if streak is not None or not stored.streak_searched else np.zeros(tissue.shape, bool),
        landmarks=landmarks,
        midsagittal=midsagittal,
        motion_grades=None if grades is None else np.array(grades, np.int8),
        motion_index=per_slice(stored.motion_index),
        motion_probability=per_slice(stored.motion_probability),
        methods=dict(stored.methods),
        notes=stored.notes,
        not_assessable=dict(stored.not_assessable),
    )


def _is_assessment(folder: Path) -> bool:
    """Whether HeadCTIQA wrote ``folder``, whatever the version of the record."""
    try:
        return is_record(read_json(folder / RECORD))
    except InputError:
        return False
