"""The account of a fit, kept beside its model: from which scans and readers it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeadCTIQALib.errors import InputError, boundary
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.record.rounding import plain
from HeadCTIQALib.scoring.storage import is_model, load_model
from HeadCTIQALib.strict_json import parse
from HeadCTIQALib.writing import adopt, is_json

if TYPE_CHECKING:
    from .calibrate import Calibration

ACCOUNT = "headctiqa-fit/1"
LARGEST_ACCOUNT = 32_000_000  # bytes


def settle(path: Path) -> None:
    """A fit that was killed after its model was in place: the account that waits beside it takes its place too."""
    if is_model(path):
        model = json.loads(path.read_text(encoding="utf-8"))
        adopt(
            account_path(path),
            lambda file: is_json(
                file, lambda content: content["format"] == ACCOUNT and content["model"]["id"] == model.get("id")
            ),
        )


def account_path(model: Path) -> Path:
    """Where the account of the fit of a model file stands."""
    return model.with_name(f"{model.name.removesuffix('.json')}.fit.json")


def account_of(c: Calibration) -> dict[str, Any]:
    fit = c.fit
    return plain(
        {
            "format": ACCOUNT,
            "model": {
                "id": fit.model.id,
                "name": fit.model.name,
                "kind": fit.model.kind,
                "provenance": dict(fit.model.provenance),
            },
            "mode": fit.mode,
            "seed": fit.seed,
            "reasons_not_to_use": fit.reasons_not_to_use,
            "data_notes": c.notes,
            "readers": c.readers.readers,
            "calibration_scans": [{"scan": s.name, "sha256": s.sha256} for s in c.calibration],
            "test_scans": [{"scan": s.name, "sha256": s.sha256} for s in c.test],
            "categories": {k: asdict(v) for k, v in fit.categories.items()},
            "weights": [asdict(w) for w in fit.weights],
            "weight_shrinkage": fit.weight_shrinkage,
            "overall_cross_validation": None if fit.overall is None else asdict(fit.overall),
            "limits": [
                {
                    "limit": t.limit,
                    "used": t.limit == fit.model.limit,
                    "intercept": t.model.intercept,
                    "weights": dict(t.model.weights),
                    "cross_validation": None if t.cross_validation is None else asdict(t.cross_validation),
                }
                for t in fit.limits
            ],
            "other_mode": {
                "mode": c.other.mode,
                "overall_cross_validation": None if c.other.overall is None else asdict(c.other.overall),
            },
        },
        decimals=6,
    )


def calibration_scans(model: Path) -> tuple[set[str], set[str]] | None:
    """Names and SHA-256 of the scans that ``model`` was fitted to, from its account; None where there is none.

    Raises:
        InputError: the account is damaged, or of another model.
    """
    settle(model)
    path = account_path(model)
    try:
        data = read_regular(path, LARGEST_ACCOUNT, "The record of the fit")
    except FileNotFoundError:
        return None
    what = f"The record of the fit {path.name}"
    account: Mapping[str, Any] = parse(data, what, "fit the model again")
    with boundary(f"{what} is damaged; fit the model again."):
        scans: list[tuple[str, str | None]] = [(s["scan"], s["sha256"]) for s in account["calibration_scans"]]
        found = {str(name) for name, _ in scans}, {str(sha) for _, sha in scans if sha}
        same = account["model"]["id"] == load_model(model).id
    if not same:
        raise InputError(
            f"The record {path.name} is of another model than {model.name}; fit the model again, or remove that record."
        )
    return found
