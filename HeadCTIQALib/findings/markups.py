"""Landmarks and the mid-sagittal plane to and from Markups files (``.mrk.json``), which plain 3D Slicer opens.

3D Slicer loads one markup from a file, so the landmarks (``landmarks.mrk.json``) and the plane
(``midsagittal.mrk.json``) are two files.  What we know of a point beyond its position stands in words in its
description, which 3D Slicer keeps and shows, e.g. ``basion; confidence 0.93; spread 1.4 mm; outside the scan; source
network``.  Coordinates are written in RAS; 3D Slicer saves LPS, and both are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from HeadCTIQALib.errors import InputError, boundary
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.geometry import Vector
from HeadCTIQALib.strict_json import parse

from .types import LANDMARK_TITLES, Landmark, Plane

SCHEMA = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#"
_IDENTITY = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
_OUTSIDE = "outside the scan"
_PLANE_SIZE_MM = 240.0
_LARGEST_FILE = 8_000_000  # bytes
_FAR = 1e5  # mm from anything that a scanner can reach
_WORDS = {"Fiducial": "point list", "Plane": "plane"}
_UNREADABLE = "The file {path} holds no {what} that can be read; save it from 3D Slicer again as .mrk.json."
FindingSource = Literal["network", "analytic", "reader", "truth"]


def write_landmarks(path: str | Path, landmarks: Mapping[str, Landmark]) -> None:
    """Write ``landmarks`` (id to point, RAS mm) as one point list named "landmarks", labels being the ids.

    Raises:
        OSError: the file cannot be written.
    """
    points = [
        _control_point(
            n,
            id_,
            LANDMARK_TITLES.get(id_, id_),
            point.position,
            point.confidence,
            point.spread_mm,
            point.in_scan,
            point.source,
        )
        for n, (id_, point) in enumerate(landmarks.items(), start=1)
    ]
    _write(path, _markup("Fiducial", "landmarks", points, fixedNumberOfControlPoints=False))


def read_landmarks(path: str | Path) -> dict[str, Landmark]:
    """Id to point (RAS mm), in file order; points that were unset in 3D Slicer or have no position are left out.

    Raises:
        InputError: the file is missing, damaged or holds no point list.
    """
    markup, flip = _read(path, "Fiducial")
    landmarks: dict[str, Landmark] = {}
    with boundary(_UNREADABLE.format(path=path, what=_WORDS["Fiducial"])):
        for point in markup.get("controlPoints", ()):
            if point.get("positionStatus", "defined") != "defined":
                continue
            known = _parse(str(point.get("description", "")))
            landmarks[str(point.get("label", ""))] = Landmark(_position(path, point.get("position"), flip), **known)
    return landmarks


def write_plane(path: str | Path, plane: Plane) -> None:
    """Write ``plane`` (RAS mm) as a plane markup named "midsagittal", its normal pointing to the patient's right.

    Raises:
        OSError: the file cannot be written.
    """
    normal = np.asarray(plane.normal, float)
    up = np.array([0.0, 0.0, 1.0]) - normal[2] * normal
    up /= np.linalg.norm(up)
    axes = np.stack([np.cross(up, normal), up, normal])  # rows x, y, z; z is the normal
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes.T, plane.origin
    half = _PLANE_SIZE_MM / 2
    point = _control_point(
        1, "midsagittal", "mid-sagittal plane", plane.origin, plane.confidence, None, True, plane.source
    )
    point["orientation"] = [float(x) for x in axes.T.ravel()]
    shape = {
        "planeType": "pointNormal",
        "sizeMode": "absolute",
        "autoScalingFactor": 1.0,
        "center": [float(x) for x in plane.origin],
        "normal": [float(x) for x in plane.normal],
        "objectToBase": np.eye(4).ravel().tolist(),
        "baseToNode": matrix.ravel().tolist(),
        "orientation": [float(x) for x in axes.T.ravel()],
        "size": [_PLANE_SIZE_MM, _PLANE_SIZE_MM, 0.0],
        "planeBounds": [-half, half, -half, half],
    }
    _write(path, _markup("Plane", "midsagittal", [point], fixedNumberOfControlPoints=True, **shape))


def read_plane(path: str | Path) -> Plane:
    """The plane in RAS mm, its normal pointing right.

    Raises:
        InputError: the file is missing, damaged or holds no plane.
    """
    markup, flip = _read(path, "Plane")
    with boundary(_UNREADABLE.format(path=path, what=_WORDS["Plane"])):
        point = (markup.get("controlPoints") or [{}])[0]
        origin = _position(path, markup.get("center", point.get("position")), flip)
        normal = _position(path, markup.get("normal"), flip)
        known = _parse(str(point.get("description", "")))
    if not np.isclose(np.linalg.norm(normal), 1.0, atol=1e-3):
        raise InputError(f"The plane in {path} has no direction; place it again in 3D Slicer and save it.")
    if normal[0] < 0:  # 3D Slicer lets a person turn the plane round; it stays the same plane
        normal = (-normal[0], -normal[1], -normal[2])
    return Plane(origin, normal, confidence=known["confidence"], source=known["source"])


def _control_point(
    number: int,
    label: str,
    title: str,
    position: tuple[float, float, float],
    confidence: float,
    spread_mm: float | None,
    in_scan: bool,
    source: str,
) -> dict[str, Any]:
    words = [title, f"confidence {float(confidence)!r}"]
    words += [f"spread {float(spread_mm)!r} mm"] if spread_mm is not None else []
    words += [] if in_scan else [_OUTSIDE]
    return {
        "id": str(number),
        "label": label,
        "description": "; ".join([*words, f"source {source}"]),
        "associatedNodeID": "",
        "position": [float(x) for x in position],
        "orientation": _IDENTITY,
        "selected": True,
        "locked": False,
        "visibility": True,
        "positionStatus": "defined",
    }


def _parse(description: str) -> dict[str, Any]:
    """What a description says; a point that a person placed from scratch says nothing and is the reader's own.

    Raises:
        ValueError: a number in it that cannot be.
    """
    number = r"([-+0-9.e]+)"
    confidence = re.search(rf"\bconfidence {number}", description)
    spread = re.search(rf"\bspread {number} mm", description)
    source = re.search(r"\bsource (\w+)", description)
    sources = get_args(FindingSource)
    known = {
        "confidence": float(confidence[1]) if confidence else 1.0,
        "in_scan": _OUTSIDE not in description,
        "source": cast(FindingSource, source[1] if source and source[1] in sources else "reader"),
        "spread_mm": float(spread[1]) if spread else None,
    }
    if not 0 <= cast(float, known["confidence"]) <= 1 or not 0 <= cast(float, known["spread_mm"] or 0.0) <= _FAR:
        raise ValueError(f"no point can have {known}")
    return known


def _markup(kind: str, name: str, points: list[dict[str, Any]], **more: object) -> dict[str, Any]:
    return {
        "type": kind,
        "name": name,
        "coordinateSystem": "RAS",
        "coordinateUnits": "mm",
        "locked": False,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(points),
        **more,
        "controlPoints": points,
        "measurements": [],
    }


def _write(path: str | Path, markup: dict[str, Any]) -> None:
    text = json.dumps({"@schema": SCHEMA, "markups": [markup]}, indent=1, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def _read(path: str | Path, kind: str) -> tuple[dict[str, Any], Vector]:
    """The first markup of ``kind`` in the file, and the signs that take its coordinates to RAS."""
    try:
        data = read_regular(path, _LARGEST_FILE, "The file")
    except FileNotFoundError:
        raise InputError(f"The file {path} is missing; save the {_WORDS[kind]} from 3D Slicer again.") from None
    content = parse(data, f"The file {path}", "save it from 3D Slicer again as .mrk.json")
    with boundary(_UNREADABLE.format(path=path, what=_WORDS[kind])):
        markup = next(m for m in content["markups"] if m["type"] == kind)
        flip = {"RAS": np.ones(3), "LPS": np.array([-1.0, -1.0, 1.0])}[markup.get("coordinateSystem", "LPS")]
    return markup, flip


def _position(path: str | Path, values: object, flip: Vector) -> tuple[float, float, float]:
    with boundary(f"The file {path} has a point without a position; place it again in 3D Slicer and save it."):
        x, y, z = (float(v) for v in cast(list[float], values))
        if not max(abs(x), abs(y), abs(z)) <= _FAR:
            raise ValueError(f"{values} is no place in a scan")
    return float(x * flip[0]), float(y * flip[1]), float(z * flip[2])
