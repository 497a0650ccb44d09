"""Two percent of thickness, voltage, spacing or pixel size change no metric of a whole run by more than they should."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from HeadCTIQALib import networks
from HeadCTIQALib.metrics import measure
from HeadCTIQALib.metrics.unmeasurable import with_limits
from HeadCTIQALib.synthesis.random_scene import random_scene
from HeadCTIQALib.synthesis.scan import simulate
from HeadCTIQALib.volume import CTVolume, read

#: By how much 2 % may change a metric: a constant, and a share of its value.  Lengths are stretched, angles of oblique lines turned.
BOUNDS = {
    "symmetry_angle": (0.15, 0.02), "baseline_angle": (0.4, 0.03), "centering_offset": (0.3, 0.03),
    "vertex_margin": (0.4, 0.03), "foramen_magnum_margin": (0.6, 0.03), "noise": (0.0, 0.03), "gray_white_cnr": (0.05, 0.03),
    "motion_extent": (1.0, 0.05), "foreign_object_volume": (0.1, 0.08), "streak_extent": (0.1, 0.05),
}  # fmt: skip


def rounded(volume: CTVolume, share: float) -> Iterator[tuple[str, CTVolume]]:
    a = volume.acquisition
    yield (
        "tags",
        replace(
            volume,
            acquisition=replace(
                a, slice_thickness_mm=share * (a.slice_thickness_mm or 5.0), kvp=share * (a.kvp or 120.0)
            ),
        ),
    )
    yield "spacing", replace(volume, origins=volume.origins[0] + share * (volume.origins - volume.origins[0]))
    half = (1 - share) / 2 * ((volume.shape[2] - 1) * volume.row_step + (volume.shape[1] - 1) * volume.col_step)
    yield (
        "pixel",
        replace(
            volume, origins=volume.origins + half, row_step=share * volume.row_step, col_step=share * volume.col_step
        ),
    )


def unchanged_by_rounding(volume: CTVolume) -> None:
    usual = measure(volume, with_limits(volume, networks.find(volume)))
    for share in (0.98, 1.02):
        for name, changed in rounded(volume, share):
            seen = measure(changed, with_limits(changed, networks.find(changed)))
            for id_, m in seen.items():
                before = usual[id_].value
                assert (m.value is None) == (before is None), (id_, name, share, m.reason, usual[id_].reason)
                if before is not None:
                    constant, part = BOUNDS[id_]
                    assert abs(m.value - before) <= constant + part * abs(before), (id_, name, share, before, m.value)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1_000_001, 1_000_004])
def test_rounding_of_simulated_scans(seed: int) -> None:
    unchanged_by_rounding(simulate(seed, scene=random_scene(seed)).volume)


@pytest.mark.slow
@pytest.mark.shared
def test_rounding_of_a_real_scan(shared_ct) -> None:
    volume = read(shared_ct / "ge-hispeed-tilt")
    assert np.ptp(np.diff(volume.slice_positions)) > 1  # uneven, tilted, as scanners are
    unchanged_by_rounding(volume)
