"""Stops a writer at every call that changes the file system: killed, or reached by a signal, at the n-th of them.

A writer runs in a child process.  Python tells of every call before it is made (audit events); flushing and the exchange
of two names, which it does not tell of, are wrapped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from HeadCTIQALib.cli.interrupts import Interrupts
from HeadCTIQALib.writing import folders

CHANGES = {
    "os.rename",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.truncate",
    "os.utime",
}
KINDS = ("exchange", "two steps", "no links")  # what the file system can do
Content = dict[str, str]


@dataclass(frozen=True)
class Case:
    """A writer and what it writes.

    Attributes:
        prepare: makes what lies in the work folder before, older results of earlier runs included.
        write: the writer; run once undisturbed to know what is right, then once for every point.
        results: names in the work folder that the writer replaces, each as a whole.
        read: what a reader does first who finds the work folder after a kill; None: results are always in their places.
        kinds: file systems to try it on.
    """

    name: str
    prepare: Callable[[Path], None]
    write: Callable[[Path], None]
    results: tuple[str, ...]
    read: Callable[[Path], None] | None = None
    kinds: tuple[str, ...] = ("exchange",)


@dataclass
class Count:
    """What a campaign found."""

    points: int = 0
    losses: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    def add(self, other: Count) -> None:
        """Take over the findings of another one."""
        self.points += other.points
        self.losses += other.losses
        self.leftovers += other.leftovers


def try_all(case: Case, kind: str, how: signal.Signals, root: Path, step: int = 1) -> Count:
    """Stop ``case`` at every ``step``-th point by ``how``, on a file system of a ``kind``; ``root`` is an empty folder."""
    before, work = root / "before", root / "work"
    before.mkdir(parents=True)
    case.prepare(before)
    old = content(before)
    _again(before, work)
    last = _run(case, kind, work, None, how)
    new = content(work)
    assert last is not None, f"{case.name} fails undisturbed"
    assert not hidden(work), (case.name, hidden(work))
    found = Count()
    for n in range(1, last + 1, step):
        where = f"{case.name}, {kind}, {how.name} at {n} of {last}"
        _again(before, work)
        _run(case, kind, work, n, how)
        found.points += 1
        if how != signal.SIGKILL and hidden(work):  # a signal leaves time to clean
            found.leftovers.append(f"{where}: {hidden(work)}")
        if case.read is not None:
            case.read(work)
        found.losses += [f"{where}: {loss}" for loss in _losses(case, old, new, content(work))]
        if _run(case, kind, work, None, how) is None:
            found.losses.append(f"{where}: the next run fails")
        found.losses += [f"{where}, next run: {loss}" for loss in _losses(case, new, new, content(work))]
        if hidden(work):
            found.leftovers.append(f"{where}, next run: {hidden(work)}")
    shutil.rmtree(root)
    return found


def content(folder: Path) -> Content:
    """Path to checksum of every file that is not hidden; "" for empty folders."""
    found: Content = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not any(part.startswith(".") for part in name.parts):
            if path.is_symlink():
                found[name.as_posix()] = f"-> {path.readlink()}"
            elif path.is_file():
                found[name.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def hidden(folder: Path) -> list[str]:
    """Names of what temporary entries are called like."""
    return [
        str(p.relative_to(folder)) for p in sorted(folder.rglob("*")) if p.name.startswith(".") or p.suffix == ".part"
    ]


def _losses(case: Case, old: Content, new: Content, now: Content) -> Iterator[str]:
    for result in case.results:
        states = [{k: v for k, v in c.items() if k == result or k.startswith(f"{result}/")} for c in (now, old, new)]
        if states[0] not in states[1:]:
            yield f"{result} is neither the old nor the new one"
    for name, checksum in old.items():
        if not any(name == r or name.startswith(f"{r}/") for r in case.results) and now.get(name) != checksum:
            yield f"{name} is gone or changed"
    for name in now.keys() - old.keys() - new.keys():
        yield f"{name} has come from nowhere"


def _again(before: Path, work: Path) -> None:
    if work.exists():
        shutil.rmtree(work)
    shutil.copytree(before, work, symlinks=True)


def _run(case: Case, kind: str, work: Path, at: int | None, how: signal.Signals) -> int | None:
    """Run the writer in a child that is stopped at point ``at``; the number of points, or None when it did not come to its end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            with _stopping(work, kind, at, how) as passed, Interrupts(last=True):
                case.write(work)
            os.write(writing, str(passed()).encode())
            code = 0
        except KeyboardInterrupt:
            code = 130
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 130, -how), f"{case.name}: exit code {code}"
    return int(answer) if answer else None


@contextmanager
def _stopping(work: Path, kind: str, at: int | None, how: signal.Signals) -> Iterator[Callable[[], int]]:
    """Count changes below ``work`` in this process, which ends after the block; ``how`` comes at number ``at``."""
    passed = 0

    def point() -> None:
        nonlocal passed
        passed += 1
        if passed == at:
            os.kill(os.getpid(), how)

    def told(event: str, arguments: tuple[object, ...]) -> None:
        changes = event in CHANGES or (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        inside = any(str(a).startswith(str(work)) for a in arguments if isinstance(a, (str, Path))) or event in (
            "os.remove",
            "os.rmdir",
        )
        if changes and inside:
            point()

    def before_and_after(call):
        def wrapped(*arguments, **more):
            point()
            result = call(*arguments, **more)
            point()
            return result

        return wrapped

    def refuse(*arguments, **more):
        raise OSError(95, "Operation not supported")

    os.fsync = before_and_after(os.fsync)
    folders.exchange = before_and_after(folders.exchange) if kind != "two steps" else lambda one, other: False
    if kind == "no links":
        os.link = refuse
    sys.addaudithook(told)
    yield lambda: passed
