"""The object network at work: what it sees in native slices decides about what HU propose as removable foreign objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import HEAD, Tissue
from HeadCTIQALib.volume import CTVolume

from .artefact import MIN_GAP_MM, chosen_slices, coarse_points
from .artefact_grid import artefact_grid, expand, sample_slice
from .bundles import OBJECTS
from .outline.foreign import DENSE_HU, MAX_EXTENT_MM, NEAR_MM
from .outline.headmask import box_filter_max, box_filter_min, in_slice
from .outline.workgrid import grown_box, head_probability
from .slices import boxes_of, padded, probabilities, with_neighbours
from .types import CoarseAnatomy, Infer, Vector

AIR_HU = -600  # in air far from all that is denser there is nothing to look at
#: Of 255.  Training weighs objects twice, so that LIKELY is where an object is as likely as none.
UNLIKELY, LIKELY = 30, 170
SEEN_SHARE = 0.1  # of what HU propose that the network must find likely
SPECK_ML = 0.01  # smaller ones are noise
DEEP_MM, BARE_SHARE = 1.5, 0.5  # below the skin nothing can be taken off: a tooth, the wall of a sinus
HANGING_MM, RIM_MM = (
    3.0,
    1.0,
)  # bone so near hangs on an implant, or on the bare bone of a defaced head, but for its own rim
OWN_SHARE = 0.3  # of something long that the network must see for it not to be a holder
MANY = 6  # soft pieces; fewer are of the body; thick slices dilute spectacles and wires, and break them into many
#: Template mm, to either side: where the pinnae stand off the head.  Whatever part of one a scan shows, thick slices in several pieces.
PINNA = ((58.0, -48.0, -50.0), (105.0, 25.0, 55.0))
PINNA_SHARE = 0.8  # of a piece that must lie there: a temple of spectacles lies there with its end
PINNA_HU = 300  # cartilage with calcium in it and the overshoot of sharp kernels; what is worn on an ear is denser
COARSE_MM = 1.9  # fine enough to tell a holder
EVERYWHERE = np.ones((3, 3, 3), bool)


def look_for_objects(volume: CTVolume, coarse: CoarseAnatomy, infer: Infer) -> NDArray[np.uint8]:
    """(K, J, I) uint8 probability, in 1/255, of a removable object outside the body surface or on it; 0 away from the head.

    Slices thinner than the network knows share the answer of the nearest one looked at.

    Raises:
        ModelError: the network cannot run.
    """
    out = np.zeros(volume.shape, np.uint8)
    head = coarse_points(coarse, head_probability(coarse))
    along = head @ volume.k
    slices = chosen_slices(volume.slice_positions, np.append(along, along.max() + NEAR_MM) if len(along) else along)
    if not len(slices):
        return out
    grid = artefact_grid(volume, head)
    hu = np.stack([sample_slice(volume, grid, int(k)) for k in slices])
    positions = volume.slice_positions
    seen = likely_objects(infer, np.rint(hu).astype(np.int16), positions[slices])
    gaps = np.abs(positions[:, None] - positions[slices][None, :])
    nearest, plane = gaps.argmin(axis=1), volume.shape[1:]
    for k in np.flatnonzero(gaps.min(axis=1) <= MIN_GAP_MM):
        answer = seen[nearest[k]]
        if (answer > UNLIKELY).any():
            out[k] = expand(grid, answer, (plane[0], plane[1]))
    return out


def likely_objects(infer: Infer, hu: NDArray[np.int16], positions: Vector) -> NDArray[np.uint8]:
    """(N, H, W) probability of a removable object in 1/255, of (N, H, W) HU on the artefact network's grid.

    Args:
        infer: runs a network by the name of its bundle.
        hu: slices; positions: (N,) along their normal in mm, increasing.

    Raises:
        ModelError: the network cannot run.
    """

    def look(slices: NDArray[np.intp], box: tuple[slice, slice], gaps: NDArray[np.float32]) -> NDArray[np.uint8]:
        (seen,) = infer(OBJECTS, with_neighbours(padded(hu[slices][:, *box])), gaps)
        return np.asarray(seen[:, : box[0].stop - box[0].start, : box[1].stop - box[1].start])

    return probabilities(look, (hu.shape[0], hu.shape[1], hu.shape[2]), positions, boxes_of(hu > AIR_HU))


def decided_objects(
    volume: CTVolume,
    tissue: NDArray[np.uint8],
    proposed: NDArray[np.bool_],
    seen: NDArray[np.uint8],
    coarse: CoarseAnatomy,
) -> NDArray[np.bool_]:
    """(K, J, I) bool: proposed objects that the network finds likely, and those that only the network sees.

    HU outline a dense object well, but take pieces of a holder for one; the network tells these apart and also knows
    glasses and pads that thick slices dilute.  Where both see an object, it is all that either sees, but for what the network rules out.

    Args:
        volume: the scan; tissue: (K, J, I) its refined tissue map.
        proposed: (K, J, I) from :func:`HeadCTIQALib.networks.outline.proposed_objects`; seen: from :func:`look_for_objects`.
        coarse: what the anatomy network saw in the scan.
    """
    out = np.zeros(proposed.shape, bool)
    alone = seen > LIKELY
    if alone.any():
        alone &= ~_holder(volume, tissue, alone)
    if proposed.any() or alone.any():
        pixel = volume.pixel_spacing
        box = grown_box(proposed | alone, (1, *in_slice(HANGING_MM, pixel)[1:]))
        k, plane = box[0], (slice(None), *box[1:])
        bone = tissue[k] == Tissue.BONE
        rest = np.where(alone[k] & bone, Tissue.OUTSIDE, tissue[k])  # of the head, without what passes for bone
        deep, enclosed = (_deep(head, alone[k], pixel)[plane] for head in (tissue[k], rest))
        pieces, _ = ndimage.label(alone[box], EVERYWHERE)
        body = _of_the_body(pieces, seen[box], deep, enclosed, bone[plane], pixel) | _pinnae(
            volume, coarse, pieces, box
        )
        out[box] = _decided(volume.hu[box], proposed[box], seen[box], pieces, body, volume.voxel_volumes_ml[k])
    return out


def _deep(tissue: NDArray[np.uint8], mask: NDArray[np.bool_], pixel: tuple[float, float]) -> NDArray[np.bool_]:
    """The part of ``mask`` that lies deep in the head."""
    out = mask.copy()
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        head = np.asarray(ndimage.binary_fill_holes(np.isin(tissue[k], HEAD)))
        out[k] &= box_filter_min(head[None], in_slice(DEEP_MM, pixel))[0]
    return out


def _holder(volume: CTVolume, tissue: NDArray[np.uint8], seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(K, J, I) bool, to within a pixel or two: what is too long to be taken off, unless the network sees most of it."""
    step = max(1, round(COARSE_MM / max(volume.pixel_spacing)))
    coarse = np.s_[:, ::step, ::step]
    labels, n = ndimage.label(tissue[coarse] == Tissue.HOLDER, EVERYWHERE)
    keep = np.zeros(n + 1, bool)
    pixel = [step * p for p in volume.pixel_spacing]
    for c, box in enumerate(ndimage.find_objects(labels), start=1):
        extent = (
            float(volume.slice_widths[box[0]].sum()),
            *((b.stop - b.start) * p for b, p in zip(box[1:], pixel, strict=True)),
        )
        keep[c] = max(extent) > MAX_EXTENT_MM and seen[coarse][box][labels[box] == c].mean() < OWN_SHARE
    wide = box_filter_max(keep[labels], (0, 1, 1))
    return np.repeat(np.repeat(wide, step, axis=1), step, axis=2)[:, : tissue.shape[1], : tissue.shape[2]]


def _of_the_body(
    pieces: NDArray[np.int32],
    seen: NDArray[np.uint8],
    deep: NDArray[np.bool_],
    enclosed: NDArray[np.bool_],
    bone: NDArray[np.bool_],
    pixel: tuple[float, float],
) -> NDArray[np.bool_]:
    """(N + 1,) bool: pieces that lie deep in the head, or hang on bone.

    Dense objects that lie bare pass for bone as well, and wide ones for deep in themselves; these must be ``enclosed`` by the rest of the head.
    """
    hanging, rim = (in_slice(mm, pixel) for mm in (HANGING_MM, RIM_MM))
    boxes = ndimage.find_objects(pieces)
    out = np.zeros(len(boxes) + 1, bool)
    for c, box in enumerate(boxes, start=1):
        around = tuple(slice(max(0, b.start - m), b.stop + m) for b, m in zip(box, hanging, strict=True))
        piece = pieces[around] == c
        bony, sunk = bone[around][piece], deep[around][piece]
        if (enclosed[around][piece] if bony.mean() > BARE_SHARE else sunk).mean() > BARE_SHARE:
            out[c] = True
        elif (bony | sunk).mean() > BARE_SHARE:
            own = box_filter_max(piece | (seen[around] > UNLIKELY), rim)
            out[c] = bool((bone[around] & box_filter_max(piece, hanging) & ~own).any())
    return out


def _pinnae(
    volume: CTVolume, coarse: CoarseAnatomy, pieces: NDArray[np.int32], box: tuple[slice, ...]
) -> NDArray[np.bool_]:
    """(N + 1,) bool: soft pieces where an ear stands."""
    boxes = ndimage.find_objects(pieces)
    out = np.zeros(len(boxes) + 1, bool)
    to_template = np.linalg.pinv(coarse.pose)
    for c, part in enumerate(boxes, start=1):
        piece = pieces[part] == c
        if np.percentile(volume.hu[box][part][piece], 90) >= PINNA_HU:
            continue
        k, j, i = (n + p.start + b.start for n, p, b in zip(np.nonzero(piece), part, box, strict=True))
        ras = volume.origins[k] + i[:, None] * volume.row_step + j[:, None] * volume.col_step
        place = ras @ to_template[:3, :3].T + to_template[:3, 3]
        place[:, 0] = np.abs(place[:, 0])
        out[c] = ((place > PINNA[0]) & (place < PINNA[1])).all(axis=1).mean() > PINNA_SHARE
    return out


def _decided(
    hu: NDArray[np.int16],
    proposed: NDArray[np.bool_],
    seen: NDArray[np.uint8],
    pieces: NDArray[np.int32],
    body: NDArray[np.bool_],
    voxel_ml: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """The decision about proposals, and about ``pieces`` of what the network finds likely, see :func:`decided_objects`."""
    labels, n = ndimage.label(proposed, EVERYWHERE)
    share = np.r_[0, ndimage.mean(seen > LIKELY, labels, np.arange(1, n + 1))] if n else np.zeros(1)
    kept = np.asarray((share >= SEEN_SHARE)[labels] & proposed & (seen > UNLIKELY))
    millilitres = np.zeros(len(body))
    for s, ml in zip(pieces, voxel_ml, strict=True):
        millilitres += ml * np.bincount(s.ravel(), minlength=len(body))
    new = (millilitres >= SPECK_ML) & ~body
    new[0] = False
    joined, soft = np.zeros((2, len(body)), bool)
    joined[np.unique(pieces[box_filter_max(kept, (1, 2, 2))])] = True
    for c, box in enumerate(ndimage.find_objects(pieces), start=1):
        soft[c] = new[c] and not joined[c] and float(np.percentile(hu[box][pieces[box] == c], 90)) < DENSE_HU
    if np.count_nonzero(soft) < MANY:
        new &= ~soft
    return np.asarray(kept | new[pieces])
