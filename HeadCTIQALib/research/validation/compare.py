"""One simulated head: what was found against what is true, as plain numbers for a JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import HEAD, INTRACRANIAL, PARENCHYMA, Findings, Tissue
from HeadCTIQALib.metrics import Measurement
from HeadCTIQALib.synthesis import Simulated

#: What Dice is reported of: the region's id to its labels.
REGIONS: Mapping[str, tuple[Tissue, ...]] = {
    "head": HEAD,
    "bone": (Tissue.BONE,),
    "intracranial": INTRACRANIAL,
    "parenchyma": PARENCHYMA,
    "csf": (Tissue.CSF,),
    "globes": (Tissue.GLOBE,),
    "foreign": (Tissue.FOREIGN,),
}
MIN_REGION_ML = {"csf": 5.0, "globes": 4.0, "foreign": 0.02}  # of a smaller true region Dice says nothing
TOPS = ("VERTEX", "SKULL_TOP", "BRAIN_TOP")
#: Details of measurements that have a truth of their own: (IQM, detail of the measurement) to the key of the truth.
DETAILS = {
    "yaw_deg": ("symmetry_angle", "yaw_deg"),
    "roll_deg": ("symmetry_angle", "roll_deg"),
    "orbitomeatal_angle": ("baseline_angle", "orbitomeatal_angle_deg"),
    "gray_white_contrast_hu": ("gray_white_cnr", "contrast_hu"),
}


def compare(simulated: Simulated, findings: Findings, measurements: Mapping[str, Measurement]) -> dict[str, Any]:
    """Everything the evaluation needs of one head.

    Keys: ``dice`` (region to value), ``landmarks`` (id to ``error_mm``, ``in_scan``, ``confidence``), ``iqms`` (id to ``truth``,
    ``found`` or None, ``reason``), ``details`` (id to ``truth``, ``found``), ``slices`` (parallel lists ``area``, ``grade``,
    ``found``, ``index``).
    """
    truth = simulated.truth
    iqms = {
        name: {"truth": round(float(truth[name]), 4), "found": _rounded(m.value), "reason": m.reason}
        for name, m in measurements.items()
        if name in truth
    }
    details = {
        name: {"truth": round(float(truth[name]), 4), "found": _rounded(measurements[iqm].details.get(detail))}
        for name, (iqm, detail) in DETAILS.items()
        if name in truth and measurements[iqm].value is not None
    }
    return {
        "dice": dice_of_regions(simulated, findings),
        "landmarks": landmark_errors(simulated.findings, findings, simulated.volume.k),
        "iqms": iqms,
        "details": details,
        "slices": motion_by_slice(simulated.findings, findings),
        "scan": _describe(simulated),
    }


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float | None:
    """2 |a and b| / (|a| + |b|), None when both are empty."""
    total = np.count_nonzero(a) + np.count_nonzero(b)
    return 2 * np.count_nonzero(a & b) / total if total else None


def dice_of_regions(simulated: Simulated, findings: Findings) -> dict[str, float]:
    """Dice of every region that the scan holds enough of."""
    out = {}
    for region, tissues in REGIONS.items():
        true = simulated.findings.mask(*tissues)
        ml = float(np.count_nonzero(true, axis=(1, 2)) @ simulated.volume.voxel_volumes_ml)
        value = dice(true, findings.mask(*tissues)) if ml > MIN_REGION_ML.get(region, 20.0) else None
        if value is not None:
            out[region] = round(float(value), 4)
    return out


def landmark_errors(truth: Findings, findings: Findings, k: NDArray[np.float64]) -> dict[str, dict[str, Any]]:
    """Distance in mm of every landmark that has a truth and was found, with its confidence.

    The tops (:data:`TOPS`) are points of orientation, the highest along k; where on a flat top they lie is chance, so
    that only their height counts.
    """
    out = {}
    for name, true in truth.landmarks.items():
        found = findings.landmarks.get(name)
        if found is not None:
            gap = np.subtract(true.position, found.position)
            error = abs(float(gap @ k)) if name in TOPS else float(np.linalg.norm(gap))
            out[name] = {
                "error_mm": round(error, 2),
                "in_scan": bool(true.in_scan),
                "confidence": round(float(found.confidence), 3),
            }
    return out


def motion_by_slice(truth: Findings, findings: Findings) -> dict[str, list[float | None]]:
    """True and found motion of the slices through the brain, None where a slice was not graded; ``index``: probability of motion, or air ring."""
    area = np.count_nonzero(truth.mask(*INTRACRANIAL), axis=(1, 2))
    grades, found = truth.motion_grades, findings.motion_grades
    index = findings.motion_index if findings.motion_probability is None else findings.motion_probability
    if grades is None or found is None:
        return {"area": [], "grade": [], "found": [], "index": []}
    at = np.flatnonzero(area)
    usable = index is not None and len(index) == len(found)
    return {
        "area": [int(a) for a in area[at]],
        "grade": [int(g) for g in grades[at]],
        "found": [int(g) if g >= 0 else None for g in found[at]],
        "index": [_rounded(index[s]) if usable and index is not None and np.isfinite(index[s]) else None for s in at],
    }


def _describe(s: Simulated) -> dict[str, Any]:
    """What kind of scan it is: for finding out what failures have in common."""
    a, scene = s.scene.acquire, s.scene
    pathology = s.model.pathology
    return {
        "slices": s.volume.shape[0],
        "thickness_mm": a.thickness_mm or a.spacing_mm,
        "kernel": a.kernel,
        "noise_hu": round(a.noise_hu, 2),
        "tilt_deg": a.gantry_tilt_deg,
        "defaced": scene.defaced,
        "foreign": [getattr(f, "kind", str(f)) for f in scene.foreign],
        "implants": list(scene.implants),
        "motion": len(scene.motion),
        "lesions": [lesion.kind for lesion in pathology.lesions],
        "holes": len(pathology.holes),
        "contrast": bool(s.volume.acquisition.contrast_agent),
        "age": round(s.model.age),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
