"""Hidden names beside a destination, which nobody else makes, and the name under which an older result is kept.

    .scan.0123456789abcdef.new         being written
    .scan.0123456789abcdef.drop-2a     in the midst of an exchange: the older result when its inode is 2a, else the new one
    .scan.0123456789abcdef.drop        the older result, where the system cannot exchange names
    .scan.0123456789abcdef.keep[-2a]   as drop, but the older result is to be kept as scan.previous

Half of the digits follow from the others and the destination's name, so that an entry is provably ours and of this
destination before anything is done to it.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LONGEST = 180  # bytes of the destination's name that are repeated; file systems allow 255 in all
_NAME = re.compile(
    r"\.(?P<shown>.+)\.(?P<nonce>[0-9a-f]{8})(?P<proof>[0-9a-f]{8})\.(?P<role>new|drop|keep)(?:-(?P<inode>[0-9a-f]+))?",
    re.DOTALL,
)
_KEPT = re.compile(r".+\.previous(-\d+)?", re.DOTALL)


@dataclass(frozen=True)
class Hidden:
    """A hidden entry of ours: where it lies, whose it is, and what it is there for."""

    path: Path
    shown: str
    nonce: str
    role: str
    inode: int | None = None

    def as_role(self, role: str, inode: int | None = None) -> Path:
        """The name of the same run's entry in another role."""
        stem = self.path.name.rpartition(".")[0]
        return self.path.with_name(f"{stem}.{role}" + ("" if inode is None else f"-{inode:x}"))


def new_name(target: Path) -> Path:
    """A fresh hidden name for what is to become ``target``."""
    nonce, shown = secrets.token_hex(4), _shown(target)
    return target.with_name(f".{shown}.{nonce}{_proof(target.name, nonce)}.new")


def parse(path: Path, target: str | None = None) -> Hidden | None:
    """``path`` as a hidden entry of ours, of the destination called ``target`` (None: the one that its name shows)."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    name = match["shown"] if target is None else target
    if _proof(name, match["nonce"]) != match["proof"]:
        return None
    return Hidden(path, name, match["nonce"], match["role"], int(match["inode"], 16) if match["inode"] else None)


def hidden(target: Path) -> list[Hidden]:
    """All hidden entries of ours beside ``target`` that belong to it."""
    return [h for path in _entries(target.parent) if (h := parse(path, target.name)) is not None]


def destinations(folder: Path) -> set[Path]:
    """Destinations in ``folder`` of which hidden entries were found."""
    return {folder / h.shown for path in _entries(folder) if (h := parse(path)) is not None}


def free_name(target: Path) -> Path:
    """The first free one of ``target``.previous, ``target``.previous-2, ..."""
    shown, n = _shown(target), 1
    while os.path.lexists(path := target.with_name(f"{shown}.previous" + (f"-{n}" if n > 1 else ""))):
        n += 1
    return path


def is_kept(path: Path) -> bool:
    """Whether ``path`` has the name of an older result that was kept beside its successor."""
    return _KEPT.fullmatch(path.name) is not None


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(p for p in folder.iterdir() if p.name.startswith("."))
    except FileNotFoundError:
        return


def _shown(target: Path) -> str:
    return target.name.encode("utf-8", "surrogateescape")[:_LONGEST].decode("utf-8", "ignore")


def _proof(name: str, nonce: str) -> str:
    return hashlib.sha256(f"HeadCTIQA {nonce} {name}".encode("utf-8", "surrogateescape")).hexdigest()[:8]
