"""A study from end to end: scans on all cores, readers, fit, evaluation, report; an interrupted one goes on where it was."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import msgspec

from HeadCTIQALib import __version__
from HeadCTIQALib.cohort.account import calibration_scans
from HeadCTIQALib.cohort.calibrate import Calibration, calibrate
from HeadCTIQALib.cohort.evaluation import Evaluation, evaluate_cohort
from HeadCTIQALib.cohort.readers import read_readers, write_readers
from HeadCTIQALib.cohort.scans import load_scans, matched
from HeadCTIQALib.errors import HeadCTIQAError, InputError, OutputError
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.networks import models_used
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.report.evaluation import write_evaluation
from HeadCTIQALib.strict_json import parse
from HeadCTIQALib.workers import in_processes
from HeadCTIQALib.writing import make_room, write_text

from .design import Design
from .document import check_document, write_document
from .readers import make_readers, read_scan
from .report import LABEL, lead
from .scan import SERIES, TRUTH, Outcome, assess_scan

ASSESSMENTS, STATE, READERS, MODEL, REPORT = "assessments", "study.json", "readers.csv", "model.json", "evaluation"
_LARGEST_FILE = 1_000_000  # bytes of study.json or truth.json
Assess = Callable[..., Outcome]


def run_study(
    output: Path, design: Design, processes: int | None = None, progress: Progress = silent, assess: Assess = assess_scan, document: Path | None = None
) -> Path:  # fmt: skip
    """Run or continue the study in ``output``; returns the path of its report.

    Args:
        processes: one for every core when None; 1 works in this process.
        assess: what one scan goes through; another one in tests.
        document: Markdown page to write as well, with figures in a folder of its name beside it.

    Raises:
        OutputError: ``output`` holds something else, another study, or one of another version or other networks.
        ModelError: a network is missing or damaged.
        InputError: too few scans came through to fit or evaluate.
    """
    if document is not None:
        check_document(document)
    _claim(output, design)
    outcomes = _scans(output, design, processes or os.cpu_count() or 1, progress, assess)
    progress("Reading by simulated readers", 0.0)
    readers = make_readers(design.readers, design.seed)
    write_readers(
        output / READERS,
        [v for name, o in outcomes.items() for r in readers for v in read_scan(r, name, o.truth, design.seed + o.seed)],
    )
    calibration, evaluation = _evaluate(output, design, progress)
    progress("Writing the report", 0.5)
    if document is not None:
        write_document(document, design, evaluation, calibration, outcomes)
    return write_evaluation(
        evaluation,
        output / REPORT,
        "Protocol rerun in simulation",
        LABEL,
        lead(design, evaluation, calibration, outcomes),
    )


def _claim(output: Path, design: Design) -> None:
    """Make ``output`` the folder of this study, or check that it is; scans of other networks are of another study."""
    networks = [{k: m[k] for k in ("name", "version", "sha256")} for m in models_used()]
    state = json.dumps({"study": asdict(design), "version": __version__, "networks": networks}, indent=1) + "\n"
    path = output / STATE
    try:
        make_room(path)
        known = (
            read_regular(path, _LARGEST_FILE, "The study", OutputError).decode("utf-8", "replace")
            if path.exists()
            else None
        )
        if known is None and output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise OutputError(f"The output {output} exists and holds no study; choose an empty or new folder.")
    except OSError as error:
        raise OutputError(
            f"The output {output} cannot be used ({error.strerror or error}); choose another folder."
        ) from error
    if known is not None and known != state:
        raise OutputError(
            f"The folder {output} holds another study, or one of another version or other networks; choose a new folder."
        )
    if known is None:
        write_text(path, state, "The study")


def _scans(output: Path, design: Design, processes: int, progress: Progress, assess: Assess) -> dict[str, Outcome]:
    """Scan name to what became of it, all of them done; scans that failed in an earlier run are tried again."""
    jobs = {
        name: (output / ASSESSMENTS / centre.name / name, centre.population, seed, design.matrix)
        for centre, name, seed in design.scans
    }
    done = {
        name: found for name, job in jobs.items() if (found := _stored(job[0] / TRUTH)) is not None and not found.failed
    }
    tell = _Pace(progress, len(done), len(jobs))
    waiting = {name: job for name, job in jobs.items() if name not in done}
    try:
        for name, found in (
            in_processes(waiting, processes, assess)
            if processes > 1
            else ((n, assess(*job)) for n, job in waiting.items())
        ):
            done[name] = found
            tell(len(done))
    finally:
        for job in waiting.values():  # voxels of scans at which the study was stopped
            shutil.rmtree(job[0] / SERIES, ignore_errors=True)
    return {name: done[name] for name in jobs}


class _Pace:
    """Progress with the number of scans done, and the time that the rest will take at the pace so far."""

    def __init__(self, progress: Progress, done: int, total: int) -> None:
        self._progress, self._before, self._total, self._began = progress, done, total, time.monotonic()
        self(done)

    def __call__(self, done: int) -> None:
        new = done - self._before
        rest = (
            f", about {math.ceil((time.monotonic() - self._began) / new * (self._total - done) / 60)} min left"
            if new > 0 and done < self._total
            else ""
        )
        self._progress(f"Simulating and assessing: {done} of {self._total} scans{rest}", done / self._total)


def _stored(path: Path) -> Outcome | None:
    """The outcome of a scan that is done already; None for one that is not."""
    try:
        data = read_regular(path, _LARGEST_FILE, "The file")
    except FileNotFoundError:
        return None
    remedy = "remove it and run the study again"
    try:
        return msgspec.convert(parse(data, f"The file {path}", remedy), Outcome)
    except msgspec.ValidationError as error:
        raise InputError(f"The file {path} is damaged; {remedy}.") from error


def _evaluate(output: Path, design: Design, progress: Progress) -> tuple[Calibration, Evaluation]:
    assessments, readers = output / ASSESSMENTS, output / READERS
    internal = design.centres[0]
    calibration = calibrate(
        assessments / internal.name,
        [readers],
        "paper",
        seed=design.seed,
        test_share=design.test / internal.scans,
        progress=progress,
    )
    calibration.save(output / MODEL)
    scans, _ = load_scans(assessments, progress)
    table, _ = matched(scans, read_readers(readers))
    progress("Comparing", 0.0)
    fitted = calibration_scans(output / MODEL)
    if fitted is None:
        raise HeadCTIQAError(f"The record of the fit of {MODEL} is gone; run the study again.")
    return calibration, evaluate_cohort(scans, table, calibration.fit.model, fitted=fitted, notes=table.warnings)
