"""Category "metal_foreign": removable objects in the field of view, and streaks across the brain."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from HeadCTIQALib.findings.types import CONFIDENT, HEAD, INTRACRANIAL, Findings, Tissue
from HeadCTIQALib.metrics import instructions
from HeadCTIQALib.metrics.common import bounding_box, mask_of, slice_counts, voxel_ras
from HeadCTIQALib.metrics.metric import STREAK, Metric, register
from HeadCTIQALib.metrics.types import Evidence, Measurement, not_assessable
from HeadCTIQALib.volume.types import CTVolume

MIN_INTRACRANIAL_ML = 20.0  # below this a percentage of the imaged intracranial volume means nothing


def foreign_object_volume(volume: CTVolume, findings: Findings) -> Measurement:
    """Foreign object volume V, mL: removable objects on or outside the body surface (label FOREIGN); lower is better.

    Voxel volumes follow the true width of every slice.  Details: ``objects`` (26-connected components), ``largest_ml``, and where
    the largest lies: ``largest_right_mm`` and ``largest_anterior_mm`` of the centre of the head in its slice, and
    ``largest_above_ears_mm`` (of the ear canals, along the slice normal, where these are known).
    Source: inference.
    """
    mask = findings.tissue == Tissue.FOREIGN
    box = bounding_box(mask)
    method = f"volume of the foreign object mask ({findings.methods.get('foreign_object', 'mask')})"
    if box is None:
        return Measurement(
            "foreign_object_volume",
            0.0,
            method=method,
            details={"objects": 0.0, "largest_ml": 0.0},
            evidence=Evidence(
                slice_index=volume.shape[0] // 2,
                window=(-100.0, 1000.0),
                caption="None found; pads and thin markers can be missed.",
            ),
        )
    small = mask[box]
    widths = volume.voxel_volumes_ml[box[0]]
    labels, count = ndimage.label(small, structure=np.ones((3, 3, 3)))
    k, j, i = np.nonzero(small)
    volumes = np.bincount(labels[k, j, i], weights=widths[k], minlength=count + 1)
    largest = int(np.argmax(volumes))
    of_largest = labels[k, j, i] == largest
    where = (
        int(np.median(k[of_largest])) + box[0].start,
        float(j[of_largest].mean()) + box[1].start,
        float(i[of_largest].mean()) + box[2].start,
    )
    value = float(volumes.sum())
    return Measurement(
        "foreign_object_volume",
        value,
        method=method,
        details={"objects": float(count), "largest_ml": float(volumes[largest]), **_place(volume, findings, where)},
        evidence=Evidence(
            slice_index=where[0],
            window=(-100.0, 1000.0),
            points={"largest object": voxel_ras(volume, *where)},
            masks=("foreign",),
            slices=tuple(int(s) + box[0].start for s in np.unique(k)),
            caption=(f"{count} removable foreign object{'s' if count > 1 else ''}, {value:.2f} mL in all."),
        ),
    )


def _place(volume: CTVolume, findings: Findings, where: tuple[int, float, float]) -> dict[str, float]:
    """Where an object at (slice, row, column) lies, from the head in its slice and from the ear canals."""
    at = np.asarray(voxel_ras(volume, *where))
    j, i = np.nonzero(mask_of(findings.tissue[where[0]], HEAD))
    middle = (
        np.asarray(voxel_ras(volume, where[0], float(j.mean()), float(i.mean())))
        if len(j)
        else volume.image_centres[where[0]]
    )
    right, anterior, _ = (float(c) for c in volume.to_slice_frame(at - middle))
    place = {"largest_right_mm": right, "largest_anterior_mm": anterior}
    ears = [e for e in map(findings.landmarks.get, ("EAM_R", "EAM_L")) if e is not None and e.confidence >= CONFIDENT]
    if ears:
        place["largest_above_ears_mm"] = float((at - np.mean([e.position for e in ears], axis=0)) @ volume.k)
    return place


def streak_extent(volume: CTVolume, findings: Findings) -> Measurement:
    """Streak extent S, %: volume of streak and dark-band artefact / intracranial volume imaged; lower is better.

    Details: ``streak_ml``, ``intracranial_ml``.
    Source: inference; bands between the petrous bones are near-universal and the range allows for them.
    """
    if findings.streak is None:
        return not_assessable("streak_extent", "Nothing looked for streaks in this scan.")
    if findings.streak.shape != volume.shape:
        raise ValueError(
            f"a streak mask of shape {findings.streak.shape} does not fit a volume of shape {volume.shape}"
        )
    counts = slice_counts(findings.tissue, INTRACRANIAL)
    streaked = np.array(
        [np.count_nonzero(mask_of(t, INTRACRANIAL) & s) for t, s in zip(findings.tissue, findings.streak, strict=True)],
        float,
    )
    total = float(counts @ volume.voxel_volumes_ml)
    if total < MIN_INTRACRANIAL_ML:
        return not_assessable("streak_extent", f"Only {total:.0f} mL of intracranial space were found in the scan.")
    amount = float(streaked @ volume.voxel_volumes_ml)
    value = 100.0 * amount / total
    return Measurement(
        "streak_extent",
        value,
        method=f"streak mask inside the intracranial space ({findings.methods.get('streak', 'mask')})",
        details={"streak_ml": amount, "intracranial_ml": total},
        evidence=Evidence(
            slice_index=int(np.argmax(streaked if amount > 0 else counts)),
            masks=("streak",),
            slices=tuple(int(s) for s in np.flatnonzero(streaked)),
            caption=f"Streaks cover {value:.1f} % of the intracranial space ({amount:.1f} of {total:.0f} mL).",
        ),
    )


register(
    Metric(
        "foreign_object_volume",
        foreign_object_volume,
        reads=frozenset({"foreign", "EAM_R", "EAM_L"}),  # the ears say where an object lies
        instruct=instructions.foreign,
        meant_by=("foreign",),
        segment="foreign",
        picture="whole",
        nothing=0.0,
    )
)
register(
    Metric(
        "streak_extent",
        streak_extent,
        reads=frozenset({STREAK, "intracranial"}),
        instruct=instructions.streak,
        meant_by=(STREAK,),
        within=INTRACRANIAL,
        segment="streak",
        picture="masks and bare",
        of_artefacts=True,
        nothing=0.1,
    )
)
