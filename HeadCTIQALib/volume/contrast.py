"""Whether a series shows contrast medium, by what its tags and descriptions say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .tags import number, text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CONTRAST_TAGS = [
    "SeriesDescription", "ProtocolName", "ImageComments", "StudyDescription", "RequestedProcedureDescription",
    "PerformedProcedureStepDescription", "ContrastBolusAgent", "ContrastBolusVolume", "ContrastBolusTotalDose",
]  # fmt: skip
_NO_AGENT = {
    "NONE",
    "NO",
    "N",
    "WITHOUT",
    "OHNE",
    "0",
    "NATIVE",
    "NATIV",
    "PLAIN",
    "NON",
    "FALSE",
    "NIL",
    "N/A",
    "NO CONTRAST",
    "WITHOUT CONTRAST",
    "NON CONTRAST",
}
_MEDIUM = r"(?:I\.?V\.?\s*)?(?:CONTRAST\w*|CONTRASTE|CONTRASTO|KONTRAST\w*|CON\b|CONT\b|MDC\b|KM\b|IV\b|INJ\w*|C\b)"
_WITHOUT = re.compile(
    rf"""\b(?:WITHOUT|WITH\s+NO|W\s*/\s*O|WO|NO|NON|OHNE|SANS|SIN|SENZA|BEZ|ZONDER|PRE|BEFORE|S/)[\s/_-]*{_MEDIUM}
    | \b(?:WITHOUT|W/O|WO)\s*$ | \b(?:NON|UN)[\s-]?ENHANCED\b | \bUNENHANCED\b | \bNCCT\b | \bNECT\b | \bNCECT\b | \bNON[\s-]?CON\w*\b
    | \bPLAIN\b | \bNATIVE?\b | \bNATIVO\b | \bPRE(?:\s*$|\s+\d|(?=\s*(?:AND|&|/|\+))) | (?<!\w)-\s?C\b | \bC-(?!\w)""",
    re.VERBOSE,
)
_WITH = re.compile(
    rf"""\b(?:WITH|W\s*/|W|MIT|AVEC|CON|POST|AFTER|PLUS|C)[\s/_+-]*{_MEDIUM} | \bCONTRAST\w*\b | \bKONTRAST\w*\b | \bENHANCED\b | \bCECT\b
    | \bCE[\s-]?CT\b | \+\s?C\b | \bC\s?\+ | \bCTA\b | \bCTV\b | \bCT[\s-]?ANGIO | \bANGIO\w*\b | \bVENOGRA\w* | \bKM\b | \bMDC\b
    | \b(?:POST|WITH|CE)\s*$ | \bPOST\s+\d | \bPOST[\s-]?(?:IV|INJ\w*|GAD\w*|GD)\b | \bARTERIAL\b | \bVENOUS\b | \bPORTAL\b | \bPERFUSION\b | \bCTP\b
    | \bDELAYED\b""",
    re.VERBOSE,
)


def said(description: str | None) -> bool | None:
    """True for words such as POST CONTRAST, +C or CTA, False for PLAIN, W/O or NCCT, None for neither or both.

    >>> said("CT 5mm POST CONTRAST"), said("HEAD W/O"), said("HEAD W AND W/O CONTRAST"), said("brain")
    (True, False, None, None)
    """
    upper = re.sub(r"\s+", " ", re.sub(r"[_,;.()\[\]]+", " ", (description or "").upper())).strip()
    rest, without = _WITHOUT.subn(" ", upper)
    with_medium = bool(_WITH.search(rest)) or bool(
        without and re.search(r"\b(?:WITH|W/?)\s*(?:AND|&|\+|/(?!\s*O\b)|W/?O)", upper)
    )
    return with_medium if with_medium != bool(without) else None


def has_contrast(ds: Dataset) -> bool | None:
    """Whether the series shows contrast medium: by its own description, then the agent, then the protocol and the study.

    None when nothing tells.
    """
    own = said(text(ds, "SeriesDescription"))
    if own is not None:
        return own
    agent = text(ds, "ContrastBolusAgent")
    if agent is not None and agent.upper() not in _NO_AGENT and said(agent) is not False:
        return True
    if any((number(ds, keyword) or 0) > 0 for keyword in ("ContrastBolusVolume", "ContrastBolusTotalDose")):
        return True
    by_words = (said(text(ds, keyword)) for keyword in CONTRAST_TAGS[1:6])
    return next((answer for answer in by_words if answer is not None), False if agent is not None else None)
