"""The index and the table of a cohort follow from its folders."""

import csv
import json
import shutil
import sqlite3
import threading
import time

import pytest
from cohort_stand_in import record_of
from many_records import write_many

from HeadCTIQALib import cli
from HeadCTIQALib.department import index
from HeadCTIQALib.department.columns import COLUMNS
from HeadCTIQALib.department.index import INDEX
from HeadCTIQALib.department.table import rows
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS

NAMES = ["scan", *(c.name for c in COLUMNS)]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    root = tmp_path_factory.mktemp("cohort") / "many"
    write_many(root, 40)
    return root


@pytest.fixture
def cohort(many, tmp_path):
    return shutil.copytree(many, tmp_path / "cohort")


def test_columns_say_what_the_record_says(cohort):
    found, left_out = rows(cohort)
    assert (len(found), left_out) == (40, ())
    assert len(NAMES) == len(set(NAMES))
    for values in found[::7]:
        row, record = dict(zip(NAMES, values, strict=True)), record_of(cohort / values[0])
        for m in IQMS:
            assert (row[m.id], row[f"{m.id}_status"]) == (record["iqms"][m.id]["value"], record["iqms"][m.id]["status"])
        for c in CATEGORIES:
            assert row[f"{c.id}_score"] == record["categories"][c.id]["score"]
        assert (row["overall_score"], row["verdict"]) == (record["overall"]["score"], record["verdict"]["band"])
        known = record["input"]["acquisition"]
        assert [row[n] for n in ("acquired", "kernel", "ctdi_vol_mgy", "scanner_id")] == [
            known[n] for n in ("acquired", "kernel", "ctdi_vol_mgy", "scanner_id")
        ]
        if row["overall_score"] is not None:  # points add up to the score
            taken = sum(row[f"{m.id}_points"] for m in IQMS)
            assert taken == pytest.approx(row["overall_score"] - record["overall"]["base_by_iqm"], abs=0.05)


def test_the_index_follows_its_folders(cohort):
    before = rows(cohort)[0]
    shutil.rmtree(cohort / before[0][0])
    (cohort / before[1][0]).rename(cohort / "renamed")
    (cohort / before[2][0] / "assessment.json").write_text("{}")
    after, left_out = rows(cohort)
    assert [r[0] for r in after] == [*(r[0] for r in before[3:]), "renamed"]
    assert len(left_out) == 1
    for damage in (
        lambda p: p.unlink(),
        lambda p: p.write_bytes(b"no database, and long enough to be looked at" * 100),
    ):
        damage(cohort / INDEX)
        assert rows(cohort)[0] == after, "it is made anew from the folders"


def test_only_what_changed_is_read(cohort, monkeypatch):
    rows(cohort)
    read = []
    monkeypatch.setattr(index, "_record", lambda folder: read.append(folder))
    rows(cohort)
    assert read == []


def test_a_cohort_that_may_not_be_written_has_a_table_all_the_same(cohort, monkeypatch):
    connect = sqlite3.connect

    def refused(path, **more):
        if path != ":memory:":
            raise sqlite3.OperationalError("unable to open database file")
        return connect(path, **more)

    monkeypatch.setattr(index.sqlite3, "connect", refused)
    assert len(rows(cohort)[0]) == 40
    assert not (cohort / INDEX).exists()


def test_two_at_a_time_see_the_same(cohort):
    found = []
    threads = [threading.Thread(target=lambda: found.append(rows(cohort)[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(f == found[0] for f in found)


def test_the_command(cohort, capsys):
    for form in ("tsv", "csv", "json"):
        assert cli.main(["table", str(cohort), "--format", form]) == 0
    assert "40 scans" in capsys.readouterr().out
    expected = [dict(zip(NAMES, r, strict=True)) for r in rows(cohort)[0]]
    assert json.loads((cohort / "group_headct.rows.json").read_text()) == expected
    for name, delimiter, absent in (("group_headct.tsv", "\t", "n/a"), ("group_headct.csv", ",", "")):
        with (cohort / name).open(newline="") as stream:
            read = list(csv.DictReader(stream, delimiter=delimiter))
        assert [[r[n] for n in NAMES] for r in read] == [
            [absent if e[n] in (None, "") else str(e[n]) for n in NAMES] for e in expected
        ]
    told = json.loads((cohort / "group_headct.json").read_text())
    assert list(told) == NAMES
    assert told["noise"]["Units"] == "HU"
    assert all(entry["Description"] for entry in told.values())


def test_parquet(cohort):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    assert cli.main(["table", str(cohort), "--format", "parquet"]) == 0
    read = parquet.read_table(cohort / "group_headct.parquet").to_pylist()
    assert [tuple(r.values()) for r in read] == rows(cohort)[0]


def test_without_assessments(tmp_path, capsys):
    assert cli.main(["table", str(tmp_path)]) == 3
    assert "holds no assessments" in capsys.readouterr().err


@pytest.mark.slow
def test_ten_thousand_scans(tmp_path):
    write_many(tmp_path / "cohort", 10_000)
    began = time.perf_counter()
    assert len(rows(tmp_path / "cohort")[0]) == 10_000
    assert time.perf_counter() - began < 60
    began = time.perf_counter()
    assert cli.main(["table", str(tmp_path / "cohort")]) == 0
    assert time.perf_counter() - began < 10
