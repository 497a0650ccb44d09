"""How every metric answers to known degradations of real scans, and how much it answers to those of others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.metrics import Measurement, measure
from HeadCTIQALib.metrics.uncertainty import scene_of, with_quantiles
from HeadCTIQALib.progress import Progress, share, silent
from HeadCTIQALib.scoring import guideline_model, score
from HeadCTIQALib.volume.types import CTVolume
from HeadCTIQALib.writing import write_text

from . import degradations as d
from .carried import carried
from .followed import Vector, followed, readers_of
from .output import check_folder, scans_in, stored_row

if TYPE_CHECKING:
    from HeadCTIQALib.networks.types import Infer

STAGE = "Degrading real scans"
FORMAT = 2
AS_IT_IS = "as it is"
GEOMETRY = ("symmetry_angle", "baseline_angle", "centering_offset", "vertex_margin", "foramen_magnum_margin")
#: How far a metric may be from what is known: in its unit, or relative for noise.
TOLERANCES = {
    "symmetry_angle": 1.0, "baseline_angle": 1.0, "centering_offset": 2.0, "vertex_margin": 2.0, "foramen_magnum_margin": 2.0, "noise": 0.08,
}  # fmt: skip
ANGLES_DEG = (-15.0, -8.0, 8.0, 15.0)
CUTS_MM = (10.0, 20.0, 35.0)
Make = Callable[[], d.Degraded]


def plan(base: CTVolume, findings: Findings, measured: Mapping[str, Measurement]) -> Iterator[tuple[str, Make]]:
    """(key, maker) of every degradation of one scan, made only when asked for.

    Cuts begin at the foramen magnum and the vertex, so that so many millimetres of the range that should be there are missing.
    """
    yield "as-it-is", lambda: d.Degraded(AS_IT_IS, 0.0, "", base)
    for axis in ("yaw", "roll", "pitch"):
        for degrees in ANGLES_DEG:
            yield f"{axis}{degrees:+g}", partial(d.turned, base, findings, axis, degrees)
    for right, forward in ((10.0, 0.0), (0.0, -10.0)):
        yield f"shift{right:+g}{forward:+g}", partial(d.shifted, base, right, forward)
    below, above = (measured[m] for m in ("foramen_magnum_margin", "vertex_margin"))
    for mm in CUTS_MM:
        if below.value is not None and below.bound is None:
            yield f"below{mm:g}", partial(d.cut, base, below_mm=max(0.0, below.value) + mm)
        if above.value is not None and above.bound is None:
            yield f"above{mm:g}", partial(d.cut, base, above_mm=max(0.0, above.value) + mm)
    noise, cnr = measured["noise"].value, measured["gray_white_cnr"]
    if noise is not None:
        contrast = cnr.details.get("contrast_hu") if cnr.value is not None else None
        for sigma in (2.0, 4.0, 8.0):
            yield f"noise{sigma:g}", partial(d.noisier, base, sigma, noise, contrast)
    for n in (2, 3) if float(np.median(np.diff(base.slice_positions))) < 3 else ():
        yield f"thick{n}", partial(d.thicker, base, n)
    for degrees in (0.5, 1.0, 2.0, 4.0):
        yield f"motion{degrees:g}", partial(d.moved, base, findings, degrees)
    for radius in (1.5, 3.0, 5.0):
        yield f"metal{radius:g}", partial(d.with_metal, base, findings, radius)


def cross_talk(
    folder: Path,
    output: Path,
    *,
    device: str = "cpu",
    engine: str = "auto",
    only: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Degrade every scan in ``folder`` (see :func:`scans_in`) and measure anew; ``output``/real/*.json, ``crosstalk.md``, ``.csv``.

    Degradations that ``output`` holds already, of the same networks, are not repeated.

    Args:
        only: names of scans in ``folder``; none for all.

    Returns:
        One row a scan and degradation: ``scan``, ``family``, ``name``, ``amount``, ``marks`` (see :func:`.followed.followed`)
        and, by IQM id, ``base``, ``expected`` (absent where nothing is known), ``found`` (None: not assessable) with its
        ``interval`` and ``bound``, ``points`` (by which it changes the overall guideline score).

    Raises:
        InputError: no scan in ``folder``.
        OutputError: ``output`` cannot be written.
    """
    from HeadCTIQALib import networks
    from HeadCTIQALib.volume import read

    tell = progress or silent
    paths = scans_in(folder, only)
    from . import crosstalk_tables

    check_folder(output, output / "real", crosstalk_tables.FILES)
    models = {card["name"]: card["sha256"] for card in networks.models_used()}
    infer, readers = networks.load_networks(device, engine), readers_of(folder)
    rows: list[dict[str, Any]] = []
    for n, (name, path) in enumerate(paths.items()):
        told = share(tell, STAGE, n, len(paths))
        base = d.binned(read(path))
        rows += _of_one_scan(name, base, readers.get(name, {}), infer, output / "real", models, told)
    crosstalk_tables.write(output, rows)
    return rows


def _of_one_scan(
    name: str,
    base: CTVolume,
    marks: Mapping[str, Vector],
    infer: Infer,
    folder: Path,
    models: Mapping[str, str],
    tell: Callable[[float], None],
) -> list[dict[str, Any]]:
    from HeadCTIQALib import networks

    findings = networks.find(base, infer=infer)
    measured = measure(base, findings)
    points = _points(measured)
    steps = list(plan(base, findings, measured))
    rows = []
    for n, (key, make) in enumerate(steps, start=1):
        path = folder / f"{name}.{key}.json"
        row = stored_row(path, format=FORMAT, models=models)
        if row is None:
            degraded = make()
            found = findings if degraded.volume is base else networks.find(degraded.volume, infer=infer)
            row = {
                "format": FORMAT,
                "models": models,
                "scan": name,
                "key": key,
                "marks": followed(findings, found, degraded, marks),
                **_row(base, findings, measured, points, degraded, _measured(degraded.volume, found)),
            }
            write_text(path, json.dumps(row), "The file")
        rows.append(row)
        tell(n / len(steps))
    return rows


def _row(
    base: CTVolume,
    findings: Findings,
    measured: Mapping[str, Measurement],
    points: Mapping[str, float],
    degraded: d.Degraded,
    again: Mapping[str, Measurement],
) -> dict[str, Any]:
    moved_along = measure(degraded.volume, carried(findings, base, degraded), only=GEOMETRY)
    expected: dict[str, float | None] = {}
    for m in IQMS:
        if m.id in degraded.truth:
            expected[m.id] = degraded.truth[m.id]
        elif m.id in GEOMETRY:
            expected[m.id] = moved_along[m.id].value
        elif m.id not in degraded.free:
            expected[m.id] = measured[m.id].value
    after = _points(again)
    return {
        "family": degraded.family,
        "name": degraded.name,
        "amount": degraded.amount,
        "iqms": {
            m.id: {
                "base": measured[m.id].value,
                "expected": expected.get(m.id),
                "found": again[m.id].value,
                "interval": again[m.id].interval,
                "bound": again[m.id].bound,
                "reason": again[m.id].reason,
                "points": after[m.id] - points[m.id] if m.id in after and m.id in points else None,
            }
            for m in IQMS
        },
    }


def _measured(volume: CTVolume, findings: Findings) -> dict[str, Measurement]:
    measured = measure(volume, findings)
    return with_quantiles(measured, scene_of(volume, findings, measured))


def _points(measured: Mapping[str, Measurement]) -> dict[str, float]:
    """What every IQM adds to the overall guideline score; without those of a category that is withheld."""
    model = guideline_model()
    scores = score(measured, model)
    known = {m.id for m in IQMS}
    return {
        c.source_id: model.weights[category] * c.points
        for category, s in scores.categories.items()
        for c in s.contributions
        if c.source_id in known
    }
