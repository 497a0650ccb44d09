"""What a volume shows, on a coarse grid: body, closed skull, tissue inside it.  Good enough to refuse what is no head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.masks import largest_piece

from .calibration import Brain, brain
from .resample import block_mean
from .symmetry import lies_sideways
from .types import CTVolume

COARSE_MM = 2.5
_BODY_HU = -300
_BONE_HU = 200
_BRAIN_HU = (-10, 90)  # 0..80 with the noise and partial volume of coarse voxels
_LUNG_HU = -400  # air and lung
_MIN_SECTION_CM2 = 20.0


@dataclass(frozen=True)
class Content:
    """Measures of the coarse volume.

    Attributes:
        enclosed_ml: volume enclosed by bone in sections of at least 20 cm2.
        brain_ml: the part of it in the range of brain and CSF.
        air_ml: the part of it darker than -400 HU.
        body_width_mm: median, over the slices with enclosed sections (all slices when there are none), of the larger
            in-plane extent of the body.
        cut_slices: indices k of slices with enclosed brain whose head touches the edge of the image or of its
            reconstruction circle over more than 20 mm.
        brain: HU inside the skull.
        sideways: the head is mirror-symmetrical from front to back instead of from right to left.
        aspect: width over length of the largest enclosed section, by the spread of its pixels about its middle; None without one.
    """

    enclosed_ml: float
    brain_ml: float
    air_ml: float
    body_width_mm: float
    cut_slices: tuple[int, ...]
    brain: Brain
    aspect: float | None
    sideways: bool


def content(volume: CTVolume) -> Content:
    """Measure `volume` slice by slice (at most one slice per 2.5 mm) on 2.5 mm pixels."""
    factors = (max(1, round(COARSE_MM / volume.pixel_spacing[0])), max(1, round(COARSE_MM / volume.pixel_spacing[1])))
    pixel = (volume.pixel_spacing[0] * factors[0], volume.pixel_spacing[1] * factors[1])
    slices = _every(volume.slice_positions, COARSE_MM)
    positions = volume.slice_positions[slices]
    step = np.gradient(positions) if len(slices) > 1 else np.array([volume.slice_widths[0]])
    edges = _edges(volume, slices, factors)
    rows, sections = [], []
    for k, mm in zip(slices, np.minimum(step, 3 * np.median(step)), strict=True):
        hu = _coarse(volume.hu[k], factors)
        skull, closed, within, air, width = _section(hu, pixel)
        sections.append((hu, skull))
        rows.append((k, mm, closed, within, air, width, _contact_mm(hu, closed, next(edges), pixel)))
    area = pixel[0] * pixel[1]
    enclosed = [r for r in rows if r[2].any()]
    aspect = _aspect(volume, max(enclosed, key=lambda r: r[2].sum())[2], factors) if enclosed else None
    widths = [r[5] for r in (enclosed or rows)]
    return Content(
        enclosed_ml=sum(r[2].sum() * area * r[1] for r in enclosed) / 1000,
        brain_ml=sum(r[3] * area * r[1] for r in enclosed) / 1000,
        air_ml=sum(r[4] * area * r[1] for r in enclosed) / 1000,
        body_width_mm=float(np.median(widths)),
        cut_slices=tuple(int(r[0]) for r in enclosed if r[6] > 20),
        brain=brain(sections, pixel),
        aspect=aspect,
        sideways=lies_sideways(
            volume, [(hu, filled, r[2]) for (hu, filled), r in zip(sections, rows, strict=True)], factors, aspect
        ),
    )


def _aspect(volume: CTVolume, section: NDArray[np.bool_], factors: tuple[int, int]) -> float:
    """Spread of a section (J, I) from right to left over that from front to back."""
    j, i = np.nonzero(section)
    points = j[:, None] * factors[0] * volume.col_step + i[:, None] * factors[1] * volume.row_step
    return float((points @ volume.r).std() / (points @ volume.a).std())


def _every(positions: NDArray[np.float64], mm: float) -> list[int]:
    """Indices of slices at least `mm` apart (with a little slack)."""
    chosen = [0]
    for k in range(1, len(positions)):
        if positions[k] - positions[chosen[-1]] >= 0.9 * mm:
            chosen.append(k)
    return chosen


def _coarse(plane: NDArray[np.int16], factors: tuple[int, int]) -> NDArray[np.float32]:
    """Block means; a remainder at the far edges is cut off."""
    return block_mean(plane, *factors)


def _section(
    hu: NDArray[np.float32], pixel: tuple[float, float]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], float, float, float]:
    """Bone and what it encloses (J, I), the large enclosed region alone, its brain and air pixels, width of the body in mm."""
    body = largest_piece(hu > _BODY_HU)
    width = max((np.ptp(np.nonzero(body)[a]) + 1) * pixel[a] for a in (0, 1)) if body.any() else 0.0
    bone = hu > _BONE_HU
    size = tuple(2 * max(1, round(4.0 / p)) + 1 for p in pixel)  # closes gaps of about 8 mm: sutures, thin squama
    margin = max(size)
    closed = ndimage.binary_closing(np.pad(bone, margin), np.ones(size))[margin:-margin, margin:-margin]
    filled = ndimage.binary_fill_holes(closed)
    enclosed = filled & ~closed
    labels, count = ndimage.label(enclosed)
    smallest = _MIN_SECTION_CM2 * 100 / (pixel[0] * pixel[1])
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    enclosed = (sizes >= smallest)[labels]
    inside = hu[enclosed]
    within = float(((inside >= _BRAIN_HU[0]) & (inside <= _BRAIN_HU[1])).sum())
    return filled, enclosed, within, float((inside < _LUNG_HU).sum()), float(width)


def _contact_mm(
    hu: NDArray[np.float32], enclosed: NDArray[np.bool_], edge: NDArray[np.bool_], pixel: tuple[float, float]
) -> float:
    """Length over which the head lies at the edge; thin things (holder, blanket) are opened away first."""
    if not enclosed.any():
        return 0.0
    size = tuple(2 * max(1, round(5.0 / p)) + 1 for p in pixel)
    tissue = np.pad(hu > -200, max(size), mode="edge")  # a head that is cut continues beyond the edge
    head = largest_piece(ndimage.binary_opening(tissue, np.ones(size)))
    head = head[max(size) : -max(size), max(size) : -max(size)]
    return float((head & edge).sum()) * float(np.sqrt(pixel[0] * pixel[1]))


def _edges(volume: CTVolume, slices: Sequence[int], factors: tuple[int, int]) -> Iterator[NDArray[np.bool_]]:
    """The edge of the image and of its padding in one slice after the other; the padding is mostly the same in all."""
    everywhere = edge = _edge(volume, factors)
    last: NDArray[np.bool_] | None = None
    for k in slices:
        if volume.padding is not None and (last is None or not np.array_equal(volume.padding[k], last)):
            last = volume.padding[k]
            edge = _padding_edge(last, factors) | everywhere
        yield edge


def _edge(volume: CTVolume, factors: tuple[int, int]) -> NDArray[np.bool_]:
    """(J, I) coarse pixels at the border of the image, or of its circle when everything outside that is constant."""
    j, i = volume.shape[1] // factors[0], volume.shape[2] // factors[1]
    middle = _coarse(volume.hu[volume.shape[0] // 2], factors)
    jj, ii = np.ogrid[:j, :i]
    outside = np.hypot((jj - (j - 1) / 2) / j, (ii - (i - 1) / 2) / i) > 0.5 + 1.5 / min(j, i)
    if outside.any() and np.ptp(middle[outside]) == 0 and middle[outside][0] <= -1000:
        blank: NDArray[np.bool_] = ndimage.binary_dilation(outside, iterations=3) & ~outside
        return blank
    border = np.ones((j, i), bool)
    border[1:-1, 1:-1] = False
    return border


def _padding_edge(padding: NDArray[np.bool_], factors: tuple[int, int]) -> NDArray[np.bool_]:
    fj, fi = factors
    j, i = padding.shape[0] // fj, padding.shape[1] // fi
    coarse = padding[: j * fj, : i * fi].reshape(j, fj, i, fi).any(axis=(1, 3))
    return np.asarray(ndimage.binary_dilation(coarse) & ~coarse)
