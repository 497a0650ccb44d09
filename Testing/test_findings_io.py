"""Masks, landmarks and the plane survive their 3D Slicer files exactly, on even, uneven and tilted stacks."""

import bz2
import gzip
import json
import os
import tracemalloc

import nrrd
import numpy as np
import pytest

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.findings import LANDMARK_TITLES, Findings, Landmark, Plane, Tissue
from HeadCTIQALib.findings.markups import read_landmarks, read_plane, write_landmarks, write_plane
from HeadCTIQALib.findings.segmentation import read_segmentation, write_segmentation
from HeadCTIQALib.findings.terminology import SEGMENT_IDS, STYLES
from HeadCTIQALib.volume import CTVolume

EVEN = np.arange(9) * 2.5
UNEVEN = np.r_[np.arange(5) * 4.0, 17.08, 24.08, 31.08, 38.08]
COMMENSURATE = np.array([0.0, 3.0, 5.0, 10.0, 13.0, 15.0, 18.0])  # slices half-way between planes of the 2 mm grid
SEAMS = np.cumsum(np.r_[0.0, np.tile([1.25, 1.25, 0.63], 4)])
SINGLE = np.array([3.0])


def make(positions, tilt=0.0, seed=0, shape=(14, 18)):
    """A volume with random labels whose slices stand along S, tilted by ``tilt`` degrees about the R axis."""
    rng = np.random.default_rng(seed)
    j, i = shape
    t = np.radians(tilt)
    origins = np.c_[np.full(len(positions), 40.0), np.full(len(positions), 55.0), positions]
    volume = CTVolume(
        hu=np.zeros((len(positions), j, i), np.int16),
        origins=origins,
        row_step=np.array([-0.48828125, 0.0, 0.0]),
        col_step=0.5 * np.array([0.0, -np.cos(t), -np.sin(t)]),
    )
    tissue = rng.integers(0, len(Tissue), volume.shape).astype(np.uint8)
    return volume, Findings(tissue, streak=rng.random(volume.shape) > 0.7)


@pytest.mark.parametrize("tilt", [0.0, 18.5])
@pytest.mark.parametrize(
    "positions", [EVEN, UNEVEN, COMMENSURATE, SEAMS, SINGLE], ids=["even", "uneven", "commensurate", "seams", "single"]
)
def test_masks_survive_exactly_on_the_native_grid(tmp_path, positions, tilt):
    volume, findings = make(positions, tilt)
    path = tmp_path / "segmentation.seg.nrrd"
    write_segmentation(path, volume, findings)
    tissue, streak = read_segmentation(path, volume)
    np.testing.assert_array_equal(tissue, findings.tissue)
    np.testing.assert_array_equal(streak, findings.streak)


def test_file_geometry_is_the_true_one_in_lps(tmp_path):
    volume, findings = make(EVEN, tilt=18.5)
    write_segmentation(tmp_path / "s.seg.nrrd", volume, findings)
    header = nrrd.read_header(str(tmp_path / "s.seg.nrrd"))
    assert header["space"] == "left-posterior-superior"
    assert list(header["kinds"]) == ["list", "domain", "domain", "domain"]
    assert list(header["sizes"]) == [2, 18, 14, 9]
    flip = np.array([-1, -1, 1])
    np.testing.assert_allclose(header["space origin"] * flip, volume.origins[0])
    directions = header["space directions"][-3:] * flip
    np.testing.assert_allclose(directions, [volume.row_step, volume.col_step, volume.origins[1] - volume.origins[0]])
    shear = directions[2] @ directions[1] / np.linalg.norm(directions[1]) / np.linalg.norm(directions[2])
    assert abs(shear) == pytest.approx(np.sin(np.radians(18.5)), abs=1e-6)


def test_uneven_stack_is_repeated_at_the_smallest_gap_and_says_so(tmp_path):
    volume, findings = make(UNEVEN)
    write_segmentation(tmp_path / "s.seg.nrrd", volume, findings)
    header = nrrd.read_header(str(tmp_path / "s.seg.nrrd"))
    step = header["space directions"][-1]
    assert step[2] == pytest.approx(1.08, rel=0.02)
    assert "unevenly spaced" in header["HeadCTIQA_Resampled"]
    planes = [int(n) for n in header["HeadCTIQA_Resampled"].split(": ")[1].split()]
    assert len(planes) == header["sizes"][3]
    assert sorted(set(planes)) == list(range(len(UNEVEN)))
    assert planes == sorted(planes)


def test_even_stack_is_not_resampled(tmp_path):
    volume, findings = make(EVEN)
    write_segmentation(tmp_path / "s.seg.nrrd", volume, findings)
    assert "HeadCTIQA_Resampled" not in nrrd.read_header(str(tmp_path / "s.seg.nrrd"))


def test_segments_carry_what_slicer_needs(tmp_path):
    volume, findings = make(EVEN)
    tissue = np.zeros(volume.shape, np.uint8)
    tissue[2:4, 5:7, 8:11] = Tissue.FOREIGN
    write_segmentation(tmp_path / "s.seg.nrrd", volume, findings.with_(tissue=tissue))
    header = nrrd.read_header(str(tmp_path / "s.seg.nrrd"))
    ids = [header[f"Segment{n}_ID"] for n in range(12)]
    assert ids == [*(t.name.lower() for t in Tissue if t), "streak"]
    assert "Segment12_ID" not in header
    n = ids.index("foreign")
    assert header[f"Segment{n}_Extent"] == "8 10 5 6 2 3"
    assert header[f"Segment{n}_LabelValue"] == str(int(Tissue.FOREIGN))
    assert header[f"Segment{n}_Layer"] == "0"
    assert header[f"Segment{ids.index('bone')}_Extent"] == "0 -1 0 -1 0 -1"
    assert header[f"Segment{ids.index('streak')}_Layer"] == "1"
    assert header["Segmentation_MasterRepresentation"] == "Binary labelmap"
    for k in range(12):
        parts = header[f"Segment{k}_Tags"].removeprefix("TerminologyEntry:").removesuffix("|").split("~")
        assert len(parts) == 7
        assert all(len(part.split("^")) == 3 for part in (*parts[1:4], *parts[5:]))


def test_every_tissue_has_a_style():
    assert set(STYLES) == {*SEGMENT_IDS, "streak"}
    assert len({s.name.lower() for s in STYLES.values()}) == len(STYLES)


def test_streak_looked_for_but_absent_differs_from_not_looked_for(tmp_path):
    volume, findings = make(EVEN)
    path = tmp_path / "s.seg.nrrd"
    write_segmentation(path, volume, findings.with_(streak=np.zeros(volume.shape, bool)))
    assert nrrd.read_header(str(path))["dimension"] == 3
    tissue, streak = read_segmentation(path, volume)
    np.testing.assert_array_equal(tissue, findings.tissue)
    assert streak is not None
    assert not streak.any()
    write_segmentation(path, volume, findings.with_(streak=None))
    assert read_segmentation(path, volume)[1] is None


def test_as_slicer_saves_it_cropped_renumbered_and_renamed(tmp_path):
    volume, findings = make(EVEN, tilt=10)
    k0, j0, i0 = 2, 3, 4
    part = findings.tissue[k0:7, j0:12, i0:15]
    labels = np.zeros(part.shape, np.uint8)
    labels[part == Tissue.WHITE] = 7
    labels[part == Tissue.FOREIGN] = 3
    lps = np.array([-1, -1, 1])
    step = volume.origins[1] - volume.origins[0]
    header = {
        "space": "left-posterior-superior",
        "space directions": np.stack([volume.row_step, volume.col_step, step]) * lps,
        "space origin": (volume.origins[k0] + j0 * volume.col_step + i0 * volume.row_step) * lps,
        "Segment0_ID": "Segment_9", "Segment0_Name": "White matter", "Segment0_LabelValue": "7", "Segment0_Layer": "0",
        "Segment1_ID": "foreign", "Segment1_Name": "my clip", "Segment1_LabelValue": "3", "Segment1_Layer": "0",
        "Segment2_ID": "Segment_1", "Segment2_Name": "something else", "Segment2_LabelValue": "1", "Segment2_Layer": "0",
    }  # fmt: skip
    nrrd.write(str(tmp_path / "s.seg.nrrd"), labels, header, index_order="C")
    tissue, streak = read_segmentation(tmp_path / "s.seg.nrrd", volume)
    expected = np.zeros(volume.shape, np.uint8)
    box = expected[k0:7, j0:12, i0:15]
    box[part == Tissue.WHITE] = Tissue.WHITE
    box[part == Tissue.FOREIGN] = Tissue.FOREIGN
    np.testing.assert_array_equal(tissue, expected)
    assert streak is None


def test_another_grid_is_mapped_by_geometry(tmp_path):
    volume, _ = make(EVEN, shape=(20, 20))
    # A file with flipped axes and half the pixel size: a block known in millimetres must land where it is.
    data = np.zeros((9, 40, 40), np.uint8)
    r = 40.0 - 0.25 * np.arange(40)[::-1]  # RAS of the file's i, ascending
    a = 55.0 - 0.25 * np.arange(40)
    data[:, (a <= 52.1)[:, None] & (r >= 36.0)[None, :]] = 1
    header = {
        "space": "right-anterior-superior",
        "space directions": np.array([[0.25, 0, 0], [0, -0.25, 0], [0, 0, 2.5]]),
        "space origin": np.array([r[0], 55.0, 0.0]),
        "Segment0_ID": "bone", "Segment0_Name": "Bone", "Segment0_LabelValue": "1", "Segment0_Layer": "0",
    }  # fmt: skip
    nrrd.write(str(tmp_path / "s.seg.nrrd"), data, header, index_order="C")
    tissue, _ = read_segmentation(tmp_path / "s.seg.nrrd", volume)
    ras = volume.ijk_to_ras(
        np.stack(np.meshgrid(np.arange(20), np.arange(20), [4], indexing="ij"), -1)[:, :, 0].astype(float)
    )
    expected = ((ras[..., 0] >= 35.9) & (ras[..., 1] <= 52.1)).T
    agree = (tissue[4] == Tissue.BONE) == expected
    assert expected.sum() > 50
    assert agree.mean() > 0.9  # the rest are pixels on the border


@pytest.mark.parametrize("content", [None, b"not a nrrd", b"NRRD0005\ntype: uint8\n"], ids=["missing", "other", "cut"])
def test_bad_segmentation_is_refused_in_one_sentence(tmp_path, content):
    volume, _ = make(EVEN)
    path = tmp_path / "s.seg.nrrd"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"s\.seg\.nrrd") as caught:
        read_segmentation(path, volume)
    assert "\n" not in str(caught.value)


def test_truncated_data_is_refused(tmp_path):
    volume, findings = make(EVEN)
    path = tmp_path / "s.seg.nrrd"
    write_segmentation(path, volume, findings)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="more or fewer voxels"):
        read_segmentation(path, volume)


def changed(path, change, data=None):
    """The file at ``path`` with another header, line by line, and other data."""
    text, _, rest = path.read_bytes().partition(b"\n\n")
    lines = change(text.decode().splitlines())
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + (rest if data is None else data))


def swap(key, value):
    return lambda lines: [f"{key} {value}" if line.startswith(key) else line for line in lines]


@pytest.mark.parametrize(("change", "data", "words"), [
    (lambda lines: [*lines, "data file: /etc/passwd"], None, "lie elsewhere"),
    (lambda lines: [*lines, "byte skip: -1"], None, "lie elsewhere"),
    (swap("sizes:", "2 1000000 1000000 1000000"), None, "slices"),
    (swap("sizes:", "2 20000 20000 20"), None, "GB large"),
    (swap("sizes:", "100000000 20 20 20"), None, "GB large"),
    (swap("sizes:", "2 0 20 20"), None, "which no image is"),
    (swap("sizes:", "2 -5 20 20"), None, "which no image is"),
    (swap("type:", "double"), None, "damaged"),
    (swap("type:", "block"), None, "damaged"),
    (swap("encoding:", "txt"), b"1 " * 1000, "packed"),
    (swap("encoding:", "hex"), b"1" * 1000, "packed"),
    (swap("encoding:", "bzip2"), bz2.compress(bytes(10_000_000)), "packed"),
    (swap("encoding:", "raw"), bytes(3), "more or fewer"),
    (lambda lines: lines, gzip.compress(bytes(300_000_000), 1), "more or fewer"),
    (lambda lines: lines, b"\x1f\x8b no gzip", "damaged"),
    (swap("space directions:", "none (0,0,0) (0,0,0) (0,0,0)"), None, "not a 3D Slicer segmentation"),
    (swap("space directions:", "none (1e300,0,0) (0,1e300,0) (0,0,1e300)"), None, "not a 3D Slicer segmentation"),
    (swap("space directions:", "none (1,0,0) (0,1,0)"), None, "not a 3D Slicer segmentation"),
    (swap("space directions:", "none (1,0) (0,1,0) (0,0,1)"), None, "damaged"),
    (swap("space origin:", "(nan,0,0)"), None, "damaged"),
    (swap("space origin:", "(0,0,0) (0,0,0)"), None, "damaged"),
    (lambda lines: [*lines, lines[-1]], None, "damaged"),
    (swap("Segment2_Layer:=", "99"), None, "does not contain"),
    (swap("Segment2_Layer:=", "-1"), None, "does not contain"),
    (swap("Segment2_LabelValue:=", "9" * 5000), None, "damaged"),
    (lambda lines: [*lines, *(f"Segment{n}_{k}:={v}" for n in range(50, 5000) for k, v in (("ID", "bone"), ("LabelValue", 1)))], None, "not a 3D"),
    (lambda lines: ["NRRD0005", *["x" * 5_000_000], *lines[1:]], None, "damaged"),
])  # fmt: skip
def test_a_segmentation_that_lies_about_itself_is_refused(tmp_path, change, data, words):
    volume, findings = make(EVEN)
    path = tmp_path / "s.seg.nrrd"
    write_segmentation(path, volume, findings)
    changed(path, change, data)
    tracemalloc.start()
    with pytest.raises(InputError, match=words):
        read_segmentation(path, volume)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_a_segmentation_that_is_a_pipe_is_refused_at_once(tmp_path):
    volume, _ = make(EVEN)
    os.mkfifo(tmp_path / "s.seg.nrrd")
    with pytest.raises(InputError, match="no ordinary file"):
        read_segmentation(tmp_path / "s.seg.nrrd", volume)


@pytest.mark.parametrize("damage", [
    lambda m: m.update(controlPoints=5),
    lambda m: m.update(controlPoints=[None]),
    lambda m: m.update(coordinateSystem=[]),
    lambda m: m["controlPoints"][0].update(position=[1, 2]),
    lambda m: m["controlPoints"][0].update(position=[1, 2, 1e9]),
    lambda m: m["controlPoints"][0].update(position="123"[:2]),
    lambda m: m["controlPoints"][0].update(description="confidence e; spread 1 mm"),
    lambda m: m["controlPoints"][0].update(description="confidence 7; spread 1 mm"),
    lambda m: m["controlPoints"][0].update(description="confidence 1; spread 1e999 mm"),
    lambda m: m.update(type={}),
])  # fmt: skip
def test_points_that_cannot_be_are_refused(tmp_path, damage):
    path = tmp_path / "landmarks.mrk.json"
    write_landmarks(path, LANDMARKS)
    content = json.loads(path.read_text())
    damage(content["markups"][0])
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"landmarks\.mrk\.json"):
        read_landmarks(path)


def test_plain_nrrd_is_not_a_segmentation(tmp_path):
    volume, _ = make(EVEN)
    header = {"space": "LPS", "space directions": np.eye(3), "space origin": np.zeros(3)}
    nrrd.write(str(tmp_path / "ct.nrrd"), np.zeros((3, 3, 3), np.int16), header)
    with pytest.raises(InputError, match="not a 3D Slicer segmentation"):
        read_segmentation(tmp_path / "ct.nrrd", volume)


LANDMARKS = {
    "EAM_R": Landmark((47.123456789, -1.5, 0.1 + 0.2), 0.9312345678, True, "network", 1.234),
    "BASION": Landmark((-0.25, -10.0, -61.0), 0.31, False, "analytic"),
    "VERTEX": Landmark((1.0, 2.0, 93.0), 1.0, True, "reader"),
    "NASION": Landmark((0.0, 80.0, 1e-9), 0.0, False, "truth", 12.0),
}


def test_landmarks_survive_exactly(tmp_path):
    path = tmp_path / "landmarks.mrk.json"
    write_landmarks(path, LANDMARKS)
    assert read_landmarks(path) == LANDMARKS
    assert list(read_landmarks(path)) == list(LANDMARKS)


def test_landmarks_file_is_a_slicer_point_list_in_ras(tmp_path):
    path = tmp_path / "landmarks.mrk.json"
    write_landmarks(path, LANDMARKS)
    content = json.loads(path.read_text())
    assert content["@schema"].endswith("markups-schema-v1.0.3.json#")
    (markup,) = content["markups"]
    assert (markup["type"], markup["name"], markup["coordinateSystem"]) == ("Fiducial", "landmarks", "RAS")
    basion = markup["controlPoints"][1]
    assert basion["label"] == "BASION"
    assert basion["positionStatus"] == "defined"
    assert basion["description"].startswith(LANDMARK_TITLES["BASION"])
    assert "outside the scan" in basion["description"]


def test_landmarks_as_slicer_saves_them(tmp_path):
    """LPS, an unset point, and a point that a person placed without any description."""
    path = tmp_path / "landmarks.mrk.json"
    points = [
        {
            "label": "EAM_R",
            "position": [-47.0, 1.5, 0.25],
            "description": "right ear; confidence 0.5; source network",
            "positionStatus": "defined",
        },
        {"label": "EAM_L", "position": [0.0, 0.0, 0.0], "positionStatus": "undefined"},
        {"label": "SELLA", "position": [1.0, 2.0, 3.0]},
    ]
    path.write_text(json.dumps({"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points}]}))
    assert read_landmarks(path) == {
        "EAM_R": Landmark((47.0, -1.5, 0.25), 0.5, True, "network"),
        "SELLA": Landmark((-1.0, -2.0, 3.0), 1.0, True, "reader"),
    }


@pytest.mark.parametrize("normal", [(1.0, 0.0, 0.0), (0.9813432, 0.1700121, 0.0899911)])
def test_plane_survives_exactly(tmp_path, normal):
    normal = tuple(float(x) for x in np.array(normal) / np.linalg.norm(normal))
    plane = Plane((1.25, -3.7, 12.0), normal, 0.87, "network")
    path = tmp_path / "midsagittal.mrk.json"
    write_plane(path, plane)
    assert read_plane(path) == plane
    (markup,) = json.loads(path.read_text())["markups"]
    matrix = np.reshape(markup["baseToNode"], (4, 4))
    np.testing.assert_allclose(matrix[:3, 2], normal, atol=1e-12)
    np.testing.assert_allclose(matrix[:3, :3].T @ matrix[:3, :3], np.eye(3), atol=1e-6)
    assert np.linalg.det(matrix) == pytest.approx(1.0)


def test_plane_turned_round_in_slicer_still_points_right(tmp_path):
    path = tmp_path / "midsagittal.mrk.json"
    write_plane(path, Plane((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)))
    content = json.loads(path.read_text())
    content["markups"][0].update(normal=[1.0, 0.0, 0.0], center=[-5.0, 0.0, 0.0], coordinateSystem="LPS")  # R- in LPS
    path.write_text(json.dumps(content))
    plane = read_plane(path)
    assert plane.normal[0] == 1.0
    assert plane.origin[0] == 5.0


@pytest.mark.parametrize("reader", [read_landmarks, read_plane])
@pytest.mark.parametrize(
    "content", [None, "{", '{"markups": []}', '{"markups": [{"type": "Fiducial", "controlPoints": [{"label": "A"}]}]}']
)
def test_bad_markups_are_refused_in_one_sentence(tmp_path, reader, content):
    path = tmp_path / "points.mrk.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"points\.mrk\.json") as caught:
        reader(path)
    assert "\n" not in str(caught.value)
