"""Category "noise_contrast": global noise in the brain, and grey-white contrast to noise.

The noise estimate lives in :mod:`HeadCTIQALib.metrics.local_noise`; this file turns it into measurements.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import Findings, Tissue
from HeadCTIQALib.metrics.common import BoolArray, Unassessable, bounding_box, limits, voxel_ras
from HeadCTIQALib.metrics.local_noise import global_noise
from HeadCTIQALib.metrics.positioning import midsagittal_normal
from HeadCTIQALib.metrics.types import Evidence, Measurement, not_assessable
from HeadCTIQALib.volume.kernels import is_sharp
from HeadCTIQALib.volume.types import CTVolume

MIN_TISSUE_ML = 1.0
MIN_SIDE_ML = 0.4
SIDE_DIFFERENCE_HU = 3.0
MAX_CNR_NOISE_HU = 20.0
DETREND_MM = 6.5
# partial volume at the borders; white matter borders on fluid and cortex everywhere, and there is plenty of it
MARGIN_MM = {Tissue.DEEP_GREY: 1.0, Tissue.WHITE: 1.5}


def noise(volume: CTVolume, findings: Findings) -> Measurement:
    """Noise sigma, HU: mode of the local SD in 6-7 mm in-plane windows of parenchyma; lower is better.

    Method in :func:`HeadCTIQALib.metrics.local_noise.global_noise`.  Details: ``windows``, ``window_mm``,
    ``effective_samples`` (independent noise samples a window is worth), ``uncorrected_mode_hu``.
    Source: after Christianson et al. 2015; range from Ahmad et al. 2021 (2.9-10.2 HU in 99 head CTs).
    """
    try:
        result = global_noise(volume, findings)
    except Unassessable as reason:
        return not_assessable("noise", str(reason))
    flags = []
    if is_sharp(volume.acquisition.kernel):
        flags.append(f"Sharp kernel ({volume.acquisition.kernel}): the ranges are meant for soft-tissue reconstructions.")
    s, j, i = result.typical_window
    return Measurement(
        "noise",
        result.sigma_hu,
        method=result.method,
        details={
            "windows": float(result.windows),
            "window_mm": result.window_mm,
            "effective_samples": result.effective_samples,
            "uncorrected_mode_hu": result.mode_hu,
        },
        flags=tuple(flags),
        evidence=Evidence(
            slice_index=s,
            points={"typical window": voxel_ras(volume, s, j, i)},
            slices=result.slices,
            caption=f"Noise {result.sigma_hu:.1f} HU in the brain ({result.windows} windows); {limits('noise')}.",
        ),
    )


def gray_white_cnr(volume: CTVolume, findings: Findings) -> Measurement:
    """Grey-white contrast-to-noise ratio: (median deep grey - median white) / sqrt((s_G^2 + s_W^2)/2); higher is better.

    s is the robust noise SD in each tissue: 1.4826 * MAD of HU minus the local mean of the same tissue in 6.5 mm
    in-plane windows, so that slow anatomy does not count as noise.  Masks are eroded by 1 mm (deep
    grey) and 1.5 mm (white), at least one pixel.  The sides are split by the mid-sagittal plane; when their contrasts differ by more than 3 HU the side with
    the larger contrast is used and flagged.  Details: ``contrast_hu``, ``noise_hu``, ``deep_grey_hu``, ``white_hu``,
    and ``contrast_right_hu``, ``contrast_left_hu`` where both sides can be measured.
    Source: Nakamura et al. 2019 (7.1 HU, CNR 1.77); inference for the lower limit.
    """
    kernel = volume.acquisition.kernel
    if is_sharp(kernel):
        return not_assessable("gray_white_cnr", f"The kernel {kernel} is too sharp for grey-white contrast: use a soft-tissue reconstruction.")
    try:
        return _gray_white_cnr(volume, findings)
    except Unassessable as reason:
        return not_assessable("gray_white_cnr", str(reason))


def _gray_white_cnr(volume: CTVolume, findings: Findings) -> Measurement:
    flags: list[str] = []
    deep = _samples(volume, findings, Tissue.DEEP_GREY, "deep grey matter")
    white = _samples(volume, findings, Tissue.WHITE, "white matter")
    details: dict[str, float] = {}
    deep, white, used = _better_side(volume, findings, deep, white, details, flags)
    contrast, noise_hu = deep.median - white.median, float(np.sqrt((deep.noise_hu**2 + white.noise_hu**2) / 2))
    if noise_hu > MAX_CNR_NOISE_HU:
        raise Unassessable(f"The noise of {noise_hu:.0f} HU is too high for grey-white contrast.")
    if noise_hu <= 0:
        raise Unassessable("Deep grey and white matter carry no noise at all, so this is not an original CT.")
    if volume.acquisition.contrast_agent:
        flags.append("Contrast medium was given and may change the grey-white contrast.")
    if contrast <= 0:
        flags.append("Deep grey matter is not brighter than white matter: check both masks.")
    value = contrast / noise_hu
    best = int(np.argmax(np.bincount(deep.k)))
    return Measurement(
        "gray_white_cnr",
        value,
        method=f"medians and detrended 1.4826 MAD of deep grey and white matter, {used}",
        details={
            "contrast_hu": contrast, "noise_hu": noise_hu, "deep_grey_hu": deep.median, "white_hu": white.median, **details,
        },
        flags=tuple(flags),
        evidence=Evidence(
            slice_index=best,
            window=(35.0, 40.0),
            masks=("deep_grey", "white"),
            caption=(
                f"Deep grey is {contrast:.1f} HU brighter than white matter at {noise_hu:.1f} HU noise: "
                f"contrast-to-noise ratio {value:.2f}; {limits('gray_white_cnr')}."
            ),
        ),
    )


@dataclass(frozen=True)
class _Samples:
    """One tissue: parallel arrays over its eroded voxels (native indices, HU, residual against the local mean)."""

    k: NDArray[np.intp]
    j: NDArray[np.intp]
    i: NDArray[np.intp]
    hu: NDArray[np.float32]
    residual: NDArray[np.float32]
    ml: float

    def right_of(self, volume: CTVolume, origin: NDArray[np.float64], normal: NDArray[np.float64]) -> BoolArray:
        """True for voxels on the side of a plane to which ``normal`` points."""
        height = (volume.origins - origin) @ normal
        return height[self.k] + self.j * (volume.col_step @ normal) + self.i * (volume.row_step @ normal) > 0

    def where(self, keep: BoolArray) -> _Samples:
        """The voxels chosen by ``keep``."""
        ml = self.ml * np.count_nonzero(keep) / len(keep)
        return _Samples(self.k[keep], self.j[keep], self.i[keep], self.hu[keep], self.residual[keep], ml)

    @property
    def median(self) -> float:
        """Median HU to a fraction of a unit: HU are integers, so the ties at the median are shared out evenly."""
        return _grouped_median(self.hu)

    @property
    def noise_hu(self) -> float:
        r = self.residual[np.isfinite(self.residual)]
        return float(1.4826 * np.median(np.abs(r - np.median(r)))) if len(r) else 0.0


def _grouped_median(hu: NDArray[np.float32]) -> float:
    m = float(np.median(hu))
    below, at = np.count_nonzero(hu < m), np.count_nonzero(hu == m)
    return m - 0.5 + (0.5 * len(hu) - below) / at if at else m


def _better_side(
    volume: CTVolume, findings: Findings, deep: _Samples, white: _Samples, details: dict[str, float], flags: list[str]
) -> tuple[_Samples, _Samples, str]:
    """Both tissues of the side(s) to use, and which; the comparison goes to ``details`` and ``flags``."""
    both = (deep, white, "both sides")
    try:
        n = midsagittal_normal(volume, findings)
    except Unassessable:
        flags.append("The sides were not compared: there is no reliable mid-sagittal plane.")
        return both
    assert findings.midsagittal is not None
    origin = np.asarray(findings.midsagittal.origin, float)
    right = [t.right_of(volume, origin, n[0] * volume.r + n[1] * volume.a + n[2] * volume.k) for t in (deep, white)]
    sides = {
        "right": (deep.where(right[0]), white.where(right[1])),
        "left": (deep.where(~right[0]), white.where(~right[1])),
    }
    if min(t.ml for pair in sides.values() for t in pair) < MIN_SIDE_ML:
        flags.append("The sides were not compared: one side has too little deep grey or white matter.")
        return both
    contrast = {side: pair[0].median - pair[1].median for side, pair in sides.items()}
    details |= {f"contrast_{side}_hu": c for side, c in contrast.items()}
    difference = abs(contrast["right"] - contrast["left"])
    if difference <= SIDE_DIFFERENCE_HU:
        return both
    better = max(contrast, key=lambda side: contrast[side])
    flags.append(f"The contrast differs by {difference:.1f} HU between the sides; only the patient's {better} side is used.")
    return (*sides[better], f"{better} side only")


def _samples(volume: CTVolume, findings: Findings, tissue: Tissue, name: str) -> _Samples:
    """Eroded voxels of one tissue outside streaks, with residuals against the local mean."""
    mask = findings.tissue == tissue
    if findings.streak is not None:
        mask &= ~findings.streak
    box = bounding_box(mask)
    if box is None:
        raise Unassessable(f"No {name} was found.")
    mask = mask[box]
    dj, di = volume.pixel_spacing
    margin = MARGIN_MM[tissue]
    core = _erode(mask, max(1, round(margin / dj)), max(1, round(margin / di)))
    ml = float(np.count_nonzero(core, axis=(1, 2)) @ volume.voxel_volumes_ml[box[0]])
    if ml < MIN_TISSUE_ML:
        raise Unassessable(f"Only {ml:.1f} mL of {name} were found; {MIN_TISSUE_ML:g} mL are needed.")
    k, j, i = np.nonzero(core)
    cropped = volume.hu[box]
    residual = np.concatenate(
        [_residual(cropped[s], core[s], dj, di) for s in range(len(core)) if core[s].any()]
    )
    start = [axis.start for axis in box]
    return _Samples(k + start[0], j + start[1], i + start[2], cropped[k, j, i].astype(np.float32), residual, ml)


def _erode(mask: BoolArray, nj: int, ni: int) -> BoolArray:
    """In-plane square erosion of every slice by nj rows and ni columns."""
    out = ndimage.minimum_filter1d(mask.view(np.uint8), 2 * nj + 1, axis=1, mode="constant", cval=0)
    return ndimage.minimum_filter1d(out, 2 * ni + 1, axis=2, mode="constant", cval=0).view(bool)


def _residual(hu: NDArray[np.int16], core: BoolArray, dj: float, di: float) -> NDArray[np.float32]:
    """HU minus the mean of the same tissue in the 6.5 mm window around every core voxel, NaN with too few neighbours.

    The voxel's own share in that mean shrinks the residual by sqrt(1 - 1/n); this is undone.
    """
    size = (max(3, round(DETREND_MM / dj)), max(3, round(DETREND_MM / di)))
    area = size[0] * size[1]
    weight = core.astype(np.float32)
    n = ndimage.uniform_filter(weight, size, mode="constant") * area
    total = ndimage.uniform_filter(weight * hu, size, mode="constant") * area
    n, total, v = n[core], total[core], hu[core].astype(np.float32)
    enough = n > max(5.0, area / 4)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (v - total / n) / np.sqrt(1.0 - 1.0 / n)
    return np.where(enough, r, np.nan).astype(np.float32)

