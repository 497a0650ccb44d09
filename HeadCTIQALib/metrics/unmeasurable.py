"""What a scan itself forbids to measure, known from how it was read: slices lost, loss by compression, and the like.

A rule is a function of the volume that gives IQM ids and reasons, each one sentence; :data:`RULES` lists them.
:data:`REMARKS` are sentences about the whole scan that need the findings, for ``findings.notes``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.metrics import lost_slices
from HeadCTIQALib.metrics.enhancement import contrast_medium
from HeadCTIQALib.metrics.proportions import proportions
from HeadCTIQALib.volume.kernels import is_sharp
from HeadCTIQALib.volume.scale import is_coarse, step
from HeadCTIQALib.volume.types import CTVolume

Rule = Callable[[CTVolume, Findings], Mapping[str, str]]
Remark = Callable[[CTVolume, Findings], tuple[str, ...]]

NOISE_IQMS = ("noise", "gray_white_cnr")


def compressed(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """Noise of images that were compressed with loss is that of the codec, which takes it away or makes it."""
    a = volume.acquisition
    if not a.lossy_compression:
        return {}
    ratio = f" {a.lossy_ratio:g} : 1" if a.lossy_ratio else ""
    return dict.fromkeys(NOISE_IQMS, f"The images were compressed{ratio} with loss, which changes their noise: use the original images.")


def reformatted(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """Interpolation and averaging between slices take noise away by an unknown amount."""
    if not volume.acquisition.reformatted:
        return {}
    return dict.fromkeys(NOISE_IQMS, "The slices were computed from others (reformatted or averaged), which changes their noise: use the original slices.")


def sharpened(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """Motion seen in a sharp reconstruction may be its noise, even in the smooth copy that the networks are shown."""
    grades, kernel = findings.motion_grades, volume.acquisition.kernel
    if not is_sharp(kernel) or grades is None or not (grades > 0).any():
        return {}
    reason = f"The noise of the sharp kernel {kernel} can pass for the motion that seems to be there: use a soft-tissue reconstruction."
    return {"motion_extent": reason}


def coarse_values(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """Noise and contrast below the steps in which HU come cannot be told."""
    if not is_coarse(volume.hu):
        return {}
    return dict.fromkeys(NOISE_IQMS, f"HU come in steps of {step(volume.hu)}, which hide noise and contrast; export the scan with all its values.")


RULES: tuple[Rule, ...] = (compressed, reformatted, coarse_values, sharpened, lost_slices.coverage, lost_slices.motion)
REMARKS: tuple[Remark, ...] = (contrast_medium, proportions)


def with_limits(volume: CTVolume, findings: Findings) -> Findings:
    """``findings`` with the reasons of all rules in ``not_assessable`` and all remarks in ``notes``; what was known there before has precedence."""
    reasons: dict[str, str] = {}
    for rule in RULES:
        reasons = {**rule(volume, findings), **reasons}
    notes = (sentence for remark in REMARKS for sentence in remark(volume, findings))
    return findings.with_(
        not_assessable={**reasons, **findings.not_assessable},
        notes=tuple(dict.fromkeys((*findings.notes, *notes))),
    )
