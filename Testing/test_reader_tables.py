"""Reader tables as people make them: every form means the same values, and nothing foreign is taken for scores."""

import builtins
import datetime
import io
import zipfile

import pytest

from HeadCTIQALib.cohort.readers import ReaderValue, check_values, read_readers
from HeadCTIQALib.cohort.scales import HUNDRED, USUAL, parse_scale
from HeadCTIQALib.cohort.scan_keys import match_scans
from HeadCTIQALib.curve import score_band
from HeadCTIQALib.errors import InputError

openpyxl = pytest.importorskip("openpyxl")

SAID = {
    ("a", "R1", "overall"): 72.5,
    ("a", "R2", "overall"): 60.0,
    ("b", "R1", "overall"): None,
    ("b", "R2", "overall"): 85.0,
}
LONG = "scan,reader,target,value\na,R1,overall,72.5\na,R2,overall,60\nb,R1,overall,\nb,R2,overall,85\n"


def read(tmp_path, data, name="r.csv", **more):
    (tmp_path / name).write_bytes(data.encode("utf-8") if isinstance(data, str) else data)
    return read_readers(tmp_path / name, **more)


def said(table):
    return {(v.scan, v.reader, v.target): v.value for v in table.values}


def workbook(*sheets):
    """Bytes of a workbook of (title, rows)."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


FORMS = {
    "long": LONG,
    "tabs": LONG.replace(",", "\t"),
    "bars": LONG.replace(",", "|"),
    "semicolons and decimal commas": LONG.replace(",", ";").replace("72.5", "72,5"),
    "declared separator": "sep=;\n" + LONG.replace(",", ";"),
    "quoted decimal commas": LONG.replace("72.5", '"72,5"'),
    "windows lines": LONG.replace("\n", "\r\n"),
    "with mark": "\ufeff" + LONG,
    "utf-16": LONG.encode("utf-16"),
    "utf-16 big": b"\xfe\xff" + LONG.encode("utf-16-be"),
    "utf-16 without mark": LONG.encode("utf-16-le"),
    "utf-16 tabs, as Excel's Unicode text": LONG.replace(",", "\t").encode("utf-16"),
    "comment lines first": "# read in May\n\n" + LONG,
    "other titles and order": "Value,Rater,Case ID,Category\n72.5,R1,a,Overall\n60,R2,a,overall score\n,R1,b,OVERALL\n85,R2,b,Overall\n",
    "comment columns": "scan,reader,date,target,value,comment\na,R1,2026-03-01,overall,72.5,\"sharp, but cut\"\na,R2,,overall,60,\nb,R1,,overall,NA,\nb,R2,,overall,85,12 slices\n",
    "per cent": LONG.replace("85", "85%"),
    "wide by reader": "scan,R1,R2\na,72.5,60\nb,n/a,85\n",
    "wide by reader, targets in titles": "scan,R1 overall,overall_R2,remarks\na,72.5,60,late\nb,-,85,\n",
    "wide by reader, a target a row": "scan;target;R1;R2\na;overall;72,5;60\nb;overall;;85\n",
    "wide by target": "scan,reader,Overall (0-100),age,comment\na,R1,72.5,60,x\na,R2,60,60,\nb,R1,NaN,41,\nb,R2,85,41,\n",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_means_the_same(tmp_path, form):
    assert said(read(tmp_path, FORMS[form])) == SAID


@pytest.mark.parametrize("missing", ["", "NA", "n/a", "#N/A", "-", "–", "NaN", "null"])
def test_missing_cells(tmp_path, missing):
    assert (
        said(read(tmp_path, f"scan,reader,target,value\na,R1,overall,{missing}\nb,R1,overall,85\n"))[
            "a", "R1", "overall"
        ]
        is None
    )


def test_what_is_not_read_is_said(tmp_path):
    notes = " ".join(read(tmp_path, FORMS["comment columns"]).warnings)
    assert 'r.csv: not read, as their titles name no target and no reader: "date", "comment".' in notes
    assert "names no target; its values count as overall scores" in " ".join(
        read(tmp_path, FORMS["wide by reader"]).warnings
    )
    alone = read(tmp_path, "scan,overall,motion\na,80,70\n", name="Ann.csv")
    assert said(alone) == {("a", "Ann", "overall"): 80, ("a", "Ann", "motion"): 70}
    assert 'Ann.csv names no reader; its values count as those of one reader, "Ann".' in alone.warnings
    measured = read(tmp_path, "scan,reader,noise (HU),symmetry_angle,overall\na,R1,4.5,2,80\n")
    assert said(measured)["a", "R1", "noise"] == 4.5
    assert "read as measurements, not as scores: noise (HU), symmetry_angle (deg)" in " ".join(measured.warnings)


def test_workbooks(tmp_path):
    rows = [
        ("scan", "reader", "overall", "read on"),
        ("a", "R1", 72.5, datetime.date(2026, 3, 1)),
        ("a", "R2", 60, None),
        (None,) * 4,
        ("b", "R1", None, None),
        ("b", "R2", 85, None),
    ]
    assert said(read(tmp_path, workbook(("Scores", rows)), name="r.xlsx")) == SAID
    numbered = read(tmp_path, workbook(("Scores", [("scan", "reader", "overall"), (12, 3, 80)])), name="r.xlsx")
    assert said(numbered) == {("12", "3", "overall"): 80}
    each = workbook(
        ("Read me", [("Thank you",)]),
        ("Ann", [("scan", "overall"), ("a", 80)]),
        ("Bob", [("scan", "overall"), ("a", 70)]),
    )
    two = read(tmp_path, each, name="r.xlsx")
    assert said(two) == {("a", "Ann", "overall"): 80, ("a", "Bob", "overall"): 70}
    assert 'r.xlsx, sheet "Read me" has no column of scans and was not read.' in two.warnings
    (tmp_path / "~$r.xlsx").write_bytes(b"lock")
    assert said(read_readers(tmp_path)) == said(two)
    (tmp_path / "r.tsv").write_text("scan\tR3\na\t75\n")
    assert len(said(read_readers(tmp_path))) == 3


def test_workbooks_that_cannot_be_read(tmp_path, monkeypatch):
    date = workbook(("S", [("scan", "reader", "overall"), ("a", "R1", datetime.date(2026, 3, 1))]))
    with pytest.raises(InputError, match=r'r.xlsx, row 2: "2026-03-01T00:00:00" is not a number'):
        read(tmp_path, date, name="r.xlsx")
    with pytest.raises(InputError, match="row 2: a formula has no stored result"):
        read(tmp_path, workbook(("S", [("scan", "reader", "overall"), ("a", "R1", "=40+2")])), name="r.xlsx")
    for damaged in (date[:-200], b"PK\x03\x04" + b"x" * 100):
        with pytest.raises(InputError, match="no Excel workbook"):
            read(tmp_path, damaged, name="r.xlsx")
    with pytest.raises(InputError, match="old Excel file or is under a password"):
        read(tmp_path, b"\xd0\xcf\x11\xe0" + b"\0" * 600, name="r.xlsx")
    bomb = io.BytesIO()
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as entry,
    ):
        for _ in range(220):
            entry.write(b" " * 1_000_000)
    with pytest.raises(InputError, match="too large for a table of scores"):
        read(tmp_path, bomb.getvalue(), name="r.xlsx")
    real = builtins.__import__
    monkeypatch.setattr(
        builtins,
        "__import__",
        lambda name, *a, **k: (_ for _ in ()).throw(ImportError(name)) if name == "openpyxl" else real(name, *a, **k),
    )
    with pytest.raises(InputError, match="the Python package openpyxl is needed; install it"):
        read(tmp_path, date, name="r.xlsx")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scan,date\na,2026-03-01\n", "line 1: a reader table must have the columns"),
        ("patient,age,sex\n1,50,f\n", "must have the columns"),
        ("scan,Ann,Bob\na,80,70\n", r'"reader: Ann"'),
        ("scan,age,kVp\na,80,70\n", "must have the columns"),
        ("scan,reader experience,overall confidence\na,10,90\n", "must have the columns"),
        ("scan,reader,noise,contrast,structure\na,R1,7,5,5\n", "may be a score or a measurement in HU"),
        ("scan,reader,symmetry_angle (rad)\na,R1,0.1\n", "must be in deg"),
        ("scan,reader,R1,R2\na,Ann,80,70\n", '"R1" is a column of one reader, but "reader" is not'),
        ("scan,R1,overall\na,80,70\n", "is a column of one reader"),
        ("scan,overall,Overall score\na,80,70\n", "two columns mean the same"),
        ("scan,scan,overall\na,b,70\n", 'two columns are called "scan"'),
        ("scan,reader,target,value\na,R1,overall,7,5\n", "5 cells instead of 4; numbers with a decimal comma need quotes"),
        ("scan,reader,target,value,comment\na,R1,overall,72,5\n", "72,5 may be one number with a decimal comma or two cells"),
        ('scan,reader,target,value\na,R1,symmetry_angle,"4,125"\n', "may mean thousands or a decimal comma"),
        ('scan,reader,target,value\na,R1,overall,"72,5"\na,R2,overall,71.5\n', r'line 3: "71.5" has a decimal point, but "72,5" \(r.csv, line 2\) a decimal comma'),
        ("scan,reader,target,value\na,R1,overall,03.04.2026\n", "is not a number"),
        ("scan,reader,target,value\na,R1,overall,46082\n", "46082 is out of range"),
        ("scan,reader,target,value\na,R1,overall,1_0\n", "is not a number"),
        ("scan,reader,target,value\na,R1,overall,B\n", "with --scale A-E"),
        ("scan,reader,target,value\na,R1,overall,good\n", "--scale poor/acceptable/good"),
        ("scan,reader,target,value\na,R1,overall,4\nb,R1,overall,5\n", r"All 2 scores of R1 lie between 4 and 5, so they are hardly of 0-100; say which scale they are on: --scale 1-5"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_the_reason(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)


def test_text_of_another_encoding_is_not_guessed(tmp_path):
    with pytest.raises(InputError, match="neither UTF-8 nor UTF-16 text; save it as CSV UTF-8"):
        read(tmp_path, LONG.replace("R1", "Müller").encode("cp1252"))


def test_a_row_of_a_template_that_nobody_filled_in_counts_for_nothing(tmp_path):
    table = read(tmp_path, "scan,reader,overall,motion\nb,,,\na,R1,80,\n")
    assert said(table) == {("a", "R1", "overall"): 80, ("a", "R1", "motion"): None}
    with pytest.raises(InputError, match="the reader is empty"):
        read(tmp_path, "scan,reader,overall\nb,,70\n")


@pytest.mark.parametrize(
    ("scale", "given", "scores"),
    [
        ("1-5", ("1", "2", "3", "4", "4.5", "5"), (15, 45, 70, 85, 90, 95)),
        ("5-1", ("1", "3", "5"), (95, 70, 15)),
        ("1-4", ("1", "2", "3", "4"), (15, 45, 70, 90)),
        ("3-1", ("1", "2", "3"), (90, 70, 30)),
        ("0-10", ("0", "7", "10"), (0, 70, 100)),
        ("1-10", ("1", "8", "10"), (10, 80, 100)),
        ("10-1", ("1", "3", "10"), (100, 80, 10)),
        ("0-1", ("0", "0.7"), (0, 70)),
        ("-2..2", ("-2", "0", "1"), (15, 70, 85)),
        ("A-E", ("A", "b", "C", "E"), (95, 85, 70, 15)),
        ("A/B/C", ("A", "B", "C"), (30, 70, 90)),
        ("A-F", ("A", "F"), (100, 0)),
        ("poor/acceptable/good", ("good", "Acceptable", "poor"), (90, 70, 30)),
        ("bad/fair/fine", ("bad", "fair", "fine"), (30, 70, 90)),
        ("0-100", ("4", "5"), (4, 5)),
    ],
)
def test_scales_are_mapped_as_they_are_named(tmp_path, scale, given, scores):
    text = (
        "scan,reader,target,value\n"
        + "".join(f"s{n},R1,overall,{g}\n" for n, g in enumerate(given))
        + "s0,R1,noise,4.5\n"
    )
    table = read(tmp_path, text, scale=parse_scale(scale))
    assert [v.value for v in table.values] == [*map(pytest.approx, scores), 4.5]
    assert table.scale.startswith(scale)
    assert (f"mapped to 0-100 from the scale {scale}" in " ".join(table.warnings)) == (scale != "0-100")


@pytest.mark.parametrize(
    ("scale", "of"),
    [
        ("1-5", {"poor": (1, 2), "acceptable": (3,), "good": (4, 5)}),
        ("1-4", {"poor": (1, 2), "acceptable": (3,), "good": (4,)}),
        ("1-10", {"good": (8, 9, 10), "acceptable": (6, 7)}),
    ],
)
def test_what_readers_call_good_is_good(scale, of):
    mapped = parse_scale(scale)
    for band, steps in of.items():
        assert {score_band(mapped.of_number(float(n))) for n in steps} == {band}


@pytest.mark.parametrize("name", [n for n in USUAL if n != "poor/acceptable/good"])
def test_every_scale_knows_its_reverse(name):
    one = parse_scale(name)
    other = parse_scale(one.reversed_name)
    assert one.steps == other.steps
    if one.numbers:
        assert [s for _, s in one.numbers] == [s for _, s in other.numbers][::-1]
    else:
        assert dict(one.words) != dict(other.words)
        assert [w for w, _ in one.words] == [w for w, _ in other.words][::-1]


@pytest.mark.parametrize("wrong", ["", "5", "5-5", "E-A", "good/poor", "a/a", "good", "1:5"])
def test_a_scale_that_does_not_say_what_is_best_is_refused(wrong):
    with pytest.raises(InputError):
        parse_scale(wrong)


def test_values_off_the_scale_are_refused(tmp_path):
    for scale, value in (("1-5", "8"), ("1-5", "0"), ("A-E", "F"), ("A-E", "3"), ("1-5", "B")):
        with pytest.raises(InputError, match=f'line 2: "{value}" is not on the scale {scale}'):
            read(tmp_path, f"scan,reader,target,value\na,R1,overall,{value}\n", scale=parse_scale(scale))
    low = "scan,reader,target,value\n" + "".join(f"s{n},R1,overall,{1 + n % 5}\n" for n in range(12))
    assert "No score reaches the better half of the scale 1-10" in " ".join(
        read(tmp_path, low, scale=parse_scale("1-10")).warnings
    )


def test_one_reader_on_another_scale_than_the_others_is_asked(tmp_path):
    rows = "".join(f"s{n},{80 + n},{n % 5 + 1}\n" for n in range(6))
    with pytest.raises(InputError, match="All 6 scores of R2 lie between 1 and 5"):
        read(tmp_path, "scan,R1,R2\n" + rows)
    mixed = "".join(f"s{n},R1,{80 + n},{n % 5 + 1}\n" for n in range(6))
    with pytest.raises(InputError, match="All 6 scores for motion of R1 lie between 1 and 5"):
        read(tmp_path, "scan,reader,overall,motion\n" + mixed)
    assert len(read(tmp_path, "scan,reader,overall,motion\n" + mixed, scale=HUNDRED).values) == 12


def panel(**scans):
    return check_values(
        [ReaderValue(s, r, "overall", 50.0 + ord(s) % 7) for r, read_by in scans.items() for s in read_by]
    )


def test_panels_that_share_no_scan_are_said():
    text = " ".join(panel(R1="abc", R2="abc", R3="def", R4="de").warnings)
    assert "2 panels that share no scan (R1, R2; R3, R4)" in text
    assert "6 of 6 scans were not read by every reader (a, b, c, ...)" in text
    assert "Only 0 scans were read by all 4 readers; agreement among all of them needs at least 3" in text
    chain = " ".join(panel(R1="abcd", R2="cdef", R3="efgh").warnings)
    assert "panels" not in chain
    assert "Some pairs of readers share no scan, so that their agreement cannot be judged: R1 and R3." in chain
    assert not any("share" in w or "read by" in w for w in panel(R1="abcd", R2="abcd").warnings)


def test_scans_are_named_by_path_file_case_or_number():
    def names(*keys, folders=("case-001", "7", "Müller")):
        return match_scans(check_values([ReaderValue(k, "R1", "overall", 50.0) for k in keys]), dict.fromkeys(folders))[
            0
        ]

    for key in ("case-001", "site/case-001", "C:\\scans\\case-001", "/data/case-001/", "case-001.nii.gz", "CASE-001"):
        assert names(key) == {key: "case-001"}
    assert names("007", "site/case-001", "case-001") == {
        "007": "7",
        "site/case-001": "case-001",
        "case-001": "case-001",
    }
    assert names("CASE-1") == {}
    assert names("CT", folders=("ct", "Ct")) == {}
    with pytest.raises(InputError, match=r"two scans for the folder case-001 \(a and b\)"):
        names("a/case-001", "b/case-001")
