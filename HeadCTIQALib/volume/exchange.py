"""A CT volume handed from one process to another in one NRRD file, its true slice geometry included.

NRRD describes regular grids only, and many readers accept orthogonal ones only.  So the header describes an orthogonal
grid with the mean gap between slices, and keys of our own say where every slice truly lies and how it was acquired.
They are read as any foreign entry is: see :func:`exchanged`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from HeadCTIQALib.geometry import LPS_TO_RAS

from ..errors import boundary
from ..text import printable
from . import vocabulary
from .kernels import known_kernel
from .processing import DENOISED, KEV, PROJECTED
from .types import Acquisition, CTVolume, Vector
from .voxels import ImageHeader

_OWN = "HeadCTIQA_"
GEOMETRY, ACQUISITION, SERIES = (_OWN + part for part in ("Geometry", "Acquisition", "Series"))
_GEOMETRY = ("origins", "row_step", "col_step")
_SAME_MM = 0.05  # the header is rounded, and its pixels are made square
_STEEPEST = 2.0  # shift of a slice by its distance from the next: 63 degrees, more than any gantry
_FAR_MM = 10_000.0
_LONGEST = 64  # letters, as in DICOM
#: Texts of an acquisition, and what of each is known to name nobody; anybody can write the keys.
_TEXTS: dict[str, Callable[[str], str | None]] = {
    "manufacturer": vocabulary.manufacturer,
    "model": vocabulary.model,
    "kernel": known_kernel,
    "body_part": vocabulary.body_part,
    "study_date": lambda text: text if re.fullmatch(r"\d{8}", text) else None,
    "series_description": lambda text: vocabulary.words(text) or None,
    "acquired": lambda text: text if re.fullmatch(r"\d{8}T\d{6}", text) else None,
    "protocol": lambda text: vocabulary.words(text) or None,
    **dict.fromkeys(
        ("scanner_id", "station_id", "software_id"), lambda text: text if re.fullmatch(r"[0-9a-f]{16}", text) else None
    ),
    "processed": lambda text: (
        text if re.fullmatch(r"[a-z ]+(, \d{2,3} keV)?", text) and text.startswith((PROJECTED, DENOISED, KEV)) else None
    ),
}
_FLAGS = ("contrast_agent", "lossy_compression", "reformatted")
_RANGES = {
    "slice_thickness_mm": (0.0, 100.0), "kvp": (0.0, 1000.0), "tube_current_ma": (0.0, 1e5), "exposure_mas": (0.0, 1e6), "ctdi_vol_mgy": (0.0, 1e5),
    "dlp_mgy_cm": (0.0, 1e6), "reconstruction_diameter_mm": (0.0, 5000.0), "gantry_tilt_deg": (-90.0, 90.0), "patient_age_years": (0.0, 150.0),
    "lossy_ratio": (0.0, 1e6), "pitch": (0.0, 100.0),
}  # fmt: skip


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
    geometry = {
        "origins": volume.origins.tolist(),
        "row_step": volume.row_step.tolist(),
        "col_step": volume.col_step.tolist(),
    }
    header = {
        "space": "left-posterior-superior",
        "kinds": ["domain"] * 3,
        "space directions": directions * LPS_TO_RAS,
        "space origin": volume.origins[0] * LPS_TO_RAS,
        "encoding": "raw",
        GEOMETRY: json.dumps(geometry),
        ACQUISITION: json.dumps(dataclasses.asdict(volume.acquisition)),
        SERIES: json.dumps(volume.source.name[:_LONGEST]),
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


def exchanged(header: ImageHeader, name: str) -> Exchanged | None:
    """The content of our own keys in a header, or None where there are none.

    Anybody can write these keys, so they are believed only where they agree with the grid in the header, which they may refine by
    what that cannot say (shifted and uneven slices), and only what an acquisition can be.

    Args:
        name: of the file in messages.

    Raises:
        InputError: keys that :func:`write_exchange` does not write for such an image.
    """
    if not any(key.startswith(_OWN) for key in header.keys):
        return None
    with boundary(f"{name} carries entries of HeadCTIQA that do not fit its image; export it again from 3D Slicer."):
        if {key for key in header.keys if key.startswith(_OWN)} != {GEOMETRY, ACQUISITION, SERIES}:
            raise ValueError("unknown or missing keys")
        geometry, known, series = (json.loads(header.keys[key]) for key in (GEOMETRY, ACQUISITION, SERIES))
        if set(geometry) != set(_GEOMETRY):
            raise ValueError("unknown or missing geometry")
        origins, row, column = (np.array(geometry[part], float) for part in _GEOMETRY)
        _compare(header, origins, row, column)
        return Exchanged(origins, row, column, _acquisition(known), _text(series))


def _compare(header: ImageHeader, origins: Vector, row: Vector, column: Vector) -> None:
    """Raise ValueError unless the slices are those of the header's grid, some of them shifted."""
    if origins.shape != (header.sizes[2], 3) or row.shape != (3,) or column.shape != (3,):
        raise ValueError("other numbers of slices")
    grid = header.steps
    edge = np.array(header.sizes[:2])[:, None] * (np.stack([row, column]) - grid[:, :2].T)
    k = np.cross(row, column)
    k *= np.sign(k @ grid[:, 2]) / np.linalg.norm(k)
    gaps = np.diff(origins @ k)
    tilt = np.linalg.norm(np.diff(origins, axis=0) - gaps[:, None] * k, axis=1)
    apart = (origins[-1] - origins[0]) @ k - (len(origins) - 1) * (grid[:, 2] @ k)
    near = (
        np.abs(edge).max() < _SAME_MM and np.abs(origins[0] - header.origin).max() < _SAME_MM and abs(apart) < _SAME_MM
    )
    if not (near and (gaps > 0).all() and (tilt <= _STEEPEST * gaps).all()):  # false for NaN as well
        raise ValueError("slices in other places")


def _acquisition(known: dict[str, Any]) -> Acquisition:
    """Raises ValueError for a field that there is not, of another type, or beyond what it can be."""
    taken: dict[str, Any] = {}
    for name, value in known.items():
        if value is None:
            continue
        if name in _TEXTS:
            taken[name] = _TEXTS[name](_text(value))
        elif name in _FLAGS and isinstance(value, bool):
            taken[name] = value
        elif name == "isocentre_ras" and len(value) == 3:
            taken[name] = tuple(_number(v, -_FAR_MM, _FAR_MM) for v in value)
        else:
            taken[name] = _number(value, *_RANGES[name])
    return Acquisition(**taken)


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ValueError("a value out of range")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError("no text, or a long one")
    return printable(value)
