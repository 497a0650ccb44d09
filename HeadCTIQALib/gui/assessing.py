"""From a volume node to an assessment in the scene, by the networks in a process of their own."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from HeadCTIQALib.errors import HeadCTIQAError
from HeadCTIQALib.scoring import DEFAULT, Profile
from HeadCTIQALib.scoring.profile import to_json

from .process import Process, Standby, assess_command
from .scan_source import prepare
from .session import Session

POLL_MS = 100


class Assessing:
    """One assessment at a time.

    Args:
        on_progress: called with (stage, fraction 0..1).
        on_end: called once with ("done", "", []), ("cancelled", "", []) or ("failed", one sentence, lines of detail).
        start: makes the process from a command line; None for the one that stands by.
    """

    def __init__(
        self,
        session: Session,
        on_progress: Callable[[str, float], None],
        on_end: Callable[[str, str, list[str]], None],
        start: Callable[[list[str]], Process] | None = None,
    ) -> None:
        self._session, self._on_progress, self._on_end = session, on_progress, on_end
        self._standby = Standby()
        self._start = start or self._standby.start
        self._process: Process | None = None
        self._folder: Path | None = None
        self._node: Any = None
        self._error = ""
        self._result: Path | None = None
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._poll)

    @property
    def running(self) -> bool:
        """Whether an assessment is under way."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """Of the process under way, which leads a process group; None when there is none."""
        return None if self._process is None else self._process.pid

    def warm_up(self) -> None:
        """Load the networks in the background, for the next scan."""
        if self._start == self._standby.start:
            self._standby.prepare()

    def start(self, node: Any, device: str = "auto", scoring: str = "", profile: Profile = DEFAULT) -> None:
        """Begin with the scan in ``node``; nothing in the scene changes before it is done.

        Raises:
            InputError: the volume cannot be used.
            OSError: no space for it, or the process cannot be started.
        """
        if self.running:
            raise RuntimeError("an assessment is under way")
        self._folder = Path(tempfile.mkdtemp(prefix="HeadCTIQA-", dir=slicer.app.temporaryPath))
        self._node, self._error, self._result = node, "", None
        try:
            scan = prepare(node, self._folder)
            judging = _written(profile, self._folder)
            self._process = self._start(assess_command(scan, self._folder / "assessment", device, scoring, judging))
        except BaseException:
            self._tidy()
            raise
        self._on_progress(_("Starting"), 0.0)
        self._timer.start()

    def cancel(self) -> None:
        """End the process and everything that it started; the scene is as it was."""
        if self._process is None:
            return
        self._stop()
        self._tidy()
        self.warm_up()
        self._on_end("cancelled", "", [])

    def cleanup(self) -> None:
        """The module goes away: end what runs, say nothing."""
        self._stop()
        self._standby.end()
        self._tidy()

    def _poll(self) -> None:
        for event in self._process.poll() if self._process else ():
            kind = event["event"]
            if kind == "progress":
                self._on_progress(str(event["stage"]), float(event["fraction"]))
            elif kind == "error":
                self._error = str(event["message"])
            elif kind == "result":
                self._result = Path(event["folder"])
            elif kind == "end":
                self._ended(int(event["code"]))

    def _ended(self, code: int) -> None:
        details = self._process.details if self._process else []
        self._stop()
        self.warm_up()
        if code == 0 and self._result is not None:
            self._on_progress(_("Showing the results"), 1.0)
            try:
                self._session.adopt(self._result, self._node)
            except (HeadCTIQAError, RuntimeError) as error:
                self._tidy()
                self._on_end("failed", str(error), details)
                return
            self._tidy(keep=self._result)
            self._on_end("done", "", [])
            return
        self._tidy()
        sentence = self._error or _(
            "The networks stopped unexpectedly (exit code {code}); try again, or look at the details."
        ).format(code=code)
        self._on_end("failed", sentence, details)

    def _stop(self) -> None:
        self._timer.stop()
        if self._process is not None:
            self._process.kill()
        self._process = None

    def _tidy(self, keep: Path | None = None) -> None:
        """Remove the temporary copy of the scan, and all the rest unless it is to be kept."""
        folder, self._folder = self._folder, None
        if folder is None:
            return
        for path in list(folder.iterdir()):
            if path != keep:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        if keep is None:
            folder.rmdir()


def _written(profile: Profile, folder: Path) -> Path | None:
    """The file that tells the networks' process what to judge by; None for the default, in whose place a fitted model puts its own."""
    if profile == DEFAULT:
        return None
    path = folder / "profile.json"
    path.write_text(json.dumps(to_json(profile)), encoding="utf-8")
    return path
