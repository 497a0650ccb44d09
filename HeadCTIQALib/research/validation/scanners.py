"""Motion, streaks and sharp kernels on real scans, told apart by whether the networks were taught on the scan.

The degradations are those of :mod:`.heldout`, of which training knows nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.findings.types import INTRACRANIAL, Findings
from HeadCTIQALib.metrics import Measurement, measure
from HeadCTIQALib.progress import Progress, share, silent
from HeadCTIQALib.volume.types import CTVolume
from HeadCTIQALib.writing import write_text

from . import scanner_tables
from .heldout.cases import Case, plan
from .output import check_folder, scans_in, stored_row

if TYPE_CHECKING:
    from HeadCTIQALib.networks.types import Infer

STAGE = "Degrading real scans"
FORMAT = 1
REPEATS = 3
MEASURED = ("motion_extent", "streak_extent", "foreign_object_volume")


def by_scanner(
    folder: Path,
    output: Path,
    *,
    device: str = "cpu",
    engine: str = "auto",
    only: Sequence[str] = (),
    repeats: int = REPEATS,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Degrade every scan in ``folder`` and look for motion and streaks; ``output``/scanners/*.json, ``scanners.md``, ``.csv``.

    Cases that ``output`` holds already, of the same networks, are not repeated.

    Args:
        only: names of scans in ``folder``; none for all.
        repeats: of every kind of motion.

    Returns:
        One record a case; a scan that cannot be read or shows no head has one, with the sentence under ``refused``.

    Raises:
        InputError: no scan in ``folder``.
        OutputError: ``output`` cannot be written.
        ModelError: a network is missing or damaged.
    """
    from HeadCTIQALib import networks

    tell = progress or silent
    paths = scans_in(folder, only)
    store = output / "scanners"
    check_folder(output, store, scanner_tables.FILES)
    models = {card["name"]: card["sha256"] for card in networks.models_used()}
    infer = networks.load_networks(device, engine)
    rows: list[dict[str, Any]] = []
    for n, (name, path) in enumerate(paths.items()):
        rows += _of_one_scan(name, path, infer, store, models, repeats, share(tell, STAGE, n, len(paths)))
    scanner_tables.write(output, rows, (), taught(), models)
    return rows


def taught() -> dict[str, tuple[str, ...]]:
    """Network to the names of the scans that it was trained on, as its bundle tells."""
    from HeadCTIQALib.networks.bundles import BUNDLES, open_bundle

    out = {}
    for bundle in BUNDLES:
        metadata = open_bundle(bundle).metadata
        out[bundle] = tuple(str(h) for h in metadata.get("training_heads") or metadata.get("heads") or ())
    return out


def _of_one_scan(
    name: str,
    path: Path,
    infer: Infer,
    store: Path,
    models: dict[str, str],
    repeats: int,
    tell: Callable[[float], None],
) -> list[dict[str, Any]]:
    from HeadCTIQALib import networks
    from HeadCTIQALib.volume import read

    try:
        base = read(path)
        findings = networks.find(base, infer=infer)
    except InputError as refusal:
        return [{"scan": name, "refused": str(refusal)}]
    measured = measure(base, findings, only=MEASURED)
    steps = list(plan(name, base, findings, repeats))
    rows = []
    for n, (key, family, make) in enumerate(steps, start=1):
        file = store / f"{name}.{key}.json"
        row = stored_row(file, format=FORMAT, models=models)
        if row is None:
            case = make()
            row = {
                "format": FORMAT,
                "models": models,
                "scan": name,
                "key": key,
                "family": family,
                "scanner": _scanner(base),
            }
            row |= compared(case, base, findings, measured, infer)
            write_text(file, json.dumps(row), "The file")
        rows.append(row)
        tell(n / len(steps))
    return rows


def compared(
    case: Case, base: CTVolume, before: Findings, measured: dict[str, Measurement], infer: Infer
) -> dict[str, Any]:
    """What was found in a degraded scan against its truth, as plain numbers.

    Keys: ``slices`` (parallel lists ``area``, ``rms``, ``grade``, ``found``, ``p``, ``streak`` and ``streaks_found`` in
    pixels), ``motion``, ``streak`` and ``objects`` (``base``, ``truth``, ``found``), ``jump``.
    """
    from HeadCTIQALib import networks

    try:
        findings = before if case.volume is base else networks.find(case.volume, infer=infer)
    except InputError as refusal:
        return {"about": case.about, "refused": str(refusal)}
    again = measured if case.volume is base else measure(case.volume, findings, only=MEASURED)
    inside = findings.mask(*INTRACRANIAL)
    area = np.count_nonzero(inside, axis=(1, 2))
    found = np.full(len(area), -1) if findings.motion_grades is None else findings.motion_grades
    p = np.full(len(area), np.nan) if findings.motion_probability is None else findings.motion_probability
    stripes = [np.zeros(base.shape, bool) if f.streak is None else f.streak for f in (before, findings)]
    true = stripes[0] if case.streak is None else stripes[0] | case.streak
    added = np.zeros(base.shape, bool) if case.streak is None else case.streak
    at = np.flatnonzero(area)
    volumes = base.voxel_volumes_ml
    truth = {
        "motion_extent": 100 * float(case.grades @ area) / (3 * float(area.sum())) if area.any() else None,
        "streak_extent": 100 * float(np.count_nonzero(true & inside, axis=(1, 2)) @ volumes) / float(area @ volumes)
        if area.any()
        else None,
        "foreign_object_volume": measured["foreign_object_volume"].value,
    }
    return {
        "about": case.about,
        "jump": None if case.jump is None else [int(g) for g in found[case.jump : case.jump + 2]],
        "iqms": {
            m: {
                "base": _number(measured[m].value),
                "truth": _number(truth[m]),
                "found": _number(again[m].value),
                "reason": again[m].reason,
            }
            for m in MEASURED
        },
        "slices": {
            "area": [int(a) for a in area[at]],
            "rms": [round(float(r), 2) for r in case.rms[at]],
            "found": [int(g) for g in found[at]],
            "p": [_number(float(x)) for x in p[at]],
            "streak": [int(n) for n in np.count_nonzero(added & inside, axis=(1, 2))[at]],
            "streaks_found": [int(n) for n in np.count_nonzero(stripes[1] & inside & ~stripes[0], axis=(1, 2))[at]],
        },
    }


def _scanner(volume: CTVolume) -> str:
    a = volume.acquisition
    return " ".join(x for x in (a.manufacturer, a.model) if x) or "unknown"


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 4)
