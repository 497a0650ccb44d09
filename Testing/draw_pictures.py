"""Every picture of README and Docs, and the numbers of the tutorial, from one run of the demonstration scan.

    make pictures

Needs what ``make test`` needs, and Chromium (``chromium``, ``chromium-browser`` or ``google-chrome`` on the path) for the report.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from many_records import write_many
from PIL import Image

from HeadCTIQALib.department.group import page as group_page
from HeadCTIQALib.department.table import rows
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.record import Record, read_record
from HeadCTIQALib.report.record import measured, score_and_spread
from HeadCTIQALib.volume import CTVolume, read

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
START, END = "<!-- numbers of the demonstration -->", "<!-- end -->"
SECTION = "symmetry_angle"  # whose evidence is shown
WIDTH, HEIGHT, GROUP_HEIGHT = 1200, 946, 1560
THUMBNAIL_PX = 260  # as 3D Slicer recommends for Sample Data
EDGE = 24  # white rows that stay below the last drawn one


def main() -> int:
    """Draw the pictures into Docs; returns an exit code."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        print(f"The report is drawn by a browser: install Chromium ({' or '.join(BROWSERS)} on the path).")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        run, drawn = Path(folder) / "run", Path(folder) / "drawn"
        drawn.mkdir()
        _headctiqa("simulate", "--demo", "--format", "dicom", "--output", str(run / "scan"))
        _headctiqa("assess", str(run / "scan" / "simulated-head"), "--output", str(run / "assessment"))
        report = (run / "assessment" / "report.html").read_text(encoding="utf-8")
        _shoot(browser, report, drawn / "report.png")
        _shoot(browser, _only(report, SECTION), drawn / "evidence.png")
        names = {"HEADCTIQA_SCREENSHOTS": str(drawn), "HEADCTIQA_DEMO": str(run)}
        test = ROOT / "Testing" / "slicer_module" / "test_pictures.py"
        subprocess.run([sys.executable, "-m", "pytest", "-n", "0", str(test)], check=True, env={**os.environ, **names})
        write_many(run / "cohort", 300, kinds=300)
        whole = group_page(run / "cohort", run / "group.html", rows(run / "cohort")[0])
        _shoot(browser, whole, drawn / "group.png", GROUP_HEIGHT)
        for name in ("report", "evidence", "group", "panel", "slicer"):
            shutil.copy(drawn / f"{name}.png", ROOT / "Docs" / f"{name}.png")
        draw_thumbnail(read(run / "scan" / "simulated-head"), ROOT / "Resources" / "Icons" / "SimulatedHead.png")
        record = read_record(run / "assessment")
        tutorial = ROOT / "Docs" / "tutorial.md"
        tutorial.write_text(with_numbers(tutorial.read_text(encoding="utf-8"), record), encoding="utf-8")
    return 0


def draw_thumbnail(volume: CTVolume, path: Path) -> None:
    """The middle slice of a scan in a brain window, as 3D Slicer's Sample Data shows it."""
    pixels = np.clip((volume.hu[len(volume.hu) // 2] + 20.0) / 120.0 * 255.0, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS).save(path, optimize=True)


def with_numbers(text: str, record: Record) -> str:
    """The tutorial with the verdict and the values of ``record`` between its marks."""
    entries = [(m, record.iqms[m.id]) for m in IQMS]
    rows = [
        "| Item | Metric | Score | Band |",
        "|---|---|---|---|",
        *(f"| {m.item_title} | {measured(e, m)} | {score_and_spread(e)} | {e.band} |" for m, e in entries),
    ]
    told = f"> {record.verdict.sentence}\n\nOverall {score_and_spread(record.overall)} of 100.\n\n" + "\n".join(rows)
    return re.sub(f"({START}\n\n).*?(\n*{END})", lambda m: f"{m[1]}{told}\n\n{END}", text, flags=re.DOTALL)


def _headctiqa(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "HeadCTIQALib", *words], check=True, cwd=ROOT)


def _only(report: str, iqm: str) -> str:
    """The report with nothing but the section of one metric."""
    head, _, rest = report.partition(f'<section class="iqm" id="{iqm}">')
    section = rest.partition("</section>")[0]
    start, styles = head.partition("<body>")[0], head.partition("<body>")[2].partition("</svg>")[0]
    return f'{start}<body>{styles}</svg><main><section class="iqm">{section}</section></main></body></html>'


def _shoot(browser: str, page: str, path: Path, height: int = HEIGHT) -> None:
    """The top of a page as a PNG of few colours, with the blank rows at its end cut off."""
    source = path.with_suffix(".html")
    source.write_text(page, encoding="utf-8")
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--force-color-profile=srgb",
    ]
    command += [f"--window-size={WIDTH},{height}", f"--screenshot={path}", source.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    image = Image.open(path).convert("RGB")
    last = int(np.flatnonzero((np.asarray(image) < 255).any(axis=(1, 2)))[-1])
    image = image.crop((0, 0, image.width, min(image.height, last + EDGE)))
    image.quantize(200, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    raise SystemExit(main())
