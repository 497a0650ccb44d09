"""The writers of all commands, their expensive parts replaced by small ready values."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from assessment_stand_in import MODELS, find
from cohort_stand_in import template, values, write_cohort, write_reader_table
from ellipsoid_head import simulated_head
from msgspec import structs
from points import KINDS, Case

from HeadCTIQALib import report
from HeadCTIQALib.assessment import evaluate
from HeadCTIQALib.assessment.storage import check_output, write_assessment
from HeadCTIQALib.cohort import account, calibrate, scans
from HeadCTIQALib.cohort.reader_entry import ReaderFile
from HeadCTIQALib.cohort.rescore import rescore
from HeadCTIQALib.findings import segmentation
from HeadCTIQALib.progress import silent
from HeadCTIQALib.report import evaluation as evaluation_report
from HeadCTIQALib.report.html import Html
from HeadCTIQALib.research.study import PRESETS, document
from HeadCTIQALib.research.study import run as study
from HeadCTIQALib.research.study.scan import CpuSeconds, Outcome
from HeadCTIQALib.research.validation import heads, tables
from HeadCTIQALib.synthesis import Acquire, Scene, files, simulate
from HeadCTIQALib.synthesis.files import write_simulated
from HeadCTIQALib.writing import recover


def cases() -> list[Case]:
    """All of them."""
    return [*_assess(), *_fit(), *_many(), *_simulate(), *_study()]


def _ready(*made: Callable[[], Any]) -> None:
    """What takes long is made here, not in every child."""
    for make in made:
        make()


# assess


@cache
def _result() -> Any:
    """A small assessment; its report is a line of text, as drawing takes seconds, and so are its masks, whose header has the time in it."""
    _ready(template)  # whose report is a real one
    report.render = lambda record, volume, findings: f"<html>{record.created}</html>"
    segmentation.write_segmentation = lambda path, volume, findings: path.write_text("masks")
    volume = simulated_head(slices=12, matrix=16, pixel_mm=14.4, spacing_mm=18.0)
    return evaluate(volume, find(volume), models=MODELS)


def _write(folder: Path, created: str, replace_: bool = False, **changes: Any) -> None:
    result = _result()
    write_assessment(
        replace(result, record=structs.replace(result.record, created=created, **changes)),
        folder,
        silent,
        replace=replace_,
    )


def _older(work: Path) -> None:
    _write(work / "scan", "2020-01-01T00:00:00Z")


def _older_with_others(work: Path) -> None:
    _older(work)
    (work / "scan" / "notes.txt").write_text("mine")
    (work / "scan" / "letters" / "old").mkdir(parents=True)
    (work / "scan" / "letters" / "one.txt").write_text("mine too")
    (work / "scan" / "link").symlink_to("notes.txt")


def _older_with_work(work: Path) -> None:
    _older_with_others(work)
    (work / "scan" / "readers.csv").write_text("scan,reader,target,value\nscan,A,overall,80\n")


def _newer(work: Path) -> None:
    _write(work / "scan", "2021-01-01T00:00:00Z")


def _newer_beside(work: Path) -> None:
    _at_rest(work)
    if not (
        work / "scan.previous"
    ).exists():  # else a killed run has got so far, and another one would keep its result too
        _write(work / "scan", "2021-01-01T00:00:00Z", replace_=True)


def _at_rest(work: Path) -> None:
    check_output(work / "scan", replace=True)


def _assess() -> list[Case]:
    return [
        Case("assess", lambda work: _ready(_result), _newer, ("scan",), _at_rest),
        Case("assess over an older one", _older, _newer, ("scan",), _at_rest, KINDS),
        Case("assess over an older one with other files", _older_with_others, _newer, ("scan",), _at_rest, KINDS),
        Case("assess --replace", _older_with_work, _newer_beside, ("scan", "scan.previous"), _at_rest, KINDS),
    ]


# fit


@cache
def _calibrations() -> tuple[Any, Any]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        iqms = values(24)
        names = write_cohort(root / "a", iqms)
        write_reader_table(root / "r.csv", names, iqms, readers=2)
        return tuple(calibrate.calibrate(root / "a", [root / "r.csv"], mode, repeats=1) for mode in ("paper", "robust"))  # type: ignore[return-value]


def _fit() -> list[Case]:
    return [
        Case(
            "fit",
            lambda work: _ready(_calibrations),
            lambda work: _save(work, 1),
            ("model.json", "model.fit.json"),
            _settled,
        ),
        Case(
            "fit over an older model",
            lambda work: _save(work, 0),
            lambda work: _save(work, 1),
            ("model.json", "model.fit.json"),
            _settled,
        ),
    ]


def _save(work: Path, which: int) -> None:
    _calibrations()[which].save(work / "model.json")


def _settled(work: Path) -> None:
    """Whoever reads the account finds that of the model that is there."""
    if (work / "model.json").exists():
        assert account.calibration_scans(work / "model.json") is not None
    else:
        calibrate.check_model(work / "model.json")


# rescore, evaluate, evaluate-networks, reader entry


def _many() -> list[Case]:
    def cohort(work: Path) -> None:
        _ready(_calibrations)
        write_cohort(work, values(2), report=True, names=["one", "two"])
        (work / "one" / "notes.txt").write_text("mine")

    def score(work: Path) -> None:
        assert not rescore(work, _calibrations()[0].fit.model).failed

    def evaluated(work: Path, figure: str) -> None:
        _evaluation(figure)
        evaluation_report.write_evaluation(None, work / "out")  # type: ignore[arg-type]

    def older(work: Path) -> None:
        evaluated(work, "old")
        (work / "out" / "figures" / "mine.svg").write_text("mine")

    def judged(work: Path, value: float) -> None:
        ReaderFile(work, "a").save("scan", {"overall": value})

    def accuracy(work: Path, seed: int) -> None:
        heads.check_folder(work, work / "heads", tables.FILES)
        heads._store(work / "heads", 7, {"seed": seed}, 64, {})
        tables.figures = lambda records: []
        tables.write(work, [{}] * seed, {})

    return [
        Case("rescore", cohort, score, ("one", "two"), scans.find_folders, KINDS),
        Case("evaluate", lambda work: None, lambda work: evaluated(work, "new"), ("out",)),
        Case(
            "evaluate over an older one",
            older,
            lambda work: evaluated(work, "new"),
            ("out",),
            lambda work: evaluation_report.check_folder(work / "out"),
            KINDS,
        ),
        Case("reader scores", lambda work: judged(work, 50.0), lambda work: judged(work, 60.0), ("readers-a.csv",)),
        Case(
            "evaluate-networks",
            lambda work: accuracy(work, 1),
            lambda work: accuracy(work, 2),
            ("heads/7.json", "accuracy.md", "accuracy.csv"),
        ),
    ]


def _evaluation(figure: str) -> None:
    """Ready pages in the place of statistics and drawings."""

    class Table:
        key = "scores"

        def csv(self) -> str:
            return f"{figure}\n"

    evaluation_report.tables = lambda e: (Table(),)
    evaluation_report.figures = lambda e: {
        f"cohorts-{figure}": Html("<svg ></svg>"),
        "scores-icc-test": Html("<svg ></svg>"),
    }
    evaluation_report.render_evaluation = lambda *a: f"<html><title>HeadCTIQA: {figure}</title></html>"
    evaluation_report.as_json = lambda e: "{}"


# simulate


@cache
def _scan() -> Any:
    files.write_segmentation = lambda path, volume, findings: path.write_text("masks")  # its header has the time in it
    return simulate(1, scene=Scene(acquire=Acquire(matrix=32, spacing_mm=24.0, thickness_mm=2.5)))


def _simulate() -> list[Case]:
    def once(work: Path, format_: str) -> None:
        recover(work / "out", lambda name: False)
        if not (
            work / "out" / "truth.json"
        ).exists():  # else a killed run was finished, and into a folder with files nothing is written
            write_simulated(_scan(), work / "out", format_=format_)  # type: ignore[arg-type]

    return [
        Case("simulate", lambda work: _ready(_scan), lambda work: once(work, "dicom"), ("out",)),
        Case(
            "simulate into an empty folder",
            lambda work: _ready(_scan, (work / "out").mkdir),
            lambda work: once(work, "nifti"),
            ("out",),
            None,
            KINDS[:2],
        ),
    ]


# study


def _study() -> list[Case]:
    small = replace(
        PRESETS["small"],
        centres=tuple(replace(c, scans=n) for c, n in zip(PRESETS["small"].centres, (2, 1, 0, 0), strict=True)),
        test=1,
    )

    def assess(folder: Path, population: Any, seed: int, matrix: int) -> Outcome:
        nothing = CpuSeconds(0.0, 0.0)
        outcome = Outcome(seed=seed, population=population.name, refused="", failed="", truth={}, cpu_seconds=nothing)
        if not (folder / "assessment.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            write_cohort(folder.parent, values(1, seed % 100), names=[folder.name])
        study.write_text(folder / "truth.json", outcome.to_json(), "The truth")
        return outcome

    def run(work: Path) -> None:
        _evaluation("study")
        study._evaluate = lambda output, design, progress: (_calibrations()[0].save(output / "model.json"), None)  # type: ignore[assignment]
        study.lead = lambda *a: None
        study.models_used = lambda: MODELS
        study.make_readers = lambda n, seed: ()
        study.write_readers = lambda path, rows: study.write_text(path, "scan,reader,target,value\n", "The table")
        document.figures = evaluation_report.figures
        document._sections = lambda *a: ("# The protocol rerun in simulation", "text")
        document._wanted = lambda key, e: True
        study.run_study(work / "s", small, 1, assess=assess, document=work / "page.md")

    return [
        Case(
            "study",
            lambda work: _ready(_calibrations, template),
            run,
            ("s/study.json", "s/model.json", "s/evaluation", "page", "page.md"),
            None,
        )
    ]
