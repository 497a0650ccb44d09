"""What was measured in scans whose truth is known: folders of ``assessment.json`` and ``truth.json``, read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.metrics.uncertainty import Scene
from HeadCTIQALib.record import RECORD, measurements_from_record, read_record
from HeadCTIQALib.record.earlier import scene_of_record
from HeadCTIQALib.strict_json import parse

TRUTH = "truth.json"


@dataclass(frozen=True)
class Observed:
    """One scan: its scanner with the kernel, its measurements, what their errors depend on, and IQM id to true value where that is known."""

    name: str
    scanner: str
    measurements: Mapping[str, Measurement]
    scene: Scene
    truth: Mapping[str, float]

    def true_measurements(self) -> dict[str, Measurement]:
        """The measurements that the truth would have given, of the IQMs whose truth is known; what is judged changes in proportion."""
        found = {}
        for id_, true in self.truth.items():
            m = self.measurements[id_]
            judged = None if m.judged is None or not m.value else m.judged * true / m.value
            details = {k: v for k, v in m.details.items() if k != "orbitomeatal_angle_deg"}
            found[id_] = replace(
                m, value=true, status="measured", reason="", judged=judged, bound=None, quantiles=None, details=details
            )
        return found


def observed_in(root: Path) -> list[Observed]:
    """All scans in folders under ``root`` that were assessed, in order of their paths.

    Raises:
        InputError: there is none, or a file is damaged.
    """
    found = []
    for path in sorted(root.glob(f"**/{TRUTH}")):
        if (path.parent / RECORD).exists():
            truth = parse(path.read_bytes(), f"The file {path}", "make it again")
            record = read_record(path.parent)
            known = {str(k): float(v) for k, v in truth["truth"].items() if k in record.iqms}
            a = record.input.acquisition
            scanner = " ".join(name for name in (a.manufacturer, a.model, a.kernel) if name)
            found.append(
                Observed(path.parent.name, scanner, measurements_from_record(record), scene_of_record(record), known)
            )
    if not found:
        raise InputError(f"The folder {root} holds no assessments with their truths; make them first.")
    return found
