"""What a scan itself forbids to measure, known from how it was read: slices lost, loss by compression, and the like.

A rule is a function of the volume that gives IQM ids and reasons, each one sentence; :data:`RULES` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.metrics import lost_slices
from HeadCTIQALib.volume.types import CTVolume

Rule = Callable[[CTVolume, Findings], Mapping[str, str]]

RULES: tuple[Rule, ...] = (lost_slices.coverage, lost_slices.motion)


def with_limits(volume: CTVolume, findings: Findings) -> Findings:
    """``findings`` with the reasons of all rules in ``not_assessable``; what was known there before has precedence."""
    reasons: dict[str, str] = {}
    for rule in RULES:
        reasons = {**rule(volume, findings), **reasons}
    return findings.with_(not_assessable={**reasons, **findings.not_assessable}) if reasons else findings
