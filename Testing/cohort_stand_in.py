"""Assessment folders and reader tables without scans or networks, for tests of what happens to many of them."""

import json
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from assessment_stand_in import MODELS, find
from ellipsoid_head import simulated_head

from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.cohort.readers import ReaderValue, write_readers
from HeadCTIQALib.hierarchy import CATEGORIES, IQMS
from HeadCTIQALib.metrics.types import Evidence, Measurement, not_assessable
from HeadCTIQALib.record import Record, dump, rescored_record
from HeadCTIQALib.record.measured import iqm_entry
from HeadCTIQALib.scoring import DEFAULT, guideline_model, score

LOW = np.array([0, 0, 0, -8, -8, 3, 0.8, 0, 0, 0])
HIGH = np.array([9, 14, 28, 34, 45, 7, 2.0, 12, 0.6, 9])
SCANNERS = (("GE", "Revolution", "STANDARD", 5.0), ("Siemens", "Force", "Hr40", 1.0), ("Philips", "iCT", "UB", 3.0))


@cache
def template() -> tuple[Record, str]:
    """Record and report of one stand-in assessment."""
    from HeadCTIQALib.report import render

    volume = simulated_head(slices=24, matrix=64, pixel_mm=3.6, spacing_mm=9.0)
    findings = find(volume)
    result = evaluate(volume, findings, models=MODELS)
    return result.record, render(result.record, volume, findings)


def values(n: int, seed: int = 0) -> np.ndarray:
    """(n, 10) values of the IQMs, uniform over what readers tell apart."""
    return np.random.default_rng(seed).uniform(LOW, HIGH, (n, len(IQMS)))


def write_cohort(
    root: Path, iqms: np.ndarray, report: bool = False, names: list[str] | None = None, scanner: int | None = None
) -> list[str]:
    """One assessment folder a row of ``iqms`` (NaN: not assessable); returns the names."""
    base, html = template()
    names = names or [f"scan{n:03d}" for n in range(len(iqms))]
    for n, (name, row) in enumerate(zip(names, iqms, strict=True)):
        measured = {
            m.id: not_assessable(m.id, "It was not seen.")
            if np.isnan(v)
            else Measurement(m.id, round(float(v), 4), evidence=Evidence())
            for m, v in zip(IQMS, row, strict=True)
        }
        record = msgspec.structs.replace(base, iqms={i: iqm_entry(m, DEFAULT) for i, m in measured.items()})
        record = rescored_record(record, score(measured, guideline_model()), guideline_model())
        maker, model, kernel, thickness = SCANNERS[n % 3 if scanner is None else scanner]
        acquisition = msgspec.structs.replace(
            record.input.acquisition, manufacturer=maker, model=model, kernel=kernel, slice_thickness_mm=thickness
        )
        sha = f"{n:04x}{abs(hash(name)) % 16**12:012x}" * 4
        scan = msgspec.structs.replace(record.input, sha256=sha, acquisition=acquisition)
        record = msgspec.structs.replace(record, input=scan)
        folder = root / name
        folder.mkdir(parents=True)
        (folder / "assessment.json").write_text(dump(record), encoding="utf-8")
        if report:
            (folder / "report.html").write_text(html, encoding="utf-8")
    return names


def guideline_scores(iqms: np.ndarray) -> np.ndarray:
    """(n, 7) scores of the guideline model."""
    rows = []
    for row in iqms:
        s = score({m.id: Measurement(m.id, float(v)) for m, v in zip(IQMS, row, strict=True)}, guideline_model())
        rows.append([*(s.categories[c.id].score for c in CATEGORIES), s.overall.score])
    return np.array(rows)


def write_reader_table(
    path: Path,
    names: list[str],
    iqms: np.ndarray,
    readers: int = 3,
    noise: float = 4.0,
    seed: int = 1,
    harsher: float = 5.0,
) -> None:
    """Readers who follow the guideline, ``harsher`` points lower, each with noise of their own; and who measure with 5 % noise."""
    rng = np.random.default_rng(seed)
    truth = guideline_scores(iqms) - harsher
    rows = []
    for r in range(readers):
        scores = np.clip(truth + rng.normal(0, noise, truth.shape), 0, 100)
        span = 0.05 * (HIGH - LOW)
        measured = iqms + rng.normal(0, 1, iqms.shape) * span
        for n, name in enumerate(names):
            rows += [
                ReaderValue(name, f"R{r + 1}", t, float(scores[n, k]))
                for k, t in enumerate((*(c.id for c in CATEGORIES), "overall"))
            ]
            rows += [
                ReaderValue(name, f"R{r + 1}", m.id, _within(m, float(measured[n, k]))) for k, m in enumerate(IQMS)
            ]
    write_readers(path, rows)


def _within(m, value: float) -> float:
    return value if m.direction == "margin" else max(0.0, value)


def record_of(folder: Path) -> dict:
    return json.loads((folder / "assessment.json").read_text(encoding="utf-8"))
