"""Analytic refinement on the three real scans: motion, vertex and the reference planes of two readers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from HeadCTIQALib.findings import INTRACRANIAL, Landmark, Tissue
from HeadCTIQALib.networks.outline import dark_bands, midsagittal_plane, slice_steps, streak, vertex
from HeadCTIQALib.networks.types import CoarseAnatomy
from HeadCTIQALib.volume import CTVolume

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SCANS = ("ge-revolution-dental", "ge-vct-tumour", "ge-hispeed-tilt")
MIDLINE = (
    "NASION",
    "BASION",
    "OPISTHION",
    "SELLA",
    "CRISTA",
    "IOP",
    "ANS",
    "PNS",
    "SEPTUM",
    "PINEAL",
    "FALX_ANT",
    "FALX_POST",
)
PAIRS = ("EAM", "GLOBE", "CANTHUS", "LENS", "ORBRIM")

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the real scans in ../shared are not there"),
]


def rough_tissue(volume: CTVolume) -> np.ndarray:
    """Head, bone and brain by thresholds alone: enough for what is tested here, without a network."""
    out = np.zeros(volume.shape, np.uint8)
    body = volume.hu[:, ::4, ::4] > -300
    labels, _ = ndimage.label(ndimage.binary_opening(body, np.ones((1, 3, 3))))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    for s in range(volume.shape[0]):
        near = ndimage.binary_dilation(labels[s] == sizes.argmax(), iterations=1)
        head = np.kron(near, np.ones((4, 4), bool)) & (volume.hu[s] > -300)
        head = ndimage.binary_fill_holes(head)
        bone = head & (volume.hu[s] > 200)
        inside = ndimage.binary_fill_holes(bone) & ~bone & (volume.hu[s] > -20) & (volume.hu[s] < 100)
        out[s][(volume.hu[s] > -500) & ~head] = Tissue.HOLDER
        out[s][head] = Tissue.SOFT
        out[s][bone] = Tissue.BONE
        out[s][ndimage.binary_opening(inside, np.ones((9, 9)))] = Tissue.BRAIN
    return out


def rough_coarse(volume: CTVolume, tissue: np.ndarray, marks: dict[str, list[float]]) -> CoarseAnatomy:
    """A coarse anatomy from the rough tissue map, its pose deliberately a few degrees off."""
    spacing = 4.0
    corners = np.array(
        [[i, j, k] for i in (0, volume.shape[2]) for j in (0, volume.shape[1]) for k in (0, volume.shape[0])], float
    )
    ras = volume.ijk_to_ras(corners)
    origin = ras.min(axis=0)
    shape = np.ceil((ras.max(axis=0) - origin)[::-1] / spacing).astype(int) + 1
    z, y, x = np.meshgrid(*[spacing * np.arange(n) for n in shape], indexing="ij")
    ijk = np.round(volume.ras_to_ijk(origin + np.stack([x, y, z], -1))).astype(int)
    inside = np.all((ijk >= 0) & (ijk < np.array(volume.shape[::-1])), axis=-1)
    label = np.zeros(inside.shape, np.uint8)
    label[inside] = tissue[ijk[inside][:, 2], ijk[inside][:, 1], ijk[inside][:, 0]]
    probabilities = np.stack([label == c for c in range(11)]).astype(np.float32)
    pose = np.eye(4)
    pose[:3, 3] = np.mean([marks["SELLA"], marks["BASION"]], axis=0)
    return CoarseAnatomy(probabilities, np.zeros((3, *inside.shape), np.float32), origin, spacing, {}, pose)


@pytest.fixture(scope="module", params=SCANS)
def scan(
    request: pytest.FixtureRequest,
) -> tuple[str, CTVolume, np.ndarray, CoarseAnatomy, dict[str, dict[str, list[float]]]]:
    from HeadCTIQALib.volume import read

    volume = read(SHARED / "ct" / request.param)
    readers = json.loads((SHARED / "landmarks.json").read_text())["scans"][request.param]
    tissue = rough_tissue(volume)
    return request.param, volume, tissue, rough_coarse(volume, tissue, readers["reader_a"]), readers


Scan = tuple[str, CTVolume, np.ndarray, CoarseAnatomy, dict[str, dict[str, list[float]]]]


def reader_normal(marks: dict[str, list[float]]) -> np.ndarray:
    points = [np.array(marks[n]) for n in MIDLINE if marks.get(n)]
    points += [0.5 * (np.array(marks[n + "_R"]) + np.array(marks[n + "_L"])) for n in PAIRS if marks.get(n + "_R")]
    p = np.array(points)
    normal = np.linalg.svd(p - p.mean(axis=0))[2][2]
    return normal * np.sign(normal[0])


def test_mirror_plane_agrees_with_the_readers(scan: Scan) -> None:
    _, volume, _, coarse, readers = scan
    plane, _ = midsagittal_plane(volume, coarse)
    angles = [
        np.degrees(np.arccos(np.clip(reader_normal(m) @ np.array(plane.normal), -1, 1))) for m in readers.values()
    ]
    assert min(angles) < 1.5


def test_scans_without_metal_are_free_of_streaks(scan: Scan) -> None:
    _, volume, tissue, _, _ = scan
    found = streak(volume, tissue, dark_bands(volume, tissue)) & (tissue == Tissue.BRAIN)
    assert found.sum() < 0.02 * (tissue == Tissue.BRAIN).sum()


def test_a_step_of_5_mm_between_slices_5_mm_apart_is_found(scan: Scan) -> None:
    """Whichever way the head moves, from where its brain is widest upwards; slices between are left out to make 5 mm of thinner ones."""
    _, volume, tissue, _, _ = scan
    each = max(1, round(5.0 / float(np.median(np.diff(volume.slice_positions)))))
    origins, tissue = volume.origins[::each].copy(), tissue[::each]
    assert not slice_steps(CTVolume(volume.hu[::each].copy(), origins, volume.row_step, volume.col_step), tissue).any()
    area = np.count_nonzero(np.isin(tissue, [int(t) for t in INTRACRANIAL]), axis=(1, 2)) * float(
        np.prod(volume.pixel_spacing)
    )
    upper = [s for s in range(int(area.argmax()) + 2, len(area)) if area[s] > 7000 and s + 2 < len(area)]
    found = []
    for n, s in enumerate(upper):
        moved = origins.copy()
        moved[s:] += 5.0 * (np.cos(n) * volume.r + np.sin(n) * volume.a)
        steps = slice_steps(CTVolume(volume.hu[::each].copy(), moved, volume.row_step, volume.col_step), tissue)
        found.append(steps[s - 1] > 0)
        assert not np.delete(steps, s - 1).any()
    assert np.mean(found) > 0.6 or not found  # the more, the smoother the outlines go on


def test_vertex_of_a_cropped_scan_is_extrapolated(scan: Scan) -> None:
    _, volume, tissue, coarse, _ = scan
    top = float(np.array(_vertex(volume, tissue, coarse).position) @ volume.k)
    for missing in (10.0, 20.0):
        n = int((volume.slice_positions <= top - missing).sum())
        cut = CTVolume(volume.hu[:n].copy(), volume.origins[:n], volume.row_step, volume.col_step)
        mark = _vertex(cut, tissue[:n], coarse)
        assert not mark.in_scan
        assert abs(float(np.array(mark.position) @ volume.k) - top) < 4.0


def _vertex(volume: CTVolume, tissue: np.ndarray, coarse: CoarseAnatomy) -> Landmark:
    return vertex(volume, tissue, coarse)["VERTEX"]
