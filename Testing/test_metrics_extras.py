"""Report-only numbers: right when they exist, with a reason when they do not."""

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from metrics_phantom import grid, head, mark, noise_field, noisy, rotation, with_landmark, without_landmark

import HeadCTIQALib.metrics
from HeadCTIQALib.metrics import measure
from HeadCTIQALib.metrics.extras import Extra, extras
from HeadCTIQALib.volume.checks import _context_warnings
from HeadCTIQALib.volume.types import Acquisition


def by_id(volume, findings, measurements=None):
    return {e.id: e for e in extras(volume, findings, measurements)}


@pytest.fixture(scope="module")
def scan():
    positions = np.r_[np.arange(-96, 21, 4.0), np.arange(28, 110, 4.0)]  # one slice missing at 24
    acquisition = Acquisition(ctdi_vol_mgy=45.0, patient_age_years=64.0, isocentre_ras=(0.0, -6.0, 0.0))
    volume, findings = head(
        grid(positions, matrix=120, pixel=2.0, acquisition=acquisition), rotation("z", 4) @ rotation("x", 6)
    )
    return noisy(volume, noise_field(volume.shape, 2.0, 3.0, None)), findings


def test_extras_of_a_known_scan(scan):
    volume, findings = scan
    e = by_id(volume, findings.with_(motion_index=np.r_[np.nan, np.full(volume.shape[0] - 1, 1.7)]))
    assert e["yaw"].value == pytest.approx(4)
    assert e["roll"].value == pytest.approx(0, abs=1e-9)
    assert e["pitch"].value == pytest.approx(6, abs=0.2)
    assert e["isocentre_offset"].value == pytest.approx(6, abs=0.5)
    assert e["motion_air_ring_index"].value == pytest.approx(1.7)
    assert e["air_hu"].value == pytest.approx(-1000, abs=0.5)
    assert e["air_hu"].reason == ""
    assert e["csf_hu"].value == pytest.approx(8, abs=1)
    assert e["slice_gap_max"].value == pytest.approx(8)
    assert "1 slice is missing" in e["slice_gap_max"].reason
    assert e["slice_spacing_range"].value == pytest.approx(4)
    assert e["fov_truncation"].value == 0
    assert e["eyes_in_range"].value == 2
    assert e["ctdi_vol_percent_of_reference"].value == pytest.approx(75)
    assert e["interpetrous_index"].value is not None
    measured = by_id(volume, findings, measure(volume, findings))
    assert measured["yaw"] == e["yaw"]


def test_interpetrous_index_sees_a_dark_band(scan):
    volume, findings = scan
    before = by_id(volume, findings)["interpetrous_index"].value
    level = np.mean([np.array(findings.landmarks[n].position) @ volume.k for n in ("EAM_R", "EAM_L")])
    hu = volume.hu.copy()
    hu[(volume.slice_positions > level) & (volume.slice_positions < level + 22)] -= 15
    assert by_id(replace(volume, hu=hu), findings)["interpetrous_index"].value == pytest.approx(before + 15, abs=0.5)


def test_missing_extras_say_why(scan):
    volume, findings = scan
    bare = without_landmark(findings, *findings.landmarks).with_(
        midsagittal=None, tissue=np.full(volume.shape, 1, np.uint8)
    )
    e = by_id(replace(volume, acquisition=Acquisition()), bare)
    missing = {"yaw", "roll", "pitch", "isocentre_offset", "motion_air_ring_index", "interpetrous_index", "air_hu", "csf_hu",
               "edge_f50", "noise_frequency", "fov_truncation", "eyes_in_range", "ctdi_vol_percent_of_reference", "ring_artefact", "cupping"}  # fmt: skip
    assert {i for i, x in e.items() if x.value is None} == missing
    assert all(x.reason.endswith(".") for x in e.values() if x.value is None)
    single = grid(np.array([0.0]), matrix=32, pixel=8.0)
    assert by_id(*head(single))["slice_gap_max"].value is None
    with pytest.raises(ValueError, match="reason"):
        Extra("x", "x", None, "mm", "", "geometry")
    with pytest.raises(ValueError, match="finite"):
        Extra("x", "x", float("nan"), "mm", "", "geometry")


def test_eyes_truncation_clipping_and_age(scan):
    volume, findings = scan
    low = with_landmark(findings, "GLOBE_R", position=(32.0, 72.0, -150.0))
    assert by_id(volume, low)["eyes_in_range"].value == 1
    narrow, inside = head(grid(np.arange(-60, 61, 10.0), matrix=60, pixel=2.0))
    assert by_id(narrow, inside)["fov_truncation"].value == 100
    clipped = replace(volume, hu=np.where(volume.hu < -990, -1024, volume.hu).astype(np.int16))
    assert "clipped" in by_id(clipped, findings)["air_hu"].reason
    padded = replace(volume, padding=np.ones(volume.shape, bool))
    assert "Too little free air" in by_id(padded, findings)["air_hu"].reason
    child = replace(volume, acquisition=replace(volume.acquisition, patient_age_years=9.0))
    assert by_id(child, findings)["ctdi_vol_percent_of_reference"].value is None
    assert "validated on adults only" in _context_warnings(child)[0]
    assert _context_warnings(volume) == []
    assert mark(volume, np.array([0, 0, 500.0])).in_scan is False


def test_metrics_need_no_torch():
    folder = Path(HeadCTIQALib.metrics.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in names:
                assert name.split(".")[0] not in ("torch", "monai", "slicer", "qt", "vtk"), (
                    f"{file.name} imports {name}"
                )
                assert not name.startswith(("HeadCTIQALib.networks", "HeadCTIQALib.scoring", "HeadCTIQALib.gui")), (
                    f"{file.name} imports {name}"
                )
