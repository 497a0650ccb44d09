"""How long a correction takes until measurements and scores are new, on a scan of 300 slices of 512 x 512.

    python Testing/benchmark/correction_speed.py [--slices 300]

Seconds of processor time (all threads together) and of wall time until the record has new metrics and scores, for each
kind of correction (the target is 0.5 s); then until the report-only numbers are new as well.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

# ruff: noqa: E402 - from the source tree, wherever this is started
from labelled_head import labelled_head

from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.assessment.review import Review
from HeadCTIQALib.findings import Tissue


def corrections(review: Review) -> dict[str, Callable[[], object]]:
    """Name to what a person does; the arrays are made beforehand, as 3D Slicer hands them over."""
    findings, (k, j, i) = review.findings, (n // 2 for n in review.volume.shape)

    def painted(old: Tissue, new: Tissue) -> np.ndarray:
        tissue = findings.tissue.copy()
        block = tissue[k + 15 : k + 35, j - 60 : j + 60, i - 110 : i + 60]
        block[block == old] = new
        return tissue

    streak = findings.streak.copy()  # type: ignore[union-attr]
    streak[k - 3 : k + 3, j - 20 : j + 20, i - 80 : i + 80] = True
    masks = {
        "white matter painted as brain": painted(Tissue.WHITE, Tissue.BRAIN),
        "brain painted as fluid": painted(Tissue.BRAIN, Tissue.CSF),
        "brain erased": painted(Tissue.BRAIN, Tissue.OUTSIDE),
        "white matter erased": painted(Tissue.WHITE, Tissue.OUTSIDE),
    }
    return {
        "plane moved": lambda: review.move_plane((0, 0, 0), (1, 0.05, 0), corrector="x"),
        "point moved": lambda: review.move_points({"VERTEX": (0, 0, 98)}, corrector="x"),
        "foramen magnum moved": lambda: review.move_points({"BASION": (0, -8, -80)}, corrector="x"),
        "slices graded": lambda: review.grade_slices([(10, 40, 2)], corrector="x"),
        "value typed": lambda: review.type_value("noise", 5.0, corrector="x", reason="x"),
        "streak painted": lambda: review.paint_streak(streak, corrector="x"),
        **{name: (lambda tissue=tissue: review.paint(tissue, corrector="x")) for name, tissue in masks.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=300)
    slices = parser.parse_args().slices
    volume, findings = labelled_head(slices, 512, 0.46, 225.0 / slices)
    review = Review.of(evaluate(volume, findings))
    review.prepare()  # as 3D Slicer does when it shows the scan
    print(f"{'correction':32s} {'processor s':>12s} {'wall s':>8s} {'then all, processor s':>22s}")
    for name, correct in corrections(review).items():
        wall, used = time.perf_counter(), time.process_time()
        correct()
        _ = review.preview
        wall, used = time.perf_counter() - wall, time.process_time() - used
        began = time.process_time()
        _ = review.record
        print(f"{name:32s} {used:12.2f} {wall:8.2f} {time.process_time() - began:22.2f}", flush=True)
        if review.can_undo:
            review.undo()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
