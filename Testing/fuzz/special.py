"""What lies where a file should be: pipes, devices, folders, files with holes, files that nobody may read."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

KINDS = ("pipe", "zeros", "folder", "holes", "nothing", "loop", "dangling", "unreadable", "tail")


def replace(rng: Random, path: Path) -> str:
    """Put something special in the place of the file ``path``; returns its kind."""
    kind = rng.choice(KINDS)
    content = path.read_bytes()
    if kind == "holes":  # 40 GB to look at, nothing on the disk
        os.truncate(path, 40_000_000_000)
        return kind
    if kind == "tail":
        os.truncate(path, 3_000_000_000)
        return kind
    if kind == "unreadable":
        path.chmod(0)
        return kind
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "zeros":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
        (path / path.name).write_bytes(content)
    elif kind == "nothing":
        path.touch()
    elif kind == "loop":
        path.symlink_to(path.name)
    else:
        path.symlink_to("not-there")
    return kind
