"""Model bundles: every file is checked, and whatever is wrong with one is a sentence, never a crash."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.networks.bundles import (
    BUNDLES,
    CHECKSUMS,
    DEFINITION,
    METADATA,
    NETWORK,
    read_bundle,
    seal,
)
from HeadCTIQALib.networks.runtime.onnx_engine import OnnxEngine
from HeadCTIQALib.networks.runtime.torch_engine import TorchEngine, load_network
from HeadCTIQALib.resources import resource

ENGINES = {"onnx": OnnxEngine, "torch": lambda: TorchEngine("cpu")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a shipped bundle that may be damaged."""
    made = tmp_path / "fluid"
    shutil.copytree(resource("Models", "fluid"), made)
    for path in made.rglob("*"):
        path.chmod(0o755)
    return made


def sentence(folder: Path, engine: str = "onnx") -> str:
    with pytest.raises(ModelError) as caught:
        ENGINES[engine]().load(read_bundle(folder))
    text = str(caught.value)
    assert repr(folder.name) in text
    assert text.endswith("reinstall HeadCTIQA.")
    assert text.count(". ") == 0
    return text


@pytest.mark.parametrize("name", BUNDLES)
def test_every_file_that_ships_has_its_checksum(name: str) -> None:
    shipped = resource("Models", name)
    known = dict(reversed(line.split("  ", 1)) for line in (shipped / CHECKSUMS).read_text().splitlines())
    files = {p.relative_to(shipped).as_posix() for p in shipped.rglob("*") if p.is_file()} - {CHECKSUMS}
    assert set(known) == files, (
        "after a change of a file, write the checksums again: HeadCTIQALib.networks.bundles.seal"
    )
    for file in files:
        assert hashlib.sha256((shipped / file).read_bytes()).hexdigest() == known[file], file
    assert read_bundle(shipped).metadata["weights_sha256"] == known[NETWORK]


@pytest.mark.parametrize("name", [METADATA, DEFINITION, NETWORK])
@pytest.mark.parametrize("where", [0, 0.5, -1])
def test_one_changed_byte_is_noticed(folder: Path, name: str, where: float) -> None:
    content = bytearray((folder / name).read_bytes())
    content[int(where * len(content)) if where >= 0 else -1] ^= 1
    (folder / name).write_bytes(content)
    assert "checksum" in sentence(folder)


@pytest.mark.parametrize("name", [CHECKSUMS, METADATA, DEFINITION, NETWORK])
@pytest.mark.parametrize("how", ["missing", "empty", "a folder", "truncated", "no text"])
def test_damaged_file_is_one_sentence(folder: Path, name: str, how: str) -> None:
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if how == "a folder":
        path.mkdir()
    elif how != "missing":
        path.write_bytes({"empty": b"", "truncated": content[: len(content) // 2], "no text": b"\xff\xfe\x00"}[how])
    sentence(folder)
    if name != CHECKSUMS and path.is_file():
        seal(folder)  # as if it had been made so
        sentence(folder)


def changed(file: str, /, **values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = json.loads((folder / file).read_text())
        content.update(values)
        (folder / file).write_text(json.dumps({k: v for k, v in content.items() if v is not None}))

    return change


def network(**values: object) -> Callable[[Path], None]:
    return changed(DEFINITION, network_def={"_target_": "x", "channels": 7, "filters": [32, 48, 64, 96], **values})


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(content) and None


def weights(change: Callable[[dict[str, np.ndarray]], object]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        model = onnx.load(folder / NETWORK)
        state = {i.name: onnx.numpy_helper.to_array(i).copy() for i in model.graph.initializer}
        change(state)
        del model.graph.initializer[:]
        model.graph.initializer.extend(onnx.numpy_helper.from_array(v, k) for k, v in state.items())
        onnx.save(model, folder / NETWORK)

    return write


def operator(folder: Path) -> None:
    """Code of a stranger would be an operator that the standard does not have."""
    model = onnx.load(folder / NETWORK)
    model.graph.node[-1].domain, model.graph.node[-1].op_type = "com.stranger", "RunCode"
    onnx.save(model, folder / NETWORK)


#: What torch alone looks at when it loads a network: onnxruntime has the graph.
FOR_TORCH = {
    "a scale of another shape": weights(lambda s: s.update({"stem.conv1.conv.weight.scale": np.ones(3, np.float32)})),
    "a weight of another shape": weights(lambda s: s.update({"out.bias": np.ones(5, np.float32)})),
    "filters are a word": network(filters="many"),
    "filters are words": network(filters=["32"]),
    "no filters": network(filters=[]),
    "too huge filters": network(filters=[60_000] * 4),
    "many levels": network(filters=[32] * 100_000),
    "other filters": network(filters=[32, 48, 64, 97]),
    "weights NaN": weights(lambda s: s.update({k: np.full_like(v, np.nan) for k, v in s.items() if v.dtype == np.float32})),
    "a weight too many": weights(lambda s: s.update(more=np.zeros(3, np.float32))),
    "complex weights": weights(lambda s: s.update({"out.bias": s["out.bias"].astype(np.complex64)})),
}  # fmt: skip

MALFORMED = {
    "metadata is a list": text(METADATA, "[]"),
    "metadata is null": text(METADATA, "null"),
    "deep nesting": text(METADATA, "[" * 100_000),
    "no name": changed(METADATA, name=None),
    "name is a number": changed(METADATA, name=3),
    "version is a list": changed(METADATA, version=["1"]),
    "license is an object": changed(METADATA, license={"a": 1}),
    "lone surrogate": changed(METADATA, name="\ud800"),
    "landmarks are a list": changed(METADATA, template_landmarks=[1, 2, 3]),
    "landmark of two": changed(METADATA, template_landmarks={"VERTEX": [1, 2]}),
    "landmark NaN": changed(METADATA, template_landmarks={"VERTEX": [1, 2, float("nan")]}),
    "landmark infinite": changed(METADATA, template_landmarks={"VERTEX": [1, 2, float("inf")]}),
    "landmark of words": changed(METADATA, template_landmarks={"VERTEX": ["1", "2", "3"]}),
    "no network": text(DEFINITION, "{}"),
    "network is a list": text(DEFINITION, '{"network_def": [1]}'),
    "negative filters": network(filters=[-32, 48]),
    "filters NaN": network(filters=[float("nan")] * 4),
    "too huge filters": network(filters=[10**15] * 4),
    "weights are pickled": lambda folder: (folder / NETWORK).write_bytes(b"\x80\x04\x95" + bytes(100)) and None,
    "a weight is missing": weights(lambda s: s.pop("stem.conv1.conv.weight")),
    "an operator of nobody": operator,
}  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_malformed_bundle_is_one_sentence(folder: Path, change: Callable[[Path], None], engine: str) -> None:
    if engine == "torch" and change is operator:
        pytest.skip("torch takes the weights alone")
    spoil(folder, change)
    sentence(folder, engine)


@pytest.mark.parametrize("change", FOR_TORCH.values(), ids=FOR_TORCH)
def test_a_network_that_is_not_as_described_is_one_sentence(folder: Path, change: Callable[[Path], None]) -> None:
    spoil(folder, change)
    sentence(folder, "torch")


def spoil(folder: Path, change: Callable[[Path], None]) -> None:
    change(folder)
    content = json.loads((folder / METADATA).read_text()) if (folder / METADATA).read_text().startswith("{") else None
    if content is not None:
        digest = hashlib.sha256((folder / NETWORK).read_bytes()).hexdigest()
        (folder / METADATA).write_text(json.dumps({**content, "weights_sha256": digest}))
    seal(folder)


@pytest.mark.parametrize("name", BUNDLES)
def test_the_metadata_list_what_the_network_needs(name: str) -> None:
    """Operators of the standard, at a version that onnxruntime of the last years knows; the weights lie in the file itself."""
    bundle = read_bundle(resource("Models", name))
    model = onnx.load_model_from_string(bundle.network)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", bundle.metadata["onnx"]["opset"])]
    assert sorted({node.op_type for node in model.graph.node}) == bundle.metadata["onnx"]["operators"]
    assert not any(node.domain for node in model.graph.node)
    assert not any(i.external_data for i in model.graph.initializer)


@pytest.mark.parametrize("name", BUNDLES)
def test_weights_are_whole_steps_of_eight_bits(name: str) -> None:
    net = load_network(read_bundle(resource("Models", name)))
    for w in (p for p in net.parameters() if p.ndim > 1):
        rows = w.detach().flatten(1)
        steps = 127 * rows / rows.abs().amax(1, keepdim=True)
        assert (steps - steps.round()).abs().max() < 0.1
