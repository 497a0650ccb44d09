"""Damaged results for every loader: seeded mutators ``(random.Random, bytes) -> bytes``, and what is done with each file.

    python Testing/fuzz/loaders.py 2000 7      inputs for every loader, seed

A loader passes when it reads the file (and everything made of what it read works), or refuses it with an error of ours.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(p) for p in (Path(__file__).resolve().parent, *Path(__file__).resolve().parents[1:3])]

from result_mutators import JSON, PLAIN, Mutator, json_numbers, json_values, reviewed  # noqa: E402


@dataclass(frozen=True)
class Loader:
    """One kind of file.

    Attributes:
        good: contents that are read.
        mutators: what damages them.
        use: reads the damaged file at a path and makes everything of it that the program does.
    """

    name: str
    file: str
    good: tuple[bytes, ...]
    mutators: tuple[Mutator, ...]
    use: Callable[[Path], object]


def loaders(folder: Path) -> tuple[Loader, ...]:
    """Every loader of results, with good files made in ``folder``."""
    from assessment_stand_in import MODELS
    from cohort_stand_in import values, write_cohort, write_reader_table
    from labelled_head import labelled_head

    from HeadCTIQALib.assessment import evaluate, load_assessment
    from HeadCTIQALib.assessment.comparison import compare, uncorrected
    from HeadCTIQALib.assessment.review import Review
    from HeadCTIQALib.cohort.account import calibration_scans
    from HeadCTIQALib.cohort.calibrate import calibrate
    from HeadCTIQALib.cohort.readers import read_readers
    from HeadCTIQALib.cohort.scans import load_scans
    from HeadCTIQALib.findings.markups import read_landmarks, read_plane
    from HeadCTIQALib.findings.segmentation import read_segmentation
    from HeadCTIQALib.hierarchy import IQMS
    from HeadCTIQALib.metrics import measure
    from HeadCTIQALib.record import dump, measurements_from_record, read_record, rescored_record
    from HeadCTIQALib.record.build import build_record
    from HeadCTIQALib.record.rounding import plain
    from HeadCTIQALib.report import explanation, focus, render, rows
    from HeadCTIQALib.research.study.run import _stored
    from HeadCTIQALib.scoring import guideline_model, score
    from HeadCTIQALib.scoring.storage import load_model

    volume, findings = labelled_head(25, 64, 3.6, 9.0)
    first = evaluate(volume, findings, models=MODELS)
    review = Review.of(first)
    tissue = review.findings.tissue.copy()
    tissue[3:5, 10:20, 10:20] = 11
    review.paint(tissue, corrector="A")
    review.grade_slices([(1, 2, 3)], corrector="A")
    review.move_points({"VERTEX": (1.0, 2.0, 60.0), "BASION": None}, corrector="A")
    review.move_plane((0.0, 0.0, 0.0), (0.99, 0.1, 0.0), corrector="A")
    review.type_value("noise", 5.0, corrector="A", reason="typed")
    stored = {name: (a.write(folder / name)) for name, a in (("plain", first), ("corrected", review))}
    records = tuple((p / "assessment.json").read_bytes() for p in stored.values())
    others = [read_record(p) for p in stored.values()]
    model = guideline_model()

    def use_record(path: Path) -> None:
        record = read_record(path.parent)
        load_scans(path.parent)
        dump(record)
        dump(rescored_record(record, score(measurements_from_record(record), model), model))
        for id_ in ("overall", *(m.category for m in IQMS), *(m.id for m in IQMS)):
            explanation.why(record, id_)
            explanation.how(record, id_)
        rows.rows(record)
        for m in IQMS:
            focus.focus(record, m.id)
            focus.slice_boxes(record, m.id)
            focus.segments(record, m.id)
        focus.standard_frame(record)
        for other in others:
            if other.input.sha256 == record.input.sha256:
                compare(uncorrected(record), other)
        render(record, volume, findings)

    def use_review(path: Path) -> None:
        opened = Review.open(load_assessment(path.parent, volume), volume)
        dump(opened.preview)
        if opened.can_undo:
            opened.undo()
            dump(opened.preview)

    def use_segmentation(path: Path) -> None:
        tissue, streak = read_segmentation(path, volume)
        assert tissue.shape == volume.shape
        measure(volume, findings.with_(tissue=tissue, streak=streak))

    def with_points(landmarks: Any) -> None:
        changed = findings.with_(landmarks=landmarks)
        made = measure(volume, changed)
        build_record(volume, changed, made, (), score(made, model), model, (), (), {})

    def with_plane(plane: Any) -> None:
        changed = findings.with_(midsagittal=plane)
        made = measure(volume, changed)
        build_record(volume, changed, made, (), score(made, model), model, (), (), {})

    def use_model(path: Path) -> None:
        loaded = load_model(path)
        for other in others:
            dump(rescored_record(other, score(measurements_from_record(other), loaded), loaded))

    iqms = values(12)
    names = write_cohort(folder / "cohort", iqms)
    table = folder / "readers.csv"
    write_reader_table(table, names, iqms)
    fitted = folder / "model.json"
    calibrate(folder / "cohort", [table], "robust", test_share=0.0).save(fitted)
    account = folder / "model.fit.json"
    semicolons = table.read_bytes().replace(b",", b";").replace(b".", b",")
    truth = json.dumps(
        {
            "seed": 3,
            "population": "a",
            "refused": "",
            "failed": "",
            "truth": {"noise": 4.0},
            "cpu_seconds": {"simulation": 1.0, "assessment": 2.0},
        }
    ).encode()

    def use_account(path: Path) -> None:
        (path.parent / "model.json").write_bytes(fitted.read_bytes())
        calibration_scans(path.parent / "model.json")

    def use_table(path: Path) -> None:
        read = read_readers(path)
        for target in read.targets:
            plain(read.mean(target)[~_nan(read.mean(target))])

    beside = {
        p.name: p.read_bytes()
        for p in stored["corrected"].iterdir()
        if p.name != "assessment.json" and p.suffix != ".html"
    }

    def use_review_files(path: Path) -> None:
        for name, content in beside.items():
            (path.parent / name).write_bytes(content)
        use_review(path)

    read = lambda name: tuple((p / name).read_bytes() for p in stored.values())  # noqa: E731
    return (
        Loader("record", "assessment.json", records, JSON, use_record),
        Loader("review", "assessment.json", records[1:], (json_values, json_numbers, reviewed), use_review_files),
        Loader("segmentation", "segmentation.seg.nrrd", read("segmentation.seg.nrrd"), PLAIN, use_segmentation),
        Loader(
            "landmarks",
            "landmarks.mrk.json",
            read("landmarks.mrk.json"),
            JSON,
            lambda p: with_points(read_landmarks(p)),
        ),
        Loader(
            "plane", "midsagittal.mrk.json", read("midsagittal.mrk.json"), JSON, lambda p: with_plane(read_plane(p))
        ),
        Loader("scoring model", "model.json", (fitted.read_bytes(),), JSON, use_model),
        Loader("account", "model.fit.json", (account.read_bytes(),), JSON, use_account),
        Loader("reader table", "readers.csv", (table.read_bytes(), semicolons), PLAIN, use_table),
        Loader("truth", "truth.json", (truth,), JSON, _stored),
    )


def _nan(values: Any) -> Any:
    import numpy as np

    return np.isnan(values)


@dataclass
class Outcome:
    """What became of the inputs of one loader; ``bad`` says which input (seed, number) raised what."""

    counts: Counter[str]
    bad: list[str]
    slowest: float = 0.0


def attack(loader: Loader, count: int, seed: int, folder: Path) -> Outcome:
    """``count`` damaged files for one loader; the same seed makes the same files."""
    from HeadCTIQALib.errors import HeadCTIQAError

    outcome = Outcome(Counter(), [])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / loader.file
    for n in range(count):
        rng = random.Random(f"{loader.name} {seed} {n}")
        path.write_bytes(rng.choice(loader.mutators)(rng, rng.choice(loader.good)))
        began = time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                loader.use(path)
            outcome.counts["accepted"] += 1
        except HeadCTIQAError as error:
            outcome.counts["refused" if str(error).isprintable() else "unprintable"] += 1
            if not str(error).isprintable():
                outcome.bad.append(f"{loader.name}, input {n}: {str(error)!r}")
        except Exception as error:
            outcome.counts["bad"] += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            outcome.bad.append(
                f"{loader.name}, input {n}: {type(error).__name__}: {str(error)[:200]} ({Path(last.filename).name}, line {last.lineno})"
            )
        outcome.slowest = max(outcome.slowest, time.monotonic() - began)
    return outcome


def main(count: int, seed: int, only: str = "") -> int:
    """Attack every loader; the number of bad inputs."""
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for loader in loaders(Path(folder) / "good"):
            if only in loader.name:
                outcome = attack(loader, count, seed, Path(folder) / "bad" / loader.name)
                print(
                    loader.name,
                    dict(outcome.counts),
                    f"slowest {outcome.slowest:.1f} s",
                    *outcome.bad[:20],
                    sep="\n  ",
                    flush=True,
                )
                bad += len(outcome.bad)
    return bad


if __name__ == "__main__":
    raise SystemExit(min(1, main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:4])))
