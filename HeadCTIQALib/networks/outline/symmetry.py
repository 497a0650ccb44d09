"""The mid-sagittal plane by registering the head with its own mirror image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from HeadCTIQALib.findings import Plane
from HeadCTIQALib.geometry import point
from HeadCTIQALib.networks.types import CoarseAnatomy
from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.resample import Grid, to_grid

from .midline import DISAGREE_DEG, midline, plane_of_landmarks, plane_of_pose
from .workgrid import Field, Vector, head_probability, soft_signed_distance

SPACING_MM = 2.5
BLUR = 1.0  # voxels: so much that it hardly matters where between voxels a value is read
BELOW_MM = 12.0  # below the intracranial space, the neck and jaw turn on their own
TRUNCATE = 0.22  # of the 1200 HU window: a difference this large counts as "not the same thing" and no more
BASIN_DEG = 5.0  # starts this far apart in yaw lead to planes of their own
ALIKE = 1.05  # mismatches this much apart, as a ratio, do not tell two planes apart


#: Fills its third argument with the values at the mirror images of fixed points: (plane normal, (N,) mm of the points
#: in front of the plane, (N,) output); NaN where the scan was not imaged.
Mirror = Callable[[Vector, Vector, Field], None]


@dataclass(frozen=True, slots=True)
class SymmetryDetails:
    """How the plane was found; angles in degrees between plane normals, None where there was nothing to compare."""

    mismatch: float  # mean truncated difference to the mirror image, 0 (symmetric) .. 1
    to_network_deg: float | None
    to_landmarks_deg: float | None
    note: str


def midsagittal_plane(volume: CTVolume, coarse: CoarseAnatomy) -> tuple[Plane, SymmetryDetails]:
    """Mid-sagittal plane in RAS mm, its normal pointing right.

    The head is resampled to 2.5 mm isotropic through the true slice geometry, clipped to -200..1000 HU, and the mean
    *truncated* difference to its mirror image is minimised over yaw, roll and offset, from the network's plane, a small grid
    of starts and a plane through the line of the midline landmarks.  A skull that is flattened on one side has two planes that
    fit almost equally well, of which that line decides.  Truncation makes one-sided things (bleed, haematoma, craniectomy) cost the same wherever
    the plane lies, so that the rest of the head decides.  Both images are read between the voxels, at scattered points
    of a blurred head: read at the voxels, a plane along the grid would match best, and a slightly turned head pass for
    straight.  Holder and couch are blanked out; only the head above the skull base takes part, since the neck turns on
    its own.

    Confidence falls when the mirror plane and the network's pose or landmarks disagree by more than 3 degrees, and when planes
    further apart than that fit alike and no landmarks decide.
    """
    values, points, mirrored = _head_image(volume, coarse)
    network = plane_of_pose(coarse.pose)
    centre = points.mean(axis=0)
    start = network if abs(network[0][0]) > 0.5 else (np.array([1.0, 0.0, 0.0]), centre)
    by_landmarks = plane_of_landmarks(coarse)
    line = midline(coarse.landmarks)
    normal, offset, mismatch, rival = _register(
        values, points, mirrored, start[0], centre, (start[1] - centre) @ start[0], line
    )
    origin = centre + offset * normal
    to_network = _angle(normal, network[0])
    to_landmarks = None if by_landmarks is None else _angle(normal, by_landmarks[0])
    confidence, note = _confidence(mismatch, to_network, to_landmarks, rival if line is None else 0.0)
    plane = Plane(point(origin), point(normal), confidence=confidence, source="analytic")
    return plane, SymmetryDetails(mismatch, to_network, to_landmarks, note)


def _head_image(volume: CTVolume, coarse: CoarseAnatomy) -> tuple[Field, Vector, Callable[[Vector], Mirror]]:
    """Values (N,) and points (N, 3) RAS of the sampled head, and a lookup of values at mirror images of points."""
    head_p = head_probability(coarse)
    inner = coarse.probabilities[4:9].sum(axis=0)
    index = np.argwhere(inner > 0.5)
    if len(index) < 50:
        index = np.argwhere(head_p > 0.5)
    ras = coarse.origin + coarse.spacing * index[:, ::-1]
    low, high = ras.min(axis=0) - 30.0, ras.max(axis=0) + 30.0
    shape = np.ceil((high - low)[::-1] / SPACING_MM).astype(int) + 1
    grid = Grid(low, SPACING_MM, (int(shape[0]), int(shape[1]), int(shape[2])))
    hu, seen = to_grid(volume, grid)
    axes = [(low[c] + SPACING_MM * np.arange(shape[2 - c]) - coarse.origin[c]) / coarse.spacing for c in (2, 1, 0)]
    depth = _resample(soft_signed_distance(head_p, coarse.spacing), axes, -1e3)
    holder = _resample(coarse.probabilities[10] - head_p, axes, 0.0)
    image = np.clip((np.clip(hu, -200, 1000) + 200) / 1200.0, 0, 1).astype(np.float32)
    blank = (depth < -6.0) | ((holder > 0) & (depth < 0))
    image[blank] = 0
    up = coarse.pose[:3, 2] / np.linalg.norm(coarse.pose[:3, 2])
    points = grid.ras()
    use = seen & (depth > -3.0) & (points @ up > np.percentile(ras @ up, 1) - BELOW_MM)
    # normalised: the nothing above and below a cut scan is no air, which would draw the plane across the slices
    image = ndimage.gaussian_filter(image, BLUR) / np.maximum(
        ndimage.gaussian_filter(seen.astype(np.float32), BLUR), 1e-3
    )
    image[~seen] = np.nan  # what was not imaged must not count against a plane
    points = points[use] + SPACING_MM * (np.random.default_rng(0).random((np.count_nonzero(use), 3)) - 0.5)
    values = np.empty(len(points), np.float32)
    _read(image, grid.index(points).T, values)
    known = np.isfinite(values)
    points = points[known]

    def mirrored(at: Vector) -> Mirror:
        index = np.ascontiguousarray(grid.index(at).T)

        def look_up(normal: Vector, depth: Vector, out: Field) -> None:
            # the mirror image of a point lies twice its depth away, along the normal
            _read(image, index - np.multiply.outer(normal[::-1] * (2.0 / SPACING_MM), depth), out)

        return look_up

    return values[known], points, mirrored


def _read(image: Field, at: Vector, out: Field) -> None:
    """Fill ``out`` (N,) with trilinear values of ``image`` at (3, N) indices, 0 beyond it."""
    ndimage.map_coordinates(image, at, order=1, cval=0.0, output=out, prefilter=False)


def _resample(field: NDArray[np.float32], axes: list[Vector], outside: float) -> Field:
    """Separable trilinear values of a (Z, Y, X) field at index axes (z, y, x)."""
    out = field
    for axis, x in enumerate(axes):
        clipped = np.clip(x, 0, field.shape[axis] - 1)
        low = np.minimum(clipped.astype(int), field.shape[axis] - 2)
        w = (clipped - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        out = np.take(out, low, axis=axis) * (1 - w) + np.take(out, low + 1, axis=axis) * w
        beyond = np.flatnonzero((x < -0.5) | (x > field.shape[axis] - 0.5))
        out[tuple(beyond if a == axis else slice(None) for a in range(3))] = outside
    return out


def _normal(n0: Vector, yaw: float, roll: float) -> Vector:
    """``n0`` (near +R) turned by yaw about S and roll about A, degrees; exact enough to be a unit vector."""
    v = n0 + np.array([0.0, np.tan(np.radians(yaw)), np.tan(np.radians(roll))])
    return v / np.linalg.norm(v)


def _turns(n0: Vector, normal: Vector) -> tuple[float, float]:
    """(yaw, roll) in degrees that turn ``n0`` into ``normal``, as :func:`_normal` does."""
    # the tangents (s, t) for which n0 + (0, s, t) is along normal
    y, z = normal[1:] * (n0[0] / normal[0]) - n0[1:]
    return float(np.degrees(np.arctan(y))), float(np.degrees(np.arctan(z)))


def _register(
    values: Field,
    points: Vector,
    mirrored: Callable[[Vector], Mirror],
    n0: Vector,
    centre: Vector,
    offset: float,
    line: tuple[Vector, Vector] | None,
) -> tuple[Vector, float, float, float]:
    """(normal, offset mm from ``centre``, mismatch) of the best mirror plane, coarse to fine, and the angle to the plane furthest from it that fits alike.

    ``line``: direction and a point of the line of the midline landmarks; of planes that fit alike the one most along it is taken.
    """

    def cost(count: int) -> Callable[[NDArray[np.float64]], float]:
        step = max(1, len(points) // count)
        at, own = points[::step] - centre, values[::step]
        look_up, buffer = mirrored(points[::step]), np.empty(len(at), np.float32)

        def evaluate(x: NDArray[np.float64]) -> float:
            n = _normal(n0, x[0], x[1])
            look_up(n, at @ n - x[2], buffer)
            difference = np.abs(buffer - own)
            difference = difference[np.isfinite(difference)]
            if len(difference) < 0.3 * len(own):
                return 1.0
            return float(np.minimum(difference, TRUNCATE).mean() / TRUNCATE)

        return evaluate

    rough = cost(4000)
    starts = [
        np.array([yaw, roll, offset + shift])
        for yaw in (0.0, -5.0, 5.0, -10.0, 10.0)
        for roll in (0.0, -5.0, 5.0)
        for shift in (0.0, -4.0, 4.0)
    ]
    starts.sort(key=rough)
    middle = cost(10_000)
    other = next(x for x in starts if abs(x[0] - starts[0][0]) >= BASIN_DEG)
    tried = [starts[0], other]
    if line is not None:
        through = n0 - (n0 @ line[0]) * line[0]
        through = through / np.linalg.norm(through)
        tried.append(np.array([*_turns(n0, through), (line[1] - centre) @ through]))
    found = [_simplex(middle, x, (2.0, 2.0, 2.0), 45) for x in tried]
    least = min(f.fun for f in found)
    alike = [f.x for f in found if f.fun <= ALIKE * least]
    best = (
        min(found, key=lambda f: f.fun).x
        if line is None
        else min(alike, key=lambda x: abs(float(_normal(n0, x[0], x[1]) @ line[0])))
    )
    final = _simplex(cost(45_000), best, (0.6, 0.6, 0.5), 60)
    normal = _normal(n0, final.x[0], final.x[1])
    rival = max(_angle(normal, _normal(n0, x[0], x[1])) for x in alike)
    return normal, float(final.x[2]), float(final.fun), rival


def _simplex(
    f: Callable[[NDArray[np.float64]], float],
    x: NDArray[np.float64],
    size: tuple[float, float, float],
    evaluations: int,
) -> optimize.OptimizeResult:
    simplex = np.vstack([x, x + np.diag(size)])
    options = {"initial_simplex": simplex, "maxfev": evaluations, "xatol": 0.01, "fatol": 1e-6}
    return optimize.minimize(f, x, method="Nelder-Mead", options=options)


def _confidence(mismatch: float, to_network: float, to_landmarks: float | None, rival: float) -> tuple[float, str]:
    confidence, note = 0.95, ""
    if rival > DISAGREE_DEG and to_landmarks is None:
        confidence, note = (
            0.6,
            f"Two mirror planes {rival:.1f} degrees apart fit the head alike; check the mid-sagittal plane.",
        )
    if mismatch > 0.45:
        confidence, note = 0.6, "The head is unusually asymmetric, so that its mirror plane is less certain."
    apart = to_network if to_landmarks is None else min(to_network, to_landmarks)
    if apart > DISAGREE_DEG:
        confidence = min(confidence, 0.45 if apart > 2 * DISAGREE_DEG else 0.6)
        note = (
            f"The mirror plane and the anatomy network disagree by {apart:.1f} degrees; check the mid-sagittal plane."
        )
    return confidence, note


def _angle(a: Vector, b: Vector) -> float:
    return float(np.degrees(np.arccos(np.clip(abs(a @ b), 0.0, 1.0))))
