"""What the limit above the worst category does: the overall score with it and without, left out, kept apart and from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from HeadCTIQALib.cohort.calibrate import Calibration
from HeadCTIQALib.cohort.evaluation import Evaluation, Part, compare, scores_of
from HeadCTIQALib.hierarchy import CATEGORIES, LIMIT_POINTS
from HeadCTIQALib.report.evaluation_tables import Cell, Table
from HeadCTIQALib.report.html import number
from HeadCTIQALib.scoring import ScoringModel, guideline_model

RUINED = 50.0  # points: a category that the readers give less on average is called ruined here
_RUINED_SCANS = "A category ruined"
_WORDS = {LIMIT_POINTS: f"{LIMIT_POINTS:g} points", None: "none"}


def limit_words(calibration: Calibration) -> str:
    """What cross-validation chose, in a sentence."""
    return calibration.fit.model.provenance["limit"]


def cross_validated(calibration: Calibration) -> Table:
    """Errors of left-out calibration scans with the limit and without."""
    rows: list[tuple[Cell, ...]] = []
    for t in calibration.fit.limits:
        cv, chosen = t.cross_validation, "chosen" if t.limit == calibration.fit.model.limit else ""
        numbers = (None, None, None, None) if cv is None else (cv.n, cv.rmse, cv.mae, cv.guideline_rmse)
        rows.append((_WORDS[t.limit], *numbers, chosen))
    head = ("Limit above the worst category", "n", "RMSE", "MAE", "RMSE of the guideline", "")
    note = (
        "Points; repeated cross-validation on the calibration scans, everything fitted anew in every fold. The limit goes only where the scans are predicted better without it by "
        "more than one standard error."
    )
    return Table("limit_cv", "Overall score of left-out calibration scans", head, tuple(rows), note)


def with_and_without(e: Evaluation, calibration: Calibration) -> Table:
    """Agreement of four models, fitted and guideline with the limit and without, in scans that none of them was fitted to."""
    guideline = guideline_model(calibration.fit.model.profile)
    models: list[tuple[str, ScoringModel]] = [("fitted", t.model) for t in calibration.fit.limits]
    models += [("guideline", replace(guideline, limit=t.limit)) for t in calibration.fit.limits]
    read = e.values["overall"].readers
    own = [scores_of(e.scans, model)["overall"] for _, model in models]
    rows: list[tuple[Cell, ...]] = []
    for part in _parts(e):
        for (name, model), values in zip(models, own, strict=True):
            a = compare("overall", part, values, read, e.margin)
            rmse = math.sqrt(float(((a.own - a.readers) ** 2).mean())) if a.n else None
            rows.append((part.title, name, _WORDS[model.limit], a.n, a.icc, a.limits.bias, rmse, a.mad, a.r))
    head = ("Scans", "Model", "Limit", "n", "ICC(A,1)", "Difference", "RMSE", "MAE", "Pearson r")
    note = (
        f"Overall score, HeadCTIQA minus the mean of the readers, points. {_RUINED_SCANS}: scans of the test and of all other centres in which the readers gave a category "
        f"less than {RUINED:g} on average."
    )
    return Table(
        "limit", "The overall score with the limit above the worst category and without", head, tuple(rows), note
    )


def _parts(e: Evaluation) -> Iterator[Part]:
    """Test scans, every other centre, and those of them with a ruined category."""
    judging = [p for p in e.parts if p.judges]
    yield from judging
    rows = np.unique(np.concatenate([p.rows for p in judging] or [np.array([], np.int64)]))
    worst = np.min([e.values[c.id].readers for c in CATEGORIES], axis=0)  # NaN where a category was not judged
    ruined = rows[worst[rows] < RUINED]
    if len(ruined):
        yield Part(_RUINED_SCANS, "all", ruined)


def in_words(e: Evaluation, calibration: Calibration) -> Iterator[str]:
    """The choice, and what it means for scans with a ruined category, in sentences."""
    yield limit_words(calibration)
    found = {(str(r[1]), str(r[2])): r for r in with_and_without(e, calibration).rows if r[0] == _RUINED_SCANS}
    for name in ("fitted", "guideline"):
        inside, free = (found.get((name, _WORDS[limit])) for limit in (LIMIT_POINTS, None))
        if inside is not None and free is not None:
            yield (
                f"In {inside[3]} scans with a ruined category, the {name} model errs by {number(inside[6])} points (RMSE) with the limit and by {number(free[6])} without."
            )
