"""What worker processes do in tests of a department: the stand-in looks at scans, and some scans go wrong in every way."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from assessment_stand_in import install

from HeadCTIQALib import report
from HeadCTIQALib.department.work import Done, Job, assess_scan

#: Part of a path, and what a scan there does to its process.
CRASHES, HANGS, GROWS, SLOW = "crashes", "hangs", "grows", "slow"


def work(job: Job) -> Done:
    """Assess with the stand-in; what the path says goes wrong."""
    install(setattr)
    report.render = lambda record, volume, findings: "<html></html>"
    parts = job.scan.path.parts
    if CRASHES in parts:
        os.kill(os.getpid(), signal.SIGSEGV)
    if HANGS in parts:
        time.sleep(600)
    if GROWS in parts:
        held = []
        while True:
            held.append(bytearray(os.urandom(1) * 20_000_000))
            time.sleep(0.02)
    if (Path(job.cohort).parent / SLOW).exists():
        time.sleep(0.4)
    return assess_scan(job)
