"""What a worker process does with one scan: read it, see whether it is known, assess it, write its folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from HeadCTIQALib import __version__
from HeadCTIQALib.errors import HeadCTIQAError, InputError, ModelError, OutputError
from HeadCTIQALib.record import RECORD, Record, read_record
from HeadCTIQALib.record.persons_work import persons_work
from HeadCTIQALib.scoring import ScoringModel
from HeadCTIQALib.scoring.choice import chosen_model
from HeadCTIQALib.traces import kind
from HeadCTIQALib.volume import CTVolume, read
from HeadCTIQALib.volume.finding import FoundScan
from HeadCTIQALib.volume.vocabulary import words
from HeadCTIQALib.writing.names import free_name

_DIGITS = 12  # of the SHA-256 in a folder's name
_WORDS = 4  # of the series description in it


@dataclass(frozen=True)
class Job:
    """A scan to assess into a folder of ``cohort``; the model is told by its file and profile, which every process reads once.

    With ``anew`` also where the folder of the scan stands; a person's work in it is never replaced.
    """

    scan: FoundScan
    cohort: Path
    device: str = "auto"
    scoring: Path | None = None
    profile: str | None = None
    anew: bool = False
    engine: str = "auto"


@dataclass(frozen=True)
class Done:
    """What became of it; see :class:`~.journal.Outcome`.  ``fault`` names the errors that concern more than this scan."""

    status: Literal["assessed", "refused", "failed"]
    folder: str = ""
    sha256: str | None = None
    band: str | None = None
    reason: str = ""
    fault: Literal["", "output", "model"] = ""


def assess_scan(job: Job) -> Done:
    """Assess one scan; nothing that a scan can do raises an error here."""
    try:
        return _assess(job)
    except InputError as error:
        return Done("refused", reason=nameless(str(error), job.scan))
    except OutputError as error:  # of the cohort, not of the scan
        return Done("failed", reason=str(error), fault="output")
    except HeadCTIQAError as error:
        return Done(
            "failed", reason=nameless(str(error), job.scan), fault="model" if isinstance(error, ModelError) else ""
        )
    except MemoryError:
        return Done("failed", reason="There is not enough memory for this scan.")
    except Exception as error:  # a bug costs this scan only
        return Done("failed", reason=f"Internal error: {kind(error)}.")


def _assess(job: Job) -> Done:
    from HeadCTIQALib import networks
    from HeadCTIQALib.assessment import assess_volume

    networks.warm_up(job.device, job.engine)
    scan, model = job.scan, _model(job.scoring, job.profile)
    volume = read(scan.path, series=scan.series, files=scan.files)
    name = folder_name(volume, scan, job.cohort)
    folder = job.cohort / name
    record = present_record(folder)
    if record is None and folder.is_dir():
        folder.rename(free_name(folder))  # damaged: kept, as nothing that may be somebody's is ever removed
    if record is None or ((job.anew or made_by(record) != maker()) and not persons_work(folder)):
        result = assess_volume(volume, device=job.device, engine=job.engine, scoring_model=model)
        result.write(folder)
        record = result.record
    return Done("assessed", name, volume.source.sha256, record.verdict.band)


def folder_name(volume: CTVolume, scan: FoundScan, cohort: Path) -> str:
    """Known words of the series description and twelve digits of the scan's SHA-256; of its path nothing, which may name the patient.

    A folder of the same scan that is there already keeps its name.
    """
    digits = (volume.source.sha256 or scan.fingerprint)[:_DIGITS]
    there = next(cohort.glob(f"*-{digits}/{RECORD}"), None)
    if there is not None:
        return there.parent.name
    known = re.findall(r"[a-z0-9]+", (volume.acquisition.series_description or "").lower())
    return "-".join([*(known[:_WORDS] or ["scan"]), digits])


def present_record(folder: Path) -> Record | None:
    """The record in ``folder``, None where there is none that can be read."""
    try:
        return read_record(folder)
    except InputError:
        return None


@cache
def maker() -> str:
    """Version of the program and of its networks, by which an assessment is known to be of the present state."""
    from HeadCTIQALib import networks

    return _version(__version__, [str(model["sha256"]) for model in networks.models_used()])


def made_by(record: Record) -> str:
    """As :func:`maker`, of what made a record."""
    return _version(record.software.version, [model.sha256 for model in record.models])


def _version(program: str, models: Sequence[str]) -> str:
    return f"{program}+{hashlib.sha256(' '.join(sorted(models)).encode()).hexdigest()[:12]}"


def nameless(sentence: str, scan: FoundScan) -> str:
    """``sentence`` without names of files and folders, since those may be the patient's."""
    names = {part for path in (scan.path, *scan.files) for part in (str(path), *path.parts[1:], path.stem)}
    for name in sorted(names, key=len, reverse=True):
        letters = re.findall(r"[^\W\d_]+", name)
        if not letters or not all(words(part) for part in letters):  # a folder called "head" tells nothing
            # two letters or a number may mean something else further on in the sentence, and Ng, Wu or an ID where it begins
            before = r"(?<!\w)" if letters and len(name) > 2 else "^"
            sentence = re.sub(rf"{before}{re.escape(name)}(?!\w)", "the scan", sentence)
    return sentence[:1].upper() + sentence[1:]


@cache
def _model(scoring: Path | None, profile: str | None) -> ScoringModel:
    return chosen_model(scoring, profile)
