"""How a tag or a spacing happens to be rounded decides nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from metrics_phantom import grid, head, noise_field, noisy
from sound_record import sound

from HeadCTIQALib.metrics import measure
from HeadCTIQALib.networks.outline import parenchyma
from HeadCTIQALib.report.summary import context_line
from HeadCTIQALib.volume import Acquisition
from HeadCTIQALib.volume.geometry import independence, nearness

SPACINGS = (2.5, 5.0, 6.0)


def scan(spacing: float):
    volume, findings = head(grid(np.arange(-80.0, 100.0, spacing), 250, 0.8))
    return noisy(volume, noise_field(volume.shape, 0.8, 4.0, 0.25)), findings


@pytest.mark.parametrize("spacing", SPACINGS)
def test_two_percent_of_thickness_and_voltage_change_no_metric(spacing: float) -> None:
    volume, findings = scan(spacing)
    at = {
        share: measure(
            replace(volume, acquisition=Acquisition(slice_thickness_mm=spacing * share, kvp=120 * share)), findings
        )
        for share in (0.98, 1.0, 1.02)
    }
    for id_, usual in at[1.0].items():
        for share in (0.98, 1.02):
            assert at[share][id_].value == pytest.approx(usual.value, rel=0.01, abs=1e-6), id_


@pytest.mark.parametrize("spacing", SPACINGS)
def test_two_percent_of_spacing_and_pixel_change_metrics_as_little(spacing: float) -> None:
    volume, findings = scan(spacing)
    known = replace(volume, acquisition=Acquisition(slice_thickness_mm=spacing))
    usual = measure(known, findings, only=("noise", "gray_white_cnr"))
    for share in (0.98, 1.02):
        stretched = replace(known, origins=known.origins * np.array([1, 1, share]))
        wider = replace(known, row_step=known.row_step * share, col_step=known.col_step * share)
        for changed in (stretched, wider):
            for id_, m in measure(changed, findings, only=("noise", "gray_white_cnr")).items():
                assert m.value == pytest.approx(usual[id_].value, rel=0.05), id_


@pytest.mark.parametrize("thickness", [4.9, 5.0, 5.1])
@pytest.mark.parametrize("spacing", [4.92, 5.0, 5.02])
def test_the_guide_looks_at_the_same_slices(thickness: float, spacing: float) -> None:
    hu = np.arange(7, dtype=np.int16)[:, None, None] * np.ones((7, 9, 9), np.int16)
    below, above = parenchyma.guide(hu, np.ones(hu.shape, bool), np.arange(7) * spacing, thickness, (1.0, 1.0))
    middle = slice(3 * 81, 4 * 81)
    assert below[middle] == pytest.approx(2)
    assert above[middle] == pytest.approx(4)


def test_weights_change_evenly() -> None:
    for weight in (independence(np.linspace(0, 8, 801), 5.0), nearness(np.linspace(0, 8, 801), 6.0)):
        assert np.abs(np.diff(weight)).max() < 0.025
    assert independence(np.array([4.92, 5.0, -5.0]), 5.0).tolist() == [1, 1, 1]
    assert independence(np.array([2.5, 4.0]), 5.0).tolist() == [0, 0]
    assert independence(np.array([0.1]), 0.0).tolist() == [1]


def test_the_report_tells_both_distances_of_an_uneven_scan() -> None:
    def line(widest: float) -> str:
        spacing = {"row": 0.5, "column": 0.5, "slice_median": 4.0, "slice_min": 4.0, "slice_max": widest}
        scan = {"shape": [28, 512, 512], "spacing_mm": spacing}
        return str(context_line(sound({"input": scan}, grid(np.arange(28) * 4.0, 16, 10.0))))

    assert "28 slices 4.00 to 7.00 mm apart" in line(7.0)
    assert "28 slices every 4.00 mm" in line(4.01)
