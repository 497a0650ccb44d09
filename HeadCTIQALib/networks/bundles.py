"""Model bundles in MONAI's layout: configs/metadata.json, configs/inference.json, models/model.onnx, docs/README.md.

Beside them lies sha256sums.txt: every file is checked before it is used.  Both engines read the one ONNX file, which holds
the weights itself and operators of the standard alone: no code is executed when it is loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from HeadCTIQALib.errors import InputError, ModelError, boundary
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.resources import resource

#: Every bundle that the product uses; all of them ship with it.
BUNDLES = ANATOMY, LANDMARKS, ARTEFACT, OBJECTS, FLUID = ("anatomy", "landmarks", "artefact", "objects", "fluid")
METADATA, DEFINITION = "configs/metadata.json", "configs/inference.json"
NETWORK = "models/model.onnx"
CHECKSUMS = "sha256sums.txt"
_CARD = ("name", "version", "intended_use", "data_source", "license")
_LARGEST = {CHECKSUMS: 1 << 20, METADATA: 1 << 24, DEFINITION: 1 << 20, NETWORK: 1 << 30}  # bytes
_WIDEST = 1 << 16  # channels of a layer
_FARTHEST_MM = 1000.0


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk.

    Attributes:
        metadata: configs/metadata.json.
        definition: "network_def" of configs/inference.json.
        checksums: SHA-256 of every file, by its path in the bundle.
    """

    folder: Path
    metadata: dict[str, Any]
    definition: dict[str, Any]
    checksums: dict[str, str]

    @property
    def title(self) -> str:
        """ "name version", as written into methods and reports."""
        return f"{self.metadata['name']} {self.metadata['version']}"

    @property
    def card(self) -> dict[str, Any]:
        """What an assessment records about the model."""
        return {**{k: self.metadata.get(k) for k in _CARD}, "sha256": self.metadata["weights_sha256"]}

    @property
    def network(self) -> bytes:
        """The ONNX file.

        Raises:
            ModelError: it is missing or damaged.
        """
        return _content(self.folder, NETWORK, self.checksums)

    def fits(self) -> AbstractContextManager[None]:
        """Within the block, what goes wrong means that the network is not what the bundle describes: a ModelError."""
        return boundary(
            f"The weights of the model bundle {self.folder.name!r} do not fit its network; reinstall HeadCTIQA.",
            ModelError,
        )


@cache
def open_bundle(name: str, models: Path | None = None) -> Bundle:
    """Find and verify the bundle ``name`` among those that ship with the library, or in the folder ``models``.

    Raises:
        ModelError: a file is missing, does not match its checksum, or says what no bundle can.
    """
    return read_bundle(models / name if models else resource("Models", name))


def read_bundle(folder: Path) -> Bundle:
    """Verify the bundle in ``folder``.

    Raises:
        ModelError: see :func:`open_bundle`.
    """
    with _whole(folder):
        lines = _content(folder, CHECKSUMS, None).decode("ascii").splitlines()
        checksums = {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
        metadata = _json(folder, METADATA, checksums)
        definition = _json(folder, DEFINITION, checksums)["network_def"]
    weights = hashlib.sha256(_content(folder, NETWORK, checksums)).hexdigest()
    with _sound(folder):
        _check(metadata, definition)
        if metadata["weights_sha256"] != weights:
            raise ValueError("other weights")
    return Bundle(folder, metadata, definition, checksums)


def seal(folder: Path) -> None:
    """Write the checksums of all files in ``folder``, in the form that ``sha256sum --check`` reads."""
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != CHECKSUMS)
    lines = (f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in files)
    (folder / CHECKSUMS).write_text("".join(lines), encoding="ascii", newline="")


def _whole(folder: Path) -> AbstractContextManager[None]:
    return boundary(f"The model bundle {folder.name!r} is incomplete or damaged; reinstall HeadCTIQA.", ModelError)


def _sound(folder: Path) -> AbstractContextManager[None]:
    return boundary(
        f"The model bundle {folder.name!r} does not describe a network of HeadCTIQA; reinstall HeadCTIQA.", ModelError
    )


def _content(folder: Path, name: str, checksums: Mapping[str, str] | None) -> bytes:
    """The bytes of a file of a bundle, which are those that its checksum was made of."""
    with _whole(folder):
        try:
            content = read_regular(folder / name, _LARGEST[name], "The file")
        except InputError as error:
            raise ValueError("no file, or too large a one") from error
        known = None if checksums is None else checksums[name]
    if known is not None and hashlib.sha256(content).hexdigest() != known:
        raise ModelError(
            f"The file {name} of the model bundle {folder.name!r} does not match its checksum; reinstall HeadCTIQA."
        )
    return content


def _json(folder: Path, name: str, checksums: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_content(folder, name, checksums).decode("utf-8"))
    return found


def _check(metadata: dict[str, Any], definition: dict[str, Any]) -> None:
    """What the product takes from the two files has the types and sizes that it counts on.

    Raises:
        Exception: of any kind, if not.
    """
    for key in _CARD:
        text = metadata[key] if key in ("name", "version") else metadata.get(key) or ""
        if not isinstance(text, str):
            raise TypeError(key)
        text.encode()  # a lone surrogate cannot be written into a record
    for value in (v for item in definition.values() for v in (item if isinstance(item, list) else [item])):
        if not (isinstance(value, str) or (type(value) is int and 0 < value <= _WIDEST)):
            raise ValueError("no size of a layer")
    kinds = metadata.get("landmark_kinds", {}).values()
    for name, point in (item for marks in (metadata.get("template_landmarks", {}), *kinds) for item in marks.items()):
        if len(point) != 3 or not all(type(x) in (int, float) and abs(x) <= _FARTHEST_MM for x in point):
            raise ValueError(name)
