"""Damage to bytes, to text headers and to JSON.  Everything that is drawn comes from the ``Random`` that is handed in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

MAX_BYTES = 4 << 20  # of a damaged file: what is large must be so by its word, not on the disk

INTEGERS = (
    0,
    1,
    -1,
    2,
    7,
    100,
    127,
    255,
    256,
    1501,
    32767,
    65535,
    65536,
    2**31 - 1,
    -(2**31),
    2**32,
    2 * 10**9,
    2**63 - 1,
    -(2**63),
    10**30,
)
FLOATS = (
    "nan",
    "inf",
    "-inf",
    "1e400",
    "-1e308",
    "1e-320",
    "0.0",
    "-0",
    "1e20",
    "0,5",
    "1_000",
    "0x10",
    "--3",
    "",
    "3.5.1",
    "\u0663",
)
TEXTS = (
    "", " ", "\0", "A" * 5000, "\x1b[2J\x1b]0;x\x07", "\u202eevil\u202c", "\ud800", "=cmd|'/c x'!A1", "../../../etc/passwd", "%s%n%d", "a\nb\r\nc", "\\", '"', "null",
    "\N{PILE OF POO}" * 40, "--help", "None", "[]",
)  # fmt: skip
_TOKENS = {
    "@deep": "[" * 100_000,
    "@deepclosed": "[" * 5000 + "]" * 5000,
    "@deepmap": '{"a":' * 30_000,
    "@huge": "1e400",
    "@digits": "9" * 5000,
    "@cut": "nul",
}


def damaged(rng: Random, data: bytes, other: bytes = b"") -> bytes:
    """``data`` after one to four blows; ``other`` is what parts are taken from now and then."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(_BLOWS)(rng, data, other or data)[:MAX_BYTES]
    return data


def _place(rng: Random, data: bytes) -> int:
    """A place in ``data``; half of the time near the start, where the headers are."""
    return rng.randrange(min(len(data), 512) if rng.random() < 0.5 else len(data)) if data else 0


def _flip(rng: Random, data: bytes, other: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20)) if out else 0):
        out[_place(rng, data)] ^= 1 << rng.randrange(8)
    return bytes(out)


def _overwrite(rng: Random, data: bytes, other: bytes) -> bytes:
    at, size = _place(rng, data), rng.choice((1, 2, 4, 8))
    value = rng.choice((*INTEGERS, rng.getrandbits(64))) % (1 << (8 * size))
    return data[:at] + value.to_bytes(size, rng.choice(("little", "big"))) + data[at + size :]


def _blank(rng: Random, data: bytes, other: bytes) -> bytes:
    at, size = _place(rng, data), rng.choice((1, 4, 16, 64, 1000, 20_000))
    return data[:at] + rng.choice((b"\0", b"\xff", b" ", b"A")) * min(size, len(data) - at) + data[at + size :]


def _delete(rng: Random, data: bytes, other: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + data[at + rng.choice((1, 2, 4, 16, 100, 5000)) :]


def _insert(rng: Random, data: bytes, other: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + rng.randbytes(rng.choice((1, 2, 4, 16, 200))) + data[at:]


def _repeat(rng: Random, data: bytes, other: bytes) -> bytes:
    at, size = _place(rng, data), rng.choice((1, 4, 30, 300))
    return data[:at] + data[at : at + size] * rng.choice((2, 3, 50)) + data[at + size :]


def _truncate(rng: Random, data: bytes, other: bytes) -> bytes:
    return data[
        : rng.choice(
            (
                0,
                1,
                2,
                131,
                132,
                133,
                347,
                348,
                352,
                _place(rng, data),
                _place(rng, data),
                max(0, len(data) - rng.randrange(1, 16)),
            )
        )
    ]


def _splice(rng: Random, data: bytes, other: bytes) -> bytes:
    return data[: _place(rng, data)] + other[_place(rng, other) :]


_BLOWS: tuple[Callable[[Random, bytes, bytes], bytes], ...] = (
    _flip,
    _overwrite,
    _overwrite,
    _blank,
    _delete,
    _insert,
    _repeat,
    _truncate,
    _splice,
)


def extreme_number(rng: Random) -> str:
    """A number, or nearly one, as text."""
    return rng.choice((*map(str, INTEGERS), *FLOATS, repr(rng.uniform(-1e3, 1e3))))


def text_header(rng: Random, text: str, more: tuple[str, ...] = ()) -> str:
    """A header of lines ``key: value`` or ``key = value`` after one to three blows; ``more``: lines that do harm to this format."""
    lines = text.split("\n")
    for _ in range(rng.choice((1, 1, 2, 3))):
        n = rng.randrange(len(lines))
        blow = rng.randrange(8)
        if blow <= 2:
            lines[n] = _other_number(rng, lines[n])
        elif blow == 3:
            key = re.match(r"[^:=]*(:=|[:=])\s*", lines[n])
            lines[n] = (key[0] if key else "") + rng.choice((*TEXTS, extreme_number(rng)))
        elif blow == 4:
            del lines[n]
            lines = lines or [""]
        elif blow == 5:
            lines.insert(rng.randrange(len(lines)), lines[n])
        elif blow == 6 and more:
            lines.insert(rng.randrange(len(lines)), rng.choice(more))
        else:
            m = rng.randrange(len(lines))
            lines[n], lines[m] = lines[m], lines[n]
    return "\n".join(lines)


def _other_number(rng: Random, line: str) -> str:
    found = list(re.finditer(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", line))
    if not found:
        return line + rng.choice(TEXTS)
    one = rng.choice(found)
    return line[: one.start()] + extreme_number(rng) + line[one.end() :]


def json_text(rng: Random, tree: Any) -> str:
    """``tree`` as JSON after one to three blows to its nodes, JSON's own limits included (1e400, NaN, nesting without end)."""
    tree = json.loads(json.dumps(tree))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        tree = _blow_to_node(rng, tree)
    text = json.dumps(tree, ensure_ascii=rng.random() < 0.5)
    for name, token in _TOKENS.items():
        text = text.replace(f'"{name}"', token)
    return text


def _blow_to_node(rng: Random, tree: Any) -> Any:
    holder, key = [tree], 0  # walk down from a stand-in for the root
    here: Any = holder
    while isinstance(here[key], (dict, list)) and here[key] and rng.random() < 0.85:
        here = here[key]
        key = rng.choice(list(here)) if isinstance(here, dict) else rng.randrange(len(here))
    blow = rng.randrange(10)
    if blow == 0 and here is not holder:
        del here[key]
    elif blow == 1 and isinstance(here, dict):
        here[rng.choice((*TEXTS, "extra"))] = here[key]
    elif blow == 2 and isinstance(here, list):
        here.extend([here[key]] * rng.choice((1, 3, 2000)))
    elif blow == 3 and isinstance(here[key], str):
        here[key] = _damaged_text(rng, here[key])
    else:
        here[key] = json_value(rng)
    return holder[0]


def _damaged_text(rng: Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return rng.choice(
        (text[:at], text[at:], text + text, text[:at] + rng.choice(TEXTS) + text[at:], _other_number(rng, text))
    )


def json_value(rng: Random) -> Any:
    """Anything that stands where something else was expected."""
    number = rng.choice((*INTEGERS, *(float(x) for x in ("nan", "inf", "1e308", "-1e-320")), rng.uniform(-100, 100)))
    return rng.choice(
        (
            None,
            True,
            False,
            [],
            {},
            [[]],
            {"a": None},
            number,
            number,
            number,
            rng.choice(TEXTS),
            rng.choice(TEXTS),
            *_TOKENS,
        )
    )
