"""Shared fixtures: small simulated head volumes, DICOM folders made of them, and the real scans beside the project."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ellipsoid_head import simulated_head

from HeadCTIQALib.volume.types import CTVolume

SHARED = Path(__file__).resolve().parents[2] / "shared"

# A shell that starts the tests in the background lets them ignore Ctrl+C, and the programs that they interrupt would ignore it with them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Under nohup the same is true of a terminal that closes.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def make_head() -> Callable[..., CTVolume]:
    """Factory of small simulated heads; see `simulated_head` for its arguments."""
    return simulated_head


@pytest.fixture(scope="session")
def head_volume() -> CTVolume:
    """A 40 x 96 x 96 simulated head, 5 x 2.4 x 2.4 mm, complete from below the skull base to above the vertex."""
    return simulated_head()


@pytest.fixture(scope="session")
def tilted_head_volume() -> CTVolume:
    """The same head scanned with 18 degrees gantry tilt and a change of spacing halfway."""
    positions = np.r_[np.arange(-90, 0, 4.0), np.arange(1, 100, 7.0)]
    return simulated_head(tilt_deg=18.0, positions=positions)


@pytest.fixture(scope="session")
def dicom_head_folder(tmp_path_factory: pytest.TempPathFactory, head_volume: CTVolume) -> Path:
    """A DICOM folder of `head_volume`; do not change it."""
    from HeadCTIQALib.synthesis.dicom import write_series

    folder = tmp_path_factory.mktemp("dicom") / "head"
    write_series(head_volume, folder)
    return folder


@pytest.fixture
def small(make_head: Callable[..., CTVolume]) -> CTVolume:
    """A head of twelve slices, for tests of reading."""
    return make_head(slices=12, matrix=32, pixel_mm=7.0, spacing_mm=18.0)


@pytest.fixture
def scan(small: CTVolume, tmp_path: Path) -> Path:
    """A DICOM folder of `small`, to be changed at will."""
    from HeadCTIQALib.synthesis.dicom import write_series

    write_series(small, tmp_path / "scan")
    return tmp_path / "scan"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """../shared/data beside the project, or a skip."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the real scans (../shared/data beside the project) are not here")
    return folder


@pytest.fixture(scope="session")
def shared_ct(shared_data: Path) -> Path:
    """The folder of real DICOM scans, or a skip."""
    return shared_data / "ct"
