"""The parent: hands cases to children, ends those that hang or grow, and counts what became of every case."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import seeds
from .formats import FORMATS
from .worker import MAX_BYTES, MAX_SECONDS, Outcome

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Tally:
    """What became of the cases of one format."""

    verdicts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    bytes: int = 0
    bad: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one."""
        self.verdicts[outcome.verdict] += 1
        self.seconds, self.bytes = max(self.seconds, outcome.seconds), max(self.bytes, outcome.bytes)
        if outcome.bad:
            self.bad.append(outcome)


class Child:
    """A worker process (or another ``command`` that speaks its language) that is started again when it died."""

    def __init__(self, seed: str, stored: Path, work: Path, command: Sequence[str] = ()) -> None:
        self._arguments = command or [sys.executable, "-P", "-m", "Testing.fuzz.worker", seed, str(stored), str(work)]
        self._work = work
        self._process: subprocess.Popen[str] | None = None

    def attempt(self, case: str) -> Outcome:
        """One case; a child that dies of it, hangs in it or grows is ended and told of."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(case + "\n")
        process.stdin.flush()
        began, largest = time.monotonic(), 0
        alive, first = began, _busy(process.pid)
        busy = first
        while not select.select([process.stdout], [], [], 0.05)[0]:
            largest = max(largest, _resident(process.pid))
            before, busy = busy, _busy(process.pid)
            if busy > before or not _waits(process.pid):  # a machine that does much else at once makes nobody guilty
                alive = time.monotonic()
            # making the input takes a moment, too
            if largest > MAX_BYTES or max(busy - first, time.monotonic() - alive) > MAX_SECONDS + 5:
                process.send_signal(signal.SIGUSR1)
                time.sleep(0.2)
                kind, words = "memory" if largest > MAX_BYTES else "hang", f"ended at {self._heard()}"
                self.stop()
                return Outcome(case, kind, words, time.monotonic() - began, largest)
        line = process.stdout.readline()
        if line:
            return Outcome(**json.loads(line))
        code = process.wait()
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        outcome = Outcome(case, "crash", f"{name} at {self._heard()}", time.monotonic() - began, largest)
        self.stop()
        return outcome

    def _heard(self) -> str:
        """Where the child was, by its own word: the innermost line of all and the innermost of ours."""
        heard = self._work / "heard"
        text = heard.read_text(encoding="utf-8", errors="replace") if heard.exists() else ""
        places = [f"{Path(file).name}:{line}" for file, line in re.findall(r'File "([^"]+)", line (\d+)', text)]
        ours = [
            f"{Path(file).name}:{line}"
            for file, line in re.findall(r'File "([^"]+HeadCTIQALib[^"]+)", line (\d+)', text)
        ]
        return " < ".join(dict.fromkeys((*ours[:1], *places[:1]))) or text[-300:]

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            shutil.rmtree(self._work, ignore_errors=True)
            own = self._work / "tmp"
            own.mkdir(parents=True)
            environment = {
                **os.environ,
                "TMPDIR": str(own),
                "PYTHONPATH": str(ROOT),
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
            }
            self._process = subprocess.Popen(
                self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=own
            )
        return self._process

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        return self._running().pid

    def stop(self) -> None:
        """End the process; the next case starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _busy(pid: int) -> float:
    """Seconds of processor time so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:  # it just ended
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _waits(pid: int) -> bool:
    """Whether every thread waits for something else than the processor or a disk."""
    try:
        states = [
            (task / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
            for task in Path(f"/proc/{pid}/task").iterdir()
        ]
    except (OSError, IndexError):  # one just ended
        return False
    return all(state == "S" for state in states)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):  # it just ended
        return 0


def cases(only: tuple[str, ...] = ()) -> Iterator[str]:
    """Cases without end, formats by turns and by their weight."""
    owed = dict.fromkeys(only or FORMATS, 0.0)
    numbers: Counter[str] = Counter()
    while True:
        for name in owed:
            owed[name] += FORMATS[name].weight
            while owed[name] >= 1:
                owed[name] -= 1
                yield f"{name}:{numbers[name]}"
                numbers[name] += 1


def run(
    seed: str,
    folder: Path,
    *,
    seconds: float = 0.0,
    inputs: int = 0,
    only: tuple[str, ...] = (),
    jobs: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Tally]:
    """Try cases for so many seconds, or so many cases; returns a tally by format.

    Args:
        folder: a scratch folder.
        tell: is given what is bad at once, and how far we are.
    """
    stored = folder / "seeds"
    stored.mkdir(parents=True)
    seeds.make(stored)
    source, lock = cases(only), threading.Lock()
    tallies = {name: Tally() for name in only or FORMATS}
    ends, left = time.monotonic() + seconds, [inputs]

    def work(number: int) -> None:
        child = Child(seed, stored, folder / f"work{number}")
        try:
            while True:
                with lock:
                    if (inputs and left[0] == 0) or (seconds and time.monotonic() > ends):
                        return
                    left[0] -= 1
                    case = next(source)
                outcome = child.attempt(case)
                with lock:
                    tallies[case.partition(":")[0]].add(outcome)
                    done = sum(t.verdicts.total() for t in tallies.values())
                if outcome.bad:
                    tell(f"{case}  {outcome.verdict}: {outcome.words[:200]!r}")
                if done % 1000 == 0:
                    tell(f"{done} inputs, {sum(len(t.bad) for t in tallies.values())} bad")
        finally:
            child.stop()

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tallies


def table(tallies: dict[str, Tally]) -> str:
    """The tallies as text, and every kind of bad outcome with the case that shows it."""
    lines = [
        f"{'format':<16}{'inputs':>8}{'refused':>9}{'accepted':>10}{'bad':>6}{'worst s':>9}{'worst MB':>10}  kinds"
    ]
    total = Tally()
    for name, t in (*tallies.items(), ("all", total)):
        kinds = {kind: n for kind, n in t.verdicts.items() if kind not in ("refused", "accepted")}
        shown = ", ".join(f"{kind} {n}" for kind, n in sorted(kinds.items()))
        numbers = f"{t.verdicts.total():>8}{t.verdicts['refused']:>9}{t.verdicts['accepted']:>10}{len(t.bad):>6}{t.seconds:>9.2f}{t.bytes / 1e6:>10.0f}"
        lines.append(f"{name:<16}{numbers}  {shown}".rstrip())
        if t is not total:
            total.verdicts.update(t.verdicts)
            total.bad += t.bad
            total.seconds, total.bytes = max(total.seconds, t.seconds), max(total.bytes, t.bytes)
    seen: dict[str, list[Outcome]] = {}
    for outcome in total.bad:
        seen.setdefault(f"{outcome.verdict}: {outcome.words[:70]}", []).append(outcome)
    for same in sorted(seen.values(), key=len, reverse=True):
        lines.append(f"{len(same):>5} x {same[0].case}  {same[0].verdict}: {same[0].words[:160]!r}")
    return "\n".join(lines)
