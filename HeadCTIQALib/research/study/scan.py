"""One scan of a study in a worker process: simulated, written as DICOM, assessed by the real pipeline, its voxels thrown away."""

from __future__ import annotations

import json
import shutil
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from HeadCTIQALib.errors import HeadCTIQAError, InputError
from HeadCTIQALib.synthesis import Population, random_scene, simulate

if TYPE_CHECKING:
    from HeadCTIQALib.synthesis import Simulated

TRUTH, SERIES = "truth.json", "series"


class CpuSeconds(msgspec.Struct, frozen=True):
    """CPU time of one scan (s)."""

    simulation: float
    assessment: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one scan; the content of ``truth.json``.

    Attributes:
        refused, failed: why the pipeline refused the scan, or failed where it should not have; "" where it did not.
        truth: IQM id to exact value.
    """

    seed: Annotated[int, msgspec.Meta(ge=0)]
    population: str
    refused: str
    failed: str
    truth: dict[str, float]
    cpu_seconds: CpuSeconds

    def to_json(self) -> str:
        """The text of ``truth.json``."""
        return json.dumps(msgspec.to_builtins(self), indent=1, allow_nan=False) + "\n"


def assess_scan(folder: Path, population: Population, seed: int, matrix: int) -> Outcome:
    """Simulate and assess one scan into ``folder``; returns what ``truth.json`` says.

    ``assessment.json`` is as ``headctiqa assess`` writes it; masks and pictures are not kept, nor is the DICOM series.
    ``truth.json``, written last, marks the scan as done.

    Raises:
        HeadCTIQAError: what would stop every other scan too: a damaged network, a full disk.
    """
    from HeadCTIQALib import networks
    from HeadCTIQALib.writing import write_text

    networks.load_networks("cpu").load()  # loaded before the clock starts: once a process
    began = simulated = time.process_time()
    truth: dict[str, float] = {}
    refused = failed = ""
    try:
        scan = simulate(seed, scene=random_scene(seed, population, matrix=matrix))
        truth, simulated = dict(scan.truth), time.process_time()
        _assess(scan, folder, seed)
    except InputError as error:  # a scan that the product refuses is a result of the study
        refused = str(error)
    except HeadCTIQAError:
        raise
    except Exception as error:  # a bug in one scan must not cost the others; the report names it
        failed = f"{type(error).__name__}: {error} ({_place(error)})"
    outcome = Outcome(
        seed=seed,
        population=population.name,
        refused=refused,
        failed=failed,
        truth=truth,
        cpu_seconds=CpuSeconds(round(simulated - began, 2), round(time.process_time() - simulated, 2)),
    )
    write_text(folder / TRUTH, outcome.to_json(), "The truth of the scan")
    return outcome


def _assess(scan: Simulated, folder: Path, seed: int) -> None:
    """What ``headctiqa assess`` does, with the networks in this process, and the record alone kept."""
    from HeadCTIQALib import networks
    from HeadCTIQALib.assessment import evaluate
    from HeadCTIQALib.metrics.unmeasurable import with_limits
    from HeadCTIQALib.record import RECORD, dump
    from HeadCTIQALib.synthesis.dicom import write_series
    from HeadCTIQALib.volume import check, read
    from HeadCTIQALib.writing import write_text

    series = folder / SERIES
    shutil.rmtree(series, ignore_errors=True)  # of a run that was killed
    try:
        write_series(scan.volume, series, seed=seed, padding_value=scan.scene.acquire.padding_hu)
        volume = read(series)
    finally:
        shutil.rmtree(series, ignore_errors=True)
    volume = replace(volume, warnings=tuple(dict.fromkeys((*volume.warnings, *check(volume)))))
    findings = with_limits(volume, networks.find(volume, infer=networks.load_networks("cpu")))
    result = evaluate(volume, findings, models=networks.models_used())
    write_text(folder / RECORD, dump(result.record), "The assessment")


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"
