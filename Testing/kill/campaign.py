"""Stops the writers of all commands at every call that changes the file system: python Testing/kill/campaign.py"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from cases import cases
from points import Case, Count, try_all

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MEMORY = Path("/dev/shm")  # flushing to a disk takes most of the time


def campaign(
    only: str = "", signals: tuple[signal.Signals, ...] = SIGNALS, step: int = 1
) -> Iterator[tuple[str, Count]]:
    """Findings by case, of every ``step``-th point."""
    with tempfile.TemporaryDirectory(prefix="kill-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        for case in cases():
            if only in case.name:
                yield case.name, of_case(case, Path(folder), signals, step)


def of_case(case: Case, folder: Path, signals: tuple[signal.Signals, ...], step: int) -> Count:
    """Findings about one case on all kinds of file systems."""
    total = Count()
    for kind in case.kinds:
        for how in signals:
            total.add(try_all(case, kind, how, folder / "points", step))
    return total


def main() -> int:
    """Print a table; 1 when anything was lost or left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose names hold these words")
    parser.add_argument("--quick", type=int, metavar="N", help="every N-th point only, killed and terminated")
    options = parser.parse_args()
    began, total = time.monotonic(), Count()
    print(f"{'':50}{'points':>8}{'losses':>8}{'leftovers':>11}")
    for name, count in campaign(options.only, SIGNALS[:2] if options.quick else SIGNALS, options.quick or 1):
        print(f"{name:50}{count.points:8}{len(count.losses):8}{len(count.leftovers):11}", flush=True)
        total.add(count)
    print(
        f"{'all':50}{total.points:8}{len(total.losses):8}{len(total.leftovers):11}   {time.monotonic() - began:.0f} s"
    )
    print("\n".join([*total.losses, *total.leftovers][:40]))
    return 1 if total.losses or total.leftovers else 0


if __name__ == "__main__":
    raise SystemExit(main())
