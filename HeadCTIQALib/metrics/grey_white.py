"""Category "noise_contrast": grey-white contrast to noise.

It is measured in the slices as they are, and judged by what it would be in slices of 5 mm (:mod:`HeadCTIQALib.metrics.noise_along_k`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import INTRACRANIAL, Findings, Tissue
from HeadCTIQALib.masks import eroded
from HeadCTIQALib.metrics import instructions
from HeadCTIQALib.metrics.common import BoolArray, Unassessable, bounding_box
from HeadCTIQALib.metrics.metric import MIDSAGITTAL, STREAK, Metric, register
from HeadCTIQALib.metrics.noise_along_k import STANDARD_MM, conversion, noise_reach
from HeadCTIQALib.metrics.noise_along_k import details as conversion_details
from HeadCTIQALib.metrics.positioning import midsagittal_normal
from HeadCTIQALib.metrics.types import Evidence, Measurement, not_assessable
from HeadCTIQALib.volume.texture import is_sharp_scan, sharp_kernel
from HeadCTIQALib.volume.types import CTVolume, Vector

MIN_TISSUE_ML = 1.0
MIN_SIDE_ML = 0.4
SIDE_DIFFERENCE_HU = 3.0
MAX_CNR_NOISE_HU = 20.0
DETREND_MM = 6.5
# partial volume at the borders; white matter borders on fluid and cortex everywhere, and there is plenty of it
MARGIN_MM = {Tissue.DEEP_GREY: 1.0, Tissue.WHITE: 1.5}


#: (tissue, native slice) to the eroded mask (where it begins, its shape and bits) and its residuals.
Memory = dict[tuple[Tissue, int], tuple[tuple[object, ...], NDArray[np.float32]]]


def gray_white_cnr(volume: CTVolume, findings: Findings, memory: Memory | None = None) -> Measurement:
    """Grey-white contrast-to-noise ratio: (median deep grey - median white) / sqrt((s_G^2 + s_W^2)/2); higher is better.

    s is the robust noise SD in each tissue: 1.4826 * MAD of HU minus the local mean of the same tissue in 6.5 mm
    in-plane windows, so that slow anatomy does not count as noise.  Masks are eroded by 1 mm (deep
    grey) and 1.5 mm (white), at least one pixel.  The sides are split by the mid-sagittal plane; when their contrasts differ by more than 3 HU the side with
    the larger contrast is used and flagged.  Details: ``contrast_hu``, ``noise_hu``, ``deep_grey_hu``, ``white_hu``,
    and ``contrast_right_hu``, ``contrast_left_hu`` where both sides can be measured; ``cnr_5mm`` is the ratio in a slice of 5 mm, in
    which it is judged, with ``noise_length_mm`` and ``noise_correlation_next_slice`` as for :func:`noise`.
    Source: Nakamura et al. 2019 (7.1 HU, CNR 1.77); inference for the lower limit.

    Args:
        memory: keeps the residuals of every slice from one measurement of the same ``volume`` to the next; only slices
            whose eroded masks changed are detrended again.
    """
    if is_sharp_scan(volume):
        return not_assessable(
            "gray_white_cnr",
            f"The {sharp_kernel(volume)} leaves no usable grey-white contrast: use a soft-tissue reconstruction.",
        )
    try:
        return _gray_white_cnr(volume, findings, {} if memory is None else memory)
    except Unassessable as reason:
        return not_assessable("gray_white_cnr", str(reason))


def _gray_white_cnr(volume: CTVolume, findings: Findings, memory: Memory) -> Measurement:
    flags: list[str] = []
    plane = _midsagittal(volume, findings)
    deep = _samples(volume, findings, Tissue.DEEP_GREY, "deep grey matter", plane, memory)
    white = _samples(volume, findings, Tissue.WHITE, "white matter", plane, memory)
    details: dict[str, float] = {}
    deep, white, used = _better_side(deep, white, plane, details, flags)
    contrast, noise_hu = deep.median - white.median, float(np.sqrt((deep.noise_hu**2 + white.noise_hu**2) / 2))
    if noise_hu > MAX_CNR_NOISE_HU:
        raise Unassessable(f"The noise of {noise_hu:.0f} HU is too high for grey-white contrast.")
    if noise_hu <= 0:
        raise Unassessable("Deep grey and white matter carry no noise at all, so this is not an original CT.")
    if volume.acquisition.contrast_agent:
        flags.append("Contrast medium was given and may change the grey-white contrast.")
    if contrast <= 0:
        flags.append("Deep grey matter is not brighter than white matter: check both masks.")
    value = float(contrast / noise_hu)
    reach = noise_reach(volume, findings)
    judged = value / reach.factor
    best = int(np.argmax(np.bincount(deep.k)))
    return Measurement(
        "gray_white_cnr",
        value,
        judged=judged,
        method=f"medians and detrended 1.4826 MAD of deep grey and white matter, {used}; {conversion(reach)}",
        details={
            "contrast_hu": contrast,
            "noise_hu": noise_hu,
            "deep_grey_hu": deep.median,
            "white_hu": white.median,
            "cnr_5mm": judged,
            **conversion_details(reach),
            **details,
        },
        flags=tuple(flags),
        evidence=Evidence(
            slice_index=best,
            window=(35.0, 40.0),
            masks=("deep_grey", "white"),
            caption=(
                f"Deep grey is {contrast:.1f} HU brighter than white matter at {noise_hu:.1f} HU noise: "
                f"contrast-to-noise ratio {value:.2f}, {judged:.2f} in a slice of {STANDARD_MM:g} mm."
            ),
        ),
    )


@dataclass(frozen=True)
class _Samples:
    """One tissue: parallel arrays over its eroded voxels (native slice, HU, residual against the local mean, side)."""

    k: NDArray[np.intp]
    hu: NDArray[np.int16]
    residual: NDArray[np.float32]
    right: BoolArray  # on the side of the mid-sagittal plane to which its normal points; all False without a plane
    ml: float

    def where(self, keep: BoolArray) -> _Samples:
        """The voxels chosen by ``keep``."""
        return _Samples(self.k[keep], self.hu[keep], self.residual[keep], self.right[keep], self.ml_of(keep))

    def ml_of(self, keep: BoolArray) -> float:
        """Volume of the voxels chosen by ``keep``, mL."""
        return self.ml * np.count_nonzero(keep) / len(keep)

    @property
    def median(self) -> float:
        """Median HU to a fraction of a unit: HU are integers, so the ties at the median are shared out evenly."""
        return _grouped_median(self.hu)

    @property
    def noise_hu(self) -> float:
        r = self.residual[np.isfinite(self.residual)]
        return float(1.4826 * _median(np.abs(r - _median(r)))) if len(r) else 0.0


def _median(values: NDArray[np.float32]) -> np.float32:
    """As ``np.median`` of numbers that are all finite, without its search for those that are not."""
    middle = [(len(values) - 1) // 2, len(values) // 2]
    return np.float32(np.partition(values, middle)[middle].mean())


def _grouped_median(hu: NDArray[np.int16]) -> float:
    low = int(hu.min())
    counts = np.bincount(hu.astype(np.intp) - low)
    up_to = np.cumsum(counts)
    lower, upper = np.searchsorted(up_to, [(len(hu) - 1) // 2, len(hu) // 2], side="right")
    if lower != upper:  # the middle falls between two values
        return low + float(lower + upper) / 2
    return low + float(lower) - 0.5 + (0.5 * len(hu) - (up_to[lower] - counts[lower])) / counts[lower]


def _better_side(
    deep: _Samples, white: _Samples, plane: _Plane | None, details: dict[str, float], flags: list[str]
) -> tuple[_Samples, _Samples, str]:
    """Both tissues of the side(s) to use, and which; the comparison goes to ``details`` and ``flags``."""
    both = (deep, white, "both sides")
    if plane is None:
        flags.append("The sides were not compared: there is no reliable mid-sagittal plane.")
        return both
    sides = {"right": (deep.right, white.right), "left": (~deep.right, ~white.right)}
    if min(t.ml_of(keep) for pair in sides.values() for t, keep in zip((deep, white), pair, strict=True)) < MIN_SIDE_ML:
        flags.append("The sides were not compared: one side has too little deep grey or white matter.")
        return both
    contrast = {side: _grouped_median(deep.hu[d]) - _grouped_median(white.hu[w]) for side, (d, w) in sides.items()}
    details |= {f"contrast_{side}_hu": c for side, c in contrast.items()}
    difference = abs(contrast["right"] - contrast["left"])
    if difference <= SIDE_DIFFERENCE_HU:
        return both
    better = max(contrast, key=lambda side: contrast[side])
    flags.append(
        f"The contrast differs by {difference:.1f} HU between the sides; only the patient's {better} side is used."
    )
    return deep.where(sides[better][0]), white.where(sides[better][1]), f"{better} side only"


_Plane = tuple[Vector, Vector]  # origin and unit normal, RAS


def _midsagittal(volume: CTVolume, findings: Findings) -> _Plane | None:
    """The mid-sagittal plane, its normal to the patient's right, or None where there is no reliable one."""
    try:
        n = midsagittal_normal(volume, findings)
    except Unassessable:
        return None
    assert findings.midsagittal is not None
    return np.asarray(findings.midsagittal.origin, float), n[0] * volume.r + n[1] * volume.a + n[2] * volume.k


def _samples(
    volume: CTVolume, findings: Findings, tissue: Tissue, name: str, plane: _Plane | None, memory: Memory
) -> _Samples:
    """Eroded voxels of one tissue outside streaks, with residuals against the local mean."""
    mask = findings.tissue == tissue
    if findings.streak is not None:
        mask &= ~findings.streak
    box = bounding_box(mask)
    if box is None:
        raise Unassessable(f"No {name} was found.")
    dj, di = volume.pixel_spacing
    margins = [max(1, round(MARGIN_MM[tissue] / step)) for step in (dj, di)]
    hu = volume.hu[box]

    found = []
    for s, of_slice in enumerate(mask[box]):
        core = eroded(of_slice, *margins)
        key, state = (tissue, box[0].start + s), (box[1].start, box[2].start, core.shape, np.packbits(core).tobytes())
        if key not in memory or memory[key][0] != state:
            memory[key] = (state, _residual(hu[s], core, dj, di))
        found.append((hu[s][core], memory[key][1], _right(volume, box, s, core, plane)))
    counts = [len(values) for values, _, _ in found]
    ml = float(np.array(counts) @ volume.voxel_volumes_ml[box[0]])
    if ml < MIN_TISSUE_ML:
        raise Unassessable(f"Only {ml:.1f} mL of {name} were found; {MIN_TISSUE_ML:g} mL are needed.")
    values, residual, right = (np.concatenate(part) for part in zip(*found, strict=True))
    return _Samples(np.repeat(np.arange(box[0].start, box[0].stop), counts), values, residual, right, ml)


def _right(
    volume: CTVolume, box: tuple[slice, slice, slice], s: int, core: BoolArray, plane: _Plane | None
) -> BoolArray:
    """(n,) which voxels of ``core``, slice ``s`` of ``box``, lie on the side to which the normal of ``plane`` points."""
    if plane is None:
        return np.zeros(np.count_nonzero(core), bool)
    origin, normal = plane
    rows, columns = (np.arange(part.start, part.stop) for part in box[1:])
    height = (volume.origins[box[0].start + s] - origin) @ normal + rows * (volume.col_step @ normal)
    return np.asarray((height[:, None] + columns * (volume.row_step @ normal))[core] > 0)


def _residual(hu: NDArray[np.int16], core: BoolArray, dj: float, di: float) -> NDArray[np.float32]:
    """HU minus the mean of the same tissue in the 6.5 mm window around every core voxel, NaN with too few neighbours.

    The voxel's own share in that mean shrinks the residual by sqrt(1 - 1/n); this is undone.
    """
    if not core.any():
        return np.empty(0, np.float32)
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


register(
    Metric(
        "gray_white_cnr",
        gray_white_cnr,
        reads=frozenset({"deep_grey", "white", "parenchyma", "intracranial", STREAK, MIDSAGITTAL}),
        instruct=instructions.contrast,
        remembers=True,
        meant_by=("deep_grey", "white"),
        within=INTRACRANIAL,
        segment="white",
        regions=("deep_grey", "white"),
        picture="masks and bare",
        of_noise=True,
    )
)
