"""Model bundles: every file is checked, and whatever is wrong with one is a sentence, never a crash."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.networks import bundle as bundles
from HeadCTIQALib.networks import wire, worker
from HeadCTIQALib.networks.anatomy import SHAPE
from HeadCTIQALib.networks.bundle import (
    BUNDLES,
    CHECKSUMS,
    DEFINITION,
    METADATA,
    WEIGHTS,
    load_network,
    read_bundle,
    seal,
)
from HeadCTIQALib.networks.local import LocalNetworks
from HeadCTIQALib.resources import resource

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a shipped bundle that may be damaged."""
    made = tmp_path / "fluid"
    shutil.copytree(resource("Models", "fluid"), made)
    for path in made.rglob("*"):
        path.chmod(0o755)
    return made


def load(folder: Path) -> None:
    load_network(read_bundle(folder), "cpu")


def sentence(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(folder)
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
    assert set(known) == files, "after a change of a file, write the checksums again: HeadCTIQALib.networks.bundle.seal"
    for file in files:
        assert hashlib.sha256((shipped / file).read_bytes()).hexdigest() == known[file], file
    assert read_bundle(shipped).metadata["weights_sha256"] == known[WEIGHTS]


@pytest.mark.parametrize("name", [METADATA, DEFINITION, WEIGHTS])
@pytest.mark.parametrize("where", [0, 0.5, -1])
def test_one_changed_byte_is_noticed(folder: Path, name: str, where: float) -> None:
    content = bytearray((folder / name).read_bytes())
    content[int(where * len(content)) if where >= 0 else -1] ^= 1
    (folder / name).write_bytes(content)
    assert "checksum" in sentence(folder)


@pytest.mark.parametrize("name", [CHECKSUMS, METADATA, DEFINITION, WEIGHTS])
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


def header(size: int, entries: object = None) -> Callable[[Path], None]:
    words = json.dumps(entries).encode()
    return lambda folder: (folder / WEIGHTS).write_bytes(struct.pack("<Q", size or len(words)) + words) and None


def weights(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        state = safetensors.load_file(folder / WEIGHTS)
        change(state)
        safetensors.save_file(state, folder / WEIGHTS)

    return write


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
    "filters are a word": network(filters="many"),
    "filters are words": network(filters=["32"]),
    "no filters": network(filters=[]),
    "negative filters": network(filters=[-32, 48]),
    "filters NaN": network(filters=[float("nan")] * 4),
    "huge filters": network(filters=[60_000] * 4),
    "too huge filters": network(filters=[10**15] * 4),
    "many levels": network(filters=[32] * 100_000),
    "other filters": network(filters=[32, 48, 64, 97]),
    "header of exabytes": header(2**63),
    "header of a gigabyte": header(2**30),
    "header is a list": header(0, [1]),
    "tensor beyond the file": header(0, {"stem.x": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}),
    "tensor of negative size": header(0, {"stem.x": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 0]}}),
    "unknown type": header(0, {"stem.x": {"dtype": "X9", "shape": [], "data_offsets": [0, 0]}}),
    "weights are pickled": lambda folder: (folder / WEIGHTS).write_bytes(b"\x80\x04\x95" + bytes(100)) and None,
    "a weight is missing": weights(lambda s: s.pop(next(iter(s)))),
    "a weight too many": weights(lambda s: s.update(more=torch.zeros(3))),
    "a scale of another shape": weights(lambda s: s.update({next(k for k in s if k.endswith(".scale")): torch.ones(3).half()})),
    "weights NaN": weights(lambda s: s.update({k: torch.full_like(v, float("nan")) for k, v in s.items() if v.is_floating_point()})),
    "a weight infinite": weights(lambda s: next(v for v in s.values() if v.is_floating_point()).view(-1)[:1].fill_(float("inf"))),
    "complex weights": weights(lambda s: s.update({k: v.to(torch.complex64) for k, v in s.items() if v.ndim == 1 and not k.endswith(".scale")})),
}  # fmt: skip


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_malformed_bundle_is_one_sentence(folder: Path, change: Callable[[Path], None]) -> None:
    change(folder)
    content = json.loads((folder / METADATA).read_text()) if (folder / METADATA).read_text().startswith("{") else None
    if content is not None:
        digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
        (folder / METADATA).write_text(json.dumps({**content, "weights_sha256": digest}))
    seal(folder)
    sentence(folder)


@pytest.mark.parametrize(
    "how", ["huge filters", "header of exabytes", "landmarks are a list", "no network", "weights NaN"]
)
def test_the_network_process_says_the_sentence_and_goes_on(folder: Path, how: str) -> None:
    shutil.copytree(resource("Models", "anatomy"), folder.parent / "anatomy")
    MALFORMED[how](folder)
    seal(folder)
    box = (np.zeros(SHAPE, np.float32), np.ones(SHAPE, bool))
    requests = iter([({"bundle": "fluid", "device": "cpu"}, ()), ({"bundle": "anatomy", "device": "cpu"}, box), None])
    out = io.BytesIO()
    worker.serve(lambda: next(requests), out, LocalNetworks("cpu", folder.parent))
    out.seek(0)
    damaged, fine = wire.receive(out), wire.receive(out)
    assert "reinstall HeadCTIQA" in damaged[0]["error"]
    assert fine[0] == {}


def test_packages_that_cannot_be_loaded_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise OSError("libcudart.so.12: cannot open shared object file")

    monkeypatch.setattr(bundles.importlib, "import_module", broken)
    with pytest.raises(ModelError, match="torch and monai are damaged"):
        bundles.network_module("fluid")
