"""Writes a :class:`CTVolume` as NIfTI."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from HeadCTIQALib.errors import OutputError
from HeadCTIQALib.volume.types import CTVolume


def write_nifti(volume: CTVolume, path: Path) -> None:
    """Write ``volume`` as a NIfTI image in HU.

    Raises:
        OutputError: the slices are unevenly spaced or tilted, which NIfTI readers do not agree on, or ``path`` cannot
            be written.
    """
    import SimpleITK

    step = (volume.origins[-1] - volume.origins[0]) / max(1, len(volume.origins) - 1)
    even = np.allclose(volume.origins, volume.origins[0] + np.arange(len(volume.origins))[:, None] * step, atol=0.01)
    if len(volume.origins) < 2 or not even or np.linalg.norm(np.cross(step, volume.k)) > 0.01:
        raise OutputError(
            f"The slices are tilted or unevenly spaced, so {path.name} cannot be NIfTI; use --format dicom."
        )
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
