"""The verdict: what a radiologist would say of a ruined scan, and what holds whatever is unknown."""

from dataclasses import replace

import numpy as np
import pytest
from test_scoring import IDEAL, measured, random_measurements, random_model

from HeadCTIQALib.curve import score_band
from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.hierarchy import IQM_BY_ID, IQMS
from HeadCTIQALib.metrics.types import Measurement, not_assessable
from HeadCTIQALib.scoring import CategoryModel, ScoringModel, Term, guideline_model, score
from HeadCTIQALib.scoring.profile import DEFAULT
from HeadCTIQALib.scoring.scoring import points_by_iqm

CUT = Measurement("vertex_margin", -20.0, bound="at_most", details={"brain_cut": 1.0})
NO_CONTRAST = not_assessable("gray_white_cnr", "No deep grey matter was found.")


def judged(*known, **changes):
    return score({**measured(IDEAL, **changes), **{m.iqm: m for m in known}}, guideline_model())


def said(*known, **changes):
    return judged(*known, **changes).verdict.sentence


def test_motion_in_every_slice_is_poor():
    s = judged(motion_extent=100.0)
    assert (s.overall.score, s.verdict.band) == (20.0, "poor")
    assert said(motion_extent=100.0) == "Poor: motion artefact (100 %). The brain is complete."


def test_brain_missing_at_both_ends_is_poor():
    s = judged(vertex_margin=-60.0, foramen_magnum_margin=-60.0)
    assert (s.overall.score, s.verdict.band) == (20.0, "poor")
    assert s.verdict.limiting == ("vertex_margin", "foramen_magnum_margin")
    assert (
        s.verdict.sentence == "Poor: coverage of the vertex (about 60 mm missing); also coverage of the foramen magnum."
    )


def test_cutting_more_off_the_vertex_never_raises_a_score():
    for bound in (None, "at_most"):
        by_mm = [judged(Measurement("vertex_margin", -mm, bound=bound)) for mm in np.linspace(0, 80, 41)]
        for pick in (
            lambda s: s.overall.score,
            lambda s: s.categories["scan_range"].score,
            lambda s: s.overall.at_most,
            lambda s: s.items["vertex_margin"].score,
        ):
            assert (np.diff([pick(s) for s in by_mm]) <= 1e-9).all()
    assert judged(vertex_margin=-40.0).overall.score < judged(vertex_margin=-20.0).overall.score < 60


def test_a_cut_brain_is_poor_whatever_else_could_not_be_measured():
    s = judged(CUT)
    assert (s.verdict.band, s.overall.band, s.verdict.brain_complete) == ("poor", "poor", False)
    assert s.verdict.sentence == "Poor, at most 54: coverage of the vertex (brain is cut, at least 20 mm missing)."
    s = judged(CUT, NO_CONTRAST)
    assert s.overall.score is None
    assert (s.verdict.band, s.verdict.at_least) == ("poor", s.overall.at_least)
    assert s.verdict.sentence == (
        "Poor, at most 54: coverage of the vertex (brain is cut, at least 20 mm missing); grey-white contrast could not be measured."
    )
    unknown = not_assessable("vertex_margin", "The vertex lies outside the scan.")
    assert (
        said(unknown, motion_extent=60.0)
        == "Poor, at most 20: motion artefact (60.0 %); coverage of the vertex could not be measured."
    )


def test_what_cannot_be_told_is_not_told():
    s = judged(NO_CONTRAST)
    assert (s.verdict.band, s.overall.score) == (None, None)
    assert (
        s.verdict.sentence
        == "No verdict, between 20 (poor) and 100 (good): grey-white contrast could not be measured. The brain is complete."
    )
    assert said(not_assessable("symmetry_angle", "x.")).startswith(
        "Acceptable or better, at least 70: left-right symmetry could not be measured"
    )
    s = judged(NO_CONTRAST, symmetry_angle=13.1)  # 57: at most 77
    assert (s.verdict.band, s.verdict.sentence) == (
        None, "Acceptable at best, at most 77: left-right symmetry is poor (13.1 deg); grey-white contrast could not be measured. The brain is complete.",
    )  # fmt: skip
    s = judged(Measurement("vertex_margin", -1.0, bound="at_most"))
    assert s.verdict.sentence.startswith("Good at best, at most 9")
    assert s.verdict.band is None


def test_a_good_scan_says_so():
    assert said() == "Good: every item is good. The brain is complete."
    assert judged().verdict.limiting == ()
    assert (
        said(symmetry_angle=5.5)
        == "Good overall: weakest is left-right symmetry (5.5 deg), acceptable. The brain is complete."
    )
    assert said(
        noise=6.4, motion_extent=9.0, symmetry_angle=7.0, streak_extent=7.9, baseline_angle=11.0, centering_offset=18.0
    ) == (
        "Acceptable: weakest is streak and dark-band artefact (7.9 %); also below good: noise, motion artefact and 3 more. The brain is complete."
    )


def test_a_poor_item_never_reads_as_if_it_had_the_band_of_the_scan():
    assert (
        said(baseline_angle=29.1)
        == "Acceptable overall: orbitomeatal baseline is poor (29.1 deg). The brain is complete."
    )
    assert said(baseline_angle=29.1, noise=5.0).endswith(
        "is poor (29.1 deg); also below good: noise. The brain is complete."
    )
    steep = replace(DEFAULT, id="steep", name="Steep", baseline_target_deg=-12.0)
    line = Measurement("baseline_angle", 9.0, details={"orbitomeatal_angle_deg": 9.0})
    s = score({**measured(IDEAL), "baseline_angle": line}, guideline_model(steep))
    assert "orbitomeatal baseline is poor (21.0 deg from the wanted angle)" in s.verdict.sentence


def test_the_brain_is_complete_only_where_that_is_known():
    assert judged(vertex_margin=0.0).verdict.brain_complete is True
    assert judged(vertex_margin=-1.0).verdict.brain_complete is None
    assert judged(foramen_magnum_margin=-1.0).verdict.brain_complete is None
    assert judged(not_assessable("vertex_margin", "x.")).verdict.brain_complete is None
    assert judged(Measurement("foramen_magnum_margin", -10.0, bound="at_most")).verdict.brain_complete is False
    assert "complete" not in said(vertex_margin=-1.0)


def test_values_in_words():
    assert "noise is poor (7.0 HU at 5 mm)" in said(Measurement("noise", 9.0, judged=7.0))
    cut = Measurement("centering_offset", 3.0, ceiling=30.0, ceiling_reason="The field of view cuts the skull.")
    assert said(cut).startswith("Poor: centring in the image (3.0 mm; the field of view cuts the skull).")
    assert "coverage of the vertex is poor (35 mm spare)" in said(vertex_margin=35.0)
    assert "(about 12 mm missing)" in said(vertex_margin=-12.4)
    assert "(about 5.1 mm missing)" in said(vertex_margin=-5.04), "5 mm missing would be acceptable"


def test_a_reader_model_that_is_harsh_on_a_good_scan_says_whose_verdict_it_is():
    from dataclasses import replace

    harsh = replace(guideline_model(), kind="reader_non_negative", id="h", name="harsh", intercept=-30.0)
    s = score(measured(IDEAL), harsh)
    assert (s.overall.score, s.verdict.sentence) == (
        70.0,
        "Acceptable: every item is good, but this scoring model gives a scan without defects 70. The brain is complete.",
    )


@pytest.mark.parametrize("seed", range(60))
def test_bounds_hold_whatever_the_unknown_values_are(seed):
    """Any value of what is unknown gives a score between the bounds, by the guideline and by any fitted model; and a band that was told."""
    rng = np.random.default_rng(seed)
    base = random_measurements(rng)
    hidden = rng.choice([m.id for m in IQMS], 2, replace=False)
    how = rng.choice(["unknown", "at_most", "at_least"], 2)
    partly = {**base}
    for i, h in zip(hidden, how, strict=True):
        partly[i] = not_assessable(i, "x.") if h == "unknown" else Measurement(i, base[i].value, bound=str(h))
    for model in (guideline_model(), random_model(rng)):
        told = score(partly, model)
        for _ in range(40):
            real = dict(base)
            for i, h in zip(hidden, how, strict=True):
                m = IQM_BY_ID[i]
                low, high = (0.0 if m.direction == "low" else -200.0), 300.0
                low, high = (
                    (low, base[i].value)
                    if h == "at_most"
                    else (base[i].value, high)
                    if h == "at_least"
                    else (low, high)
                )
                real[i] = Measurement(i, float(rng.uniform(low, max(low, high))))
            s = score(real, model)
            assert told.overall.at_least - 1e-9 <= s.overall.score <= told.overall.at_most + 1e-9
            assert all(
                told.categories[c].at_least - 1e-9 <= x.score <= told.categories[c].at_most + 1e-9
                for c, x in s.categories.items()
            )
            assert told.verdict.band in (None, score_band(s.overall.score))


def test_a_cut_brain_is_said_where_the_profile_lets_it_pass():
    lenient = replace(DEFAULT, id="site", name="Site", left_out=("vertex_margin",))
    measurements = {**measured(IDEAL), "vertex_margin": CUT}
    assert score(measurements, guideline_model(lenient)).verdict.sentence.endswith(
        " The brain is cut, which this profile lets pass."
    )
    assert "lets pass" not in said(CUT)


@pytest.mark.parametrize(
    ("iqm", "knots"), [("noise", ((2, 0), (4, 60), (10, 100))), ("gray_white_cnr", ((0, 100), (2, 50)))]
)
def test_a_curve_on_which_worse_scores_more_is_refused(iqm, knots):
    with pytest.raises(ModelError, match="value is worse and may not score more"):
        replace(DEFAULT, knots={**DEFAULT.knots, iqm: knots})


def fitted(weights, limit=20.0, **categories):
    """A model as a fit makes it: folded metrics of some categories, the guideline in the others."""
    models = {
        **guideline_model().categories,
        **{
            c: CategoryModel(100.0, tuple(Term(i, "folded", b) for i, b in terms.items()))
            for c, terms in categories.items()
        },
    }
    weights = {**dict.fromkeys(guideline_model().weights, 0.0), **weights}
    return ScoringModel("f", "fitted", "reader_least_squares", models, weights, limit=limit)


def test_a_fitted_model_names_what_takes_its_points_not_what_the_curves_call_worst():
    readers = fitted(
        {"noise_contrast": 0.6, "positioning": 0.2, "motion": 0.2},
        noise_contrast={"noise": -9.0},
        positioning={"symmetry_angle": -0.2, "baseline_angle": 0.0},
    )
    s = score(measured(IDEAL, noise=4.0, symmetry_angle=12.0, baseline_angle=29.0), readers)
    assert s.items["noise"].band == "good"
    assert s.items["symmetry_angle"].band == s.items["baseline_angle"].band == "poor"
    assert s.verdict.limiting == ("noise",)
    assert (
        s.verdict.sentence
        == "Acceptable overall: most is lost by noise (4.0 HU), which is good. The brain is complete."
    )
    lost = points_by_iqm(s)
    assert min(lost, key=lost.__getitem__) == s.verdict.limiting[0]
    s = score(measured(IDEAL, noise=7.5, symmetry_angle=24.0), readers)
    assert s.verdict.limiting == ("noise",)
    assert s.verdict.sentence.startswith("Poor: noise (7.5 HU).")
    nothing = score(measured(IDEAL, noise=0.0, baseline_angle=29.0), readers)
    assert nothing.verdict.sentence == "Good: no item costs a point by this scoring model. The brain is complete."
    sparing = replace(readers, intercept=-26.0)
    assert score(measured(IDEAL, noise=0.0, baseline_angle=29.0), sparing).verdict.sentence.startswith(
        "Acceptable: no item costs a point, but this scoring model gives a scan without defects 74."
    )


def test_the_limit_of_a_fitted_model_names_the_item_that_makes_its_category_worst():
    """Not the one with the lowest curve: here the readers mind the foreign object and forgive the streaks."""
    readers = fitted(
        {"metal_foreign": 0.1, "motion": 0.9}, metal_foreign={"foreign_object_volume": -60.0, "streak_extent": -0.1}
    )
    s = score(measured(IDEAL, foreign_object_volume=0.4, streak_extent=12.0), readers)
    assert s.items["streak_extent"].score < s.items["foreign_object_volume"].score
    assert s.overall.limit.source_id == "foreign_object_volume"
    assert s.verdict.limiting[0] == "foreign_object_volume"
    assert s.overall.score == pytest.approx(s.overall.base + sum(c.points for c in s.overall.contributions), abs=1e-9)


def test_a_fitted_model_says_what_is_certain_of_a_cut_brain():
    readers = replace(guideline_model(), kind="reader_non_negative", id="f", name="fitted")
    s = score({**measured(IDEAL, noise=6.4), "vertex_margin": CUT, "gray_white_cnr": NO_CONTRAST}, readers)
    assert s.verdict.limiting[0] == "vertex_margin"
    assert s.verdict.sentence.startswith(
        "Poor, at most 54: coverage of the vertex (brain is cut, at least 20 mm missing); also noise"
    )
    forgiving = fitted({"motion": 1.0}, limit=None)
    assert score({**measured(IDEAL), "vertex_margin": CUT}, forgiving).verdict.sentence.endswith(
        "The brain is cut, which this scoring model lets pass."
    )


@pytest.mark.parametrize("seed", range(20))
def test_what_a_fitted_model_names_first_takes_the_most_points(seed):
    rng = np.random.default_rng(seed)
    model = random_model(rng)
    s = score(random_measurements(rng), model)
    lost = points_by_iqm(s)
    if s.overall.limit:
        lost[s.overall.limit.source_id] = lost.get(s.overall.limit.source_id, 0.0) + s.overall.limit.points
    named = [lost[i] for i in s.verdict.limiting]
    assert named == sorted(named)
    assert model.kind != "guideline"
    assert set(s.verdict.limiting) == {i for i, p in lost.items() if p <= -1.0}
