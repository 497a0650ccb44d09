"""Scores: items and limit by hand, additive to the last digit, withheld with reasons, and models read strictly."""

import json
import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from HeadCTIQALib.curve import score_band, score_text
from HeadCTIQALib.errors import ModelError, OutputError
from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID, IQMS, iqms_of
from HeadCTIQALib.metrics.types import Measurement, not_assessable
from HeadCTIQALib.scoring import (
    DEFAULT,
    CategoryModel,
    Contribution,
    Profile,
    Score,
    ScoringModel,
    Term,
    feature,
    guideline_model,
    item,
    load_model,
    points_by_iqm,
    save_model,
    score,
)
from HeadCTIQALib.scoring.storage import to_json
from HeadCTIQALib.scoring.types import LIMIT

GOOD = {
    "symmetry_angle": 1.0, "baseline_angle": 2.0, "centering_offset": 5.0, "vertex_margin": 6.0, "foramen_magnum_margin": 4.0,
    "noise": 4.0, "gray_white_cnr": 1.9, "motion_extent": 0.5, "foreign_object_volume": 0.0, "streak_extent": 1.0,
}  # fmt: skip
IDEAL = {
    "symmetry_angle": 0.0, "baseline_angle": 0.0, "centering_offset": 0.0, "vertex_margin": 6.0, "foramen_magnum_margin": 4.0,
    "noise": 2.0, "gray_white_cnr": 2.4, "motion_extent": 0.0, "foreign_object_volume": 0.0, "streak_extent": 0.0,
}  # fmt: skip
POOR = {
    "symmetry_angle": 9.0, "baseline_angle": 20.0, "centering_offset": 40.0, "vertex_margin": -9.0, "foramen_magnum_margin": -30.0,
    "noise": 11.0, "gray_white_cnr": 0.2, "motion_extent": 60.0, "foreign_object_volume": 3.0, "streak_extent": 30.0,
}  # fmt: skip


def measured(values=GOOD, **changes):
    return {i: Measurement(i, v) for i, v in {**values, **changes}.items()}


@pytest.mark.parametrize(
    ("iqm", "value", "folded"),
    [("noise", 5.0, 5.0), ("vertex_margin", -4.0, 4.0), ("vertex_margin", 7.0, 0.0), ("vertex_margin", 20.0, 5.0), ("foramen_magnum_margin", 25.0, 5.0),
     ("foreign_object_volume", 0.45, 1.0), ("gray_white_cnr", 1.2, 1.2)],
)  # fmt: skip
def test_folded_features_by_hand(iqm, value, folded):
    found = item(iqm, Measurement(iqm, value), DEFAULT)
    assert feature("folded", [found], DEFAULT.knots[iqm]) == pytest.approx((folded, folded, folded))


def test_features_of_what_is_not_known():
    at_most = item("vertex_margin", Measurement("vertex_margin", -20.0, bound="at_most"), DEFAULT)
    assert feature("folded", [at_most], DEFAULT.knots["vertex_margin"]) == (20.0, 20.0, np.inf)
    unknown = item("noise", None, DEFAULT)
    value, low, high = feature("folded", [unknown], DEFAULT.knots["noise"])
    assert (np.isnan(value), low, high) == (True, 0.0, np.inf)
    value, low, high = feature(
        "worst", [unknown, item("gray_white_cnr", Measurement("gray_white_cnr", 1.6), DEFAULT)], DEFAULT.knots["noise"]
    )
    assert (np.isnan(value), low, high) == (True, 0.0, 80.0)


def test_item_scores_are_read_where_they_shall_be():
    def scored(iqm, value, profile=DEFAULT, **more):
        return item(iqm, Measurement(iqm, value, **more), profile)

    assert scored("noise", 5.5).score == 70.0
    assert scored("noise", 9.0, judged=4.5).score == 80.0
    assert scored("noise", 9.0, judged=4.5).judged == 4.5
    assert scored("noise", 9.0, Profile(at_5mm=False), judged=4.5).judged == 9.0
    cut = scored("centering_offset", 2.0, ceiling=30.0, ceiling_reason="The field of view cuts the skull.")
    assert (cut.score, cut.band, cut.at_most) == (30.0, "poor", 30.0)
    bound = scored("vertex_margin", -20.0, bound="at_most")
    assert (bound.score, bound.at_least, bound.at_most) == (
        pytest.approx(60 * 20 / 35),
        0.0,
        pytest.approx(60 * 20 / 35),
    )
    unknown = item("symmetry_angle", not_assessable("symmetry_angle", "No plane."), DEFAULT)
    assert (unknown.score, unknown.band, unknown.at_least, unknown.at_most) == (None, None, 50.0, 100.0)
    tilted = Profile(id="eur", name="EUR", baseline_target_deg=-11.0)
    line = Measurement("baseline_angle", 9.0, details={"orbitomeatal_angle_deg": -9.0})
    assert (item("baseline_angle", line, DEFAULT).judged, item("baseline_angle", line, tilted).judged) == (9.0, 2.0)
    typed = Measurement("baseline_angle", 1.0, status="corrected")
    assert item("baseline_angle", typed, tilted).judged == 1.0


def test_an_ideal_scan_scores_100_and_a_ruined_one_what_its_curves_leave():
    ideal = score(measured(IDEAL), guideline_model())
    assert [s.score for s in ideal.categories.values()] == [100.0] * 6
    assert (ideal.overall.score, ideal.overall.band, ideal.overall.limit) == (100.0, "good", None)
    assert len(ideal.overall.contributions) == 6  # rounding makes no contribution of its own
    worst = {m.id: m.knots[0][0] if m.direction != "low" else m.knots[-1][0] for m in IQMS}
    ruined = score(measured(worst), guideline_model())
    assert [s.score for s in ruined.categories.values()] == pytest.approx([50, 40, 0, 0, 0, 0])
    assert ruined.overall.score == pytest.approx(0.15 * 50 + 0.1 * 40)  # below the limit of 20
    assert ruined.verdict.band == "poor"


def test_a_scan_by_hand():
    s = score(measured(IDEAL, symmetry_angle=5.5, vertex_margin=-20.0, foreign_object_volume=0.5), guideline_model())
    missing = 60 * 20 / 35
    assert s.items["symmetry_angle"].score == pytest.approx(70)
    assert s.categories["positioning"].score == pytest.approx(70)
    assert s.categories["scan_range"].score == pytest.approx(missing)
    assert s.categories["metal_foreign"].score == 60.0
    assert s.categories["metal_foreign"].band == "acceptable"
    assert s.overall.score == pytest.approx(missing + 20)
    mean = 100 - 0.15 * 30 - 0.20 * (100 - missing) - 0.15 * 40
    assert s.overall.limit == Contribution(
        "vertex_margin", pytest.approx(missing + 20 - mean), -1.0, LIMIT, pytest.approx(mean - missing - 20)
    )
    assert points_by_iqm(s)["vertex_margin"] == pytest.approx(-0.20 * (100 - missing))
    assert points_by_iqm(s)["foreign_object_volume"] == pytest.approx(-0.15 * 40)
    assert points_by_iqm(s).get("baseline_angle", 0.0) == 0
    assert (s.model_id, s.model_name) == (guideline_model().id, guideline_model().name)
    assert "not fitted" in s.model_name


def random_measurements(rng):
    return {i: Measurement(i, float(rng.uniform(min(GOOD[i], POOR[i]), max(GOOD[i], POOR[i])))) for i in GOOD}


def random_model(rng):
    categories = {
        c.id: CategoryModel(
            float(rng.uniform(-60, 60)),
            (
                *(Term(m.id, f, float(rng.normal(0, 0.5))) for m in iqms_of(c.id) for f in ("item", "folded")),
                Term(c.id, "worst", float(rng.uniform(0, 1))),
            ),
        )
        for c in CATEGORIES
    }
    weights = dict(zip(categories, map(float, rng.uniform(0, 0.4, 6)), strict=True))
    limit = float(rng.uniform(0, 50)) if rng.uniform() < 0.5 else None
    return ScoringModel("r", "random", "reader_least_squares", categories, weights, float(rng.normal(0, 10)), limit)


@pytest.mark.parametrize("seed", range(20))
def test_every_score_is_the_sum_of_its_parts_even_when_limited(seed):
    rng = np.random.default_rng(seed)
    for model in (guideline_model(), random_model(rng)):
        s = score(random_measurements(rng), model)
        assert list(s.categories) == [c.id for c in CATEGORIES]
        for one in (*s.categories.values(), s.overall):
            assert 0 <= one.score <= 100
            assert one.score == pytest.approx(one.base + sum(c.points for c in one.contributions), abs=1e-9)
            assert all(c.points == pytest.approx(c.coefficient * c.feature_value) for c in one.contributions)
            assert (one.at_least, one.at_most) == pytest.approx((one.score, one.score), abs=1e-9)
        scores = {c: x.score for c, x in s.categories.items()}
        linear = min(100, max(0, model.intercept + sum(model.weights[c] * x for c, x in scores.items())))
        assert s.overall.score == pytest.approx(
            linear if model.limit is None else min(linear, min(scores.values()) + model.limit), abs=1e-9
        )
        assert s.overall.score == pytest.approx(
            s.overall.base_by_iqm + sum(c.points for c in s.overall_by_iqm), abs=1e-9
        )
        assert all(c.points == pytest.approx(c.coefficient * c.feature_value) for c in s.overall_by_iqm)


def test_ten_thousand_scans_never_contradict_themselves():
    """Bands, verdict, printed numbers and the explanation of the guideline model agree, whatever the scan."""
    rng, model = np.random.default_rng(11), guideline_model()
    low, high = np.array([m.knots[0][0] for m in IQMS]) - 2, np.array([m.knots[-1][0] for m in IQMS])
    for n in range(10_000):
        values = low + (high - low) * rng.uniform(0, 1, 10) ** rng.choice([1, 3])
        found = {m.id: Measurement(m.id, float(v)) for m, v in zip(IQMS, values, strict=True)}
        s = score(found, model)
        one = s.overall
        assert one.score == pytest.approx(
            100
            - sum(model.weights[c] * (100 - x.score) for c, x in s.categories.items())
            + (one.limit.points if one.limit else 0),
            abs=1e-9,
        )
        assert one.score == pytest.approx(one.base_by_iqm + sum(c.points for c in one.contributions_by_iqm), abs=1e-9)
        assert one.base == one.base_by_iqm == pytest.approx(100)
        worst = min(x.score for x in s.categories.values())
        assert one.score <= worst + 20 + 1e-9
        for c, x in s.categories.items():
            assert x.score == pytest.approx(min(s.items[m.id].score for m in iqms_of(c)), abs=1e-9)
            assert x.band == score_band(x.score) == score_band(float(score_text(x.score, n % 2)))
            assert s.items[x.contributions[0].source_id].score == pytest.approx(x.score, abs=1e-9)
            assert s.items[x.contributions[0].source_id].band == x.band
        assert {i.band for i in s.items.values()} <= {"good", "acceptable", "poor"}
        assert all(i.band == IQM_BY_ID[i.iqm].band(float(IQM_BY_ID[i.iqm].text(i.judged))) for i in s.items.values())
        assert s.verdict.band == one.band == score_band(float(score_text(one.score)))
        assert s.verdict.sentence.startswith(one.band.capitalize())
        limiting = s.verdict.limiting
        assert [s.items[i].score for i in limiting] == sorted(x.score for x in s.items.values() if x.band != "good")
        if limiting:
            assert (
                one.limit is None
                or one.limit.source_id == limiting[0]
                or s.items[one.limit.source_id].score == s.items[limiting[0]].score
            )
            title = IQM_BY_ID[limiting[0]].item_title
            assert (
                s.verdict.sentence.split(": ", 1)[1]
                .removeprefix("weakest is ")
                .startswith(title[0].lower() + title[1:])
            )
        else:
            assert "every item is good" in s.verdict.sentence


def test_worse_never_scores_higher():
    rng = np.random.default_rng(3)
    for iqm in IQMS:
        base = random_measurements(rng)
        values = np.linspace(IDEAL[iqm.id], POOR[iqm.id], 9)
        scored = [score({**base, iqm.id: Measurement(iqm.id, float(v))}, guideline_model()) for v in values]
        assert (np.diff([s.overall.score for s in scored]) <= 1e-9).all(), iqm.id
        items = [s.items[iqm.id].score for s in scored]
        assert (np.diff(items) <= 1e-9).all()
        assert items[-1] < items[0]


@pytest.mark.parametrize("iqm", [m.id for m in IQMS])
def test_a_missing_iqm_withholds_its_category_and_the_overall(iqm):
    category = next(m for m in IQMS if m.id == iqm).category
    for measurements in (
        {**measured(), iqm: not_assessable(iqm, "The scan is wrapped.")},
        {i: m for i, m in measured().items() if i != iqm},
    ):
        s = score(measurements, guideline_model())
        assert s.overall.score is None
        assert s.overall.band is None
        assert s.overall.contributions == ()
        assert s.overall_by_iqm == ()
        assert [c for c, x in s.categories.items() if x.score is None] == [category]
        said = "The scan is wrapped." if iqm in measurements else "was not measured."
        assert said in s.categories[category].withheld_reason
        assert said in s.overall.withheld_reason


def test_values_are_immutable_and_refuse_nonsense():
    s = score(measured(), guideline_model())
    with pytest.raises(FrozenInstanceError):
        s.overall.score = 3
    with pytest.raises(TypeError):
        guideline_model().weights["motion"] = 1.0
    with pytest.raises(TypeError):
        DEFAULT.knots["noise"] = ()
    with pytest.raises(ValueError, match="add up"):
        Score("motion", 50.0, "poor", (Contribution("motion_extent", -10.0, -10.0, "item below 100", 1.0),), base=100.0)
    with pytest.raises(ValueError, match="withheld"):
        Score("motion", None, None)
    with pytest.raises(ValueError, match="withheld"):
        Score("motion", 50.0, "poor", base=50.0, withheld_reason="why")
    with pytest.raises(ValueError, match="unknown feature"):
        feature("square", [s.items["noise"]], DEFAULT.knots["noise"])
    assert pickle.loads(pickle.dumps(guideline_model())) == guideline_model()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": ""}, "id and a name"),
        ({"knots": {"noise": ((0.0, 100.0), (1.0, 0.0))}}, "knots for exactly"),
        ({"knots": {**DEFAULT.knots, "noise": ((0.0, 100.0), (0.0, 0.0))}}, '"noise" that make no quality curve'),
        ({"left_out": ("loudness",)}, "no metric"),
        ({"weights": {"motion": 1.0}}, "weights for exactly"),
        ({"weights": {**DEFAULT.weights, "motion": 0.9}}, "add up to 1"),
        ({"left_out": ("motion_extent",)}, "must then be 0"),
        ({"baseline_target_deg": 80.0}, "no angle"),
    ],
)
def test_profiles_that_contradict_themselves_are_refused(changes, words):
    with pytest.raises(ModelError, match=words):
        Profile(**changes)


def test_a_profile_decides_curves_weights_and_what_counts():
    knots = {**DEFAULT.knots, "noise": ((0.0, 100.0), (20.0, 60.0))}
    weights = {**dict.fromkeys(DEFAULT.weights, 0.2), "motion": 0.0}
    profile = Profile("thin", "Thin slices", knots, weights, left_out=("motion_extent", "gray_white_cnr"))
    s = score(measured(IDEAL, noise=10.0, motion_extent=100.0, gray_white_cnr=0.0), guideline_model(profile))
    assert s.items["noise"].score == 80.0
    assert s.categories["noise_contrast"].score == 80.0, "contrast is left out"
    assert s.categories["motion"].score is None
    assert "leaves out" in s.categories["motion"].withheld_reason
    assert s.overall.score == pytest.approx(96.0)
    assert (s.items["motion_extent"].score, s.items["motion_extent"].left_out) == (0.0, True), "shown, not scored"
    assert "motion" not in s.verdict.sentence
    without = score({i: m for i, m in measured(IDEAL).items() if i != "motion_extent"}, guideline_model(profile))
    assert without.overall.score == pytest.approx(99.2)
    with pytest.raises(ModelError, match='uses "motion_extent", which the profile "Thin slices" leaves out'):
        replace(
            guideline_model(profile),
            categories={
                **guideline_model().categories,
                "motion": CategoryModel(100.0, (Term("motion_extent", "item", 1.0),)),
            },
        )
    with pytest.raises(ModelError, match='weighs "motion"'):
        replace(guideline_model(profile), weights=dict(DEFAULT.weights))


def test_models_survive_the_disk(tmp_path):
    for model in (guideline_model(), random_model(np.random.default_rng(0))):
        path = tmp_path / "model.json"
        save_model(model, path)
        assert load_model(path) == model
    with pytest.raises(OutputError, match="cannot be written"):
        save_model(guideline_model(), tmp_path / "model.json" / "model.json")
    (tmp_path / "other.json").write_text('{"format": "mine"}')
    with pytest.raises(OutputError, match="is not a scoring model"):
        save_model(guideline_model(), tmp_path / "other.json")
    assert (tmp_path / "other.json").read_text() == '{"format": "mine"}'


def damaged(change):
    content = json.loads(json.dumps(to_json(guideline_model())))
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "not|nested"),
        ('{"format": 1, "format": 2}', "twice"),
        (damaged(lambda c: c.update(extra=1)), "does not know extra"),
        (damaged(lambda c: c.pop("weights")), "lacks weights"),
        (damaged(lambda c: c.update(format="other")), "not a scoring model"),
        (damaged(lambda c: c.update(version=1)), "written by an earlier version, .* fit it again"),
        (damaged(lambda c: c.update(version=4)), "version 4"),
        (damaged(lambda c: c.update(version=True)), "version True"),
        (damaged(lambda c: c.update(kind="neural")), "unknown kind"),
        (damaged(lambda c: c.update(name=5)), "not text"),
        (damaged(lambda c: c.update(name="")), "needs an id and a name"),
        (damaged(lambda c: c["provenance"].update(readers=5)), "not text"),
        (damaged(lambda c: c["weights"].update(dict.fromkeys(c["weights"], 0))), "all 0"),
        (damaged(lambda c: c.update(intercept="a")), "not a number"),
        (damaged(lambda c: c.update(intercept=1e7)), "overall score that is no number"),
        (damaged(lambda c: c.update(limit=-1)), "not from 0 to 100"),
        (damaged(lambda c: c.update(limit=True)), "not a number"),
        (damaged(lambda c: c["profile"].pop("knots")), "lacks knots"),
        (damaged(lambda c: c["profile"]["knots"].update(noise=[[0, 100], [1]])), "not a pair"),
        (damaged(lambda c: c["profile"]["knots"].update(noise=5)), "two knots"),
        (damaged(lambda c: c["profile"].update(at_5mm=1)), "neither true nor false"),
        (damaged(lambda c: c["profile"].update(left_out="noise")), "not a list"),
        (damaged(lambda c: c["weights"].update(motion=-0.2, noise_contrast=0.6)), "negative"),
        (damaged(lambda c: c["weights"].update(motion="a")), "not a number"),
        (damaged(lambda c: c["weights"].pop("motion")), "weights for exactly"),
        (damaged(lambda c: c["categories"].pop("motion")), "categories for exactly"),
        (damaged(lambda c: c["categories"]["motion"].update(intercept=True)), "not a number"),
        (damaged(lambda c: c["categories"]["motion"].update(intercept=10**400)), "out of range"),
        (damaged(lambda c: c["categories"]["motion"].update(terms={})), "not a list"),
        (
            damaged(
                lambda c: c["categories"]["motion"]["terms"].append(
                    {"iqm": "noise", "feature": "item", "coefficient": 1}
                )
            ),
            "no metric",
        ),
        (damaged(lambda c: c["categories"]["motion"]["terms"][0].update(feature="square")), "unknown feature"),
        (damaged(lambda c: c["categories"]["motion"]["terms"][0].update(iqm="scan_range")), "worst item of"),
        (damaged(lambda c: c["categories"]["motion"]["terms"][0].update(weight=1)), "does not know weight"),
        (damaged(lambda c: c["categories"]["motion"]["terms"].append(c["categories"]["motion"]["terms"][0])), "twice"),
        (damaged(lambda c: c).replace("20.0", "NaN"), "NaN is not a finite number"),
        (damaged(lambda c: c).replace("20.0", "1e999"), "out of range"),
        (" " * 1_000_001, "too large"),
    ],
)
def test_damaged_models_are_refused_in_a_sentence_that_names_the_file(tmp_path, text, words):
    path = tmp_path / "site.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=words) as caught:
        load_model(path)
    assert "site.json" in str(caught.value)
    assert str(caught.value).endswith(".")


def test_missing_and_binary_files_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"none\.json cannot be read|The scoring model none\.json"):
        load_model(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match=r"binary\.json"):
        load_model(tmp_path / "binary.json")


def test_models_are_checked_when_built_too():
    with pytest.raises(ModelError, match="no number up to"):
        replace(
            guideline_model(), categories={**guideline_model().categories, "motion": CategoryModel(float("nan"), ())}
        )


def test_large_coefficients_that_cancel_are_no_contradiction(tmp_path):
    """Rounding errors grow with the parts; what is too large to be points is refused."""
    model = guideline_model()

    def with_coefficients(a):
        terms = (Term("symmetry_angle", "folded", a), Term("baseline_angle", "folded", -a))
        return replace(model, categories={**model.categories, "positioning": CategoryModel(100.0, terms)})

    measured = {m.id: Measurement(m.id, 0.3) for m in IQMS} | {"symmetry_angle": Measurement("symmetry_angle", 70000.1)}
    assert score(measured, with_coefficients(1e6)).categories["positioning"].score == 100.0
    with pytest.raises(ModelError, match="no number up to 1e"):
        with_coefficients(1e7)


def test_a_long_name_is_cut_in_the_sentence(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps({"A" * 5000: 1}), encoding="utf-8")
    with pytest.raises(ModelError) as refusal:
        load_model(tmp_path / "model.json")
    assert len(str(refusal.value)) < 300
