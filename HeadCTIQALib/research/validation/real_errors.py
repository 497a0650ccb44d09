"""Real scans, degraded by known amounts and assessed: folders of ``assessment.json`` and ``truth.json`` as a study makes them.

    python -m HeadCTIQALib.research.validation.real_errors --scans DATA/ct --output DIR [--readers DATA/landmarks.json] [--scan NAME ...]

The truth of angles and margins is the readers' where they marked the scan, moved with the degradation; where nobody did, and
for all other IQMs, it is the measurement of the scan as it is, changed by what was done.  Motion and metal are those of
:mod:`.heldout`, of which no training knows.  What the error model (:mod:`.error_fit`) is fitted to, or checked on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from HeadCTIQALib.findings.types import Findings, Landmark, Plane
from HeadCTIQALib.geometry import point
from HeadCTIQALib.hierarchy import IQMS
from HeadCTIQALib.metrics import Measurement, measure
from HeadCTIQALib.volume.types import CTVolume

from . import degradations as d
from .carried import carried
from .crosstalk import GEOMETRY
from .followed import mean_marks
from .heldout import cases
from .output import scans_in

if TYPE_CHECKING:
    from HeadCTIQALib.networks.types import Infer

TRUTH = "truth.json"
MARKED = ("EAM_R", "EAM_L", "CANTHUS_R", "CANTHUS_L", "BASION", "OPISTHION", "VERTEX")
MIDLINE = ("NASION", "BASION", "OPISTHION", "SELLA", "CRISTA", "FALX_ANT", "FALX_POST", "SEPTUM", "PINEAL", "IOP")
PAIRS = ("EAM", "GLOBE", "LENS", "CANTHUS")
THICK_MM = 3.0  # slices further apart, turned out of their plane, have steps that no scanner makes ...
STAIRS = ("motion_extent", "foreign_object_volume", "streak_extent")  # ... and that look like artefacts
Truth = dict[str, float]
Make = Callable[[], tuple[CTVolume, Truth]]


def assess_degraded(
    scans: Path, output: Path, readers: Path | None = None, only: tuple[str, ...] = ()
) -> Iterator[str]:
    """Degrade and assess every scan in ``scans``; yields the name of every case done.  Cases in ``output`` are not repeated.

    Raises:
        InputError: no scan in ``scans``, or one that cannot be read.
    """
    from HeadCTIQALib import networks
    from HeadCTIQALib.volume import check, read

    infer = networks.load_networks("cpu")
    table = {} if readers is None else json.loads(readers.read_text(encoding="utf-8"))["scans"]
    for name, path in scans_in(scans, only).items():
        base = d.binned(read(path))
        base = replace(base, warnings=tuple(dict.fromkeys((*base.warnings, *check(base)))))
        seen = networks.find(base, infer=infer)
        true = marked_by(table[name], seen) if name in table else seen
        for key, make in plan(name, base, seen, true):
            folder = output / name / f"{name}-{key}"
            if not (folder / TRUTH).exists():
                _assess(*make(), folder, infer)
            yield folder.name


def marked_by(table: Mapping[str, Mapping[str, Any]], findings: Findings) -> Findings:
    """``findings`` with the landmarks and the mid-sagittal plane of two readers, the mean of both, in place of the networks'.

    The plane is the least-squares one through their midline points and the midpoints of their pairs.
    """
    marks = mean_marks(table)
    points = np.array(
        [marks[n] for n in MIDLINE if n in marks]
        + [(marks[f"{p}_R"] + marks[f"{p}_L"]) / 2 for p in PAIRS if f"{p}_R" in marks]
    )
    normal = np.linalg.svd(points - points.mean(axis=0))[2][-1]
    normal = normal if normal[0] > 0 else -normal
    landmarks = {**findings.landmarks, **{n: Landmark(point(marks[n]), source="reader") for n in MARKED if n in marks}}
    return findings.with_(
        landmarks=landmarks, midsagittal=Plane(point(points.mean(axis=0)), point(normal), source="reader")
    )


def plan(name: str, base: CTVolume, seen: Findings, true: Findings) -> Iterator[tuple[str, Make]]:
    """(key, maker of the degraded scan and its truth) of every case of one scan."""
    measured = measure(base, seen)
    noise, contrast = measured["noise"].value, measured["gray_white_cnr"].details.get("contrast_hu")
    truths = {**_known(measured), **_known(measure(base, true, only=GEOMETRY))}

    def degraded(how: Callable[[], d.Degraded]) -> Make:
        def make() -> tuple[CTVolume, Truth]:
            done = how()
            geometry = _known(measure(done.volume, carried(true, base, done), only=GEOMETRY))
            stairs = done.family in ("roll", "pitch") and float(np.median(np.diff(base.slice_positions))) > THICK_MM
            unknown = {*GEOMETRY, *done.free, *(STAIRS if stairs else ())}
            same = {i: v for i, v in truths.items() if i not in unknown}
            return done.volume, {**same, **geometry, **done.truth}

        return make

    yield "as-it-is", lambda: (base, truths)
    for axis, turns in (("yaw", (-15.0, 6.0)), ("roll", (-8.0, 4.0)), ("pitch", (-15.0, 8.0, 15.0))):
        for degrees in turns:
            yield f"{axis}{degrees:+g}", degraded(partial(d.turned, base, seen, axis, degrees))
    for right, forward in ((10.0, 0.0), (4.0, -14.0)):
        yield f"shift{right:+g}{forward:+g}", degraded(partial(d.shifted, base, right, forward))
    for mm in (8.0, 20.0, 35.0):
        yield f"below{mm:g}", degraded(partial(d.cut, base, below_mm=mm))
        yield f"above{mm:g}", degraded(partial(d.cut, base, above_mm=mm))
    if noise is not None:
        for sigma in (2.0, 5.0):
            yield f"noise{sigma:g}", degraded(partial(d.noisier, base, sigma, noise, contrast))
    for n in (2, 4) if float(np.median(np.diff(base.slice_positions))) < 3 else ():
        yield f"thick{n}", degraded(partial(d.thicker, base, n))
    for key, family, case in cases.plan(name, base, seen, 2):
        if family in cases.MOTIONS or family == cases.METAL:
            yield key, partial(_made, case, base, seen, truths)


def _made(case: Callable[[], cases.Case], base: CTVolume, seen: Findings, truths: Truth) -> tuple[CTVolume, Truth]:
    return _artefact(case(), base, seen, truths)


def _artefact(case: cases.Case, base: CTVolume, seen: Findings, truths: Truth) -> tuple[CTVolume, Truth]:
    """With the extents that the case adds to those of the scan; of what else it changes, geometry alone is known."""
    inside = seen.mask(*cases.INTRACRANIAL)
    area = np.count_nonzero(inside, axis=(1, 2)).astype(float)
    found = np.zeros(len(area)) if seen.motion_grades is None else np.maximum(seen.motion_grades, 0).astype(float)
    streak = np.zeros(base.shape, bool) if seen.streak is None else seen.streak
    streak = streak if case.streak is None else streak | case.streak
    widths = base.voxel_volumes_ml
    truth = {i: truths[i] for i in GEOMETRY if i in truths}
    truth["motion_extent"] = 100 * float(np.maximum(case.grades, found) @ area) / (3 * float(area.sum()))
    if case.streak is not None:
        truth["streak_extent"] = (
            100 * float(np.count_nonzero(streak & inside, axis=(1, 2)) @ widths) / float(area @ widths)
        )
    return case.volume, truth


def _known(measured: Mapping[str, Measurement]) -> Truth:
    return {i: m.value for i, m in measured.items() if m.value is not None and m.bound is None}


def _assess(volume: CTVolume, truth: Truth, folder: Path, infer: Infer) -> None:
    from HeadCTIQALib import networks
    from HeadCTIQALib.assessment import evaluate
    from HeadCTIQALib.metrics.unmeasurable import with_limits
    from HeadCTIQALib.record import RECORD, dump
    from HeadCTIQALib.writing import write_text

    findings = with_limits(volume, networks.find(volume, infer=infer))
    write_text(
        folder / RECORD, dump(evaluate(volume, findings, models=networks.models_used()).record), "The assessment"
    )
    known = {m.id: truth[m.id] for m in IQMS if m.id in truth}
    write_text(
        folder / TRUTH,
        json.dumps({"truth": known, "refused": "", "failed": ""}, indent=1, allow_nan=False) + "\n",
        "The truth of the scan",
    )


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(
        description="Degrade real scans by known amounts and assess them, for the error model."
    )
    parser.add_argument("--scans", type=Path, required=True, help="a folder of scans: DICOM folders and NIfTI files")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--readers", type=Path, help="landmarks of two readers, as landmarks.json has them")
    parser.add_argument("--scan", action="append", default=[], help="only this scan; may be repeated")
    options = parser.parse_args()
    for name in assess_degraded(options.scans, options.output, options.readers, tuple(options.scan)):
        print(name, flush=True)


if __name__ == "__main__":
    main()
