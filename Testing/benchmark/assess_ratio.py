"""Wall time of `headctiqa assess` relative to the floor: start Python, import torch, read the series, nothing else.

    python Testing/benchmark/assess_ratio.py SCAN [--repeats 3]

Both commands run alternately on the same machine in the same call; the ratio of their medians is what counts.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ROOT.parent / "shared" / "data" / "ct" / "ge-revolution-dental"
FLOOR = "import sys, torch; from HeadCTIQALib.volume import read; read(sys.argv[1])"


def timed(command: list[str]) -> float:
    """Seconds of wall time of a command that must succeed."""
    began = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


class PeakMemory(threading.Thread):
    """Watches a process and its children, the network process among them; ``gigabytes`` is their peak together (Linux)."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.gigabytes, self._pid, self._over = 0.0, pid, threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.2):
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


def staged(command: list[str], peaks: list[float]) -> dict[str, float]:
    """Seconds of wall time of every stage that a command reports as JSON lines, from its start to its end; notes its peak memory."""
    stages = {"Starting": 0.0}
    stage, began = "Starting", time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        memory = PeakMemory(process.pid)
        memory.start()
        for line in process.stdout:
            named = json.loads(line).get("stage", stage)
            if named != stage:
                now = time.perf_counter()
                stages[stage] = stages.get(stage, 0.0) + now - began
                stage, began = named, now
    peaks.append(memory.stop())
    if process.returncode:
        sys.exit("the assessment failed")
    stages[stage] = stages.get(stage, 0.0) + time.perf_counter() - began
    return stages


def main() -> None:
    """Print ratio, peak memory and the share of every stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--repeats", type=int, default=3)
    a = parser.parse_args()
    if not a.scan.exists():
        sys.exit(f"{a.scan} does not exist; name a scan")
    floors, runs = [], []
    peaks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "assessment"
        assess = [
            sys.executable,
            "-m",
            "HeadCTIQALib",
            "assess",
            str(a.scan),
            "--output",
            str(out),
            "--progress",
            "json",
        ]
        for n in range(a.repeats + 1):
            floor, run = timed([sys.executable, "-c", FLOOR, str(a.scan)]), staged(assess, peaks)
            if n:  # the first round fills the disk cache
                floors.append(floor)
                runs.append(run)
    floor, total = statistics.median(floors), statistics.median(sum(run.values()) for run in runs)
    print(f"cores {os.cpu_count()}  repeats {a.repeats}")
    print(
        f"ratio {total / floor:.2f}  (assess {total:.1f} s, floor {floor:.1f} s)  peak memory {max(peaks):.2f} GB of all its processes"
    )
    for stage in runs[0]:
        seconds = statistics.median(run[stage] for run in runs)
        print(f"  {stage:<32}{seconds:6.2f} s {100 * seconds / total:5.1f} %")


if __name__ == "__main__":
    main()
