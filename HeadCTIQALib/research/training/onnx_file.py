"""A trained network to the ONNX file of its bundle: the graph from HU to answers, and the weights as int8.

Initialisers are named like the parameters of the network, and batch normalisation stays a step of its own, so that torch
reads the same file back.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from HeadCTIQALib.networks.bundles import NETWORK
from HeadCTIQALib.networks.runtime.torch_engine import SCALE, network_module

OPSET = 18
EXAMPLE = {
    "boxes": 1,
    "patches": 2,
    "slices": 2,
    "rows": 64,
    "columns": 96,
}  # sizes that may vary, while the graph is traced
STEPS = 127


def write_network(
    bundle: Path, name: str, definition: Mapping[str, Any], weights: Mapping[str, torch.Tensor]
) -> dict[str, Any]:
    """Write the ONNX file of a bundle; returns what its metadata tells of it.

    Args:
        bundle: folder of the bundle.
        name: of the network, as in :data:`HeadCTIQALib.networks.bundles.BUNDLES`.
        definition: arguments of the network; weights: what training left, by the names of its parameters.
    """
    module = network_module(name)
    net = module.build({"network_def": {k: v for k, v in definition.items() if not k.startswith("_")}})
    net.load_state_dict(weights)
    model = packed(traced(module.Deployed(net.eval())))
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    (bundle / NETWORK).write_bytes(content)
    return {
        "weights_sha256": hashlib.sha256(content).hexdigest(),
        "onnx": {"opset": OPSET, "operators": sorted({node.op_type for node in model.graph.node})},
    }


def traced(deployed: torch.nn.Module) -> onnx.ModelProto:
    """The graph of a ``Deployed`` network with its weights in float32; see :mod:`HeadCTIQALib.networks.nets`."""
    example, varying = [], {}
    for name, (dtype, shape) in deployed.INPUTS.items():  # type: ignore[union-attr, operator]
        sizes = [EXAMPLE.get(n, n) for n in shape]
        example.append(torch.ones(sizes, dtype=getattr(torch, dtype)))
        varying[name] = {axis: n for axis, n in enumerate(shape) if isinstance(n, str)}
    if "levels" in varying:  # fluid is darker than brain
        example[-1] = torch.tensor([5.0, 35.0, 4.0])
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what MONAI asks of shapes while it is traced
        torch.onnx.export(
            deployed, tuple(example), buffer, dynamo=False,  # type: ignore[arg-type]
            opset_version=OPSET, do_constant_folding=False,
            # otherwise batch normalisation would be folded into the convolutions
            training=torch.onnx.TrainingMode.PRESERVE, input_names=list(varying), output_names=list(deployed.OUTPUTS),  # type: ignore[arg-type]
            dynamic_axes={**varying, **{name: _first_axes(varying) for name in deployed.OUTPUTS}},  # type: ignore[union-attr]
        )  # fmt: skip
    return onnx.load_model_from_string(buffer.getvalue())


def _first_axes(varying: Mapping[str, Mapping[int, str]]) -> dict[int, str]:
    return {0: next(iter(varying.values()))[0]}


def packed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with convolutions and other matrices as int8 and a step size for every output channel.

    A quarter of the size of float32; the rounding error is at most 1/254 of the largest weight of a channel.
    """
    graph, kept, unpack = model.graph, [], []
    for old in graph.initializer:
        name, w = old.name.removeprefix("net."), numpy_helper.to_array(old)
        for node in graph.node:
            node.input[:] = [name if i == old.name else i for i in node.input]
        if w.ndim < 2:
            kept.append(numpy_helper.from_array(w, name))
            continue
        step = (np.maximum(np.abs(w).reshape(len(w), -1).max(1), 1e-8) / STEPS).astype(np.float16).astype(np.float32)
        whole = np.rint(w / step.reshape(-1, *[1] * (w.ndim - 1))).clip(-STEPS, STEPS).astype(np.int8)
        kept += [numpy_helper.from_array(whole, name), numpy_helper.from_array(step, name + SCALE)]
        for node in graph.node:
            node.input[:] = [f"{name}.value" if i == name else i for i in node.input]
        unpack.append(onnx.helper.make_node("DequantizeLinear", [name, name + SCALE], [f"{name}.value"], axis=0))
    nodes = [*unpack, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    for node in graph.node:
        node.doc_string = ""
    return model
