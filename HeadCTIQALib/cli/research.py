"""The commands of research: train, evaluate-networks and study."""

from __future__ import annotations

import importlib.util

from HeadCTIQALib.errors import HeadCTIQAError


def need_research(command: str) -> None:
    """Refuse ``command`` where the library came with the extension of 3D Slicer, which ships without research.

    Raises:
        HeadCTIQAError: :mod:`HeadCTIQALib.research` is not installed.
    """
    if importlib.util.find_spec("HeadCTIQALib.research") is None:
        raise HeadCTIQAError(
            f"'headctiqa {command}' is not part of the 3D Slicer extension; run it from the source tree of HeadCTIQA."
        )
