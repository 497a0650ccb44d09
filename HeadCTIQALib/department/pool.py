"""Worker processes with limits: a job that crashes, hangs or fills the memory costs itself only."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Generic, TypeVar

from HeadCTIQALib import isolation
from HeadCTIQALib.workers import live_with, threads_each

J = TypeVar("J")
R = TypeVar("R")
_LOOK_S = 0.25  # between two looks at time and memory
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class Limits:
    """What one job may take: seconds, and bytes of memory of its process with all that it starts."""

    seconds: float
    bytes: float


@dataclass(frozen=True)
class Stopped:
    """A job that gave no result, and why, in one sentence."""

    reason: str


@dataclass
class _Worker(Generic[J]):
    process: SpawnProcess
    pipe: Connection
    life: Connection
    job: J | None = None
    began: float = field(default=0.0)


def in_limits(
    jobs: Iterable[J], work: Callable[[J], R], processes: int, limits: Limits
) -> Generator[tuple[J, R | Stopped, float], None, None]:
    """Job, result and seconds as they come; every process does one job after the other and keeps what it has loaded.

    All processes end within a second when the iteration is closed or interrupted, and at once when this process dies.

    Args:
        work: a function at the top of a module, and the jobs, are sent to fresh processes.
    """
    threads = max(1, cores() // processes)
    left, workers = iter(jobs), [_start(work, threads) for _ in range(processes)]
    try:
        while True:
            for worker in workers:
                if worker.job is None and (job := next(left, None)) is not None:
                    worker.job, worker.began = job, time.monotonic()
                    with contextlib.suppress(OSError):  # it died while idle: told below
                        worker.pipe.send(job)
            busy = [w for w in workers if w.job is not None]
            if not busy:
                return
            wait([w.pipe for w in busy], _LOOK_S)
            used = _memory() if any(time.monotonic() - w.began > _LOOK_S for w in busy) else {}
            for worker in busy:
                found = _answer(worker, limits, used)
                if found is None:
                    continue
                job, took = worker.job, time.monotonic() - worker.began
                worker.job = None
                if isinstance(found, Stopped):
                    _end(worker)
                    workers[workers.index(worker)] = _start(work, threads)
                assert job is not None
                yield job, found, took
    finally:
        for worker in workers:
            _end(worker)


def _answer(worker: _Worker[Any], limits: Limits, used: dict[int, int]) -> Any:
    """What the worker says, or why it never will; None while it works."""
    try:
        if worker.pipe.poll():
            return worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join(1)
        code = worker.process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return Stopped(f"The process ended unexpectedly ({how}), perhaps for lack of memory.")
    if time.monotonic() - worker.began > limits.seconds:
        return Stopped(f"It took longer than {limits.seconds:g} s and was stopped.")
    if used.get(worker.process.pid or 0, 0) > limits.bytes:
        return Stopped(f"It needed more than {limits.bytes / 1e9:.1f} GB of memory and was stopped.")
    return None


def _start(work: Callable[[Any], Any], threads: int) -> _Worker[Any]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    ended, life = context.Pipe(duplex=False)
    with isolation.Children(), threads_each(threads):
        process = context.Process(target=_serve, args=(work, theirs, ended), daemon=True)
        process.start()
    theirs.close()
    ended.close()
    return _Worker(process, ours, life)


def _end(worker: _Worker[Any]) -> None:
    """Kill the process with all that it started: it holds nothing that is not on the disk."""
    pid = worker.process.pid
    if worker.process.is_alive() or worker.process.exitcode:
        with contextlib.suppress(OSError, AttributeError):
            if pid is not None and os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()
    worker.life.close()


def _serve(work: Callable[[Any], Any], pipe: Connection, ended: Connection) -> None:
    """In the worker: a process group of its own, so that it can be ended with its children."""
    if hasattr(os, "setsid"):
        os.setsid()
    with contextlib.suppress(OSError):  # when the machine runs out of memory, this goes first, not who started it
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    live_with(ended)
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(work(job))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> dict[int, int]:
    """Bytes in memory of every process group, where the system tells (Linux)."""
    groups: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # ended meanwhile
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            groups[int(fields[2])] = groups.get(int(fields[2]), 0) + int(fields[21]) * _PAGE
    return groups
