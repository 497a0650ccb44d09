"""A cohort of thousands of synthetic records: one record of the stand-in, with values and acquisition of their own."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
from cohort_stand_in import SCANNERS, template, values

from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.metrics.types import Evidence, Measurement, not_assessable
from HeadCTIQALib.record import Record, rescored_record
from HeadCTIQALib.record.measured import iqm_entry
from HeadCTIQALib.scoring import DEFAULT, guideline_model, score

_KINDS = 60  # different sets of values; the others repeat them, as scoring 10,000 records is not what is tested
BEGAN = datetime(2025, 1, 1, 6)


def write_many(root: Path, count: int, seed: int = 0) -> None:
    """``count`` assessment folders with records alone; scans of three scanners, one every ten minutes."""
    rng = np.random.default_rng(seed)
    kinds = [_record(row) for row in values(_KINDS, seed)]
    for n in range(count):
        folder = root / f"head-{n:06d}"
        folder.mkdir(parents=True)
        record = at(kinds[n % _KINDS], n, noise=float(np.round(4.5 * np.exp(rng.normal(0, 0.08)), 3)))
        (folder / "assessment.json").write_bytes(msgspec.json.encode(record))


def at(record: Record, n: int, noise: float | None = None, scanner: int | None = None) -> Record:
    """``record`` as the n-th scan of a day, optionally with another noise."""
    k = n % len(SCANNERS) if scanner is None else scanner
    maker, model, kernel, thickness = SCANNERS[k]
    acquisition = msgspec.structs.replace(
        record.input.acquisition, manufacturer=maker, model=model, kernel=kernel, slice_thickness_mm=thickness, scanner_id=f"{k:016x}",
        acquired=(BEGAN + timedelta(minutes=10 * n)).strftime("%Y%m%dT%H%M%S"), ctdi_vol_mgy=50.0 + n % 7,
    )  # fmt: skip
    scan = msgspec.structs.replace(record.input, sha256=f"{n:064x}", acquisition=acquisition)
    iqms = {id_: record.iqms[id_] for id_ in record.iqms}
    if noise is not None:
        iqms["noise"] = iqm_entry(Measurement("noise", noise, evidence=Evidence()), DEFAULT)
    return msgspec.structs.replace(
        record, input=scan, iqms=type(record.iqms)(**iqms) if hasattr(type(record.iqms), "__struct_fields__") else iqms
    )


def _record(row: np.ndarray) -> Record:
    measured = {
        m.id: not_assessable(m.id, "It was not seen.")
        if np.isnan(v)
        else Measurement(m.id, round(float(v), 4), evidence=Evidence())
        for m, v in zip(IQMS, row, strict=True)
    }
    record = msgspec.structs.replace(template()[0], iqms={i: iqm_entry(m, DEFAULT) for i, m in measured.items()})
    return rescored_record(record, score(measured, guideline_model()), guideline_model())
