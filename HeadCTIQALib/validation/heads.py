"""Networks and metrics on held-out simulated heads: resumable, one process a core, one small file a head."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeadCTIQALib import isolation
from HeadCTIQALib.errors import InputError, OutputError
from HeadCTIQALib.progress import Progress, silent

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
    processes: int | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Evaluate ``heads`` held-out heads into ``output``: ``heads/*.json``, ``accuracy.md``, ``accuracy.csv``.

    Heads that ``output`` already holds (of the same networks) are not evaluated again, so an interrupted run goes on.

    Args:
        heads: how many; their seeds are EVALUATION_SEEDS[seed], [seed + 1], ...
        matrix: pixels a side of the simulated scans.
        device: of the networks: "cpu", "cuda", "mps" or "auto".
        processes: None is one a core; 1 works in this process.

    Returns:
        One record a head, in the order of the seeds; see :func:`HeadCTIQALib.validation.compare.compare`.

    Raises:
        InputError: fewer than one head, or a negative or too large seed.
        OutputError: ``output`` cannot be written.
        ModelError: a network is missing or damaged.
    """
    from HeadCTIQALib import networks
    from HeadCTIQALib.synthesis import EVALUATION_SEEDS

    if heads < 1 or seed < 0 or seed + heads > len(EVALUATION_SEEDS):
        raise InputError(f"Give between 1 and {len(EVALUATION_SEEDS)} heads in all and a seed that is not negative (heads {heads}, seed {seed}).")
    tell = progress or silent
    folder = output / "heads"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {output} cannot be made ({error.strerror}); choose another one.") from error
    models = {card["name"]: card["sha256"] for card in networks.models_used()}
    wanted = [EVALUATION_SEEDS[seed + n] for n in range(heads)]
    missing = [s for s in wanted if _stored(folder, s, matrix, models) is None]
    count = min(processes or os.cpu_count() or 1, len(missing))
    tell(STAGE, 1 - len(missing) / heads)
    if count <= 1:
        infer = networks.local_infer(device) if missing else None
        for n, s in enumerate(missing, start=1):
            assert infer is not None
            _store(folder, s, evaluate_head(s, infer, matrix), matrix, models)
            tell(STAGE, 1 - (len(missing) - n) / heads)
    else:
        _in_processes(folder, missing, matrix, device, models, count, heads, tell)
    records = [r for r in (_stored(folder, s, matrix, models) for s in wanted) if r is not None]
    from .tables import write

    write(output, records, models)
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


def _in_processes(
    folder: Path, seeds: Sequence[int], matrix: int, device: str, models: dict[str, str], count: int, heads: int, tell: Progress
) -> None:
    """The missing heads on ``count`` processes; each file is written as soon as its head is done."""
    # a process a core: more threads in each would only get in each other's way
    kept = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    os.environ.update(dict.fromkeys(kept, "1"))
    try:
        with isolation.Children(), ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_prepare, initargs=(device,)) as pool:
            waiting: dict[Future[dict[str, Any]], int] = {pool.submit(_evaluate_here, s, matrix): s for s in seeds}
            try:
                while waiting:
                    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                        _store(folder, waiting.pop(future), future.result(), matrix, models)
                        tell(STAGE, 1 - len(waiting) / heads)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        for name, value in kept.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


_infer: Infer | None = None  # of a worker process


def _prepare(device: str) -> None:
    global _infer
    from HeadCTIQALib.networks import local_infer

    _infer = local_infer(device)


def _evaluate_here(seed: int, matrix: int) -> dict[str, Any]:
    assert _infer is not None
    return evaluate_head(seed, _infer, matrix)


def _path(folder: Path, seed: int) -> Path:
    return folder / f"{seed}.json"


def _store(folder: Path, seed: int, record: dict[str, Any], matrix: int, models: dict[str, str]) -> None:
    path = _path(folder, seed)
    part = path.with_suffix(".part")
    try:
        part.write_text(json.dumps({"format": FORMAT, "matrix": matrix, "models": models, **record}))
        part.replace(path)
    except OSError as error:
        raise OutputError(f"The file {path} cannot be written ({error.strerror}); free space or choose another folder.") from error


def _stored(folder: Path, seed: int, matrix: int, models: dict[str, str]) -> dict[str, Any] | None:
    """The record of a head if its file is whole and of these networks and this matrix, else None."""
    try:
        record: dict[str, Any] = json.loads(_path(folder, seed).read_text())
    except (OSError, ValueError):
        return None
    same = record.get("format") == FORMAT and record.get("models") == models and record.get("matrix") == matrix
    return record if same else None
