"""A folder of results, whole or not at all: what it replaces goes in one step, and what is not ours stays."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import output_error
from .names import Hidden, destinations, free_name, hidden, new_name, parse
from .system import alone_in, claim, exchange, held_signals, release, sync, taken_over

Ours = Callable[[str], bool]
_TRIES = 5  # of emptying a folder into which somebody is just writing


@contextmanager
def whole_folder(target: Path, ours: Ours, permit: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """A temporary folder that becomes ``target`` when the block ends well, and vanishes otherwise.

    Args:
        ours: whether a path within the folder ("tables/scores.csv") is a file that the program writes; all other files in
            an older ``target`` are carried over.
        permit: called last, when no other run can interfere: raises if ``target`` may not be replaced; True keeps it
            beside the new folder as ``target``.previous.

    Raises:
        OutputError: it cannot be written; ``target`` is as it was.
    """
    part = lock = None
    target = Path(os.path.realpath(target))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        while lock is None:  # else a cleaning process was faster
            part = new_name(target)
            part.mkdir()
            lock = claim(part)
        assert part is not None
        yield part
        _flush(part)
        with alone_in(target.parent), held_signals():
            _recover(target, ours)
            keep = permit()
            _put(part, target, ours, keep)
            sync(target.parent)
    except OSError as error:
        raise output_error(target, error, "The output folder") from error
    finally:  # also when interrupted
        with held_signals():
            if part is not None:
                shutil.rmtree(part, ignore_errors=True)
            release(lock)


def recover(target: Path, ours: Ours) -> None:
    """Finish or clean what killed runs left of ``target``, so that it is what those who look for it expect.

    Raises:
        OSError: it cannot be done; nothing is lost.
    """
    if hidden(target):
        with alone_in(target.parent), held_signals():
            _recover(target, ours)


def recover_inside(folder: Path, ours: Ours) -> None:
    """:func:`recover` all destinations in ``folder``, where it may be written."""
    with contextlib.suppress(OSError):
        for target in destinations(folder):
            recover(target, ours)


def _put(part: Path, target: Path, ours: Ours, keep: bool) -> None:
    """Put ``part`` in the place of ``target``, with what is not ours in ``target``."""
    if not os.path.lexists(target):
        part.rename(target)
        return
    _carry(target, part, ours, copied=keep)
    shutil.copymode(target, part)
    old = _swap(part, target, "keep" if keep else "drop")
    with contextlib.suppress(OSError):  # the result stands; the next run tries again
        _settle(old, target, ours)


def _swap(part: Path, target: Path, role: str) -> Hidden:
    """Exchange the two; where that takes two steps, a kill between them is seen by the names."""
    entry = parse(part, target.name)
    assert entry is not None
    inode = target.stat().st_ino
    begun = entry.as_role(role, inode)
    part.rename(begun)
    if exchange(begun, target):
        return Hidden(begun, target.name, entry.nonce, role, inode)
    begun.rename(part)
    old = entry.as_role(role)
    target.rename(old)
    try:
        part.rename(target)
    except BaseException:
        old.rename(target)
        raise
    return Hidden(old, target.name, entry.nonce, role)


def _recover(target: Path, ours: Ours) -> None:
    for entry in hidden(target):
        if entry.role != "new" and entry.inode is None and not os.path.lexists(target):
            _finish_second_step(entry, target)
    for entry in hidden(target):
        with contextlib.suppress(OSError), taken_over(entry.path) as gone:  # an OSError: the next run tries again
            if gone:
                _tidy(entry, target, ours)


def _finish_second_step(old: Hidden, target: Path) -> None:
    """The older result is out of the way, and the new one, which is complete, not yet in its place."""
    with taken_over(old.path) as gone:
        new = old.as_role("new")
        if gone:
            (new if new.exists() else old.path).rename(target)


def _tidy(entry: Hidden, target: Path, ours: Ours) -> None:
    """Do away with an entry whose process is gone, while ``target`` stands."""
    not_exchanged = entry.inode is not None and entry.path.stat().st_ino != entry.inode  # so this is the new one
    if entry.role == "new" or not_exchanged:
        _remove(entry.path)
    elif (
        entry.inode is None and entry.as_role("new").exists()
    ):  # somebody made another folder there: the older result has no successor
        entry.path.rename(free_name(target))
    else:
        _settle(entry, target, ours)


def _settle(old: Hidden, into: Path, ours: Ours) -> None:
    """Keep the replaced folder beside its successor, or remove it once all that is not ours is in the successor."""
    if old.role == "keep":
        old.path.rename(free_name(into))
        return
    for n in range(_TRIES):
        try:
            _drain(old.path, into, ours)
        except OSError:  # e.g. a file that has just appeared in it
            if n == _TRIES - 1:
                raise
        else:
            return


def _drain(old: Path, into: Path, ours: Ours, within: str = "") -> None:
    """Remove ``old``; what is not ours goes into ``into`` where it is not there already, the newer of two states wins."""
    for path in sorted(old.iterdir()):
        name, there, found = within + path.name, into / path.name, path.lstat()
        if stat.S_ISDIR(found.st_mode):
            _drain(path, there, ours, f"{name}/")
        elif ours(name):
            path.unlink()
        elif not os.path.lexists(there):
            there.parent.mkdir(parents=True, exist_ok=True)
            path.rename(there)
        elif found.st_mtime_ns > there.lstat().st_mtime_ns:  # written between carrying and swapping
            path.replace(there)
        else:
            path.unlink()
    old.rmdir()


def _carry(old: Path, part: Path, ours: Ours, copied: bool, within: str = "") -> None:
    """Give ``part`` all files in ``old`` that are not ours: as further names of the same files, or as copies."""
    paths = sorted(old.iterdir())
    if within and not paths:
        part.mkdir(parents=True, exist_ok=True)
    for path in paths:
        name, there = within + path.name, part / path.name
        if path.is_dir() and not path.is_symlink():
            _carry(path, there, ours, copied, f"{name}/")
        elif not ours(name) and not os.path.lexists(there):
            there.parent.mkdir(parents=True, exist_ok=True)
            _repeat(path, there, copied)


def _repeat(path: Path, there: Path, copied: bool) -> None:
    if not copied:
        try:
            os.link(path, there, follow_symlinks=False)
            return
        except (OSError, NotImplementedError):  # another owner, or a file system without links
            pass
    shutil.copy2(path, there, follow_symlinks=False)  # refuses what is no file
    if not there.is_symlink():
        sync(there)


def _flush(folder: Path) -> None:
    """Flush a folder of ours and all that is in it to the disk."""
    for place, _, files in os.walk(folder):
        for file in files:
            sync(Path(place, file))
        sync(Path(place))


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
