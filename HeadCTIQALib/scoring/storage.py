"""Scoring models as versioned JSON, read strictly: what is not understood is refused, never ignored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.scoring import profile as profiles
from HeadCTIQALib.scoring.profile import Profile
from HeadCTIQALib.scoring.types import CategoryModel, ScoringModel, Term
from HeadCTIQALib.strict_json import parse
from HeadCTIQALib.text import printable, short
from HeadCTIQALib.writing import is_json, refuse_foreign, write_text

FORMAT = "headctiqa-scoring-model"
VERSION = 3
OLDEST = 2  # had no errors of prediction
_MAX_BYTES = 1_000_000
_LONGEST_SENTENCE = 400


def save_model(model: ScoringModel, path: str | Path) -> None:
    """Write ``model`` as JSON, whole or not at all, in the place of an older scoring model.

    Raises:
        OutputError: the file is something else, or cannot be written.
    """
    path = Path(path)
    refuse_foreign(path, is_model, "a scoring model")
    write_text(
        path, json.dumps(to_json(model), indent=2, ensure_ascii=False, allow_nan=False) + "\n", "The scoring model"
    )


def is_model(path: Path) -> bool:
    """Whether a file is a scoring model, of whatever version."""
    return is_json(path, lambda content: content["format"] == FORMAT)


def load_model(path: str | Path) -> ScoringModel:
    """Read a scoring model.

    Raises:
        ModelError: the file is missing, is not JSON, or is not a scoring model of this version.
    """
    path = Path(path)
    try:
        data = read_regular(path, _MAX_BYTES, "The scoring model", ModelError)
    except FileNotFoundError:
        raise ModelError(
            f"The scoring model {path.name} cannot be read (there is no such file); check the path."
        ) from None
    content = parse(data, f"The scoring model {path.name}", "export it again", ModelError)
    try:
        return from_json(content)
    except ModelError as error:
        raise ModelError(f"{path.name} cannot be used: {error}") from error


def to_json(model: ScoringModel) -> dict[str, Any]:
    """The model in JSON types."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "id": model.id,
        "name": model.name,
        "kind": model.kind,
        "categories": {
            c: {
                "intercept": m.intercept,
                "terms": [{"iqm": t.iqm, "feature": t.feature, "coefficient": t.coefficient} for t in m.terms],
            }
            for c, m in model.categories.items()
        },
        "intercept": model.intercept,
        "weights": dict(model.weights),
        "limit": model.limit,
        "profile": profiles.to_json(model.profile),
        "provenance": dict(model.provenance),
        "prediction_sd": dict(model.prediction_sd),
    }


def from_json(content: Any) -> ScoringModel:
    """The inverse of :func:`to_json`.

    Args:
        content: of JSON types, its numbers finite, as :func:`HeadCTIQALib.strict_json.parse` gives it.

    Raises:
        ModelError: one sentence about the first thing that does not fit.
    """
    try:
        return _model(content)
    except ModelError as error:  # which may name what the file says
        raise ModelError(printable(str(error)[:_LONGEST_SENTENCE])) from error


def _model(content: Any) -> ScoringModel:
    keys = {
        "format",
        "version",
        "id",
        "name",
        "kind",
        "categories",
        "intercept",
        "weights",
        "limit",
        "profile",
        "provenance",
        "prediction_sd",
    }
    if isinstance(content, Mapping) and content.get("format") == FORMAT and _is_earlier(content.get("version")):
        raise ModelError(
            "The scoring model was written by an earlier version, which scored by other curves; fit it again to the same readers with headctiqa fit."
        )
    if isinstance(content, Mapping) and content.get("version") == OLDEST:
        content = {"prediction_sd": {}, **content}
    top = _object(content, keys, "The scoring model")
    if top["format"] != FORMAT:
        raise ModelError(f'The file is not a scoring model: its format is not "{FORMAT}".')
    if top["version"] not in (OLDEST, VERSION) or isinstance(top["version"], bool):
        raise ModelError(f"The scoring model has version {top['version']}, but this software reads version {VERSION}.")
    categories = {}
    for name, entry in _object(top["categories"], None, '"categories"').items():
        fields = _object(entry, {"intercept", "terms"}, f'The category "{name}"')
        if not isinstance(fields["terms"], list):
            raise ModelError(f'The terms of the category "{name}" are not a list.')
        categories[name] = CategoryModel(
            _number(fields["intercept"], f'The intercept of "{name}"'), tuple(map(_term, fields["terms"]))
        )
    return ScoringModel(
        id=_text(top["id"], "id"),
        name=_text(top["name"], "name"),
        kind=_text(top["kind"], "kind"),  # type: ignore[arg-type]  # checked by ScoringModel
        categories=categories,
        intercept=_number(top["intercept"], "The intercept of the overall score"),
        weights=_numbers(top["weights"], "weights"),
        limit=None if top["limit"] is None else _number(top["limit"], "The limit above the worst category"),
        profile=_profile(top["profile"]),
        provenance={
            k: _text(v, f"provenance.{k}") for k, v in _object(top["provenance"], None, '"provenance"').items()
        },
        prediction_sd=_numbers(top["prediction_sd"], "prediction_sd"),
    )


def _is_earlier(version: Any) -> bool:
    return isinstance(version, int) and not isinstance(version, bool) and 0 < version < OLDEST


def _profile(entry: Any) -> Profile:
    fields = _object(
        entry,
        {"id", "name", "knots", "weights", "baseline_target_deg", "at_5mm", "left_out"},
        "The profile of the scoring model",
    )
    knots = _object(fields["knots"], None, '"profile.knots"')
    if not isinstance(fields["at_5mm"], bool):
        raise ModelError('"profile.at_5mm" of the scoring model is neither true nor false.')
    if not isinstance(fields["left_out"], list):
        raise ModelError('"profile.left_out" of the scoring model is not a list.')
    return Profile(
        id=_text(fields["id"], "profile.id"),
        name=_text(fields["name"], "profile.name"),
        knots={
            iqm: tuple(_knot(k, iqm) for k in curve) if isinstance(curve, list) else () for iqm, curve in knots.items()
        },
        weights=_numbers(fields["weights"], "profile.weights"),
        baseline_target_deg=_number(fields["baseline_target_deg"], "The target of the baseline"),
        at_5mm=fields["at_5mm"],
        left_out=tuple(_text(i, "profile.left_out") for i in fields["left_out"]),
    )


def _knot(entry: Any, iqm: str) -> tuple[float, float]:
    if not isinstance(entry, list) or len(entry) != 2:
        raise ModelError(f'A knot of "{iqm}" is not a pair of value and score.')
    return _number(entry[0], f'A knot of "{iqm}"'), _number(entry[1], f'A knot of "{iqm}"')


def _numbers(entry: Any, name: str) -> dict[str, float]:
    return {c: _number(w, f'"{name}" of "{c}"') for c, w in _object(entry, None, f'"{name}"').items()}


def _term(entry: Any) -> Term:
    fields = _object(entry, {"iqm", "feature", "coefficient"}, "A term of the scoring model")
    return Term(
        _text(fields["iqm"], "iqm"),
        _text(fields["feature"], "feature"),
        _number(fields["coefficient"], "A coefficient"),
    )


def _object(value: Any, keys: set[str] | None, what: str) -> Mapping[str, Any]:
    """``value`` as a JSON object with exactly ``keys`` (any, when None)."""
    if not isinstance(value, Mapping):
        raise ModelError(f"{what} is not a JSON object.")
    if keys is not None and set(value) != keys:
        unknown, missing = sorted(set(value) - keys), sorted(keys - set(value))
        parts = [f"does not know {short(', '.join(unknown), 60)}"] * bool(unknown) + [
            f"lacks {', '.join(missing)}"
        ] * bool(missing)
        raise ModelError(f"{what} {' and '.join(parts)}.")
    return value


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ModelError(f"{what} is not a number.")
    return float(value)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise ModelError(f'"{what}" of the scoring model is not text.')
    return value
