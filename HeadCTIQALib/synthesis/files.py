"""Writes a simulated scan together with everything that is true of it, so that anyone can check a measurement."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np

from HeadCTIQALib.errors import OutputError
from HeadCTIQALib.findings.markups import write_landmarks, write_plane
from HeadCTIQALib.findings.segmentation import write_segmentation
from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.synthesis.nifti import write_nifti
from HeadCTIQALib.synthesis.scan import Simulated
from HeadCTIQALib.writing import output_error, recover, whole_folder

NOTE = "Simulated: nobody was scanned. All values follow from how the head was drawn; `headctiqa describe` gives the definitions."


def write_simulated(
    scan: Simulated, folder: Path, *, seed: int = 0, format_: Literal["dicom", "nifti"] = "dicom"
) -> None:
    """Write the scan and its truth as ``folder``, whole or not at all.

    ``simulated-head/`` (a DICOM series) or ``scan.nii.gz``; ``truth.json`` (metrics, motion grade of every slice,
    landmarks in RAS mm, scene and pathology); ``truth.seg.nrrd``, ``truth-landmarks.mrk.json`` and
    ``truth-midsagittal.mrk.json``, which 3D Slicer opens.

    Args:
        scan: what :func:`simulate` returned.
        folder: new, or an empty one.
        seed: that it was called with; part of the record and of the UIDs.
        format_: NIfTI holds neither gantry tilt nor uneven spacing.

    Raises:
        OutputError: the scan does not fit NIfTI, ``folder`` holds files, or it cannot be written.
    """

    def permit() -> bool:
        check_new(folder)
        return False

    with whole_folder(folder, lambda name: False, permit) as part:
        if format_ == "dicom":
            write_series(scan.volume, part / "simulated-head", seed=seed, padding_value=scan.scene.acquire.padding_hu)
        else:
            write_nifti(scan.volume, part / "scan.nii.gz")
        write_segmentation(part / "truth.seg.nrrd", scan.volume, scan.findings)
        write_landmarks(part / "truth-landmarks.mrk.json", scan.findings.landmarks)
        if scan.findings.midsagittal is not None:
            write_plane(part / "truth-midsagittal.mrk.json", scan.findings.midsagittal)
        text = json.dumps(truth_record(scan, seed), indent=1, allow_nan=False)
        (part / "truth.json").write_text(text + "\n", encoding="utf-8")


def check_new(folder: Path) -> None:
    """Refuse a folder that holds anything; what a killed run left beside it goes.

    Raises:
        OutputError: it is a file, holds files, or cannot be used.
    """
    try:
        if folder.parent.is_dir():
            recover(folder, lambda name: False)
        if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(f"The output {folder} exists and is not an empty folder; choose another.")
    except OSError as error:
        raise output_error(folder, error) from error


def truth_record(scan: Simulated, seed: int) -> dict[str, Any]:
    """What ``truth.json`` holds, in JSON's own types."""
    findings, scene = scan.findings, asdict(scan.scene)
    scene["head"] = asdict(scan.model)
    grades = findings.motion_grades
    return {
        "note": NOTE,
        "seed": seed,
        "metrics": {name: float(value) for name, value in scan.truth.items()},
        "motion_grades": None if grades is None else [int(g) for g in grades],
        "slice_positions_mm": [float(p) for p in scan.volume.slice_positions],
        "landmarks_ras_mm": {
            name: {"position": [float(v) for v in p.position], "in_scan": p.in_scan}
            for name, p in findings.landmarks.items()
        },
        "scene": json.loads(json.dumps(scene, default=_plain)),
    }


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in truth.json")
