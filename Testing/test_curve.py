"""Quality curves: the contract's knots, monotone and continuous, and no word or printed number that contradicts them."""

import math
from itertools import pairwise

import numpy as np
import pytest

from HeadCTIQALib.curve import (
    BANDS,
    at,
    band_at,
    check_knots,
    extremes,
    good_range,
    passing_words,
    range_words,
    ranges,
    score_band,
    score_text,
)
from HeadCTIQALib.hierarchy import IQM_BY_ID, IQMS

CONTRACT = {
    "symmetry_angle": "0:100 3:80 8:60 25:50",
    "baseline_angle": "0:100 5:80 12:60 30:50",
    "centering_offset": "0:100 10:80 20:60 60:40",
    "vertex_margin": "-40:0 -5:60 0:80 3:100 10:100 15:80 30:60 80:50",
    "foramen_magnum_margin": "-40:0 -5:60 0:80 3:100 15:100 20:80 40:60 120:50",
    "noise": "2:100 4.5:80 6.5:60 15:10 25:0",
    "gray_white_cnr": "0:0 0.3:10 1.0:60 1.6:80 2.4:100",
    "motion_extent": "0:100 2:80 10:60 40:0",
    "foreign_object_volume": "0:100 0.05:80 0.5:60 5:40 20:30",
    "streak_extent": "0:100 2:80 8:60 40:0",
}
WIDE = {m.id: (m.knots[0][0] - 5.0, 1.3 * m.knots[-1][0]) for m in IQMS}


def some_values(m, n=1_000, seed=0):
    """Random values, and every knot and limit with its neighbours up to the next number that a computer knows."""
    rng = np.random.default_rng(seed)
    edges = [x for x, _ in m.knots] + [r.high for r in ranges(m.knots)[:-1]]
    near = [
        f(x)
        for x in edges
        for f in (
            float,
            lambda v: v - 1e-9,
            lambda v: v + 1e-9,
            lambda v: v - 0.004,
            lambda v: v + 0.004,
            lambda v: v + 0.049,
            lambda v: v - 0.049,
        )
    ]
    return [*rng.uniform(*WIDE[m.id], n).tolist(), *near]


def test_the_knots_are_those_of_the_contract():
    assert {m.id: " ".join(f"{x:g}:{y:g}" for x, y in m.knots) for m in IQMS} == {
        i: " ".join(f"{float(x):g}:{float(y):g}" for x, y in (k.split(":") for k in text.split()))
        for i, text in CONTRACT.items()
    }
    for m in IQMS:
        check_knots(m.knots)
        assert m.source


@pytest.mark.parametrize("m", IQMS, ids=lambda m: m.id)
def test_curves_are_continuous_and_monotone_on_each_side_of_the_best(m):
    grid = np.linspace(*WIDE[m.id], 20_001)
    scores = np.array([m.item_score(v) for v in grid])
    steepest = max(abs((b[1] - a[1]) / (b[0] - a[0])) for a, b in pairwise(m.knots))
    assert np.abs(np.diff(scores)).max() <= steepest * (grid[1] - grid[0]) * (1 + 1e-9)
    low, high = good_range(m.knots)
    assert (np.diff(scores[grid <= low]) >= 0).all()
    assert (np.diff(scores[grid >= high]) <= 0).all()
    assert (scores.min(), scores.max()) == (min(y for _, y in m.knots), max(y for _, y in m.knots))
    for x, y in m.knots:
        assert m.item_score(x) == y
    assert m.item_score(-1e9) == m.knots[0][1]
    assert m.item_score(1e9) == m.knots[-1][1]


@pytest.mark.parametrize("m", IQMS, ids=lambda m: m.id)
def test_no_range_word_or_printed_number_contradicts_the_score(m):
    found = ranges(m.knots)
    assert math.isinf(found[0].low)
    assert math.isinf(found[-1].high)
    for a, b in pairwise(found):
        assert a.high == b.low
        assert a.high_in != b.low_in
        assert a.band != b.band
    words = dict(zip(BANDS, m.ranges, strict=True))
    assert words == range_words(m.knots)
    for value in some_values(m):
        band = score_band(m.item_score(value))
        assert m.band(value) == band
        inside = [
            r.band
            for r in found
            if (r.low < value or (r.low_in and r.low == value)) and (value < r.high or (r.high_in and r.high == value))
        ]
        assert inside == [band]
        shown = float(m.text(value))
        assert m.band(shown) == band, (value, shown)
        assert abs(shown - value) <= (1.0 if abs(value) >= 100 else 0.1)
        assert score_band(float(score_text(m.item_score(value)))) == band
        assert score_band(float(score_text(m.item_score(value), 1))) == band


def test_printed_scores_never_read_as_another_band():
    assert [score_text(s) for s in (79.6, 80.0, 59.99, 60.4, 0.0, 100.0)] == ["79", "80", "59", "60", "0", "100"]
    assert score_text(79.96, 1) == "79.9"
    for s in np.random.default_rng(1).uniform(0, 100, 10_000):
        assert score_band(float(score_text(s))) == score_band(s)
        assert abs(float(score_text(s)) - s) < 1


def test_ranges_in_words():
    assert IQM_BY_ID["noise"].ranges == ("<= 4.5", "> 4.5 to 6.5", "> 6.5")
    assert IQM_BY_ID["gray_white_cnr"].ranges == (">= 1.6", "1 to < 1.6", "< 1")
    assert IQM_BY_ID["vertex_margin"].ranges == ("0 to 15", "-5 to < 0 or > 15 to 30", "< -5 or > 30")
    assert range_words(((0.0, 90.0), (10.0, 70.0))) == {"good": "<= 5", "acceptable": "> 5", "poor": "never"}
    assert range_words(((0.0, 90.0), (10.0, 90.0))) == {"good": "any", "acceptable": "never", "poor": "never"}
    assert range_words(((0.0, 0.0), (1.0, 80.0), (2.0, 0.0)))["good"] == "1"
    assert [IQM_BY_ID[i].direction for i in ("noise", "gray_white_cnr", "vertex_margin")] == ["low", "high", "margin"]


def test_what_passes_in_words():
    words = {m.id: passing_words(m.knots, f" {m.unit}") for m in IQMS}
    assert words["centering_offset"] == "acceptable up to 20 mm"
    assert words["vertex_margin"] == "good from 0 to 15 mm, acceptable from -5 to 30 mm"
    assert words["gray_white_cnr"] == "acceptable from 1 1"
    assert passing_words(((0.0, 0.0), (5.0, 50.0))) == "never acceptable"
    assert passing_words(((0.0, 60.0), (5.0, 100.0))) == "always acceptable"


def test_extremes_of_what_is_not_known():
    knots = IQM_BY_ID["vertex_margin"].knots
    assert extremes(knots, -math.inf, math.inf) == (0, 100)
    assert extremes(knots, -math.inf, -5.0) == (0, 60)
    assert extremes(knots, -5.0, 15.0) == (60, 100)
    assert extremes(knots, 30.0, math.inf) == (50, 60)


@pytest.mark.parametrize(
    ("knots", "words"),
    [
        (((0.0, 100.0),), "two knots"),
        (((0.0, 100.0), (0.0, 50.0)), "ascend"),
        (((0.0, 100.0), (1.0, 101.0)), "0 to 100"),
        (((0.0, 100.0), (math.nan, 50.0)), "finite"),
        (((0.0, 100.0), (1.0, 50.0), (2.0, 60.0)), "fall and then rise"),
    ],
)
def test_what_is_no_curve_is_refused(knots, words):
    with pytest.raises(ValueError, match=words):
        check_knots(knots)


def test_values_inside_a_limit_of_odd_decimals_keep_their_band_in_print():
    """Limits need not be round: a site may set its own."""
    knots = ((0.0, 100.0), (3.333, 80.0), (7.7777, 60.0), (9.0, 0.0))
    m = IQM_BY_ID["symmetry_angle"]
    for value in np.r_[np.random.default_rng(2).uniform(3, 8, 5_000), 3.333, 3.3331, 3.3329, 7.7777, 7.77771]:
        assert band_at(knots, float(m.text(value, knots))) == band_at(knots, value)
    assert at(knots, 3.333) == 80
