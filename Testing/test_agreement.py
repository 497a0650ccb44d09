"""Agreement statistics against published numbers, and against statsmodels where it is installed."""

import json
import math

import numpy as np
import pytest

from HeadCTIQALib.agreement import (
    bland_altman,
    calibration_slope,
    complete_pairs,
    complete_rows,
    detectable_bias,
    equivalence,
    icc_agreement,
    icc_agreement_mean,
    icc_consistency,
    icc_consistency_mean,
    icc_one_way,
    icc_one_way_mean,
    mean_absolute_difference,
    mean_absolute_error,
    mean_absolute_percentage_error,
    paired_t,
    pearson,
    weighted_kappa,
)
from HeadCTIQALib.agreement.icc import mean_squares
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.scoring.linear import least_squares

# Shrout & Fleiss, Psychol Bull 1979;86:420-428, table 2.
SHROUT = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
# Student, Biometrika 1908;6:1-25: hours of sleep gained by two drugs.
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)
# Bland & Altman, Lancet 1986;i:307-310: peak flow by two meters, first readings.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def interval(e):
    return [e.low, e.high]


def test_shrout_and_fleiss_published_mean_squares_and_correlations():
    m = mean_squares(SHROUT)
    assert [round(x, 2) for x in (m.rows, m.columns, m.error)] == [11.24, 32.49, 1.02]
    assert [round(f(SHROUT).value, 2) for f in (icc_agreement, icc_consistency, icc_agreement_mean)] == [
        0.29,
        0.71,
        0.62,
    ]
    e = icc_agreement(SHROUT)
    assert (e.n, e.name, icc_agreement_mean(SHROUT).name) == (6, "ICC(A,1)", "ICC(A,4)")
    assert interval(e) == pytest.approx([0.018787, 0.761084], abs=5e-7)


def test_bland_and_altman_published_limits():
    b = bland_altman(WRIGHT, MINI)
    assert (round(b.bias.value, 1), round(b.sd, 1), b.n) == (-2.1, 38.8, 17)
    assert b.bias.value - 2 * b.sd == pytest.approx(-79.7, abs=0.1)  # printed from rounded intermediate values
    assert b.bias.value + 2 * b.sd == pytest.approx(75.5, abs=0.1)


def test_student_published_sleep():
    t = paired_t(*SLEEP)
    assert (t.t, t.df, t.p) == (pytest.approx(-4.0621277), 9, pytest.approx(0.00283289, abs=5e-9))
    assert interval(t.difference) == pytest.approx([-2.4598858, -0.7001142], abs=5e-8)


@pytest.mark.shared
def test_every_known_answer_to_the_printed_digits(shared_data):
    known = json.loads((shared_data / "known_answers.json").read_text())
    for name in ("shrout_fleiss_1979", "wines"):
        k = known[name]
        ratings = k["ratings_subjects_by_judges"]
        assert icc_agreement(ratings).value == pytest.approx(k["ICC(A,1)"], abs=5.1e-7)
        assert interval(icc_agreement(ratings)) == pytest.approx(k["ICC(A,1)_ci95"], abs=5.1e-7)
        assert icc_consistency(ratings).value == pytest.approx(k["ICC(C,1)"], abs=5.1e-7)
        assert interval(icc_consistency(ratings)) == pytest.approx(k["ICC(C,1)_ci95"], abs=5.1e-7)
        assert icc_agreement_mean(ratings).value == pytest.approx(k["ICC(A,4)"], abs=5.1e-7)
        assert icc_one_way(ratings).value == pytest.approx(k["ICC(1,1)"], abs=5.1e-7)
    k = known["shrout_fleiss_1979"]
    assert icc_one_way_mean(SHROUT).value == pytest.approx(k["ICC(1,4)"], abs=5.1e-7)
    assert icc_consistency_mean(SHROUT).value == pytest.approx(k["ICC(C,4)"], abs=5.1e-7)
    m = mean_squares(SHROUT)
    assert {name: getattr(m, name) for name in k["mean_squares"]} == pytest.approx(k["mean_squares"], abs=5.1e-6)

    k = known["bland_altman_1986_pefr"]
    x, y = k["wright_first"], k["mini_first"]
    b = bland_altman(x, y)
    assert b.bias.value == pytest.approx(k["bias"], abs=5.1e-7)
    assert b.sd == pytest.approx(k["sd"], abs=5.1e-6)
    assert interval(b.bias) == pytest.approx(k["bias_ci95"], abs=5.1e-5)
    assert [b.bias.value - 2 * b.sd, b.bias.value + 2 * b.sd] == pytest.approx(k["limits_2s"], abs=5.1e-5)
    assert [b.lower.value, b.upper.value] == pytest.approx(k["limits_1.96s"], abs=5.1e-5)
    for kind, (lower, upper) in {"approx": (b.lower, b.upper), "exact": (b.lower_exact, b.upper_exact)}.items():
        assert interval(lower) == pytest.approx(k[f"limits_1.96s_ci95_{kind}"]["lower"], abs=5.1e-5)
        assert interval(upper) == pytest.approx(k[f"limits_1.96s_ci95_{kind}"]["upper"], abs=5.1e-5)
    assert b.slope.value == pytest.approx(k["proportional_bias_slope"], abs=5.1e-7)
    assert b.slope_p == pytest.approx(k["proportional_bias_p"], abs=5.1e-5)
    r = pearson(x, y)
    assert [r.value, *interval(r)] == pytest.approx([k["pearson_r"], *k["pearson_ci95"]], abs=5.1e-7)
    t = paired_t(x, y)
    assert [t.t, t.df, t.p] == pytest.approx([k["paired_t"], k["df"], k["p"]], abs=5.1e-7)
    a = icc_agreement(np.column_stack([x, y]))
    assert [a.value, *interval(a)] == pytest.approx([k["ICC(A,1)"], *k["ICC(A,1)_ci95"]], abs=5.1e-7)
    assert mean_absolute_error(x, y).value == pytest.approx(k["mae"], abs=5.1e-7)
    assert mean_absolute_percentage_error(y, x).value == pytest.approx(k["mape_percent_mini_vs_wright"], abs=5.1e-7)
    assert equivalence(x, y, 25).p == pytest.approx(k["tost_25_p"], abs=5.1e-7)

    k = known["student_sleep"]
    t = paired_t(k["group1"], k["group2"])
    assert [t.t, t.df] == pytest.approx([k["paired_t"], k["df"]], abs=5.1e-8)
    assert t.p == pytest.approx(k["p"], abs=5.1e-9)
    assert interval(t.difference) == pytest.approx(k["ci95"], abs=5.1e-8)
    k = known["anscombe_1"]
    assert pearson(k["x"], k["y"]).value == pytest.approx(k["pearson_r"], abs=5.1e-9)
    line = least_squares(np.array(k["x"], float)[:, None], np.array(k["y"]))
    assert [*line.coefficients, line.intercept] == pytest.approx([k["slope"], k["intercept"]], abs=5.1e-9)


@pytest.mark.shared
def test_no_known_answer_is_left_out(shared_data):
    """The test above names every entry that is an answer; nist_longley is in test_fit."""
    known = json.loads((shared_data / "known_answers.json").read_text())
    answers = {
        "shrout_fleiss_1979": "mean_squares ICC(1,1) ICC(A,1) ICC(A,1)_ci95 ICC(C,1) ICC(C,1)_ci95 ICC(1,4) ICC(A,4) ICC(C,4)",
        "wines": "ICC(1,1) ICC(A,1) ICC(A,1)_ci95 ICC(C,1) ICC(C,1)_ci95 ICC(A,4)",
        "bland_altman_1986_pefr": "bias sd bias_ci95 limits_2s published_limits_2s limits_1.96s limits_1.96s_ci95_approx limits_1.96s_ci95_exact "
        "pearson_r pearson_ci95 paired_t df p ICC(A,1) ICC(A,1)_ci95 mae mape_percent_mini_vs_wright tost_25_p proportional_bias_slope proportional_bias_p",
        "student_sleep": "paired_t df p ci95",
        "anscombe_1": "pearson_r slope intercept",
        "nist_longley": "coefficients r_squared",
    }
    data = {
        "ratings_subjects_by_judges", "wright_first", "wright_second", "mini_first", "mini_second", "difference", "lesson", "group1", "group2", "x", "y", "source",
    }  # fmt: skip
    assert {name: set(entries) - data for name, entries in known.items()} == {
        name: set(words.split()) for name, words in answers.items()
    }


def test_against_statsmodels():
    weightstats = pytest.importorskip("statsmodels.stats.weightstats", reason="statsmodels is not installed")
    rng = np.random.default_rng(3)
    x = rng.normal(70, 10, 40)
    y = x + rng.normal(1, 3, 40)
    p, *_ = weightstats.ttost_paired(x, y, -2, 2)
    assert equivalence(x, y, 2).p == pytest.approx(p, rel=1e-9)
    d = weightstats.DescrStatsW(x - y)
    assert interval(paired_t(x, y).difference) == pytest.approx(d.tconfint_mean(), rel=1e-9)
    import statsmodels.api as sm

    line = sm.OLS(x - y, sm.add_constant((x + y) / 2)).fit()
    b = bland_altman(x, y)
    assert [b.slope.value, b.slope_p, *interval(b.slope)] == pytest.approx(
        [line.params[1], line.pvalues[1], *line.conf_int()[1]], rel=1e-8
    )


def test_power_against_statsmodels():
    power = pytest.importorskip("statsmodels.stats.power", reason="statsmodels is not installed")
    for n in (5, 61, 262):
        assert detectable_bias(n).with_power == pytest.approx(
            power.TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8), rel=1e-3
        )


def test_icc_against_the_analysis_of_variance_of_statsmodels():
    """The forms of McGraw & Wong (1996), table 4, from the mean squares that another program finds."""
    anova = pytest.importorskip("statsmodels.stats.anova", reason="statsmodels is not installed")
    import pandas as pd
    from statsmodels.formula.api import ols

    rng = np.random.default_rng(4)
    ratings = rng.normal(70, 10, (30, 1)) + rng.normal(0, 4, (30, 5)) + [0, 1, -1, 3, 0]
    n, k = ratings.shape
    long = pd.DataFrame({"scan": np.repeat(range(n), k), "reader": np.tile(range(k), n), "value": ratings.ravel()})
    two_way = anova.anova_lm(ols("value ~ C(scan) + C(reader)", long).fit())["mean_sq"]
    rows, columns, error = two_way["C(scan)"], two_way["C(reader)"], two_way["Residual"]
    within = anova.anova_lm(ols("value ~ C(scan)", long).fit())["mean_sq"]["Residual"]
    expected = {
        icc_one_way: (rows - within) / (rows + (k - 1) * within),
        icc_agreement: (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n),
        icc_consistency: (rows - error) / (rows + (k - 1) * error),
        icc_one_way_mean: (rows - within) / rows,
        icc_agreement_mean: (rows - error) / (rows + (columns - error) / n),
        icc_consistency_mean: (rows - error) / rows,
    }
    assert {f.__name__: f(ratings).value for f in expected} == pytest.approx(
        {f.__name__: value for f, value in expected.items()}, rel=1e-9
    )


@pytest.mark.parametrize(
    ("single", "mean"),
    [
        (icc_one_way, icc_one_way_mean),
        (icc_agreement, icc_agreement_mean),
        (icc_consistency, icc_consistency_mean),
    ],
)
def test_the_interval_of_a_mean_of_readers_follows_from_that_of_one(single, mean):
    """Spearman and Brown; the intervals of single measures are checked against published ones above."""
    k = len(SHROUT[0])
    assert interval(mean(SHROUT)) == pytest.approx(
        [k * x / (1 + (k - 1) * x) for x in interval(single(SHROUT))], rel=1e-6
    )


def test_mean_absolute_values_by_hand():
    e = mean_absolute_difference([1, 2, 3, 4], [2, 2, 1, 5])
    assert (e.value, e.n, e.name) == (1.0, 4, "MAD")
    half = 3.182446305284263 * np.std([1, 0, 2, 1], ddof=1) / 2
    assert e.high == pytest.approx(1 + half)
    assert e.low == 0.0
    assert mean_absolute_percentage_error([110, 90, 50], [100, 100, 100]).value == pytest.approx(70 / 3)


def test_exact_limits_cover_the_true_limit_at_their_rate():
    rng = np.random.default_rng(1)
    d = rng.normal(2, 3, (400, 8))
    true, zero, hits = 2 + 1.96 * 3, np.zeros(8), 0
    for row in d:
        e = bland_altman(row, zero).upper_exact
        hits += e.low <= true <= e.high
    assert abs(hits / 400 - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 400)


def test_intervals_cover_in_large_samples_too():
    x = np.random.default_rng(2).normal(0, 1, 600)
    b = bland_altman(x, np.zeros(600))
    assert interval(b.upper_exact) == pytest.approx(interval(b.upper), abs=0.01)


def test_perfect_agreement_and_pure_offset():
    x = np.arange(10.0)
    assert interval(icc_agreement(np.column_stack([x, x]))) == [1.0, 1.0]
    assert pearson(x, 2 * x + 1).value == pytest.approx(1.0)
    t = paired_t(x + 3, x)
    assert (t.difference.value, t.difference.low, t.p) == (3.0, None, None)
    assert "same" in t.difference.reason
    b = bland_altman(x + 3, x)
    assert (b.bias.value, b.sd, b.lower.value, b.upper_exact.low) == (3.0, 0.0, 3.0, None)
    assert equivalence(x + 3, x, 5).equivalent is None
    offset = np.column_stack([x, x + 3])
    assert icc_consistency(offset).value == 1.0
    assert icc_agreement(offset).value < 0.9
    assert icc_one_way(offset).value < icc_agreement(offset).value
    assert (icc_consistency_mean(offset).name, icc_one_way_mean(offset).name) == ("ICC(C,2)", "ICC(1,2)")
    opposite = np.column_stack([x, -x])  # the cases have one mean: there is no coefficient of means
    assert icc_one_way(opposite).value == pytest.approx(-1)
    for function in (icc_one_way, icc_consistency, icc_agreement):
        assert interval(function(opposite)) == [None, None]
    for function in (icc_one_way_mean, icc_consistency_mean, icc_agreement_mean):
        assert "same mean" in function(opposite).reason


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_cases_give_a_reason_and_no_number(n):
    x, y = np.arange(n) + 0.5, np.arange(n) * 2.0
    estimates = [
        *(f(np.column_stack([x, y])) for f in (icc_agreement, icc_agreement_mean, icc_consistency, icc_consistency_mean, icc_one_way, icc_one_way_mean)),
        pearson(x, y), mean_absolute_difference(x, y), mean_absolute_error(x, y), mean_absolute_percentage_error(x, y + 1),
        paired_t(x, y).difference, equivalence(x, y, 1).difference, bland_altman(x, y).upper, bland_altman(x, y).slope,
    ]  # fmt: skip
    for e in estimates:
        assert (e.value, e.low, e.high, e.n) == (None, None, None, n), e
        assert "three cases" in e.reason


def test_constant_columns_give_a_reason_and_no_number():
    x, c = np.arange(6.0), np.full(6, 80.0)
    assert pearson(x, c).value is None
    assert "never varies" in pearson(x, c).reason
    assert icc_agreement(np.column_stack([c, c])).value is None
    assert icc_agreement(np.column_stack([c, c + 1])).value is None
    assert mean_absolute_percentage_error(c, x).value is None
    assert "reference" in mean_absolute_percentage_error(c, x).reason
    assert (
        icc_agreement(np.column_stack([x, c])).value is not None
    )  # one reader who never varies: a low, but true, number


def test_missing_cells_are_refused_and_left_out_only_when_asked():
    x, y = [1, 2, math.nan, 4, 5], [1, None, 3, 4, 6]
    with pytest.raises(InputError, match="1 of 10 values are missing"):
        pearson(x, [1, 2, 3, 4, 6])
    a, b, left_out = complete_pairs(np.array(x, float), np.array(y, float))
    assert (a.tolist(), b.tolist(), left_out) == ([1, 4, 5], [1, 4, 6], 2)
    with pytest.raises(InputError, match="missing"):
        icc_agreement([[1, 2], [math.nan, 3], [3, 4]])
    assert complete_rows([[1, 2], [math.nan, 3]])[1] == 1
    with pytest.raises(InputError, match="equal length"):
        pearson([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match="two raters"):
        icc_agreement([[1], [2], [3]])


def test_sample_size_note():
    d = detectable_bias(61)
    assert round(d.significant, 2) == 0.26
    assert 0.35 < d.with_power < 0.37
    assert "n = 61" in d.note
    assert "0.26 SD" in d.note


# Anscombe, Am Stat 1973;27:17-21, first set.
ANSCOMBE = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5], [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]


def test_calibration_slope_of_known_lines():
    c = calibration_slope(*ANSCOMBE)
    assert (c.value, c.n) == (pytest.approx(0.50009091, abs=1e-8), 11)
    assert (c.high - c.low) / 2 / 2.262157 == pytest.approx(0.11790550, abs=1e-7)  # his standard error, times t of 9 df
    assert calibration_slope([0, 50, 100], [10, 35, 60]).value == pytest.approx(0.5)
    assert "never vary" in calibration_slope([5, 5, 5], [1, 2, 3]).reason
    assert "nothing to predict" in calibration_slope([1, 2, 3], [5, 5, 5]).reason
    assert calibration_slope([1, 2], [1, 2]).value is None


def test_a_least_squares_model_is_calibrated_yet_has_a_negative_bland_altman_slope():
    """What the readers on the model says, and why the slope of the differences alone is no proportional bias."""
    rng = np.random.default_rng(3)
    x = rng.normal(0, 10, (400, 2))
    readers = 70 + x @ [1.0, 0.5] + rng.normal(0, 12, 400)
    model = np.column_stack([np.ones(400), x])
    own = model @ np.linalg.lstsq(model, readers, rcond=None)[0]
    assert calibration_slope(own, readers).value == pytest.approx(1)
    b = bland_altman(own, readers)
    assert b.slope.high < -0.2
    assert b.slope_p < 1e-6
    spread = calibration_slope(70 + 1.6 * (own - 70), readers)
    assert spread.high < 1


def cases(counts):
    """(n, 2) ratings of a table of counts."""
    return np.array([(i, j) for i, row in enumerate(counts) for j, n in enumerate(row) for _ in range(n)])


# Three diagnoses of 200 patients by two judges, in per cent.
COHEN = np.array([[44, 7, 9], [5, 20, 5], [1, 3, 6]]) * 2  # Cohen, Psychol Bull 1968;70:213-220
FLEISS = np.array([[53, 5, 2], [11, 14, 5], [1, 6, 3]]) * 2  # Fleiss, Cohen & Everitt, Psychol Bull 1969;72:323-327
NOMINAL = 1 - np.eye(3)


def test_published_kappas():
    weights = [[0, 1, 3], [1, 0, 6], [3, 6, 0]]
    assert [round(weighted_kappa(cases(COHEN), w).value, 3) for w in (NOMINAL, weights)] == [0.492, 0.348]
    assert round(weighted_kappa(cases(COHEN), [[0, 1, 4], [1, 0, 6], [2, 2, 0]]).value, 3) == 0.353
    assert round(weighted_kappa(cases(FLEISS), NOMINAL).value, 3) == 0.429


def test_weighted_kappa_and_its_interval_against_statsmodels():
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater", reason="statsmodels is not installed")
    for counts in (COHEN, FLEISS, np.array([[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]])):
        theirs = inter_rater.cohens_kappa(counts, wt="quadratic")
        ours = weighted_kappa(cases(counts))
        assert ours.value == pytest.approx(theirs.kappa, abs=1e-12)
        assert interval(ours) == pytest.approx([theirs.kappa_low, theirs.kappa_upp], abs=1e-9)


def test_quadratic_kappa_is_an_intraclass_correlation():
    """But for terms in 1/n (Fleiss & Cohen 1973), for two raters and for more."""
    rng = np.random.default_rng(3)
    for raters in (2, 5):
        steps = np.clip(np.round(rng.normal(2, 1.2, (2000, 1)) + rng.normal(0, 0.7, (2000, raters))), 0, 4)
        found, icc = weighted_kappa(steps), icc_agreement(steps)
        assert found.value == pytest.approx(icc.value, abs=2e-3)
        assert interval(found) == pytest.approx(interval(icc), abs=0.02)


def test_weighted_kappa_that_does_not_exist_says_why():
    assert weighted_kappa([[0, 1], [1, 1]]).reason == "At least three cases are needed."
    assert "gave the same step to every case" in weighted_kappa([[2, 2]] * 5).reason
    assert weighted_kappa([[0, 0], [1, 1], [2, 2]]).value == 1
    assert weighted_kappa([[0, 1], [1, 1], [2, 1]]).value == pytest.approx(0)
    with pytest.raises(ValueError, match="whole numbers"):
        weighted_kappa([[0.5, 1], [1, 1], [2, 1]])
    with pytest.raises(InputError):
        weighted_kappa([[0, np.nan], [1, 1], [2, 1]])
