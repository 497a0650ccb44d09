"""No writer loses anything or leaves anything, wherever it is stopped: a part of the campaign; ``make kill`` runs all of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CAMPAIGN = Path(__file__).with_name("campaign.py")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_every_seventh_point_of_every_writer():
    environment = {
        **{k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"},
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.run(
        [sys.executable, CAMPAIGN, "--quick", "7"], capture_output=True, text=True, env=environment, check=False
    )
    assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
