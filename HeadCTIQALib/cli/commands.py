"""What the commands do once their arguments are known."""

from __future__ import annotations

from pathlib import Path

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.progress import JsonProgress, Progress, TextProgress, silent

from .terminal import show
from .tree import as_text


def assess(
    input_path: Path, output: Path, series: str | None, device: str, engine: str, scoring: Path | None, profile: str | None, kind: str,
    keep_name: bool = False, replace: bool = False,
) -> int:  # fmt: skip
    """Assess ``input_path`` into ``output`` and show the result; returns 0.

    Raises:
        HeadCTIQAError: see :func:`HeadCTIQALib.assessment.assess`; refusals that need no networks come first.
    """
    from HeadCTIQALib import networks

    networks.warm_up(device, engine)  # first of all: they are loaded while the scan is read
    from HeadCTIQALib import assessment
    from HeadCTIQALib.scoring.choice import chosen_model

    try:
        there = input_path.exists()
    except OSError as error:  # e.g. a name longer than the file system allows, or a folder that may not be entered
        raise InputError(
            f"The input {input_path} cannot be opened ({error.strerror or error}); check the path."
        ) from error
    if not there:
        raise InputError(f"The input {input_path} does not exist; give a DICOM folder or an image file.")
    assessment.check_output(output, input_path, replace=replace)
    model = chosen_model(scoring, profile)
    text, events = TextProgress(), JsonProgress()
    progress: Progress = text if kind == "text" else events if kind == "json" else silent
    try:
        result = assessment.assess(
            input_path,
            series=series,
            device=device,
            engine=engine,
            scoring_model=model,
            progress=progress,
            keep_name=keep_name,
        )
        folder = result.write(output, progress, replace=replace)
    finally:
        text.clear()
    if kind == "json":
        overall, verdict = result.record.overall, result.record.verdict
        known = {key: getattr(overall, key) for key in ("band", "withheld_reason", "at_least", "at_most")}
        events.emit(
            "result",
            folder=str(folder),
            overall=overall.score,
            **known,
            verdict=verdict.sentence,
            verdict_band=verdict.band,
        )
    else:
        show(as_text(result.record, folder))
    return 0
