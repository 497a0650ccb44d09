"""What damages results: functions ``(random.Random, bytes) -> bytes``, some of which know JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

Mutator = Callable[[random.Random, bytes], bytes]

# JSON values that have broken programs; texts are put into the document as they are
_VALUES = (
    "null", "true", "0", "-1", "1", "2", "1.0", "1.5", "-0.0", "1e308", "-1e308", "1e400", "NaN", "-Infinity", "9" * 400, "9" * 5000, "1e-320", "4294967296",
    '""', '"x"', '"NaN"', '"\\ud800"', '"\\u0000"', '"\\u202e\\u001b[31m"', '"' + "y" * 70000 + '"', "[]", "{}", "[[]]", '[null]', '{"": 1}', "[1, 2, 3]",
    "[0, 0, 0]", "[1e300, 1e300, 1e300]", "[" * 50 + "]" * 50, "[" * 20000 + "]" * 20000, '{"a":' * 2000 + "1" + "}" * 2000,
)  # fmt: skip
_WORDS = (b"0", b"-1", b"1e400", b"nan", b"inf", b"99999999999999999999", b"(", b")", b"none", b"\x00", b"\xff\xfe", b"\n", b"\n\n", b"\r", b":", b"=", b";", b",", b'"',
          b"gzip", b"raw", b"hex", b"bzip2", b"double", b"big", b"/etc/passwd", b"data file: /etc/passwd\n", b"sizes: 1000000 1000000 1000000\n")  # fmt: skip


def json_values(rng: random.Random, data: bytes) -> bytes:
    """One to three places of a JSON document replaced, removed, doubled or exchanged."""
    content = json.loads(data)
    inserts: dict[str, str] = {}
    for n in range(rng.choice((1, 1, 1, 2, 3))):
        holder, key = rng.choice(list(_places(content)) or [({"": None}, "")])
        act = rng.random()
        if act < 0.7:
            mark = f"@@{n}@@"
            inserts[f'"{mark}"'] = rng.choice(_VALUES)
            holder[key] = mark
        elif act < 0.85:
            del holder[key]
        else:
            other, name = rng.choice(list(_places(content)))
            holder[key] = json.loads(json.dumps(other[name]))
    text = json.dumps(content)
    for mark, value in inserts.items():
        text = text.replace(mark, value)
    return text.encode()


def json_numbers(rng: random.Random, data: bytes) -> bytes:
    """Some numbers of a JSON document changed a little or a lot: the document keeps its form."""
    content = json.loads(data)
    numbers = [(h, k) for h, k in _places(content) if isinstance(h[k], (int, float)) and not isinstance(h[k], bool)]
    for holder, key in rng.sample(numbers, min(len(numbers), rng.choice((1, 2, 5, 40)))):
        old = holder[key]
        new = rng.choice((0, -old, old + 1, old * 10, old * 1e6, old / 1e6, rng.uniform(-1000, 1000), 1e11, -1e11))
        holder[key] = int(new) if isinstance(old, int) and rng.random() < 0.9 else new
    return json.dumps(content).encode()


def flipped(rng: random.Random, data: bytes) -> bytes:
    """Some bytes changed."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 100))):
        changed[rng.randrange(len(changed))] = rng.choice((0, 255, rng.randrange(256), rng.randrange(32, 127)))
    return bytes(changed)


def cut(rng: random.Random, data: bytes) -> bytes:
    """The beginning only, or a part taken out or doubled."""
    a, b = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return rng.choice((data[:a], data[:a] + data[b:], data[:b] + data[a:]))


def worded(rng: random.Random, data: bytes) -> bytes:
    """Words that mean something to a parser put into the first kilobytes, or in the place of a line."""
    at = rng.randrange(min(len(data), 4000))
    word = rng.choice(_WORDS) * rng.choice((1, 1, 1, 3, 1000))
    if rng.random() < 0.5:
        return data[:at] + word + data[at + rng.choice((0, len(word))) :]
    end = data.find(b"\n", at)
    start = data.rfind(b" ", 0, end) if rng.random() < 0.7 else at
    return data[: start + 1] + word + data[end:]


def reviewed(rng: random.Random, data: bytes) -> bytes:
    """A place in the kept corrections changed."""
    content = json.loads(data)
    part = json.dumps(content["review"]).encode()
    try:
        content["review"] = json.loads(rng.choice((json_values, json_numbers))(rng, part))
    except (ValueError, RecursionError):
        return data
    return json.dumps(content).encode()


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """(holder, key) of every place below ``content``."""
    for key in content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ():
        yield content, key
        yield from _places(content[key])


JSON: tuple[Mutator, ...] = (json_values, json_values, json_values, json_numbers, json_numbers, flipped, cut)
PLAIN: tuple[Mutator, ...] = (worded, worded, flipped, cut)
