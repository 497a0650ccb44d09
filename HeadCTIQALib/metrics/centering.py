"""Category "centering": where the head lies in the image."""

from __future__ import annotations

import numpy as np

from HeadCTIQALib.findings.types import CONFIDENT, HEAD, INTRACRANIAL, Findings
from HeadCTIQALib.metrics import instructions
from HeadCTIQALib.metrics.common import BoolArray, mask_of, point, slice_areas
from HeadCTIQALib.metrics.field_of_view import ceiling, cut_by_field
from HeadCTIQALib.metrics.metric import Metric, register
from HeadCTIQALib.metrics.types import Evidence, Measurement, not_assessable
from HeadCTIQALib.volume.types import CTVolume, Vector

MIN_HEAD_MM2 = 500.0  # a slice with less head than this (a 25 mm disc) says nothing about centring
MIN_RANGE_MM = 30.0


def centering_offset(volume: CTVolume, findings: Findings) -> Measurement:
    """Centring offset D, mm: in-plane distance from the mean centroid of the head to the image centre.

    The centroid of the head mask (holder excluded) is taken per slice from the skull base (foramen magnum where its
    points are known, else the lowest slice with intracranial tissue) to the vertex, relative to the centre of that
    image plane, and averaged with the slices' true widths.  Details: ``right_mm``, ``anterior_mm`` (where the head lies
    from the centre, along r and a), and report-only ``isocentre_offset_mm``, ``isocentre_right_mm``,
    ``isocentre_anterior_mm`` where the isocentre is known.  A field of view that cuts the head sets a ceiling
    (:mod:`HeadCTIQALib.metrics.field_of_view`).
    Source: Booij et al. 2018 (median 12 mm off isocentre); limits by inference.
    """
    used, level = _head_slices(volume, findings)
    if not used.any():
        return not_assessable("centering_offset", "No head was found between the skull base and the vertex.")
    weights = np.where(used, volume.slice_widths, 0.0)
    if weights.sum() < MIN_RANGE_MM:
        return not_assessable(
            "centering_offset", f"Only {weights.sum():.0f} mm of the head lie between the skull base and the vertex."
        )
    index = np.flatnonzero(used)
    centroids = _centroids(volume, findings, index)
    w = weights[index] / weights[index].sum()
    offset = w @ volume.to_slice_frame(centroids - volume.image_centres[index])
    right, anterior = float(offset[0]), float(offset[1])
    distance = float(np.hypot(right, anterior))
    middle = int(index[np.argmin(np.abs(np.cumsum(w) - 0.5))])
    shown = volume.image_centres[middle] + right * volume.r + anterior * volume.a
    cut = cut_by_field(volume, findings, index)
    most, why = ceiling(volume, cut)
    touched = np.count_nonzero(cut.head_mm)
    flags = (
        (f"{why[:-1]} in {touched} of {len(index)} slices: where the head lies is known for the part that is seen.",)
        if why
        else ()
    )
    centre = point(volume.image_centres[middle])
    return Measurement(
        "centering_offset",
        distance,
        method=f"mean centroid of the head mask, {level} to vertex",
        details={"right_mm": right, "anterior_mm": anterior, **_isocentre(volume, centroids, index, w)},
        flags=flags,
        ceiling=most,
        ceiling_reason=why,
        evidence=Evidence(
            slice_index=int(np.argmax(cut.head_mm)) if why else middle,
            window=(-100.0, 1000.0),
            points={"image centre": centre, "mean head centroid": point(shown)},
            lines=((centre, point(shown)),),
            masks=("head",),
            slices=tuple(int(s) for s in index),
            caption=f"Head {distance:.0f} mm off the image centre ({_words(right, anterior)}).",
        ),
    )


def _head_slices(volume: CTVolume, findings: Findings) -> tuple[BoolArray, str]:
    """(K,) bool of the slices used, and how the skull base was found."""
    used = slice_areas(volume, findings.tissue, HEAD) >= MIN_HEAD_MM2
    foramen = [findings.landmarks.get(name) for name in ("BASION", "OPISTHION")]
    if all(p is not None and p.confidence >= CONFIDENT for p in foramen):
        floor = float(np.mean([np.asarray(p.position, float) @ volume.k for p in foramen if p is not None]))
        return used & (volume.slice_positions >= floor), "foramen magnum"
    inside = np.flatnonzero(slice_areas(volume, findings.tissue, INTRACRANIAL) > 0)
    if len(inside) == 0:
        return np.zeros(len(used), bool), "skull base"
    return used & (np.arange(len(used)) >= inside[0]), "lowest intracranial slice"


def _centroids(volume: CTVolume, findings: Findings, index: np.ndarray) -> Vector:
    """(n, 3) RAS mm centroid of the head mask in every slice of ``index``."""
    _, rows, columns = findings.tissue.shape
    out = np.empty((len(index), 3))
    for n, s in enumerate(index):
        # products with ones are much quicker than counting along an axis, and exact: a count fits a float32
        head = mask_of(findings.tissue[s], HEAD).astype(np.float32)
        by_row = (head @ np.ones(columns, np.float32)).astype(int)
        by_column = (np.ones(rows, np.float32) @ head).astype(int)
        total = by_row.sum()
        j, i = by_row @ np.arange(rows) / total, by_column @ np.arange(columns) / total
        out[n] = volume.origins[s] + i * volume.row_step + j * volume.col_step
    return out


def _isocentre(volume: CTVolume, centroids: Vector, index: np.ndarray, w: Vector) -> dict[str, float]:
    """Offset of the head from the gantry's axis: the line through the isocentre along the table (S), cut by each slice."""
    if volume.acquisition.isocentre_ras is None:
        return {}
    iso = np.asarray(volume.acquisition.isocentre_ras, float)
    travel = (volume.slice_positions[index] - iso @ volume.k) / volume.k[2]
    on_axis = iso + travel[:, None] * np.array([0.0, 0.0, 1.0])
    right, anterior, _ = (float(c) for c in w @ volume.to_slice_frame(centroids - on_axis))
    return {
        "isocentre_offset_mm": float(np.hypot(right, anterior)),
        "isocentre_right_mm": right,
        "isocentre_anterior_mm": anterior,
    }


def _words(right: float, anterior: float) -> str:
    side = f"{abs(right):.0f} mm to the patient's {'right' if right > 0 else 'left'}"
    depth = f"{abs(anterior):.0f} mm {'forwards' if anterior > 0 else 'backwards'}"
    return f"{side}, {depth}"


register(
    Metric(
        "centering_offset",
        centering_offset,
        # the foramen magnum, or else the lowest intracranial slice, is where the head begins
        reads=frozenset({"head", "intracranial", "BASION", "OPISTHION"}),
        instruct=instructions.centering,
        meant_by=("head",),
        segment="soft",
        picture="centring",
    )
)
