"""Which slices of a series belong together: the single volumes that it may hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np

from .headers import Slice
from .processing import KEV, PROJECTED, REFORMATTED, kind_of

MIN_SLICES = 8
_FLAT = 0.35  # of the way from the first slice to the last runs along their normal; 0.87 with the steepest gantry tilt


def kind(s: Slice) -> str:
    """By ImageType and description: ``localizer``, ``processed`` (no HU of tissue), ``reformatted``, ``derived`` or ``original``."""
    by_type, said = kind_of(s.image_type), s.context.processed
    if by_type in ("localizer", "processed") or not said:
        return by_type
    return (
        "processed"
        if said == PROJECTED
        else "reformatted"
        if said == REFORMATTED
        else "derived"
        if KEV in said
        else by_type
    )


#: What makes two images parts of different volumes, wherever they lie.  Where a file does not tell, it is as in the others.
_ALWAYS: dict[str, Callable[[Slice], Any]] = {
    "matrix size": lambda s: (s.rows, s.columns),
    "kernel": lambda s: s.kernel,
    "frame of reference": lambda s: s.context.frame_of_reference,
    "image type": kind,
    "phase": lambda s: s.phase or "none",  # an image without one is of none
    "scanner": lambda s: s.context.scanner,
    "patient position": lambda s: s.context.lying,
}
#: What does so only where they show the same part of the body: a scan may change its tube voltage at the skull base, and
#: step-and-shoot scans have a number and time for every step.
_WHERE_REPEATED: dict[str, Callable[[Slice], Any]] = {
    "tube voltage": lambda s: s.kvp or 0.0,
    "kind of image": lambda s: s.image_type,
    "description": lambda s: s.context.description,
    "contrast medium": lambda s: str(s.context.contrast),
    "slice thickness": lambda s: s.thickness or 0.0,
    "acquisition": lambda s: (s.order[0], s.time),
    "folder": lambda s: str(s.path.parent),
}


def differences(a: Slice, b: Slice) -> list[str]:
    """In what two images of a series differ, in words."""
    found = [name for name, value in _ALWAYS.items() if _differ(value(a), value(b))]
    found += [name for name, same in (("orientation", same_plane(a, b)), ("pixel size", same_pixels(a, b))) if not same]
    found += ["acquisition date"] if _days_apart(a.context.acquired, b.context.acquired) > 1 else []
    found += [name for name, value in _WHERE_REPEATED.items() if value(a) != value(b)]
    plain = [name for name in found if name not in ("acquisition", "folder")]
    return plain or found or ["position"]


def _differ(a: Any, b: Any) -> bool:
    """Whether two attributes, or any parts of them, are known and not the same."""
    if isinstance(a, tuple):
        return any(_differ(p, q) for p, q in zip(a, b, strict=True))
    return bool(a and b and a != b)


def volumes(slices: Sequence[Slice]) -> list[list[Slice]]:
    """The images of a series by volume, the largest first; all of them have a place and a pixel size."""
    columns = [_completed([value(s) for s in slices]) for value in _ALWAYS.values()]
    frames = list(_ALWAYS).index("frame of reference")
    if one_each(columns[frames]):  # made up by an anonymiser
        columns[frames] = [""] * len(slices)
    exact: dict[Any, list[Slice]] = defaultdict(list)
    for s, values in zip(slices, zip(*columns, strict=True), strict=True):
        exact[values].append(s)
    found = [
        volume
        for group in exact.values()
        for plane in _by_plane(group)
        for day in _by_day(plane)
        for beam in _by_beam(day)
        for volume in _by_place(beam)
    ]
    return sorted(found, key=len, reverse=True)


def one_each(values: Sequence[str]) -> bool:
    """Whether (nearly) every image has a value of its own, so that the values say nothing of what belongs together."""
    known = [v for v in values if v]
    return len(known) >= MIN_SLICES and len(set(known)) > 0.8 * len(known)


def _completed(values: list[Any]) -> list[Any]:
    """What is absent is taken from the others where those agree, part by part."""
    if values and isinstance(values[0], tuple):
        return list(zip(*(_completed(list(part)) for part in zip(*values, strict=True)), strict=True))
    known = {v for v in values if v}
    return [next(iter(known)) if not v and len(known) == 1 else v for v in values]


def _by_day(slices: list[Slice]) -> list[list[Slice]]:
    """By the date of acquisition; a scan may last over midnight."""
    groups: list[list[Slice]] = []
    for s in sorted(slices, key=lambda s: s.context.acquired):
        if groups and _days_apart(groups[-1][-1].context.acquired, s.context.acquired) <= 1:
            groups[-1].append(s)
        else:
            groups.append([s])
    return groups


def _days_apart(a: str, b: str) -> float:
    try:
        return abs((date.fromisoformat(a) - date.fromisoformat(b)).days)
    except ValueError:  # absent in some of the files
        return 0


def _by_beam(slices: list[Slice]) -> list[list[Slice]]:
    """By tube voltage where one acquisition has several; further acquisitions, as of the skull base, may have another."""
    voltages: dict[int, set[int]] = defaultdict(set)
    for s in slices:
        voltages[s.order[0]].add(round(s.kvp or 0))
    if all(len(kv - {0}) < 2 for kv in voltages.values()):
        return [slices]
    groups: dict[int, list[Slice]] = defaultdict(list)
    for s in slices:
        groups[round(s.kvp or 0)].append(s)
    return list(groups.values())


def _by_plane(slices: list[Slice]) -> list[list[Slice]]:
    """By orientation and pixel size, with tolerance for headers' jitter."""
    groups: list[list[Slice]] = []
    for s in slices:
        for group in groups:
            if same_plane(group[0], s) and same_pixels(group[0], s):
                group.append(s)
                break
        else:
            groups.append([s])
    return groups


def same_plane(a: Slice, b: Slice) -> bool:
    """Whether two images are parallel, but for headers' jitter."""
    return all(abs(p - q) <= 0.006 for p, q in zip(a.orientation or (), b.orientation or (), strict=False))


def same_pixels(a: Slice, b: Slice) -> bool:
    return all(abs(p - q) <= 1e-3 * abs(q) for p, q in zip(a.spacing or (), b.spacing or (), strict=False))


def _by_place(slices: list[Slice]) -> list[list[Slice]]:
    """Scans of the same place apart, parts that continue each other together."""
    if is_flat(slices):  # no volumes of one slice each: it is told when they are stacked
        return [slices]
    for value in _WHERE_REPEATED.values():
        parts: dict[Any, list[Slice]] = defaultdict(list)
        for s in slices:
            parts[value(s)].append(s)
        if len(parts) > 1:
            joined = _joined([parts[key] for key in sorted(parts)])
            if len(joined) > 1:
                return [volume for part in joined for volume in _by_place(part)]
    return _by_number(slices)


def _by_number(slices: list[Slice]) -> list[list[Slice]]:
    """Two scans that only their instance numbers tell apart, each of which is there twice."""
    seen: Counter[int] = Counter()
    parts: dict[int, list[Slice]] = defaultdict(list)
    for s in sorted(slices, key=lambda s: str(s.path)):
        parts[seen[s.order[1]]].append(s)
        seen[s.order[1]] += 1
    whole = len(parts) > 1 and len(parts[0]) >= MIN_SLICES and min(map(len, parts.values())) > len(parts[0]) / 2
    return _joined(list(parts.values())) if whole else [slices]


def _joined(parts: list[list[Slice]]) -> list[list[Slice]]:
    """Parts in the order of acquisition, joined to runs in one direction, and those to volumes that show no place twice."""
    runs: list[list[Slice]] = []
    direction, before = 0.0, 0.0
    for part in parts:
        here = float(np.mean(_places(part)))
        step = here - before
        if runs and step != 0 and direction * step >= 0 and not _overlap(runs[-1], part):
            runs[-1] = runs[-1] + part
            direction = step
        else:
            runs.append(list(part))
            direction = 0.0
        before = here
    found: list[list[Slice]] = []
    for run in runs:
        for index in reversed(range(len(found))):
            if not _overlap(found[index], run):
                found[index] = found[index] + run
                break
        else:
            found.append(run)
    return found


def _places(slices: Sequence[Slice]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(K,) mm along the normal, sorted."""
    orientation = slices[0].orientation or (1, 0, 0, 0, 1, 0)
    normal = np.cross(orientation[:3], orientation[3:])
    return np.sort(np.array([s.position or (0, 0, 0) for s in slices], float) @ normal)


def is_flat(slices: Sequence[Slice]) -> bool:
    """Whether images lie in one plane, or rather beside than above each other: positions or orientation are wrong."""
    spread = float(np.ptp(np.array([s.position or (0, 0, 0) for s in slices], float), axis=0).max())
    return float(np.ptp(_places(slices))) <= _FLAT * spread


def _overlap(a: Sequence[Slice], b: Sequence[Slice]) -> bool:
    """Whether most of the shorter of two sets of slices lies where the other one is."""
    low, high = sorted((_places(a), _places(b)), key=len)
    gap = float(np.median(np.diff(high))) if len(high) > 1 else _thickness(a)
    nearest = np.abs(low[:, None] - high[None, :]).min(axis=1)
    if len(low) < 3:  # a slice between others may fill a gap, or be a second one of the same place
        return bool((nearest < 0.2 * gap).all())
    inside = float(((low > high[0] - 0.01) & (low < high[-1] + 0.01)).mean())
    holes = min(gap, float(np.median(np.diff(low)))) > 1.5 * _thickness(a) and bool((nearest > 0.2 * gap).all())
    return inside > 0.5 and not holes


def _thickness(slices: Sequence[Slice]) -> float:
    """mm, 1 where no header tells."""
    return max((s.thickness or 0.0 for s in slices), default=0.0) or 1.0
