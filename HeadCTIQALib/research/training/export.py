"""Trained weights to a MONAI bundle: compact safetensors, metadata, inference config and model card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import monai
import numpy as np
import torch
from safetensors.torch import save
from scipy import ndimage

from HeadCTIQALib.errors import OutputError
from HeadCTIQALib.networks.bundle import CHECKSUMS, WEIGHTS, Bundle, compact, load_network, read_bundle, seal
from HeadCTIQALib.networks.channels import LANDMARKS
from HeadCTIQALib.writing import is_json, output_error, recover, whole_folder

from .heads import LabelledHead
from .loop import State
from .sources import counted

METADATA, DEFINITION, CARD = "configs/metadata.json", "configs/inference.json", "docs/README.md"
_FILES = (METADATA, DEFINITION, CARD, WEIGHTS, CHECKSUMS)
LIMITS = (
    "Accuracy on a site's own population is unknown until the site has measured it. Few heads, all adult; little pathology beyond what is "
    "simulated; no paediatric heads. Landmarks outside the scan are extrapolated."
)


def template_landmarks(heads: Sequence[LabelledHead]) -> dict[str, list[float]]:
    """Median template coordinate (mm) of every landmark over heads: where the coordinate head expects it."""
    out = {}
    for name in LANDMARKS:
        seen = []
        for h in heads:
            if name in h.landmarks:
                index = h.grid.index(np.asarray(h.landmarks[name]))
                value = [
                    float(ndimage.map_coordinates(c, index[:, None], order=1, mode="nearest")[0]) for c in h.template
                ]
                if np.isfinite(value).all():
                    seen.append(value)
        if seen:
            out[name] = [round(float(v), 2) for v in np.median(seen, axis=0)]
    return out


def write_bundle(folder: Path, state: State, definition: Mapping[str, Any], metadata: Mapping[str, Any]) -> Bundle:
    """Write a bundle whole or not at all, and load it once as the product would.

    Args:
        folder: becomes the bundle; its name is the network's ("anatomy", "fluid" ...), a bundle already there is replaced.
        state: weights.
        definition: "_target_" and arguments of the network.
        metadata: everything for configs/metadata.json except versions and the checksum; "heads" are the names of the
            training heads, "figures" what was measured, "training" a sentence.

    Raises:
        OutputError: the folder holds something else, or cannot be written.
    """
    # what batch normalisation counts is for training only, and may not fit into half precision
    weights = {k: v if v.is_floating_point() else torch.zeros_like(v) for k, v in state.items()}
    with bundle_folder(folder) as part:
        (part / WEIGHTS).write_bytes(save(compact(weights)))
        versions = {
            "monai_version": monai.__version__,
            "pytorch_version": torch.__version__.split("+")[0],
            "numpy_version": np.__version__,
        }
        record = {**metadata, **versions, "weights_sha256": hashlib.sha256((part / WEIGHTS).read_bytes()).hexdigest()}
        (part / METADATA).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        (part / DEFINITION).write_text(json.dumps({"network_def": dict(definition)}, indent=2) + "\n", encoding="utf-8")
        (part / CARD).write_text(card(record), encoding="utf-8")
        seal(part)
        load_network(read_bundle(part), "cpu", folder.name)
    return read_bundle(folder)


@contextmanager
def bundle_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes the bundle ``folder``, in the place of an older one, whole or not at all.

    Raises:
        OutputError: ``folder`` is something else, or cannot be written.
    """

    def permit() -> bool:
        check_bundle(folder)
        return False

    with whole_folder(folder, _FILES.__contains__, permit) as part:
        for file in _FILES:
            (part / file).parent.mkdir(exist_ok=True)
        yield part


def check_bundle(folder: Path) -> None:
    """Refuse a folder that is not a bundle of ours, nor empty; what a killed run left of it is put in order.

    Raises:
        OutputError: see above.
    """
    try:
        if folder.parent.is_dir():
            recover(folder, _FILES.__contains__)
        ours = is_json(folder / METADATA, lambda content: content["weights_sha256"])
        if folder.exists() and not ours and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(
                f"The folder {folder}, where the bundle would be written, holds other files; choose another --output."
            )
    except OSError as error:
        raise output_error(folder, error, "The bundle") from error


def card(record: Mapping[str, Any]) -> str:
    """The model card in Markdown."""
    lines = [
        f"# Model card: {record['name']} {record['version']}", "",
        f"{record['task'][:1].upper()}{record['task'][1:]}. **Research use only; not a medical device. Adults only.**", "",
        f"- **Intended use** {record['intended_use']}.",
        f"- **Network** {record.get('network', 'MONAI DynUNet')}; weights as int8 with a scale per output channel (safetensors, SHA-256 in `configs/metadata.json`).",
        f"- **Training** {record.get('training', 'see configs/metadata.json')}", "",
        "## Data that it saw", "", "| data | heads | terms | labels |", "|---|---|---|---|",
        *(f"| {s.title} | {n} | {s.terms} | {s.labels} |" for s, n in counted(record.get("heads", ())).items()),
        *(f"\n{record[k]}" for k in ("data_note",) if record.get(k)),
        "", "## Figures", "", *_figures(record.get("figures", {})), "", "## Limits", "", record.get("limits", LIMITS), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _figures(figures: Mapping[str, Any]) -> list[str]:
    if not figures:
        return ["None were measured."]
    return ["| measured | value |", "|---|---|", *(f"| {k} | {v} |" for k, v in figures.items())]
