"""Small assessments that come out the same on every machine: simulated heads measured on what is true of them, without networks.

python Testing/golden/small.py    write ``expected`` anew, after a change that is meant to change what is said
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

EXPECTED = Path(__file__).parent / "expected"
if __name__ == "__main__":
    sys.path[:0] = [str(EXPECTED.parents[2]), str(EXPECTED.parent)]

import numpy as np  # noqa: E402
from said import report, said, sentences  # noqa: E402

from HeadCTIQALib.assessment import evaluate, load_assessment  # noqa: E402
from HeadCTIQALib.assessment.regions import Region  # noqa: E402
from HeadCTIQALib.assessment.review import Review  # noqa: E402
from HeadCTIQALib.cohort.rescore import rescore_folder  # noqa: E402
from HeadCTIQALib.findings import Tissue  # noqa: E402
from HeadCTIQALib.metrics.unmeasurable import with_limits  # noqa: E402
from HeadCTIQALib.scoring import guideline_model  # noqa: E402
from HeadCTIQALib.scoring.choice import chosen_model  # noqa: E402
from HeadCTIQALib.synthesis import EXTERNAL, INTERNAL, Simulated, random_scene, simulate  # noqa: E402

NETWORKS = ({"name": "none", "version": "1", "data_source": "nothing", "license": "Apache-2.0", "sha256": "0" * 64},)
OLD = EXPECTED.parents[1] / "records" / "assessment-1.0.json"


def assessments(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name of every assessment and what it says; folders are made in ``root``."""
    scan = simulate(5, scene=random_scene(5, INTERNAL, matrix=96))
    folder = _assess(scan, root / "internal")
    yield "internal", _all(folder)
    corrected = _corrected(scan, folder, root / "corrected")
    yield "corrected", _all(corrected)
    rescore_folder(corrected, chosen_model(profile="eur"))
    yield "by-another-profile", _all(corrected)
    yield "external", _all(_assess(simulate(8, scene=random_scene(8, EXTERNAL[1], matrix=96)), root / "external"))
    old = root / "old"
    old.mkdir()
    (old / "assessment.json").write_bytes(OLD.read_bytes())
    rescore_folder(old, guideline_model())
    yield "of-version-1.0", said(old)


def _all(folder: Path) -> dict[str, Any]:
    return {**said(folder), "report": sentences(report(folder))}


def _assess(scan: Simulated, folder: Path) -> Path:
    findings = with_limits(scan.volume, scan.findings)
    return evaluate(scan.volume, findings, models=NETWORKS, timings={"Reading the scan": 1.0}).write(folder)


def _corrected(scan: Simulated, folder: Path, target: Path) -> Path:
    """Every kind of correction, one of them taken back, written, opened and written again."""
    volume = scan.volume
    review = Review.open(load_assessment(folder, volume), volume)
    review._now = lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    tissue = review.findings.tissue.copy()
    painted = np.isin(tissue, (Tissue.WHITE, Tissue.GREY))
    painted[:, :, : tissue.shape[2] // 2] = False
    tissue[painted] = Tissue.CSF
    review.paint(tissue, corrector="AB", iqm="gray_white_cnr")
    streak = np.zeros(volume.shape, bool)
    streak[volume.shape[0] // 2, 40:50, 40:50] = True
    review.paint_streak(streak, corrector="AB", iqm="streak_extent", reason="A streak")
    x, y, z = (float(c) for c in volume.ijk_to_ras(np.array([[48.0, 48.0, volume.shape[0] / 2]]))[0])
    review.move_plane((x, y, z), (0.999, 0.04, 0.02), corrector="CD")
    review.move_points(
        {"EAM_R": (x + 60.0, y, z - 40.0), "EAM_L": (x - 61.0, y, z - 42.0)}, corrector="CD", iqm="baseline_angle"
    )
    review.grade_slices([(2, 5, 3), (7, 7, -1)], corrector="CD")
    box = Region((x + 20.0, y, z + 10.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), (30.0, 60.0, 30.0))
    review.place_regions("noise", {"brain": box}, corrector="AB")
    review.type_value("vertex_margin", 12.5, corrector="AB", reason="measured by hand")
    review.type_value("foreign_object_volume", 1.5, corrector="AB", reason="a clip")
    review.revert("foreign_object_volume")
    review.write(target)
    again = Review.open(load_assessment(target, volume), volume)
    again.undo()
    again.redo()
    again.write(target)
    return target


def main() -> None:
    """Write the expected files."""
    EXPECTED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as root:
        for name, found in assessments(Path(root)):
            (EXPECTED / f"{name}.json").write_text(
                json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
            )


if __name__ == "__main__":
    main()
