"""A CT volume handed from one process to another in one NRRD file, its true slice geometry included.

NRRD describes regular grids only, and many readers accept orthogonal ones only.  So the header describes an orthogonal
grid with the mean gap between slices, and keys of our own say where every slice truly lies and how it was acquired.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .geometry import LPS_TO_RAS
from .types import Acquisition, CTVolume, Vector

GEOMETRY, ACQUISITION, SERIES = "HeadCTIQA_Geometry", "HeadCTIQA_Acquisition", "HeadCTIQA_Series"


def write_exchange(path: str | Path, volume: CTVolume) -> None:
    """Write ``volume`` uncompressed: it is read once, on the same machine.

    Raises:
        OSError: the file cannot be written.
    """
    import nrrd

    rows, columns = (v / np.linalg.norm(v) for v in (volume.row_step, volume.col_step))
    gap = float(np.diff(volume.slice_positions).mean()) if len(volume.origins) > 1 else float(volume.slice_widths[0])
    directions = np.stack([volume.row_step, np.linalg.norm(volume.col_step) * columns, gap * volume.k])
    directions[1] -= (directions[1] @ rows) * rows  # image pixels are square to a rounding error only
    geometry = {"origins": volume.origins.tolist(), "row_step": volume.row_step.tolist(), "col_step": volume.col_step.tolist()}
    header = {
        "space": "left-posterior-superior",
        "kinds": ["domain"] * 3,
        "space directions": directions * LPS_TO_RAS,
        "space origin": volume.origins[0] * LPS_TO_RAS,
        "encoding": "raw",
        GEOMETRY: json.dumps(geometry),
        ACQUISITION: json.dumps(dataclasses.asdict(volume.acquisition)),
        SERIES: json.dumps(volume.source.name),
    }
    nrrd.write(str(path), volume.hu, header, index_order="C")


@dataclasses.dataclass(frozen=True)
class Exchanged:
    """What a file says beyond NRRD: true positions of the slices, acquisition, name of the scan."""

    origins: Vector
    row_step: Vector
    col_step: Vector
    acquisition: Acquisition
    name: str


def exchanged(keys: Mapping[str, Any], slices: int) -> Exchanged | None:
    """The content of our own keys in a header, or None where they are absent or do not fit the image.

    Args:
        keys: header of the file.
        slices: of the image.
    """
    if GEOMETRY not in keys:
        return None
    try:
        geometry, known = json.loads(keys[GEOMETRY]), json.loads(keys[ACQUISITION])
        centre = known.pop("isocentre_ras", None)
        acquisition = Acquisition(**known, isocentre_ras=None if centre is None else tuple(centre))
        origins, row, column = (np.array(geometry[name], float) for name in ("origins", "row_step", "col_step"))
        name = str(json.loads(keys[SERIES]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if origins.shape != (slices, 3) or row.shape != (3,) or column.shape != (3,):
        return None
    return Exchanged(origins, row, column, acquisition, name)
