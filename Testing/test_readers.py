"""Reader tables: written and read back alike, merged, and refused in words that name the line."""

import math

import numpy as np
import pytest

from HeadCTIQALib.cohort.readers import (
    COLUMNS,
    TARGETS,
    ReaderValue,
    check_values,
    read_readers,
    valid_range,
    write_readers,
)
from HeadCTIQALib.cohort.scan_keys import match_scans
from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS

HEADER = ",".join(COLUMNS) + "\n"


def values():
    return [
        ReaderValue(s, r, t, 10.0 * n + k)
        for n, s in enumerate("abc")
        for k, r in enumerate(("Ann", "Bob"))
        for t in ("motion", "noise", "overall")
    ]


def read(tmp_path, text, name="r.csv", encoding="utf-8"):
    (tmp_path / name).write_text(text, encoding=encoding)
    return read_readers(tmp_path / name)


def test_targets_are_the_hierarchy_and_overall():
    assert set(TARGETS) == {m.id for m in IQMS} | {c.id for c in CATEGORIES} | {"overall"}
    assert valid_range("vertex_margin") == (-500, 500)
    assert valid_range("centering_offset")[0] == 0
    assert valid_range("overall") == (0, 100)


def test_written_tables_read_back_alike(tmp_path):
    write_readers(tmp_path / "sub" / "r.csv", values())
    table = read_readers(tmp_path / "sub" / "r.csv")
    assert sorted(table.values, key=str) == sorted(values(), key=str)
    assert (table.scans, table.readers, table.targets) == (
        ("a", "b", "c"),
        ("Ann", "Bob"),
        ("noise", "motion", "overall"),
    )
    assert table.matrix("motion").tolist() == [[0, 1], [10, 11], [20, 21]]
    assert table.mean("motion").tolist() == [0.5, 10.5, 20.5]
    assert table.warnings == ()
    assert len(table.sha256) == 64
    write_readers(tmp_path / "again.csv", reversed(values()))
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "sub" / "r.csv").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.csv", "sub"]


def test_one_file_a_reader_is_merged(tmp_path):
    for reader in ("Ann", "Bob"):
        write_readers(tmp_path / f"{reader}.csv", [v for v in values() if v.reader == reader])
    assert len(read_readers(tmp_path).values) == len(values())


def test_a_spreadsheet_with_semicolons_and_decimal_commas(tmp_path):
    table = read(tmp_path, "\ufeffscan;reader;target;value\na;Ann;noise;4,5\nb;Ann;noise;\n", encoding="utf-8")
    assert [v.value for v in table.values] == [4.5, None]
    assert math.isnan(table.mean("noise")[1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scan,reader,value\na,b,1\n", "must have the columns"),
        ("", "must have the columns"),
        (HEADER + "a,Ann,noise,1e999\n", "out of range"),
        (HEADER, "no reader values"),
        (HEADER + "a,Ann,noise,high\n", r'line 2: "high" is not a number'),
        (HEADER + "a,Ann,noise,inf\n", "not a number"),
        (HEADER + "a,Ann,motion,101\n", r"line 2: 101 is out of range for motion \(0 to 100\)"),
        (HEADER + "a,Ann,motion,-1\n", "out of range"),
        (HEADER + "a,Ann,sharpness,1\n", '"sharpness" is no target'),
        (HEADER + ",Ann,motion,1\n", "the scan is empty"),
        (HEADER + "a,,motion,1\n", "the reader is empty"),
        (HEADER + "a,Ann,motion\n", "3 cells instead of 4"),
        (
            HEADER + "a,Ann,motion,1\nb,Ann,motion,1\na,Ann,motion,2\n",
            r"line 4: Ann said two different things about motion of a \(also in r.csv, line 2\)",
        ),
        (HEADER + '"a,Ann,motion,1\n', "is not CSV"),
    ],
)
def test_refused_with_the_line(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)


def test_not_there_not_text_not_writable(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_readers(tmp_path / "none.csv")
    with pytest.raises(InputError, match="holds no reader tables"):
        read_readers(tmp_path)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        read_readers(tmp_path / "b.csv")
    with pytest.raises(OutputError, match="cannot be written"):
        write_readers(tmp_path / "b.csv" / "c.csv", values())
    with pytest.raises(InputError, match="out of range"):
        write_readers(tmp_path / "c.csv", [ReaderValue("a", "Ann", "overall", 300.0)])
    assert not (tmp_path / "c.csv").exists()


def test_weak_data_are_read_with_warnings(tmp_path):
    rows = "".join(f"{s},Ann,motion,80\n" for s in "abcd")
    one = read(tmp_path, HEADER + rows + "a,Ann,motion,80\n")
    text = " ".join(one.warnings)
    assert "one reader only (Ann)" in text
    assert "Ann gave 80 to every scan for motion" in text
    assert "1 rows were repeated" in text
    gaps = read(tmp_path, HEADER + rows + "a,Bob,motion,60\nb,Bob,motion,70\nc,Bob,motion,\n")
    assert any("2 cells are missing (Bob: 2)" in w for w in gaps.warnings)
    assert np.isnan(gaps.matrix("motion")[2:, 1]).all()
    assert gaps.mean("motion").tolist() == [70, 75, 80, 80]


def test_scans_are_matched_by_folder_name_or_sha():
    sha = "0123456789abcdef" * 4
    table = check_values([ReaderValue(s, "Ann", "motion", 80.0) for s in ("one", sha[:14], "lost")])
    names, unknown = match_scans(table, {"one": None, "two": sha})
    assert (names, unknown) == ({"one": "one", sha[:14]: "two"}, ("lost",))
    assert table.renamed(names).scans == ("one", "two")
    with pytest.raises(InputError, match="fits the folders"):
        match_scans(table, {"two": sha, "three": sha})
