"""The native tissue label map from the coarse network output and native HU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.networks.types import CoarseAnatomy, FluidSearch
from HeadCTIQALib.volume import CTVolume

from . import parenchyma
from .bone import half_maximum_bone
from .fluid import fluid_mask
from .headmask import TOLERANCE_MM, head_mask
from .intracranial import GROW_MM, intracranial_mask, up_to_the_bone
from .workgrid import Field, WorkGrid, grown_box, head_probability, soft_signed_distance, work_grid

Fluid = Callable[[], None]  # marks it in labels when called, see :func:`outlined`

BONE_HU, CONTRAST_BONE_HU = 200, 350
AIR_HU = -400
HOLDER_HU = -500
BEHIND_MM = -25.0  # of the ear canals, forwards: behind the pinnae, where the head lies on its rest
CONTINUED = 4.0  # coarse voxels, one of them inside the field of view: further than any distance counts here
MARGIN = 4  # work pixels around the region of the head: more than any filter here reaches
SEEN_AROUND = 12  # work pixels around the brain that the fluid network is shown


def tissue_map(volume: CTVolume, coarse: CoarseAnatomy, search: FluidSearch | None = None) -> NDArray[np.uint8]:
    """(K, J, I) uint8 exclusive :class:`Tissue` labels on the native grid.

    The network says *what* is where to a few millimetres, native HU say where exactly: head surface -300 HU, bone
    200 HU (350 where the network sees no bone: contrast medium, calcium), air -400 HU.  Grey and white come from
    a mixture fit of smoothed HU with the network's probabilities as prior.

    Args:
        volume: the scan.
        coarse: what the anatomy network saw in it.
        search: has the fluid network look at native slices; None finds fluid by every voxel's own HU.

    Raises:
        InputError: the network saw no head.
        ModelError: the fluid network cannot run.
    """
    _, complete = outlined(volume, coarse, search)
    return complete()


def outlined(
    volume: CTVolume, coarse: CoarseAnatomy, search: FluidSearch | None = None
) -> tuple[NDArray[np.uint8], Callable[[], NDArray[np.uint8]]]:
    """:func:`tissue_map` before and after fluid is told from brain: at once as it is without, and a call that waits for the whole.

    Most steps that follow need no more than the first, and can work while the network looks for fluid.
    """
    grid = work_grid(volume, coarse)
    coarse = up_to_the_edge(volume, coarse)
    hu = grid.reduce_hu()
    labels, fluid = _labels(grid, coarse, hu, search)
    outlines = _outside_labels(volume, grid.step)
    grid.expand(labels, outlines)

    def complete() -> NDArray[np.uint8]:
        if fluid is not None:
            fluid()
        out = outlines.copy()
        grid.expand(labels, out)
        return out

    return outlines, complete


def up_to_the_edge(volume: CTVolume, coarse: CoarseAnatomy) -> CoarseAnatomy:
    """``coarse`` with what it saw last continued beyond the field of view, so that a head that is cut goes on up to the edge."""
    z, y, x = np.indices(coarse.probabilities.shape[1:], np.float32)
    column, row, _ = np.moveaxis(
        volume.ras_to_ijk(coarse.origin + coarse.spacing * np.stack([x, y, z], axis=-1)), -1, 0
    )
    _, rows, columns = volume.shape
    dj, di = (coarse.spacing / mm for mm in volume.pixel_spacing)  # a voxel at the edge is blurred with what is beyond
    seen = (column > di) & (column < columns - 1 - di) & (row > dj) & (row < rows - 1 - dj)
    if seen.all() or not seen.any():
        return coarse
    away, nearest = ndimage.distance_transform_edt(~seen, return_indices=True)
    beyond = (away > 0) & (away < CONTINUED)
    k, j, i = nearest[:, beyond]
    probabilities = coarse.probabilities.copy()
    probabilities[:, beyond] = probabilities[:, k, j, i]
    return replace(coarse, probabilities=probabilities)


def _outside_labels(volume: CTVolume, step: int) -> NDArray[np.uint8]:
    """Everything denser than foam is holder until the head claims it; sampled every ``step`` pixels."""
    out = np.empty(volume.shape, np.uint8)
    for s in range(volume.shape[0]):
        dense = (volume.hu[s, ::step, ::step] > HOLDER_HU).astype(np.uint8) * np.uint8(Tissue.HOLDER)
        out[s] = np.repeat(np.repeat(dense, step, axis=0), step, axis=1)[: volume.shape[1], : volume.shape[2]]
    return out


def _labels(
    grid: WorkGrid, coarse: CoarseAnatomy, hu: NDArray[np.int16], search: FluidSearch | None
) -> tuple[NDArray[np.uint8], Fluid | None]:
    """Work-grid labels, and the call that marks fluid in them; None where there is no head."""
    fluid = None
    out = np.zeros(hu.shape, np.uint8)
    out[hu > HOLDER_HU] = Tissue.HOLDER
    depth = grid.sample(soft_signed_distance(head_probability(coarse), coarse.spacing), coarse, outside=-1e3)
    near = depth > -TOLERANCE_MM
    if near.any():  # all that follows happens where the head can be
        _, js, is_ = grown_box(near, (0, MARGIN, MARGIN))
        box = np.ascontiguousarray(hu[:, js, is_])
        fluid = _head_labels(grid.window(js, is_), coarse, box, depth[:, js, is_], out[:, js, is_], search)
    return out, fluid


def _head_labels(
    grid: WorkGrid,
    coarse: CoarseAnatomy,
    hu: NDArray[np.int16],
    depth: Field,
    out: NDArray[np.uint8],
    search: FluidSearch | None,
) -> Fluid | None:
    """Label the head in ``out`` in place, where everything dense is still HOLDER, but for fluid; ``depth``: mm inside the coarse head."""
    p = coarse.probabilities
    holder = grid.sample(p[Tissue.HOLDER] - head_probability(coarse), coarse, outside=0.0)
    head = head_mask(hu, depth, holder, grid.forwards(coarse) < BEHIND_MM, grid.pixel)
    del holder

    smooth = ndimage.gaussian_filter(hu.astype(np.float32), (0, 0.9 / grid.pixel[0], 0.9 / grid.pixel[1]), truncate=2.5)
    p_bone = grid.sample(p[Tissue.BONE], coarse)
    dense = head & ((hu > CONTRAST_BONE_HU) | ((hu > BONE_HU) & (p_bone > 0.08)))
    del p_bone
    bone = half_maximum_bone(hu, dense, grid.pixel)
    inner = p[Tissue.BRAIN : Tissue.CSF + 1].sum(axis=0)
    depth = grid.sample(soft_signed_distance(inner, coarse.spacing), coarse, outside=-1e3)
    inside = intracranial_mask(hu, smooth, dense, depth, grid.pixel) & head
    inside = up_to_the_bone(inside, bone, dense & ~bone & (depth > -GROW_MM), head, grid.pixel)
    del depth

    out[head] = Tissue.SOFT
    out[head & (smooth < AIR_HU)] = Tissue.AIR_CAVITY
    out[bone] = Tissue.BONE
    globe = grid.sample(p[Tissue.GLOBE], coarse) > 0.5
    out[globe & (out == Tissue.SOFT) & (smooth > -20) & (smooth < 120)] = Tissue.GLOBE
    del globe, smooth
    return _brain_labels(grid, coarse, hu, inside, dense, bone & ~inside, out, search)


def _brain_labels(
    grid: WorkGrid,
    coarse: CoarseAnatomy,
    hu: NDArray[np.int16],
    inside: NDArray[np.bool_],
    dense: NDArray[np.bool_],
    skull: NDArray[np.bool_],
    out: NDArray[np.uint8],
    search: FluidSearch | None,
) -> Fluid | None:
    """Label the intracranial voxels of ``out`` in place, but for fluid; ``dense`` is everything of bone's density, ``skull`` the bone around them."""
    if np.count_nonzero(inside) < 1000:
        out[inside] = Tissue.BRAIN
        return None
    p = coarse.probabilities
    noise = parenchyma.noise_sd(hu, inside)
    gap = float(np.median(np.diff(grid.volume.slice_positions))) if grid.shape[0] > 1 else 5.0
    values = parenchyma.masked_smooth(hu, inside, parenchyma.smoothing_mm(noise), (gap, *grid.pixel))[inside]
    kinds = [Tissue.BRAIN, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY, Tissue.CSF]
    hind, grey, white, deep, csf = grid.sample_at(p[kinds], coarse, inside)
    cerebrum = np.flatnonzero(hind < 0.5)
    cerebrum = cerebrum[:: max(1, len(cerebrum) // 120_000)]
    mix = parenchyma.fit_mixture(values[cerebrum], np.stack([csf, grey + deep, white])[:, cerebrum], noise)
    levels = (mix.csf, 0.5 * (mix.grey + mix.white), noise)
    fluid = (
        _seen_fluid(grid, coarse, hu, inside, levels, search)
        if search
        else partial(fluid_mask, hu, inside, dense, skull, csf, *levels)
    )
    kind = parenchyma.classify(values, csf, grey + deep, white, mix)
    # grey and white by a voxel's own HU are for the eye; the two tissues that are measured come from the neighbouring slices
    label = np.array([Tissue.GREY, Tissue.GREY, Tissue.BRAIN, Tissue.BRAIN], np.uint8)[kind]
    thickness = grid.volume.acquisition.slice_thickness_mm or gap
    solid = parenchyma.solid(kind, inside)
    below, above = parenchyma.guide(hu, solid, grid.volume.slice_positions, thickness, grid.pixel)
    cerebral = hind <= np.maximum(np.maximum(grey, white), deep)
    label[~cerebral] = Tissue.BRAIN
    at = np.flatnonzero(solid[inside])
    whole = np.zeros_like(inside)
    whole[inside] = (kind == 1) | (kind == 2)
    around = parenchyma.surroundings(hu, whole, grid.pixel)[solid]
    deep_grey, clean_white = parenchyma.measured_tissue(
        below, above, around, (deep * cerebral)[at], (white * cerebral)[at]
    )
    out[inside] = label

    def mark_fluid() -> None:
        label[fluid()] = Tissue.CSF
        label[at[deep_grey]], label[at[clean_white]] = Tissue.DEEP_GREY, Tissue.WHITE
        out[inside] = label

    return mark_fluid


def _seen_fluid(
    grid: WorkGrid,
    coarse: CoarseAnatomy,
    hu: NDArray[np.int16],
    inside: NDArray[np.bool_],
    levels: tuple[float, float, float],
    search: FluidSearch,
) -> Callable[[], NDArray[np.bool_]]:
    """Show the network the box around the brain; the call that is returned waits for its (N,) answer at the voxels of ``inside``."""
    ks, js, is_ = box = grown_box(inside, (0, SEEN_AROUND, SEEN_AROUND))
    prior = grid.window(js, is_).sample(coarse.probabilities[Tissue.CSF], coarse, slices=ks)
    positions = grid.volume.slice_positions[ks]
    answer = search(
        np.ascontiguousarray(hu[box]), np.rint(255 * prior).astype(np.uint8), positions, np.array(levels), inside[box]
    )
    return lambda: answer.result()[inside[box]] > 127
