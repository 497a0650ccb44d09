"""The second stage: landmarks read anew from patches of 2 mm voxels, cut in the head's frame about their coarse places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import Landmark
from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.resample import AIR_HU, block_mean

from .anatomy import imaged, rounded_point
from .bundles import ANATOMY, open_bundle
from .bundles import LANDMARKS as BUNDLE
from .channels import LANDMARKS
from .landmark_confidence import of_estimated, of_seen
from .landmark_edge import EDGE_MM, beyond, combined, depth, put_right
from .landmark_shape import HeadShape
from .types import CoarseAnatomy, Infer, Vector

KINDS = "landmark_kinds"  # in the metadata of the anatomy network: kind of heads to landmark to template mm
#: Channels of the landmark network; a paired landmark has one, its left patches being mirrored.
CHANNELS = ("EAM", "CANTHUS", "GLOBE", "NASION", "BASION", "OPISTHION", "SELLA", "CRISTA", "IOP", "SEPTUM", "PINEAL")
PATCH = 24  # voxels along each side
PATCH_MM = 2.0
LIKELY = 0.5  # probability above which a landmark counts as seen
REACH_MM = 10.0  # a landmark expected up to this far beyond the scan is looked for
AXIS = PATCH_MM * (np.arange(PATCH) - (PATCH - 1) / 2)


def channel_of(name: str) -> int:
    """The channel of a landmark."""
    return CHANNELS.index(name[:-2] if name[-2:] in ("_R", "_L") else name)


@dataclass(frozen=True)
class Cut:
    """A patch of a scan about the expected place of a landmark.

    Attributes:
        name: the landmark.
        centre: (3,) RAS mm.
        axes: (3, 3), columns are the patch's x, y, z in RAS; x points left in mirrored patches.
        hu: (PATCH, PATCH, PATCH) int16, (z, y, x); inside: bool, where the scan was imaged.
    """

    name: str
    centre: Vector
    axes: Vector
    hu: NDArray[np.int16]
    inside: NDArray[np.bool_]

    def point(self, zyx: NDArray[np.floating]) -> Vector:
        """RAS mm of a position in voxels."""
        return self.centre + self.axes @ (PATCH_MM * (np.asarray(zyx, float)[::-1] - (PATCH - 1) / 2))


def fine_landmarks(
    volume: CTVolume, coarse: CoarseAnatomy, infer: Infer, template: Mapping[str, Sequence[float]] | None = None
) -> dict[str, Landmark]:
    """The landmarks that lie in or near the scan, read anew; and better estimates of those beyond it.

    Args:
        volume: the scan.
        coarse: what the anatomy network saw in it.
        infer: runs a network by the name of its bundle.
        template: landmarks in template mm; None for those of the shipped anatomy network.

    Raises:
        ModelError: the network cannot run.
    """
    cuts = cut_patches(volume, coarse)
    if not cuts:
        return {}
    (read,) = infer(BUNDLE, np.stack([c.hu for c in cuts]), np.stack([c.inside for c in cuts]).astype(np.uint8))
    return merge(volume, coarse, cuts, read, template)


def cut_patches(volume: CTVolume, coarse: CoarseAnatomy) -> list[Cut]:
    """A patch for every landmark whose coarse place is in the scan or not far beyond, mirrored for those on the left."""
    axes = upright(coarse.pose)
    cuts = []
    for name in LANDMARKS:
        centre = np.asarray(coarse.landmarks[name].position, float)
        if imaged(volume, centre, REACH_MM):
            own = axes * (-1.0, 1.0, 1.0) if name.endswith("_L") else axes
            cuts.append(Cut(name, centre, own, *cut(volume, centre, own)))
    return cuts


def upright(pose: Vector) -> Vector:
    """The rotation nearest to a pose: columns are the head's axes (right, forwards, up) in RAS."""
    u, _, vt = np.linalg.svd(pose[:3, :3])
    return np.asarray(u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt, float)


def cut(volume: CTVolume, centre: Vector, axes: Vector) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """HU and imaged mask of a patch, sampled like :func:`HeadCTIQALib.volume.resample.to_grid`."""
    z, y, x = np.meshgrid(AXIS, AXIS, AXIS, indexing="ij")
    ijk = volume.ras_to_ijk(np.stack([x, y, z], axis=-1) @ axes.T + centre)
    f = max(1, round(0.8 * PATCH_MM / max(volume.pixel_spacing)))
    size = np.array(volume.shape)
    kji = ijk[..., ::-1]
    low = np.clip(np.floor(kji.min((0, 1, 2))).astype(int) - (2, f, f), 0, size - 1)
    high = np.clip(
        np.ceil(kji.max((0, 1, 2))).astype(int) + (3, 2 * f, 2 * f), low + (1, f, f), np.maximum(size, low + (1, f, f))
    )
    part = volume.hu[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    if min(part.shape[1:]) < f:
        return np.full((PATCH,) * 3, AIR_HU, np.int16), np.zeros((PATCH,) * 3, bool)
    reduced = np.stack([block_mean(plane, f, f) for plane in part])
    gap = float(np.median(np.diff(volume.slice_positions))) if volume.shape[0] > 1 else PATCH_MM
    if gap < 0.8 * PATCH_MM:
        reduced = ndimage.gaussian_filter1d(reduced, 0.4 * PATCH_MM / gap, axis=0, mode="nearest")
    inside = np.ones((PATCH,) * 3, bool)
    where = []
    for c, n in enumerate(reduced.shape):
        inside &= (kji[..., c] > -0.5) & (kji[..., c] < size[c] - 0.5)
        step = 1 if c == 0 else f
        where.append(np.clip((kji[..., c] - low[c] - (step - 1) / 2) / step, 0, n - 1))
    out = np.full((PATCH,) * 3, AIR_HU, np.float32)
    out[inside] = ndimage.map_coordinates(reduced, [w[inside] for w in where], order=1)
    return np.clip(np.rint(out), -1024, 3071).astype(np.int16), inside


def merge(
    volume: CTVolume,
    coarse: CoarseAnatomy,
    cuts: Sequence[Cut],
    read: NDArray[np.float32],
    template: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Landmark]:
    """What the network read in the patches; landmarks that it did not see follow from the pose and those that it did.

    Args:
        read: (patches, channels, 6), see :func:`HeadCTIQALib.networks.nets.landmarks.read_heatmaps`.
        template: landmarks in template mm; None for those of the shipped anatomy network.
    """
    rows = {
        c.name: (c.point(r[channel_of(c.name), :3]), r[channel_of(c.name)]) for c, r in zip(cuts, read, strict=True)
    }
    seen: dict[str, Vector] = {}
    at_end: dict[str, Vector] = {}
    for name, (p, row) in rows.items():
        if row[3] > LIKELY and imaged(volume, p, EDGE_MM):
            inside, outwards = depth(volume, p)
            if inside > EDGE_MM:
                seen[name] = p
            else:
                at_end[name] = put_right(p, inside, outwards)
    shape = HeadShape(coarse.pose, kinds_of_heads() if template is None else (_points(template),), seen)
    found = {}
    for name in LANDMARKS:
        guess = shape.estimate(name)
        if name in seen:
            moved = float(np.linalg.norm(seen[name] - np.asarray(coarse.landmarks[name].position)))
            spread = PATCH_MM * float(rows[name][1][4])
            sure = of_seen(float(rows[name][1][3]), spread, moved, float(np.linalg.norm(seen[name] - guess.position)))
            found[name] = Landmark(
                rounded_point(seen[name]), round(sure, 3), True, "network", round(1.0 + max(0.0, spread - 3.0), 1)
            )
            continue
        if name in at_end:
            guess = combined(at_end[name], guess)
        elif name in rows:
            guess = beyond(volume, guess)
        inside_scan = imaged(volume, guess.position)
        sure = of_estimated(guess.sd_mm)
        found[name] = Landmark(
            rounded_point(guess.position), round(sure, 3), inside_scan, "network", round(guess.sd_mm, 1)
        )
    return found


def kinds_of_heads() -> tuple[dict[str, Vector], ...]:
    """Landmarks in template mm of each kind of heads that the shipped anatomy network was trained on, in its own coordinates."""
    metadata = open_bundle(ANATOMY).metadata
    return tuple(_points(k) for k in metadata.get(KINDS, {}).values()) or (_points(metadata["template_landmarks"]),)


def _points(marks: Mapping[str, Sequence[float]]) -> dict[str, Vector]:
    return {n: np.asarray(marks[n], float) for n in LANDMARKS}
