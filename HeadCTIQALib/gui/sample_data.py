"""The simulated head in 3D Slicer's module Sample Data; it is made on first use and nothing is downloaded."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from HeadCTIQALib import __version__, isolation
from HeadCTIQALib.resources import resource

from .process import Process, python_executable

CATEGORY = "HeadCTIQA"
SAMPLE = "HeadCTIQASimulatedHead"
NODE = "Simulated head CT"
_FILE = f"HeadCTIQA-simulated-head-{__version__}.nii.gz"
_LOOK_S = 0.05


def register() -> None:
    """Add the simulated head to Sample Data, once however often this is called."""
    try:
        import SampleData
    except ImportError:  # a 3D Slicer that was built without it
        return
    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):  # older ones show the category itself
        logic.registerCustomSampleDataCategory(CATEGORY, title=_("Head CT Image Quality"))
    logic.registerCustomSampleDataSource(
        category=CATEGORY, sampleName=SAMPLE, uris=f"simulated:{_FILE}", fileNames=_FILE, nodeNames=NODE,
        thumbnailFileName=str(resource("Icons", "SimulatedHead.png")), customDownloader=load,
    )  # fmt: skip


def load(_source: Any = None) -> list[Any]:
    """Put the simulated head into the scene, as Sample Data wants its downloaders; returns its volume node in a list.

    It is empty when the user cancelled, or where it could not be made, which the user is told.
    """
    path = sample_file()
    if not path.is_file() and not _make(path):
        return []
    return [slicer.util.loadVolume(str(path), properties={"name": NODE})]


def sample_file() -> Path:
    """Where the simulated head is kept, beside what Sample Data downloads."""
    return Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory()) / _FILE


def _make(path: Path) -> bool:
    """Simulate the head in a process of its own, which the user can cancel; whether it is there now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dialog = slicer.util.createProgressDialog(
        labelText=_("Simulating a head CT, once: about half a minute."), windowTitle=NODE, maximum=0
    )
    process = Process([python_executable(), *isolation.command("HeadCTIQALib.synthesis.sample"), str(path)])
    try:
        while not any(event["event"] == "end" for event in process.poll()):
            slicer.app.processEvents()
            if dialog.wasCanceled:
                return False
            time.sleep(_LOOK_S)
    finally:
        process.kill()
        dialog.close()
    if not path.is_file():
        slicer.util.errorDisplay(_("The simulated head could not be made; look whether the disk of the cache is full."))
    return path.is_file()
