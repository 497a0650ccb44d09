"""What a scan itself forbids to measure, known from how it was read: slices lost, loss by compression, and the like.

A rule is a function of the volume that gives IQM ids and reasons, each one sentence; :data:`RULES` lists them.
:data:`REMARKS` are sentences about the whole scan that need the findings, for ``findings.notes``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.metrics import lost_slices, processed
from HeadCTIQALib.metrics.enhancement import contrast_medium
from HeadCTIQALib.metrics.metric import following_noise
from HeadCTIQALib.metrics.proportions import proportions
from HeadCTIQALib.volume.scale import is_coarse, step
from HeadCTIQALib.volume.texture import is_sharp_scan, sharp_kernel
from HeadCTIQALib.volume.types import CTVolume

Rule = Callable[[CTVolume, Findings], Mapping[str, str]]
Remark = Callable[[CTVolume, Findings], tuple[str, ...]]


def compressed(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """Noise of images that were compressed with loss is that of the codec, which takes it away or makes it."""
    a = volume.acquisition
    if not a.lossy_compression:
        return {}
    ratio = f" {a.lossy_ratio:g} : 1" if a.lossy_ratio else ""
    return dict.fromkeys(
        following_noise(),
        f"The images were compressed{ratio} with loss, which changes their noise: use the original images.",
    )


def reformatted(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """Interpolation and averaging between slices take noise away by an unknown amount."""
    if not volume.acquisition.reformatted:
        return {}
    return dict.fromkeys(
        following_noise(),
        "The slices were computed from others (reformatted or averaged), which changes their noise: use the original slices.",
    )


def described(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """Noise and contrast of images that descriptions call computed, denoised or monoenergetic."""
    what = volume.acquisition.processed
    return (
        dict.fromkeys(
            following_noise(),
            f"By their description the images are {what}, which changes noise and contrast: use the original images.",
        )
        if what
        else {}
    )


def sharpened(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """Motion seen in a sharp reconstruction may be its noise, even in the smooth copy that the networks are shown."""
    grades = findings.motion_grades
    if grades is None or not (grades > 0).any() or not is_sharp_scan(volume):
        return {}
    reason = f"The noise of the {sharp_kernel(volume)} can pass for the motion that seems to be there: use a soft-tissue reconstruction."
    return {"motion_extent": reason}


def coarse_values(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """Noise and contrast below the steps in which HU come cannot be told."""
    if not is_coarse(volume.hu):
        return {}
    return dict.fromkeys(
        following_noise(),
        f"HU come in steps of {step(volume.hu)}, which hide noise and contrast; export the scan with all its values.",
    )


def altered(volume: CTVolume, findings: Findings) -> Mapping[str, str]:
    """Noise and contrast of images that were processed, which no tag tells of."""
    causes = processed.causes(volume)
    return dict.fromkeys(following_noise(), f"{causes[0]}; use the original images.") if causes else {}


RULES: tuple[Rule, ...] = (
    compressed,
    reformatted,
    described,
    coarse_values,
    altered,
    sharpened,
    lost_slices.coverage,
    lost_slices.motion,
)
REMARKS: tuple[Remark, ...] = (contrast_medium, proportions, processed.remarks)


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
