"""Whether a scanner drifts: every IQM of every scanner, protocol, kernel and thickness on control charts of its own.

An alarm is a lasting change, found by the EWMA chart, whose limits allow for the few scans behind the baseline: less than
one false alarm in 370 scans in control (Testing/test_trends.py).  Notices are what the other charts show: a scan outside
the limits is most often a matter of that patient, and each of Nelson's rules alone is met by chance now and then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from HeadCTIQALib.hierarchy import IQM, IQMS

from .columns import COLUMNS
from .events import Event
from .spc import Baseline, cusum, ewma_sigma, nelson, robust_baseline

FEWEST, WHOLE = 20, 50  # scans of a first and of a full baseline
WEIGHT = 0.1  # of the newest scan in the EWMA
_WIDTHS = {FEWEST: 3.6, WHOLE: 3.0}  # of its limits in SDs, by the scans behind the baseline; from simulation
_SLACK, _DECISION = 0.5, 5.0  # of the CUSUM, in SDs
_RULES = {
    1: "one scan lies beyond three SDs",
    2: "nine scans in a row lie on one side of the baseline",
    3: "six scans in a row rise or fall",
    4: "fourteen scans in a row go up and down in turn",
}
_NAMES = ("scan", *(c.name for c in COLUMNS))


@dataclass(frozen=True)
class Signal:
    """Something that a chart shows.

    Attributes:
        level: "alarm" for a lasting change, "notice" for what may be chance or one patient.
        rule: "EWMA", "CUSUM" or "Nelson 1" to "Nelson 4".
        scan, time: where it was met.
        value, centre: of the scan (for EWMA and CUSUM: the mean of the latest scans), and of the baseline.
    """

    level: Literal["alarm", "notice"]
    rule: str
    stratum: str
    iqm: str
    scan: str
    time: str
    value: float
    centre: float
    sentence: str


@dataclass(frozen=True)
class Chart:
    """One IQM of one stratum in one phase; ``baseline`` is None, with a reason, where there is no chart yet."""

    stratum: str
    iqm: str
    began: str
    because: str
    scans: tuple[str, ...]
    times: tuple[str, ...]
    values: tuple[float, ...]
    baseline: Baseline | None
    reason: str
    signals: tuple[Signal, ...]


def trends(rows: Sequence[tuple[Any, ...]], events: Sequence[Event] = ()) -> list[Chart]:
    """All charts of a cohort.

    Args:
        rows: see :func:`~.table.rows`; those without a date are left out.
        events: services and the like, at which a new phase with a baseline of its own begins, as it does where the
            scanner's software changes.
    """
    strata: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for values in rows:
        row = dict(zip(_NAMES, values, strict=True))
        row["time"] = row["acquired"] or row["study_date"]
        if row["time"]:
            strata[stratum(row)].append(row)
    charts = []
    for name, members in sorted(strata.items()):
        members.sort(key=lambda row: (row["time"], row["scan"]))
        for began, because, phase in _phases(members, events):
            charts += [c for m in IQMS if (c := _chart(name, m, began, because, phase)) is not None]
    return charts


@dataclass(frozen=True)
class Change:
    """A lasting change on one chart: its first alarm, how many there were, and when the last one was."""

    first: Signal
    alarms: int
    last: str


def changes(charts: Sequence[Chart]) -> list[Change]:
    """Every chart with alarms, those that began last first."""
    found = []
    for chart in charts:
        alarms = [s for s in chart.signals if s.level == "alarm"]
        if alarms:
            found.append(Change(alarms[0], len(alarms), alarms[-1].time))
    return sorted(found, key=lambda c: c.first.time, reverse=True)


def told(change: Change) -> str:
    """A change in one line."""
    again = f" Again {change.alarms - 1} times, last on {change.last[:8]}." if change.alarms > 1 else ""
    return f"{change.first.time[:8]}: {change.first.sentence}{again}"


def stratum(row: dict[str, Any]) -> str:
    """Scanner, protocol, kernel and thickness in words."""
    thickness = row["slice_thickness_mm"] or row["spacing_mm"]
    return ", ".join(
        (
            scanner_of(row),
            row["protocol"] or row["series_description"] or "protocol unknown",
            f"kernel {row['kernel'] or 'unknown'}",
            f"{thickness:.3g} mm" if thickness else "thickness unknown",
        )
    )


def scanner_of(row: dict[str, Any]) -> str:
    """Vendor, model and the first digits of the scanner's hash."""
    words = (row["manufacturer"], row["model"], f"#{row['scanner_id'][:6]}" if row["scanner_id"] else "")
    return " ".join(w for w in words if w) or "scanner unknown"


def _phases(
    members: Sequence[dict[str, Any]], events: Sequence[Event]
) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Beginning, reason and scans of every phase."""
    began, because, phase = members[0]["time"], "the first scan", list[dict[str, Any]]()
    for row in members:
        reasons = [e.words for e in events if phase and phase[-1]["time"] < e.time <= row["time"] and e.concerns(row)]
        if phase and row["software_id"] and phase[-1]["software_id"] not in (None, row["software_id"]):
            reasons.append("the scanner's software changed")
        if reasons:
            yield began, because, phase
            began, because, phase = row["time"], "; ".join(reasons), []
        phase.append(row)
    yield began, because, phase


def _chart(name: str, m: IQM, began: str, because: str, phase: Sequence[dict[str, Any]]) -> Chart | None:
    """Measured values alone: a bound or a corrected value says nothing of the scanner."""
    own = [r for r in phase if r[f"{m.id}_status"] == "measured" and not r[f"{m.id}_bound"]]
    if not own:
        return None
    values = tuple(float(r[m.id]) for r in own)
    scans, times = tuple(r["scan"] for r in own), tuple(r["time"] for r in own)
    first = robust_baseline(values[:FEWEST]) if len(own) >= FEWEST else None
    reason = ""
    if first is None:
        reason = (
            f"{len(own)} of the {FEWEST} scans that a baseline needs"
            if len(own) < FEWEST
            else "most values are the same, so that there is no spread to judge by"
        )
        return Chart(name, m.id, began, because, scans, times, values, None, reason, ())
    found = list(_signals(values, first))
    late = robust_baseline(values[:WHOLE])
    calm = not any(n < WHOLE and rule == "EWMA" for n, rule, _ in found)
    last = late if len(values) > WHOLE and late is not None and calm else first
    signals = tuple(_signal(name, m, n, rule, mean, last if n >= WHOLE else first, own) for n, rule, mean in found)
    return Chart(name, m.id, began, because, scans, times, values, last, "", signals)


def _signals(values: Sequence[float], first: Baseline) -> Iterator[tuple[int, str, float]]:
    """(index, rule, mean or value) of all signals after the baseline; each is decided by what was known at that scan."""
    base, width, start = first, _WIDTHS[FEWEST], FEWEST
    stop = min(WHOLE, len(values))
    early = list(_watched(values, start, stop, base, width))
    yield from early
    if len(values) > WHOLE:
        whole = robust_baseline(values[:WHOLE])
        if whole is not None and not any(rule == "EWMA" for _, rule, _ in early):
            base, width = whole, _WIDTHS[WHOLE]
        yield from _watched(values, WHOLE, len(values), base, width)


def _watched(
    values: Sequence[float], start: int, stop: int, base: Baseline, width: float
) -> Iterator[tuple[int, str, float]]:
    part = values[start:stop]
    z, age = base.centre, 0
    for n, value in enumerate(part):
        z, age = WEIGHT * value + (1 - WEIGHT) * z, age + 1
        if abs(z - base.centre) > width * ewma_sigma(base.sigma, WEIGHT, age, base.count):
            recent = part[max(0, n - 9) : n + 1]
            yield start + n, "EWMA", sum(recent) / len(recent)
            z, age = base.centre, 0  # so that another alarm needs as much evidence again
    for side in cusum(part, base.centre, _SLACK * base.sigma):
        beyond = side > _DECISION * base.sigma
        for n in range(len(part)):
            if beyond[n] and not (n and beyond[n - 1]):
                recent = part[max(0, n - 9) : n + 1]
                yield start + n, "CUSUM", sum(recent) / len(recent)
    for n, rule in nelson(part, base.centre, base.sigma):
        yield start + n, f"Nelson {rule}", part[n]


def _signal(
    name: str, m: IQM, n: int, rule: str, value: float, base: Baseline, own: Sequence[dict[str, Any]]
) -> Signal:
    alarm = rule == "EWMA"
    change = f"{m.text(value)} against {m.text(base.centre)} {'' if m.unit == '1' else m.unit}".strip()
    if base.centre:
        change += f" ({100 * (value / base.centre - 1):+.0f} %)"
    if rule in ("EWMA", "CUSUM"):
        what = f"{m.title} {'rose' if value > base.centre else 'fell'} to {change} in the latest scans"
    else:
        what = f"{m.title}: {_RULES[int(rule[-1])]}, now {change}"
    return Signal(
        "alarm" if alarm else "notice", rule, name, m.id, own[n]["scan"], own[n]["time"], value, base.centre,
        f"{what} ({rule}; {name}).",
    )  # fmt: skip
