"""The real scans beside the project: known facts about each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import check, read

pytestmark = pytest.mark.shared


def test_ge_revolution(shared_ct: Path) -> None:
    volume = read(shared_ct / "ge-revolution-dental")
    assert volume.shape == (144, 512, 512)
    gaps = np.diff(volume.slice_positions)
    assert 1.1 < gaps.min() < gaps.max() < 1.4
    assert np.ptp(gaps) > 0.1
    assert volume.padding is not None
    assert 0.2 < volume.padding.mean() < 0.22  # the corners beyond the reconstruction circle
    assert volume.hu.min() == -1024
    assert volume.acquisition.kernel == "STANDARD"
    assert volume.acquisition.slice_thickness_mm == 1.25
    assert volume.acquisition.patient_age_years is None  # invalid text in the tag
    assert volume.warnings == ()
    assert any("unevenly spaced" in w for w in check(volume))


def test_ge_vct(shared_ct: Path) -> None:
    volume = read(shared_ct / "ge-vct-tumour")
    assert volume.shape == (80, 512, 512)
    np.testing.assert_allclose(np.diff(volume.slice_positions), 2.5)
    assert volume.hu.max() > 15000
    assert volume.acquisition.patient_age_years == 60
    assert volume.acquisition.isocentre_ras is not None
    below = volume.image_centres[:, 1].mean() - volume.acquisition.isocentre_ras[1]
    assert below == pytest.approx(-19.7, abs=0.5)  # reconstructed around a head 20 mm too low
    assert [w for w in check(volume) if "cut off" in w or "missing" in w] == []


def test_ge_hispeed_tilted(shared_ct: Path) -> None:
    volume = read(shared_ct / "ge-hispeed-tilt")
    assert volume.shape == (28, 512, 512)
    assert np.degrees(np.arccos(volume.k[2])) == pytest.approx(18.5, abs=0.05)
    step = np.diff(volume.origins, axis=0)
    np.testing.assert_allclose(step[:, :2], 0, atol=1e-6)  # the table moves along S: the stack is sheared
    gaps = np.diff(volume.slice_positions)
    assert {round(float(g), 2) for g in gaps} == {1.08, 4.0, 7.0}
    assert volume.padding is not None
    assert any("unevenly spaced, 1.08 to 7.00" in w for w in check(volume))


def test_plastic_phantom_is_refused(shared_ct: Path) -> None:
    volume = read(shared_ct / "philips-skull-phantom-tilt")
    assert volume.shape == (29, 512, 512)
    assert np.degrees(np.arccos(volume.k[2])) == pytest.approx(16.5, abs=0.05)
    assert volume.acquisition.ctdi_vol_mgy == 45.7
    with pytest.raises(InputError, match="philips-skull-phantom-tilt has no brain tissue inside the skull"):
        check(volume)


def test_raw_values_are_refused(shared_ct: Path) -> None:
    volume = read(shared_ct / "vtk-headsq")
    assert volume.shape == (93, 64, 64)
    with pytest.raises(InputError, match="vtk-headsq is not in HU"):
        check(volume)


def test_coarse_heads_are_heads(shared_data: Path) -> None:
    files = sorted((shared_data / "ct-head-neck").glob("*.nii.gz"))
    assert len(files) >= 37
    for path in files[::5]:
        assert not any("cut off" in w for w in check(read(path))), path.name
