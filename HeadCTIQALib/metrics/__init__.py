"""The ten image quality metrics: pure functions of a CTVolume and its Findings.

==================  =======================  ======================================================  =========
category            IQM (a function each)    what it is                                              better
==================  =======================  ======================================================  =========
positioning         symmetry_angle (deg)     mid-sagittal normal against the row axis                low
positioning         baseline_angle (deg)     orbitomeatal line against the slices, from the target   low
centering           centering_offset (mm)    mean head centroid to the image centre                  low
scan_range          vertex_margin (mm)       last image plane above the vertex of the scalp          0..15
scan_range          foramen_magnum_margin    foramen magnum above the first image plane (mm)         0..15
noise_contrast      noise (HU)               mode of the local SD in brain parenchyma                low
noise_contrast      gray_white_cnr (1)       deep grey minus white over their noise                  high
motion              motion_extent (%)        area-weighted motion grades of the slices               low
metal_foreign       foreign_object_volume    removable objects in the field of view (mL)             low
metal_foreign       streak_extent (%)        share of the intracranial space under streaks           low
==================  =======================  ======================================================  =========

Formulas, signs and sources stand with each function; ranges in :mod:`HeadCTIQALib.hierarchy`.  A metric answers with a
value or with "not assessable" and the reason.  :mod:`HeadCTIQALib.metrics.extras` has report-only numbers beside them.
Everything here needs numpy and scipy only and is quick, because every correction of a finding measures again.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from HeadCTIQALib.findings.types import Findings
from HeadCTIQALib.hierarchy import IQM_BY_ID, IQMS
from HeadCTIQALib.metrics.brain_noise import noise
from HeadCTIQALib.metrics.centering import centering_offset
from HeadCTIQALib.metrics.common import check_grid
from HeadCTIQALib.metrics.grey_white import Memory, gray_white_cnr
from HeadCTIQALib.metrics.metal_foreign import foreign_object_volume, streak_extent
from HeadCTIQALib.metrics.metric import METRICS, Metric, register
from HeadCTIQALib.metrics.motion import motion_extent
from HeadCTIQALib.metrics.positioning import baseline_angle, symmetry_angle
from HeadCTIQALib.metrics.proportions import proportions
from HeadCTIQALib.metrics.scan_range import foramen_magnum_margin, vertex_margin
from HeadCTIQALib.metrics.types import Evidence, Measurement, not_assessable
from HeadCTIQALib.volume.types import CTVolume

SIZE_IN_DOUBT = (
    "The head does not have a person's proportions: the voxel size of the scan may be wrong, and this value with it."
)
_OF_SIZE = ("mm", "mL", "deg")


def measure(
    volume: CTVolume,
    findings: Findings,
    only: Collection[str] | None = None,
    memory: Memory | None = None,
) -> dict[str, Measurement]:
    """Measure the IQMs of one scan, in the order of the hierarchy.

    Args:
        volume, findings: on the same (K, J, I) grid.
        only: ids to measure (after a correction that concerns just these); None measures all ten.
        memory: the same dictionary at every measurement of the same ``volume`` saves work; see :func:`gray_white_cnr`.

    Returns:
        IQM id to its Measurement.  A reason in ``findings.not_assessable`` is passed on instead of measuring.

    Raises:
        ValueError: findings of another grid, or unknown ids in ``only``.
    """
    check_grid(volume, findings)
    if only is not None and (unknown := set(only) - set(IQM_BY_ID)):
        raise ValueError(f"unknown IQMs {sorted(unknown)}")

    wanted = [iqm for iqm in IQMS if only is None or iqm.id in only]
    of_size = {iqm.id for iqm in wanted if iqm.unit in _OF_SIZE}
    doubtful = of_size if of_size and proportions(volume, findings) else set()

    def one(id_: str) -> Measurement:
        if reason := findings.not_assessable.get(id_):
            return not_assessable(id_, reason)
        metric = METRICS[id_]
        found = metric.measure(volume, findings, *((memory,) if metric.remembers else ()))
        doubted = id_ in doubtful and found.value is not None
        return replace(found, flags=(*found.flags, SIZE_IN_DOUBT)) if doubted else found

    ids = [iqm.id for iqm in wanted]
    with ThreadPoolExecutor(2, "measure") as threads:  # NumPy and SciPy let go of the interpreter's lock
        return dict(zip(ids, threads.map(one, ids), strict=True))


__all__ = [
    "METRICS", "Evidence", "Measurement", "Memory", "Metric", "baseline_angle", "centering_offset", "foramen_magnum_margin",
    "foreign_object_volume", "gray_white_cnr", "measure", "motion_extent", "noise", "not_assessable", "register", "streak_extent",
    "symmetry_angle", "vertex_margin",
]  # fmt: skip
