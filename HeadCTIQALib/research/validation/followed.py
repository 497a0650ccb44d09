"""Where landmarks are found in a degraded scan against where they must lie: carried over from the scan as it is, or from readers.

Against the scan as it is, this is consistency and no accuracy: a landmark that is wrong in both goes unseen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings.types import CONFIDENT, Findings
from HeadCTIQALib.metrics.uncertainty import beyond
from HeadCTIQALib.networks.channels import LANDMARKS
from HeadCTIQALib.volume.types import CTVolume

from .degradations import Degraded

Vector = NDArray[np.float64]
READERS = "landmarks.json"


def readers_of(folder: Path) -> dict[str, dict[str, Vector]]:
    """Scan to landmark to RAS mm, the mean of two readers, of ``landmarks.json`` in the folder of the scans or beside it; empty without.

    The file has ``scans``: name of the scan to ``reader_a`` and ``reader_b``: name of the landmark to a point, or null.
    """
    file = next((f for f in (folder / READERS, folder.parent / READERS) if f.is_file()), None)
    if file is None:
        return {}
    return {scan: mean_marks(table) for scan, table in json.loads(file.read_text(encoding="utf-8"))["scans"].items()}


def mean_marks(table: Mapping[str, Mapping[str, Any]]) -> dict[str, Vector]:
    """Landmark to RAS mm, the mean of both readers, of those that both saw."""
    a, b = table["reader_a"], table["reader_b"]
    return {n: (np.array(a[n], float) + np.array(b[n], float)) / 2 for n in a if a[n] and b.get(n)}


def followed(
    before: Findings, found: Findings, degraded: Degraded, marks: Mapping[str, Vector]
) -> list[dict[str, Any]]:
    """Every landmark of the networks that is known in the degraded scan.

    Keys: ``name``; ``off`` and ``reader``: mm from where it must lie by the scan as it is (None unless it was seen there with
    confidence), and by the ``marks`` of readers in it (None without); ``beyond``: how many mm of range the scan lacks there;
    ``confidence``, ``in_scan``: as found.
    """
    out = []
    for name in LANDMARKS:
        now, own = found.landmarks.get(name), before.landmarks.get(name)
        sure = own is not None and own.in_scan and own.confidence >= CONFIDENT
        places = (np.asarray(own.position, float) if own is not None and sure else None, marks.get(name))
        must = [None if p is None else degraded.turn @ p + degraded.shift for p in places]
        true = must[1] if must[1] is not None else must[0]
        if now is None or true is None:
            continue
        off, reader = (None if p is None else float(np.linalg.norm(np.asarray(now.position) - p)) for p in must)
        out.append(
            {
                "name": name,
                "off": _rounded(off),
                "reader": _rounded(reader),
                "beyond": round(_beyond(degraded.volume, true), 2),
                "confidence": now.confidence,
                "in_scan": now.in_scan,
            }
        )
    return out


def _beyond(volume: CTVolume, point: Vector) -> float:
    return beyond(float(point @ volume.k), volume.slice_positions)


def _rounded(mm: float | None) -> float | None:
    return None if mm is None else round(mm, 2)
