"""A folder into which scans arrive: each is assessed once it is complete, and drifts are told as they are found."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.writing import output_error

from .batch import Plan, Summary, Work, run
from .events import Event
from .table import rows
from .trends import Signal, trends
from .work import assess_scan

ALARMS = "alarms.jsonl"
_HOOK_S = 60.0


class Watch:
    """What has been seen of the folders of a plan.

    Args:
        plan: its ``quiet_s`` says for how long no file of a scan may have changed.
        hook: command with arguments that is started for new alarms, which it gets on standard input, one JSON object a line.
    """

    def __init__(
        self, plan: Plan, events: Sequence[Event] = (), hook: Sequence[str] = (), work: Work = assess_scan
    ) -> None:
        self._plan, self._events, self._hook, self._work = plan, events, hook, work
        self._seen: object = None
        self._waiting = True

    def look(self, progress: Progress = silent) -> tuple[Summary, list[Signal]] | None:
        """Assess what has arrived; the summary and new alarms, or None where nothing has changed since.

        Raises:
            HeadCTIQAError: see :func:`~.batch.run`; or the hook cannot be started.
        """
        now = self._state()
        if now == self._seen and not self._waiting:
            return None
        first, self._seen = self._seen is None, now
        summary = run(self._plan, progress, self._work)
        self._waiting = summary.arriving > 0
        return summary, self._alarms() if summary.assessed or (first and summary.before) else []

    def _state(self) -> object:
        """Number of files and latest change: cheap to see, and different whenever something arrives."""
        count, latest = 0, 0.0
        for root in self._plan.inputs:
            for place, folders, files in os.walk(root):
                folders[:] = [name for name in folders if not name.startswith(".")]
                for name in files:
                    with contextlib.suppress(OSError):
                        count, latest = count + 1, max(latest, os.stat(os.path.join(place, name)).st_ctime)  # noqa: PTH116, PTH118
        return count, latest

    def _alarms(self) -> list[Signal]:
        """Alarms that were not told before; they are now in the cohort's list, and told to the hook."""
        path = self._plan.cohort / ALARMS
        told = {_key(line) for line in path.read_bytes().splitlines()} if path.exists() else set()
        found = [s for c in trends(rows(self._plan.cohort)[0], self._events) for s in c.signals if s.level == "alarm"]
        lines = {msgspec.json.encode(asdict(s)): s for s in found}
        new = {line: s for line, s in lines.items() if _key(line) not in told}
        if new:
            text = b"\n".join(new) + b"\n"
            try:
                with path.open("ab") as stream:
                    stream.write(text)
                    os.fsync(stream.fileno())
            except OSError as error:
                raise output_error(path, error, "The list of alarms") from error
            self._call(text)
        return list(new.values())

    def _call(self, text: bytes) -> None:
        if not self._hook:
            return
        try:
            subprocess.run(list(self._hook), input=text, timeout=_HOOK_S, check=False)  # noqa: S603  # the user's own command
        except OSError as error:
            raise InputError(
                f"The hook {self._hook[0]} cannot be started ({error.strerror}); check the command."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise OutputError(
                f"The hook {self._hook[0]} took longer than {_HOOK_S:g} s; let it do its work in the background."
            ) from error


def _key(line: bytes) -> tuple[str, ...]:
    """What makes an alarm the same one; of a line that was cut short, none."""
    try:
        content = msgspec.json.decode(line)
        return tuple(str(content[name]) for name in ("stratum", "iqm", "rule", "scan"))
    except (msgspec.DecodeError, KeyError, TypeError):
        return ()
