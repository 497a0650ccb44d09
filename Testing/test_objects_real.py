"""Foreign objects and headrests on real scans with a part cut off, turned away or painted in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from HeadCTIQALib.networks import load_networks
from HeadCTIQALib.networks.objects import decided_objects, look_for_objects
from HeadCTIQALib.networks.orientation import recognised_anatomy
from HeadCTIQALib.networks.outline import proposed_objects, tissue_map
from HeadCTIQALib.research.validation import degradations
from HeadCTIQALib.volume import CTVolume, read

pytestmark = [pytest.mark.shared, pytest.mark.slow]


def objects_in(volume: CTVolume) -> np.ndarray:
    """As :func:`HeadCTIQALib.networks.find` does it, without all that is not needed for it."""
    infer = load_networks("cpu")
    coarse = recognised_anatomy(volume, infer)
    tissue = tissue_map(volume, coarse)
    seen = look_for_objects(volume, coarse, infer)
    return decided_objects(volume, tissue, proposed_objects(volume, tissue, coarse), seen, coarse)


@pytest.mark.parametrize("below_mm", [8.0, 12.0])
def test_ears_near_the_end_of_a_scan_are_no_objects(shared_ct: Path, below_mm: float) -> None:
    """2.5 mL, when ears that thick slices show in six pieces counted as spectacles do."""
    scan = degradations.binned(read(shared_ct / "toshiba-uneven"))
    assert not objects_in(degradations.cut(scan, below_mm=below_mm).volume).any()
