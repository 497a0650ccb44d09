"""Wall time of `headctiqa assess` relative to the floor: start Python, import torch, read the series, nothing else.

    python Testing/benchmark/assess_ratio.py SCAN [--repeats 3]

Both commands run alternately on the same machine in the same call; the ratio of their medians is what counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
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


def staged(command: list[str]) -> dict[str, float]:
    """Seconds of wall time of every stage that a command reports as JSON lines, from its start to its end."""
    stages = {"Starting": 0.0}
    stage, began = "Starting", time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            named = json.loads(line).get("stage", stage)
            if named != stage:
                now = time.perf_counter()
                stages[stage] = stages.get(stage, 0.0) + now - began
                stage, began = named, now
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
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "assessment"
        assess = [sys.executable, "-m", "HeadCTIQALib", "assess", str(a.scan), "--output", str(out), "--progress", "json"]
        for n in range(a.repeats + 1):
            floor, run = timed([sys.executable, "-c", FLOOR, str(a.scan)]), staged(assess)
            if n:  # the first round fills the disk cache
                floors.append(floor)
                runs.append(run)
    floor, total = statistics.median(floors), statistics.median(sum(run.values()) for run in runs)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    print(f"cores {os.cpu_count()}  repeats {a.repeats}")
    print(f"ratio {total / floor:.2f}  (assess {total:.1f} s, floor {floor:.1f} s)  peak memory {peak:.2f} GB")
    for stage in runs[0]:
        seconds = statistics.median(run[stage] for run in runs)
        print(f"  {stage:<32}{seconds:6.2f} s {100 * seconds / total:5.1f} %")


if __name__ == "__main__":
    main()
