"""The HTML report: complete, self-contained, inert, and true to the slice geometry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from sound_record import sound

from HeadCTIQALib.curve import ranges, score_band, score_text
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.findings.types import Findings, Landmark, Plane, Tissue
from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID, IQMS
from HeadCTIQALib.record import check_record, to_json
from HeadCTIQALib.report import render, svg, views
from HeadCTIQALib.report.boxes import image_box
from HeadCTIQALib.report.canvas import Canvas
from HeadCTIQALib.report.html import esc, number, tag, with_unit
from HeadCTIQALib.report.strips import range_strip
from HeadCTIQALib.volume.types import CTVolume, Source

VALUES = {
    "symmetry_angle": 4.0, "baseline_angle": 2.0, "centering_offset": 12.0, "vertex_margin": -3.0, "foramen_magnum_margin": 20.0,
    "noise": 5.0, "gray_white_cnr": 1.8, "motion_extent": 3.0, "foreign_object_volume": 0.2, "streak_extent": 1.0,
}  # fmt: skip


def tilted_volume(tilt_deg: float = 17.0, shape: tuple[int, int, int] = (24, 64, 60)) -> CTVolume:
    """A DICOM-like stack: rows run to the patient's left, gantry tilt, uneven slices stacked along the table."""
    k = shape[0]
    t = np.radians(tilt_deg)
    row = np.array([-3.1, 0.0, 0.0])
    col = 3.3 * np.array([0.0, -np.cos(t), -np.sin(t)])
    heights = np.cumsum(np.where(np.arange(k) % 3 == 0, 4.0, 7.0)) - 60.0
    origins = np.stack([np.full(k, 90.0), np.full(k, 105.0), heights], axis=1)
    return CTVolume(np.full(shape, -1000, np.int16), origins, row, col, source=Source("nifti", "phantom"))


def head_scene(tilt_deg: float = 17.0) -> tuple[CTVolume, Findings]:
    """An egg-shaped head in a tilted stack, with landmarks, a plane, streak, an object and motion grades."""
    empty = tilted_volume(tilt_deg)
    k, j, i = empty.shape
    grid = np.stack(np.meshgrid(np.arange(i), np.arange(j), np.arange(k), indexing="xy"), axis=-1).transpose(2, 0, 1, 3)
    ras = empty.ijk_to_ras(grid.astype(float))
    centre = empty.image_centres[k // 2]
    radius = np.linalg.norm((ras - centre) / np.array([62.0, 78.0, 70.0]), axis=-1)
    tissue = np.zeros(empty.shape, np.uint8)
    tissue[radius < 1] = Tissue.SOFT
    tissue[radius < 0.93] = Tissue.BONE
    tissue[radius < 0.85] = Tissue.WHITE
    tissue[radius < 0.4] = Tissue.DEEP_GREY
    tissue[12, 3:6, 5:8] = Tissue.FOREIGN
    hu = np.select(
        [tissue == Tissue.FOREIGN, radius < 0.4, radius < 0.85, radius < 0.93, radius < 1],
        [2000, 38, 30, 900, 50],
        -1000,
    )
    hu = hu + np.random.default_rng(1).normal(0, 4, hu.shape)
    volume = CTVolume(np.round(hu).astype(np.int16), empty.origins, empty.row_step, empty.col_step, source=empty.source)
    streak = np.zeros(empty.shape, bool)
    streak[10:12, 28:32, 10:50] = True
    normal = np.array([0.995, 0.07, 0.07]) / np.linalg.norm([0.995, 0.07, 0.07])
    marks = {
        n: Landmark(tuple(float(c) for c in centre + np.array(d)), 0.9)
        for n, d in {"VERTEX": (0, 0, 70), "BASION": (0, 10, -70)}.items()
    }
    grades = np.zeros(k, np.int8)
    grades[5:7], grades[:2] = (1, 3), -1
    return volume, Findings(tissue, marks, Plane(tuple(centre), tuple(normal)), streak, grades, notes=("A note.",))


def sample_record(volume: CTVolume, findings: Findings, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """A record of the published form, with evidence for all ten IQMs."""
    c = volume.image_centres[volume.shape[0] // 2]
    point = lambda *d: [float(x) for x in c + np.array(d or (0, 0, 0), float)]  # noqa: E731
    plane = findings.midsagittal
    assert plane is not None
    evidence: dict[str, dict[str, Any]] = {
        "symmetry_angle": {"slice_index": 12, "plane": [list(plane.origin), list(plane.normal)]},
        "baseline_angle": {
            "view": "sagittal", "points": {"ear canals": point(0, -10, -30), "outer canthi": point(0, 60, -28), "EAM_R": point(50, -10, -30)},
            "lines": [[point(0, -10, -30), point(0, 60, -28)]],
        },
        "centering_offset": {"slice_index": 12, "points": {"image centre": point(), "mean head centroid": point(3, -8, 2)}, "lines": [[point(), point(3, -8, 2)]]},
        "vertex_margin": {"view": "coronal", "points": {"VERTEX": point(0, 0, 90)}},
        "foramen_magnum_margin": {"view": "sagittal", "points": {"foramen magnum": point(0, 5, -60), "BASION": point(0, 12, -58)}},
        "noise": {"slice_index": 12}, "gray_white_cnr": {"slice_index": 12, "masks": ["deep_grey", "white"]},
        "motion_extent": {"slice_index": 6, "slices": [5, 6]}, "foreign_object_volume": {"slice_index": 12, "masks": ["foreign"]},
        "streak_extent": {"slice_index": 10, "masks": ["streak"]},
    }  # fmt: skip
    iqms: dict[str, Any] = {}
    for m in IQMS:
        value = None if m.id in without else VALUES[m.id]
        iqms[m.id] = {
            "value": value, "unit": m.unit, "status": "measured" if value is not None else "not_assessable",
            "reason": "" if value is not None else f"No {m.title.lower()} here.", "method": "a method", "details": {"some_hu": 1.5}, "flags": ["A flag."],
            "band": None if value is None else m.band(value), "score": None if value is None else m.item_score(value), "read_at": value, "scored": True,
            "evidence": {"window": [40.0, 80.0], "caption": f"Caption of {m.id}.", **evidence[m.id]} if value is not None else None,
        }  # fmt: skip
    categories, by_iqm = {}, []
    for cat in CATEGORIES:
        mine = [m for m in IQMS if m.category == cat.id]
        terms = [
            {"source_id": m.id, "points": 0.5 * (m.item_score(VALUES[m.id]) - 100), "coefficient": 0.5, "feature": "item below 100", "feature_value": m.item_score(VALUES[m.id]) - 100}
            for m in mine
        ]  # fmt: skip
        gone = any(m.id in without for m in mine)
        score = None if gone else 100 + sum(t["points"] for t in terms)
        categories[cat.id] = {
            "title": cat.title, "weight": cat.weight, "base": 100.0, "score": score, "band": None if score is None else score_band(score),
            "withheld_reason": "Part of it is unknown." if gone else "", "contributions": [] if gone else terms,
        }  # fmt: skip
        by_iqm += [{**t, "points": t["points"] * cat.weight} for t in terms]
    total = None if without else sum(c.weight * categories[c.id]["score"] for c in CATEGORIES)
    return {
        "schema": "headctiqa-assessment/1.2", "created": "2026-01-01T00:00:00Z", "research_use": "For research use only; not a medical device.",
        "software": {"name": "HeadCTIQA", "version": "0", "python": "3", "packages": {"numpy": "2"}},
        "input": {"kind": "dicom", "name": "scan-7", "sha256": "ab" * 32, "acquisition": {"kernel": "STANDARD", "kvp": 120.0}},
        "overall": {
            "score": total, "band": None if total is None else score_band(total), "withheld_reason": "Something is unknown." if without else "",
            "contributions": [], "contributions_by_iqm": [] if without else by_iqm, "limit": None,
        },
        "verdict": {"band": None if total is None else score_band(total), "sentence": "The verdict in words.", "limiting": [], "at_least": 0, "at_most": 100},
        "profile": {"id": "default", "name": "Default"},
        "categories": categories, "iqms": iqms, "warnings": ["A warning."],
        "extras": [{"id": "f50", "title": "Edge sharpness", "value": None, "unit": "1/mm", "reason": "No edge.", "source": ""}],
        "findings": {"methods": {"motion": "grader 1"}, "landmarks": {"VERTEX": {"position": [0, 0, 90.0], "confidence": 0.9, "in_scan": False}}},
        "models": [{"name": "anatomy", "version": "1", "sha256": "cd" * 32, "data_source": "simulated heads"}],
        "scoring_model": {"id": "guideline", "name": "Guideline model"}, "corrections": [], "timings": {"find": 12.0},
    }  # fmt: skip


class Page(HTMLParser):
    """Collects elements and text, and insists on properly nested tags."""

    VOID = frozenset({"img", "br", "meta", "hr", "input"})

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(document)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attributes)))
        if name not in self.VOID:
            self.open.append(name)

    def handle_startendtag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attributes)))

    def handle_endtag(self, name: str) -> None:
        assert self.open, f"</{name}> closes nothing"
        assert self.open.pop() == name

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [a for n, a in self.elements if n == name]


@pytest.fixture(scope="module")
def scene() -> tuple[CTVolume, Findings]:
    return head_scene()


@pytest.fixture(scope="module")
def document(scene: tuple[CTVolume, Findings]) -> str:
    return render(sound(sample_record(*scene), scene[0]), *scene)


# --- the document ----------------------------------------------------------------------------------------------


def test_report_shows_all_ten_iqms_in_six_categories(document: str) -> None:
    page = Page(document)
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    assert [a["id"] for a in page.all("section") if a.get("class") == "iqm"] == [m.id for m in IQMS]
    assert [a["id"] for a in page.all("tr") if a.get("class") == "category"] == [f"cat-{c.id}" for c in CATEGORIES]
    for m in IQMS:
        assert m.definition.split(";")[0].replace(" deg", "°").split(" -")[0] in page.words
        assert f"Caption of {m.id}." in page.words
    links = {a["href"] for a in page.all("a")}
    assert all(link and link.startswith("#") and link[1:] in ids for link in links)


def test_every_iqm_with_evidence_has_a_picture_and_every_picture_an_alternative_text(document: str) -> None:
    page = Page(document)
    pictures = page.all("img")
    assert len(pictures) >= 16
    assert all(len(a["alt"] or "") > 15 and (a["src"] or "").startswith("data:image/png;base64,") for a in pictures)
    for section in re.split(r'(?=<section class="iqm")', document)[1:]:
        assert "<img" in section
    for drawing in page.all("svg"):
        assert drawing.get("aria-hidden") == "true" or (drawing.get("role") == "img" and drawing.get("aria-label"))


def test_report_fetches_nothing_and_runs_nothing(document: str) -> None:
    page = Page(document)
    assert "http:" not in document
    assert "https:" not in document
    assert not page.all("script")
    assert not page.all("link")
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]
    assert "url(" not in document.split("<style>")[1].split("</style>")[0]
    assert all((a["href"] or "").startswith("data:image/png") for a in page.all("image"))


def test_document_is_accessible_and_printable(document: str) -> None:
    page = Page(document)
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert page.all("main")
    assert all(a.get("scope") in {"row", "col", "rowgroup"} for a in page.all("th"))
    assert "prefers-color-scheme: dark" in document
    assert "size: A4" in document


def test_first_screen_says_score_band_reasons_and_research_use(document: str, scene: tuple[CTVolume, Findings]) -> None:
    record = sample_record(*scene)
    top = Page(document.split("<main>")[0] + "</body></html>").words
    assert (
        f"{score_text(record['overall']['score'])} / 100 ▲ acceptable" in top
        or f"{score_text(record['overall']['score'])} / 100 ● good" in top
    )
    assert "The verdict in words." in top
    assert "Scored by: Guideline model; profile: Default" in top
    assert "For research use only; not a medical device." in top
    assert "A warning." in top
    assert "A note." not in top  # notes come from the record, not from the findings beside it
    worst = min(record["overall"]["contributions_by_iqm"], key=lambda t: t["points"])
    assert top.index(f"Caption of {worst['source_id']}.") < min(
        top.index(f"Caption of {t['source_id']}.") for t in record["overall"]["contributions_by_iqm"]
        if t is not worst and f"Caption of {t['source_id']}." in top
    )  # fmt: skip
    assert f"−{-worst['points']:.1f}" in top


def test_networks_are_named_with_what_they_were_trained_on(document: str) -> None:
    for said in ("Training data", "<td>simulated heads</td>", "cd" * 32):
        assert said in document


def test_not_assessable_iqm_withholds_and_is_explained(scene: tuple[CTVolume, Findings]) -> None:
    text = render(sound(sample_record(*scene, without=("noise", "vertex_margin")), scene[0]), *scene)
    words = Page(text).words
    assert "Something is unknown." in words
    assert words.count("Part of it is unknown.") == 2
    assert "Not assessable: No noise here." in words
    assert "Not assessable: No vertex margin here." in words
    assert "no value" in words
    assert "/ 100" not in words.split("Scores and measurements")[0]
    section = text.split('id="noise"')[0].rsplit("<section", 1)[1] + text.split('id="noise"')[1].split("</section>")[0]
    assert "<img" not in section


def texts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Where every text in JSON stands: what holds it, and its key there; the links to the IQMs are kept."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        if isinstance(part, str) and key not in ("source_id", "iqm"):
            yield value, key
        yield from texts(part)


def test_hostile_text_is_inert(scene: tuple[CTVolume, Findings]) -> None:
    evil = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;"
    record = sample_record(*scene)
    content = to_json(sound(record, scene[0]))
    names = ("manufacturer", "model", "kernel", "series_description", "body_part")
    content["input"]["acquisition"] |= dict.fromkeys(names, "x")
    content["models"] = [dict.fromkeys(("name", "version", "sha256", "data_source"), "x")]
    content["corrections"] = [
        {"iqm": "noise", "reason": "x", "corrector": "x", "time": "x", "original": None, "value": 3.0, "finding": "x"}
    ]
    content["findings"]["notes"] = ["x"]
    for entry in content["iqms"].values():
        entry["details"] = {evil: 1.0}
        entry["evidence"] |= {
            "points": {evil: [0.0, 0.0, 0.0], **entry["evidence"]["points"]},
            "masks": [evil, *entry["evidence"]["masks"]],
        }
    content["findings"] |= {"methods": {evil: evil}, "landmarks": {evil: content["findings"]["landmarks"]["VERTEX"]}}
    replaced = 0
    for parent, key in list(texts(content)):
        before, parent[key] = parent[key], evil
        try:
            check_record(content, "x")
            replaced += 1
        except InputError:  # a word that the record knows, e.g. a band
            parent[key] = before
    assert replaced > 250
    page = Page(render(check_record(content, "x"), *scene))
    assert not page.all("script")
    assert all((a["src"] or "").startswith("data:image/png") for a in page.all("img"))
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]
    assert evil in "".join(page.text)


def test_rendering_is_deterministic_and_small(scene: tuple[CTVolume, Findings], document: str) -> None:
    assert render(sound(sample_record(*scene), scene[0]), *scene) == document
    assert len(document.encode()) < 3_000_000


def test_a_record_in_which_nothing_is_assessable_renders(scene: tuple[CTVolume, Findings]) -> None:
    page = Page(render(sound({}, scene[0]), *scene))
    assert page.words.count("no value") >= len(IQMS)
    assert "withheld" in page.words


def test_single_slice_without_head_renders() -> None:
    volume = CTVolume(
        np.full((1, 20, 20), -1000, np.int16), np.zeros((1, 3)), np.array([-1.0, 0, 0]), np.array([0, -1.0, 0])
    )
    record = {
        "iqms": {
            m.id: {
                "value": 1.0,
                "score": m.item_score(1.0),
                "band": m.band(1.0),
                "evidence": {"slice_index": 0, "points": {"p": [0.0, 0.0, 0.0]}},
            }
            for m in IQMS
        }
    }
    page = Page(render(sound(record, volume), volume, Findings(np.zeros((1, 20, 20), np.uint8))))
    assert "no value" not in page.words
    assert [m.id for m in IQMS if m.item_title not in page.words] == []


def test_findings_of_another_grid_are_refused(scene: tuple[CTVolume, Findings]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        render({}, scene[0], Findings(np.zeros((1, 2, 3), np.uint8)))


@pytest.mark.parametrize(
    "where",
    [
        {"kind": "simulated"},
        {"acquisition": {"series_description": "Simulated head"}},
    ],
)
def test_simulated_scans_say_so(scene: tuple[CTVolume, Findings], document: str, where: dict[str, Any]) -> None:
    record = sample_record(*scene)
    record["input"].update(where)
    assert "SIMULATED" in Page(render(sound(record, scene[0]), *scene)).words
    assert "SIMULATED" not in Page(document).words


# --- geometry ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tilt", [-18.5, 0.0, 17.0])
@pytest.mark.parametrize("ijk", [(22, 40, 5), (41, 17, 16), (30, 30, 11)])
def test_bright_voxel_appears_where_the_overlay_points(tilt: float, ijk: tuple[int, int, int]) -> None:
    """In every view of a tilted, uneven stack the brightest pixel lies within one pixel of the projected RAS point."""
    empty = tilted_volume(tilt)
    i, j, k = ijk
    hu = np.full(empty.shape, -1000, np.int16)
    hu[k, j, i] = 3000
    volume = CTVolume(hu, empty.origins, empty.row_step, empty.col_step)
    ras = empty.origins[k] + i * empty.row_step + j * empty.col_step
    box = image_box(volume)
    ahead = ras + 10 * volume.a + 4 * volume.r + 3 * volume.k
    for view in (
        views.axial(volume, k, box), views.sagittal(volume, float(ras @ volume.r), box),
        views.coronal(volume, float(ras @ volume.a), box), views.upright_along(volume, ras, ahead, box),
    ):  # fmt: skip
        assert abs(view.depth(ras)) < 1e-6
        shown = views.cut(volume, view).hu(volume)
        row, column = np.unravel_index(np.nanargmax(shown), shown.shape)
        x, y = np.array(view.project(ras)) / view.scale
        assert abs(column + 0.5 - x) <= 1.0
        assert abs(row + 0.5 - y) <= 1.0
        assert np.nanmax(shown) > 500  # pixels are as fine as the scan's and may lie between its own


def test_views_follow_the_radiological_convention() -> None:
    volume = tilted_volume(10.0)
    box = image_box(volume)
    centre = volume.image_centres[10]
    ax, sag = views.axial(volume, 10, box), views.sagittal(volume, float(centre @ volume.r), box)
    cor = views.coronal(volume, float(centre @ volume.a), box)
    assert ax.letters() == ("R", "L", "A", "P")
    assert sag.letters() == ("A", "P", "S", "I")
    assert cor.letters() == ("R", "L", "S", "I")
    right, front, up = centre + 20 * volume.r, centre + 20 * volume.a, centre + 20 * volume.k
    for view, point, axis, sign in (
        (ax, right, 0, -1),
        (ax, front, 1, -1),
        (sag, front, 0, -1),
        (sag, up, 1, -1),
        (cor, right, 0, -1),
        (cor, up, 1, -1),
    ):
        moved = np.array(view.project(point)) - np.array(view.project(centre))
        assert moved[axis] * view.unit_mm == pytest.approx(sign * 20.0)


def test_slices_are_horizontal_lines_at_their_true_positions_in_reformats() -> None:
    """Whole slices of alternating HU come back as rows at the projected height of each uneven slice."""
    empty = tilted_volume(15.0)
    hu = np.empty(empty.shape, np.int16)
    hu[:] = (np.arange(empty.shape[0]) * 100)[:, None, None]
    volume = CTVolume(hu, empty.origins, empty.row_step, empty.col_step)
    view = views.sagittal(volume, 0.0, image_box(volume).grown(5.0))
    shown = views.cut(volume, view).hu(volume)
    for k, centre in enumerate(volume.image_centres):
        x, y = np.array(view.project(centre)) / view.scale
        row = shown[int(y)]
        assert np.nanmax(row) - np.nanmin(row) < 1
        assert row[int(x)] == pytest.approx(100 * k, abs=100 * view.mm / 3.0)


def test_mask_outline_coincides_with_the_image(scene: tuple[CTVolume, Findings]) -> None:
    volume, findings = scene
    canvas = Canvas(volume, findings, views.axial(volume, 12, image_box(volume, 12)))
    outline = svg.contours(canvas.mask("foreign"))
    assert len(outline) == 1
    expected = volume.origins[12] + 6.0 * volume.row_step + 4.0 * volume.col_step
    low, high = outline[0].min(axis=0) * canvas.view.scale, outline[0].max(axis=0) * canvas.view.scale
    assert np.abs(0.5 * (low + high) - canvas.view.project(expected)).max() < 0.5 * canvas.view.scale
    assert high[0] - low[0] == pytest.approx(3 * 3.1 / canvas.view.unit_mm, abs=2.0)


def test_plane_trace_passes_through_points_of_the_plane(scene: tuple[CTVolume, Findings]) -> None:
    volume, findings = scene
    plane = findings.midsagittal
    assert plane is not None
    n = np.array(plane.normal)
    for view in (
        views.axial(volume, 15, image_box(volume)),
        views.coronal(volume, 20.0, image_box(volume)),
    ):
        trace = Canvas(volume, findings, view).trace(plane.origin, plane.normal)
        assert trace is not None
        for x, y in trace:
            ras = view.origin + ((x / view.scale - 0.5) * view.right + (y / view.scale - 0.5) * view.down) * view.mm
            assert abs((ras - np.array(plane.origin)) @ n) < 1e-6


def test_lateral_projection_shows_the_object_at_its_place() -> None:
    empty = tilted_volume(12.0)
    hu = np.full(empty.shape, -1000, np.int16)
    hu[9, 30, :] = 1500
    volume = CTVolume(hu, empty.origins, empty.row_step, empty.col_step)
    view = views.sagittal(volume, 0.0, image_box(volume))
    shown = views.lateral_projection(volume, views.cut(volume, view))
    row, column = np.unravel_index(np.nanargmax(shown), shown.shape)
    x, y = np.array(view.project(volume.origins[9] + 30 * volume.col_step)) / view.scale
    assert abs(column + 0.5 - x) <= 1.0
    assert abs(row + 0.5 - y) <= 1.0


def test_views_across_the_slices_are_refused() -> None:
    volume = tilted_volume()
    with pytest.raises(ValueError, match="upright"):
        views.cut(volume, views.View(np.zeros(3), volume.k, volume.a, 1.0, (4, 4)))


# --- small parts ------------------------------------------------------------------------------------------------


def test_contours_enclose_the_area_of_the_mask() -> None:
    y, x = np.indices((80, 80))
    ring = (np.hypot(x - 40, y - 40) < 30) & (np.hypot(x - 40, y - 40) > 10)
    loops = svg.contours(ring)
    areas = [0.5 * float(np.sum(c[:, 0] * np.roll(c[:, 1], -1) - np.roll(c[:, 0], -1) * c[:, 1])) for c in loops]
    assert len(loops) == 2
    assert abs(sum(areas)) == pytest.approx(ring.sum(), rel=0.03)  # the hole runs the other way round
    assert svg.contours(np.zeros((5, 5), bool)) == []
    single = np.zeros((9, 9), bool)
    single[4, 4] = True
    assert np.abs(svg.contours(single)[0].mean(axis=0) - 4.5).max() < 0.5


@pytest.mark.parametrize("iqm", [m.id for m in IQMS])
def test_marker_of_the_range_strip_stands_over_the_band_of_the_value(iqm: str) -> None:
    m = IQM_BY_ID[iqm]
    edge = 1e-3
    limits = [r.high for r in ranges(m.knots)[:-1]]
    values = [-1e4, 0.0, 1e4, *(x + e for x in limits for e in (-edge, 0.0, edge))]
    for value in (v for v in values if v >= 0 or m.direction == "margin"):
        drawn = str(range_strip(m, value, f"{m.text(value)}, {m.band(value)}"))
        zones = [
            (float(x), float(x) + float(w), band)
            for x, w, band in re.findall(r'<rect x="([\d.]+)" y="12.0" width="([\d.]+)"[^>]*#p-(\w+)', drawn)
        ]
        at = float(re.findall(r'class="marker" d="M([\d.]+)|d="M([\d.]+) [\d.]+V2M', drawn)[0][1])
        assert any(low - 0.2 <= at <= high + 0.2 and band == m.band(value) for low, high, band in zones), (
            value,
            at,
            zones,
        )
        assert f", {m.band(value)};" in drawn


def test_numbers_are_printed_for_people() -> None:
    assert with_unit(-3.14159, "deg", signed=True) == "−3.14°"
    assert with_unit(12.345, "HU") == "12.3 HU"
    assert with_unit(1.77, "1") == "1.77"
    assert number(None) == "–"
    assert number(float("nan")) == "–"
    assert number(-0.0001, signed=True) == "0.00"
    assert esc("<&\"'>") == "&lt;&amp;&quot;&#x27;&gt;"
    assert tag("p", "<b>", class_='"x') == '<p class="&quot;x">&lt;b&gt;</p>'
