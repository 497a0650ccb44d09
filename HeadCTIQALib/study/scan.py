"""One scan of a study in a worker process: simulated, assessed by the real pipeline, its voxels thrown away."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.synthesis import Population, random_scene, simulate

if TYPE_CHECKING:
    from HeadCTIQALib.networks.types import Infer

TRUTH = "truth.json"


def assess_scan(folder: Path, population: Population, seed: int, matrix: int) -> dict[str, Any]:
    """Simulate and assess one scan into ``folder``; returns what ``truth.json`` says.

    ``assessment.json`` is as ``headctiqa assess`` writes it.  ``truth.json``, written last, marks the scan as done: seed,
    exact values, CPU seconds, and the reason where the pipeline refused the scan.
    """
    from HeadCTIQALib import networks
    from HeadCTIQALib.assessment import evaluate
    from HeadCTIQALib.assessment.storage import RECORD, dump
    from HeadCTIQALib.cohort.files import write_text
    from HeadCTIQALib.volume import check

    infer = _networks()
    began = time.process_time()
    scan = simulate(seed, scene=random_scene(seed, population, matrix=matrix))
    simulated = time.process_time()
    refused = ""
    try:
        volume = replace(scan.volume, source=replace(scan.volume.source, name=folder.name))
        volume = replace(volume, warnings=tuple(dict.fromkeys((*volume.warnings, *check(volume)))))
        result = evaluate(volume, networks.find(volume, infer=infer), models=networks.models_used())
        write_text(folder / RECORD, dump(result.record), "The assessment")
    except InputError as error:  # a scan that the product refuses is a result of the study
        refused = str(error)
    found = {
        "seed": seed,
        "population": population.name,
        "refused": refused,
        "truth": dict(scan.truth),
        "cpu_seconds": {"simulation": round(simulated - began, 2), "assessment": round(time.process_time() - simulated, 2)},
    }
    write_text(folder / TRUTH, json.dumps(found, indent=1, allow_nan=False) + "\n", "The truth of the scan")
    return found


@cache
def _networks() -> Infer:
    """The networks of this process, loaded once."""
    from HeadCTIQALib import networks

    return networks.local_infer("cpu")
