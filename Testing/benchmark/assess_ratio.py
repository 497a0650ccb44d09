"""`headctiqa assess` relative to the floor: start Python, import torch, read the series, nothing else.

    python Testing/benchmark/assess_ratio.py [SCAN ...] [--repeats 3]

All commands run alternately on the same machine in the same call; the ratios of their medians are what counts, in seconds of
wall time and of processor time.  *Warm* is what 3D Slicer does: a process that has loaded everything waits for the scan.
Without SCAN: the shared scan of 144 slices, where it is there, and a simulated one of 288 slices of 512 x 512, as DICOM.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
SHARED = ROOT.parent / "shared" / "data" / "ct" / "ge-revolution-dental"
FLOOR = "import sys, torch; from HeadCTIQALib.volume import read; read(sys.argv[1])"
LOADED_S = 20.0  # in which a process that stands by has loaded the networks, on a slow machine too
SLICES = 288


@dataclass(frozen=True)
class Cost:
    """Seconds of wall time and of processor time, and the peak memory in GB of all processes together."""

    wall: float
    processor: float
    memory: float = 0.0


class PeakMemory(threading.Thread):
    """Watches a process and its children; ``gigabytes`` is their peak together (Linux)."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.gigabytes, self._pid, self._over = 0.0, pid, threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.1):
            self.gigabytes = max(self.gigabytes, self._resident(self._pid) / 1024**2)

    def stop(self) -> float:
        self._over.set()
        self.join()
        return self.gigabytes

    def _resident(self, pid: int) -> int:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return 0
        own = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)
        return own + sum(self._resident(int(child)) for child in children)


def spent(pid: int) -> float:
    """Seconds of processor time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(n) for n in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def run(command: Sequence[str], arguments: Sequence[str] | None = None) -> Cost:
    """What a command costs; with ``arguments``, only from when it has loaded, waits for them and is told them."""
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as child:
        memory = PeakMemory(child.pid)
        memory.start()
        before = 0.0
        if arguments is not None:
            time.sleep(LOADED_S)
            before = spent(child.pid)
        began = time.perf_counter()
        child.stdin.write(json.dumps(list(arguments or ())) + "\n")
        child.stdin.close()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
    if child.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return Cost(wall, used.ru_utime + used.ru_stime - before, memory.stop())


def simulated(folder: Path) -> Path:
    """A DICOM series of :data:`SLICES` slices."""
    from dataclasses import replace

    from HeadCTIQALib.synthesis import Acquire, Scene, simulate
    from HeadCTIQALib.synthesis.dicom import write_series

    volume = simulate(1, scene=Scene(acquire=Acquire(matrix=512, spacing_mm=0.625, thickness_mm=0.625))).volume
    part = slice(max(0, volume.shape[0] - SLICES), None)
    write_series(replace(volume, hu=volume.hu[part], origins=volume.origins[part]), folder / "simulated-288")
    return folder / "simulated-288"


def compared(scan: Path, out: Path, repeats: int) -> dict[str, list[Cost]]:
    """Every command on a scan, ``repeats`` times."""
    assess = ["assess", str(scan), "--output", str(out), "--progress", "json"]
    costs: dict[str, list[Cost]] = {"floor": [], "assess": [], "warm": []}
    for n in range(repeats + 1):
        round_ = {
            "floor": run([sys.executable, "-c", FLOOR, str(scan)]),
            "assess": run([sys.executable, "-m", "HeadCTIQALib", *assess]),
            "warm": run([sys.executable, "-m", "HeadCTIQALib.cli.standby"], assess),
        }
        if n:  # the first round fills the disk cache
            for name, cost in round_.items():
                costs[name].append(cost)
    return costs


def main() -> None:
    """Print a table for every scan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scans", nargs="*", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scans = a.scans or [*([SHARED] if SHARED.exists() else []), simulated(Path(temporary))]
        print(f"cores {os.cpu_count()}  repeats {a.repeats}  medians")
        for scan in scans:
            costs = compared(scan, Path(temporary) / "assessment", a.repeats)
            floor = {
                part: statistics.median(getattr(c, part) for c in costs["floor"]) for part in ("wall", "processor")
            }
            print(
                f"{scan.name}\n  {'':10}{'wall s':>8}{'/ floor':>9}{'processor s':>13}{'/ floor':>9}{'memory GB':>11}"
            )
            for name, all_ in costs.items():
                wall, processor = (statistics.median(getattr(c, part) for c in all_) for part in ("wall", "processor"))
                ratios = (wall / floor["wall"], processor / floor["processor"])
                memory = max(c.memory for c in all_)
                print(
                    f"  {name:10}{wall:8.2f}{ratios[0]:9.2f}{processor:13.2f}{ratios[1]:9.2f}{memory:11.2f}", flush=True
                )


if __name__ == "__main__":
    main()
