"""The program's side of the network process: torch and the networks live there, so that nothing here waits for them.

Importing torch and MONAI takes longer than reading a scan and holds Python's lock; in a process of its own it does not
delay the reading, and networks run while the program refines masks.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeadCTIQALib import isolation
from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.traces import RemoteError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Answer = Future[tuple[NDArray[Any], ...]]

COMMAND = isolation.command("HeadCTIQALib.networks.worker")


class NetworkProcess:
    """A child process that runs networks; requests are answered in their order.

    It ends with :meth:`close`, with this process, however that ends, and never by Ctrl+C.

    Raises:
        ModelError: no process can be started.
    """

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # a pipe that nobody reads would fill up
        try:
            self._child = subprocess.Popen(  # noqa: S603
                [python(), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={
                    "OMP_WAIT_POLICY": "PASSIVE",
                    **isolation.environment(),
                },  # threads that wait busily take the cores from this process
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as e:
            raise ModelError(
                f"The networks cannot be started ({e.strerror or e}); check the Python installation."
            ) from e
        self._pending: deque[Answer] = deque()
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether requests can still be made."""
        return self._child.poll() is None and not self._child.stdin.closed  # type: ignore[union-attr]

    def submit(self, bundle: str, *arrays: np.ndarray, device: str = "auto") -> Answer:
        """Ask for the network of ``bundle`` to be run on ``arrays``.

        Returns:
            A future of the output arrays; its result() raises ModelError when torch is missing, the bundle is damaged,
            the device is absent, memory is short or the process was killed.
        """
        from . import wire

        answer: Answer = Future()
        answer.set_running_or_notify_cancel()
        with self._lock:
            self._pending.append(answer)
            if self._reader is None:
                self._reader = threading.Thread(target=self._read, name="networks", daemon=True)
                self._reader.start()
            try:
                wire.send(self._child.stdin, {"bundle": bundle, "device": device}, arrays)  # type: ignore[arg-type]
            except (OSError, ValueError):
                pass  # the child is gone: for the reader to tell or, when it has ended, below
            except BaseException:  # interrupted amid a message: the child could not tell where the next one begins
                self._child.kill()
                raise
        if not self._reader.is_alive():
            self._abandon()
        return answer

    def close(self) -> None:
        """End the child; requests that it has not answered fail."""
        self._child.kill()  # it holds nothing worth keeping, and may be in the midst of seconds of importing
        self._child.wait()
        with contextlib.suppress(OSError):  # what was not sent yet
            self._child.stdin.close()  # type: ignore[union-attr]
        if self._reader is not None:
            self._reader.join()
        self._child.stdout.close()  # type: ignore[union-attr]
        self._errors.close()

    def _read(self) -> None:
        from . import wire

        try:
            while (message := wire.receive(self._child.stdout)) is not None:  # type: ignore[arg-type]
                header, arrays = message
                answer = self._pending.popleft()
                if "error" in header:
                    answer.set_exception(ModelError(header["error"]))
                elif "bug" in header:
                    answer.set_exception(RemoteError(f"in the network process: {header['bug']}", header["trace"]))
                else:
                    answer.set_result(arrays)
        except ModelError as error:  # nothing that it says can be understood any more
            self._child.kill()
            while self._pending:
                with contextlib.suppress(IndexError):
                    self._pending.popleft().set_exception(error)
        self._child.wait()
        self._abandon()

    def _abandon(self) -> None:
        """Fail what the child will not answer any more."""
        while self._pending:
            with contextlib.suppress(IndexError):  # the reader and a caller may both be here
                self._pending.popleft().set_exception(ModelError(self._obituary()))

    def _obituary(self) -> str:
        code = self._child.poll()
        if code in (-9, 137):
            return "The networks' process was killed, probably for lack of memory; close other programs or use a larger machine."
        last = ""
        with contextlib.suppress(OSError, ValueError):
            self._errors.seek(0)
            last = (self._errors.read().decode("utf-8", "replace").strip().splitlines() or [""])[-1][:200]
        return f"The networks' process ended unexpectedly (exit code {code}{': ' + last if last else ''}); run again or reinstall torch."


def python() -> str:
    """The Python interpreter to start: this one, or PythonSlicer beside the Slicer application.

    Raises:
        ModelError: this program is not Python and has none beside it.
    """
    here = Path(sys.executable or "")
    if "python" in here.name.lower():
        return str(here)
    suffix = ".exe" if os.name == "nt" else ""
    for beside in (here.parent / f"PythonSlicer{suffix}", here.parent / "bin" / f"PythonSlicer{suffix}"):
        if beside.is_file():
            return str(beside)
    raise ModelError(
        "The networks need a Python interpreter and this program has none; use headctiqa from Python or PythonSlicer."
    )
