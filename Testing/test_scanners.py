"""Real scans degraded independently of training: what is drawn for a scan, what is counted, which scans were taught."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from metrics_phantom import grid, head, noise_field, noisy

from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.findings.types import INTRACRANIAL
from HeadCTIQALib.metrics import measure
from HeadCTIQALib.research.validation import scanner_tables, scanners
from HeadCTIQALib.research.validation.heldout import cases
from HeadCTIQALib.research.validation.output import scans_in
from HeadCTIQALib.research.validation.scanner_figures import figures

AREA = 1000


def row(
    scan: str,
    family: str,
    key: str,
    rms: list[float],
    found: list[int],
    motion: tuple[float, float],
    stripes: tuple[float, float] = (1.0, 1.0),
    **more,
) -> dict:
    n = len(rms)
    slices = {
        "area": [AREA] * n,
        "rms": rms,
        "found": found,
        "p": [0.2 * g + 0.01 * r for g, r in zip(found, rms, strict=True)],
        "streak": [0] * n,
        "streaks_found": [0] * n,
    }
    iqms = {
        m: {"base": b, "truth": t, "found": f, "reason": ""}
        for m, b, (t, f) in (
            ("motion_extent", 0.0, motion),
            ("streak_extent", 1.0, stripes),
            ("foreign_object_volume", 0.0, (0.0, 0.0)),
        )
    }
    return {
        "scan": scan,
        "scanner": "X",
        "family": family,
        "key": key,
        "about": {},
        "jump": None,
        "iqms": iqms,
        "slices": {**slices, **more},
    }


def rows_of(scan: str, found: int) -> list[dict]:
    large = "motion 4-8 mm, 2-4 deg"
    return [
        row(scan, cases.CLEAN, "clean", [0.0] * 10, [0] * 9 + [1 - found], (0.0, 0.0)),
        row(
            scan,
            large,
            "motion2.0",
            [0.0, 6.0, 20.0, 1.0],
            [0, found, found, 0],
            (40.0, 40.0 * found),
            streaks_found=[0, 100, 300, 0],
        ),
        row(scan, cases.METAL, "metal.0", [0.0] * 4, [0, 1, 0, 0], (0.0, 0.0), (5.0, 4.0), streak=[0, 100, 100, 5]),
        {**row(scan, cases.BULK, "bulk.0", [0.0] * 4, [0, found, 0, 0], (0.0, 0.0)), "jump": [0, found]},
        row(scan, cases.BONE, "bone", [0.0] * 4, [0] * 4, (0.0, 3.0)),
    ]


def test_figures_count_what_they_say() -> None:
    good = {(f.name, f.statistic): f for f in figures(rows_of("a", 1) + rows_of("b", 1), "t")}
    bad = {(f.name, f.statistic): f for f in figures(rows_of("a", 0) + rows_of("b", 0), "t")}
    large = "motion 4-8 mm, 2-4 deg"
    found = "slices of 2 HU or more found, share"
    assert (good[large, found].value, bad[large, found].value) == (1.0, 0.0)
    assert good[large, found].n == 4
    assert good[large, found].reached is True
    assert bad[large, found].reached is False
    assert good[large, "extent within 25 % of the truth, share"].value == 1.0
    assert bad[large, "extent, found over true, median"].value == 0.0
    assert good["all motion", "5 HU or more against still slices, AUC"].value == 1.0
    assert bad["clean", "slices called moved, share"].value == pytest.approx(0.1)
    assert good["clean", "slices called moved, share"].value == 0.0
    assert good["step of 5 mm between turns", "found in a slice beside it, share"].value == 1.0
    assert good["metal", "area of slices with streaks called moved, share"].value == pytest.approx(
        0.5
    )  # the last has too few
    assert good["metal", "extent within 40 % of the truth, share"].value == 1.0
    assert good["all motion", "area of moved slices called streaks, share"].value == pytest.approx(0.2)
    assert good["bone kernel", "motion extent, mean change, %"].value == 3.0
    alone = {(f.name, f.statistic): f for f in figures(rows_of("a", 1), "t")}
    assert alone[large, found].low is None  # one case of one scan has no interval


def test_scans_that_a_network_saw_stand_apart(tmp_path: Path) -> None:
    rows = [*rows_of("new", 0), *rows_of("old", 1), {"scan": "phantom", "refused": "No head was seen."}]
    taught = {"anatomy": ("old",), "artefact": ("old", "other"), "objects": ("new",)}
    scanner_tables.write(tmp_path, rows, (), taught, {"n": "0" * 64})
    text = (tmp_path / scanner_tables.MARKDOWN).read_text()
    assert text.startswith(scanner_tables.BEGINS)
    parts = [
        "### Motion and streaks: scans that the artefact network was not taught on",
        "### Calibration of the motion probability: scans that the artefact network was not taught on",
        "### Objects: scans that the objects network was not taught on",
        "### Motion and streaks: scans that the artefact network was taught on",
        "### Objects: scans that the objects network was taught on",
    ]
    assert [text.index(part) for part in parts] == sorted(text.index(part) for part in parts)
    assert "| new | X | objects | motion 4-8 mm, 2-4 deg | 1 | 0 of 2 | 0 of 1 | 40.0 → 0.0 |" in text
    assert "| old | X | anatomy, artefact |" in text
    assert "- phantom : No head was seen." in text
    table = list(csv.DictReader((tmp_path / scanner_tables.CSV).read_text().splitlines()))
    assert {f"### {r['group']}" for r in table} >= set(parts)
    clean = "slices called moved, share"
    assert [r["value"] for r in table if r["statistic"] == clean] == ["0.1", "0"]  # that of the new scan first


def test_the_shipped_networks_tell_what_they_were_taught_on() -> None:
    taught = scanners.taught()
    assert "ge-vct-tumour" in taught["artefact"]
    assert "toshiba-uneven" not in {scan for scans in taught.values() for scan in scans}


def test_scans_are_folders_and_nifti_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("b.nii.gz", "c.nii", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert list(scans_in(tmp_path)) == ["a", "b", "c"]
    assert list(scans_in(tmp_path, ["b"])) == ["b"]
    with pytest.raises(InputError, match="holds no scans"):
        scans_in(tmp_path, ["d"])
    with pytest.raises(InputError, match="holds no scans"):
        scans_in(tmp_path / "none")


def test_tables_of_others_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "scan").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / scanner_tables.MARKDOWN).write_text("mine")
    with pytest.raises(OutputError):
        scanners.by_scanner(tmp_path, out, only=["scan"])
    assert (out / scanner_tables.MARKDOWN).read_text() == "mine"


@pytest.mark.slow
def test_every_case_is_what_its_family_says() -> None:
    volume, findings = head(grid(np.arange(-40.0, 41, 10.0), matrix=160, pixel=1.5))
    volume = noisy(volume, noise_field(volume.shape, 1.5, 2.0, None))
    steps = list(cases.plan("phantom", volume, findings, 1))
    assert [family for _, family, _ in steps] == [
        cases.CLEAN,
        *cases.MOTIONS,
        cases.BULK,
        cases.METAL,
        cases.METAL,
        cases.BONE,
    ]
    made = {key: make() for key, _, make in steps if key in ("clean", "motion0.0", "motion2.0", "bulk.0", "metal.0")}
    assert made["clean"].volume is volume
    assert made["motion2.0"].rms.max() > 5
    assert made["motion0.0"].rms.max() < made["motion2.0"].rms.max()
    bulk = made["bulk.0"]
    assert (bulk.rms == 0).all()
    assert bulk.jump is not None
    assert (bulk.volume.hu[bulk.jump] == volume.hu[bulk.jump]).all()
    assert (bulk.volume.hu[bulk.jump + 1] != volume.hu[bulk.jump + 1]).any()
    streak = made["metal.0"].streak
    assert streak is not None
    assert not (streak & ~np.isin(findings.tissue, [int(t) for t in INTRACRANIAL])).any()
    again = {key: make for key, _, make in cases.plan("phantom", volume, findings, 1)}["metal.0"]()
    assert (again.volume.hu == made["metal.0"].volume.hu).all()
    # a scan compared with itself: nothing was added, nothing moved
    findings = findings.with_(motion_grades=np.zeros(volume.shape[0], np.int8), streak=np.zeros(volume.shape, bool))
    measured = measure(volume, findings, only=scanners.MEASURED)
    record = scanners.compared(made["clean"], volume, findings, measured, lambda *a: ())
    assert record["iqms"]["motion_extent"] == {"base": 0.0, "truth": 0.0, "found": 0.0, "reason": ""}
    assert set(record["slices"]["p"]) == {None}
