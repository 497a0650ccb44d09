"""The networks themselves: the only part of the product that imports torch and MONAI.

One module per model bundle, of the bundle's name::

    build(metadata) -> torch.nn.Module      untrained; metadata["network_def"] is that of configs/inference.json
    Deployed(net) -> torch.nn.Module        as model.onnx holds it: HU in, answers out; see below

Attributes of ``Deployed``:
    INPUTS: name to dtype and shape of every input; names in a shape stand for sizes that may vary.
    OUTPUTS: names of the outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

Inputs = Mapping[str, tuple[str, tuple[int | str, ...]]]
