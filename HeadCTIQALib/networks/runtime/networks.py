"""The networks by the names of their bundles, loaded once and kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from numpy.typing import NDArray

from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.networks.bundles import BUNDLES, open_bundle

from .engine import Engine, Run, choose_engine

NO_MEMORY = (
    "There is not enough memory for the networks; close other programs, use --device cpu, or use a larger machine."
)


class Networks:
    """Calls networks by the name of their bundle, each loaded when it is first needed.

    Args:
        device, engine: see :func:`HeadCTIQALib.networks.runtime.engine.choose_engine`.
        models: folder of bundles; None for those that ship with the library.
    """

    def __init__(self, device: str = "auto", engine: str = "auto", models: Path | None = None) -> None:
        self._request = (engine, device)
        self._models = models
        self._engine: Engine | None = None
        self._loaded: dict[str, Run] = {}
        self._loading, self._running = threading.Lock(), threading.Lock()

    @property
    def engine(self) -> Engine:
        """What runs them.

        Raises:
            ModelError: see :func:`HeadCTIQALib.networks.runtime.engine.choose_engine`.
        """
        with self._loading:
            return self._chosen()

    def load(self, *names: str) -> None:
        """Load the networks of some bundles, or of all that the product uses.

        Raises:
            ModelError: the engine is not installed or has no such device, a bundle is damaged, or memory is short.
        """
        for name in names or BUNDLES:
            self._run(name)

    def __call__(self, name: str, *arrays: NDArray) -> tuple[NDArray, ...]:
        """Run the network of bundle ``name``.

        Raises:
            ModelError: as :meth:`load`.
        """
        run = self._run(name)
        with self._running, memory_told():  # one after the other: each takes all cores, and memory of its own
            return run(*arrays)

    def _run(self, name: str) -> Run:
        with self._loading, memory_told():  # the steps that call run in threads
            if name not in self._loaded:
                self._loaded[name] = self._chosen().load(open_bundle(name, self._models))
            return self._loaded[name]

    def _chosen(self) -> Engine:
        if self._engine is None:
            self._engine = choose_engine(*self._request)
        return self._engine


@contextmanager
def memory_told() -> Iterator[None]:
    """Within the block memory that is short is one sentence, whatever an engine makes of it."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # of onnxruntime; torch has a class of its own only for some devices
        text = str(error).lower()
        if (
            isinstance(error, MemoryError)
            or "bad_alloc" in text
            or ("memory" in text and "alloc" in text)
            or "out of memory" in text
        ):
            raise ModelError(NO_MEMORY) from error
        raise
