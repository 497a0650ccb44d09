"""Intervals: the error model of every metric, drawn through curves and scoring model, and fitted to known errors."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from HeadCTIQALib.curve import at as score_at
from HeadCTIQALib.curve import band_words
from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID, IQMS
from HeadCTIQALib.metrics import METRICS, Measurement, not_assessable
from HeadCTIQALib.metrics.types import LEVELS
from HeadCTIQALib.metrics.uncertainty import (
    CIRCUMSTANCES,
    Group,
    Mark,
    Scene,
    circumstances,
    error_model,
    from_json,
    group_of,
    groups,
    with_quantiles,
)
from HeadCTIQALib.research.validation import error_fit
from HeadCTIQALib.research.validation.coverage import coverage
from HeadCTIQALib.research.validation.observations import Observed
from HeadCTIQALib.scoring import guideline_model, item, score
from HeadCTIQALib.scoring.profile import DEFAULT
from HeadCTIQALib.scoring.spread import DRAWS
from HeadCTIQALib.scoring.storage import from_json as model_from_json
from HeadCTIQALib.scoring.storage import to_json
from HeadCTIQALib.scoring.types import CategoryModel, ScoringModel, Term

GOOD = {
    "symmetry_angle": 1.0, "baseline_angle": 2.0, "centering_offset": 4.0, "vertex_margin": 6.0, "foramen_magnum_margin": 8.0, "noise": 3.0,
    "gray_white_cnr": 2.2, "motion_extent": 0.0, "foreign_object_volume": 0.0, "streak_extent": 0.5,
}  # fmt: skip
SCENE = Scene(
    5.0,
    0.0,
    4.0,
    0.0,
    {n: Mark(0.95, 0.0, True) for n in ("VERTEX", "BASION", "OPISTHION", "EAM_R", "EAM_L", "CANTHUS_R", "CANTHUS_L")},
    0.95,
)
NORMAL = tuple(stats.norm.ppf([0.005, *LEVELS[1:-1], 0.995]))


def scan(**values):
    return {i: Measurement(i, v) for i, v in {**GOOD, **values}.items()}


def spread(measurements, **sds):
    return {
        i: replace(m, quantiles=tuple(m.value + sds[i] * q for q in NORMAL)) if i in sds else m
        for i, m in measurements.items()
    }


def test_an_interval_holds_its_value_and_ascends_for_every_metric():
    for id_, m in with_quantiles(scan(), SCENE).items():
        low, high = m.interval
        assert low <= m.value <= high, id_
        assert all(a <= b for a, b in itertools.pairwise(m.quantiles))
        if IQM_BY_ID[id_].direction == "low":
            assert low >= 0


def test_what_is_a_bound_corrected_or_unknown_has_no_interval():
    m = scan()
    m["vertex_margin"] = Measurement("vertex_margin", -20.0, bound="at_most")
    m["noise"] = replace(m["noise"], status="corrected", reason="typed")
    m["gray_white_cnr"] = not_assessable("gray_white_cnr", "No brain.")
    found = with_quantiles(m, SCENE)
    assert [i for i, x in found.items() if x.interval is None] == ["vertex_margin", "noise", "gray_white_cnr"]


def test_what_makes_a_scan_harder_to_measure_widens_the_interval():
    def width(id_, scene, **values):
        low, high = with_quantiles(scan(**values), scene)[id_].interval
        return high - low

    far = replace(SCENE, marks={**SCENE.marks, "VERTEX": Mark(0.6, 12.0, False)})
    assert width("vertex_margin", far, vertex_margin=-12.0) > width("vertex_margin", SCENE)
    assert width("motion_extent", SCENE, motion_extent=20.0) > width("motion_extent", SCENE)
    assert group_of(Measurement("vertex_margin", -12.0), far) == "outside"
    assert group_of(Measurement("motion_extent", 0.0), SCENE) == "none"


def test_circumstances_are_zero_in_an_ordinary_scan_and_never_leave_what_was_seen():
    x = circumstances(Measurement("symmetry_angle", 0.0), replace(SCENE, plane=1.0))
    assert np.allclose(x, 0)
    g = Group(0.0, (0.0,) * 4 + (1.0, 0.0, 0.0), ((0.0, 1.0),) * len(CIRCUMSTANCES), NORMAL, 50)
    assert g.scale(np.array([0, 0, 0, 0, 9.0, 0, 0])) == pytest.approx(math.e)
    with pytest.raises(ValueError, match="ascend"):
        Group(0.0, (0.0,) * 7, ((0.0, 1.0),) * 7, tuple(reversed(NORMAL)), 50)


def test_the_interval_of_an_item_is_the_curve_at_the_ends_of_that_of_the_value():
    for id_, value, sd in (
        ("symmetry_angle", 5.0, 0.5),
        ("centering_offset", 15.0, 1.0),
        ("noise", 5.5, 0.3),
        ("gray_white_cnr", 1.3, 0.1),
        ("streak_extent", 5.0, 0.4),
    ):
        m = spread({id_: Measurement(id_, value)}, **{id_: sd})[id_]
        knots = IQM_BY_ID[id_].knots
        low, high = sorted(score_at(knots, end) for end in m.interval)
        assert item(id_, m, DEFAULT).interval == pytest.approx((low, high), abs=0.02), id_


def test_a_margin_near_its_best_can_only_be_worse_on_either_side():
    m = spread({"vertex_margin": Measurement("vertex_margin", 1.5)}, vertex_margin=1.0)["vertex_margin"]
    low, high = item("vertex_margin", m, DEFAULT).interval
    assert low == pytest.approx(score_at(IQM_BY_ID["vertex_margin"].knots, 1.5 - 1.96), abs=0.3)
    assert high == 100.0


def test_noise_of_thicker_slices_errs_in_proportion():
    m = Measurement("noise", 8.0, judged=4.0, quantiles=tuple(8.0 + 0.8 * q for q in NORMAL))
    knots = IQM_BY_ID["noise"].knots
    assert item("noise", m, DEFAULT).interval == pytest.approx(
        (score_at(knots, 4.0 * (1 + 0.196)), score_at(knots, 4.0 * (1 - 0.196))), abs=0.05
    )


def test_a_baseline_near_its_target_may_lie_on_either_side():
    """0.65 +- 1 deg, judged from -12: between 11.65 and 13.65, also where the angle itself may be below 0."""
    m = Measurement(
        "baseline_angle",
        0.65,
        details={"orbitomeatal_angle_deg": 0.65},
        quantiles=tuple(0.65 + q / 1.96 for q in NORMAL),
    )
    assert m.interval == pytest.approx((0.0, 1.65), abs=0.01)
    steep = replace(DEFAULT, id="s", name="s", baseline_target_deg=-12.0)
    knots = IQM_BY_ID["baseline_angle"].knots
    assert item("baseline_angle", m, steep).interval == pytest.approx(
        (score_at(knots, 13.65), score_at(knots, 11.65)), abs=0.02
    )
    mirrored = replace(m, details={"orbitomeatal_angle_deg": -0.65})
    assert item("baseline_angle", mirrored, steep).interval == pytest.approx(
        (score_at(knots, 12.35), score_at(knots, 10.35)), abs=0.02
    )


def test_a_verdict_that_rests_on_what_is_unknown_allows_for_errors_of_what_is_known():
    m = spread(scan(noise=5.5), noise=0.8)
    m["motion_extent"] = not_assessable("motion_extent", "Not graded.")
    found = score(m, guideline_model())
    assert found.verdict.at_most == pytest.approx(found.overall.interval[1])
    assert found.verdict.at_most > found.overall.at_most
    exact = score(scan(noise=5.5, motion_extent=3.0), guideline_model())
    assert exact.verdict.at_most == exact.overall.at_most


def test_where_nothing_was_found_something_may_have_been_missed():
    rng = np.random.default_rng(6)
    scans = [
        Observed(
            f"s{k}",
            "A",
            {"motion_extent": Measurement("motion_extent", 0.0)},
            SCENE,
            {"motion_extent": float(rng.uniform(2, 9)) if k < 4 else 0.0},
        )
        for k in range(400)
    ]
    group = error_fit.fit([scans])["iqms"]["motion_extent"]["none"]
    assert math.exp(group["intercept"]) * group["quantiles"][-2] > 2.0  # one in a hundred was missed


def test_the_overall_interval_is_that_of_many_random_true_scans():
    """Errors of several metrics partly cancel: narrower than all at their worst together, as drawn independently by another generator."""
    sds = {"symmetry_angle": 0.8, "centering_offset": 2.0, "noise": 0.4, "gray_white_cnr": 0.25, "streak_extent": 0.8}
    measured = spread(
        scan(symmetry_angle=5.0, centering_offset=14.0, noise=5.5, gray_white_cnr=1.5, streak_extent=3.0), **sds
    )
    found = score(measured, guideline_model())
    rng = np.random.default_rng(5)
    drawn = []
    for _ in range(3000):
        true = {
            i: Measurement(
                i, max(0.0, m.value + sds[i] * float(np.clip(rng.normal(), -2.6, 2.6))) if i in sds else m.value
            )
            for i, m in measured.items()
        }
        drawn.append(score(true, guideline_model()).overall.score)
    assert found.overall.interval == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.35)
    together = []
    for best in (False, True):
        at = {i: m.interval[best == (i == "gray_white_cnr")] if m.interval else m.value for i, m in measured.items()}
        together.append(score({i: Measurement(i, v) for i, v in at.items()}, guideline_model()).overall.score)
    assert found.overall.interval[1] - found.overall.interval[0] < 0.8 * (together[1] - together[0])


def test_drawn_scores_follow_the_model_that_scores_the_scan():
    """A regression on folded values and items, clipped and limited: at errors of nothing the draws are the score itself."""
    categories = {c.id: guideline_model().categories[c.id] for c in CATEGORIES}
    categories["scan_range"] = CategoryModel(
        90.0, (Term("vertex_margin", "folded", -2.0), Term("foramen_magnum_margin", "item", 0.1))
    )
    categories["metal_foreign"] = CategoryModel(
        95.0, (Term("foreign_object_volume", "folded", -30.0), Term("streak_extent", "folded", -4.0))
    )
    model = ScoringModel(
        "t", "t", "reader_least_squares", categories, {c.id: c.weight for c in CATEGORIES}, intercept=-3.0, limit=15.0
    )
    rng = np.random.default_rng(0)
    for _ in range(50):
        m = scan(
            vertex_margin=rng.uniform(-30, 40),
            foreign_object_volume=rng.uniform(0, 3),
            streak_extent=rng.uniform(0, 20),
            motion_extent=rng.uniform(0, 30),
        )
        m = {i: replace(x, quantiles=(x.value,) * len(LEVELS)) for i, x in m.items()}
        found = score(m, model)
        for s in (*found.categories.values(), found.overall):
            assert s.interval == pytest.approx((s.score, s.score), abs=1e-9), s.id


def test_a_model_fitted_to_readers_adds_its_own_error_of_prediction():
    g = guideline_model()
    model = replace(g, id="r", kind="reader_least_squares", prediction_sd={"noise_contrast": 4.0, "overall": 3.0})
    m = scan(noise=5.5, centering_offset=12.0, symmetry_angle=5.0)
    found = score(m, model)
    noise, overall = found.categories["noise_contrast"], found.overall
    assert noise.interval == pytest.approx((noise.score - 1.96 * 4, noise.score + 1.96 * 4), abs=0.05)
    assert overall.interval == pytest.approx((overall.score - 1.96 * 3, overall.score + 1.96 * 3), abs=0.05)
    assert found.categories["centering"].interval is None
    both = score(spread(m, noise=0.8), model).categories["noise_contrast"].interval
    alone = score(spread(m, noise=0.8), g).categories["noise_contrast"].interval
    assert both[1] - both[0] == pytest.approx(math.hypot(2 * 1.96 * 4, alone[1] - alone[0]), rel=0.05)


def test_errors_of_prediction_are_kept_with_the_model_and_earlier_models_have_none():
    model = replace(
        guideline_model(), id="r", kind="reader_least_squares", prediction_sd={"motion": 5.25, "overall": 3.5}
    )
    content = json.loads(json.dumps(to_json(model)))
    assert model_from_json(content).prediction_sd == {"motion": 5.25, "overall": 3.5}
    del content["prediction_sd"]
    assert model_from_json({**content, "version": 2}).prediction_sd == {}
    with pytest.raises(ModelError, match="lacks prediction_sd"):
        model_from_json(content)
    with pytest.raises(ModelError, match="errors of prediction"):
        replace(model, prediction_sd={"motion": -1.0})


def test_an_unknown_or_a_bound_opens_the_interval_to_all_that_it_may_be():
    m = spread(scan(), noise=0.3)
    m["motion_extent"] = not_assessable("motion_extent", "Not graded.")
    found = score(m, guideline_model())
    assert found.overall.score is None
    low, high = found.overall.interval
    assert low <= 20.0 + 1e-9
    assert high > 80
    m["motion_extent"] = Measurement("motion_extent", 20.0, bound="at_least")
    assert score(m, guideline_model()).overall.interval[0] <= 20.0 + 1e-9


def test_without_any_known_error_there_is_no_interval():
    found = score(scan(), guideline_model())
    assert found.overall.interval is None
    assert all(c.interval is None for c in found.categories.values())


def test_ten_thousand_random_scans_hold_their_scores():
    rng = np.random.default_rng(11)
    model = guideline_model()
    for _ in range(300):  # of DRAWS draws each
        values = {i: abs(v) + float(rng.exponential(5.0)) * (1 if v >= 0 else -1) for i, v in GOOD.items()}
        values["vertex_margin"] = float(rng.uniform(-40, 60))
        found = score(with_quantiles(scan(**values), SCENE), model)
        for s in (*found.categories.values(), found.overall):
            assert s.interval[0] - 1e-9 <= s.score <= s.interval[1] + 1e-9
            assert 0 <= s.interval[0] <= s.interval[1] <= 100
        assert found.overall.interval[1] <= min(s.interval[1] for s in found.categories.values()) + 20.0 + 1e-9
    assert [(n + 0.5) / DRAWS for n in (25, 994)] == pytest.approx([0.025, 0.975])


@pytest.mark.parametrize(
    ("band", "interval", "words"),
    [
        ("good", None, "good"), ("good", (81.0, 99.0), "good"), ("good", (79.9, 99.0), "good, close to acceptable"),
        ("poor", (54.0, 63.0), "poor, close to acceptable"), ("poor", (54.0, 59.99), "poor"), ("acceptable", (60.0, 79.99), "acceptable"),
        ("acceptable", (70.0, 80.0), "acceptable, close to good"), ("acceptable", (50.0, 85.0), "acceptable, may be good or poor"),
        ("poor", (40.0, 85.0), "poor, may be good or acceptable"),
    ],
)  # fmt: skip
def test_bands_in_words(band, interval, words):
    assert band_words(band, interval) == words


def test_the_verdict_says_what_it_is_close_to():
    found = score(spread(scan(noise=6.8), noise=1.5), guideline_model())
    low, high = found.overall.interval
    assert low < 80 < high
    assert found.verdict.sentence.startswith("Acceptable overall, close to good: noise is poor (6.8 HU).")
    near = score(spread(scan(noise=6.4), noise=1.5), guideline_model())
    assert near.verdict.sentence.startswith("Good overall, close to acceptable: weakest is noise (6.4 HU), acceptable.")


def observed(rng, n, sd, heavy=1.0):
    """Scans whose noise errs by ``sd`` HU at 4 HU and more in proportion to (spacing / 5 mm) ** -heavy."""
    out = []
    for k in range(n):
        spacing = float(rng.choice([1.25, 2.5, 5.0]))
        true, wrong = float(rng.uniform(3, 6)), sd * (spacing / 5.0) ** -heavy
        out.append(
            Observed(
                f"s{k}",
                "A",
                {"noise": Measurement("noise", true - wrong * float(rng.standard_t(5)))},
                replace(SCENE, spacing_mm=spacing),
                {"noise": true},
            )
        )
    return out


def test_the_fit_finds_a_known_error_and_its_intervals_hold_in_other_scans():
    rng = np.random.default_rng(3)
    content = error_fit.fit([observed(rng, 600, 0.2)])
    group = content["iqms"]["noise"]["all"]
    assert group["slopes"][CIRCUMSTANCES.index("spacing")] == pytest.approx(-1.0, abs=0.3)
    shipped = json.loads(json.dumps({"version": "t", "iqms": {**{i: {} for i in IQM_BY_ID}, "noise": {"all": group}}}))
    (noise,) = (c for c in coverage(observed(rng, 2000, 0.2), from_json(shipped)) if c.id == "noise")
    assert 0.93 < noise.share < 0.97
    fine, thick = (
        with_quantiles({"noise": Measurement("noise", 4.0)}, replace(SCENE, spacing_mm=s), from_json(shipped))[
            "noise"
        ].interval
        for s in (1.25, 5.0)
    )
    assert (fine[1] - fine[0]) / (thick[1] - thick[0]) == pytest.approx(4.0, rel=0.35)


def test_a_source_weighs_the_same_however_many_scans_it_holds():
    rng = np.random.default_rng(4)
    many, few = observed(rng, 800, 0.05, 0.0), observed(rng, 200, 0.5, 0.0)
    q = error_fit.fit([many, few])["iqms"]["noise"]["all"]
    width = math.exp(q["intercept"]) * (q["quantiles"][-2] - q["quantiles"][1])
    alone = error_fit.fit([[*many, *few]])["iqms"]["noise"]["all"]
    assert width > 1.15 * math.exp(alone["intercept"]) * (alone["quantiles"][-2] - alone["quantiles"][1])


def test_the_shipped_model_knows_every_metric_in_every_group():
    model = error_model()
    for m in IQMS:
        assert set(model.iqms[m.id]) == set(groups(METRICS[m.id]))
