"""Scan and findings cut to the box that a metric looks at: the same measurement from a tenth of the voxels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.metrics import METRICS, Measurement
from HeadCTIQALib.metrics.common import bounding_box, mask_of
from HeadCTIQALib.volume.types import CTVolume

from .edits import Edit, TissueChange

_AROUND_MM = 12.0  # along the scan: noise looks at neighbouring slices up to 6 mm away
#: Slices, rows and columns of a scan.
Box = tuple[slice, slice, slice]


class Cropping:
    """Boxes of the labels in every state of the findings so far; they only grow, so they hold for all of them.

    Args:
        volume, original: the scan and its findings before any edit.
    """

    def __init__(self, volume: CTVolume, original: Findings) -> None:
        self._volume = volume
        self._boxes = {
            labels: bounding_box(mask_of(original.tissue, labels))
            for labels in {m.within for m in METRICS.values() if m.within}
        }
        self._seen: set[Edit] = set()

    def follow(self, edits: tuple[Edit, ...]) -> None:
        """Let the boxes take in what ``edits`` painted."""
        for edit in set(edits) - self._seen:
            if not isinstance(edit.change, TissueChange):
                continue
            painted = set(np.unique(edit.change.labels.values).tolist())
            for labels, box in self._boxes.items():
                if painted & {int(t) for t in labels}:
                    new = edit.change.box(self._volume.shape)
                    self._boxes[labels] = new if box is None else _joined(box, new)
        self._seen.update(edits)

    def box(self, iqm: str) -> Box | None:
        """The box for an IQM; None where all of the scan is needed."""
        box = self._boxes.get(METRICS[iqm].within)
        if box is None:
            return None
        positions = self._volume.slice_positions
        near = np.flatnonzero(
            (positions >= positions[box[0].start] - _AROUND_MM) & (positions <= positions[box[0].stop - 1] + _AROUND_MM)
        )
        return slice(max(0, int(near[0]) - 1), int(near[-1]) + 2), box[1], box[2]


def crop(volume: CTVolume, findings: Findings, box: Box) -> tuple[CTVolume, Findings]:
    """Both cut to ``box`` (slices, rows, columns); world positions and slice widths stay as they are."""
    slices, rows, columns = box
    origins = volume.origins[slices] + rows.start * volume.col_step + columns.start * volume.row_step
    padding = None if volume.padding is None else volume.padding[box]
    small = replace(volume, hu=volume.hu[box], origins=origins, padding=padding)
    # how far a slice reaches depends on neighbours and on the usual gap of the whole scan
    small.__dict__["slice_widths"] = volume.slice_widths[slices]
    # what is read on the outline of the head, or once in a scan, is that of the whole scan: the box may show no skin
    small.__dict__.update(texture=volume.texture, sharpness=volume.sharpness)
    parts = {
        "streak": None if findings.streak is None else findings.streak[box],
        "motion_grades": None if findings.motion_grades is None else findings.motion_grades[slices],
        "motion_index": None if findings.motion_index is None else findings.motion_index[slices],
        "motion_probability": None if findings.motion_probability is None else findings.motion_probability[slices],
    }
    return small, findings.with_(tissue=findings.tissue[box], **parts)


def uncropped(measurement: Measurement, box: Box) -> Measurement:
    """A measurement of a cropped scan with the slice numbers of the whole."""
    evidence, first = measurement.evidence, box[0].start
    if evidence is None or not first:
        return measurement
    index = None if evidence.slice_index is None else evidence.slice_index + first
    return replace(
        measurement, evidence=replace(evidence, slice_index=index, slices=tuple(s + first for s in evidence.slices))
    )


def _joined(a: Box, b: Box) -> Box:
    k, j, i = (slice(min(x.start, y.start), max(x.stop, y.stop)) for x, y in zip(a, b, strict=True))
    return k, j, i
