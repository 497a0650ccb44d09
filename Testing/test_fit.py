"""Fitting scores to readers: known coefficients recovered, shrinkage where data are few, and honest words about it."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS, iqms_of
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.scoring import (
    CategoryModel,
    ScoringModel,
    Term,
    guideline_model,
    load_model,
    save_model,
    score,
)
from HeadCTIQALib.scoring.calibration import SCORES, CalibrationSet, folds, split
from HeadCTIQALib.scoring.fit import fit_model
from HeadCTIQALib.scoring.fit_weights import effective_weights, guideline_overall, solve_overall
from HeadCTIQALib.scoring.linear import coefficient_intervals, least_squares, non_negative, non_negative_weights
from HeadCTIQALib.scoring.reach import out_of_reach

LOW = np.array([0, 0, 0, -8, -8, 3, 0.8, 0, 0, 0])
HIGH = np.array([9, 14, 28, 34, 45, 7, 2.0, 12, 0.6, 9])


def values(n, seed=0):
    return np.random.default_rng(seed).uniform(LOW, HIGH, (n, len(IQMS)))


def predictions(iqms, model):
    """(n, 7) scores of a model."""
    rows = []
    for row in iqms:
        s = score({m.id: Measurement(m.id, float(v)) for m, v in zip(IQMS, row, strict=True)}, model)
        rows.append([*(s.categories[c.id].score for c in CATEGORIES), s.overall.score])
    return np.array(rows)


def linear_readers(kind, coefficients=-3.0, limit=None):
    """A model that readers follow: per category 95 for an ideal scan and the same coefficient for every feature."""
    signs = {m.id: -1.0 if kind == "folded" and m.direction == "high" else 1.0 for m in IQMS}
    if kind == "folded":  # a few HU are as bad as many degrees
        signs |= {"noise": 4.0, "gray_white_cnr": -4.0}
    ideal = {
        c.id: (95.0 if c.id != "noise_contrast" else 90.0)
        - (100 * coefficients * len(iqms_of(c.id)) if kind == "item" else 0.0)
        for c in CATEGORIES
    }
    categories = {
        c.id: CategoryModel(ideal[c.id], tuple(Term(m.id, kind, coefficients * signs[m.id]) for m in iqms_of(c.id)))
        for c in CATEGORIES
    }
    weights = dict(zip(categories, (0.3, 0.1, 0.1, 0.25, 0.05, 0.2), strict=True))
    return ScoringModel("truth", "truth", "guideline", categories, weights, limit=limit)


def data(n, noise, model, seed=0):
    iqms = values(n, seed)
    scores = predictions(iqms, model) + np.random.default_rng(seed + 1).normal(0, noise, (n, len(SCORES)))
    return CalibrationSet(tuple(f"scan{i}" for i in range(n)), iqms, scores)


def fit(d, mode="paper", **more):
    return fit_model(d, mode, id="x", name="x", **{"repeats": 2, **more})


@pytest.mark.parametrize("mode", ["paper", "robust"])
def test_a_noise_free_linear_reader_is_found_exactly(mode):
    truth = linear_readers("folded" if mode == "paper" else "item", -1.0 if mode == "paper" else 0.3)
    result = fit(data(80, 1e-6, truth), mode)
    for c in CATEGORIES:
        f = result.categories[c.id]
        assert f.shrinkage == 0
        found = {(t.iqm, t.feature): t.coefficient for t in result.model.categories[c.id].terms}
        assert found == pytest.approx(
            {(t.iqm, t.feature): t.coefficient for t in truth.categories[c.id].terms}, abs=1e-4
        )
    assert dict(result.model.weights) == pytest.approx(dict(truth.weights), abs=1e-3)
    assert result.model.limit == 20.0  # which these scores never reach, so that nothing speaks against it
    assert result.overall.rmse < 0.01
    assert result.reasons_not_to_use == ()


def test_known_coefficients_lie_inside_their_intervals_at_the_stated_rate():
    """500 repetitions: 93-97 % of the 95 % intervals hold the truth, for every coefficient of both modes' features."""
    rng = np.random.default_rng(7)
    iqms = values(60)
    inside, total = 0, 0
    for kind in ("folded", "item_score"):
        for c in CATEGORIES:
            columns = [(n, m) for n, m in enumerate(IQMS) if m.category == c.id]
            x = np.array([[getattr(m, kind)(v) for v in iqms[:, n]] for n, m in columns]).T
            truth = np.r_[90.0, rng.uniform(-20, -1, len(columns))]
            y = (truth[0] + x @ truth[1:])[:, None] + rng.normal(0, 5, (60, 500))
            _, low, high = coefficient_intervals(x, y)
            hits = (low <= truth[:, None]) & (truth[:, None] <= high)
            # one coefficient alone, of 32: four standard errors of a rate seen 500 times
            assert (abs(hits.mean(axis=1) - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 500)).all()
            inside, total = inside + hits.sum(), total + hits.size
    assert 0.93 <= inside / total <= 0.97


def test_non_negative_intervals_cover_too():
    rng = np.random.default_rng(8)
    x = rng.uniform(0, 1, (40, 2))
    truth = np.array([90.0, -20.0, 0.0])  # the second feature does nothing: the constraint is active half of the time
    hits = np.zeros(3)
    for _ in range(500):
        r = non_negative(x, truth[0] + x @ truth[1:] + rng.normal(0, 4, 40))
        assert (r.coefficients <= 0).all()
        hits += (r.low <= truth) & (truth <= r.high)
    assert (hits / 500 >= 0.93).all()


def test_regression_against_the_certified_longley_data(shared_data):
    datasets = pytest.importorskip("statsmodels.datasets", reason="statsmodels is not installed")
    known = json.loads((shared_data / "known_answers.json").read_text())["nist_longley"]
    longley = datasets.longley.load_pandas()
    r = least_squares(longley.exog.to_numpy(float), longley.endog.to_numpy(float))
    assert [r.intercept, *r.coefficients] == pytest.approx(known["coefficients"], rel=1e-5)
    assert r.r_squared == pytest.approx(known["r_squared"], abs=1e-9)


def test_diagnostics_against_statsmodels():
    api = pytest.importorskip("statsmodels.api", reason="statsmodels is not installed")
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (30, 2))
    x[:, 1] += x[:, 0]
    y = 3 + x @ [1, 2] + rng.normal(0, 1, 30)
    r, design = least_squares(x, y), api.add_constant(x)
    reference = api.OLS(y, design).fit()
    influence = reference.get_influence()
    assert r.leverage == pytest.approx(influence.hat_matrix_diag)
    assert r.cook == pytest.approx(influence.cooks_distance[0])
    assert r.vif == pytest.approx([variance_inflation_factor(design, k) for k in (1, 2)])
    assert np.column_stack([r.low, r.high]) == pytest.approx(reference.conf_int())
    left_out = api.OLS(np.delete(y, 4), np.delete(design, 4, axis=0)).fit().predict(design[4])[0]
    assert r.left_out[4] == pytest.approx(left_out)
    assert (r.r_squared, r.residual_sd) == pytest.approx((reference.rsquared, math.sqrt(reference.mse_resid)))


def readers_only(scores):
    return CalibrationSet(tuple(map(str, range(len(scores)))), np.zeros((len(scores), 10)), scores)


def test_weights_lie_inside_their_own_intervals_and_those_cover_the_truth():
    """Percentile bootstrap: 40 sets of 60 scans, an intercept and six weights each."""
    rng, truth = np.random.default_rng(0), np.array([-8.0, 0.3, 0.1, 0.1, 0.25, 0.05, 0.2])
    hits = np.zeros(7)
    for _ in range(40):
        scores = np.clip(rng.normal(80, 12, (60, 6)), 0, 100)
        found = readers_only(np.column_stack([scores, truth[0] + scores @ truth[1:] + rng.normal(0, 3, 60)]))
        free = solve_overall(found, np.ones(60, bool), None)
        told = effective_weights(found, free, 1)
        assert [w.value for w in told] == [free.intercept, *free.weights]
        assert all(w.low <= w.value <= w.high for w in told)
        hits += [w.low <= t <= w.high for w, t in zip(told, truth, strict=True)]
    assert hits.sum() / 280 > 0.85


def test_weights_are_found_behind_the_limit():
    """Scans that the limit decides say nothing about the weights."""
    rng = np.random.default_rng(4)
    x = np.clip(rng.normal(80, 14, (120, 6)), 0, 100)
    truth = np.array([0.3, 0.1, 0.1, 0.25, 0.05, 0.2])
    y = np.minimum(x @ truth, x.min(axis=1) + 20) + rng.normal(0, 0.5, 120)
    assert (x @ truth > x.min(axis=1) + 20).mean() > 0.2
    found = solve_overall(readers_only(np.column_stack([x, y])), np.ones(120, bool), 20.0)
    assert found.weights == pytest.approx(truth, abs=0.05)
    assert np.abs(found.predict(x) - y).max() < 3


def test_non_negative_weights_by_hand():
    x = np.random.default_rng(0).uniform(40, 100, (30, 3))
    intercept, w = non_negative_weights(x, 5 + x @ [0.2, 0.0, 0.9])
    assert (intercept, *w) == pytest.approx((5, 0.2, 0, 0.9), abs=1e-5)
    intercept, w = non_negative_weights(x, x @ [1.5, -0.5, 0.0])
    assert w.min() >= 0


def ruined_readers(d, limited):
    """Overall scores of readers who let one ruined category decide, or who do not."""
    categories = d.scores[:, :6]
    overall = categories @ np.array([c.weight for c in CATEGORIES])
    if limited:
        overall = np.minimum(overall, categories.min(axis=1) + 20)
    scores = np.column_stack([categories, overall + np.random.default_rng(9).normal(0, 1, len(overall))])
    return CalibrationSet(d.scans, d.iqms, scores)


@pytest.mark.parametrize("limited", [True, False])
def test_the_limit_goes_only_where_readers_do_better_without(limited):
    result = fit(ruined_readers(data(120, 2.0, guideline_model(), seed=8), limited), "robust")
    assert result.model.limit == (20.0 if limited else None)
    assert "typical error on left-out scans" in result.model.provenance["limit"]
    assert ("no limit" in result.model.provenance["limit"]) != limited


@pytest.mark.parametrize("mode", ["paper", "robust"])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_targets_whose_readers_do_not_vary_keep_the_guideline(mode, spread):
    d = data(60, 2.0, linear_readers("folded"))
    rng = np.random.default_rng(3)
    for k in (2, 6):
        d.scores[:, k] = 85 + rng.normal(0, 1, 60) * spread
    result = fit(d, mode)
    assert result.categories["scan_range"].keeps_guideline
    assert result.model.categories["scan_range"] == guideline_model().categories["scan_range"]
    assert any(
        "Scan range keeps the guideline: the readers' scores of it are the same" in r for r in result.reasons_not_to_use
    )
    assert dict(result.model.weights) == {c.id: c.weight for c in CATEGORIES}
    assert (result.model.intercept, result.weights) == (0.0, ())
    assert guideline_overall(d, None).intercept == 0


@pytest.mark.parametrize("mode", ["paper", "robust"])
def test_told_coefficients_are_those_of_the_model_and_predict_as_it_does(mode):
    d = data(40, 9.0, guideline_model(), seed=5)
    result = fit(CalibrationSet(d.scans, d.iqms, d.scores - 10.0), mode)
    assert any(0 < f.shrinkage < 1 for f in result.categories.values())
    for id_, f in result.categories.items():
        model = result.model.categories[id_]
        if f.coefficients and not f.keeps_guideline:
            assert {(k.term, k.feature): k.value for k in f.coefficients[1:]} == {
                (t.iqm, t.feature): t.coefficient for t in model.terms
            }
            assert f.coefficients[0].value == pytest.approx(model.ideal)
            assert all(k.low <= k.value <= k.high for k in f.coefficients)
    if result.weights:
        assert {w.term: w.value for w in result.weights[1:]} == pytest.approx(dict(result.model.weights))
        assert result.weights[0].value == result.model.intercept


@pytest.mark.parametrize("mode", ["paper", "robust"])
def test_where_the_guideline_is_the_truth_few_scans_never_do_worse(mode):
    result = fit(data(16, 6.0, guideline_model(), seed=3), mode, repeats=5)
    for f in result.categories.values():
        assert f.keeps_guideline or f.cross_validation.better
    assert sum(f.shrinkage > 0.5 for f in result.categories.values()) >= 3
    assert any("16 scans" in r for r in result.reasons_not_to_use)
    assert any("keeps the guideline" in r for r in result.reasons_not_to_use)


def test_shrinking_brings_no_bias_of_its_own():
    d = data(60, 4.0, guideline_model())
    harsh = CalibrationSet(d.scans, d.iqms, d.scores - 12.0)
    result = fit(harsh)
    assert max(f.shrinkage for f in result.categories.values()) > 0.3
    bias = predictions(d.iqms, result.model).mean(axis=0) - harsh.scores.mean(axis=0)
    assert np.abs(bias).max() < 1.0


def test_more_scans_mean_less_shrinkage():
    truth = linear_readers("folded")
    means = [np.mean([f.shrinkage for f in fit(data(n, 8.0, truth, seed=n)).categories.values()]) for n in (12, 200)]
    assert means[1] < 0.05
    assert means[1] <= means[0]


def test_a_metric_that_never_varies_keeps_the_guideline_and_says_so():
    d = data(60, 1.0, linear_readers("folded", -1.0))
    d.iqms[:, 8] = 0.0  # no foreign object anywhere
    d.scores[:, 5] = 95 - d.iqms[:, 9]
    result = fit(d)
    terms = {(t.iqm, t.feature): t.coefficient for t in result.model.categories["metal_foreign"].terms}
    assert terms["foreign_object_volume", "item"] == 1.0
    assert terms["streak_extent", "folded"] == pytest.approx(-1.0, abs=0.2)
    assert any("Foreign object volume is the same in all scans" in r for r in result.reasons_not_to_use)


def test_collinear_wrong_sign_and_influential_are_told():
    truth = linear_readers("folded", -1.0)
    d = data(60, 0.5, truth)
    d.iqms[:, 1] = 1.4 * d.iqms[:, 0] + np.random.default_rng(1).normal(0, 0.05, 60)
    d.scores[:, 0] = 95 - 3 * d.iqms[:, 0] + np.random.default_rng(2).normal(0, 1, 60)
    d.scores[:, 4] = 40 + 4 * d.iqms[:, 7] + np.random.default_rng(2).normal(0, 1, 60)  # more motion, better score
    d.iqms[0, 2], d.scores[0, 1] = 200.0, 100.0
    result = fit(d)
    told = " ".join(result.reasons_not_to_use)
    assert "variance inflation" in told
    assert "a worse value raises the score of Motion" in told
    assert "scan0 pulls the fit" in told
    assert result.categories["positioning"].vif["symmetry_angle"] > 100
    d.iqms[:, 1] = 1.4 * d.iqms[:, 0]
    assert "cannot be told apart" in " ".join(fit(d).categories["positioning"].notes)
    robust = fit(d, "robust")
    assert all(t.coefficient >= 0 for c in robust.model.categories.values() for t in c.terms)


def test_missing_measurements_and_scores_are_left_out_not_imputed():
    d = data(60, 1.0, linear_readers("folded"))
    d.iqms[:10, 6] = np.nan
    d.scores[10:15, 4] = np.nan
    d.scores[:, 6] = np.nan
    result = fit(d)
    assert result.categories["noise_contrast"].n == 50
    assert result.categories["motion"].n == 55
    assert result.weights == ()
    assert result.overall is None
    assert dict(result.model.weights) == {c.id: c.weight for c in CATEGORIES}
    assert any("too few overall scores" in r for r in result.reasons_not_to_use)


def test_too_few_scans_are_refused():
    with pytest.raises(InputError, match="needs 8 scans or more in which a category was measured"):
        fit(data(7, 1.0, linear_readers("folded")))


def test_the_model_is_stored_and_scores_as_it_was_fitted(tmp_path):
    d = data(40, 3.0, linear_readers("folded"))
    result = fit(d)
    save_model(result.model, tmp_path / "m.json")
    assert load_model(tmp_path / "m.json") == result.model
    assert predictions(d.iqms[:3], result.model).shape == (3, 7)


def test_the_same_seed_gives_the_same_fit():
    d = data(40, 3.0, linear_readers("folded"))
    assert fit(d, seed=4) == fit(d, seed=4)
    assert fit(d, seed=4).overall != fit(d, seed=5).overall


def test_folds_are_even_and_stratified():
    y = np.random.default_rng(0).normal(70, 10, 53)
    fold = folds(y, 5, 1)
    assert sorted(np.bincount(fold)) == [10, 10, 11, 11, 11]
    assert max(abs(y[fold == f].mean() - y.mean()) for f in range(5)) < 1.5


@pytest.mark.parametrize("n", [10, 307])
def test_the_split_is_80_20_stratified_and_reproducible(n):
    scores = np.random.default_rng(0).normal(70, 10, (n, 7))
    test = split(scores, seed=1)
    assert test.sum() == round(0.2 * n)
    assert (split(scores, seed=1) == test).all()
    assert (split(scores, seed=2) != test).any()
    order = scores[:, 6].argsort()
    runs = np.array_split(test[order], test.sum())
    assert all(r.sum() == 1 for r in runs)
    scores[:, 6] = np.nan
    assert split(scores).sum() == round(0.2 * n)
    with pytest.raises(ValueError, match="between 0 and 1"):
        split(scores, test_share=1.0)


def test_both_sides_of_the_limit_are_fitted_and_kept():
    """The model with the limit and the one without, each with its cross-validation; the chosen one is one of them."""
    result = fit(ruined_readers(data(80, 2.0, guideline_model(), seed=8), True), "robust")
    inside, free = result.limits
    assert (inside.limit, inside.model.limit, free.limit, free.model.limit) == (20.0, 20.0, None, None)
    assert result.model == inside.model
    assert result.overall == inside.cross_validation
    assert free.cross_validation.rmse > inside.cross_validation.rmse
    assert free.model.categories == inside.model.categories
    assert "no better without it" in result.model.provenance["limit"]


def told(shift, factor):
    d = data(60, 2.0, guideline_model(), seed=11)
    return " ".join(fit(CalibrationSet(d.scans, d.iqms, 70 + shift + factor * (d.scores - 70))).reasons_not_to_use)


def test_a_fit_says_which_bands_its_model_can_never_give():
    assert "calls hardly any scan good" in told(-18.0, 0.7)
    assert "calls hardly any scan poor" in told(20.0, 0.3)
    for words in ("hardly any scan good", "hardly any scan poor"):
        assert words not in told(0.0, 1.0)
    assert list(out_of_reach(guideline_model())) == []
    harsh = replace(guideline_model(), kind="reader_non_negative", intercept=-25.0)
    assert list(out_of_reach(harsh)) == [
        "Even a scan without any defect has 75 points by this model, so that it calls hardly any scan good (from 80)."
    ]
