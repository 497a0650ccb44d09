"""An eleventh IQM, as a newcomer would add it: its row, its function with its registration.  Run by test_new_iqm.py in a process
of its own, since nothing takes an IQM out again; prints what every part of the program says of it, as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np

from HeadCTIQALib import hierarchy

# 1. the row in HeadCTIQALib/hierarchy.py
ROW = hierarchy.IQM(
    "brain_brightness",
    "B",
    "Brain brightness",
    "HU",
    "brightness",
    "Brightness of the brain",
    "noise_contrast",
    ((10, 0), (26, 100), (40, 100), (60, 0)),
    "Median HU of the brain parenchyma.",
    "made up for a test",
    "Edit the brain mask.",
)
hierarchy.IQMS += (ROW,)
hierarchy.IQM_BY_ID[ROW.id] = ROW

from HeadCTIQALib.findings.types import PARENCHYMA  # noqa: E402
from HeadCTIQALib.metrics import Evidence, Measurement, Metric, not_assessable, register  # noqa: E402


# 2. the function, and its registration
def brain_brightness(volume, findings):
    """Median HU of the brain parenchyma."""
    brain = findings.mask(*PARENCHYMA)
    if not brain.any():
        return not_assessable(ROW.id, "No brain was found.")
    value = float(np.median(volume.hu[brain]))
    fullest = int(np.argmax(brain.sum(axis=(1, 2))))
    evidence = Evidence(slice_index=fullest, masks=("parenchyma",), caption=f"The brain has {value:.1f} HU.")
    return Measurement(ROW.id, value, method="median of the brain mask", evidence=evidence)


register(
    Metric(
        ROW.id,
        brain_brightness,
        reads=frozenset({"parenchyma"}),
        instruct=lambda m, target_deg: "Calibrate the scanner.",
        segment="brain",
        truth=lambda drawn: float(np.median(drawn.clean[drawn.findings.mask(*PARENCHYMA)])),
    )
)


def main() -> None:
    """Everything that is said of the new IQM."""
    from HeadCTIQALib.assessment import evaluate
    from HeadCTIQALib.assessment.inputs import fed_by
    from HeadCTIQALib.cli import describe
    from HeadCTIQALib.metrics import measure
    from HeadCTIQALib.record import to_json
    from HeadCTIQALib.record.schema import json_schema
    from HeadCTIQALib.report import render
    from HeadCTIQALib.report.rows import rows
    from HeadCTIQALib.report.table_row import table_row
    from HeadCTIQALib.scoring import guideline_model, score
    from HeadCTIQALib.synthesis import Scene, simulate

    scan = simulate(3, scene=Scene())
    result = evaluate(scan.volume, scan.findings, models=())
    record = to_json(result.record)
    measured = measure(scan.volume, scan.findings)
    bright = {**measured, ROW.id: replace(measured[ROW.id], value=58.0)}
    said = {
        "truth": scan.truth[ROW.id],
        "record": record["iqms"][ROW.id],
        "in_schema": ROW.id in json.dumps(json_schema()),
        "row": table_row(result.record),
        "category_when_bright": score(bright, guideline_model()).categories[ROW.category].score,
        "report": render(result.record, scan.volume, scan.findings),
        "rows": [r.title for r in rows(result.record)],
        "describe": describe.as_text() + describe.as_json(),
        "fed_by_brain": fed_by({"parenchyma"}),
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
