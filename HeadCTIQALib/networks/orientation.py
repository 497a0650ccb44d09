"""Is what the anatomy network saw a head, and does it lie as the file says?

The network knows heads as they lie in patient coordinates.  Upside down or back to front, or in a uniform phantom, it
places landmarks where the rest of the anatomy does not expect them, and nothing measured from them would mean anything.
A head that is mirrored left to right looks like a head: that cannot be noticed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import CTVolume
from HeadCTIQALib.volume.images import TITLES

from .anatomy import coarse_anatomy
from .types import CoarseAnatomy, Infer

# Real heads: residual 2.6 to 4.7 mm, median confidence above 0.98; turned by 60 degrees: up to 13 mm, 0.25 or more.
# Upside down: above 7 mm, below 0.25; back to front: 5.8 to 12 mm, 0.35 to 0.8; uniform phantoms: above 6 mm, below 0.1.
SUSPECT_MM, SUSPECT_CONFIDENCE = 5.5, 0.8
NO_HEAD_CONFIDENCE = 0.15
BETTER_MM, BETTER_CONFIDENCE = 2.0, 0.15
MIN_LANDMARKS = 4
_POSITION = "patient position in the file is wrong (feet first, or prone?)"  # what DICOM has and an image file has not


@dataclass(frozen=True)
class Fit:
    """How well the landmarks in the scan and the fitted pose agree: RMS in mm and median confidence."""

    residual_mm: float
    confidence: float

    @property
    def convincing(self) -> bool:
        """As in a patient who lies as the file says."""
        return self.residual_mm <= SUSPECT_MM and self.confidence >= SUSPECT_CONFIDENCE

    def clearly_better(self, other: Fit) -> bool:
        """Whether a turned head explains the scan better than the ``other`` fit does."""
        return self.residual_mm < other.residual_mm - BETTER_MM and self.confidence > max(
            other.confidence + BETTER_CONFIDENCE, 0.7
        )


def fit_of(coarse: CoarseAnatomy) -> Fit:
    """The fit of one look at a scan; where hardly a landmark was imaged, only the residual tells."""
    seen = [mark.confidence for mark in coarse.landmarks.values() if mark.in_scan]
    return Fit(coarse.pose_residual_mm, float(np.median(seen)) if len(seen) >= MIN_LANDMARKS else 1.0)


def recognised_anatomy(volume: CTVolume, infer: Infer) -> CoarseAnatomy:
    """:func:`coarse_anatomy` of a head that lies as the file says.

    Raises:
        InputError: the head lies upside down or back to front, or it is no patient's head.
    """
    coarse = coarse_anatomy(volume, infer)
    fit = fit_of(coarse)
    if fit.convincing:
        return coarse
    name = volume.source.called
    turned = {
        "upside down": replace(volume, hu=volume.hu[::-1]),
        "back to front": replace(
            volume,
            hu=volume.hu[:, ::-1] if abs(volume.col_step[1]) > abs(volume.row_step[1]) else volume.hu[:, :, ::-1],
        ),
    }
    for how, other in turned.items():
        if fit_of(coarse_anatomy(other, infer)).clearly_better(fit):
            wrong = "orientation in the file is wrong or missing" if volume.source.kind in TITLES else _POSITION
            raise InputError(f"{name} shows the head {how}: the {wrong}; correct it and export it again.")
    if fit.confidence < NO_HEAD_CONFIDENCE:
        raise InputError(
            f"{name} shows nothing that looks like the head of a patient (a phantom or another body part?); give the head CT of a patient."
        )
    return coarse
