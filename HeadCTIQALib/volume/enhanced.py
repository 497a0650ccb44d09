"""Multi-frame CT: every frame of a file as a slice, from its functional groups or its vectors of positions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .archive import Location
from .headers import Context, Slice, modality_lut
from .slice_problems import geometry_problems, pixel_problems, pixel_spacing
from .tags import elements, integer, items, number, numbers, padding_range, text, values_of, vector

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

POSITIONS_ASSUMED = (
    "The file has the position of its first frame only: the others were placed by SpacingBetweenSlices, in the direction that the standard gives; "
    "whether they truly lie so is unknown."
)
NO_POSITIONS = "the file holds several frames and no position of each"


def frames(path: Location, ds: Dataset, context: Context) -> list[Slice]:
    """The frames of a multi-frame file; groups missing from a frame are taken from the shared ones."""
    shared = next(iter(items(ds, "SharedFunctionalGroupsSequence")), None)
    per_frame = items(ds, "PerFrameFunctionalGroupsSequence")
    count = integer(ds, "NumberOfFrames") or len(per_frame)
    (positions, remark), lut = _positions(ds, count), modality_lut(ds)
    found = [
        replace(
            _frame(
                path,
                ds,
                context,
                (per_frame[i] if i < len(per_frame) else None, shared),
                positions[i] if positions else None,
                i,
            ),
            lut=lut,
        )
        for i in range(count)
    ]
    return (
        [replace(s, remark=remark) if positions and s.position == positions[i] else s for i, s in enumerate(found)]
        if remark
        else found
    )


def _positions(ds: Dataset, count: int) -> tuple[list[tuple[float, ...]], str]:
    """The frames' positions where they stand at the top level, and what is uncertain of them.

    There is a position for each frame, or one and a vector of locations, or one and a distance.
    """
    given, orientation = numbers(ds, "ImagePositionPatient"), vector(ds, "ImageOrientationPatient", 6)
    if len(given) == 3 * count:
        return [given[3 * i : 3 * i + 3] for i in range(count)], ""
    locations, gap = numbers(ds, "SliceLocationVector"), number(ds, "SpacingBetweenSlices")
    if len(given) != 3 or orientation is None or (len(locations) != count and not gap):
        return [], ""
    normal, remark = np.cross(orientation[:3], orientation[3:]), ""
    if len(locations) != count:
        locations, remark = tuple(i * (gap or 0.0) for i in range(count)), POSITIONS_ASSUMED
    return [tuple(float(v) for v in np.array(given) + (at - locations[0]) * normal) for at in locations], remark


def _frame(
    path: Location,
    ds: Dataset,
    context: Context,
    groups: tuple[Dataset | None, ...],
    listed: tuple[float, ...] | None,
    index: int,
) -> Slice:
    def group(keyword: str) -> Dataset:
        found = [item for source in groups if source is not None for item in items(source, keyword)[:1]]
        return found[0] if found else ds  # older files, and some new ones, have the tags at the top level

    measures, rescale, content = (
        group("PixelMeasuresSequence"),
        group("PixelValueTransformationSequence"),
        group("FrameContentSequence"),
    )
    place, plane = group("PlanePositionSequence"), group("PlaneOrientationSequence")
    position = vector(place, "ImagePositionPatient", 3) if place is not ds else listed
    orientation, spacing = vector(plane, "ImageOrientationPatient", 6), pixel_spacing(measures)
    geometry = geometry_problems(plane, position or (0, 0, 0), orientation, spacing)
    return Slice(
        path=path,
        frame=index,
        context=context,
        instance_uid=f"{text(ds, 'SOPInstanceUID')}:{index}",
        order=(integer(content, "FrameAcquisitionNumber") or 0, index),
        time=text(content, "FrameAcquisitionDateTime") or "",
        rows=integer(ds, "Rows") or 0,
        columns=integer(ds, "Columns") or 0,
        position=position,
        orientation=orientation,
        spacing=spacing,
        slope=number(rescale, "RescaleSlope"),
        intercept=number(rescale, "RescaleIntercept"),
        padding=padding_range(ds),
        image_type=values_of(group("CTImageFrameTypeSequence"), "FrameType") or values_of(ds, "ImageType"),
        kernel=text(group("CTReconstructionSequence"), "ConvolutionKernel"),
        thickness=number(measures, "SliceThickness"),
        kvp=number(group("CTXRayDetailsSequence"), "KVP"),
        phase=text(content, "TemporalPositionIndex")
        or text(group("TemporalPositionSequence"), "TemporalPositionIdentifier")
        or "",
        problems=(*pixel_problems(ds), *geometry, *(() if position else (NO_POSITIONS,))),
    )


def flattened(ds: Dataset) -> Dataset:
    """A copy of the header in which the acquisition tags of the functional groups stand at the top level."""
    from pydicom.dataset import Dataset as Flat

    flat = Flat()
    flat.file_meta = ds.file_meta
    groups = [*items(ds, "SharedFunctionalGroupsSequence")[:1], *items(ds, "PerFrameFunctionalGroupsSequence")[:1]]
    for source in (ds, *groups):
        for element in elements(source):
            if element.VR == "SQ" and source is not ds:
                for inner in elements(element.value[0]) if element.value else ():
                    flat.setdefault(inner.tag, inner)
            elif element.VR != "SQ":
                flat.setdefault(element.tag, element)
    return flat
