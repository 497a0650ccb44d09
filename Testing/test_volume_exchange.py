"""A volume goes through the exchange file unchanged, tilted and uneven slices included."""

from __future__ import annotations

import dataclasses
import json

import nrrd
import numpy as np
import pytest

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import read
from HeadCTIQALib.volume.exchange import write_exchange
from HeadCTIQALib.volume.types import Acquisition, CTVolume, Source


def stack(tilt_mm=0.0, gaps=(2.0,) * 7):
    rng = np.random.default_rng(5)
    heights = np.concatenate([[0.0], np.cumsum(gaps)])
    origins = np.stack([np.full(8, 40.0), -30.0 + tilt_mm * np.arange(8), 5.0 + heights], axis=-1)
    return CTVolume(
        rng.integers(-1000, 2000, (8, 20, 16)).astype(np.int16), origins, np.array([-0.7, 0.0, 0.0]), np.array([0.0, 0.65, 0.2]),
        acquisition=Acquisition(kernel="H30s", kvp=120.0, isocentre_ras=(0.0, 1.0, 2.0)), source=Source("dicom", "head"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "kind", [{}, {"tilt_mm": 1.1}, {"gaps": (2.0, 2.0, 2.0, 5.0, 5.0, 5.0, 5.0)}], ids=["even", "tilted", "uneven"]
)
def test_round_trip(tmp_path, kind):
    volume = stack(**kind)
    write_exchange(tmp_path / "scan.nrrd", volume)
    back = read(tmp_path / "scan.nrrd")
    assert np.array_equal(back.hu, volume.hu)
    for name in ("origins", "row_step", "col_step"):
        np.testing.assert_allclose(getattr(back, name), getattr(volume, name), atol=1e-9)
    assert back.acquisition == volume.acquisition
    assert (back.source.kind, back.source.name) == ("slicer", "volume in 3D Slicer")


def forged(path, **changed):
    """The exchange file of `stack()` with some of its own entries replaced; returns its path."""
    write_exchange(path, stack())
    data, header = nrrd.read(str(path), index_order="C")
    for key, value in changed.items():
        header[f"HeadCTIQA_{key}"] = value if isinstance(value, str) else json.dumps(value)
    nrrd.write(str(path), data, header, index_order="C")
    return path


def geometry(**changed):
    volume = stack()
    return {
        "origins": volume.origins.tolist(),
        "row_step": volume.row_step.tolist(),
        "col_step": volume.col_step.tolist(),
        **changed,
    }


def test_all_of_an_acquisition_travels(tmp_path):
    known = Acquisition(
        "GE", "Revolution", "SOFT", 5.0, 120.0, 300.0, 250.0, 60.0, 900.0, 250.0, -12.5, True, 64.0, "HEAD", "20240101", "axial", (0.0, 1.0, 2.0), True, 8.5, False,
        "virtual monoenergetic, 40 keV", "20240101T093000", "head", 0.55, "0123456789abcdef", "fedcba9876543210", "00112233445566ff",
    )  # fmt: skip
    assert None not in dataclasses.asdict(known).values(), "every field is tried"
    write_exchange(tmp_path / "scan.nrrd", dataclasses.replace(stack(), acquisition=known))
    assert read(tmp_path / "scan.nrrd").acquisition == known


@pytest.mark.parametrize(
    "changed",
    [
        {"Geometry": "[1"},
        {"Geometry": "[" * 100_000},
        {"Geometry": {}},
        {"Geometry": geometry(more=1)},
        {"Geometry": geometry(row_step=[-0.8, 0, 0])},
        {"Geometry": geometry(row_step=[-0.7, 0.1, 0])},
        {"Geometry": geometry(row_step=[0, 0, 0])},
        {"Geometry": geometry(row_step=[float("nan"), 0, 0])},
        {"Geometry": geometry(origins=stack().origins.tolist()[:-1])},
        {"Geometry": geometry(origins=stack().origins.tolist()[::-1])},
        {"Geometry": geometry(origins=(2 * stack().origins).tolist())},
        {"Geometry": geometry(origins=(stack().origins + 1000).tolist())},
        {"Geometry": geometry(origins=[[0, 0, 1e308]] * 8)},
        {"Acquisition": "[]"},
        {"Acquisition": {"patient_name": "Doe"}},
        {"Acquisition": {"kvp": "120"}},
        {"Acquisition": {"kvp": True}},
        {"Acquisition": {"kvp": 1e400}},
        {"Acquisition": {"kvp": float("nan")}},
        {"Acquisition": {"patient_age_years": -3}},
        {"Acquisition": {"kernel": ["H30"]}},
        {"Acquisition": {"kernel": "x" * 100_000}},
        {"Acquisition": {"lossy_compression": 1}},
        {"Acquisition": {"isocentre_ras": [0, 0]}},
        {"Acquisition": {"isocentre_ras": [0, 0, "a"]}},
        {"Series": "7"},
        {"Series": '"' + "x" * 1000 + '"'},
        {"Unknown": '"x"'},
    ],
)
def test_forged_entries_are_refused(tmp_path, changed):
    with pytest.raises(InputError, match=r"^scan\.nrrd carries entries of HeadCTIQA that do not fit its image"):
        read(forged(tmp_path / "scan.nrrd", **changed))


def test_texts_are_printable(tmp_path):
    volume = read(
        forged(tmp_path / "scan.nrrd", Series=json.dumps("a\x1b[31m\u202eb"), Acquisition={"kernel": "\x07H30\u2028"})
    )
    assert volume.source.name.isprintable()
    assert volume.acquisition.kernel == "H30"


def test_a_long_name_is_cut(tmp_path):
    write_exchange(tmp_path / "scan.nrrd", dataclasses.replace(stack(), source=Source("slicer", "n" * 300)))
    assert read(tmp_path / "scan.nrrd", keep_name=True).source.name == "n" * 64
