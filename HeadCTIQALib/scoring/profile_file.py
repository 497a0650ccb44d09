"""Profiles as files that a site writes: TOML, or JSON with the same keys, in which only what differs from the default stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from HeadCTIQALib.curve import Knots
from HeadCTIQALib.errors import ModelError, boundary
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.hierarchy import CATEGORY_BY_ID, IQM_BY_ID, iqms_of
from HeadCTIQALib.resources import resource
from HeadCTIQALib.scoring.profile import DEFAULT, STEEPEST_DEG, Profile, check_curve
from HeadCTIQALib.strict_json import parse
from HeadCTIQALib.text import printable, short

KEYS = ("id", "name", "baseline_target_deg", "at_5mm", "left_out", "weights", "knots")
_MAX_BYTES = 64_000
_MOST_KNOTS = 50
_MOST_TRIES = 400  # beginnings of a file that are read to find a line; each is read from the start
_LARGEST, _DECIMALS = 1e6, 4  # of numbers; a record keeps no more decimals
_LONGEST_NAME = 100
_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")


@cache
def shipped_profiles() -> Mapping[str, Profile]:
    """The profiles that come with the software by id, the default first.

    Raises:
        ModelError: the installation is incomplete.
    """
    read = [_profile(_read(path)) for path in resource("Profiles").glob("*.toml")]
    return MappingProxyType({p.id: p for p in sorted(read, key=lambda p: (p.id != DEFAULT.id, p.id))})


def find_profile(name: str) -> Profile:
    """The shipped profile ``name``, or the one in the file ``name``; a shipped one comes before a file of the same name.

    Raises:
        ModelError: there is neither, or :func:`load_profile` refuses the file.
    """
    shipped = shipped_profiles()
    if name in shipped:
        return shipped[name]
    if Path(name).suffix.lower() not in (".toml", ".json"):
        raise ModelError(
            f'There is no profile "{short(name, 200)}"; give {", ".join(shipped)}, or a file that ends in .toml or .json.'
        )
    return load_profile(Path(name))


def load_profile(path: Path) -> Profile:
    """Read a site's profile.

    Raises:
        ModelError: one sentence with the file, the line where it can be known, and the first thing that does not fit.
    """
    file = _read(path)
    profile = _profile(file)
    if profile != shipped_profiles().get(profile.id, profile):
        file.refuse(f'the id "{profile.id}" is that of a shipped profile, which is different; choose another id', "id")
    return profile


def profile_of_text(text: str, name: str) -> Profile:
    """The inverse of :func:`HeadCTIQALib.scoring.profile.to_json` for text that was kept elsewhere; ``name`` says where.

    Raises:
        ModelError: as :func:`load_profile`.
    """
    return _profile(_json(text, name))


@dataclass(frozen=True)
class _File:
    """A file as text and as what it says."""

    name: str
    text: str
    content: Any
    is_json: bool

    def refuse(self, reason: str, *keys: str) -> NoReturn:
        """Raise the sentence about what stands at ``keys``."""
        _refuse(self.name, reason, self._line(keys) if keys else None)

    def _line(self, keys: tuple[str, ...]) -> int | None:
        """Line at which ``keys`` are given, counted from 1; None where that cannot be told."""
        lines = self.text.split("\n")
        if self.is_json:
            found = [n for n, line in enumerate(lines, 1) if f'"{keys[-1]}"' in line]
            return found[0] if len(found) == 1 else None
        # A TOML reader knows no lines: the first beginning of the file that holds the keys ends with their statement.
        told = [n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
        start = 0  # where the statement begins that is read next, in told
        for k, n in enumerate(told[:_MOST_TRIES]):
            try:
                content = tomllib.loads("\n".join(lines[: n + 1]))
            except tomllib.TOMLDecodeError:
                continue  # within a statement of several lines
            if _holds(content, keys):
                return told[start] + 1
            start = k + 1
        return None


def _refuse(name: str, reason: str, line: int | None = None, cause: Exception | None = None) -> NoReturn:
    where = "" if line is None else f", line {line}"
    raise ModelError(f"The profile {printable(name)}{where}: {reason}.") from cause


def _holds(content: Any, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(content, Mapping) or key not in content:
            return False
        content = content[key]
    return True


def _read(path: Path) -> _File:
    name = path.name
    try:
        data = read_regular(path, _MAX_BYTES, "The profile", ModelError)
    except FileNotFoundError:
        raise ModelError(f"The profile {name} cannot be read (there is no such file); check the path.") from None
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        _refuse(
            name,
            "there are bytes that are no UTF-8 text; save the file as UTF-8",
            data[: error.start].count(b"\n") + 1,
            error,
        )
    if path.suffix.lower() == ".json":
        return _json(text, name)
    with boundary(f"The profile {printable(name)} is no TOML; see Docs/profiles.md.", ModelError):
        try:
            return _File(name, text, tomllib.loads(text), False)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"\(at (?:line (\d+)|end of document)[^)]*\)", str(error))
            reason = str(error)[: at.start()].strip() if at else str(error)
            line = int(at[1]) if at and at[1] else text.rstrip().count("\n") + 1
            _refuse(name, f"this is no TOML ({short(reason[:1].lower() + reason[1:], 80)})", line, error)


def _json(text: str, name: str) -> _File:
    return _File(
        name,
        text,
        parse(text.encode(errors="replace"), f"The profile {printable(name)}", "see Docs/profiles.md", ModelError),
        True,
    )


def _profile(file: _File) -> Profile:
    given = _table(file, file.content, KEYS, "setting of a profile")
    for key in ("id", "name"):
        if key not in given:
            file.refuse(f'there is no {key}; add a line {key} = "...", since it stands wherever a score is shown')
        if not isinstance(given[key], str):
            file.refuse(f"the {key} is not text in quotes", key)
    if not _ID.fullmatch(given["id"]):
        file.refuse(
            "the id is not made of 1 to 40 small letters a-z, digits, hyphens, underscores and full stops", "id"
        )
    if not given["name"].strip() or len(given["name"]) > _LONGEST_NAME or not given["name"].isprintable():
        file.refuse(
            f"the name is empty, longer than {_LONGEST_NAME} characters, or has characters that cannot be printed",
            "name",
        )
    target = given.get("baseline_target_deg", DEFAULT.baseline_target_deg)
    if not _is_number(target) or abs(target) > STEEPEST_DEG:
        file.refuse(
            f"the target of the baseline is no angle from {-STEEPEST_DEG:g} to {STEEPEST_DEG:g} deg",
            "baseline_target_deg",
        )
    at_5mm = given.get("at_5mm", DEFAULT.at_5mm)
    if not isinstance(at_5mm, bool):
        file.refuse("at_5mm is neither true nor false", "at_5mm")
    left_out, weights = _left_out(file, given.get("left_out", [])), _weights(file, given.get("weights", {}))
    for category, weight in weights.items():
        if weight > 0 and all(m.id in left_out for m in iqms_of(category)):
            file.refuse(
                f'all metrics of "{category}" are left out, so its weight must be 0 and the others add up to 1',
                "left_out",
            )
    knots = {**DEFAULT.knots, **_curves(file, given.get("knots", {}))}
    return Profile(given["id"], given["name"].strip(), knots, weights, float(target), at_5mm, left_out)


def _left_out(file: _File, entry: Any) -> tuple[str, ...]:
    if not isinstance(entry, list) or not all(isinstance(i, str) for i in entry):
        file.refuse("left_out is not a list of metrics in quotes", "left_out")
    for iqm in entry:
        if iqm not in IQM_BY_ID:
            file.refuse(f'"{short(iqm)}" is no metric; use {", ".join(IQM_BY_ID)}', "left_out")
    return tuple(entry)


def _weights(file: _File, entry: Any) -> dict[str, float]:
    given = _table(file, entry, tuple(CATEGORY_BY_ID), "category", "weights")
    for category, weight in given.items():
        if not _is_number(weight) or not 0 <= weight <= 1:
            file.refuse(f'the weight of "{category}" is no number from 0 to 1', "weights", category)
    weights = {c: float(given.get(c, w)) for c, w in DEFAULT.weights.items()}
    if abs(sum(weights.values()) - 1) > 1e-6:
        kept = ", ".join(f"{c} {w:g}" for c, w in weights.items() if c not in given)
        file.refuse(
            f"the weights add up to {sum(weights.values()):.6g} and not to 1"
            + (f" (not given, and so as by default: {kept})" if kept else ""),
            "weights",
        )
    return weights


def _curves(file: _File, entry: Any) -> dict[str, Knots]:
    given = _table(file, entry, tuple(IQM_BY_ID), "metric", "knots")
    curves = {}
    for iqm, curve in given.items():
        if not isinstance(curve, list) or not all(
            isinstance(k, list) and len(k) == 2 and all(map(_is_number, k)) for k in curve
        ):
            file.refuse(f'the knots of "{iqm}" are not a list of pairs [value, score] of numbers', "knots", iqm)
        if len(curve) > _MOST_KNOTS:
            file.refuse(f'"{iqm}" has {len(curve)} knots, but a curve has {_MOST_KNOTS} at most', "knots", iqm)
        knots = tuple((round(float(x), _DECIMALS), round(float(y), _DECIMALS)) for x, y in curve)
        try:
            check_curve(IQM_BY_ID[iqm], knots)
        except ValueError as error:
            file.refuse(f'the knots of "{iqm}" make no quality curve: {error}', "knots", iqm)
        curves[iqm] = knots
    return curves


def _table(file: _File, entry: Any, known: tuple[str, ...], what: str, *keys: str) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping):
        file.refuse(f"{keys[-1]} is not a table" if keys else "it is not a table of settings", *keys)
    for key in entry:
        if key not in known:
            file.refuse(f'"{short(key)}" is no {what}; use {", ".join(known)}', *keys, key)
    return entry


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST
