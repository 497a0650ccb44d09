"""A training checkpoint to a MONAI bundle: compact safetensors, metadata, inference config and model card."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from scipy import ndimage

from HeadCTIQALib.networks.bundle import compact
from HeadCTIQALib.networks.net import LANDMARKS

from .heads import LabelledHead


def template_landmarks(heads: list[LabelledHead]) -> dict[str, list[float]]:
    """Median template coordinate (mm) of every landmark over heads: where the coordinate head expects it."""
    out = {}
    for name in LANDMARKS:
        seen = []
        for h in heads:
            if name in h.landmarks:
                index = h.grid.index(np.asarray(h.landmarks[name]))
                value = [float(ndimage.map_coordinates(c, index[:, None], order=1, mode="nearest")[0]) for c in h.template]
                if np.isfinite(value).all():
                    seen.append(value)
        out[name] = [round(float(v), 2) for v in np.median(seen, axis=0)]
    return out


def export(checkpoint: Path, data: Path, bundle: Path, metadata: dict[str, Any], filters: tuple[int, ...]) -> None:
    """Write weights, configs/metadata.json (with checksum and template landmarks) and configs/inference.json."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    for sub in ("configs", "models", "docs"):
        (bundle / sub).mkdir(parents=True, exist_ok=True)
    weights = bundle / "models" / "model.safetensors"
    save_file(compact(state["ema"]), weights)
    heads = [LabelledHead.load(p) for p in sorted((data / "labels").glob("*.npz"))]
    record = {
        **metadata,
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "training_steps": state["step"],
        "template_landmarks": template_landmarks(heads),
    }
    (bundle / "configs" / "metadata.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    inference = {"network_def": {"_target_": "HeadCTIQALib.networks.net.AnatomyNet", "filters": list(filters)}}
    (bundle / "configs" / "inference.json").write_text(json.dumps(inference, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Command line of the export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--metadata", type=Path, required=True, help="JSON with name, version, data_source, license, ...")
    parser.add_argument("--filters", type=int, nargs="+", default=[32, 64, 128, 160])
    a = parser.parse_args()
    export(a.checkpoint, a.data, a.bundle, json.loads(a.metadata.read_text(encoding="utf-8")), tuple(a.filters))


if __name__ == "__main__":
    main()
