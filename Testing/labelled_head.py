"""A labelled ellipsoid head with noise, a clip, streaks and motion, made slice by slice so that a large one needs little memory."""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.findings import Findings, Landmark, Plane, Tissue
from HeadCTIQALib.volume.types import Acquisition, CTVolume, Source

LANDMARKS = {
    "EAM_R": (48, -8, -60), "EAM_L": (-48, -8, -60), "CANTHUS_R": (48, 62, -60), "CANTHUS_L": (-48, 62, -60),
    "GLOBE_R": (32, 72, -58), "GLOBE_L": (-32, 72, -58), "BASION": (0, -8, -84), "OPISTHION": (0, -44, -84), "VERTEX": (0, 0, 100),
}  # fmt: skip
_SHAPES = (  # semi-axes and centre in RAS mm, label, HU
    ((76, 96, 100), (0, 0, 0), Tissue.SOFT, 40), ((72, 92, 95), (0, 0, 0), Tissue.BONE, 900), ((66, 86, 88), (0, 0, 0), Tissue.BRAIN, 32),
    ((15, 40, 30), (40, 0, 20), Tissue.WHITE, 27), ((15, 40, 30), (-40, 0, 20), Tissue.WHITE, 27),
    ((10, 20, 16), (16, 0, 5), Tissue.DEEP_GREY, 35), ((10, 20, 16), (-16, 0, 5), Tissue.DEEP_GREY, 35),
    ((5, 25, 14), (0, 0, 25), Tissue.CSF, 8), ((4, 4, 4), (0, 99, 0), Tissue.FOREIGN, 2500),
)  # fmt: skip


def labelled_head(
    slices: int = 50, matrix: int = 176, pixel_mm: float = 1.3, spacing_mm: float = 4.5
) -> tuple[CTVolume, Findings]:
    """The scan and its findings, in which every IQM can be measured; noise of 4 HU."""
    z = (np.arange(slices) - slices / 2) * spacing_mm
    x = ((matrix - 1) / 2 - np.arange(matrix)) * pixel_mm
    origins = np.column_stack([np.full(slices, x[0]), np.full(slices, x[0]), z])
    noise = np.rint(np.random.default_rng(0).normal(0, 4, (matrix, matrix))).astype(np.int16)
    hu, tissue = np.full((slices, matrix, matrix), -1000, np.int16), np.zeros((slices, matrix, matrix), np.uint8)
    streak = np.zeros(tissue.shape, bool)
    for s in range(slices):
        for axes, centre, label, value in _SHAPES:
            inside = ((x - centre[0]) / axes[0]) ** 2 + ((x[:, None] - centre[1]) / axes[1]) ** 2 + (
                (z[s] - centre[2]) / axes[2]
            ) ** 2 < 1
            tissue[s][inside], hu[s][inside] = label, value
        hu[s] += np.roll(noise, 37 * s, axis=(0, 1))
        streak[s] = (abs(z[s] + 50) < 4) & (tissue[s] == Tissue.BRAIN) & (abs(x) < 20)
    grades = np.zeros(slices, np.int8)
    grades[slices // 2 : slices // 2 + 6] = 2
    acquisition = Acquisition(kernel="H30s", slice_thickness_mm=spacing_mm, patient_age_years=50.0)
    volume = CTVolume(
        hu, origins, np.array([-pixel_mm, 0, 0]), np.array([0, -pixel_mm, 0]), acquisition=acquisition,
        source=Source("simulated", "ellipsoids", sha256="ef" * 32),
    )  # fmt: skip
    marks = {name: Landmark(tuple(map(float, p)), 0.9) for name, p in LANDMARKS.items()}
    return volume, Findings(
        tissue, marks, Plane((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)), streak, grades, np.full(slices, 1.0)
    )
