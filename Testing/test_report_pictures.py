"""The pictures of the report: lossless, native, enlargeable without scripts, numbered; the contact sheet; bounds; paper."""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sound_record import sound
from test_report import Page, head_scene, sample_record

from HeadCTIQALib.findings.types import Findings, Landmark
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.report import render, svg, views
from HeadCTIQALib.report.boxes import Box, image_box
from HeadCTIQALib.report.canvas import grey_uri, window_words, windowed
from HeadCTIQALib.report.document import css_string, rescored
from HeadCTIQALib.report.scene import Scene
from HeadCTIQALib.report.sheet import MOST, cells, choose
from HeadCTIQALib.resources import resource
from HeadCTIQALib.volume.types import CTVolume, Lost


def long_scene(slices: int = 60) -> tuple[CTVolume, Findings]:
    """:func:`head_scene` with every slice several times, square pixels, and motion and streaks in some slices."""
    volume, findings = head_scene(0.0)
    which = np.arange(slices) * volume.shape[0] // slices
    origins = np.stack([np.full(slices, 90.0), np.full(slices, 105.0), 2.5 * np.arange(slices) - 60.0], axis=1)
    assert findings.streak is not None
    streak, grades = np.zeros((slices, *volume.shape[1:]), bool), np.zeros(slices, np.int8)
    grades[[20, 21, 22, 40]] = (1, 3, 2, 1)
    streak[33, 25:40, 10:50] = True
    long = CTVolume(np.ascontiguousarray(volume.hu[which]), origins, np.array([-3.1, 0, 0]), np.array([0, -3.1, 0]))
    return long, replace(
        findings, tissue=np.ascontiguousarray(findings.tissue[which]), streak=streak, motion_grades=grades
    )


def long_record(volume: CTVolume, findings: Findings) -> dict[str, Any]:
    record = sample_record(volume, findings)
    record["iqms"]["motion_extent"]["evidence"] |= {"slice_index": 21, "slices": [20, 21, 22, 40]}
    record["iqms"]["streak_extent"]["evidence"] |= {"slice_index": 33, "slices": [33]}
    record["iqms"]["vertex_margin"]["evidence"] |= {"slices": [volume.shape[0] - 1]}
    record["verdict"]["limiting"] = ["vertex_margin", "motion_extent"]
    return record


@pytest.fixture(scope="module")
def scene() -> tuple[CTVolume, Findings]:
    return long_scene()


@pytest.fixture(scope="module")
def document(scene: tuple[CTVolume, Findings]) -> str:
    return render(sound(long_record(*scene), scene[0]), *scene)


def opened(uri: str | None) -> Image.Image:
    assert uri is not None
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"))))


# --- lossless and native ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pixel", [0.21, 0.43, 0.98])
@pytest.mark.parametrize("flip", [1, -1])
def test_axial_pictures_are_the_native_pixels(pixel: float, flip: int) -> None:
    hu = np.random.default_rng(2).integers(-100, 200, (3, 70, 90)).astype(np.int16)
    volume = CTVolume(
        hu,
        np.array([[10.3, 7.7, z] for z in (0.0, 5.0, 11.0)]),
        np.array([-flip * pixel, 0, 0]),
        np.array([0, -pixel, 0]),
    )
    box = image_box(volume, 1)
    view = views.axial(volume, 1, box)
    assert view.shape == (70, 90)
    expected = hu[1] if flip == 1 else hu[1, :, ::-1]
    assert np.array_equal(views.cut(volume, view).hu(volume), expected)
    cropped = views.axial(
        volume,
        1,
        Box((box.r[0] + 9.4 * pixel, box.r[1] - 12.3 * pixel), (box.a[0] + 5.2 * pixel, box.a[1] - 7.6 * pixel), box.k),
    )
    shown = views.cut(volume, cropped).hu(volume)
    assert any(
        np.array_equal(shown, expected[j : j + shown.shape[0], i : i + shown.shape[1]])
        for j in (7, 8)
        for i in (12, 13)
    )


def test_slices_stored_by_columns_are_shown_by_the_same_pixels() -> None:
    hu = np.random.default_rng(4).integers(-100, 200, (2, 50, 40)).astype(np.int16)
    volume = CTVolume(
        hu, np.array([[10.0, 7.0, z] for z in (0.0, 5.0)]), np.array([0, -0.7, 0]), np.array([-0.7, 0, 0])
    )
    view = views.axial(volume, 0, image_box(volume, 0))
    assert np.array_equal(views.cut(volume, view).hu(volume), hu[0].T)


@pytest.mark.parametrize("degrees", [0.0, 30.0, 45.0, 90.0])
def test_upright_pictures_of_a_single_slice_follow_their_line(degrees: float) -> None:
    j, i = np.indices((60, 60))
    volume = CTVolume(
        (3 * i + 7 * j).astype(np.int16)[None],
        np.array([[30.0, 30.0, 0.0]]),
        np.array([-1.0, 0, 0]),
        np.array([0, -1.0, 0]),
    )
    start = np.array([0.0, 0.0, 0.0])
    ahead = start + [np.sin(np.radians(degrees)), np.cos(np.radians(degrees)), 0]
    view = views.upright_along(volume, start, ahead, Box((-20, 20), (-20, 20), (-0.5, 0.5)))
    shown = views.cut(volume, view).hu(volume)[0]
    ras = view.origin + np.arange(view.shape[1])[:, None] * view.mm * view.right
    ijk = volume.ras_to_ijk(ras)
    assert shown == pytest.approx(3 * ijk[:, 0] + 7 * ijk[:, 1], abs=0.01)


def test_grey_pictures_lose_nothing() -> None:
    hu = np.random.default_rng(3).normal(40, 30, (50, 60)).astype(np.float32)
    grey = windowed(hu, (40.0, 80.0))
    assert np.array_equal(np.asarray(opened(grey_uri(grey))), grey)


def test_upright_pictures_are_no_coarser_than_the_scan() -> None:
    fine, coarse = (
        CTVolume(
            np.zeros((n, 40, 40), np.int16),
            np.array([[0, 0, gap * k] for k in range(n)], float),
            np.array([-0.5, 0, 0]),
            np.array([0, -0.5, 0]),
        )
        for n, gap in ((9, 5.0), (60, 0.3))
    )
    for volume, mm in ((fine, 0.5), (coarse, 0.3)):
        box = image_box(volume)
        for view in (
            views.sagittal(volume, -10.0, box),
            views.coronal(volume, -10.0, box),
            views.upright_along(volume, np.array([-10.0, -15, 1]), np.array([-10.0, -5, 2]), box),
        ):
            assert view.mm == pytest.approx(mm)
            assert view.size[1] == pytest.approx(views.WIDTH) or view.size[0] == pytest.approx(views.HEIGHT)


def test_every_picture_of_the_evidence_is_a_png_that_enlarges_without_scripts(document: str) -> None:
    evidence = document.split('<section id="evidence">')[1].split('<section id="audit">')[0]
    figures = re.findall(r"<figure>(.*?)</figure>", evidence, re.DOTALL)
    pictures = [f for f in figures if "<img" in f]
    assert len(pictures) >= 15
    for figure in pictures:
        assert re.match(
            r'<label class="shown" style="--wide:[\d.]+;--tall:[\d.]+"><input type="checkbox" class="zoom" aria-label="Enlarge: [^"]{15,}"><span class="stage">',
            figure,
        )
        (size,) = re.findall(r'width="(\d+)" height="(\d+)"><svg', figure)
        (uri,) = re.findall(r'<img src="(data:image/png;base64,[^"]+)"', figure)
        assert opened(uri).size == (int(size[0]), int(size[1]))
    style = resource("Report", "report.css").read_text()
    assert ".zoom:checked + .stage { position: fixed" in style.split("@media screen")[1].split("(max-width: 820px)")[0]
    assert ".zoom:focus-visible + .stage { outline" in style
    assert "<script" not in document


def test_windows_are_worded_and_slices_numbered_on_every_picture(document: str) -> None:
    assert window_words((40.0, 80.0)) == "W 80 L 40"
    assert window_words((-100.4, 1000.0)) == "W 1000 L −100"
    for figure in re.findall(r"<figure>(.*?)</figure>", document, re.DOTALL):
        if "<img" not in figure:
            continue
        drawn, caption = figure.split("<figcaption>")
        assert re.search(r"W \d+ L −?\d+|colour", caption)
        numbers = re.findall(r'class="small">(?:slice )?(\d+)(?:, (?:first|last) image)?<', drawn)
        assert numbers
        if "Axial" in caption and "slice" in caption:
            assert f"slice {numbers[0]} of 60" in caption
    for number, cell in re.findall(r'<li class="cell[^"]*" id="slice-(\d+)">(.*?)</li>', document, re.DOTALL):
        assert f'<b class="number">{number}</b>' in cell


# --- the contact sheet ------------------------------------------------------------------------------------------


def test_slices_of_the_sheet_are_even_and_hold_what_is_wanted() -> None:
    even = choose(80, [])
    assert len(even) == MOST
    assert (even[0], even[-1]) == (0, 79)
    assert set(np.diff(even)) == {3, 4}
    wanted = [50, 51, 52, 7, 30]
    chosen = choose(200, wanted)
    assert set(wanted) <= set(chosen)
    assert len(chosen) == MOST
    assert max(np.diff(chosen)) <= 14
    assert choose(200, range(50, 150))[0] == 0
    assert len(choose(200, range(50, 150))) == MOST
    assert [choose(n, [3]) for n in (1, 2, 9)] == [[0], [0, 1], list(range(9))]


def test_sheet_has_the_worst_slices_marked_and_the_evidence(document: str, scene: tuple[CTVolume, Findings]) -> None:
    top = document.split("<main>")[0]
    found = {
        int(n): (kind.strip(), Page(f"<div>{body}</div>").words)
        for kind, n, body in re.findall(
            r'<li class="cell( worst| noted)?(?: limiting)?" id="slice-(\d+)">(.*?)</li>', top, re.DOTALL
        )
    }
    assert len(found) == MOST
    assert list(found) == sorted(found)
    assert [found[n][0] for n in (21, 22, 23, 34, 41, 60)] == ["noted", "worst", "worst", "worst", "noted", ""]
    assert "motion, grade 3 of 3" in found[22][1]
    assert re.search(r"streaks in \d\d % of the brain", found[34][1])
    assert "limits: coverage of the vertex" in found[60][1]
    assert '<li class="cell limiting" id="slice-60">' in top
    record = long_record(*scene)
    for entry in record["iqms"].values():
        index = entry["evidence"].get("slice_index")
        assert index is None or index + 1 in found
    assert 'href="#motion_extent"' in document.split('id="slice-22"')[1].split("</li>")[0]
    assert 'class="zoom"' in document.split('id="slice-23"')[1].split("</li>")[0]
    assert "24 of 60 slices, W 80 L 40; slice 1 is the lowest." in Page(top + "</body></html>").words


def test_motion_everywhere_is_shown_from_everywhere(scene: tuple[CTVolume, Findings]) -> None:
    volume, findings = scene
    record = long_record(volume, findings)
    record["iqms"]["motion_extent"]["evidence"]["slices"] = list(range(60))
    found = cells(Scene(volume, replace(findings, motion_grades=np.full(60, 2, np.int8)), sound(record, volume).iqms))
    assert len(found) == MOST
    assert max(np.diff([c.index for c in found])) <= 8
    assert all(c.kind == "worst" for c in found)


def test_clean_scans_have_no_marks_and_lost_slices_are_marked(scene: tuple[CTVolume, Findings]) -> None:
    volume, findings = scene
    record = long_record(volume, findings)
    for iqm in ("motion_extent", "streak_extent"):
        record["iqms"][iqm]["evidence"]["slices"] = []
    assert not any(c.kind for c in cells(Scene(volume, findings, sound(record, volume).iqms)))
    z = volume.slice_positions
    gap = replace(volume, lost=(Lost("3 files cannot be read", float(z[30]), float(z[31]), 3),))
    marked = {
        c.index: Page(f"<div>{c.body}</div>").words
        for c in cells(Scene(gap, findings, sound(record, volume).iqms))
        if c.kind
    }
    assert {i: words.split("slices ")[1] for i, words in marked.items()} == {30: "lost above", 31: "lost below"}


def test_rescored_report_keeps_the_sheet_and_marks_what_limits_now(
    document: str, scene: tuple[CTVolume, Findings]
) -> None:
    record = long_record(*scene)
    assert rescored(sound(record, scene[0]), document) == document
    record["verdict"]["limiting"] = ["noise"]
    again = rescored(sound(record, scene[0]), document)
    assert "limits: coverage" not in again
    assert "limits: noise" in again.split('id="slice-13"')[1].split("</li>")[0]
    assert again == render(sound(record, scene[0]), *scene)


# --- bounds and estimates ---------------------------------------------------------------------------------------


def test_a_bound_is_a_dashed_line_with_its_words_and_never_a_point(scene: tuple[CTVolume, Findings]) -> None:
    volume, findings = scene
    record = long_record(volume, findings)
    record["iqms"]["vertex_margin"] |= {"value": -32.0, "bound": "at_most"}
    record["iqms"]["vertex_margin"]["evidence"]["points"] = {
        "VERTEX": [float(x) for x in volume.image_centres[-1] + 32 * volume.k]
    }
    record["iqms"]["foramen_magnum_margin"] |= {"value": -18.0, "bound": "at_most"}
    record["iqms"]["foramen_magnum_margin"]["evidence"]["points"] = {
        "foramen magnum": [float(x) for x in volume.image_centres[0] - 18 * volume.k]
    }
    report = render(sound(record, volume), volume, findings)
    overview = report.split('<div class="scout">')[1].split("</figure>")[0]
    for part, words in (
        (overview, ("vertex: at least 32 mm missing", "foramen magnum: at least 18 mm missing")),
        (report.split('id="vertex_margin"')[1].split("</section>")[0], ("vertex: at least 32 mm missing",)),
        (
            report.split('id="foramen_magnum_margin"')[1].split("</section>")[0],
            ("foramen magnum: at least 18 mm missing",),
        ),
    ):
        for said in words:
            assert said in part
        assert 'class="bound"' in part
        assert 'class="point"' not in part
    assert re.search(r"\.bound \{[^}]*stroke-dasharray", resource("Report", "report.css").read_text())


def test_an_estimate_outside_the_scan_is_dashed_and_called_so(scene: tuple[CTVolume, Findings]) -> None:
    volume, findings = scene
    above = tuple(float(x) for x in volume.image_centres[-1] + 7 * volume.k)
    marks = {**findings.landmarks, "VERTEX": Landmark(above, 0.9, in_scan=False, source="analytic")}
    record = long_record(volume, findings)
    record["iqms"]["vertex_margin"] |= {"value": -7.0}
    record["iqms"]["vertex_margin"]["evidence"]["points"] = {"VERTEX": list(above)}
    report = render(sound(record, volume), volume, replace(findings, landmarks=marks))
    for part in (
        report.split('<div class="scout">')[1].split("</figure>")[0],
        report.split('id="vertex_margin"')[1].split("</section>")[0],
    ):
        assert "vertex of the scalp (estimated)" in part
        assert 'class="point estimated"' in part


def test_hatching_is_lines_within_its_rectangle() -> None:
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", re.findall(r' d="([^"]*)"', svg.hatch(0, 100, 20, 45))[0])]
    x, y = np.array(numbers).reshape(-1, 2).T
    assert x.min() >= 0
    assert x.max() <= 100
    assert y.min() >= 20
    assert y.max() <= 45


# --- paper ------------------------------------------------------------------------------------------------------


def test_page_header_carries_the_scan_and_no_style_of_its_own(scene: tuple[CTVolume, Findings]) -> None:
    assert css_string("HeadCTIQA: scan 7") == '"HeadCTIQA: scan 7"'
    record = long_record(*scene)
    record["input"]["name"] = '"; } body { display: none } </style><b>\\'
    style = render(sound(record, scene[0]), *scene).split("<style>")[1].split("</style>")[0]
    header = style.split('@top-left { content: "HeadCTIQA: ')[1]
    assert header.split('"; } }')[0].count('"') == 0
    assert header.endswith('"; } }')
    assert "display: none } <" not in style


def test_pictures_are_drawn_without_patterns(document: str) -> None:
    """A browser prints every patterned shape as a picture of its own."""
    assert not [f for f in re.findall(r"<figure>(.*?)</figure>", document, re.DOTALL) if "<img" in f and "url(#" in f]


def test_printed_report_is_short_small_and_has_two_metrics_a_page(document: str, tmp_path: Path) -> None:
    browser = next((b for b in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if b), None)
    if browser is None:
        pytest.skip("no Chromium to print with")
    page, paper = tmp_path / "report.html", tmp_path / "report.pdf"
    page.write_text(document, encoding="utf-8")
    how = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-pdf-header-footer",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--print-to-pdf={paper}",
    )
    subprocess.run([browser, *how, page.as_uri()], check=True, capture_output=True, timeout=120)
    data = paper.read_bytes()
    assert len(data) < 3_000_000
    assert 9 <= len(re.findall(rb"/Type ?/Page\b", data)) <= 14
    pages = [
        re.findall(rb"/%s \[(\d+) 0 R /XYZ" % m.id.encode(), data) for m in IQMS
    ]  # where the links to the sections lead
    assert all(len(found) == 1 for found in pages)
    assert [pages[n] == pages[n + 1] for n in range(len(pages) - 1)] == [n % 2 == 0 for n in range(len(pages) - 1)]
