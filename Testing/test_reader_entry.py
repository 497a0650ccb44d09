"""Reader scores one scan at a time: files of their own, resume, names of scans."""

from types import SimpleNamespace

import pytest

from HeadCTIQALib.cohort.reader_entry import ReaderFile, list_scans, resume_at, scan_key, scan_keys
from HeadCTIQALib.cohort.readers import read_readers
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.scoring.calibration import SCORES

FULL = dict.fromkeys(SCORES, 70.0)


def test_two_readers_never_touch_each_other(tmp_path):
    ids = ["AB", "ab", "a b", "a_b", "Dr. Ö", "Dr. Ü", "CON"]
    for n, id_ in enumerate(ids):
        ReaderFile(tmp_path, id_).save("scan 1", FULL | {"overall": 10.0 * n})
    assert len({ReaderFile(tmp_path, i).path.name.lower() for i in ids}) == len(ids)
    for n, id_ in enumerate(ids):
        assert ReaderFile(tmp_path, id_).scores("scan 1")["overall"] == 10.0 * n
    table = read_readers(tmp_path)
    assert set(table.readers) == set(ids)
    assert len(table.values) == len(ids) * len(SCORES)


def test_a_scan_scored_again_replaces_only_that_scan(tmp_path):
    file = ReaderFile(tmp_path, "ab")
    file.save("one", FULL)
    file.save("two", FULL | {"motion": None})
    file.save("one", {"overall": 55.0, "motion": 40.0})
    assert file.scores("one") == {"motion": 40.0, "overall": 55.0}
    assert file.scores("two")["motion"] is None
    assert file.scored() == {"one", "two"}
    assert ReaderFile(tmp_path, "cd").scored() == frozenset()


def test_a_file_with_somebody_elses_scores_is_left_alone(tmp_path):
    file = ReaderFile(tmp_path, "ab")
    file.save("one", FULL)
    text = file.path.read_text().replace(",ab,", ",cd,")
    file.path.write_text(text)
    with pytest.raises(InputError, match="scores of cd"):
        file.save("one", FULL)
    assert file.path.read_text() == text


@pytest.mark.parametrize(
    ("scores", "words"), [({}, "at least one"), ({"overall": 101.0}, "100"), ({"beauty": 5.0}, "beauty")]
)
def test_wrong_scores_are_refused_and_nothing_is_written(tmp_path, scores, words):
    with pytest.raises(InputError, match=words):
        ReaderFile(tmp_path, "ab").save("one", scores)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="reader id"):
        ReaderFile(tmp_path, " ")


def test_scans_of_a_work_list_and_where_to_resume(tmp_path):
    for name in ("b.nii.gz", "a.nrrd", "a.seg.nrrd", "notes.txt", ".hidden.nii"):
        (tmp_path / name).write_text("x")
    (tmp_path / "C series").mkdir()
    (tmp_path / "C series" / "1.dcm").write_text("x")
    (tmp_path / "empty").mkdir()
    scans = list_scans(tmp_path)
    assert [p.name for p in scans] == ["a.nrrd", "b.nii.gz", "C series"]
    assert [scan_key(p, None) for p in scans] == ["a", "b", "C series"]
    assert resume_at([scan_keys(p, None) for p in scans], frozenset()) == 0
    assert resume_at([scan_keys(p, None) for p in scans], frozenset({"a", "b"})) == 2
    assert resume_at([scan_keys(p, None) for p in scans], frozenset({"a", "b", "C series"})) == 0
    for wrong in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(InputError):
            list_scans(wrong)
    assert scan_key(None, SimpleNamespace(input=SimpleNamespace(sha256="ab" * 32))) == "ab" * 8
    with pytest.raises(InputError):
        scan_key(None, None)


def test_an_assessed_scan_is_filed_under_its_checksum_and_found_under_its_name(tmp_path):
    record = SimpleNamespace(input=SimpleNamespace(sha256="ab" * 32))
    keys = scan_keys(tmp_path / "case 1.nii.gz", record)
    assert keys == ("ab" * 8, "case 1")
    file = ReaderFile(tmp_path, "AB")
    file.save("case 1", {"overall": 50.0})
    assert file.scores(*keys) == {"overall": 50.0}
    file.save(keys[0], {"overall": 70.0}, keys[1:])
    assert file.scores(*keys) == {"overall": 70.0}
    assert file.scores("case 1") == {}, "one scan, one set of scores"
