"""The networks that look closer than the anatomy network, at work while the program refines masks.

What they find is what the analytic steps find without them: this module alone decides, by which bundles are present.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings import Landmark
from HeadCTIQALib.volume import CTVolume

from .bundle import BUNDLES, open_bundle, present
from .types import Artefacts, Beforehand, CoarseAnatomy, FluidSearch, Infer

if TYPE_CHECKING:
    from .artefact import Seen

_, LANDMARKS, ARTEFACT, OBJECTS, FLUID = BUNDLES


class SecondStage:
    """Artefacts, foreign objects, fine landmarks and fluid of one scan; all but fluid are begun when this is made and asked for later.

    Args:
        volume: the scan.
        coarse: what the anatomy network saw in it.
        infer: runs a network by the name of its bundle; None for no networks.
    """

    def __init__(self, volume: CTVolume, coarse: CoarseAnatomy, infer: Infer | None) -> None:
        self._volume = volume
        self._coarse = coarse
        self._infer = infer
        self._pool = ThreadPoolExecutor(4, "second stage")
        self._artefact: Future[Seen] | None = None
        self._objects: Future[NDArray[np.uint8]] | None = None
        self._landmarks: Future[dict[str, Landmark]] | None = None
        if infer is not None and present(ARTEFACT):
            from .artefact import look_for_artefacts

            self._artefact = self._pool.submit(look_for_artefacts, volume, coarse, infer)
        if infer is not None and present(OBJECTS):
            from .objects import look_for_objects

            self._objects = self._pool.submit(look_for_objects, volume, coarse, infer)
        if infer is not None and present(LANDMARKS):
            from .landmarks import fine_landmarks

            self._landmarks = self._pool.submit(fine_landmarks, volume, coarse, infer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)  # a refusal or an interruption does not wait

    def methods(self, analytic: Mapping[str, str]) -> dict[str, str]:
        """What made the findings, for the record, given what the ``analytic`` steps say of themselves; artefacts tell their own."""
        out = dict(analytic)
        if self._landmarks is not None:
            out["landmarks"] = open_bundle(LANDMARKS).title
        if self._objects is not None:
            out["foreign_object"] += f", {open_bundle(OBJECTS).title}"
        if self.fluid is not None:
            out["tissue"] += f", {open_bundle(FLUID).title}"
        return out

    def landmarks(self) -> Mapping[str, Landmark]:
        """The best landmarks there are.

        Raises:
            ModelError: the network cannot run.
        """
        if self._landmarks is None:
            return self._coarse.landmarks
        return {**self._coarse.landmarks, **self._landmarks.result()}

    @property
    def fluid(self) -> FluidSearch | None:
        """The fluid network, which needs to be told where the brain lies and how dense it is; None without it."""
        infer = self._infer
        if infer is None or not present(FLUID):
            return None

        return lambda *arrays: self._pool.submit(lambda: infer(FLUID, *arrays)[0])

    def objects(self, tissue: NDArray[np.uint8], proposed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(K, J, I) removable foreign objects: those that HU propose, as far as the network agrees, and what it sees besides.

        Args:
            tissue: (K, J, I) refined tissue map; proposed: (K, J, I) by HU.

        Raises:
            ModelError: the network cannot run.
        """
        if self._objects is None:
            return proposed
        from .objects import decided_objects

        return decided_objects(self._volume, tissue, proposed, self._objects.result(), self._coarse)

    @property
    def sees_artefacts(self) -> bool:
        """Whether :meth:`artefacts` can be asked."""
        return self._artefact is not None

    def artefacts(self, tissue: NDArray[np.uint8], beforehand: Beforehand) -> Artefacts:
        """Motion and streaks as the network sees them.

        Args:
            tissue: (K, J, I) refined tissue map; beforehand: what its outlines told.

        Raises:
            ModelError: the network cannot run.
        """
        from .artefact import artefact_findings

        assert self._artefact is not None, "no network"
        return artefact_findings(self._volume, tissue, self._artefact.result(), beforehand)
