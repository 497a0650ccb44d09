"""A head of nested ellipsoids: small, quick, and exactly known."""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.volume.types import Acquisition, CTVolume, Source

# Semi-axes (right, anterior, superior) in mm of a head of nested ellipsoids around the RAS origin.
SCALP, SKULL, BRAIN, VENTRICLE = (76, 96, 104), (71, 91, 99), (64, 84, 92), (14, 26, 16)


def simulated_head(
    slices: int = 40,
    matrix: int = 96,
    pixel_mm: float = 2.4,
    spacing_mm: float = 5.0,
    tilt_deg: float = 0.0,
    positions: np.ndarray | None = None,
    noise_hu: float = 4.0,
    padding: bool = False,
    seed: int = 0,
    acquisition: Acquisition | None = None,
) -> CTVolume:
    """A head of scalp, skull, brain and ventricles sampled on true slice positions.

    Args:
        positions: (K,) mm along S where the table stood; evenly spaced and centred when None.
        tilt_deg: gantry tilt about R; the slices are sheared as on a scanner (the table moves along S).
        padding: mark everything outside the reconstruction circle as padding.
    """
    if positions is None:
        positions = (np.arange(slices) - (slices - 1) / 2) * spacing_mm
    t = np.deg2rad(tilt_deg)
    row, col = np.array([-pixel_mm, 0, 0]), pixel_mm * np.array([0, -np.cos(t), -np.sin(t)])
    origins = np.zeros((len(positions), 3)) - 0.5 * (matrix - 1) * (row + col)
    origins[:, 2] += positions
    index = np.arange(matrix, dtype=float)
    plane = index[None, :, None] * row + index[:, None, None] * col
    points = origins[:, None, None, :] + plane[None]

    def inside(axes: tuple[float, float, float]) -> np.ndarray:
        return ((points / np.array(axes)) ** 2).sum(-1) < 1

    hu = np.full(points.shape[:3], -1000.0)
    for axes, value in ((SCALP, 40.0), (SKULL, 900.0), (BRAIN, 33.0), (VENTRICLE, 6.0)):
        hu[inside(axes)] = value
    hu += np.random.default_rng(seed).normal(0, noise_hu, hu.shape)
    mask = None
    if padding:
        centre = (matrix - 1) / 2
        circle = np.hypot(index - centre, (index - centre)[:, None]) > matrix / 2
        mask = np.broadcast_to(circle, hu.shape).copy()
        hu[mask] = -1024
    return CTVolume(
        hu=np.rint(hu).astype(np.int16),
        origins=origins,
        row_step=row,
        col_step=col,
        padding=mask,
        acquisition=acquisition
        or Acquisition(
            manufacturer="SIMULATED",
            model="Ellipsoids",
            kernel="H30s",
            slice_thickness_mm=spacing_mm,
            kvp=120.0,
            body_part="HEAD",
            study_date="20200101",
            series_description="Head ellipsoids",
            patient_age_years=50.0,
        ),
        source=Source("simulated", "ellipsoids"),
    )
