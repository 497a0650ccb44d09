"""Networks and metrics on held-out simulated heads: resumable, one process a core, one small file a head."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.workers import in_processes
from HeadCTIQALib.writing import write_text

from . import tables
from .output import check_folder

if TYPE_CHECKING:
    from HeadCTIQALib.networks.types import Infer

STAGE = "Evaluating on simulated heads"
FORMAT = 1  # of a head's file; files of another format are made again


def evaluate(
    output: Path,
    *,
    heads: int = 200,
    seed: int = 0,
    matrix: int = 256,
    device: str = "cpu",
    engine: str = "auto",
    processes: int | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Evaluate ``heads`` held-out heads into ``output``: ``heads/*.json``, ``accuracy.md``, ``accuracy.csv``.

    Heads that ``output`` already holds (of the same networks) are not evaluated again, so an interrupted run goes on.

    Args:
        heads: how many; their seeds are EVALUATION_SEEDS[seed], [seed + 1], ...
        matrix: pixels a side of the simulated scans.
        device, engine: see :func:`HeadCTIQALib.networks.load_networks`.
        processes: None is one a core; 1 works in this process.

    Returns:
        One record a head, in the order of the seeds; see :func:`HeadCTIQALib.research.validation.compare.compare`.

    Raises:
        InputError: fewer than one head, or a negative or too large seed.
        OutputError: ``output`` cannot be written.
        ModelError: a network is missing or damaged.
    """
    from HeadCTIQALib import networks
    from HeadCTIQALib.synthesis import EVALUATION_SEEDS

    if heads < 1 or seed < 0 or seed + heads > len(EVALUATION_SEEDS):
        raise InputError(
            f"Give between 1 and {len(EVALUATION_SEEDS)} heads in all and a seed that is not negative (heads {heads}, seed {seed})."
        )
    tell = progress or silent
    folder = output / "heads"
    check_folder(output, folder, tables.FILES)
    models = {card["name"]: card["sha256"] for card in networks.models_used()}
    wanted = [EVALUATION_SEEDS[seed + n] for n in range(heads)]
    missing = [s for s in wanted if _stored(folder, s, matrix, models) is None]
    jobs = {s: (s, matrix, device, engine) for s in missing}
    count = processes or os.cpu_count() or 1
    tell(STAGE, 1 - len(missing) / heads)
    found = (
        in_processes(jobs, count, _evaluate_here)
        if count > 1
        else ((s, _evaluate_here(*job)) for s, job in jobs.items())
    )
    for n, (s, record) in enumerate(found, start=1):
        _store(folder, s, record, matrix, models)
        tell(STAGE, 1 - (len(missing) - n) / heads)
    records = [r for r in (_stored(folder, s, matrix, models) for s in wanted) if r is not None]
    tables.write(output, records, models)
    return records


def evaluate_head(seed: int, infer: Infer, matrix: int = 256) -> dict[str, Any]:
    """Simulate, find, measure and compare one head of :data:`HeadCTIQALib.synthesis.EVALUATION_SEEDS`.

    A head in which the product refuses to work (no head found) is recorded with the sentence under ``refused``.
    """
    from HeadCTIQALib import networks
    from HeadCTIQALib.metrics import measure
    from HeadCTIQALib.synthesis import random_scene, simulate

    from .compare import compare

    begun = time.process_time()
    simulated = simulate(seed, scene=random_scene(seed, matrix=matrix))
    drawn = time.process_time()
    try:
        findings = networks.find(simulated.volume, infer=infer)
    except InputError as refusal:
        return {"seed": seed, "refused": str(refusal)}
    measurements = measure(simulated.volume, findings)
    found = time.process_time()
    record = compare(simulated, findings, measurements)
    return {"seed": seed, **record, "seconds": {"simulate": round(drawn - begun, 2), "assess": round(found - drawn, 2)}}


def _evaluate_here(seed: int, matrix: int, device: str, engine: str) -> dict[str, Any]:
    from HeadCTIQALib import networks

    return evaluate_head(seed, networks.load_networks(device, engine), matrix)


def _path(folder: Path, seed: int) -> Path:
    return folder / f"{seed}.json"


def _store(folder: Path, seed: int, record: dict[str, Any], matrix: int, models: dict[str, str]) -> None:
    write_text(
        _path(folder, seed), json.dumps({"format": FORMAT, "matrix": matrix, "models": models, **record}), "The file"
    )


def _stored(folder: Path, seed: int, matrix: int, models: dict[str, str]) -> dict[str, Any] | None:
    """The record of a head if its file is whole and of these networks and this matrix, else None."""
    try:
        record: dict[str, Any] = json.loads(_path(folder, seed).read_text())
    except (OSError, ValueError):
        return None
    same = record.get("format") == FORMAT and record.get("models") == models and record.get("matrix") == matrix
    return record if same else None
