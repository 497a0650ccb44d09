"""Every head CT below some folders, assessed once each into a cohort; whatever stops it, the next run carries on."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from HeadCTIQALib.assessment.storage import FILES
from HeadCTIQALib.cohort.rescore import rescore_folder
from HeadCTIQALib.errors import InputError, ModelError, OutputError
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.record import RECORD, model_of, read_record
from HeadCTIQALib.scoring import ScoringModel
from HeadCTIQALib.scoring.choice import chosen_model
from HeadCTIQALib.volume.finding import FoundScan, SetAside, find_scans
from HeadCTIQALib.writing import recover_inside

from .journal import Journal, Outcome, writing
from .pool import Limits, Stopped, cores, in_limits
from .reasons import counted
from .selection import Selection
from .work import Done, Job, assess_scan, maker

Work = Callable[[Job], Done]
_ALIKE = 3  # first scans that fail for the same missing network: all the others would


@dataclass(frozen=True)
class Plan:
    """What is asked for.

    Attributes:
        inputs: folders, archives and images.
        series: all head series, or the best one of every study.
        quiet_s: scans are left for later of which a file changed less than so many seconds ago; then it is no error that there is none.
        retry_failed: assess again what failed under the same version.
        scoring, profile, device, engine: as for one scan.
    """

    inputs: tuple[Path, ...]
    cohort: Path
    series: Literal["all", "best"] = "all"
    selection: Selection = field(default_factory=Selection)
    retry_failed: bool = False
    quiet_s: float = 0.0
    jobs: int = 1
    limits: Limits = field(default_factory=lambda: Limits(900.0, 8e9))
    scoring: Path | None = None
    profile: str | None = None
    device: str = "auto"
    engine: str = "auto"


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes:
        found: scans that were meant; ``set_aside``: series that were not, by reason.
        arriving: scans left for later, whose files still change; ``unselected``: those that met no condition, or are not the best.
        assessed: now; ``before``: earlier, and still of the present version; ``rescored``: of these, by another model or profile.
        outcomes: the last outcome of every scan found; of copies with the same names, sizes and times one.
    """

    found: int
    set_aside: Counter[str]
    arriving: int
    unselected: int
    assessed: int
    before: int
    rescored: int
    outcomes: tuple[Outcome, ...]

    def count(self, status: str) -> int:
        """How many scans of the cohort have this status."""
        return sum(o.status == status for o in self.outcomes)

    @property
    def duplicates(self) -> int:
        """Scans whose voxels were found in another place as well."""
        return self.found - len(self.outcomes) + self.count("duplicate")

    def reasons(self, status: str) -> list[tuple[str, int]]:
        """Reasons with their number, the most frequent first; sentences that differ in numbers only count as one."""
        return counted(o.reason for o in self.outcomes if o.status == status)

    @property
    def bands(self) -> Counter[str]:
        """Verdicts of the assessed scans, each once."""
        return Counter({o.folder: o.band or "withheld" for o in self.outcomes if o.status == "assessed"}.values())


def run(plan: Plan, progress: Progress = silent, work: Work = assess_scan) -> Summary:
    """Assess what has not been assessed; see :class:`Plan`.

    Raises:
        InputError: an input does not exist or holds no scan.
        OutputError: the cohort cannot be written, or overlaps an input.
        ModelError: networks, model or profile are missing or damaged.
    """
    _refuse_overlap(plan)
    model = chosen_model(plan.scoring, plan.profile)
    with writing(plan.cohort) as journal:
        recover_inside(plan.cohort, FILES.__contains__)
        found, aside = _find(plan, progress)
        still = time.time() - plan.quiet_s
        arrived = [s for s in found if not plan.quiet_s or s.changed <= still]
        scans = [s for s in arrived if plan.selection(s)]
        if plan.series == "best":
            scans = _best(scans)
        todo, done = _sorted(scans, journal, plan)
        rescored, unreadable = _rescore(plan, done, journal, model, progress)
        todo += [(scan, True) for scan in scans if scan.fingerprint in unreadable]
        before = sum(o.status == "assessed" for o in done) - len(unreadable)
        _assess(plan, todo, journal, progress, work)
        assessed = sum(journal.last[s.fingerprint].status == "assessed" for s, _ in todo)
        outcomes = tuple({s.fingerprint: journal.last[s.fingerprint] for s in scans}.values())
        return Summary(
            len(scans),
            aside,
            len(found) - len(arrived),
            len(arrived) - len(scans),
            assessed,
            before,
            rescored,
            outcomes,
        )


def _rescore(
    plan: Plan, done: list[Outcome], journal: Journal, model: ScoringModel, progress: Progress
) -> tuple[int, set[str]]:
    """Bring what was assessed before to the model and profile asked for: how many had others, and which can only be assessed again."""
    rescored, unreadable = 0, set()
    for n, outcome in enumerate(done):
        progress("Looking through what was assessed before", n / len(done))
        folder = plan.cohort / outcome.folder
        try:
            if outcome.status != "assessed" or model_of(read_record(folder)) == model:
                continue
            rescore_folder(folder, model)
            journal.add(msgspec.structs.replace(outcome, band=read_record(folder).verdict.band, time=_now()))
            rescored += 1
        except (InputError, ModelError):  # a record or report that is damaged
            unreadable.add(outcome.fingerprint)
    return rescored, unreadable


def _find(plan: Plan, progress: Progress) -> tuple[list[FoundScan], Counter[str]]:
    found: dict[tuple[str, Path], FoundScan] = {}
    aside: Counter[str] = Counter()
    for root in plan.inputs:
        for scan in find_scans(root, lambda f: progress("Looking for scans", f)):
            if isinstance(scan, SetAside):
                aside[scan.reason] += 1
            else:
                found[scan.fingerprint, scan.path] = scan
    if not found and not plan.quiet_s:
        why = "; ".join(f"{n} {reason}" for reason, n in aside.most_common(5))
        raise InputError(
            f"No head CT was found{f' ({why})' if why else ''}; give folders with DICOM, archives or images."
        )
    return list(found.values()), aside


def _best(scans: Iterable[FoundScan]) -> list[FoundScan]:
    """The most suitable scan of every study; those of no study all."""
    best: dict[str, FoundScan] = {}
    for scan in scans:
        key = scan.study or scan.fingerprint
        if key not in best or scan.rank > best[key].rank:
            best[key] = scan
    return list(best.values())


def _sorted(scans: list[FoundScan], journal: Journal, plan: Plan) -> tuple[list[tuple[FoundScan, bool]], list[Outcome]]:
    """Scans to assess, those with the same files once, none of them anew where its folder stands; and what is known of the others."""
    todo: dict[str, FoundScan] = {}
    done: dict[str, Outcome] = {}
    for scan in scans:
        last = journal.last.get(scan.fingerprint)
        if last is not None and _stands(last, plan):
            done[scan.fingerprint] = last
        else:
            todo.setdefault(scan.fingerprint, scan)
    return [(scan, False) for scan in todo.values()], list(done.values())


def _stands(last: Outcome, plan: Plan) -> bool:
    """Whether an outcome is what assessing the scan again would give."""
    if last.by != maker() or (last.status == "failed" and plan.retry_failed):
        return False
    return not last.folder or (plan.cohort / last.folder / RECORD).is_file()


def _assess(plan: Plan, todo: list[tuple[FoundScan, bool]], journal: Journal, progress: Progress, work: Work) -> None:
    jobs = [Job(scan, plan.cohort, plan.device, plan.scoring, plan.profile, anew, plan.engine) for scan, anew in todo]
    if not jobs:
        return
    line, faults = _Line(len(jobs), progress), 0
    results = in_limits(jobs, work, min(plan.jobs, len(jobs)), plan.limits)
    try:
        for job, found, took in results:
            result = Done("failed", reason=found.reason) if isinstance(found, Stopped) else found
            if result.fault == "output":
                raise OutputError(result.reason)
            faults = faults + 1 if result.fault == "model" else -len(jobs)
            if faults >= min(_ALIKE, len(jobs)):
                raise ModelError(result.reason)
            outcome = _outcome(job, result, took, journal)
            journal.add(outcome)
            line.tell(outcome)
    finally:
        results.close()


def _outcome(job: Job, done: Done, took: float, journal: Journal) -> Outcome:
    own = job.scan.fingerprint
    same = done.folder and any(
        o.folder == done.folder and o.status == "assessed" and o.fingerprint != own and Path(o.path).exists()
        for o in journal.last.values()
    )
    return Outcome(
        fingerprint=own, path=str(job.scan.path), series=job.scan.series, status="duplicate" if same else done.status, folder=done.folder,
        sha256=done.sha256, band=done.band, reason=done.reason, by=maker(), time=_now(), seconds=round(took, 2),
    )  # fmt: skip


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refuse_overlap(plan: Plan) -> None:
    """The cohort must lie outside the scans, and no input inside the cohort."""
    cohort = plan.cohort.resolve()
    for root in plan.inputs:
        source = root.resolve()
        if cohort == source or source in cohort.parents or cohort in source.parents:
            raise OutputError(f"The cohort {plan.cohort} overlaps the input {root}; choose a folder outside it.")


class _Line:
    """The one line that tells how far a run is."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress = total, progress
        self._began, self._counts = time.monotonic(), Counter[str]()
        progress(f"0 of {total}", 0.0)

    def tell(self, outcome: Outcome) -> None:
        """One more."""
        self._counts[(outcome.band or "withheld") if outcome.status == "assessed" else outcome.status] += 1
        done, minutes = self._counts.total(), (time.monotonic() - self._began) / 60
        left = minutes / done * (self._total - done)
        counts = ", ".join(f"{word} {n}" for word, n in sorted(self._counts.items()))
        self._progress(
            f"{done} of {self._total}, {done / max(minutes, 1e-9):.1f} a minute, {_duration(left)} left: {counts}",
            done / self._total,
        )


def _duration(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def default_jobs(memory_gb: float) -> int:
    """A process for every core, as far as memory goes."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 8e9
    return max(1, min(cores(), int(total / (memory_gb * 1e9))))
