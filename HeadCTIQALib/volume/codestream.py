"""What a compressed image says of its own size: native decoders end the process where the DICOM header promises more."""

from __future__ import annotations

_SIZES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # JPEG's start of frame, and that of JPEG-LS
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without content


def image_size(data: bytes) -> tuple[int, int]:
    """(rows, columns) of a JPEG, JPEG-LS or JPEG 2000 image.

    Raises:
        ValueError: it is none, or ends before it says so.

    Source: ISO/IEC 10918-1 annex B, 14495-1 annex C, 15444-1 annex A.
    """
    start = data.find(b"\xff\x4f\xff\x51", 0, 4096)  # a JP2 file has boxes before its codestream
    if start >= 0 and not data.startswith(b"\xff\xd8"):
        ends, origins = data[start + 8 : start + 16], data[start + 16 : start + 24]
        if len(origins) < 8:
            raise ValueError("the image has no size")
        right, bottom, left, top = (
            int.from_bytes(part, "big") for part in (ends[:4], ends[4:], origins[:4], origins[4:])
        )
        return bottom - top, right - left
    at = 2
    while data.startswith(b"\xff\xd8") and at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _SIZES:
            return int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
        if marker == 0xFF:  # fill
            at += 1
        else:
            at += 2 if marker in _ALONE else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise ValueError("the image has no size")
