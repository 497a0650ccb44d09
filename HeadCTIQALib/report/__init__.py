"""The report of one assessment: one HTML file that needs nothing else, made by :func:`render`; and its sentences and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from HeadCTIQALib.findings.types import Findings
    from HeadCTIQALib.record import Record
    from HeadCTIQALib.volume.types import CTVolume


def render(record: Record, volume: CTVolume, findings: Findings) -> str:
    """See :func:`HeadCTIQALib.report.document.render`; what draws pictures is imported only when it is needed."""
    from .document import render as draw

    return draw(record, volume, findings)


__all__ = ["render"]
