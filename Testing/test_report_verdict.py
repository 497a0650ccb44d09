"""What the report says first: verdict, advice, losses with the rest folded, the limit, bounds and ceilings."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from sound_record import sound
from test_report import Page, head_scene, sample_record

from HeadCTIQALib.curve import score_text
from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID, IQMS
from HeadCTIQALib.metrics.types import Evidence, Measurement
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.measured import iqm_entry
from HeadCTIQALib.record.rounding import plain
from HeadCTIQALib.record.scored import scored_parts
from HeadCTIQALib.report import explanation
from HeadCTIQALib.report.record import caption, score_words
from HeadCTIQALib.report.rows import rows
from HeadCTIQALib.report.summary import MOST, header, known_range
from HeadCTIQALib.report.tree import iqm_section, tree
from HeadCTIQALib.resources import resource
from HeadCTIQALib.scoring import guideline_model, score
from HeadCTIQALib.scoring.profile import DEFAULT

POOR = {
    "symmetry_angle": 7.0, "baseline_angle": 11.0, "centering_offset": 18.0, "vertex_margin": -20.0, "foramen_magnum_margin": 3.0,
    "noise": 6.0, "gray_white_cnr": 1.2, "motion_extent": 8.0, "foreign_object_volume": 0.3, "streak_extent": 1.0,
}  # fmt: skip


def record_of(**changes: dict[str, Any]) -> Record:
    """A record with real scores and advice for :data:`POOR`; ``changes`` go into the measurements."""
    scene = head_scene()
    base = sample_record(*scene)
    measurements = {i: replace(Measurement(i, v), **changes.get(i, {})) for i, v in POOR.items()}
    model = guideline_model()
    scored = plain(scored_parts(measurements, score(measurements, model), model))
    for iqm, entry in scored["iqms"].items():
        entry["evidence"] = base["iqms"][iqm]["evidence"] if entry["value"] is not None else None
    return sound({**base, **scored}, scene[0])


def words(markup: str) -> str:
    return Page(f"<div>{markup}</div>").words


def test_the_verdict_stands_first_then_score_model_and_profile_then_what_to_do() -> None:
    record = record_of()
    top = words(header(record, []))
    order = [
        "Poor: coverage of the vertex (about 20 mm missing)",
        "/ 100 ■ poor", "Scored by: Guideline model", "profile: Default", "What to do",
        "Coverage of the vertex: Scan on to the vertex: about 25 mm more. Vertex margin −5 mm would be acceptable.", "What costs points", "For research use only",
    ]  # fmt: skip
    places = [top.index(text) for text in order]
    assert places == sorted(places)


def test_losses_are_four_and_the_rest_folded_and_add_up() -> None:
    record = record_of()
    markup = str(header(record, []))
    shown, folded = markup.split('<ul class="why">')[1:]
    assert shown.count("<li>") == MOST
    (rest,) = re.findall(r"and (\d+) smaller: −([\d.]+)", markup)
    assert folded.split("</ul>")[0].count("<li>") == int(rest[0])
    losses = [float(p) for p in re.findall(r'<span class="points">−([\d.]+)<small>', markup)]
    assert losses == sorted(losses, reverse=True)
    assert sum(losses[MOST:]) == pytest.approx(float(rest[1]), abs=0.05 * len(losses))
    assert 100 - sum(losses) == pytest.approx(record.overall.score, abs=0.05 * len(losses))
    assert "<script" not in markup
    assert (
        "Limited by coverage of the vertex</a><br>The overall score lies at most 20 points above the worst category."
        in markup
    )


def test_few_losses_are_not_folded() -> None:
    record = record_of()
    by_iqm, limiting = record.overall.contributions_by_iqm[:2], record.verdict.limiting[:2]
    overall = structs.replace(record.overall, contributions_by_iqm=by_iqm, limit=None)
    record = structs.replace(record, overall=overall, verdict=structs.replace(record.verdict, limiting=limiting))
    assert "<details" not in header(record, [])


def test_bounds_are_at_most_everywhere() -> None:
    record = record_of(vertex_margin={"bound": "at_most"})
    assert record.overall.at_least < record.overall.score
    assert score_words(record.overall).startswith("at most ")
    top = words(header(record, []))
    assert "at most" in top.split("/ 100")[0]
    by_id = {r.id: r for r in rows(record)}
    for id_ in ("overall", "scan_range", "item/vertex_coverage", "vertex_margin"):
        assert by_id[id_].value.startswith("at most "), id_
    assert not by_id["noise"].value.startswith("at most")


def test_what_is_known_of_a_withheld_score_is_said() -> None:
    record = record_of(noise={"value": None, "status": "not_assessable", "reason": "No brain."})
    assert record.overall.score is None
    least, most = (score_text(getattr(record.verdict, end)) for end in ("at_least", "at_most"))
    assert f"withheld ■ poor at most {most}" in words(header(record, []))
    record = structs.replace(record, verdict=structs.replace(record.verdict, band=None))
    assert f"withheld between {least} and {most}" in words(header(record, []))
    assert [
        known_range(structs.replace(record, verdict=structs.replace(record.verdict, at_least=a, at_most=b)))
        for a, b in ((0, 34.2), (61, 100), (0, 100), (61, 79))
    ] == ["at most 34", "at least 61", "", "between 61 and 79"]


def test_ranges_and_ceiling_are_those_in_force() -> None:
    record = record_of(
        centering_offset={"value": 3.0, "ceiling": 30.0, "ceiling_reason": "The field of view cuts the skull."}
    )
    iqm, entry = IQM_BY_ID["centering_offset"], record.iqms["centering_offset"]
    said = "Caption of centering_offset. Acceptable up to 20 mm. The field of view cuts the skull: at most 30."
    assert caption(entry, iqm) == said
    assert said in words(header(record, []))
    assert "The field of view cuts the skull: at most 30." in words(tree(record))
    strict = replace(
        DEFAULT, id="strict", name="Strict", knots={**DEFAULT.knots, iqm.id: ((0, 100), (1, 80), (2, 60), (9, 0))}
    )
    judged = iqm_entry(Measurement(iqm.id, 3.0, evidence=Evidence(caption="Seen.")), strict)
    assert caption(judged, iqm) == "Seen. Acceptable up to 2 mm."
    assert caption(structs.replace(judged, scored=False), iqm) == "Seen."


def test_noise_of_thick_slices_names_the_slices_that_are_judged() -> None:
    record = record_of(noise={"value": 9.0, "judged": 6.0})
    assert caption(record.iqms["noise"], IQM_BY_ID["noise"]).endswith("Acceptable up to 6.5 HU in 5 mm slices.")
    assert caption(record_of().iqms["noise"], IQM_BY_ID["noise"]).endswith("Acceptable up to 6.5 HU.")


def test_the_tree_has_six_categories_ten_items_with_scores_and_ten_metrics() -> None:
    markup = str(tree(record_of()))
    assert [markup.count(f'<tr class="{kind}"') for kind in ("category", "item", "metric")] == [
        len(CATEGORIES),
        len(IQMS),
        len(IQMS),
    ]
    assert len(
        re.findall(r'<tr class="item"><th scope="row"><a [^>]*>[^<]*</a></th><td><b>\d+</b></td>', markup)
    ) == len(IQMS)


def test_jargon_is_only_where_it_is_measured_which_is_closed() -> None:
    record = record_of()
    whole = str(header(record, [])) + str(tree(record)) + "".join(str(iqm_section(record, m, [])) for m in IQMS)
    assert "<details open" not in whole
    outside = re.sub(r"<details><summary>How it is measured.*?</details>", "", whole)
    assert not re.search(r"acos|k\.\(| k\.| dot |arctan|\||m_V|m_F|alpha|sigma", re.sub(r"<[^>]*>", " ", outside))


def test_paper_needs_no_patterns() -> None:
    """A browser prints every patterned shape as a picture; on paper the bars are plain."""
    style = resource("Report", "report.css").read_text().split("@media print")[1]
    assert all(
        f'.bar [fill$="p-{band})"], .strip [fill$="p-{band})"]' in style
        for band in ("good", "acceptable", "poor", "none")
    )


def test_advice_stands_with_every_item_below_good() -> None:
    record = record_of()
    below = {i for i, e in record.iqms.items() if e.band != "good"}
    assert below == set(record.verdict.limiting)
    for m in IQMS:
        said = words(iqm_section(record, m, [])), words(explanation.why(record, m.id))
        assert all(("What to do:" in s) == (m.id in below) for s in said)
    told = {r.id: r.advice for r in rows(record)}
    assert (
        told["vertex_margin"]
        == told["item/vertex_coverage"]
        == "Scan on to the vertex: about 25 mm more. Vertex margin −5 mm would be acceptable."
    )
    assert told["streak_extent"] == told["overall"] == ""
    assert "Coverage of the vertex: Scan on to the vertex" in words(explanation.why(record, "overall"))
