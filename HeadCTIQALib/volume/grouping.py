"""Which slices belong together: patients, studies, series, and the single volumes that a series may hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .headers import Context, Slice

MIN_SLICES = 8
_PROCESSED = {"MIP", "MNIP", "MINIP", "PROJECTION IMAGE", "VRT", "SSD", "PERFUSION", "CBF", "CBV", "MTT", "TMAX", "TTP", "VNC", "IODINE", "RHO", "ZEFF"}
_REFORMATTED = {"REFORMATTED", "REFORMAT", "AVERAGE", "AVERAGED", "RESAMPLED", "MEAN", "CURVED", "CPR", "OBLIQUE", "CSAPARALLEL"}


@dataclass(frozen=True)
class Identity:
    """Whose images, of which study; empty where no file tells."""

    patient: tuple[str, ...]  # PatientID, birth date, name
    study: tuple[str, ...]  # StudyInstanceUID, date

    @property
    def date(self) -> str:
        """YYYY-MM-DD, or ``date unknown``."""
        date = self.study[1]
        return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdigit() else "date unknown"


@dataclass(frozen=True)
class Series:
    """The images that share a SeriesInstanceUID (where that is absent: a SeriesNumber), a patient and a study."""

    uid: str
    identity: Identity
    context: Context  # of the first image
    slices: tuple[Slice, ...]


def grouped(images: Sequence[Slice]) -> list[Series]:
    """All images by series.

    Anonymisers remove identifiers, make them constant, or give every file its own; so an absent one is taken from the
    images of the same series or input when those agree, and one that differs in every file says nothing.
    """
    keys = _series_keys(images)
    columns = [list(column) for column in zip(*((*s.context.patient, *s.context.study) for s in images), strict=True)]
    by_series = _indices(keys)
    for column in columns:
        for members in by_series.values():
            if column is columns[3] and len(members) >= MIN_SLICES and len({column[i] for i in members}) == len(members):
                for i in members:
                    column[i] = ""
            _fill(column, members)
        _fill(column, range(len(images)))
    identities = [Identity(values[:3], values[3:]) for values in zip(*columns, strict=True)]
    groups = _indices(list(zip(keys, identities, strict=True)))
    return [
        Series(uid=str(key[0]), identity=identity, context=images[members[0]].context, slices=tuple(images[i] for i in members))
        for (key, identity), members in groups.items()
    ]


def _series_keys(images: Sequence[Slice]) -> list[tuple[Hashable, ...]]:
    """(UID, SeriesNumber, modality, SOP class) of every image; without UID where each of many images has its own."""
    contexts = [s.context for s in images]
    count = Counter(c.series_uid for c in contexts)
    rest = [(c.number, c.modality, c.sop_class) for c in contexts]
    alone = Counter((r, c.patient[0]) for c, r in zip(contexts, rest, strict=True) if count[c.series_uid] == 1)
    return [
        ("" if count[c.series_uid] == 1 and alone[r, c.patient[0]] >= MIN_SLICES else c.series_uid, *r) for c, r in zip(contexts, rest, strict=True)
    ]


def _indices(keys: Sequence[Any]) -> dict[Any, list[int]]:
    groups: dict[Any, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        groups[key].append(index)
    return groups


def _fill(column: list[str], members: Iterable[int]) -> None:
    """Absent values become the one that the other members agree on."""
    members = list(members)
    known = {column[i] for i in members} - {""}
    if len(known) == 1:
        (value,) = known
        for i in members:
            column[i] = value


def kind(s: Slice) -> str:
    """By ImageType: ``localizer``, ``processed`` (no HU of tissue), ``reformatted``, ``derived`` or ``original``."""
    return kind_of(s.image_type)


def kind_of(image_type: tuple[str, ...]) -> str:
    """As :func:`kind`."""
    values = set(image_type)
    if {"LOCALIZER", "SCOUT"} & values:
        return "localizer"
    if _PROCESSED & values:
        return "processed"
    if _REFORMATTED & values or any("MPR" in v.split() for v in values):
        return "reformatted"
    return "original" if not image_type or image_type[0] == "ORIGINAL" else "derived"


#: What makes two images parts of different volumes, wherever they lie.
_ALWAYS: dict[str, Callable[[Slice], Any]] = {
    "matrix size": lambda s: (s.rows, s.columns),
    "kernel": lambda s: s.kernel,
    "frame of reference": lambda s: s.context.frame_of_reference,
    "image type": kind,
    "phase": lambda s: s.phase,
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
    found = [name for name, value in _ALWAYS.items() if value(a) != value(b)]
    found += [name for name, same in (("orientation", same_plane(a, b)), ("pixel size", _same_pixels(a, b))) if not same]
    found += [name for name, value in _WHERE_REPEATED.items() if value(a) != value(b)]
    plain = [name for name in found if name not in ("acquisition", "folder")]
    return plain or found or ["position"]


def volumes(slices: Sequence[Slice]) -> list[list[Slice]]:
    """The images of a series by volume, the largest first; all of them have a place and a pixel size."""
    frames = {s.context.frame_of_reference for s in slices}
    one_each = len(frames) == len(slices) >= MIN_SLICES  # frames of reference that an anonymiser made up
    known = {f for f in frames if f}
    exact: dict[Any, list[Slice]] = defaultdict(list)
    for s in slices:
        frame = "" if one_each or len(known) == 1 else s.context.frame_of_reference
        values = tuple(frame if name == "frame of reference" else value(s) for name, value in _ALWAYS.items())
        exact[values].append(s)
    found = [volume for group in exact.values() for plane in _by_plane(group) for volume in _by_place(plane)]
    return sorted(found, key=len, reverse=True)


def _by_plane(slices: list[Slice]) -> list[list[Slice]]:
    """By orientation and pixel size, with tolerance for headers' jitter."""
    groups: list[list[Slice]] = []
    for s in slices:
        for group in groups:
            if same_plane(group[0], s) and _same_pixels(group[0], s):
                group.append(s)
                break
        else:
            groups.append([s])
    return groups


def same_plane(a: Slice, b: Slice) -> bool:
    """Whether two images are parallel, but for headers' jitter."""
    return all(abs(p - q) <= 0.006 for p, q in zip(a.orientation or (), b.orientation or (), strict=False))


def _same_pixels(a: Slice, b: Slice) -> bool:
    return all(abs(p - q) <= 1e-3 * abs(q) for p, q in zip(a.spacing or (), b.spacing or (), strict=False))


def _by_place(slices: list[Slice]) -> list[list[Slice]]:
    """Scans of the same place apart, parts that continue each other together."""
    if np.ptp(_places(slices)) == 0:  # no volumes of one slice each: the positions were lost, which is told when they are stacked
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
