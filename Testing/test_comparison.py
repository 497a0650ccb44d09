"""Two assessments of one scan side by side."""

import pytest
from labelled_head import labelled_head
from msgspec.structs import replace

from HeadCTIQALib.assessment import compare, evaluate, uncorrected
from HeadCTIQALib.assessment.review import Review
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS


@pytest.fixture(scope="module")
def records():
    volume, findings = labelled_head()
    first = evaluate(volume, findings, models=({"name": "stand-in", "version": "1", "sha256": "0" * 64},))
    review = Review.of(first)
    review.move_points({"VERTEX": (0.0, 0.0, 90.0)}, corrector="AB")
    review.type_value("noise", 6.0, corrector="CD", reason="seen")
    review.move_points({"BASION": None}, corrector="AB", iqm="foramen_magnum_margin")
    return first.record, review.record


def test_every_score_and_metric_has_a_row_with_its_difference(records):
    first, second = records
    result = compare(first, second)
    assert [r.id for r in result.rows] == [
        "overall",
        *(id_ for c in CATEGORIES for id_ in (c.id, *(m.id for m in IQMS if m.category == c.id))),
    ]
    by_id = {r.id: r for r in result.rows}
    assert by_id["vertex_margin"].difference == pytest.approx(10.0)
    assert by_id["noise"].second == 6.0
    assert by_id["noise"].status == ("measured", "corrected")
    assert by_id["noise"].reason == ("", "seen")
    assert by_id["positioning"].difference == 0.0
    assert (by_id["foramen_magnum_margin"].second, by_id["foramen_magnum_margin"].difference) == (None, None)
    assert by_id["overall"].status == ("scored", "withheld")
    assert result.models[0][0] == "stand-in 1"
    assert result.correctors == ((), ("AB", "CD"))


def test_a_corrected_record_against_itself_before(records):
    first, second = records
    before = uncorrected(second)
    for a, b in zip(compare(first, before).rows, compare(first, first).rows, strict=True):
        assert (a.id, a.status) == (b.id, b.status)
        assert a.second == pytest.approx(b.second, abs=1e-3)
    assert uncorrected(first) == first
    assert compare(before, second).correctors == ((), ("AB", "CD"))


@pytest.mark.parametrize(("sha", "words"), [("cd" * 32, "different scans"), (None, "do not both say")])
def test_other_scans_are_refused(records, sha, words):
    first, second = records
    other = replace(second, input=replace(second.input, sha256=sha))
    with pytest.raises(InputError, match=words):
        compare(first, other)
