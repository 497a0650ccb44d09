"""DICOM files as trees of elements that may lie: about their type, their length, their values and their order."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from random import Random

from .mutate import FLOATS, INTEGERS, TEXTS, extreme_number

_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_ALL = (*_LONG, *(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()), b"??", b"\0\0")
_SIZES = {
    b"US": 2,
    b"SS": 2,
    b"OW": 2,
    b"AT": 2,
    b"UL": 4,
    b"SL": 4,
    b"FL": 4,
    b"OF": 4,
    b"OL": 4,
    b"FD": 8,
    b"OD": 8,
    b"SV": 8,
    b"UV": 8,
    b"OV": 8,
}
_FORMATS = {b"US": "<H", b"SS": "<h", b"UL": "<I", b"SL": "<i", b"FL": "<f", b"FD": "<d"}
_SYNTAX = (0x0002, 0x0010)
_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
_SYNTAXES = tuple(
    f"1.2.840.10008.1.2{end}".encode()
    for end in (
        "",
        ".1",
        ".1.99",
        ".2",
        ".5",
        ".4.50",
        ".4.51",
        ".4.57",
        ".4.70",
        ".4.80",
        ".4.81",
        ".4.90",
        ".4.91",
        ".4.100",
        ".4.201",
        ".9",
    )
)
#: Elements that decide what a file costs or how it is read, with values that no scanner writes.
_HARMFUL = (
    (0x0028, 0x0008, b"IS", (b"2000000000", b"0", b"-1", b"1e9", b"4294967297", b"12\\12")),  # NumberOfFrames
    (0x0028, 0x0010, b"US", tuple(struct.pack("<H", n) for n in (0, 1, 65535, 63))),  # Rows
    (0x0028, 0x0011, b"US", tuple(struct.pack("<H", n) for n in (0, 1, 65535, 65))),
    (0x0028, 0x0002, b"US", tuple(struct.pack("<H", n) for n in (0, 3, 65535))),  # SamplesPerPixel
    (0x0028, 0x0100, b"US", tuple(struct.pack("<H", n) for n in (0, 1, 8, 12, 32, 64, 65535))),  # BitsAllocated
    (0x0028, 0x0101, b"US", tuple(struct.pack("<H", n) for n in (0, 1, 17, 65535))),
    (0x0028, 0x0103, b"US", tuple(struct.pack("<H", n) for n in (0, 2, 65535))),
    (0x0028, 0x0030, b"DS", (b"0\\0", b"nan\\1", b"1e300\\1", b"-1\\-1", b"1", b"0,5\\0,5", b"1e-30\\1e-30")),
    (0x0028, 0x1052, b"DS", (b"nan", b"1e400", b"-32768000000", b"", b"0\\1", b"abc")),
    (0x0028, 0x1053, b"DS", (b"0", b"-1", b"nan", b"1e300", b"", b"inf")),
    (0x0020, 0x0032, b"DS", (b"nan\\0\\0", b"1e308\\1e308\\-1e308", b"0\\0", b"", b"1e20\\0\\1")),
    (0x0020, 0x0037, b"DS", (b"0\\0\\0\\0\\0\\0", b"1\\0\\0\\1\\0\\0", b"nan\\0\\0\\0\\1\\0", b"1e200\\0\\0\\0\\1e200\\0")),
    (0x0028, 0x0120, b"SS", tuple(struct.pack("<h", n) for n in (0, -32768, 40))),
    (0x0028, 0x0121, b"SS", tuple(struct.pack("<h", n) for n in (-32768, 32767))),
    (0x0010, 0x1010, b"AS", (b"999Y", b"0000", b"-1Y", b"\xd9\xa3Y")),
    (0x0008, 0x0005, b"CS", (b"ISO 2022 IR 87", b"\\ISO 2022 IR 149", b"nonsense", b"ISO_IR 192")),
    (0x0020, 0x0013, b"IS", (b"99999999999999999999", b"1.5", b"")),
    (0x0028, 0x3000, b"SQ", ()),
)  # fmt: skip


@dataclass
class Element:
    """One element: ``value`` bytes, or items for a sequence; ``length`` when the file shall lie about it."""

    group: int
    number: int
    vr: bytes
    value: bytes = b""
    items: list[list[Element]] | None = None
    length: int | None = None
    extra: bytes = field(default=b"", repr=False)


def parse(data: bytes) -> list[Element]:
    """The elements of a well-formed explicit little-endian stream (meta information included, preamble not)."""
    out, at = [], 0
    while at + 8 <= len(data):
        group, number, vr = *struct.unpack_from("<HH", data, at), data[at + 4 : at + 6]
        if vr in _LONG:
            (length,), start = struct.unpack_from("<I", data, at + 8), at + 12
        else:
            (length,), start = struct.unpack_from("<H", data, at + 6), at + 8
        if length == 0xFFFFFFFF:  # encapsulated pixels, the last element of our seeds
            out.append(Element(group, number, vr, data[start:], length=length))
            break
        value = data[start : start + length]
        out.append(Element(group, number, vr, b"" if vr == b"SQ" else value, _items(value) if vr == b"SQ" else None))
        at = start + length
    return out


def _items(data: bytes) -> list[list[Element]]:
    items, at = [], 0
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        items.append(parse(data[at + 8 : at + 8 + length]))
        at += 8 + length
    return items


def encode(elements: list[Element], big: bool = False, implicit: bool = False) -> bytes:
    """The inverse of :func:`parse`; group 2 stays explicit and little endian."""
    return b"".join(_encode(e, big and e.group != 2, implicit and e.group != 2) for e in elements)


def _encode(e: Element, big: bool, implicit: bool) -> bytes:
    order = ">" if big else "<"
    tag = struct.pack(f"{order}HH", e.group, e.number)
    value = _swapped(e.value, _SIZES.get(e.vr, 1)) if big else e.value
    if e.items is not None:
        bodies = [encode(item, big, implicit) for item in e.items]
        value = b"".join(struct.pack(f"{order}HHI", 0xFFFE, 0xE000, len(b)) + b for b in bodies)
    if len(value) % 2 and e.length is None:
        value += b"\0" if e.vr in (b"UI", b"OB") else b" "
    length = len(value) if e.length is None else e.length
    if implicit:
        return tag + struct.pack("<I", length & 0xFFFFFFFF) + value
    if e.vr in _LONG:
        return tag + e.vr + b"\0\0" + struct.pack(f"{order}I", length & 0xFFFFFFFF) + value
    return tag + e.vr + struct.pack(f"{order}H", length & 0xFFFF) + value


def _swapped(value: bytes, size: int) -> bytes:
    if size == 1 or len(value) % size:
        return value
    return b"".join(value[n : n + size][::-1] for n in range(0, len(value), size))


def with_syntax(elements: list[Element], uid: str) -> list[Element]:
    """The elements with another transfer syntax in the meta information (whose group length is no longer right)."""
    raw = uid.encode() + b"\0" * (len(uid) % 2)
    return [
        replace(e, value=raw) if (e.group, e.number) == _SYNTAX else e
        for e in elements
        if (e.group, e.number) != (2, 0)
    ]


def damaged(rng: Random, elements: list[Element]) -> list[Element]:
    """The elements after one to four blows, anywhere in the tree."""
    elements = _copy(elements)
    for _ in range(rng.choice((1, 1, 2, 4))):
        here = elements
        while (inside := [item for e in here if e.items for item in e.items]) and rng.random() < 0.7:
            here = rng.choice(inside)
        _blow(rng, here)
    return elements


def _copy(elements: list[Element]) -> list[Element]:
    return [replace(e, items=None if e.items is None else [_copy(item) for item in e.items]) for e in elements]


def _blow(rng: Random, here: list[Element]) -> None:
    if not here or rng.random() < 0.3:
        group, number, vr, values = rng.choice(_HARMFUL)
        here[:] = [e for e in here if (e.group, e.number) != (group, number)]
        new = Element(group, number, vr, rng.choice(values)) if values else _nested(rng.choice((2, 60, 1500)))
        here.append(new)
        here.sort(key=lambda e: (e.group, e.number))
        return
    n = rng.randrange(len(here))
    e, blow = here[n], rng.randrange(9)
    if blow == 0:
        del here[n]
    elif blow == 1:
        here.insert(rng.randrange(len(here) + 1), e)
    elif blow == 2:
        e.vr = rng.choice(_ALL)
    elif blow == 3:
        e.length = rng.choice(
            (
                0,
                1,
                len(e.value) + 1,
                len(e.value) + 2,
                max(0, len(e.value) - 1),
                0xFFFF,
                0xFFFFFFFF,
                0xFFFFFFFE,
                0x7FFFFFFF,
                rng.getrandbits(16),
            )
        )
    elif blow == 4:
        e.group, e.number = (
            rng.choice((0, 1, 2, 8, 9, 0x10, 0x28, 0x7FE0, 0xFFFC, 0xFFFE)),
            rng.choice((0, 1, 0x10, 0xE000, 0xE00D, 0xE0DD, rng.getrandbits(16))),
        )
    elif blow == 5 and e.items is not None:
        e.items = rng.choice(([], e.items * rng.choice((2, 30)), e.items[: len(e.items) // 2], [[]]))
    elif (e.group, e.number) == _SYNTAX:
        e.value = rng.choice((*_SYNTAXES, b"1.2.3", b""))
    else:
        e.value = _value(rng, e)


def _value(rng: Random, e: Element) -> bytes:
    """Another value of the element's own kind, mostly an extreme one."""
    if e.vr in _FORMATS and rng.random() < 0.8:
        size = _SIZES[e.vr]
        if e.vr in (b"FL", b"FD"):
            return struct.pack(_FORMATS[e.vr], rng.choice((float("nan"), float("inf"), -1e30, 0.0, 1e30)))
        return (rng.choice(INTEGERS) % (1 << 8 * size)).to_bytes(size, "little") * rng.choice((1, 1, 1, 2))
    if e.vr in (b"DS", b"IS") and rng.random() < 0.8:
        parts = e.value.decode("ascii", "replace").split("\\")
        parts[rng.randrange(len(parts))] = extreme_number(rng)
        return "\\".join(parts * rng.choice((1, 1, 1, 2))).encode("utf-8", "surrogatepass")
    if len(e.value) > 200:  # pixels
        return rng.choice(
            (e.value[: len(e.value) // 2], b"", e.value * 2, rng.randbytes(len(e.value)), bytes(len(e.value)))
        )
    return (
        rng.choice((*TEXTS, *FLOATS)).encode("utf-8", "surrogatepass")
        if rng.random() < 0.7
        else rng.randbytes(rng.choice((1, 2, 3, 16, 300)))
    )


def _nested(depth: int) -> Element:
    """A sequence in a sequence in a sequence ..., without recursion: its own content as bytes."""
    body = b""
    for _ in range(depth):
        item = _ITEM + struct.pack("<I", len(body)) + body
        body = b"\x28\x00\x00\x30SQ\0\0" + struct.pack("<I", len(item)) + item
    return Element(0x0028, 0x3000, b"SQ", body[12:])
