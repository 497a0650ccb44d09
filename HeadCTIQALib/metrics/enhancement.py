"""Contrast medium that no tag tells of, measured where blood collects: in the superior sagittal sinus and in vessels.

The sinus runs in the midline on the inner table of the occiput.  Blood in it reads 40 to 75 HU without contrast medium
(Black et al. 2011; up to 80 with a high haematocrit or a thrombus) and 100 to 250 with it.  The HU are read inwards from
where the bone ends, so that neither a thick skull nor its partial volume counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings.types import INTRACRANIAL, Findings, Tissue
from HeadCTIQALib.metrics.common import slice_areas
from HeadCTIQALib.volume.resample import block_mean
from HeadCTIQALib.volume.types import CTVolume, Vector

ENHANCED_HU = 90.0
BONE_HU = 450.0  # above any sinus but that of an angiography, whose vessels tell as well
SINUS_MM = (2.5, 4.5)  # from the bone: beyond its partial volume, and within the sinus
BESIDE_MM = 2.0  # half the width over which the sinus is read, and how far it may lie beside the midline
STEP_MM = 0.5
REACH_MM = 140.0
MAX_PIXEL_MM = 1.5
MIN_AREA_MM2 = 6000.0
BLUR_MM = 2.0  # by which the bone may move within the thickness of a slice
MIN_SLICES = 5

VESSEL_HU = (110, 1500)
FROM_BONE_MM = 5.0
VESSEL_SHARE = 0.003  # of the brain in a slice
EVERYWHERE = 0.85  # of the slices: calcium, clips and oblique bone are in some, vessels in all
COARSE_MM = 0.9


def contrast_medium(volume: CTVolume, findings: Findings) -> tuple[str, ...]:
    """One sentence when blood is too bright for a plain scan and no tag says that contrast medium was given, else none."""
    if volume.acquisition.contrast_agent:
        return ()
    blood = sinus_hu(volume, findings)
    if blood is not None and blood >= ENHANCED_HU:
        seen = f"Blood in the sagittal sinus reads about {blood:.0f} HU (40 to 75 without contrast medium)"
    elif vessels_everywhere(volume, findings) >= EVERYWHERE:
        seen = "There are bright vessels throughout the brain"
    else:
        return ()
    return (
        f"{seen}: contrast medium seems to have been given, which no tag tells of; noise and grey-white contrast are not comparable with plain CT.",
    )


def sinus_hu(volume: CTVolume, findings: Findings) -> float | None:
    """HU of the superior sagittal sinus at the back of the head: median over the slices in which the bone there is steep.

    None where pixels are coarser than 1.5 mm, no mid-sagittal plane is known, or fewer than 5 slices show the place.
    """
    plane = findings.midsagittal
    if plane is None or max(volume.pixel_spacing) > MAX_PIXEL_MM:
        return None
    normal = np.asarray(plane.normal, float)
    sideways = normal - (normal @ volume.k) * volume.k
    if np.linalg.norm(sideways) < 0.5:
        return None
    sideways /= np.linalg.norm(sideways)
    backwards = np.cross(sideways, volume.k)
    backwards *= -np.sign(backwards @ volume.a)
    inside = slice_areas(volume, findings.tissue, INTRACRANIAL)
    found = []
    for s in np.flatnonzero(inside > MIN_AREA_MM2):
        middle = _centre(volume, findings.tissue[s], int(s))
        middle = middle - ((middle - np.asarray(plane.origin)) @ normal) / (sideways @ normal) * sideways
        hit = _behind_bone(volume, int(s), middle, backwards, sideways)
        if hit is not None:
            depth, hu = hit
            found.append((volume.slice_positions[s], volume.slice_widths[s], depth + middle @ backwards, hu))
    if len(found) < MIN_SLICES:
        return None
    height, width, bone, hu = np.array(found).T
    steep = np.abs(np.gradient(bone, height)) * width < BLUR_MM
    return float(np.median(hu[steep])) if np.count_nonzero(steep) >= MIN_SLICES else None


def _centre(volume: CTVolume, tissue: NDArray[np.uint8], s: int) -> Vector:
    """(3,) RAS mm of the middle of the intracranial space of slice ``s``."""
    j, i = np.nonzero((tissue >= Tissue.BRAIN) & (tissue <= Tissue.CSF))
    return np.asarray(volume.origins[s] + i.mean() * volume.row_step + j.mean() * volume.col_step)


def _behind_bone(
    volume: CTVolume, s: int, middle: Vector, backwards: Vector, sideways: Vector
) -> tuple[float, float] | None:
    """(mm from ``middle`` to the bone, HU in front of it): the brightest of three strips next to each other."""
    along = np.arange(0, REACH_MM, STEP_MM)
    across = np.arange(-2 * BESIDE_MM, 2 * BESIDE_MM + 1e-6, STEP_MM)
    offset = middle - volume.origins[s] + along[:, None, None] * backwards + across[:, None] * sideways
    at = [offset @ step / (step @ step) for step in (volume.col_step, volume.row_step)]
    profile = ndimage.map_coordinates(volume.hu[s], at, output=np.float32, order=1, mode="nearest")
    width = round(2 * BESIDE_MM / STEP_MM) + 1
    strips = np.stack([profile[:, n : n + width].mean(axis=1) for n in (0, width // 2, width - 1)])
    bone = np.flatnonzero((strips[1] > BONE_HU) & (along > 20))
    if not len(bone):
        return None
    first, last = (int(bone[0]) - round(mm / STEP_MM) for mm in SINUS_MM[::-1])
    return float(along[bone[0]]), float(strips[:, first : last + 1].mean(axis=1).max())


def vessels_everywhere(volume: CTVolume, findings: Findings) -> float:
    """Share of the slices from the widest one upwards in which more than 0.3 % of the brain away from bone is as bright as vessels.

    0 where too little is shown, or with pixels coarser than 1.5 mm.
    """
    area = slice_areas(volume, findings.tissue, INTRACRANIAL)
    chosen = [int(s) for s in np.flatnonzero(area > MIN_AREA_MM2) if s >= int(area.argmax())]
    if len(chosen) < MIN_SLICES or max(volume.pixel_spacing) > MAX_PIXEL_MM:
        return 0.0
    rows, columns = (max(1, round(COARSE_MM / p)) for p in volume.pixel_spacing)
    pixel = (volume.pixel_spacing[0] * rows, volume.pixel_spacing[1] * columns)
    bright = []
    for s in chosen:
        hu = block_mean(volume.hu[s], rows, columns)
        tissue = findings.tissue[s, rows // 2 :: rows, columns // 2 :: columns][: hu.shape[0], : hu.shape[1]]
        inside = (tissue >= Tissue.BRAIN) & (tissue <= Tissue.CSF)
        inside = ndimage.binary_fill_holes(inside)  # what is bright enough may pass for bone
        islands, count = ndimage.label(hu > VESSEL_HU[0])
        skull = np.zeros(count + 1, bool)  # with all that hangs together with it, however thick it is
        skull[np.unique(islands[~inside])] = True
        skull[0] = False
        deep = ndimage.distance_transform_edt(inside & ~skull[islands], sampling=pixel) > FROM_BONE_MM
        bright.append(((hu > VESSEL_HU[0]) & (hu < VESSEL_HU[1]))[deep].mean() > VESSEL_SHARE if deep.any() else False)
    return float(np.mean(bright))
