"""What the commands do once their arguments are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.progress import JsonProgress, Progress, TextProgress, silent

from .tree import as_text, show

if TYPE_CHECKING:
    from HeadCTIQALib.scoring import ScoringModel
    from HeadCTIQALib.volume import CTVolume


def assess(input_path: Path, output: Path, series: str | None, device: str, scoring: Path | None, kind: str) -> int:
    """Assess ``input_path`` into ``output`` and show the result; returns 0.

    Raises:
        HeadCTIQAError: see :func:`HeadCTIQALib.assessment.assess`; refusals that need no networks come first.
    """
    from HeadCTIQALib import assessment

    try:
        there = input_path.exists()
    except OSError as error:  # e.g. a name longer than the file system allows, or a folder that may not be entered
        raise InputError(f"The input {input_path} cannot be opened ({error.strerror or error}); check the path.") from error
    if not there:
        raise InputError(f"The input {input_path} does not exist; give a DICOM folder or an image file.")
    assessment.check_output(output, input_path)
    model = _scoring_model(scoring)
    text, events = TextProgress(), JsonProgress()
    progress: Progress = text if kind == "text" else events if kind == "json" else silent
    try:
        result = assessment.assess(input_path, series=series, device=device, scoring_model=model, progress=progress)
        folder = result.write(output, progress)
    finally:
        text.clear()
    if kind == "json":
        overall = result.record["overall"]
        events.emit("result", folder=str(folder), overall=overall["score"], band=overall["band"], withheld_reason=overall["withheld_reason"])
    else:
        show(as_text(result.record, folder))
    return 0


def simulate(output: Path, seed: int | None, demo: bool, format_: str) -> int:
    """Write a simulated scan and what is true of it into ``output``; returns 0.

    Raises:
        OutputError: ``output`` is not empty or cannot be written.
    """
    from HeadCTIQALib import synthesis
    from HeadCTIQALib.assessment.record import plain

    try:
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise OutputError(f"The output {output} exists and is not an empty folder; choose another.")
        output.mkdir(parents=True, exist_ok=True)
        make = synthesis.demo_scene if demo else synthesis.simulate
        scan = make() if seed is None else make(seed=seed)
        if format_ == "dicom":
            from HeadCTIQALib.synthesis.dicom import write_series

            write_series(scan.volume, output / "simulated-head", seed=seed or 0)
        else:
            write_nifti(scan.volume, output / "scan.nii.gz")
        (output / "truth.json").write_text(json.dumps(plain(scan.truth), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"The output {output} cannot be written ({error.strerror or error}); choose another folder.") from error
    show(f"Simulated scan: {output}\n")
    return 0


def write_nifti(volume: CTVolume, path: Path) -> None:
    """Write ``volume`` as a NIfTI image in HU.

    Raises:
        OutputError: the slices are unevenly spaced or tilted, which NIfTI readers do not agree on, or ``path`` cannot
            be written.
    """
    import numpy as np
    import SimpleITK

    step = (volume.origins[-1] - volume.origins[0]) / max(1, len(volume.origins) - 1)
    even = np.allclose(volume.origins, volume.origins[0] + np.arange(len(volume.origins))[:, None] * step, atol=0.01)
    if len(volume.origins) < 2 or not even or np.linalg.norm(np.cross(step, volume.k)) > 0.01:
        raise OutputError(f"The slices are tilted or unevenly spaced, so {path.name} cannot be NIfTI; use --format dicom.")
    steps = np.stack([volume.row_step, volume.col_step, step]) * (-1.0, -1.0, 1.0)  # LPS
    spacing = np.linalg.norm(steps, axis=1)
    image = SimpleITK.GetImageFromArray(volume.hu)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin((volume.origins[0] * (-1.0, -1.0, 1.0)).tolist())
    image.SetDirection((steps / spacing[:, None]).T.ravel().tolist())
    try:
        SimpleITK.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:
        raise OutputError(f"The file {path} cannot be written; choose another folder or free some space.") from error


def _scoring_model(path: Path | None) -> ScoringModel | None:
    if path is None:
        return None
    from HeadCTIQALib.scoring import load_model

    return load_model(path)
