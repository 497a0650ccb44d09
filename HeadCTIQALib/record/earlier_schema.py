"""Checking a record of an earlier version against its published JSON Schema.

Only the keywords that the schema uses are known, and an unknown one is an error, so that nothing in it is silently
ignored.  Stricter than JSON Schema in two ways: 1.0 is no integer, because indices are integers, and a pattern has to
match the whole text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from HeadCTIQALib.resources import resource

_NOTES = frozenset({"$schema", "$id", "$defs", "$comment", "title", "description"})
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "null": (type(None),), "boolean": (bool,), "integer": (int,), "number": (int, float),
}  # fmt: skip
Schema = Mapping[str, Any]


@cache
def record_schema(version: str) -> Schema:
    """The schema of ``assessment.json`` of an earlier version ("1.0")."""
    schema: Schema = json.loads(resource("Schema", f"assessment-{version}.schema.json").read_text(encoding="utf-8"))
    return schema


def misfit(value: Any, schema: Schema, root: Schema, where: str = "") -> str | None:
    """Where ``value`` does not fit ``schema`` first ("iqms.noise.value"), or None.

    Args:
        value: of JSON types.
        root: the schema that references point into.
        where: the place of ``value`` itself.

    Raises:
        KeyError: the schema uses a keyword that is not known here.
    """
    for keyword, argument in schema.items():
        if keyword in _STRUCTURE:
            found = _STRUCTURE[keyword](value, argument, schema, root, where)
            if found is not None:
                return found
        elif keyword not in _NOTES and not _SIMPLE[keyword](value, argument):
            return where or "the whole"
    return None


def _is(value: Any, kinds: str | list[str]) -> bool:
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return any(isinstance(value, _TYPES[k]) and (k == "boolean" or not isinstance(value, bool)) for k in kinds)


def _equal(a: Any, b: Any) -> bool:
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


_SIMPLE: Mapping[str, Callable[[Any, Any], bool]] = {
    "type": _is,
    "const": _equal,
    "enum": lambda value, allowed: any(_equal(value, a) for a in allowed),
    "pattern": lambda value, pattern: not isinstance(value, str) or re.fullmatch(pattern, value, re.ASCII) is not None,
    "minLength": lambda value, least: not isinstance(value, str) or len(value) >= least,
    "minimum": lambda value, least: not _is(value, "number") or value >= least,
    "maximum": lambda value, most: not _is(value, "number") or value <= most,
    "minItems": lambda value, least: not isinstance(value, list) or len(value) >= least,
    "maxItems": lambda value, most: not isinstance(value, list) or len(value) <= most,
}


def _reference(value: Any, argument: str, _schema: Schema, root: Schema, where: str) -> str | None:
    return misfit(value, root["$defs"][argument.removeprefix("#/$defs/")], root, where)


def _required(value: Any, argument: list[str], _schema: Schema, _root: Schema, where: str) -> str | None:
    return next((_join(where, k) for k in argument if k not in value), None) if isinstance(value, dict) else None


def _properties(value: Any, argument: Schema, _schema: Schema, root: Schema, where: str) -> str | None:
    if isinstance(value, dict):
        for key, part in argument.items():
            if key in value and (found := misfit(value[key], part, root, _join(where, key))) is not None:
                return found
    return None


def _additional(value: Any, argument: bool | Schema, schema: Schema, root: Schema, where: str) -> str | None:
    if isinstance(value, dict) and argument is not True:
        known = schema.get("properties", {})
        for key, part in value.items():
            if key not in known and (
                argument is False or (found := misfit(part, argument, root, _join(where, key))) is not None
            ):
                return _join(where, key) if argument is False else found
    return None


def _items(value: Any, argument: Schema, _schema: Schema, root: Schema, where: str) -> str | None:
    if isinstance(value, list):
        for n, part in enumerate(value):
            if (found := misfit(part, argument, root, f"{where}[{n}]")) is not None:
                return found
    return None


def _any_of(value: Any, argument: list[Schema], _schema: Schema, root: Schema, where: str) -> str | None:
    found = [misfit(value, part, root, where) for part in argument]
    return None if None in found else max((f for f in found if f is not None), key=len)  # the part that fitted furthest


def _if(value: Any, argument: Schema, schema: Schema, root: Schema, where: str) -> str | None:
    branch = "then" if misfit(value, argument, root) is None else "else"
    return misfit(value, schema.get(branch, {}), root, where)


_STRUCTURE: Mapping[str, Callable[..., str | None]] = {
    "$ref": _reference, "required": _required, "properties": _properties, "additionalProperties": _additional, "items": _items,
    "anyOf": _any_of, "if": _if, "then": lambda *_: None, "else": lambda *_: None,
}  # fmt: skip


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
