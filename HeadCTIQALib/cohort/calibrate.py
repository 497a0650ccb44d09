"""Fitting a scoring model to a folder of assessments and a reader table: data in, model and its account out.

Beside ``model.json`` stands ``model.fit.json``: which scans were fitted and which kept for testing, coefficients with
intervals, cross-validation, influential scans, and what speaks against the model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib import __version__
from HeadCTIQALib.agreement import complete_rows, icc_agreement
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.hierarchy import CATEGORY_BY_ID
from HeadCTIQALib.progress import Progress, silent
from HeadCTIQALib.record.rounding import plain
from HeadCTIQALib.scoring import DEFAULT, Profile
from HeadCTIQALib.scoring.calibration import MIN_SCANS, SCORES, CalibrationSet, Fit, Mode, split
from HeadCTIQALib.scoring.fit import fit_model
from HeadCTIQALib.scoring.storage import is_model, save_model, to_json
from HeadCTIQALib.writing import held_signals, is_json, refuse_foreign, whole_file

from .account import ACCOUNT, account_of, account_path, settle
from .direction import check_direction
from .readers import ReaderTable, read_readers
from .scales import Scale
from .scans import Scan, judged_of, load_scans, matched

_MODE_WORDS = {
    "paper": "ordinary least squares on the folded metrics",
    "robust": "non-negative least squares on the item scores (no defect raises a score)",
}
_LOW_ICC = 0.5  # "poor" reliability (Koo & Li 2016)


@dataclass(frozen=True)
class Calibration:
    """A fit with everything that its account tells.

    Attributes:
        fit: the model and its quality.
        other: the same data fitted in the other mode, for comparison.
        calibration, test: names of the scans fitted and of those kept apart.
        notes: sentences about the data.
    """

    fit: Fit
    other: Fit
    calibration: tuple[Scan, ...]
    test: tuple[Scan, ...]
    readers: ReaderTable
    notes: tuple[str, ...]

    def save(self, path: Path) -> Path:
        """Write the model to ``path`` and its account beside it, in the place of older ones; returns the account's path.

        Raises:
            OutputError: a file is something else, or cannot be written.
        """
        account = check_model(path)
        text = json.dumps(account_of(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        # Both or none: the account is complete before the model takes its place, and a kill between the two is made good later.
        with held_signals(), whole_file(account, "The record of the fit") as stream:
            stream.write(text.encode("utf-8", "replace"))
            stream.flush()
            save_model(self.fit.model, path)
        return account


def check_model(path: Path) -> Path:
    """Refuse a path at which something else lies than a scoring model and its account; returns the account's path.

    Raises:
        OutputError: see above.
    """
    settle(path)
    account = account_path(path)
    refuse_foreign(path, is_model, "a scoring model")
    refuse_foreign(
        account, lambda file: is_json(file, lambda content: content["format"] == ACCOUNT), "the record of a fit"
    )
    return account


def calibrate(
    assessments: Path, readers: Sequence[Path], mode: Mode = "paper", *, name: str = "", seed: int = 0, test_share: float = 0.2,
    repeats: int = 10, scale: Scale | None = None, profile: Profile = DEFAULT, progress: Progress = silent,
) -> Calibration:  # fmt: skip
    """Fit to the calibration part of the scans under ``assessments`` that readers judged.

    Args:
        readers: reader tables, files or folders.
        name: of the model; made from mode and size when empty.
        seed: of the split and of the cross-validation.
        test_share: share of the scans kept apart for testing; 0 fits to all.
        scale: that the readers scored on; None for 0-100.
        profile: that the scans are judged by; the model carries it.

    Raises:
        InputError: assessments or reader tables that cannot be used, too few of them, or readers on a reversed scale.
    """
    table = read_readers(*readers, scale=scale)
    scans, left_out = load_scans(assessments, progress)
    table, unmatched = matched(scans, table)
    judged = set(table.scans)
    scans = tuple(s for s in scans if s.name in judged)
    names = tuple(s.name for s in scans)
    scores = np.column_stack([table.mean(t, names) for t in SCORES])
    if not np.isfinite(scores).any():
        raise InputError(
            f"The reader table holds no scores of {', '.join(SCORES)}; a scoring model is fitted to those."
        )
    doubts = check_direction(scans, table, profile, scale)
    values, item_scores = judged_of(scans, profile)
    data = CalibrationSet(names, values, scores, item_scores, profile)
    kept = split(scores, seed, test_share) if test_share else np.zeros(len(scans), bool)
    part = data.of(np.flatnonzero(~kept))
    _check_enough(scores, kept)
    progress("Fitting", 0.0)
    provenance = _provenance(table, part, len(scans), mode, seed, test_share)
    fitted = fit_model(
        part,
        mode,
        id="unnamed",
        name=name or _name(part, table, mode),
        provenance=provenance,
        seed=seed,
        repeats=repeats,
    )
    progress("Fitting", 0.5)
    other = fit_model(
        part, "robust" if mode == "paper" else "paper", id="other", name="other", seed=seed, repeats=min(repeats, 3)
    )
    named = replace(fitted.model, id=f"readers-{_fingerprint(fitted)}")
    notes = (*left_out, *table.warnings, *unmatched, *doubts, *_disagreement(table, part.scans))
    fitted = replace(
        fitted, model=named, reasons_not_to_use=(*fitted.reasons_not_to_use, *_better_other(fitted, other))
    )
    return Calibration(
        fitted,
        other,
        tuple(s for s, t in zip(scans, kept, strict=True) if not t),
        tuple(s for s, t in zip(scans, kept, strict=True) if t),
        table,
        notes,
    )


def _check_enough(scores: NDArray[np.float64], kept: NDArray[np.bool_]) -> None:
    """Refuse (n, 7) scores of which no category can be fitted, whatever was measured, with the reason.

    Raises:
        InputError: see above.
    """
    given = np.isfinite(scores[:, :-1])
    if not given.any():
        raise InputError(
            f"The readers gave overall scores only; a fit needs their scores of at least one category ({', '.join(SCORES[:-1])}), too. To compare overall scores, use evaluate."
        )
    best = int(given.sum(axis=0).argmax())
    whole, left = int(given[:, best].sum()), int(given[~kept].sum(axis=0).max())
    if whole < MIN_SCANS:
        raise InputError(
            f"Readers scored {CATEGORY_BY_ID[SCORES[best]].title} in {whole} of {len(kept)} scans that were assessed, and no category in more, but a fit needs {MIN_SCANS}; "
            "add scans, or readers' scores."
        )
    if left < MIN_SCANS:
        raise InputError(
            f"{int(kept.sum())} of {len(kept)} scans are kept for testing, and of the others at most {left} have a reader score of one category, but a fit needs {MIN_SCANS}; "
            "fit to all with --test-share 0, or add scans."
        )


def _name(part: CalibrationSet, table: ReaderTable, mode: Mode) -> str:
    readers = "one reader" if len(table.readers) == 1 else f"{len(table.readers)} readers"
    return f"Fitted to {readers} of {len(part.scans)} scans ({'least squares' if mode == 'paper' else 'non-negative'})"


def _provenance(
    table: ReaderTable, part: CalibrationSet, total: int, mode: Mode, seed: int, test_share: float
) -> dict[str, str]:
    return {
        "origin": f"Fitted to the mean scores of {len(table.readers)} readers by {_MODE_WORDS[mode]}, shrunk towards the guideline model by stacking.",
        "scans": f"{len(part.scans)} of {total} scans that were assessed and read; {f'the other {rest} were' if (rest := total - len(part.scans)) else 'none was'} kept for testing "
        f"(share {test_share:g}).",
        "readers_sha256": table.sha256,
        **({"readers_scale": table.scale} if table.scale else {}),
        "seed": str(seed),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "software": f"HeadCTIQA {__version__}",
    }


def _fingerprint(fit: Fit) -> str:
    """Eight digits that tell models with other numbers apart, whenever they were fitted."""
    numbers = {
        k: v
        for k, v in to_json(fit.model).items()
        if k in ("kind", "categories", "intercept", "weights", "limit", "profile")
    }
    return hashlib.sha256(json.dumps(plain(numbers, decimals=9), sort_keys=True).encode()).hexdigest()[:8]


def _disagreement(table: ReaderTable, scans: Sequence[str]) -> list[str]:
    """Scores about which single readers hardly agree: no model can be better than what it is fitted to."""
    notes = []
    for target in SCORES:
        m = table.matrix(target, scans)
        m = m[:, np.isfinite(m).any(axis=0)]
        if m.shape[1] < 2:
            continue
        rows, _ = complete_rows(m)
        icc = icc_agreement(rows)
        if icc.value is not None and icc.value < _LOW_ICC:
            title = CATEGORY_BY_ID[target].title if target in CATEGORY_BY_ID else "Overall"
            notes.append(
                f"{title}: single readers hardly agree (ICC(A,1) {icc.value:.2f}, n = {icc.n}); what a fit learns from them is uncertain."
            )
    return notes


def _better_other(fit: Fit, other: Fit) -> list[str]:
    if fit.overall is None or other.overall is None or other.overall.rmse >= 0.95 * fit.overall.rmse:
        return []
    return [
        f"The {other.mode} mode predicts the overall score of left-out scans better: typical error {other.overall.rmse:.1f} instead of {fit.overall.rmse:.1f} points."
    ]
