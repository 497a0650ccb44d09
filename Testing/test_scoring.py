"""Scores: hinges by hand, additive to the last digit, withheld with reasons, and models read strictly."""

import json
import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from HeadCTIQALib.errors import ModelError, OutputError
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS, iqms_of
from HeadCTIQALib.metrics.types import Measurement, not_assessable
from HeadCTIQALib.scoring import (
    CategoryModel,
    Contribution,
    Score,
    ScoringModel,
    Term,
    feature,
    guideline_model,
    load_model,
    points_by_iqm,
    save_model,
    score,
)
from HeadCTIQALib.scoring.storage import to_json

GOOD = {
    "symmetry_angle": 1.0, "baseline_angle": 2.0, "centering_offset": 5.0, "vertex_margin": 6.0, "foramen_magnum_margin": 4.0,
    "noise": 4.0, "gray_white_cnr": 1.9, "motion_extent": 0.5, "foreign_object_volume": 0.0, "streak_extent": 1.0,
}  # fmt: skip
POOR = {
    "symmetry_angle": 9.0, "baseline_angle": 20.0, "centering_offset": 40.0, "vertex_margin": -9.0, "foramen_magnum_margin": -30.0,
    "noise": 11.0, "gray_white_cnr": 0.2, "motion_extent": 60.0, "foreign_object_volume": 3.0, "streak_extent": 30.0,
}  # fmt: skip


def measured(**changes):
    return {i: Measurement(i, v) for i, v in {**GOOD, **changes}.items()}


@pytest.mark.parametrize(
    ("iqm", "value", "hinge"),
    [
        ("symmetry_angle", 3.0, 0.0), ("symmetry_angle", 5.5, 0.5), ("symmetry_angle", 8.0, 1.0), ("symmetry_angle", 90.0, 1.0),
        ("baseline_angle", 8.5, 0.5), ("centering_offset", 13.0, 0.2), ("noise", 5.0, 0.25),
        ("gray_white_cnr", 1.6, 0.0), ("gray_white_cnr", 1.3, 0.5), ("gray_white_cnr", -2.0, 1.0),
        ("vertex_margin", 0.0, 0.0), ("vertex_margin", 15.0, 0.0), ("vertex_margin", -2.5, 0.5), ("vertex_margin", -5.0, 1.0),
        ("vertex_margin", 22.5, 0.25), ("vertex_margin", 300.0, 0.5), ("foramen_magnum_margin", 27.5, 0.25),
        ("motion_extent", 4.0, 0.25), ("streak_extent", 5.0, 0.5),
        ("foreign_object_volume", 0.0, 0.0), ("foreign_object_volume", 0.5, 1.0),
        ("foreign_object_volume", 0.05 * (11**0.5 - 1), 0.5),  # log10(1 + V/0.05) half of log10(11)
    ],
)  # fmt: skip
def test_hinges_by_hand(iqm, value, hinge):
    assert feature(iqm, "hinge", value) == pytest.approx(hinge)


@pytest.mark.parametrize(
    ("iqm", "value", "folded"),
    [("noise", 5.0, 5.0), ("vertex_margin", -4.0, 4.0), ("vertex_margin", 7.0, 0.0), ("vertex_margin", 20.0, 5.0),
     ("foreign_object_volume", 0.45, 1.0), ("gray_white_cnr", 1.2, 1.2)],
)  # fmt: skip
def test_folded_features_by_hand(iqm, value, folded):
    assert feature(iqm, "folded", value) == pytest.approx(folded)


def test_a_good_scan_scores_100_and_a_poor_one_40():
    good = score(measured(), guideline_model())
    assert [s.score for s in good.categories.values()] == [100.0] * 6
    assert good.overall.score == 100.0
    assert good.overall.band == "good"
    assert len(good.overall.contributions) == 6  # rounding makes no contribution of its own
    poor = score(measured(**POOR), guideline_model())
    assert [s.score for s in poor.categories.values()] == pytest.approx([40.0] * 6)
    assert poor.overall.score == pytest.approx(40.0)
    assert poor.overall.band == "poor"


def test_a_scan_by_hand():
    s = score(measured(symmetry_angle=5.5, vertex_margin=22.5, foreign_object_volume=0.5), guideline_model())
    assert s.categories["positioning"].score == pytest.approx(100 - 60 * 0.25)
    assert s.categories["scan_range"].score == pytest.approx(100 - 60 * 0.125)
    assert s.categories["metal_foreign"].score == pytest.approx(70)
    assert s.overall.score == pytest.approx(100 - 0.15 * 15 - 0.20 * 7.5 - 0.15 * 30)
    assert s.categories["metal_foreign"].band == "acceptable"
    assert points_by_iqm(s)["foreign_object_volume"] == pytest.approx(-0.15 * 30)
    assert points_by_iqm(s)["noise"] == 0
    assert (s.model_id, s.model_name) == (guideline_model().id, guideline_model().name)
    assert "not fitted" in s.model_name


def random_measurements(rng):
    return {i: Measurement(i, float(rng.uniform(min(GOOD[i], POOR[i]), max(GOOD[i], POOR[i])))) for i in GOOD}


def random_model(rng):
    categories = {
        c.id: CategoryModel(
            float(rng.uniform(40, 120)),
            tuple(Term(m.id, f, float(rng.normal(0, 20))) for m in iqms_of(c.id) for f in ("hinge", "folded")),
        )
        for c in CATEGORIES
    }
    w = rng.dirichlet(np.ones(6))
    return ScoringModel("r", "random", "reader_least_squares", categories, dict(zip(categories, map(float, w), strict=True)))


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
        assert s.overall.score == pytest.approx(sum(model.weights[c] * x.score for c, x in s.categories.items()))
        assert s.overall.score == pytest.approx(s.overall.base_by_iqm + sum(c.points for c in s.overall_by_iqm), abs=1e-9)
        assert all(c.points == pytest.approx(c.coefficient * c.feature_value) for c in s.overall_by_iqm)
        if model.kind == "guideline":
            assert {c.source_id for c in s.overall_by_iqm} == set(GOOD)


def test_worse_never_scores_higher():
    rng = np.random.default_rng(3)
    for iqm in IQMS:
        base = random_measurements(rng)
        values = np.linspace(GOOD[iqm.id], POOR[iqm.id], 9)
        overall = [score({**base, iqm.id: Measurement(iqm.id, float(v))}, guideline_model()).overall.score for v in values]
        assert (np.diff(overall) <= 1e-9).all(), iqm.id
        assert overall[-1] < overall[0]


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
    with pytest.raises(ValueError, match="add up"):
        Score("motion", 50.0, "poor", (Contribution("motion_extent", -10.0, -10.0, "hinge", 1.0),), base=100.0)
    with pytest.raises(ValueError, match="withheld"):
        Score("motion", None, None)
    with pytest.raises(ValueError, match="withheld"):
        Score("motion", 50.0, "poor", base=50.0, withheld_reason="why")
    with pytest.raises(ValueError, match="unknown feature"):
        feature("noise", "square", 1.0)
    assert pickle.loads(pickle.dumps(guideline_model())) == guideline_model()


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
        (damaged(lambda c: c.update(version=2)), "version 2"),
        (damaged(lambda c: c.update(version=True)), "version True"),
        (damaged(lambda c: c.update(kind="neural")), "unknown kind"),
        (damaged(lambda c: c.update(name=5)), "not text"),
        (damaged(lambda c: c.update(name="")), "needs an id and a name"),
        (damaged(lambda c: c["provenance"].update(readers=5)), "not text"),
        (damaged(lambda c: c["weights"].update(motion=0.5)), "add up to 1"),
        (damaged(lambda c: c["weights"].update(motion=-0.2, noise_contrast=0.6)), "negative"),
        (damaged(lambda c: c["weights"].update(motion="a")), "not a number"),
        (damaged(lambda c: c["weights"].pop("motion")), "weights for exactly"),
        (damaged(lambda c: c["categories"].pop("motion")), "categories for exactly"),
        (damaged(lambda c: c["categories"]["motion"].update(intercept=True)), "not a number"),
        (damaged(lambda c: c["categories"]["motion"].update(intercept=10**400)), "out of range"),
        (damaged(lambda c: c["categories"]["motion"].update(terms={})), "not a list"),
        (damaged(lambda c: c["categories"]["motion"]["terms"].append({"iqm": "noise", "feature": "hinge", "coefficient": 1})), "no metric"),
        (damaged(lambda c: c["categories"]["motion"]["terms"][0].update(feature="square")), "unknown feature"),
        (damaged(lambda c: c["categories"]["motion"]["terms"][0].update(weight=1)), "does not know weight"),
        (damaged(lambda c: c["categories"]["motion"]["terms"].append(c["categories"]["motion"]["terms"][0])), "twice"),
        (damaged(lambda c: c).replace("-60.0", "NaN"), "NaN is not a finite number"),
        (damaged(lambda c: c).replace("-60.0", "1e999"), "out of range"),
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
        replace(guideline_model(), categories={**guideline_model().categories, "motion": CategoryModel(float("nan"), ())})


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
