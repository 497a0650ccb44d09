"""Enhanced (multi-frame) CT: every frame of a file as a slice, from its functional groups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .headers import Slice, image_type, integer, number, padding_range, raw, text, vector

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def frames(path: Path, ds: Dataset) -> list[Slice]:
    """The frames of an enhanced CT file; groups missing from a frame are taken from the shared ones."""
    shared = (raw(ds, "SharedFunctionalGroupsSequence") or [None])[0]
    per_frame = list(raw(ds, "PerFrameFunctionalGroupsSequence") or [])
    count = integer(ds, "NumberOfFrames") or len(per_frame)
    return [_frame(path, ds, shared, per_frame[i] if i < len(per_frame) else None, i) for i in range(count)]


def _frame(path: Path, ds: Dataset, shared: Dataset | None, own: Dataset | None, index: int) -> Slice:
    def group(keyword: str) -> Any:
        from pydicom.dataset import Dataset as Empty

        for source in (own, shared):
            items = raw(source, keyword) if source is not None else None
            if items:
                return items[0]
        return Empty()

    measures, rescale = group("PixelMeasuresSequence"), group("PixelValueTransformationSequence")
    reconstruction = group("CTReconstructionSequence")
    return Slice(
        path=path,
        frame=index,
        instance_uid=f"{text(ds, 'SOPInstanceUID')}:{index}",
        order=(integer(group("FrameContentSequence"), "FrameAcquisitionNumber") or 0, index),
        rows=integer(ds, "Rows") or 0,
        columns=integer(ds, "Columns") or 0,
        position=vector(group("PlanePositionSequence"), "ImagePositionPatient", 3),
        orientation=vector(group("PlaneOrientationSequence"), "ImageOrientationPatient", 6),
        spacing=vector(measures, "PixelSpacing", 2),
        slope=number(rescale, "RescaleSlope"),
        intercept=number(rescale, "RescaleIntercept"),
        padding=padding_range(ds),
        image_type=image_type(group("CTImageFrameTypeSequence"), "FrameType") or image_type(ds, "ImageType"),
        kernel=text(reconstruction, "ConvolutionKernel"),
        thickness=number(measures, "SliceThickness"),
    )


def flattened(ds: Dataset) -> Dataset:
    """A copy of the header in which the acquisition tags of the functional groups stand at the top level."""
    from pydicom.dataset import Dataset as Flat

    flat = Flat()
    for source in (ds, *(raw(ds, "SharedFunctionalGroupsSequence") or []), *(raw(ds, "PerFrameFunctionalGroupsSequence") or [])[:1]):
        for element in source:
            if element.VR == "SQ" and source is not ds:
                for inner in element.value[0] if element.value else ():
                    flat.setdefault(inner.tag, inner)
            elif element.VR != "SQ":
                flat.setdefault(element.tag, element)
    return flat
