"""Training items on disk, and pools of them to draw from."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Generic, Self, TypeVar

import numpy as np

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.writing import whole_file

from .errors import TrainingError


@dataclass(frozen=True)
class Item:
    """A dataclass of arrays and numbers, kept as <name>.npz."""

    name: str

    def save(self, folder: Path) -> None:
        """Write ``<name>.npz`` (no pickled objects) whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "name"}
        with whole_file(folder / f"{self.name}.npz", "The training item") as stream:
            np.savez_compressed(stream, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            TrainingError: the file is no such item.
        """
        try:
            with np.load(path, allow_pickle=False) as f:
                return cls(path.stem, **{k: f[k] for k in f.files})
        except (OSError, ValueError, TypeError, zipfile.BadZipFile) as e:
            raise TrainingError(f"The training item {path} cannot be read; delete it, and it is made again.") from e


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
