"""Reading and writing a record: read strictly, whatever the version, with a plain sentence when something is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.strict_json import parse
from HeadCTIQALib.text import printable

from .earlier import EARLIER, upgraded
from .earlier_schema import misfit, record_schema
from .names import RECORD
from .types import SCHEMA, Record

SCHEMA_NAME = SCHEMA.split("/", maxsplit=1)[0]
REMEDY = "assess the scan again"
_LARGEST = 32_000_000  # bytes: 1500 slices and many corrections take a tenth of that
_FIELD = re.compile(r"Object (?:contains unknown|missing required) field `([^`]*)`")


def read_record(folder: str | Path) -> Record:
    """The record in an assessment folder; what it holds is of the right types and of one scan, so that it may be relied on.

    Raises:
        InputError: there is none, it is damaged, or another version wrote it that cannot be read.
    """
    path = Path(folder) / RECORD
    return check_record(read_json(path), path)


def read_json(path: Path) -> Any:
    """The content of a record of any version, not checked.

    Raises:
        InputError: there is none, or it is no JSON.
    """
    try:
        data = read_regular(path, _LARGEST, "The assessment")
    except FileNotFoundError:
        raise InputError(
            f"The folder {path.parent} is not an assessment ({RECORD} is missing); choose one that HeadCTIQA wrote."
        ) from None
    return parse(data, f"The assessment {path}", REMEDY)


def is_present(folder: Path) -> bool:
    """Whether the record in an assessment folder has the present form, and not that of an earlier version.

    Raises:
        InputError: there is none, or it is damaged.
    """
    content = read_json(folder / RECORD)
    return isinstance(content, dict) and content.get("schema") == SCHEMA


def is_record(content: object) -> bool:
    """Whether HeadCTIQA wrote it, whatever the version."""
    return isinstance(content, dict) and str(content.get("schema")).startswith(f"{SCHEMA_NAME}/")


def check_record(content: Any, path: str | Path) -> Record:
    """The record in JSON that was read from ``path``; one of an earlier version is brought to the present form.

    Raises:
        InputError: it is none, or damaged.
    """
    schema = content.get("schema") if isinstance(content, dict) else None
    if not isinstance(schema, str) or not is_record(content):
        raise InputError(f"The file {path} is not an assessment by HeadCTIQA; choose a folder that HeadCTIQA wrote.")
    if schema not in (SCHEMA, *EARLIER):
        raise InputError(
            f"The assessment {path} has version {printable(schema[:60])}, this program reads {SCHEMA}; update HeadCTIQA or assess the scan again."
        )
    try:
        if schema != SCHEMA:
            earlier = record_schema(schema.rpartition("/")[2])
            if (where := misfit(content, earlier, earlier)) is not None:
                raise msgspec.ValidationError(f"does not fit - at `$.{where}`")
            return upgraded(content)
        return msgspec.convert(content, Record)
    except msgspec.ValidationError as error:
        where = place(error)
        raise InputError(f"The assessment {path} is damaged (at {printable(where[:120])}); {REMEDY}.") from error


def place(error: msgspec.ValidationError) -> str:
    """Where a record is wrong: "iqms.noise.value", or "the whole"."""
    words = str(error)
    steps = [step.removeprefix("$") for step in re.findall(r"- at `([^`]*)`", words)][::-1]
    steps += [f".{name}" for name in _FIELD.findall(words)]
    return "".join(steps).replace("[...]", "").removeprefix(".") or "the whole"


def to_json(record: Record) -> dict[str, Any]:
    """The record in JSON types."""
    content: dict[str, Any] = json.loads(dump(record))
    return content


def dump(record: Record) -> str:
    """The record as the text of ``assessment.json``."""
    return json.dumps(msgspec.to_builtins(record), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
