"""The published form of the record, made from its types: JSON Schema and data dictionary.

python -m HeadCTIQALib.record.schema    write both into Resources/Schema anew, after a change of the types
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from .reviewed import CHANGES
from .types import SCHEMA, Record

VERSION = SCHEMA.rpartition("/")[2]
SCHEMA_FILE, DICTIONARY_FILE = f"assessment-{VERSION}.schema.json", f"assessment-{VERSION}.md"
Schema = dict[str, Any]

_NULL, _TEXT, _NUMBER, _WORDS = {"type": "null"}, {"type": "string"}, {"type": "number"}, {"minLength": 1}
_WITHHELD = {
    "if": {"properties": {"score": _NULL}},
    "then": {"properties": {"band": _NULL, "withheld_reason": _WORDS}},
    "else": {"properties": {"band": _TEXT}},
}
#: What the types refuse and their schema cannot say, by name of the type.
_CONDITIONS: Mapping[str, Schema] = {
    "Overall": _WITHHELD,
    "CategoryEntry": _WITHHELD,
    "IqmEntry": {
        "if": {"properties": {"status": {"const": "not_assessable"}}},
        "then": {
            "properties": {**dict.fromkeys(("value", "band", "score", "read_at", "judged", "bound"), _NULL), "reason": _WORDS}
        },
        "else": {"properties": {"value": _NUMBER, "band": _TEXT, "score": _NUMBER, "read_at": _NUMBER}},
    },
    "ExtraEntry": {"if": {"properties": {"value": _NULL}}, "then": {"properties": {"reason": _WORDS}}},
}  # fmt: skip


def json_schema() -> Schema:
    """The JSON Schema (2020-12) of ``assessment.json``."""
    (root, *changes), parts = msgspec.json.schema_components((Record, *CHANGES.values()), ref_template="#/$defs/{name}")
    for name, condition in _CONDITIONS.items():
        parts[name] |= condition
    parts["EditEntry"]["anyOf"] = [
        {"properties": {"finding": {"const": finding}, "change": change}} for finding, change in zip(CHANGES, changes, strict=True)
    ]  # fmt: skip
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:headctiqa:assessment:{VERSION}",
        "title": "HeadCTIQA assessment record",
    }
    text = json.dumps({**head, **root, "$defs": parts})
    schema: Schema = json.loads(text.replace(r"\\Z", "$"))  # where a text ends is written differently in JSON Schema
    return schema


def dictionary() -> str:
    """The data dictionary as Markdown: every field with its type, unit and meaning."""
    schema = json_schema()
    parts, ids = (
        schema["$defs"],
        {"Iqms": "<iqm>", "SomeIqms": "<iqm>", "Categories": "<category>", "CategoryScores": "<category>"},
    )

    def part(name: str, where: str) -> Iterator[str]:
        fields = parts[name]["properties"]
        if name in ids:
            fields = {ids[name]: next(iter(fields.values()))}
        for key, field in fields.items():
            yield from row(field, f"{where}{key}")

    def row(field: Schema, where: str) -> Iterator[str]:
        names, kind = _kind(field)
        unit, meaning = _found(field, "x-unit"), _found(field, "description")
        meaning = meaning or " ".join(parts[n].get("description", "") for n in names)
        yield f"| {where} | {kind} | {unit} | {meaning.replace('|', ',')} |"
        for name in names:
            yield from part(name, f"{where}{_below(field)}.")

    lines = [
        f"# The record {SCHEMA}", "", parts["Record"]["description"],
        "Made from the types in `HeadCTIQALib/record`; the same as JSON Schema is beside this file.", "",
        '`[]`: of every entry of a list. `<...>`: of every id or name. Unit "unit": that of the IQM, in `iqms.<iqm>.unit`.', "",
        "| Field | Type | Unit | Meaning |", "|---|---|---|---|", *part("Record", ""),
    ]  # fmt: skip
    lines += ["", "What `review.edits[].change` holds, by the finding that was edited:", ""]
    lines += ["| Field | Type | Unit | Meaning |", "|---|---|---|---|"]
    for kind in parts["EditEntry"]["anyOf"]:
        lines += row(kind["properties"]["change"], kind["properties"]["finding"]["const"])
    return "\n".join(lines) + "\n"


def _kind(field: Schema) -> tuple[list[str], str]:
    """The parts that a field holds, and its type in words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return [name], "object"
    if "anyOf" in field:
        found = [_kind(f) for f in field["anyOf"]]
        return [n for names, _ in found for n in names], " or ".join(words for _, words in found)
    if "enum" in field or "const" in field:
        return [], ", ".join(str(v) for v in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        inside = field.get("prefixItems", [field.get("items") or {}])
        names, words = _kind(inside[0])
        count = f"{len(inside)} x " if "prefixItems" in field else "list of "
        return names, f"{count}{words}"
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        names, words = _kind(field["additionalProperties"])
        return names, f"{words} by name"
    low, high = field.get("minimum"), field.get("maximum")
    limits = "" if low is None and high is None else f" {'' if low is None else low}..{'' if high is None else high}"
    return [], f"{field.get('type', 'any')}{limits}"


def _below(field: Schema) -> str:
    """How the way to a part inside a field is written."""
    for f in (field, *field.get("anyOf", ())):
        if f.get("type") == "array":
            return "[]"
        if f.get("type") == "object" and "additionalProperties" in f:
            return ".<name>"
    return ""


def _found(field: Schema, key: str) -> str:
    """A note at a field, or at one of the types that it may have."""
    return next((str(f[key]) for f in (field, *field.get("anyOf", ())) if key in f), "")


def main() -> None:
    """Write both files."""
    from HeadCTIQALib.resources import resource

    folder = resource("Schema")
    (folder / SCHEMA_FILE).write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")
    (folder / DICTIONARY_FILE).write_text(dictionary(), encoding="utf-8")


if __name__ == "__main__":
    main()
