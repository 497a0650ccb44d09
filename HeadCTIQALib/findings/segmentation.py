"""Masks to and from ``segmentation.seg.nrrd``, which plain 3D Slicer opens as a segmentation.

The tissue labels are one layer; the streak mask overlaps them and is a second layer, so that the file is 4D when it
is not empty.  NRRD describes a regular grid only:

- a tilted stack is written with its true, sheared space directions;
- an unevenly spaced stack is repeated (nearest slice along k) on a regular grid at its smallest gap, and the header
  says so in ``HeadCTIQA_Resampled``.

Reading goes by the geometry in the file alone and never by keys of our own, because 3D Slicer crops, reorders and
renumbers segments when it saves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.errors import InputError, boundary
from HeadCTIQALib.geometry import LPS_TO_RAS, Vector
from HeadCTIQALib.volume.types import CTVolume

from .nrrd_file import Header, read_nrrd, vectors
from .terminology import SEGMENT_IDS, STREAK, STYLES
from .types import Findings, Tissue

_STREAK_ALONE = 100  # label of an empty streak segment, which needs no layer of its own
_MAX_PLANES = 1024  # slices closer together than this allows could not all be kept on a regular grid
_EVEN = 0.02  # share of a gap by which the slices of an even stack may be off
_SMALLEST_VOXEL = 1e-9  # mm^3
_FAR = 1e5  # mm from anything that a scanner can reach
_EMPTY = (0, -1, 0, -1, 0, -1)
_GEOMETRY_HELP = (
    "Image geometry description string determining the geometry of the labelmap that is created in course of "
    "conversion. Can be copied from a volume, using the button."
)
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Grid:
    """A regular stack: ``planes[m]`` is the native slice shown at plane m, ``step`` RAS mm from plane to plane."""

    planes: NDArray[np.intp]
    step: Vector
    resampled: bool


def write_segmentation(path: str | Path, volume: CTVolume, findings: Findings) -> None:
    """Write the tissue labels and the streak mask of ``findings``, which lie on the grid of ``volume``.

    Every tissue is a segment, empty or not, so that a person can paint what was missed; ``streak`` is a segment
    unless ``findings.streak`` is None.

    Raises:
        OSError: the file cannot be written.
    """
    import nrrd  # not there in a plain 3D Slicer, which shows and corrects findings all the same

    grid = _regular_grid(volume)
    layers = [findings.tissue[grid.planes]]
    streak = findings.streak
    streak_layer = streak is not None and bool(streak.any())
    if streak is not None and streak_layer:
        layers.append(streak[grid.planes].view(np.uint8))

    header = _geometry_header(volume, grid, len(layers))
    extents = _extents(layers[0], max(Tissue))
    segments = [(id_, int(tissue), 0, extents[int(tissue)]) for id_, tissue in SEGMENT_IDS.items()]
    if streak_layer:
        segments.append((STREAK, 1, 1, _extents(layers[1], 1)[1]))
    elif streak is not None:
        segments.append((STREAK, _STREAK_ALONE, 0, _EMPTY))
    for n, (id_, label, layer, extent) in enumerate(segments):
        header |= _segment_header(n, id_, label, layer, extent)

    data = layers[0] if len(layers) == 1 else np.stack(layers, axis=-1)
    # Level 1: label maps shrink a hundredfold at any level, and a reader waits for this.
    nrrd.write(str(path), data, header, compression_level=1, index_order="C")


def read_segmentation(path: str | Path, volume: CTVolume) -> tuple[NDArray[np.uint8], Mask | None]:
    """Tissue labels (K, J, I) uint8 and streak mask (K, J, I) bool, or None, on the native grid of ``volume``.

    Segments are found by id, else by name; other segments are left out, and where segments overlap the later in the
    file wins.  The file may be cropped or on another grid: every native voxel takes the nearest voxel of the file.
    Reading what :func:`write_segmentation` wrote for the same volume gives back the same arrays.

    Raises:
        InputError: the file is missing, damaged or not a 3D Slicer segmentation.
    """
    path = Path(path)
    header, layers = read_nrrd(path)
    with boundary(f"The segmentation {path} is damaged; save it from 3D Slicer again as .seg.nrrd."):
        segments, to_ras = _segments(header), _to_ras(header.get("space", ""))
        directions, (origin,) = vectors(header["space directions"]), vectors(header["space origin"])
    placed = (
        abs(origin).max() < _FAR and abs(directions).max() < _FAR and abs(np.linalg.det(directions)) > _SMALLEST_VOXEL
    )  # False for NaN
    if not 0 < len(segments) <= 2 * len(STYLES) or not placed:
        raise InputError(f"The file {path} is not a 3D Slicer segmentation; save it from 3D Slicer as .seg.nrrd.")
    tissue = np.zeros(volume.shape, np.uint8)
    streak: Mask | None = None
    native: dict[int, NDArray[np.integer]] = {}
    for id_, label, layer in segments:
        if not 0 <= layer < layers.shape[-1]:
            raise InputError(
                f"The segmentation {path} lists a layer that it does not contain; save it from 3D Slicer again."
            )
        if layer not in native:  # one at a time: a file may hold many
            native = {
                layer: onto_native(layers[..., layer, None], origin * to_ras, directions * to_ras, volume)[..., 0]
            }
        if id_ == STREAK:
            streak = native[layer] == label
        else:
            tissue[native[layer] == label] = SEGMENT_IDS[id_]
    return tissue, streak


def _regular_grid(volume: CTVolume) -> _Grid:
    """The regular stack that shows every native slice: the stack itself, or one at its smallest gap."""
    positions = volume.slice_positions
    count = len(positions)
    if count == 1:
        return _Grid(np.array([0]), volume.k * float(volume.slice_widths[0]), False)
    span = float(positions[-1] - positions[0])
    step = (volume.origins[-1] - volume.origins[0]) / span  # RAS mm per mm along k; sheared under gantry tilt
    gap = span / (count - 1)
    if np.abs(positions - np.linspace(positions[0], positions[-1], count)).max() <= _EVEN * gap:
        return _Grid(np.arange(count), step * gap, False)
    gap = max(float(np.diff(positions).min()), span / (_MAX_PLANES - 1))
    while True:
        at = (positions - positions[0]) / gap  # where every native slice lies, in planes
        own = np.rint(at).astype(np.intp)
        planes = _nearest(at, np.arange(int(np.ceil(at[-1] - 1e-9)) + 1.0))
        clear = np.abs(at - own).max() < 0.499 and len(np.unique(own)) == count and own[-1] < len(planes)
        if clear or len(planes) >= _MAX_PLANES:
            own = np.minimum(own, len(planes) - 1)
            planes[own] = np.arange(count)  # every slice is found again at the plane nearest to it
            return _Grid(planes, step * gap, True)
        gap *= 0.999  # a slice half-way between two planes could be read back as its neighbour


def _nearest(positions: NDArray[np.floating], wanted: NDArray[np.floating]) -> NDArray[np.intp]:
    """Index into the increasing ``positions`` (two at least) nearest to each of ``wanted``, the lower on a tie."""
    upper = np.clip(np.searchsorted(positions, wanted), 1, len(positions) - 1)
    return np.where(wanted - positions[upper - 1] <= positions[upper] - wanted, upper - 1, upper)


def onto_native(
    layers: NDArray[np.integer], origin: Vector, directions: Vector, volume: CTVolume
) -> NDArray[np.integer]:
    """(k, j, i, L) voxels of a file to (K, J, I, L); rows of ``directions`` are the file's RAS steps of i, j and k."""
    to_index = np.linalg.inv(directions)
    start = (volume.origins - origin) @ to_index  # file index (i, j, k) of the first voxel of every native slice
    steps = np.stack([volume.row_step, volume.col_step]) @ to_index
    out = np.zeros((*volume.shape, layers.shape[-1]), layers.dtype)
    _, j_count, i_count = volume.shape
    if np.allclose(steps, [[1, 0, 0], [0, 1, 0]], atol=1e-4):
        # The same pixels, perhaps cropped: copy whole planes.  One in-plane shift for all slices, because the
        # file follows the straight line through the first and last slice.
        di, dj = np.rint(np.median(start[:, :2], axis=0)).astype(int)
        i = slice(max(0, -di), max(0, min(i_count, layers.shape[2] - di)))
        j = slice(max(0, -dj), max(0, min(j_count, layers.shape[1] - dj)))
        for s, plane in enumerate(np.rint(start[:, 2]).astype(int)):
            if 0 <= plane < len(layers):
                out[s, j, i] = layers[plane, j.start + dj : j.stop + dj, i.start + di : i.stop + di]
        return out
    in_plane = np.arange(j_count)[:, None, None] * steps[1] + np.arange(i_count)[None, :, None] * steps[0]
    limits = np.array(layers.shape[2::-1])
    for s in range(len(out)):
        index = np.rint(in_plane + start[s]).astype(int)
        inside = ((index >= 0) & (index < limits)).all(axis=-1)
        fi, fj, fk = index[inside].T
        out[s][inside] = layers[fk, fj, fi]
    return out


def _geometry_header(volume: CTVolume, grid: _Grid, layers: int) -> dict[str, object]:
    """The NRRD and ``Segmentation_`` keys; coordinates in LPS, as 3D Slicer writes them."""
    origin = volume.origins[0]
    directions = np.stack([volume.row_step, volume.col_step, grid.step])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = directions.T, origin
    sizes = (volume.shape[2], volume.shape[1], len(grid.planes))
    geometry = ";".join(f"{x:.12g}" for x in matrix.ravel()) + ";" + ";".join(f"0;{n - 1}" for n in sizes) + ";"
    header: dict[str, object] = {
        "space": "left-posterior-superior",
        "kinds": ["domain"] * 3 if layers == 1 else ["list"] + ["domain"] * 3,
        "space directions": directions * LPS_TO_RAS
        if layers == 1
        else np.vstack([[np.nan] * 3, directions * LPS_TO_RAS]),
        "space origin": origin * LPS_TO_RAS,
        "encoding": "gzip",
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_ConversionParameters": f"Reference image geometry|{geometry}|{_GEOMETRY_HELP}&",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_SourceRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    if grid.resampled:
        header["HeadCTIQA_Resampled"] = (
            f"{len(volume.origins)} unevenly spaced slices shown on {len(grid.planes)} planes (nearest slice); native slice of "
            f"every plane: {' '.join(map(str, grid.planes))}"
        )
    return header


def _segment_header(n: int, id_: str, label: int, layer: int, extent: tuple[int, ...]) -> dict[str, object]:
    style = STYLES[id_]
    values: dict[str, object] = {
        "ID": id_,
        "Name": style.name,
        "NameAutoGenerated": "0",
        "Color": " ".join(f"{c:g}" for c in style.color),
        "ColorAutoGenerated": "0",
        "Extent": " ".join(map(str, extent)),
        "LabelValue": str(label),
        "Layer": str(layer),
        "Tags": style.tag,
    }
    return {f"Segment{n}_{key}": value for key, value in values.items()}


def _extents(labels: NDArray[np.uint8], largest: int) -> dict[int, tuple[int, ...]]:
    """Label (at most 15) to its inclusive bounding box (i0, i1, j0, j1, k0, k1); an absent label has an empty one."""
    bit = np.zeros(256, np.uint16)
    bit[1 : largest + 1] = 1 << np.arange(1, largest + 1)
    k_count, j_count, i_count = labels.shape
    planes, rows, columns = np.zeros(k_count, np.uint16), np.zeros(j_count, np.uint16), np.zeros(i_count, np.uint16)
    for k, plane in enumerate(labels):  # which labels occur in each plane, row and column, as bits
        if not plane.any():
            continue
        bits = bit[plane]
        in_columns = np.bitwise_or.reduce(bits, axis=0)
        columns |= in_columns
        rows |= np.bitwise_or.reduce(bits, axis=1)
        planes[k] = np.bitwise_or.reduce(in_columns)
    extents = {}
    for label in range(1, largest + 1):
        where = [np.flatnonzero(seen & bit[label]) for seen in (columns, rows, planes)]
        extents[label] = tuple(int(bound) for w in where for bound in (w[0], w[-1])) if len(where[0]) else _EMPTY
    return extents


def _segments(header: Header) -> list[tuple[str, int, int]]:
    """(id, label, layer) of every segment of ours in an NRRD header, in file order."""
    by_name = {style.name.lower(): style.id for style in STYLES.values()}
    found = []
    numbers = sorted(int(m[1]) for key in header if (m := re.fullmatch(r"Segment(\d+)_ID", key)))
    for n in numbers:
        id_, name = header[f"Segment{n}_ID"], header.get(f"Segment{n}_Name", "").lower()
        known = id_ if id_ in STYLES else by_name.get(name, name)
        if known in STYLES:
            found.append((known, int(header[f"Segment{n}_LabelValue"]), int(header.get(f"Segment{n}_Layer", "0"))))
    return found


def _to_ras(space: str) -> Vector:
    """Signs that take the coordinates of a NRRD ``space`` to RAS."""
    key = space.lower()
    if key in ("left-posterior-superior", "lps"):
        return LPS_TO_RAS
    if key in ("right-anterior-superior", "ras"):
        return np.ones(3)
    raise ValueError(f"space {space!r} is neither LPS nor RAS")
