"""An assessment in a process of its own: started, watched and ended, without Qt and without waiting.

The child is ``PythonSlicer -P -m HeadCTIQALib assess ...``, which writes one JSON event a line.  One that has loaded the
networks already stands by, see :class:`Standby`.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from HeadCTIQALib import isolation
from HeadCTIQALib.errors import ModelError

_KEEP_LINES = 200
_PATIENCE_S = 3.0
_COMMAND, _STANDBY = isolation.command("HeadCTIQALib"), isolation.command("HeadCTIQALib.cli.standby")


def python_executable() -> str:
    """Slicer's own Python as a program; where this is not Slicer, the Python that runs.

    It is not looked for in the working folder, which Windows and relative entries of PATH would do.

    Raises:
        ModelError: there is none.
    """
    folders = os.pathsep.join(p for p in os.environ.get("PATH", "").split(os.pathsep) if os.path.isabs(p))  # noqa: PTH117
    found = shutil.which("PythonSlicer", path=folders) if folders else None
    if found and Path(found).is_absolute():
        return found
    here = Path(sys.executable or "")
    if "python" in here.name.lower():
        return str(here)
    suffix = ".exe" if os.name == "nt" else ""
    for beside in (here.parent / f"PythonSlicer{suffix}", here.parent / "bin" / f"PythonSlicer{suffix}"):
        if beside.is_file():
            return str(beside)
    raise ModelError("The networks need a Python interpreter and this program has none; start 3D Slicer as usual.")


def assess_command(
    scan: Path, output: Path, device: str = "auto", scoring: str = "", profile: Path | None = None
) -> list[str]:
    """The command line that assesses ``scan`` into the folder ``output``."""
    start = [python_executable(), *_COMMAND]
    command = [*start, "assess", str(scan), "--output", str(output), "--progress", "json", "--device", device]
    command.append("--keep-name")  # of the volume, by which the user knows the scan
    command += ["--scoring", scoring] if scoring else []
    return [*command, "--profile", str(profile)] if profile is not None else command


class Process:
    """A running child; :meth:`poll` it now and then.

    Attributes:
        details: where an internal error arose, and the last lines that it printed outside the events, for the curious; not
            what libraries complain about, which may quote the scan.
    """

    def __init__(self, command: Sequence[str], *, standing_by: bool = False) -> None:
        """Start ``command``.

        Args:
            standing_by: it reads what to do from standard input, see :meth:`tell`.

        Raises:
            OSError: it cannot be started.
        """
        variables = {**isolation.environment(), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
        own_group: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}  # type: ignore[attr-defined]
        self._child = subprocess.Popen(  # noqa: S603  our own command, no shell
            list(command), stdin=subprocess.PIPE if standing_by else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables,
            text=True, encoding="utf-8", errors="replace", **own_group,
        )  # fmt: skip
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.details: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(s,), daemon=True)
            for s in (self._child.stdout, self._child.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def poll(self) -> list[dict[str, Any]]:
        """The events since the last call; after the child ended and all was read, one last ``{"event": "end", "code": n}``."""
        ended = self._child.poll() is not None and not any(r.is_alive() for r in self._readers)
        events = []
        with contextlib.suppress(queue.Empty):
            while True:
                events.append(self._events.get_nowait())
        if ended:
            events.append({"event": "end", "code": self._child.returncode})
        return events

    def tell(self, arguments: Sequence[str]) -> None:
        """What a child that stands by shall do.

        Raises:
            OSError: it has ended.
        """
        assert self._child.stdin is not None
        with self._child.stdin as stream:
            stream.write(json.dumps(list(arguments)) + "\n")

    @property
    def alive(self) -> bool:
        """Whether the child runs."""
        return self._child.poll() is None

    @property
    def pid(self) -> int:
        """Of the child, which leads the process group of everything that it starts."""
        return self._child.pid

    def kill(self) -> None:
        """End the child and everything that it started; returns when they are gone."""
        _end_tree(self._child)
        for reader in self._readers:
            reader.join(_PATIENCE_S)

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            try:
                event = json.loads(line) if line.startswith("{") else None
            except ValueError:
                event = None
            if isinstance(event, dict) and "event" in event:
                self.details += event.get("trace", ())
                self._events.put(event)
            elif line.strip() and (stream is self._child.stdout or line.startswith("headctiqa: ")):
                self.details.append(line.rstrip())
            del self.details[:-_KEEP_LINES]


class Standby:
    """Keeps a child ready that has loaded Python, the library and the networks: the next assessment begins at once."""

    def __init__(self) -> None:
        self._waiting: Process | None = None

    def prepare(self) -> None:
        """Start a child, unless one stands by; it loads in the background."""
        if self._waiting is None or not self._waiting.alive:
            with contextlib.suppress(OSError, ModelError):  # told when an assessment is started
                self._waiting = Process([python_executable(), *_STANDBY], standing_by=True)

    def start(self, command: Sequence[str]) -> Process:
        """The process of ``command``, which :func:`assess_command` made: the child that stands by, or else a new one.

        Raises:
            OSError: it cannot be started.
        """
        child, self._waiting = self._waiting, None
        if child is not None:
            try:
                child.tell(command[1 + len(_COMMAND) :])
            except OSError:  # it died
                child.kill()
            else:
                return child
        return Process(command)

    def end(self) -> None:
        """End the child that stands by."""
        child, self._waiting = self._waiting, None
        if child is not None:
            child.kill()


def _end_tree(child: subprocess.Popen[str]) -> None:
    """Ask the whole process group to end, then insist.  A finished child's group may still hold its own children."""
    if os.name == "nt":
        tool = Path(
            os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe"
        )  # by its name it might be one in the working folder
        subprocess.run([tool, "/F", "/T", "/PID", str(child.pid)], capture_output=True, check=False)  # noqa: S603
        child.wait()
        return
    for sign, patience in ((signal.SIGTERM, _PATIENCE_S), (signal.SIGKILL, _PATIENCE_S)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience)
            if sign is signal.SIGKILL or not _group_alive(child.pid):
                return


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
