"""Which reconstruction kernels are sharp, by the vendors' naming.

Sources: vendors' public kernel names as they appear in ConvolutionKernel (0018,1210).  Unknown names are unknown: the
caller decides, nothing is guessed.
"""

from __future__ import annotations

import re

_SHARP_NAMES = {"BONE", "BONEPLUS", "EDGE", "EDGEPLUS", "LUNG", "ULTRA", "HD ULTRA"}
_SOFT_NAMES = {"STANDARD", "STND", "STD", "STD+", "SOFT", "BRAIN", "HEAD", "SMOOTH", "CEREBRAL"}
_PHILIPS_SHARP = {"D", "E", "L", "YB", "YC", "YD", "YE", "UD", "UE"}
_PHILIPS_SOFT = {"A", "B", "UA", "UB", "EB", "EC", "XCA", "XCB", "YA", "BRAIN STANDARD"}
_SIEMENS = re.compile(r"^[A-Z]{1,2}[A-Z]?(\d{2})[A-Z]?$")
_CANON = re.compile(r"^FC(\d{2})$")

_OTHER_NAMES = {
    "DETAIL",
    "CHST",
    "CHEST",
    "HD STANDARD",
    "HD BONE",
    "HD BONEPLUS",
    "HD EDGE",
    "HD DETAIL",
    "HD LUNG",
    "STANDARD2",
    "C",
    "F",
    "YA",
    "EA",
    "ED",
    "XCC",
}
_NAMES = _SHARP_NAMES | _SOFT_NAMES | _PHILIPS_SHARP | _PHILIPS_SOFT | _OTHER_NAMES
_CANON_NAME = re.compile(r"FC\d{2}[A-Z]?$")
_SIEMENS_NAME = re.compile(r"(?:[ABCDHIJKQSTU]|[BHQSTUEI][a-z]|[A-Z]H)\d{2}[a-z]?$")


def is_sharp(kernel: str | None) -> bool | None:
    """True for bone, lung and edge kernels, False for soft-tissue and brain kernels, None when the name is unknown.

    Args:
        kernel: ConvolutionKernel as in the header; of several values (Siemens: kernel and iterative strength, joined by
            a backslash) the first counts.
    """
    if not kernel:
        return None
    name = kernel.split("\\")[0].strip().upper()
    if name in _SHARP_NAMES | _PHILIPS_SHARP:
        return True
    if name in _SOFT_NAMES | _PHILIPS_SOFT:
        return False
    if match := _CANON.match(name):
        number = int(match[1])
        return number >= 80 or 30 <= number <= 39 or 50 <= number <= 59
    if match := _SIEMENS.match(name):  # H30s, J40f, Hr38, Br64, B70s: the number is the sharpness
        return int(match[1]) >= 55
    return None


def sharpness_word(kernel: str | None) -> str:
    """The answer of :func:`is_sharp` for a sentence: ``soft``, ``sharp`` or ``unclassified``."""
    sharp = is_sharp(kernel)
    return "unclassified" if sharp is None else "sharp" if sharp else "soft"


def known_kernel(kernel: str | None) -> str | None:
    """``kernel`` where it is spelt as vendors spell kernels, ``other`` where it is not, since free text may name a patient."""
    if not kernel:
        return None
    name, *strengths = (part.strip() for part in kernel.split("\\"))
    known = name.upper() in _NAMES or _CANON_NAME.match(name.upper()) or _SIEMENS_NAME.match(name)
    return "\\".join([name, *(s for s in strengths if re.fullmatch(r"[0-9]", s))]) if known else "other"
