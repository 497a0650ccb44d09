"""Features: the numbers that stand for an IQM in a linear scoring model."""

from __future__ import annotations

from HeadCTIQALib.hierarchy import IQM_BY_ID


def feature(iqm: str, name: str, value: float) -> float:
    """Feature ``name`` of an IQM's value.

    * "hinge": badness 0..1 between the good and the poor limit (:meth:`HeadCTIQALib.hierarchy.IQM.hinge`).
    * "folded": the value on the scale of a regression.  Foreign objects as log10(1 + V/0.05 mL); a margin as the
      millimetres outside its best interval (missing, or beyond the good excess); every other IQM as it is.

    Raises:
        ValueError: unknown feature.
    """
    m = IQM_BY_ID[iqm]
    if name == "hinge":
        return m.hinge(value)
    if name == "folded":
        return max(-value, value - m.good, 0.0) if m.direction == "margin" else m.feature(value)
    raise ValueError(f"unknown feature {name!r}")
