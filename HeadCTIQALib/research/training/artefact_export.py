"""A checkpoint of the artefact network to a MONAI bundle: the ONNX file, metadata, inference config, model card.

    python -m HeadCTIQALib.research.training.artefact_export TRAINING/last.pt Resources/Models/artefact [--figures FILE]

The names of the training heads come from setup.json beside the checkpoint, figures (name to value) from a JSON file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from HeadCTIQALib.networks.artefact_grid import PIXEL_MM, SIDE
from HeadCTIQALib.networks.nets.artefact import FILTERS, FINE

from .export import write_bundle

NAME, VERSION = "headctiqa-artefact", "0.1.0"


def export(checkpoint: Path, bundle: Path, heads: Sequence[str], figures: Mapping[str, Any] | None = None) -> None:
    """Write the bundle.

    Args:
        checkpoint: ``last.pt`` of the training; the running average of the weights is taken.
        bundle: folder to write to.
        heads: names of what it was trained on.
        figures: measured accuracy, name to value, for the metadata and the model card.
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    simulated = [h for h in heads if h.startswith("simulated")]
    real = [h for h in heads if not h.startswith("simulated")]
    record = {
        "name": NAME,
        "version": VERSION,
        "task": "motion grade (0-3) and streak mask of axial slices of a head CT",
        "intended_use": "motion and streak artefact for image quality assessment of adult head CT; research use only, not a medical device",
        "data_source": _sources(real, len(simulated)),
        "license": "Apache-2.0",
        "authors": "HeadCTIQA contributors",
        "copyright": "HeadCTIQA contributors",
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image",
                    "num_channels": 1,
                    "spatial_shape": [SIDE, SIDE],
                    "pixel_mm": list(PIXEL_MM),
                    "channel_def": {"0": "HU"},
                }
            },
            "outputs": {
                "grades": "probabilities of grade >= 1, 2, 3",
                "streak": "probability in 1/255",
            },
        },
        "training_heads": real,
        "simulated_heads": len(simulated),
        "training_steps": state["step"],
        "earlier_steps": state["earlier"],
        "figures": dict(figures or {}),
    }
    definition = {"_target_": "HeadCTIQALib.networks.nets.artefact.ArtefactNet", "filters": list(FILTERS), "fine": FINE}
    write_bundle(bundle, state["average"], definition, record, _card)


SOURCES = {
    "ge-hispeed-tilt": "neurolabusc/dcm_qa_ct, BSD-2",
    "ge-revolution-dental": "PHCTQA demonstration case, Apache-2.0",
    "ge-vct-tumour": "TCIA CPTAC-GBM C3N-01192, CC BY",
    "onkodicom-hn": "planning CT published with didymo/OnkoDICOM",
    "visible-human-male": "Visible Human Project, public domain",
}


def _sources(real: Sequence[str], simulated: int) -> str:
    fine = [name for name in real if name in SOURCES]
    parts = [f"{simulated} procedurally simulated heads (Apache-2.0)"]
    if len(real) > len(fine):
        parts.append(f"{len(real) - len(fine)} planning CTs of open-kbp (MIT)")
    return ", ".join([*parts, *(f"{name} ({SOURCES[name]})" for name in fine)])


def _steps(record: Mapping[str, Any]) -> str:
    earlier, steps = record["earlier_steps"], record["training_steps"]
    return f"{earlier} steps, then {steps} more" if earlier else f"{steps} steps"


def _card(record: Mapping[str, Any]) -> str:
    figures = "\n".join(f"| {k} | {v} |" for k, v in record["figures"].items())
    table = f"| figure | value |\n|---|---|\n{figures}\n" if figures else "Not measured yet.\n"
    return f"""# Model card: {record["name"]} {record["version"]}

Motion grade and streak mask of the slices of a head CT. **Research use only; not a medical device. Adults only.**

- **Task** per slice: probabilities that the motion grade is at least 1, 2 and 3 (RMS of the motion artefact inside the
  intracranial space of 2, 5 and 12 HU, after a 3-pixel mean); per pixel: probability of streak or dark band.
- **Network** MONAI U-Net blocks (batch normalisation), {FINE} filters at 2 mm and {"-".join(map(str, FILTERS))} from 4 mm on, four windows of
  the HU as input, slices of {SIDE} x {SIDE} pixels of about 1 mm. Weights as int8 with a scale per output channel
  (ONNX, SHA-256 in `configs/metadata.json`).
- **Training** `python -m HeadCTIQALib.research.training.artefact`: {_steps(record)}. In-plane and through-plane motion, metal with
  photon starvation and beam hardening are computed in the projection domain and laid over clean slices with noise, hair,
  cushions and holders, helical windmills, shading and clipped air.

## Data that it saw

{record["data_source"]}. Artefacts in all of them are simulated; slices that show motion or metal of their own were left out.

## Figures

{table}
## Limits

Accuracy on a site's own population is unknown until the site has measured it. Truth is simulated: rigid motion in parallel
geometry, one slice at a time. A sudden shift between two rotations leaves no trace within a slice and is looked for by other
means. No paediatric heads.
"""


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--figures", type=Path)
    a = parser.parse_args()
    heads = json.loads((a.checkpoint.parent / "setup.json").read_text(encoding="utf-8"))["heads"]
    export(a.checkpoint, a.bundle, heads, json.loads(a.figures.read_text(encoding="utf-8")) if a.figures else None)


if __name__ == "__main__":
    main()
