"""Noise and grey-white contrast in regions of interest that a person placed, as on a workstation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.metrics import METRICS
from HeadCTIQALib.metrics.noise_along_k import noise_reach
from HeadCTIQALib.metrics.types import Evidence, Measurement, Point, not_assessable
from HeadCTIQALib.record.reviewed import RegionEntry
from HeadCTIQALib.volume.texture import is_sharp_scan, sharp_kernel
from HeadCTIQALib.volume.types import CTVolume

from .correction import CorrectionError

MIN_PIXELS = 100  # the SD of 100 independent pixels is known to 7 %; neighbouring pixels of CT are not independent
MIN_IN_SLICE = 20  # fewer pixels of a slice say nothing about the SD within it


@dataclass(frozen=True, slots=True)
class Region:
    """A box: ``centre`` (RAS mm), three orthogonal unit ``axes`` (RAS) and the ``size`` in mm along each."""

    centre: Point
    axes: tuple[Point, Point, Point]
    size: Point

    def __post_init__(self) -> None:
        axes = np.asarray(self.axes, float)
        if not np.isfinite([*self.centre, *self.size]).all() or not np.allclose(axes @ axes.T, np.eye(3), atol=1e-3):
            raise CorrectionError("The region of interest has no proper place or direction; place it again.")
        if min(self.size) <= 0:
            raise CorrectionError("The region of interest has no extent; pull it larger.")

    def to_record(self) -> RegionEntry:
        """The region as a record keeps it."""
        return RegionEntry(centre=self.centre, axes=self.axes, size_mm=self.size)

    @classmethod
    def from_record(cls, entry: RegionEntry) -> Region:
        """The inverse of :meth:`to_record`."""
        return cls(entry.centre, entry.axes, entry.size_mm)


@dataclass(frozen=True)
class _Pixels:
    """HU inside a region, by native slice."""

    slices: NDArray[np.intp]
    hu: tuple[NDArray[np.int16], ...]

    @property
    def count(self) -> int:
        return sum(map(len, self.hu))

    @property
    def median(self) -> float:
        return float(np.median(np.concatenate(self.hu)))

    @property
    def sd(self) -> float:
        """SD about the mean of every slice, pooled, so that a change along the scan does not count as noise."""
        of = [v.astype(float) for v in self.hu if len(v) >= MIN_IN_SLICE]
        degrees = sum(len(v) - 1 for v in of)
        return float(np.sqrt(sum(((v - v.mean()) ** 2).sum() for v in of) / degrees))


def check_regions(volume: CTVolume, iqm: str, regions: Mapping[str, Region]) -> None:
    """Refuse regions that cannot measure ``iqm``.

    Raises:
        CorrectionError: not the regions that the IQM needs, or too few pixels of the scan inside one.
    """
    needed = METRICS[iqm].regions if iqm in METRICS else ()
    if not needed or set(regions) != set(needed):
        raise CorrectionError(
            f'Regions of interest {", ".join(regions) or "(none)"} do not fit "{iqm}"; place those that it needs.'
        )
    for name, region in regions.items():
        pixels = _pixels(volume, region)
        count = sum(len(v) for v in pixels.hu if len(v) >= MIN_IN_SLICE)
        if count < MIN_PIXELS:
            raise CorrectionError(
                f'The region of interest "{name}" holds {count} usable pixels of the scan; pull it to {MIN_PIXELS} or more.'
            )


def measure_in_regions(volume: CTVolume, findings: Findings, iqm: str, regions: Mapping[str, Region]) -> Measurement:
    """``noise`` as the pooled SD within slices; ``gray_white_cnr`` as difference of medians over the root mean square SD.

    Both are judged in a slice of 5 mm, as without regions; ``findings`` tell where the noise along k is read.
    Source: the way noise and contrast are measured by hand; no window, mode or erosion is involved.
    """
    pixels = {name: _pixels(volume, region) for name, region in regions.items()}
    first = next(iter(pixels.values()))
    evidence = Evidence(
        slice_index=int(first.slices[len(first.slices) // 2]),
        points={f"region {name}": region.centre for name, region in regions.items()},
        slices=tuple(int(s) for s in first.slices),
    )
    m = _noise(first, evidence) if iqm == "noise" else _contrast(volume, pixels["deep_grey"], pixels["white"], evidence)
    if m.value is None:
        return m
    factor = noise_reach(volume, findings).factor
    return replace(m, judged=m.value * factor if iqm == "noise" else m.value / factor)


def _noise(brain: _Pixels, evidence: Evidence) -> Measurement:
    sigma = brain.sd
    caption = f"Noise {sigma:.1f} HU in the region of interest."
    return Measurement(
        "noise", sigma, method="pooled SD within slices of a region of interest", details={"pixels": float(brain.count)},
        evidence=replace(evidence, caption=caption),
    )  # fmt: skip


def _contrast(volume: CTVolume, grey: _Pixels, white: _Pixels, evidence: Evidence) -> Measurement:
    iqm = "gray_white_cnr"
    if is_sharp_scan(volume):
        return not_assessable(
            iqm, f"The {sharp_kernel(volume)} leaves no usable grey-white contrast: use a soft-tissue reconstruction."
        )
    noise = float(np.sqrt((grey.sd**2 + white.sd**2) / 2))
    if noise <= 0:
        return not_assessable(iqm, "The regions of interest carry no noise at all, so this is not an original CT.")
    contrast = grey.median - white.median
    value = contrast / noise
    caption = f"{contrast:.1f} HU between the regions of interest at {noise:.1f} HU noise: {value:.2f}."
    return Measurement(
        iqm, value, method="medians and SD within slices of two regions of interest",
        details={"contrast_hu": contrast, "noise_hu": noise, "deep_grey_hu": grey.median, "white_hu": white.median},
        evidence=replace(evidence, window=(35.0, 40.0), caption=caption),
    )  # fmt: skip


def _pixels(volume: CTVolume, region: Region) -> _Pixels:
    """The voxels whose centres lie inside ``region``, by the true position of every slice."""
    axes, half = np.asarray(region.axes, float), 0.5 * np.asarray(region.size, float)
    centre = np.asarray(region.centre, float)
    reach = float(np.abs(axes @ volume.k) @ half)
    near = np.flatnonzero(np.abs(volume.slice_positions - centre @ volume.k) <= reach)
    steps = np.stack([volume.col_step, volume.row_step])
    kept, values = [], []
    for s in near:
        offset = centre - volume.origins[s]
        box = []
        for step, count in zip(steps, volume.shape[1:], strict=True):
            length = float(np.linalg.norm(step))
            middle, spread = float(offset @ step) / length**2, float(np.abs(axes @ step) @ half) / length**2
            box.append(np.arange(max(0, int(middle - spread)), min(count, int(middle + spread) + 2)))
        rows, columns = box
        if not len(rows) or not len(columns):
            continue
        local = (rows[:, None, None] * volume.col_step + columns[None, :, None] * volume.row_step - offset) @ axes.T
        inside = (np.abs(local) <= half).all(axis=-1)
        if inside.any():
            kept.append(s)
            values.append(volume.hu[s, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][inside])
    return _Pixels(np.asarray(kept, np.intp), tuple(values))
