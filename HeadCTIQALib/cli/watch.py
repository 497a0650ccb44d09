"""``headctiqa watch``."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from HeadCTIQALib.department.batch import Plan
from HeadCTIQALib.department.events import read_events
from HeadCTIQALib.department.watch import ALARMS, Watch
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.progress import TextProgress
from HeadCTIQALib.text import printable

from .batch import told
from .terminal import show

_LOOKS = 4  # while a scan must be quiet
_SLOWEST_S = 15.0


def watch(plan: Plan, events: Path | None, hook: str) -> int:
    """Look at the folder again and again, until the program is interrupted.

    Raises:
        HeadCTIQAError: see :meth:`HeadCTIQALib.department.watch.Watch.look`.
        KeyboardInterrupt: how it ends.
    """
    (folder,) = plan.inputs
    if not folder.is_dir():
        raise InputError(f"The folder {folder} does not exist; make it, or check the path.")
    happened = read_events(events) if events else ()
    try:
        command = shlex.split(hook)
    except ValueError as error:
        raise InputError(f"The hook {hook!r} is no command ({error}); check its quotes.") from error
    seen, progress = Watch(plan, happened, command), TextProgress()
    show(f"Watching {folder}; alarms go to {plan.cohort / ALARMS}. End with Ctrl+C.\n")
    while True:
        try:
            found = seen.look(progress)
        finally:
            progress.clear()
        if found is not None and found[0].assessed:
            show("\n".join(told(found[0], plan.cohort)) + "\n")
            show("".join(f"Alarm: {printable(s.sentence)}\n" for s in found[1]))
        time.sleep(min(plan.quiet_s / _LOOKS, _SLOWEST_S))
