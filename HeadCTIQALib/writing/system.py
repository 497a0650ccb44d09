"""What the operating system has for it: an exchange of two names, locks that end with their process, signals that wait."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_thread = threading.local()
_LONG_S = 86400.0  # no run takes a day: for file systems that know no locks
_AT_FDCWD, _SWAP = -100, 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


@contextmanager
def held_signals() -> Iterator[None]:
    """Ctrl+C, termination and hang-up wait until the block has ended; what Python does not handle cannot be held."""
    if threading.current_thread() is not threading.main_thread():  # signals are handled in the main thread only
        yield
        return
    came: list[int] = []
    before = {}
    try:
        for number in _SIGNALS:
            if signal.getsignal(number) not in (None, signal.SIG_IGN):
                before[number] = signal.signal(number, lambda number, frame: came.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system or the file system cannot."""
    call = _exchanger()
    return call is not None and call(os.fsencode(one), os.fsencode(other)) == 0


@cache
def _exchanger() -> Callable[[bytes, bytes], int] | None:
    import ctypes

    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            rename = library.renamex_np
            rename.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint)
            return lambda one, other: int(rename(one, other, _SWAP))
        renameat2 = library.renameat2
        renameat2.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
        return lambda one, other: int(renameat2(_AT_FDCWD, one, _AT_FDCWD, other, _SWAP))
    except (OSError, AttributeError, TypeError):  # a library without it; TypeError: Windows
        return None


@contextmanager
def _where_locks_are_known() -> Iterator[None]:
    """Some network file systems refuse locks; there, nothing is taken over for a day."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError:
        pass


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Only one of our threads at a time, of any process, is in this block with ``folder``; others wait.

    It may be entered again by the thread that is in it.  Where the file system knows no locks, nobody waits.
    """
    mine: set[str] = _thread.__dict__.setdefault("alone_in", set())
    key = os.path.realpath(folder)
    if fcntl is None or key in mine:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with _where_locks_are_known():
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        mine.add(key)
        yield
    finally:
        mine.discard(key)
        os.close(descriptor)


def claim(path: Path) -> int | None:
    """Lock what this process has just made, for as long as the descriptor is open or the process lives.

    None when a cleaning process was faster and is removing it.
    """
    if fcntl is None:
        return -1
    descriptor = None
    try:
        descriptor = os.open(path, os.O_RDONLY)
        with _where_locks_are_known():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return descriptor
    except (FileNotFoundError, BlockingIOError):
        pass
    release(descriptor)
    return None


@contextmanager
def taken_over(path: Path) -> Iterator[bool]:
    """Whether the process that made ``path`` (see :func:`claim`) is gone; no other process takes it over in this block."""
    if fcntl is None:
        yield time.time() - path.lstat().st_mtime > _LONG_S
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        gone = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            gone = False
        except OSError:  # a file system without locks
            gone = time.time() - os.fstat(descriptor).st_ctime > _LONG_S
        yield gone
    finally:
        os.close(descriptor)


def release(descriptor: int | None) -> None:
    """Give up a claim."""
    if descriptor is not None and descriptor >= 0:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Flush a file or folder to the disk, where the system can (Windows cannot open a folder)."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
