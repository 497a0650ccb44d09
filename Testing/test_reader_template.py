"""The empty table for readers: every scan once, in an order that a seed gives, never over a file that is there."""

import csv

from cohort_stand_in import values, write_cohort

from HeadCTIQALib import cli
from HeadCTIQALib.cohort.readers import read_readers
from HeadCTIQALib.cohort.scans import load_scans, matched


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_template_blinds_is_reproducible_and_reads_back(tmp_path, capsys):
    names = write_cohort(tmp_path / "site" / "a", values(12)) + write_cohort(
        tmp_path / "site" / "b", values(3), names=["x1", "x2", "=x3"]
    )

    def run(name, *more):
        return cli.main(["readers-template", str(tmp_path / "site"), "--output", str(tmp_path / name), *more])

    assert run("one.csv") == run("again.csv") == run("other.csv", "--seed", "1") == 0
    assert "15 scans in random order (seed 0)" in capsys.readouterr().out
    one, other = rows_of(tmp_path / "one.csv"), rows_of(tmp_path / "other.csv")
    assert list(one[0]) == [
        "scan",
        "reader",
        "overall",
        "positioning",
        "centering",
        "scan_range",
        "noise_contrast",
        "motion",
        "metal_foreign",
    ]
    assert not any(v for row in one for k, v in row.items() if k != "scan")
    assert sorted(r["scan"] for r in one) == sorted(n if n != "=x3" else "'=x3" for n in names)
    assert [r["scan"] for r in one] != sorted(r["scan"] for r in one)
    assert [r["scan"] for r in one] != [r["scan"] for r in other]
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()

    text = (tmp_path / "one.csv").read_text().splitlines()
    filled = [
        text[0],
        *(f"{line.split(',')[0]},Ann,{50 + n},,,,,{60 + n}," for n, line in enumerate(text[1:14])),
        *text[14:],
    ]
    (tmp_path / "ann.csv").write_text("\n".join(filled) + "\n")
    table, notes = matched(load_scans(tmp_path / "site")[0], read_readers(tmp_path / "ann.csv"))
    assert table.targets == ("motion", "overall")
    assert len(table.scans) == 13
    assert "2 assessments have no reader values" in notes[0]


def test_nothing_is_ever_overwritten(tmp_path, capsys):
    write_cohort(tmp_path / "site", values(2))
    table = tmp_path / "t.csv"
    assert cli.main(["readers-template", str(tmp_path / "site"), "-o", str(table)]) == 0
    table.write_text("scores of a week")
    assert cli.main(["readers-template", str(tmp_path / "site"), "-o", str(table)]) == 4
    assert "may hold readers' scores, so it is not replaced" in capsys.readouterr().err
    assert table.read_text() == "scores of a week"
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "none"):
        assert cli.main(["readers-template", str(tmp_path / folder), "-o", str(tmp_path / "u.csv")]) == 3
    assert not (tmp_path / "u.csv").exists()


def test_scans_need_not_be_assessed(tmp_path):
    for name in ("b.nii.gz", "a.nrrd"):
        (tmp_path / "scans").mkdir(exist_ok=True)
        (tmp_path / "scans" / name).write_bytes(b"")
    assert cli.main(["readers-template", str(tmp_path / "scans"), "-o", str(tmp_path / "t.csv")]) == 0
    assert {r["scan"] for r in rows_of(tmp_path / "t.csv")} == {"a", "b"}
    write_cohort(tmp_path / "one", values(3), names=["a", "c", "d"])
    assert (
        cli.main(["readers-template", str(tmp_path / "scans"), str(tmp_path / "one"), "-o", str(tmp_path / "u.csv")])
        == 3
    )
