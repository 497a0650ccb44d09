"""Worker processes end with the process that started them, however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, time
from HeadCTIQALib.cli.interrupts import Interrupts
from HeadCTIQALib.workers import in_processes
if __name__ == "__main__":
    with Interrupts(last=True):
        try:
            for name, found in in_processes({"first": ("__import__('os').getpid()",), "a": ("__import__('time').sleep(60)",), "b": ("__import__('time').sleep(60)",)}, 2, eval):
                print(found, flush=True)
        except KeyboardInterrupt:
            raise SystemExit(130)
"""


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_no_worker_outlives_its_parent(tmp_path, number):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as parent:
        worker = int(parent.stdout.readline())
        assert alive(worker)
        parent.send_signal(number)
        assert parent.wait(30) == (130 if number != signal.SIGKILL else -signal.SIGKILL)
    until = time.monotonic() + 20
    while alive(worker) and time.monotonic() < until:
        time.sleep(0.1)
    assert not alive(worker)
