"""Streaks and dark bands in the intracranial space, from what the HU of tissue can and cannot be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import INTRACRANIAL, PARENCHYMA, Tissue
from HeadCTIQALib.volume import CTVolume

from .headmask import box_filter_max, in_slice
from .parenchyma import masked_smooth, noise_sd
from .workgrid import WorkGrid

DARK_HU = -8.0  # nothing inside the skull but fat and air is darker than this
EDGE_MM = 2.5  # partial volume of bone, metal and air reaches this far
DENSE_HU = 300  # calcium and contrast medium stay below; metal and bone do not
METAL_HU, WORN_METAL_HU = 2500, 1200  # anywhere; worn on the head, where small things share their voxels with air
METAL_REACH_MM = 1.0  # streaks lie in the planes of the metal; thin slices beside it share its partial volume
SMOOTH_MM, LOCAL_MM = 1.3, 9.0
SIGMAS = 3.0
SMOOTHED_NOISE = (
    0.40  # what a 3-pixel mean leaves of the SD of CT noise: 0.31 to 0.45 in simulated scans, 0.36 to 0.53 in real ones
)
# With a network, probability (in 1/255) from which what departs from its surroundings is a streak: in slices with metal, where it is
# right, and in others, where on simulated scans it saw as many streaks in clean slices as in hardened ones.
LIKELY, SURE = 28, 204
DEPARTURE_SIGMAS = (
    2.25  # the definition asks for 3, of the streak alone; taking off the local mean also takes some of the streak
)
UNSEEN = 13  # probability below which it says that there are none
ENERGY_MM = 5.0  # over which the restlessness of a slice is averaged
RESTLESS, QUIET_PERCENTILE = 1.2, 80.0  # times what is still usual in the nearest slices without metal
MIN_AREA_MM2 = 25.0
DARK_ELONGATION = 1.6
#: By label: inside the skull, and solid brain.
INSIDE, SOLID = (np.isin(np.arange(256), list(kinds)) for kinds in (INTRACRANIAL, PARENCHYMA))


def dark_bands(volume: CTVolume, tissue: NDArray[np.uint8]) -> dict[int, NDArray[np.bool_]]:
    """Dark bands of the slices that show some intracranial space, on the working grid: slice index to (J', I') bool.

    Smoothed HU below -8 and 3 sigma of the smoothed noise below CSF, away from the partial volume of air, in elongated
    patches; fat and gas are darker and rounder.  Fluid need not be told from brain yet, nor foreign objects from the head.

    Args:
        volume: the scan; tissue: (K, J, I) its tissue map.
    """
    grid, out = WorkGrid.whole(volume), {}
    for s, labels in enumerate(grid.reduce_mask(tissue)):
        inside = INSIDE[labels]
        if inside.sum() * grid.pixel[0] * grid.pixel[1] >= 400.0:
            out[s] = _dark(grid.slice_hu(s), inside, grid.pixel)
    return out


def streak(
    volume: CTVolume,
    tissue: NDArray[np.uint8],
    dark: Mapping[int, NDArray[np.bool_]],
    probability: Callable[[int], NDArray[np.uint8] | None] = lambda s: None,
) -> NDArray[np.bool_]:
    """(K, J, I) bool: streak and dark-band artefact inside the intracranial space.

    - Dark bands anywhere, see :func:`dark_bands`.
    - In slices with metal (> 2500 HU, or worn on the head): where the smoothed HU are more restless (RMS about their
      9 mm mean, over 5 mm) than is usual in the nearest slices without metal, whatever departs from that mean by more
      than 3 sigma of the noise after a 3-pixel mean; bright or dark.
    - Where a network looked, it replaces that: whatever departs from its surroundings by more than 2.25 sigma of that
      noise where the network thinks a streak likely, or in slices without metal is sure of it, away from the partial volume of bone,
      metal and air; and no dark band where it sees none.

    Bleeds, calcium and infarcts are compact or keep to tissue and never darker than water; in slices without metal
    nothing bright is ever marked without the network.

    Args:
        volume: the scan; tissue: (K, J, I) its tissue map; dark: those of its outlines, from :func:`dark_bands`.
        probability: slice index to (J, I) probability of streak in 1/255, or None where no network looked.
    """
    grid = WorkGrid.whole(volume)
    metal, labels = metal_slices(volume, tissue), grid.reduce_mask(tissue)
    beside = ndimage.binary_dilation(metal, iterations=3) if metal.any() else metal
    found, seen, chance = np.zeros(grid.shape, bool), dict[int, _Restless](), dict[int, NDArray[np.uint8]]()
    for s, bands in dark.items():
        found[s] = bands
        looked = probability(s)
        if looked is not None:
            (chance[s],) = grid.reduce_mask(looked[None])
            found[s] &= chance[s] >= UNSEEN
        if beside[s] or (s in chance and (INSIDE[labels[s]] & (chance[s] > SURE)).any()):
            seen[s] = _restlessness(grid.slice_hu(s), labels[s], grid.pixel)
    quiet = {s: r for s, r in seen.items() if not metal[s] and r.use.sum() > 200}
    sigma = SMOOTHED_NOISE * float(np.median([r.noise for r in (quiet or seen).values()])) if seen else 0.0
    usual = {s: float(np.percentile(r.energy[r.use], QUIET_PERCENTILE)) for s, r in quiet.items() if beside[s]}
    for s, r in seen.items():
        if s in chance:
            likely = chance[s] > (LIKELY if metal[s] else SURE)
            found[s] |= r.clear & likely & (np.abs(r.departure) > DEPARTURE_SIGMAS * sigma)
        elif metal[s] and usual:
            near = sorted(usual, key=lambda q, s=s: abs(q - s))[:4]  # type: ignore[misc]
            restless = r.use & (r.energy > RESTLESS * float(np.median([usual[q] for q in near])))
            # what was spared next to bone goes with what lies beside it
            restless = box_filter_max(restless[None], in_slice(EDGE_MM, grid.pixel))[0] & r.inside
            found[s] |= restless & (np.abs(r.departure) > SIGMAS * sigma)
    out = np.zeros(volume.shape, bool)
    grid.expand(found, out)
    return out


@dataclass(frozen=True)
class _Restless:
    """A slice on the working grid: restlessness (HU) and where it can be read, how far the smoothed HU depart, the intracranial
    space, that away from bone, metal and air, noise (HU)."""

    energy: NDArray[np.float32]
    use: NDArray[np.bool_]
    departure: NDArray[np.float32]
    inside: NDArray[np.bool_]
    clear: NDArray[np.bool_]
    noise: float


def metal_slices(volume: CTVolume, tissue: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(K,) bool: metal within :data:`METAL_REACH_MM` of the slice: in the head, worn on it, or anywhere else, as in a couch, whose streaks cross the head."""
    has = np.zeros(volume.shape[0], bool)
    for s in range(volume.shape[0]):
        dense = volume.hu[s] > WORN_METAL_HU
        if dense.sum() > 4:
            hu, what = volume.hu[s][dense], tissue[s][dense]
            has[s] = (hu > METAL_HU).sum() > 4 or (what == Tissue.FOREIGN).sum() > 4
    h = volume.slice_positions
    return np.array([bool((np.abs(h[has] - z) <= METAL_REACH_MM).any()) for z in h])


def _dark(hu: NDArray[np.int16], inside: NDArray[np.bool_], pixel: tuple[float, float]) -> NDArray[np.bool_]:
    """Dark bands, away from the partial volume of air."""
    noise = noise_sd(hu[None], inside[None])
    smooth = masked_smooth(hu[None], inside[None], SMOOTH_MM, (1.0, *pixel))[0]
    sigma_px = SMOOTH_MM / float(np.sqrt(pixel[0] * pixel[1]))
    # CT noise is correlated: averaging gains only about half of what white noise would
    smooth_noise = noise * min(1.0, 2.0 / (2.0 * np.sqrt(np.pi) * max(sigma_px, 0.3)))
    edge = box_filter_max((hu < -150)[None], in_slice(EDGE_MM, pixel))[0]
    return _elongated(inside & ~edge & (smooth < min(DARK_HU, 2.0 - SIGMAS * smooth_noise)), pixel, DARK_ELONGATION)


def _restlessness(hu: NDArray[np.int16], labels: NDArray[np.uint8], pixel: tuple[float, float]) -> _Restless:
    """How restless the brain of a slice is, away from bone, metal and air, and how far its HU depart from their surroundings: brain from brain, fluid from fluid."""
    voxel = (1.0, *pixel)
    inside = INSIDE[labels]
    clear = (
        inside
        & ~box_filter_max(((hu < -150) | (hu > DENSE_HU) | (labels == Tissue.BONE))[None], in_slice(EDGE_MM, pixel))[0]
    )
    use = SOLID[labels] & clear
    local = masked_smooth(hu[None], use[None], LOCAL_MM, voxel)[0]
    departs = masked_smooth(hu[None], use[None], SMOOTH_MM, voxel)[0] - local
    sigma = [ENERGY_MM / p for p in pixel]
    weight = np.maximum(ndimage.gaussian_filter(use.astype(np.float32), sigma, truncate=2.5), 1e-3)
    energy = np.sqrt(
        ndimage.gaussian_filter(np.where(use, departs**2, 0).astype(np.float32), sigma, truncate=2.5) / weight
    )
    fluid = masked_smooth(hu[None], (clear & ~use)[None], LOCAL_MM, voxel)[0]
    departure = ndimage.uniform_filter(hu.astype(np.float32), 3, mode="nearest") - np.where(use, local, fluid)
    return _Restless(np.asarray(energy, np.float32), use, departure, inside, clear, noise_sd(hu[None], inside[None]))


def _elongated(mask: NDArray[np.bool_], pixel: tuple[float, float], ratio: float) -> NDArray[np.bool_]:
    """Patches of at least 25 mm^2 whose principal axes differ by ``ratio``; very large ones whatever their shape."""
    labels, n = ndimage.label(mask, np.ones((3, 3)))
    keep = np.zeros(n + 1, bool)
    for c, box in enumerate(ndimage.find_objects(labels), start=1):
        y, x = np.nonzero(labels[box] == c)
        area = len(y) * pixel[0] * pixel[1]
        if area < MIN_AREA_MM2:
            continue
        spread = np.linalg.eigvalsh(np.cov(np.stack([y * pixel[0], x * pixel[1]])))
        keep[c] = area > 600.0 or bool(np.sqrt(spread[1] / max(spread[0], 1e-6)) >= ratio)
    return keep[labels]
