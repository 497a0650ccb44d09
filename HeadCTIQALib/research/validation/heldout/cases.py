"""Which degradations a scan is given, drawn from its name alone, so that every run makes the same ones."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, Findings
from HeadCTIQALib.geometry import point
from HeadCTIQALib.volume.types import CTVolume

from .kernel import sharpened
from .laws import DURATIONS, LAWS, WEIGHTINGS, Law, Motion, Pose, Timing
from .metal import Part, add_metal
from .moving import move

Vector = NDArray[np.float64]
#: Family to mm and degrees, least and most.
MOTIONS = {
    "motion 1.5 mm, 1 deg": ((1.5, 1.5), (1.0, 1.0)),
    "motion 3 mm, 1.5 deg": ((3.0, 3.0), (1.5, 1.5)),
    "motion 4-8 mm, 2-4 deg": ((4.0, 8.0), (2.0, 4.0)),
}
CLEAN, BULK, METAL, BONE = "clean", "bulk step", "metal", "bone kernel"
FAMILIES = (CLEAN, *MOTIONS, BULK, METAL, BONE)
BULK_MM = 5.0
BAND = (0.2, 0.4)  # of the brain's height, in which the head moves
MIN_AREA = 0.25  # of the largest intracranial area: slices that are degraded
METALS = ("rod", "clip", "rod at bone", "coils", "electrode", "on the skin", "on the couch")


@dataclass(frozen=True)
class Case:
    """A degraded scan and its truth.

    Attributes:
        volume: the scan.
        rms: (K,) HU of motion by its definition, 0 where a slice is still.
        grades: (K,) the grades to that.
        streak: (K, J, I) bool that was added, or None.
        jump: the slice below a step of the head between two turns, or None.
        about: what was done, for the table.
    """

    volume: CTVolume
    rms: Vector
    grades: NDArray[np.int8]
    streak: NDArray[np.bool_] | None
    jump: int | None
    about: dict[str, Any]


def plan(
    name: str, volume: CTVolume, findings: Findings, repeats: int
) -> Iterator[tuple[str, str, Callable[[], Case]]]:
    """(key, family, maker) of every case of a scan; ``repeats`` of every kind of motion and of a step, twice as many with metal."""
    yield "clean", CLEAN, lambda: still(volume, "")
    for f, family in enumerate(MOTIONS):
        for n in range(repeats):
            yield f"motion{f}.{n}", family, partial(_moved, name, volume, findings, family, n)
    for n in range(repeats):
        yield f"bulk.{n}", BULK, partial(_bulk, name, volume, findings, n)
    for n in range(2 * repeats):
        yield f"metal.{n}", METAL, partial(_metal, name, volume, findings, n)
    yield "bone", BONE, lambda: still(sharpened(volume, _rng(name, "bone", 0)), "ramp filter")


def still(volume: CTVolume, what: str) -> Case:
    """A scan in which nothing moves."""
    k = volume.shape[0]
    return Case(volume, np.zeros(k), np.zeros(k, np.int8), None, None, {"kind": what})


def _rng(name: str, family: str, n: int) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), zlib.crc32(family.encode()), n])


def _moved(name: str, volume: CTVolume, findings: Findings, family: str, n: int) -> Case:
    rng = _rng(name, family, n)
    first = zlib.crc32(name.encode()) + 3 * list(MOTIONS).index(family)
    law, weighting = LAWS[(first + n) % len(LAWS)], WEIGHTINGS[(first // 7 + n) % len(WEIGHTINGS)]
    (least_mm, most_mm), (least_deg, most_deg) = MOTIONS[family]
    pose = _pose(law, rng, float(rng.uniform(least_mm, most_mm)), float(rng.uniform(least_deg, most_deg)))
    gap = float(np.median(np.diff(volume.slice_positions)))
    collimation = max(gap, 20.0 if weighting == "helical" else float(rng.choice([gap, 10.0, 20.0])))
    timing = Timing(weighting, collimation, start=float(rng.random()))
    begins = timing.begins(volume.slice_positions)
    brain = _brain(findings)
    share = rng.uniform(*BAND)
    low = rng.uniform(0.0, 1 - share)
    band = brain[int(low * len(brain)) : max(int(low * len(brain)) + 1, int((low + share) * len(brain)))]
    step = timing.length(0.25)
    onsets: list[float] = []
    for begin in np.unique(begins[band]):
        if not onsets or begin > onsets[-1] + max(DURATIONS[law], 0.3):
            onsets.append(float(begin + rng.uniform(0.1, 0.6) * step))
    motion = Motion(law, pose, tuple(onsets), DURATIONS[law], _pivot(law, volume, findings))
    moved = move(volume, findings.tissue, motion, timing)
    about = {"kind": law, "weighting": weighting, "collimation_mm": round(collimation, 1)}
    return Case(moved.volume, moved.rms, moved.grades, None, None, about)


def _bulk(name: str, volume: CTVolume, findings: Findings, n: int) -> Case:
    rng = _rng(name, BULK, n)
    brain = _brain(findings)
    k = int(brain[int(rng.uniform(0.25, 0.75) * len(brain))])
    timing = Timing("full", max(float(np.median(np.diff(volume.slice_positions))), 5.0))
    begins = timing.begins(volume.slice_positions)
    while k > 0 and begins[k - 1] == begins[k]:
        k -= 1
    towards = rng.uniform(0, 2 * np.pi)
    pose = Pose(
        yaw_deg=float(rng.uniform(-1, 1)),
        right_mm=BULK_MM * float(np.cos(towards)),
        forward_mm=BULK_MM * float(np.sin(towards)),
    )
    motion = Motion("step", pose, (float(begins[k]) - 0.6,), DURATIONS["step"], _pivot("step", volume, findings))
    moved = move(volume, findings.tissue, motion, timing)
    return Case(
        moved.volume,
        moved.rms,
        moved.grades,
        None,
        k - 1,
        {"kind": "step between turns", "gap_mm": round(float(np.diff(volume.slice_positions)[k - 1]), 2)},
    )


def _metal(name: str, volume: CTVolume, findings: Findings, n: int) -> Case:
    rng = _rng(name, METAL, n)
    kind = METALS[(zlib.crc32(name.encode()) + n) % len(METALS)]
    brain = _brain(findings)
    s = int(brain[int(rng.uniform(0.2, 0.8) * len(brain))])
    inside = np.isin(findings.tissue[s], [int(t) for t in INTRACRANIAL])
    head = np.isin(findings.tissue[s], [int(t) for t in HEAD])
    j, i = (float(x.mean()) for x in np.nonzero(inside))
    middle = volume.origins[s] + j * volume.col_step + i * volume.row_step
    across = rng.uniform(0, 2 * np.pi)
    way = np.cos(across) * volume.r + np.sin(across) * volume.a
    skin, skull = (_reach(volume, s, mask, middle, way) for mask in (head, inside))
    at, parts = middle + way * rng.uniform(0.2, 0.7) * skull, []
    if kind in ("rod", "electrode"):
        radius = float(rng.uniform(1.0, 2.5)) if kind == "rod" else 0.65
        parts = [
            Part(
                "steel" if kind == "rod" else "platinum",
                point(at),
                (radius, radius),
                float(rng.uniform(10, 40)),
                fill=1.0 if kind == "rod" else 0.4,
            )
        ]
    elif kind == "clip":
        parts = [
            Part(
                "titanium",
                point(at),
                (float(rng.uniform(4, 8)), float(rng.uniform(0.8, 1.3))),
                float(rng.uniform(3, 8)),
                float(rng.uniform(0, 180)),
            )
        ]
    elif kind == "coils":
        radius = float(rng.uniform(2, 4))
        parts = [Part("platinum", point(at), (radius, radius), 2 * radius, fill=0.25)]
    elif kind == "rod at bone":
        parts = [Part("titanium", point(middle + way * (skull + 2)), (2.0, 2.0), float(rng.uniform(6, 15)))]
    elif kind == "on the skin":
        parts = [
            Part(
                "steel",
                point(middle + way * (skin + 2)),
                (float(rng.uniform(2, 6)), 1.5),
                float(rng.uniform(4, 12)),
                float(rng.uniform(0, 180)),
            )
        ]
    else:
        below = _reach(volume, s, head, middle, -volume.a)
        side = float(rng.uniform(-40, 40))
        parts = [
            Part(
                "steel",
                point(middle - volume.a * (below + 20) + side * volume.r),
                (3.0, 3.0),
                float(rng.uniform(10, 40)),
            )
        ]
    done = add_metal(volume, findings.tissue, parts, rng)
    k = volume.shape[0]
    return Case(done.volume, np.zeros(k), np.zeros(k, np.int8), done.streak, None, {"kind": kind})


def _pose(law: Law, rng: np.random.Generator, mm: float, degrees: float) -> Pose:
    """A pose of that rotation and shift: nods forwards, turns to a side, the others anyhow."""
    sign, towards = float(rng.choice([-1, 1])), rng.uniform(0, 2 * np.pi)
    if law == "nod":
        return Pose(pitch_deg=-degrees, forward_mm=mm)
    if law == "turn":
        return Pose(yaw_deg=sign * degrees, right_mm=-sign * mm)
    axis = rng.standard_normal(3) * np.array([0.7, 0.7, 1.0])
    axis *= degrees / np.linalg.norm(axis)
    up = 0.3 * mm * float(rng.uniform(-1, 1))
    flat = float(np.sqrt(mm**2 - up**2))
    return Pose(
        float(axis[0]), float(axis[1]), float(axis[2]), flat * float(np.cos(towards)), flat * float(np.sin(towards)), up
    )


def _pivot(law: Law, volume: CTVolume, findings: Findings) -> tuple[float, float, float]:
    """Between the ears for a nod; else where the occiput lies on its rest."""
    marks = findings.landmarks
    if law == "nod" and "EAM_R" in marks and "EAM_L" in marks:
        return point((np.asarray(marks["EAM_R"].position) + np.asarray(marks["EAM_L"].position)) / 2)
    k, j, i = np.nonzero(np.isin(findings.tissue[:, ::8, ::8], [int(t) for t in INTRACRANIAL]))
    middle = (volume.origins[k] + 8 * j[:, None] * volume.col_step + 8 * i[:, None] * volume.row_step).mean(axis=0)
    return point(middle - (0.0 if law == "nod" else 70.0) * volume.a - 40.0 * volume.k)


def _brain(findings: Findings) -> NDArray[np.intp]:
    area = np.count_nonzero(findings.mask(*INTRACRANIAL), axis=(1, 2))
    return np.flatnonzero(area > MIN_AREA * area.max())


def _reach(volume: CTVolume, s: int, mask: NDArray[np.bool_], start: Vector, way: Vector) -> float:
    """How many mm from ``start`` along ``way`` the mask of slice ``s`` reaches."""
    steps = np.arange(0.0, 200.0, 1.0)
    ijk = np.rint(volume.ras_to_ijk(start + steps[:, None] * way)).astype(int)
    ok = (ijk[:, 0] >= 0) & (ijk[:, 1] >= 0) & (ijk[:, 0] < mask.shape[1]) & (ijk[:, 1] < mask.shape[0])
    hit = np.zeros(len(steps), bool)
    hit[ok] = mask[ijk[ok, 1], ijk[ok, 0]]
    return float(steps[hit].max()) if hit.any() else 0.0
