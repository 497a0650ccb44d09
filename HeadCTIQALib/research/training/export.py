"""Trained weights to a MONAI bundle: the ONNX file, metadata, inference config and model card."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import monai
import numpy as np
import torch
from scipy import ndimage

from HeadCTIQALib.errors import OutputError
from HeadCTIQALib.networks.bundles import CHECKSUMS, NETWORK, Bundle, read_bundle, seal
from HeadCTIQALib.networks.channels import LANDMARKS
from HeadCTIQALib.networks.runtime.onnx_engine import OnnxEngine
from HeadCTIQALib.networks.runtime.torch_engine import load_network
from HeadCTIQALib.writing import is_json, output_error, recover, whole_folder

from .heads import LabelledHead
from .loop import State
from .onnx_file import write_network
from .sources import counted

METADATA, DEFINITION, CARD = "configs/metadata.json", "configs/inference.json", "docs/README.md"
_FILES = (METADATA, DEFINITION, CARD, NETWORK, CHECKSUMS)
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


def write_bundle(
    folder: Path,
    state: State,
    definition: Mapping[str, Any],
    metadata: Mapping[str, Any],
    describe: Callable[[Mapping[str, Any]], str] | None = None,
) -> Bundle:
    """Write a bundle whole or not at all, and load it once with either engine as the product would.

    Args:
        folder: becomes the bundle; its name is the network's ("anatomy", "fluid" ...), a bundle already there is replaced.
        state: weights.
        definition: "_target_" and arguments of the network.
        metadata: everything for configs/metadata.json except versions and the checksum; "heads" are the names of the
            training heads, "figures" what was measured, "training" a sentence.
        describe: makes the model card of the metadata; None for :func:`card`.

    Raises:
        OutputError: the folder holds something else, or cannot be written.
    """
    with bundle_folder(folder) as part:
        written = write_network(part, folder.name, definition, state)
        versions = {
            "monai_version": monai.__version__,
            "pytorch_version": torch.__version__.split("+")[0],
            "numpy_version": np.__version__,
        }
        record = {**metadata, **versions, **written}
        (part / METADATA).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        (part / DEFINITION).write_text(json.dumps({"network_def": dict(definition)}, indent=2) + "\n", encoding="utf-8")
        (part / CARD).write_text((describe or card)(record), encoding="utf-8")
        seal(part)
        load_network(read_bundle(part), folder.name)
        OnnxEngine().load(read_bundle(part))
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
        f"- **Network** {record.get('network', 'MONAI DynUNet')}; weights as int8 with a scale per output channel (ONNX, SHA-256 in `configs/metadata.json`).",
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
