"""The loaders under attack, each with what must hold of whatever it accepts; "" when it does, else a word about what does not."""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from . import seeds


def volume(path: Path, stored: Path) -> str:
    """`read` and `check`, as every command that takes a scan calls them."""
    from HeadCTIQALib.volume import check, read

    scan = read(path)
    fault = _volume_fault(scan)
    if fault:
        return fault
    for sentence in (*scan.warnings, *check(scan)):
        if not sentence.isprintable():
            return f"a warning holds characters for the terminal: {sentence!r}"
    return ""


def _volume_fault(scan: Any) -> str:
    slices, rows, columns = scan.hu.shape
    if scan.hu.dtype != np.int16 or not scan.hu.flags.c_contiguous or min(slices, rows, columns) < 1:
        return f"hu is {scan.hu.dtype} of shape {scan.hu.shape}"
    if scan.padding is not None and scan.padding.shape != scan.hu.shape:
        return "padding of another shape"
    for name in ("origins", "row_step", "col_step", "slice_positions", "slice_widths", "k"):
        if not np.isfinite(getattr(scan, name)).all():
            return f"{name} is not finite"
    if min(scan.pixel_spacing) <= 0 or abs(np.linalg.norm(scan.k) - 1) > 1e-6:
        return "no pixel size, or no direction"
    for name, value in dataclasses.asdict(scan.acquisition).items():
        if isinstance(value, float) and not math.isfinite(value):
            return f"acquisition.{name} is {value}"
        if isinstance(value, str) and not value.isprintable():
            return f"acquisition.{name} is {value!r}"
    texts = (scan.source.name, scan.source.chosen_because, *scan.source.series_considered)
    return next((f"the source says {t!r}" for t in texts if not t.isprintable()), "")


UNDONE = 10  # steps; nobody takes back thousands one by one


@cache
def _seed_volume(stored: Path) -> Any:
    from HeadCTIQALib.volume import read

    return read(stored / seeds.VOLUME)


def assessment(path: Path, stored: Path) -> str:
    """`load_assessment` and what the module does next: a review, its scores, and the record to be written again."""
    from HeadCTIQALib.assessment import load_assessment
    from HeadCTIQALib.assessment.review import Review
    from HeadCTIQALib.record import dump

    scan = _seed_volume(stored)
    review = Review.open(load_assessment(path, scan), scan)
    findings = review.findings
    if findings.tissue.shape != scan.shape or findings.tissue.dtype != np.uint8:
        return f"tissue is {findings.tissue.dtype} of shape {findings.tissue.shape}"
    if not all(np.isfinite(p.position).all() for p in findings.landmarks.values()):
        return "a landmark is nowhere"
    fault = _values_fault(review.measurements)
    for _ in range(UNDONE):
        if review.can_undo:
            review.undo()
    fault = fault or _values_fault(review.measurements)
    dump(review.record).encode("utf-8")
    overall = review.scores.overall.score
    return fault or ("" if overall is None or 0 <= overall <= 100 else f"the overall score is {overall}")


def _values_fault(measurements: Any) -> str:
    return next(
        (f"{m.iqm} is {m.value}" for m in measurements.values() if m.value is not None and not math.isfinite(m.value)),
        "",
    )


def cohort(path: Path, stored: Path) -> str:
    """What `evaluate` and `rescore` read."""
    from HeadCTIQALib.cohort.rescore import rescore
    from HeadCTIQALib.cohort.scans import load_scans, values_of
    from HeadCTIQALib.scoring import guideline_model

    done = rescore(path, guideline_model())
    if not all(str(error).isprintable() for error in done.failed):
        return f"a sentence holds characters for the terminal: {done.failed}"
    values = values_of(load_scans(path)[0])
    return "a value is infinite" if np.isinf(values).any() else ""


def readers(path: Path, stored: Path) -> str:
    """`read_readers`."""
    from HeadCTIQALib.cohort.readers import read_readers

    table = read_readers(path)
    if not all(v.value is None or math.isfinite(v.value) for v in table.values):
        return "a value is not finite"
    return next(
        (f"a warning holds characters for the terminal: {w!r}" for w in table.warnings if not w.isprintable()), ""
    )


def scoring(path: Path, stored: Path) -> str:
    """`load_model`, and a score by it."""
    from HeadCTIQALib.record import measurements_from_record, read_record
    from HeadCTIQALib.scoring import load_model, score

    model = load_model(path)
    overall = score(measurements_from_record(read_record(stored / "cohort" / "one")), model).overall.score
    return "" if overall is None or math.isfinite(overall) else f"the overall score is {overall}"


def bundle(path: Path, stored: Path) -> str:
    """`open_bundle`, and what a record says of it."""
    from HeadCTIQALib.networks.bundles import open_bundle

    opened = open_bundle.__wrapped__(path.name, path.parent)
    return "" if isinstance(opened.title, str) and isinstance(opened.card, dict) else "no title"
