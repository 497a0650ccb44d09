"""Ctrl+C, being terminated and losing the terminal: the first ends the work, later ones do not disturb the cleaning up."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is unknown to Windows
_IN_PASSING_S = 2.0


class Interrupts:
    """Within the block the first of the signals raises KeyboardInterrupt, and no other does any more.

    Afterwards they do again what they did before: at once, or, where one came, not before a program that ends has ended.

    Args:
        last: whether nothing but the end of the program follows.
    """

    def __init__(self, last: bool) -> None:
        self._last = last
        self._before: dict[int, Any] = {}
        self._came = False
        self._until = 0.0

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():  # else whoever started us handles signals
            for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
                if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup, or in the background of a script
                    before = signal.signal(number, self._handle)
                    self._before[number] = signal.SIG_DFL if before is None else before
        return self

    def __exit__(self, *_: object) -> None:
        self._until = float("inf") if self._last else time.monotonic() + _IN_PASSING_S
        if not self._came:
            self._restore()

    @property
    def came(self) -> bool:
        """Whether one of the signals came; libraries may turn the exception into another while they are imported."""
        return self._came

    def again(self) -> None:
        """The exception was raised where Python drops it, e.g. while an object was deleted: raise it once more, a moment later."""
        self._came = False
        later = threading.Timer(0.01, _interrupt_main)
        later.daemon = True
        later.start()

    def _handle(self, number: int, frame: object) -> None:
        if not self._came:
            self._came = True
            raise KeyboardInterrupt
        if self._until and time.monotonic() > self._until:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _interrupt_main() -> None:
    if hasattr(signal, "pthread_kill"):  # which also ends waiting
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()
