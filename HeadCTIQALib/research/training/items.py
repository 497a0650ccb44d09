"""Training items on disk, and pools of them to draw from."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import numpy as np

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.geometry import Point
from HeadCTIQALib.volume.resample import Grid
from HeadCTIQALib.writing import whole_file

from .errors import TrainingError


@dataclass(frozen=True)
class Item:
    """A dataclass of arrays and numbers, kept as <name>.npz; ``hu`` may lie on a ``grid``, with ``landmarks`` in RAS mm."""

    name: str

    def save(self, folder: Path) -> None:
        """Write ``<name>.npz`` (no pickled objects) whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        kept: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "name"}
        if (grid := kept.pop("grid", None)) is not None:
            kept |= {"origin": grid.origin, "spacing": grid.spacing}
        if "landmarks" in kept:
            kept["landmarks"] = json.dumps({k: list(v) for k, v in kept["landmarks"].items()})
        with whole_file(folder / f"{self.name}.npz", "The training item") as stream:
            np.savez_compressed(stream, **kept)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            TrainingError: the file is no such item.
        """
        try:
            with np.load(path, allow_pickle=False) as f:
                kept: dict[str, Any] = {k: f[k] if f[k].ndim else f[k].item() for k in f.files}
            if "landmarks" in kept:
                kept["landmarks"] = landmarks_of(kept["landmarks"])
            if "origin" in kept:
                kept["grid"] = Grid(kept.pop("origin"), kept.pop("spacing"), kept["hu"].shape)
            return cls(path.stem, **kept)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, zipfile.BadZipFile) as e:
            raise TrainingError(f"The training item {path} cannot be read; delete it, and it is made again.") from e


def landmarks_of(text: str) -> dict[str, Point]:
    """Landmarks as an item keeps them."""
    return {k: tuple(v) for k, v in json.loads(text).items()}


T = TypeVar("T", bound=Item)
E = TypeVar("E")


def load_all(kind: type[T], folder: Path, exclude: Sequence[str] = ()) -> list[T]:
    """The items of a folder, by name, without those of the names ``exclude``.

    Raises:
        TrainingError: a file is no such item.
    """
    return [kind.load(p) for p in sorted(folder.glob("[!.]*.npz")) if p.stem not in exclude]


def fill(folder: Path, make: Callable[[int], Item | None], seeds: Sequence[int], count: int) -> None:
    """Write ``count`` simulated items to ``folder``, of the first ``seeds`` of which one can be made; existing ones are kept.

    Args:
        folder: made where it is missing.
        make: the item "simulated<seed>" of a seed; see :func:`attempt`.
        seeds: in order.
        count: how many.

    Raises:
        TrainingError: the folder cannot be written.
    """
    create(folder)
    left = count
    for seed in seeds:
        if left == 0:
            return
        if not (folder / f"simulated{seed}.npz").exists():
            item = attempt(make, seed)
            if item is None:
                continue
            item.save(folder)
        left -= 1


def attempt(make: Callable[[int], T | None], seed: int) -> T | None:
    """The item of a seed; None where ``make`` gives none or refuses the scan with an InputError."""
    try:
        return make(seed)
    except InputError:  # noise or motion beyond what the anatomy network recognises
        return None


def create(folder: Path) -> None:
    """Make a folder.

    Raises:
        TrainingError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise TrainingError(f"The folder {folder} cannot be written ({e.strerror or e}); choose another.") from e


def no_heads(data: Path) -> TrainingError:
    """What to say of a folder without items."""
    return TrainingError(
        f"The folder {data} holds no heads to train on; give the folder of the scans, or one prepared before."
    )


@dataclass(frozen=True)
class Pool(Generic[T]):
    """Groups of items; ``shares`` says how often each group is drawn."""

    groups: tuple[tuple[T, ...], ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, groups: Mapping[str, Sequence[T]], shares: Mapping[str, float]) -> Self:
        """Groups by name; one without items leaves its share to the others.

        Raises:
            TrainingError: there is no item at all.
        """
        kept = [name for name in groups if groups[name]]
        if not kept:
            raise TrainingError("There are no heads to train on.")
        total = sum(shares[name] for name in kept)
        return cls(tuple(tuple(groups[name]) for name in kept), tuple(shares[name] / total for name in kept))

    @property
    def names(self) -> list[str]:
        """Of all items."""
        return [item.name for group in self.groups for item in group]

    def pick(self, rng: np.random.Generator) -> T:
        """A random item of a random group."""
        group = self.groups[rng.choice(len(self.groups), p=self.shares)]
        return group[rng.integers(len(group))]


@dataclass(frozen=True)
class Sampler(Generic[T, E]):
    """Picks an item of a pool, and ``draw``s an example from it."""

    pool: Pool[T]
    draw: Callable[[T, np.random.Generator], E]

    def __call__(self, rng: np.random.Generator) -> E:
        """One random example."""
        return self.draw(self.pool.pick(rng), rng)

    @property
    def names(self) -> list[str]:
        """Of the heads."""
        return self.pool.names
