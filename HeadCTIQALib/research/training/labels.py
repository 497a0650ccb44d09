"""Labels for the anatomy network: reader landmarks and atlas tissue carried onto every training head.

Two real scans with reader landmarks serve as atlases.  An MNI brain atlas is registered to each of them once; each
atlas is then registered to every other head (affine, then SyN with mutual information; ANTs, Avants et al. 2008).
Landmarks of a head are the mean over atlases, its tissue a combination of the warped atlas and its own HU.

Needs the optional dependency antspyx ("train" extra).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import ants
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.masks import largest_piece
from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.resample import Grid, head_grid, to_grid

from .frame import PAIRED
from .heads import LabelledHead

SPACING = 3.0
SHAPE = (86, 86, 86)
ATLASES = ("ge-revolution-dental", "ge-vct-tumour")
DEEP_GREY_ROIS = (5, 6, 16, 19, 20, 30)  # lentiform nucleus, caudate, thalamus, both sides
HINDBRAIN_ROIS = (1, 2, 7, 21)  # brainstem, cerebellum
VENTRICLE_ROI = 31
MIDLINE = ("NASION", "BASION", "OPISTHION", "SELLA", "CRISTA", "IOP", "SEPTUM", "PINEAL")
NETWORK_LANDMARKS = tuple(f"{p}_{s}" for p in PAIRED for s in "RL") + MIDLINE


def to_ants(a: NDArray[np.generic], grid: Grid) -> ants.ANTsImage:
    """A (Z, Y, X) RAS array as an ANTs image whose physical space is RAS with the signs of x and y dropped.

    ANTs works in any right-handed frame as long as all images share it; here physical = RAS.
    """
    return ants.from_numpy(
        np.ascontiguousarray(a.transpose(2, 1, 0)).astype(np.float32),
        origin=tuple(map(float, grid.origin)),
        spacing=(grid.spacing,) * 3,
    )


def from_ants(image: ants.ANTsImage) -> NDArray[np.float32]:
    """The (Z, Y, X) array of an ANTs image made by :func:`to_ants`."""
    return image.numpy().transpose(2, 1, 0)


def registration_image(hu: NDArray[np.float32]) -> NDArray[np.float32]:
    """HU compressed so that skin, skull and air cavities carry the registration."""
    return np.interp(hu, [-1024, -300, 0, 80, 300, 1000], [0, 10, 40, 60, 120, 200]).astype(np.float32)


def carry(
    atlas: LabelledHead, target_hu: NDArray[np.float32], grid: Grid, start: NDArray[np.float64]
) -> tuple[ants.ANTsImage, list[str]]:
    """Register ``atlas`` to a head; returns (target image, forward transforms).  ``start`` as for :func:`register`."""
    fixed = to_ants(registration_image(target_hu), grid)
    return register(fixed, to_ants(registration_image(atlas.hu), atlas.grid), start)


def register(
    fixed: ants.ANTsImage, moving: ants.ANTsImage, start: NDArray[np.float64]
) -> tuple[ants.ANTsImage, list[str]]:
    """Affine, then SyN, both by mutual information; returns (``fixed``, forward transforms).

    ``start`` is the rigid (4, 4) from the physical space of ``fixed`` to that of ``moving`` with which it begins.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "start.mat")
        ants.write_transform(
            ants.create_ants_transform("Euler3DTransform", dimension=3, matrix=start[:3, :3], offset=start[:3, 3]), path
        )
        affine = ants.registration(
            fixed, moving, "Affine", initial_transform=path, aff_metric="mattes", aff_iterations=(150, 50),
            aff_shrink_factors=(3, 2), aff_smoothing_sigmas=(2, 1), random_seed=1, singleprecision=True,
        )  # fmt: skip
    r = ants.registration(
        fixed, moving, "SyNOnly", initial_transform=affine["fwdtransforms"][0], syn_metric="mattes",
        reg_iterations=(60, 30, 3), flow_sigma=3, total_sigma=0.5, random_seed=1, singleprecision=True,
    )  # fmt: skip
    return fixed, r["fwdtransforms"]


def rigid_between(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rigid (4, 4) that takes (N, 3) points nearest to others in the least-squares sense (Kabsch 1976)."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, _, vt = np.linalg.svd(b.T @ a)
    out = np.eye(4)
    out[:3, :3] = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    out[:3, 3] = target.mean(0) - out[:3, :3] @ source.mean(0)
    return out


def rigid_part(matrix: NDArray[np.float64], about: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rigid (4, 4) nearest to an affine one, with the same value at the point ``about``."""
    u, _, vt = np.linalg.svd(matrix[:3, :3])
    rotation = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    out = np.eye(4)
    out[:3, :3] = rotation
    out[:3, 3] = matrix[:3, :3] @ about + matrix[:3, 3] - rotation @ about
    return out


def carry_points(
    points: Mapping[str, tuple[float, float, float]], transforms: list[str]
) -> dict[str, NDArray[np.float64]]:
    """Points of the moving head to the fixed head (points travel with the inverse of the image transform)."""
    import pandas as pd

    frame = pd.DataFrame([points[n] for n in points], columns=["x", "y", "z"])
    inverse = [t.replace("Warp.nii.gz", "InverseWarp.nii.gz") if t.endswith("Warp.nii.gz") else t for t in transforms]
    which = [t.endswith(".mat") for t in transforms]
    moved = ants.apply_transforms_to_points(3, frame, inverse[::-1], whichtoinvert=which[::-1])
    return {n: moved.iloc[i][["x", "y", "z"]].to_numpy(float) for i, n in enumerate(points)}


def warp(
    a: NDArray[np.generic], atlas_grid: Grid, fixed: ants.ANTsImage, transforms: list[str], how: str = "linear"
) -> NDArray[np.float32]:
    """An atlas array resampled on the fixed head."""
    return from_ants(ants.apply_transforms(fixed, to_ants(a, atlas_grid), transforms, interpolator=how))


def head_mask(hu: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The head with its cavities: largest connected tissue after an opening that drops holder and couch."""
    tissue = largest_piece(ndimage.binary_opening(hu > -300, iterations=1))
    mask = ndimage.binary_dilation(tissue, iterations=1) & (hu > -300)
    return np.stack(
        [ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(m, 6), iterations=5))[6:-6, 6:-6] for m in mask]
    )


def tissue_map(
    hu: NDArray[np.float32], head: NDArray[np.bool_], prior: Mapping[Tissue, NDArray[np.float32]]
) -> NDArray[np.uint8]:
    """Tissue of a head from its HU and warped atlas priors (see :class:`Tissue`); holder is tissue outside the head."""
    out = np.zeros(hu.shape, np.uint8)
    out[(hu > -500) & ~ndimage.binary_dilation(head, iterations=2)] = Tissue.HOLDER
    out[head] = Tissue.SOFT
    eroded = ndimage.binary_erosion(head, iterations=2)
    out[head & (hu < -400) & eroded] = Tissue.AIR_CAVITY
    bone = head & (hu > 230)
    inner = (
        sum(prior[t] for t in (Tissue.BRAIN, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY, Tissue.CSF)) > 0.5
    ) & head
    inner = ndimage.binary_dilation(inner, iterations=1) & ndimage.binary_closing(inner, iterations=2)
    inner &= (hu < 180) & (hu > -60)
    inner = largest_piece(inner)
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
