"""The networks that look closer than the anatomy network, at work while the program refines masks.

What they find is what the analytic steps find without them: this module alone decides, by which bundles are present.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.findings import Landmark
from HeadCTIQALib.volume import CTVolume

from .bundle import BUNDLES, open_bundle, present
from .types import Artefacts, CoarseAnatomy, Infer

_, LANDMARKS, ARTEFACT = BUNDLES


class SecondStage:
    """Fine landmarks and artefacts of one scan, begun when this is made and asked for later.

    Args:
        volume: the scan.
        coarse: what the anatomy network saw in it.
        infer: runs a network by the name of its bundle; None for no networks.
    """

    def __init__(self, volume: CTVolume, coarse: CoarseAnatomy, infer: Infer | None) -> None:
        self._volume = volume
        self._coarse = coarse
        self._pool = ThreadPoolExecutor(2, "second stage")
        self._landmarks: Future[dict[str, Landmark]] | None = None
        self._artefact: Future[Any] | None = None
        if infer is not None and present(LANDMARKS):
            from .landmarks import fine_landmarks

            self._landmarks = self._pool.submit(fine_landmarks, volume, coarse, infer)
        if infer is not None and present(ARTEFACT):
            from .artefact import look_for_artefacts

            self._artefact = self._pool.submit(look_for_artefacts, volume, coarse, infer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)  # a refusal or an interruption does not wait

    def landmarks(self) -> tuple[Mapping[str, Landmark], dict[str, str]]:
        """The best landmarks there are, and what made them, for the record.

        Raises:
            ModelError: the network cannot run.
        """
        if self._landmarks is None:
            return self._coarse.landmarks, {}
        return {**self._coarse.landmarks, **self._landmarks.result()}, {"landmarks": open_bundle(LANDMARKS).title}

    @property
    def sees_artefacts(self) -> bool:
        """Whether :meth:`artefacts` can be asked."""
        return self._artefact is not None

    def artefacts(self, tissue: NDArray[np.uint8]) -> Artefacts:
        """Motion and streaks as the network sees them.

        Args:
            tissue: (K, J, I) refined tissue map.

        Raises:
            ModelError: the network cannot run.
        """
        assert self._artefact is not None, "no artefact network"
        from .artefact import artefact_findings

        return artefact_findings(self._volume, tissue, self._artefact.result())
