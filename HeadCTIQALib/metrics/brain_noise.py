"""Category "noise_contrast": global noise in the brain.

The estimate lives in :mod:`HeadCTIQALib.metrics.local_noise`; this file turns it into a measurement.  It is measured in the slices
as they are, and judged by what it would be in slices of 5 mm (:mod:`HeadCTIQALib.metrics.noise_along_k`).
"""

from __future__ import annotations

from dataclasses import replace

from HeadCTIQALib.findings.types import INTRACRANIAL, Findings
from HeadCTIQALib.metrics import instructions
from HeadCTIQALib.metrics.common import Unassessable, voxel_ras
from HeadCTIQALib.metrics.local_noise import global_noise
from HeadCTIQALib.metrics.metric import STREAK, Metric, register
from HeadCTIQALib.metrics.noise_along_k import STANDARD_MM, conversion, noise_reach
from HeadCTIQALib.metrics.noise_along_k import details as conversion_details
from HeadCTIQALib.metrics.oversmoothing import oversmoothed
from HeadCTIQALib.metrics.types import Evidence, Measurement, not_assessable
from HeadCTIQALib.volume.texture import is_sharp_scan, sharp_kernel
from HeadCTIQALib.volume.types import CTVolume


def noise(volume: CTVolume, findings: Findings) -> Measurement:
    """Noise sigma, HU: mode of the local SD in 6-7 mm in-plane windows of parenchyma; lower is better.

    Method in :func:`HeadCTIQALib.metrics.local_noise.global_noise`.  Details: ``windows``, ``window_mm``,
    ``effective_samples`` (independent noise samples a window is worth), ``uncorrected_mode_hu``, and of the slice of 5 mm, in which
    it is judged, ``noise_5mm_hu``, ``noise_length_mm`` and ``noise_correlation_next_slice``.
    Over-smoothed images are flagged (:mod:`HeadCTIQALib.metrics.oversmoothing`).
    Source: after Christianson et al. 2015; range from Ahmad et al. 2021 (2.9-10.2 HU in 99 head CTs).
    """
    found = _as_it_is(volume, findings)
    return replace(found, flags=(*found.flags, *oversmoothed(volume, found)))


def _as_it_is(volume: CTVolume, findings: Findings) -> Measurement:
    try:
        result = global_noise(volume, findings)
    except Unassessable as reason:
        return not_assessable("noise", str(reason))
    flags = []
    if is_sharp_scan(volume):
        flags.append(f"The scan has a {sharp_kernel(volume)}: the ranges are meant for soft-tissue reconstructions.")
    s, j, i = result.typical_window
    reach = noise_reach(volume, findings)
    judged = result.sigma_hu * reach.factor
    return Measurement(
        "noise",
        result.sigma_hu,
        judged=judged,
        method=f"{result.method}; {conversion(reach)}",
        details={
            "windows": float(result.windows),
            "window_mm": result.window_mm,
            "effective_samples": result.effective_samples,
            "uncorrected_mode_hu": result.mode_hu,
            "noise_5mm_hu": judged,
            **conversion_details(reach),
        },
        flags=tuple(flags),
        evidence=Evidence(
            slice_index=s,
            points={"typical window": voxel_ras(volume, s, j, i)},
            slices=result.slices,
            caption=f"Noise {result.sigma_hu:.1f} HU in the brain, {judged:.1f} HU in a slice of {STANDARD_MM:g} mm.",
        ),
    )


register(
    Metric(
        "noise",
        noise,
        reads=frozenset({"parenchyma", "intracranial", STREAK}),
        instruct=instructions.noise,
        meant_by=("parenchyma",),
        within=INTRACRANIAL,
        segment="brain",
        regions=("brain",),
        picture="noise",
        of_noise=True,
    )
)
