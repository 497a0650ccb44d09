"""Slices that belong to a scan and are not in its volume: where they are missing, and the sentences that say so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import InputError
from .geometry import missing_slices
from .types import Lost, Vector

MOST_LOST = 0.25  # of the slices of a scan; with more missing it is another scan than the one that was made
_SAME_STEP = 0.25  # relative difference between the distances that one instance number stands for


def refuse_many(lost: Iterable[Lost], there: int, name: str) -> None:
    """Raise InputError where so many slices are lost that what is left is no scan.

    Args:
        there: slices that are left.
    """
    entries = [x for x in lost if x.slices]
    count = sum(x.slices or 0 for x in entries)
    if count > MOST_LOST * (there + count):
        reasons = ", ".join(dict.fromkeys(x.reason for x in entries))
        raise InputError(f"{name}: {count} of {there + count} slices are lost ({reasons}); copy the scan again.")


def told(lost: Sequence[Lost]) -> list[str]:
    """A sentence for every entry."""
    return [
        f"{x.reason[0].upper()}{x.reason[1:]}, {place(x)}: what lies there was not assessed; copy the scan again."
        for x in lost
    ]


def place(x: Lost) -> str:
    """Where slices are lost, for a sentence."""
    if x.low_mm is not None and x.high_mm is not None:
        return f"between {x.low_mm:.1f} and {x.high_mm:.1f} mm along the slice normal"
    if x.low_mm is not None:
        return f"above {x.low_mm:.1f} mm along the slice normal"
    if x.high_mm is not None:
        return f"below {x.high_mm:.1f} mm along the slice normal"
    return "at an unknown place"


def between(positions: Vector, known: Sequence[Lost]) -> list[Lost]:
    """Gaps between slices, by their positions alone, that none of `known` explains."""
    return [
        Lost("slices seem to be missing", low, high)
        for low, high in missing_slices(positions)
        if not any(
            x.low_mm is not None and x.high_mm is not None and x.low_mm < high and x.high_mm > low for x in known
        )
    ]


def by_number(numbers: Sequence[int], positions: Vector) -> list[Lost]:
    """Gaps in the scanner's numbering that agree with gaps between slices.

    Args:
        numbers: instance number of every slice in order of position; those that do not run steadily say nothing.
        positions: (K,) mm along k.

    A series of which every second slice was kept has steps of 2 throughout, and slices that become thicker keep steps
    of 1: neither is a gap.
    """
    steps = np.diff(np.array(numbers))
    if len(steps) < 3 or not ((steps > 0).all() or (steps < 0).all()):
        return []
    steps = np.abs(steps)
    usual = float(np.median(steps))
    per_number = np.diff(positions) / steps
    found = []
    for i in np.flatnonzero(steps >= 2 * usual).tolist():
        near = [per_number[n] for n in range(max(0, i - 2), min(len(steps), i + 3)) if steps[n] < 2 * usual]
        if any(abs(per_number[i] - mm) <= _SAME_STEP * mm for mm in near):
            count = max(1, round(float(steps[i]) / usual) - 1)
            found.append(Lost(_missing(count), float(positions[i]), float(positions[i + 1]), count))
    return found


def of_files(unread: int, alone: bool, numbers: Sequence[int], positions: Vector, known: Sequence[Lost]) -> list[Lost]:
    """Where files that cannot be read belong, as far as the numbers of the others say.

    Args:
        unread: such files beside those of the series.
        alone: they can belong to no other series.
        numbers, positions: as for :func:`by_number`.
        known: the gaps that it found; they hold as many of the files as slices are missing in them.
    """
    left = unread - sum(x.slices or 0 for x in known)
    if left <= 0:
        return []
    reason = f"{left} files of the series cannot be read" if left > 1 else "1 file of the series cannot be read"
    steps = np.diff(np.array(numbers))
    if len(steps) >= 3 and ((steps > 0).all() or (steps < 0).all()):
        usual = float(np.median(np.abs(steps)))
        upwards = bool(steps[0] > 0)
        first = (min(numbers) - 1) / usual  # slices before the first
        if first >= left:
            return [_at_end(reason, left, positions, top=not upwards)]
        if first < 1 and alone:
            return [_at_end(reason, left, positions, top=upwards)]
        if first < 1:
            return []  # the numbers are complete from 1: nothing says that the files belong here
    return [Lost(reason, None, None, left)]


def set_aside(places: Sequence[float], positions: Vector, why: str) -> list[Lost]:
    """Slices of the scan that do not fit into its volume, where that has none in their place.

    Args:
        places: mm along k of such slices; positions: (K,) those of the volume.
        why: in words for the sentence "2 slices were left out (<why>)".
    """
    if len(positions) < 2:
        return []
    gap = float(np.median(np.diff(positions)))
    reach = 1.5 * gap * len(places)  # of slices that continue the scan at an end
    found: dict[tuple[float | None, float | None], int] = {}
    for at in places:
        beside = int(np.searchsorted(positions, at))
        low = None if beside == 0 else float(positions[beside - 1])
        high = None if beside == len(positions) else float(positions[beside])
        off = min(abs(at - mm) for mm in (low, high) if mm is not None)
        if off > 0.4 * gap and (off <= reach or (low is not None and high is not None)):
            found[low, high] = found.get((low, high), 0) + 1
    return [
        Lost(f"{n} slices were left out ({why})" if n > 1 else f"1 slice was left out ({why})", low, high, n)
        for (low, high), n in found.items()
    ]


def doubts(numbers: Sequence[int], positions: Vector, others: Iterable[int], total: int | None) -> list[str]:
    """Sentences about ends of the scan where only the scanner's numbering says that slices may be missing.

    Args:
        numbers, positions: as for :func:`by_number`.
        others: instance numbers of other images of the series, which may be those that seem to be missing.
        total: how many images there were, by the header.
    """
    steps = np.diff(np.array(numbers))
    if len(steps) < 3 or not ((steps > 0).all() or (steps < 0).all()):
        return []
    usual, first, last, others = float(np.median(np.abs(steps))), min(numbers), max(numbers), list(others)
    upwards = bool(steps[0] > 0)
    found = []
    before, after = (int((n + 1e-6) // usual) for n in (first - 1, (total or 0) - last))
    numbered = f"The slices are numbered from {first} to {last}"
    if 1 <= before <= len(numbers) and not any(n < first for n in others):
        found.append(f"{numbered}: if the scanner began at 1, {_beyond(before, positions, top=not upwards)}.")
    if 1 <= after <= len(numbers) and before < 1 and not any(n > last for n in others):
        found.append(
            f"{numbered}, and the header tells of {total} images: {_beyond(after, positions, top=upwards)} if all were of this scan."
        )
    return found


def _beyond(count: int, positions: Vector, *, top: bool) -> str:
    where = f"above {positions[-1]:.1f}" if top else f"below {positions[0]:.1f}"
    return (
        f"{count} slices {where} mm along the slice normal are missing"
        if count > 1
        else f"1 slice {where} mm along the slice normal is missing"
    )


def _at_end(reason: str, count: int, positions: Vector, *, top: bool) -> Lost:
    return Lost(reason, float(positions[-1]), None, count) if top else Lost(reason, None, float(positions[0]), count)


def _missing(count: int) -> str:
    return f"{count} slices are missing from the files" if count > 1 else "1 slice is missing from the files"
