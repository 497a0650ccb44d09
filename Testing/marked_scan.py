"""Scans in which every text, date and odd number is a marker, and the search for markers in what a program writes.

A marker is ``ZQXV`` and eight hexadecimal digits: those of the tag that it stands in, or ``F...`` in names of files.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
from functools import cache
from pathlib import Path

from fuzz import elements
from fuzz.elements import Element
from fuzz.seeds import write_enhanced
from pydicom.datadict import DicomDictionary, tag_for_keyword

from HeadCTIQALib.synthesis.dicom import write_series
from HeadCTIQALib.volume.types import CTVolume

DATE, TIME, NUMBER, UID = "19310407", "074713.31", "77713.31", "1.2.777."
_MARK = re.compile(
    rb"zqxv[0-9a-f]{8}|1931-?04-?07|07\.04\.1931|(?<![0-9A-Za-z+/.])(?:074713|07:47:13|77713)(?![0-9A-Za-z+/])|(?<![0-9.])1\.2\.777\.",
    re.IGNORECASE,
)
#: What says how the scan was made or where it lies; the reader needs it, and numbers of it are legitimately written.
_KEPT = frozenset(
    tag_for_keyword(name)
    for name in (
        "ImageType", "SOPClassUID", "Modality", "StudyDate", "AcquisitionTime", "PatientAge", "PatientPosition", "SliceThickness", "KVP", "XRayTubeCurrent", "Exposure", "CTDIvol",
        "ReconstructionDiameter", "GantryDetectorTilt", "DataCollectionCenterPatient", "SeriesNumber", "AcquisitionNumber", "InstanceNumber",
        "ImagePositionPatient", "ImageOrientationPatient", "SliceLocation", "SpecificCharacterSet",
    )
)  # fmt: skip
_PEOPLE = (
    0x0008,
    0x0010,
    0x0012,
    0x0032,
    0x0038,
    0x0040,
    0x4008,
)  # groups whose numbers, dates and sequences tell of people and places
_TEXT = ("LO", "LT", "ST", "UC", "UT")
_SHORT = ("AE", "CS", "SH", "UR")


def mark(tag: int) -> str:
    """The marker of a tag, or of a file by a number from 0xF0000000."""
    return f"ZQXV{tag:08X}"


def found(content: bytes) -> set[str]:
    """Markers in ``content``, whatever their spelling."""
    return {m.decode().upper() for m in _MARK.findall(content)}


def found_in(folder: Path) -> set[str]:
    """Markers in the names and the content of everything below ``folder``; it may change meanwhile."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder):  # which passes over what is gone in between
        seen |= found("/".join((*folders, *files)).encode("utf-8", "surrogateescape"))
        for name in files:
            with contextlib.suppress(OSError):
                seen |= found(Path(place, name).read_bytes())
    return seen


def write_marked(
    volume: CTVolume, folder: Path, *, wrong: bool = False, names: int = 0xF0000100, series: str = "1"
) -> None:
    """A DICOM series with markers in every tag that can hold text, in the meta information and in the names of its files.

    Args:
        wrong: markers also stand where their type forbids it (dates, numbers, codes).
        names: the first number of the file names.
        series: ending of the UIDs, different for another series.
    """
    write_series(volume, folder)
    for n, path in enumerate(sorted(folder.iterdir())):
        data = path.read_bytes()
        path.unlink()
        tree = _marked(elements.parse(data[132:]), wrong, f"{series}.{n}", series)
        (folder / f"{mark(names + n)}.dcm").write_bytes(_preamble() + elements.encode(tree))


def write_marked_enhanced(volume: CTVolume, path: Path, scratch: Path) -> None:
    """The same as one enhanced multi-frame file, with markers inside the functional groups as well."""
    write_series(volume, scratch)
    write_enhanced(scratch, path)
    tree = _marked(elements.parse(path.read_bytes()[132:]), False, "1.0", "1")
    for e in tree:
        for item in e.items or ():
            if e.group == 0x5200:
                item[:] = sorted([*item, *_people(0x52009999)], key=_tag)
    path.write_bytes(_preamble() + elements.encode(tree))


def _marked(tree: list[Element], wrong: bool, instance: str, series: str) -> list[Element]:
    kept = {_tag(e): e for e in tree if e.group in (0x0002, 0x0028, 0x5200, 0x7FE0) or _tag(e) in _KEPT}
    merged = {**{_tag(e): e for e in _everything(wrong)}, **kept}
    for keyword, value in (("SOPInstanceUID", f"{UID}9.{instance}"), ("SeriesInstanceUID", f"{UID}8.{series}")):
        tag = tag_for_keyword(keyword)
        assert tag is not None
        merged[tag] = Element(tag >> 16, tag & 0xFFFF, b"UI", value.encode())
    meta = [
        *(e for e in merged.values() if e.group == 2 and e.number not in (0x0000, 0x0003, 0x0012)),
        Element(0x0002, 0x0003, b"UI", f"{UID}9.{instance}".encode()), Element(0x0002, 0x0012, b"UI", f"{UID}7".encode()),
        Element(0x0002, 0x0013, b"SH", mark(0x00020013).encode()), Element(0x0002, 0x0016, b"AE", mark(0x00020016).encode()),
        Element(0x0002, 0x0100, b"UI", f"{UID}6".encode()), Element(0x0002, 0x0102, b"OB", mark(0x00020102).encode()),
    ]  # fmt: skip
    meta.sort(key=_tag)
    length = Element(0x0002, 0x0000, b"UL", struct.pack("<I", len(elements.encode(meta))))
    return [length, *meta, *sorted((e for e in merged.values() if e.group != 2), key=_tag)]


@cache
def _everything(wrong: bool) -> tuple[Element, ...]:
    """An element for every tag of the dictionary that can hold text, and private ones."""
    out = []
    for tag, (vr, *_) in DicomDictionary.items():
        group, number = tag >> 16, tag & 0xFFFF
        if group in (0x0000, 0x0002, 0x0004, 0x0028, 0x5200) or group >= 0x7FE0 or tag in _KEPT or number == 0:
            continue
        if vr == "SQ":
            if group in _PEOPLE:
                out.append(Element(group, number, b"SQ", items=[_people(tag)]))
        elif value := _value(vr, tag, wrong):
            out.append(Element(group, number, vr.encode(), value.encode()))
    for group in (0x0009, 0x0029):
        creator, base = mark(group << 16 | 0x10), group << 16
        out += [
            Element(group, 0x0010, b"LO", creator.encode()),
            Element(group, 0x1001, b"LO", mark(base | 0x1001).encode()),
        ]
        out += [
            Element(group, 0x1002, b"PN", mark(base | 0x1002).encode()),
            Element(group, 0x1003, b"UN", mark(base | 0x1003).encode()),
        ]
        out.append(Element(group, 0x1004, b"SQ", items=[_people(base | 0x1004)]))
    return tuple(sorted(out, key=_tag))


def _value(vr: str, tag: int, wrong: bool) -> str:
    if vr in _TEXT:
        return f"BRAIN {mark(tag)} AXIAL"
    if vr in _SHORT:
        return mark(tag)
    if vr == "PN":
        return f"{mark(tag)}^{mark(tag)}"
    if vr == "UI":
        return mark(tag) if wrong and tag >> 16 != 0x0020 else f"{UID}{tag}"
    if tag >> 16 not in _PEOPLE:
        return ""
    if wrong and vr in ("DA", "TM", "DT", "DS", "IS", "AS"):
        return mark(tag)
    return {"DA": DATE, "TM": TIME, "DT": DATE + TIME[:6], "DS": NUMBER, "IS": NUMBER[:5]}.get(vr, "")


def _people(tag: int) -> list[Element]:
    """An item that tells of a person."""
    texts = (
        (0x0008, 0x0012, b"DA", DATE),
        (0x0008, 0x0080, b"LO", mark(tag)),
        (0x0008, 0x0090, b"PN", mark(tag)),
        (0x0008, 0x1155, b"UI", f"{UID}{tag}"),
    )
    more = (
        (0x0010, 0x0010, b"PN", mark(tag)),
        (0x0010, 0x0020, b"LO", mark(tag)),
        (0x0010, 0x0030, b"DA", DATE),
        (0x0040, 0x0007, b"LO", f"head {mark(tag)}"),
    )
    return [Element(g, n, vr, text.encode()) for g, n, vr, text in (*texts, *more)]


def _tag(e: Element) -> int:
    return e.group << 16 | e.number


def _preamble() -> bytes:
    return mark(0xF0000001).encode().ljust(128, b"\0") + b"DICM"
