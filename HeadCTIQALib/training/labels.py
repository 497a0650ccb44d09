"""Labels for the anatomy network: reader landmarks and atlas tissue carried onto every training head.

Two real scans with reader landmarks serve as atlases.  An MNI brain atlas is registered to each of them once; each
atlas is then registered to every other head (affine, then SyN with mutual information; ANTs, Avants et al. 2008).
Landmarks of a head are the mean over atlases, its tissue a combination of the warped atlas and its own HU.

Needs the optional dependency antspyx ("train" extra).
"""

from __future__ import annotations

from collections.abc import Mapping

import ants
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.resample import Grid, head_grid, to_grid

from .heads import LabelledHead

SPACING = 3.0
SHAPE = (86, 86, 86)
ATLASES = ("ge-revolution-dental", "ge-vct-tumour")
DEEP_GREY_ROIS = (5, 6, 16, 19, 20, 30)  # lentiform nucleus, caudate, thalamus, both sides
HINDBRAIN_ROIS = (1, 2, 7, 21)  # brainstem, cerebellum
VENTRICLE_ROI = 31
PAIRED = ("EAM", "CANTHUS", "GLOBE")
MIDLINE = ("NASION", "BASION", "OPISTHION", "SELLA", "CRISTA", "IOP", "SEPTUM", "PINEAL")
NETWORK_LANDMARKS = tuple(f"{p}_{s}" for p in PAIRED for s in "RL") + MIDLINE


def to_ants(a: NDArray[np.generic], grid: Grid) -> ants.ANTsImage:
    """A (Z, Y, X) RAS array as an ANTs image whose physical space is RAS with the signs of x and y dropped.

    ANTs works in any right-handed frame as long as all images share it; here physical = RAS.
    """
    return ants.from_numpy(np.ascontiguousarray(a.transpose(2, 1, 0)).astype(np.float32), origin=tuple(map(float, grid.origin)), spacing=(grid.spacing,) * 3)


def from_ants(image: ants.ANTsImage) -> NDArray[np.float32]:
    """The (Z, Y, X) array of an ANTs image made by :func:`to_ants`."""
    return image.numpy().transpose(2, 1, 0)


def canonical_frame(marks: Mapping[str, tuple[float, float, float]]) -> NDArray[np.float64]:
    """(4, 4) RAS -> template: origin between the ear canals, x right, the orbitomeatal plane horizontal."""
    p = {k: np.asarray(v, float) for k, v in marks.items()}
    origin = 0.5 * (p["EAM_R"] + p["EAM_L"])
    pairs = [p[f"{n}_R"] - p[f"{n}_L"] for n in PAIRED]
    x = sum(v / np.linalg.norm(v) for v in pairs)
    x /= np.linalg.norm(x)
    y = 0.5 * (p["CANTHUS_R"] + p["CANTHUS_L"]) - origin
    y -= (y @ x) * x
    y /= np.linalg.norm(y)
    rotation = np.stack([x, y, np.cross(x, y)])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, -rotation @ origin
    return matrix


def registration_image(hu: NDArray[np.float32]) -> NDArray[np.float32]:
    """HU compressed so that skin, skull and air cavities carry the registration."""
    return np.interp(hu, [-1024, -300, 0, 80, 300, 1000], [0, 10, 40, 60, 120, 200]).astype(np.float32)


def carry(atlas: LabelledHead, target_hu: NDArray[np.float32], grid: Grid, start: NDArray[np.float64] | None = None) -> tuple[ants.ANTsImage, list[str], ants.ANTsImage]:
    """Register ``atlas`` to a head; returns (target image, forward transforms, warped atlas image).

    Tries several pitches because chins may be far up; the affine with the best mutual information goes on.
    """
    fixed = to_ants(registration_image(target_hu), grid)
    moving = to_ants(registration_image(atlas.hu), atlas.grid)
    best: tuple[float, str] | None = None
    tissue = target_hu > -300
    z = np.flatnonzero(tissue.sum(axis=(1, 2)) > 1500 / grid.spacing**2)
    top = z[-1]
    upper = tissue.copy()
    upper[: max(0, top - int(110 / grid.spacing))] = False
    centre_t = grid.point(np.array(ndimage.center_of_mass(upper)))
    a_tissue = atlas.tissue > 0
    a_z = np.flatnonzero(a_tissue.sum(axis=(1, 2)) > 1500 / atlas.grid.spacing**2)
    a_upper = a_tissue.copy()
    a_upper[: max(0, a_z[-1] - int(110 / atlas.grid.spacing))] = False
    centre_a = atlas.grid.point(np.array(ndimage.center_of_mass(a_upper)))
    for pitch in (0.0, 22.0, -22.0):
        c, s = np.cos(np.radians(pitch)), np.sin(np.radians(pitch))
        rotation = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        init = ants.create_ants_transform("Euler3DTransform", dimension=3, matrix=rotation, offset=centre_a - rotation @ centre_t)
        import tempfile

        path = tempfile.mktemp(suffix=".mat")  # noqa: S306
        ants.write_transform(init, path)
        r = ants.registration(fixed, moving, "Affine", initial_transform=path, aff_metric="mattes", aff_iterations=(150, 50), aff_shrink_factors=(3, 2), aff_smoothing_sigmas=(2, 1), random_seed=1, singleprecision=True)
        value = ants.image_mutual_information(fixed, r["warpedmovout"])
        if best is None or value < best[0]:
            best = (value, r["fwdtransforms"][0])
    assert best is not None
    r = ants.registration(fixed, moving, "SyNOnly", initial_transform=best[1], syn_metric="mattes", reg_iterations=(60, 30, 3), flow_sigma=3, total_sigma=0.5, random_seed=1, singleprecision=True)
    return fixed, r["fwdtransforms"], r["warpedmovout"]


def carry_points(points: Mapping[str, tuple[float, float, float]], transforms: list[str]) -> dict[str, NDArray[np.float64]]:
    """Points of the moving head to the fixed head (points travel with the inverse of the image transform)."""
    import pandas as pd

    frame = pd.DataFrame([points[n] for n in points], columns=["x", "y", "z"])
    inverse = [t.replace("Warp.nii.gz", "InverseWarp.nii.gz") if t.endswith("Warp.nii.gz") else t for t in transforms]
    which = [t.endswith(".mat") for t in transforms]
    moved = ants.apply_transforms_to_points(3, frame, inverse[::-1], whichtoinvert=which[::-1])
    return {n: moved.iloc[i][["x", "y", "z"]].to_numpy(float) for i, n in enumerate(points)}


def warp(a: NDArray[np.generic], atlas_grid: Grid, fixed: ants.ANTsImage, transforms: list[str], how: str = "linear") -> NDArray[np.float32]:
    """An atlas array resampled on the fixed head."""
    return from_ants(ants.apply_transforms(fixed, to_ants(a, atlas_grid), transforms, interpolator=how))


def head_mask(hu: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The head with its cavities: largest connected tissue after an opening that drops holder and couch."""
    tissue = ndimage.binary_opening(hu > -300, iterations=1)
    labels, n = ndimage.label(tissue)
    if n == 0:
        return tissue
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    mask = ndimage.binary_dilation(labels == sizes.argmax(), iterations=1) & (hu > -300)
    return np.stack([ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(m, 6), iterations=5))[6:-6, 6:-6] for m in mask])


def tissue_map(hu: NDArray[np.float32], head: NDArray[np.bool_], prior: Mapping[Tissue, NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Tissue of a head from its HU and warped atlas priors (see :class:`Tissue`); holder is tissue outside the head."""
    out = np.zeros(hu.shape, np.uint8)
    out[(hu > -500) & ~ndimage.binary_dilation(head, iterations=2)] = Tissue.HOLDER
    out[head] = Tissue.SOFT
    eroded = ndimage.binary_erosion(head, iterations=2)
    out[head & (hu < -400) & eroded] = Tissue.AIR_CAVITY
    bone = head & (hu > 230)
    inner = (sum(prior[t] for t in (Tissue.BRAIN, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY, Tissue.CSF)) > 0.5) & head
    inner = ndimage.binary_dilation(inner, iterations=1) & ndimage.binary_closing(inner, iterations=2)
    inner &= (hu < 180) & (hu > -60)
    labels, n = ndimage.label(inner)
    if n:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        inner = labels == sizes.argmax()
    stack = np.stack([prior[t] for t in (Tissue.BRAIN, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY)])
    which = np.array([Tissue.BRAIN, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY], np.uint8)[stack.argmax(0)]
    smooth = ndimage.gaussian_filter(np.where(inner, hu, 30), 0.5)
    parenchyma = np.median(smooth[inner & (prior[Tissue.CSF] < 0.2)]) if inner.any() else 32.0
    which[(smooth < 0.5 * (parenchyma + 6.0)) | ((prior[Tissue.CSF] > 0.85) & (smooth < parenchyma - 5))] = Tissue.CSF
    out[inner] = which[inner]
    out[bone & ~(ndimage.binary_erosion(inner, iterations=2))] = Tissue.BONE
    globe = (prior[Tissue.GLOBE] > 0.5) & head & (hu > -30) & (hu < 120)
    out[globe & (out == Tissue.SOFT)] = Tissue.GLOBE
    return out


def grid_of(volume: CTVolume) -> Grid:
    """The label grid of a volume."""
    return head_grid(volume, SPACING, SHAPE)


def sample(volume: CTVolume) -> tuple[NDArray[np.float32], NDArray[np.bool_], Grid]:
    """HU and imaged mask of a volume on its label grid."""
    grid = grid_of(volume)
    hu, inside = to_grid(volume, grid)
    return hu, inside, grid
