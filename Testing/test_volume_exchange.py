"""A volume goes through the exchange file unchanged, tilted and uneven slices included."""

from __future__ import annotations

import numpy as np
import pytest

from HeadCTIQALib.volume import read
from HeadCTIQALib.volume.exchange import exchanged, write_exchange
from HeadCTIQALib.volume.types import Acquisition, CTVolume, Source


def stack(tilt_mm=0.0, gaps=(2.0,) * 7):
    rng = np.random.default_rng(5)
    heights = np.concatenate([[0.0], np.cumsum(gaps)])
    origins = np.stack([np.full(8, 40.0), -30.0 + tilt_mm * np.arange(8), 5.0 + heights], axis=-1)
    return CTVolume(
        rng.integers(-1000, 2000, (8, 20, 16)).astype(np.int16), origins, np.array([-0.7, 0.0, 0.0]), np.array([0.0, 0.65, 0.2]),
        acquisition=Acquisition(kernel="H30s", kvp=120.0, isocentre_ras=(0.0, 1.0, 2.0)), source=Source("dicom", "head"),
    )  # fmt: skip


@pytest.mark.parametrize("kind", [{}, {"tilt_mm": 1.1}, {"gaps": (2.0, 2.0, 2.0, 5.0, 5.0, 5.0, 5.0)}], ids=["even", "tilted", "uneven"])
def test_round_trip(tmp_path, kind):
    volume = stack(**kind)
    write_exchange(tmp_path / "scan.nrrd", volume)
    back = read(tmp_path / "scan.nrrd")
    assert np.array_equal(back.hu, volume.hu)
    for name in ("origins", "row_step", "col_step"):
        np.testing.assert_allclose(getattr(back, name), getattr(volume, name), atol=1e-9)
    assert back.acquisition == volume.acquisition
    assert (back.source.kind, back.source.name) == ("slicer", "head")


def test_foreign_keys_are_ignored():
    assert exchanged({}, 8) is None
    assert exchanged({"HeadCTIQA_Geometry": "[1"}, 8) is None
    assert exchanged({"HeadCTIQA_Geometry": "{}", "HeadCTIQA_Acquisition": "{}", "HeadCTIQA_Series": '"x"'}, 8) is None
