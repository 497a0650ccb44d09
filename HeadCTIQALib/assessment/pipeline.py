"""A scan through all rooms of the house: volume, findings, measurements, scores, record."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.record.build import build_record, networks_of

from .correction import Correction, apply_corrections

if TYPE_CHECKING:
    from HeadCTIQALib.findings import Findings
    from HeadCTIQALib.metrics import Measurement
    from HeadCTIQALib.metrics.extras import Extra
    from HeadCTIQALib.record import Record
    from HeadCTIQALib.scoring import Scores, ScoringModel
    from HeadCTIQALib.volume import CTVolume


@dataclass(frozen=True)
class Assessment:
    """Everything about one scan.

    Attributes:
        volume, findings, measurements, extras, scores: what each room handed on.
        record: the content of ``assessment.json``.
        input_path: where the scan was read from, None for a volume from memory; never part of the record.
    """

    volume: CTVolume
    findings: Findings
    measurements: Mapping[str, Measurement]
    extras: Sequence[Extra]
    scores: Scores
    record: Record
    input_path: Path | None = None

    def write(self, folder: str | Path, progress: Progress | None = None, *, replace: bool = False) -> Path:
        """Write the assessment folder, whole or not at all; returns its path.

        Args:
            replace: also where a person's corrections or reader scores lie, which are kept beside it as ``folder``.previous.

        Raises:
            OutputError: the folder is not ours to replace, holds a person's work, lies inside the input, or cannot be written.
        """
        from .storage import write_assessment

        return write_assessment(self, Path(folder), progress or silent, replace=replace)


def assess(
    path: str | Path,
    *,
    series: str | None = None,
    device: str = "auto",
    engine: str = "auto",
    scoring_model: ScoringModel | None = None,
    progress: Progress | None = None,
    keep_name: bool = False,
) -> Assessment:
    """Assess the head CT at ``path`` (a DICOM folder or file, NIfTI, NRRD or MetaImage).

    Args:
        series: DICOM Series Instance UID, when a folder holds several.
        device: "auto", "cpu", "cuda" or "mps", for the networks; engine: "auto", "onnx" or "torch".
        scoring_model: from :func:`HeadCTIQALib.scoring.load_model`; None for the guideline model.
        progress: told what is being done; see :class:`HeadCTIQALib.progress.Progress`.
        keep_name: put the name of the input and of damaged files, which may be a patient's, into the record and the report.

    Raises:
        InputError: the scan cannot be read or is not a head CT.
        ModelError: the engine is not installed, the device is absent, or a network bundle is damaged.
    """
    from HeadCTIQALib import networks

    networks.warm_up(device, engine)  # meanwhile the scan is read
    from HeadCTIQALib.volume import read

    clock = _Clock(progress or silent)
    clock("Reading the scan", 0.0)
    volume = read(
        path, series=series, progress=lambda fraction: clock("Reading the scan", fraction), keep_name=keep_name
    )
    result = assess_volume(
        volume,
        device=device,
        engine=engine,
        scoring_model=scoring_model,
        progress=progress,
        timings=clock.stop(),
    )
    return replace(result, input_path=Path(path).resolve())


def assess_volume(
    volume: CTVolume,
    *,
    device: str = "auto",
    engine: str = "auto",
    scoring_model: ScoringModel | None = None,
    progress: Progress | None = None,
    timings: Mapping[str, float] | None = None,
) -> Assessment:
    """Assess a scan that was read; arguments and errors as in :func:`assess`."""
    from HeadCTIQALib import networks
    from HeadCTIQALib.metrics.unmeasurable import with_limits
    from HeadCTIQALib.volume import check

    clock = _Clock(progress or silent, timings)
    clock("Reading the scan", 1.0)
    volume = replace(volume, warnings=_unique(volume.warnings, check(volume)))
    findings = with_limits(volume, networks.find(volume, device, clock, engine=engine))
    return evaluate(
        volume,
        findings,
        scoring_model=scoring_model,
        models=networks.models_used(device, engine),
        progress=progress,
        timings=clock.stop(),
    )


def evaluate(
    volume: CTVolume,
    findings: Findings,
    *,
    scoring_model: ScoringModel | None = None,
    models: Sequence[Mapping[str, str | None]] = (),
    corrections: Sequence[Correction] = (),
    progress: Progress | None = None,
    timings: Mapping[str, float] | None = None,
) -> Assessment:
    """Measure and score ``findings``: the part that needs no networks, and that every correction repeats.

    Args:
        models: descriptions of the networks that made the findings, for the record.
        corrections: what a person changed so far, oldest first.
        timings: seconds of earlier stages, for the record.
    """
    from HeadCTIQALib.metrics import measure
    from HeadCTIQALib.metrics.extras import extras as measure_extras
    from HeadCTIQALib.metrics.uncertainty import scene_of, with_quantiles
    from HeadCTIQALib.scoring import guideline_model, score

    if findings.tissue.shape != volume.shape:
        raise InputError(
            f"The findings have shape {findings.tissue.shape} but the scan {volume.shape}; they are of another scan."
        )
    clock = _Clock(progress or silent, timings)
    clock("Measuring", 0.0)
    measured = measure(volume, findings)
    measurements = apply_corrections(with_quantiles(measured, scene_of(volume, findings, measured)), corrections)
    extras = measure_extras(volume, findings, measurements)
    clock("Scoring", 0.0)
    model = scoring_model or guideline_model()
    scores = score(measurements, model)
    record = build_record(
        volume, findings, measurements, extras, scores, model, networks_of(models), corrections, clock.stop()
    )
    return Assessment(volume, findings, measurements, extras, scores, record)


class _Clock:
    """Progress that is passed on, while the seconds spent in every stage are kept by its name, in order."""

    def __init__(self, told: Progress, earlier: Mapping[str, float] | None = None) -> None:
        self._told = told
        self._laps = dict(earlier or {})
        self._stage: str | None = None
        self._began = 0.0

    def __call__(self, stage: str, fraction: float) -> None:
        if stage != self._stage:
            self.stop()
            self._stage, self._began = stage, time.perf_counter()
        self._told(stage, fraction)

    def stop(self) -> dict[str, float]:
        """End the current stage; the seconds of all stages so far."""
        if self._stage is not None:
            self._laps[self._stage] = self._laps.get(self._stage, 0.0) + time.perf_counter() - self._began
            self._stage = None
        return dict(self._laps)


def _unique(*groups: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentence for group in groups for sentence in group))
