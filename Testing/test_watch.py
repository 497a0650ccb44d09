"""Scans that arrive are assessed once they are complete; a drift is told once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from department_stand_in import work
from many_records import at, write_many

from HeadCTIQALib.department.batch import Plan
from HeadCTIQALib.department.pool import Limits
from HeadCTIQALib.department.watch import ALARMS, Watch
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.record import read_record
from HeadCTIQALib.synthesis.dicom import write_series


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def head(make_head, folder, seed):
    write_series(make_head(slices=20, matrix=48, pixel_mm=5.0, spacing_mm=11.0, seed=seed), folder, seed=seed)


def test_a_scan_is_assessed_when_it_is_complete(make_head, inbox, tmp_path):
    plan = Plan((inbox,), tmp_path / "cohort", limits=Limits(60, 4e9), quiet_s=2.0)
    seen = Watch(plan, work=work)
    nothing, _ = seen.look()
    assert (nothing.found, nothing.assessed) == (0, 0)
    assert seen.look() is None, "nothing has come"
    head(make_head, tmp_path / "source", 1)
    files = sorted((tmp_path / "source").iterdir())
    for path in files[:12]:
        shutil.copy2(path, inbox)  # keeps the time, which is long ago
        os.utime(inbox / path.name, (1, 1))
    partial, _ = seen.look()
    assert (partial.found, partial.arriving) == (0, 1)
    for path in files[12:]:
        shutil.copy2(path, inbox)
    assert seen.look()[0].assessed == 0
    time.sleep(2.2)
    whole, alarms = seen.look()
    assert (whole.assessed, alarms) == (1, [])
    (folder,) = (p for p in (tmp_path / "cohort").iterdir() if p.is_dir())
    assert read_record(folder).input.shape[0] == 20, "never half a scan"
    assert seen.look() is None


def test_an_alarm_is_told_once(make_head, inbox, tmp_path):
    """A cohort whose noise rose: the next scan that arrives makes the charts tell it, to the list and the hook."""
    cohort, heard = tmp_path / "cohort", tmp_path / "heard"
    write_many(cohort, 80)
    rng = np.random.default_rng(0)
    for n, folder in enumerate(sorted(p for p in cohort.iterdir() if p.is_dir())):
        noise = 4.5 * np.exp(rng.normal(0, 0.05)) * (1.3 if n >= 60 else 1)
        record = at(read_record(folder), n, noise=float(noise), scanner=0)
        (folder / "assessment.json").write_bytes(msgspec.json.encode(record))
    head(make_head, inbox / "CT", 1)
    hook = [sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())", str(heard)]
    plan = Plan((inbox,), cohort, limits=Limits(60, 4e9), quiet_s=0.001)
    _, alarms = Watch(plan, hook=hook, work=work).look()
    noise = [a for a in alarms if a.iqm == "noise"]
    assert noise
    assert "Noise rose to" in noise[0].sentence
    assert (cohort / ALARMS).read_text() == heard.read_text()
    assert len(heard.read_text().splitlines()) == len(alarms)
    assert json.loads(heard.read_text().splitlines()[0])["level"] == "alarm"
    head(make_head, inbox / "CT2", 2)
    _, again = Watch(plan, hook=hook, work=work).look()
    assert again == []
    with pytest.raises(InputError, match="cannot be started"):
        Watch(plan, hook=["/no/such/command"], work=work)._call(b"")


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="no signals")
def test_the_command_ends_with_ctrl_c(inbox, tmp_path):
    command = [
        sys.executable,
        "-P",
        "-m",
        "HeadCTIQALib",
        "watch",
        inbox,
        "--output",
        tmp_path / "cohort",
        "--quiet",
        "1",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        assert "Watching" in started.stdout.readline()
        time.sleep(0.5)
        started.send_signal(signal.SIGINT)
        assert started.wait(10) == 130
