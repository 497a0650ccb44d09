"""One bar for a whole assessment: it only ever grows, names the stage and says how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from HeadCTIQALib.text import printable

# stage -> where its fractions 0 and 1 lie in the whole; after the times of a head of 144 slices without a graphics card
_OUTLINE = (0.40, 0.80)
_SPANS = {
    "Reading the scan": (0.02, 0.12),
    "Loading the networks": (0.12, 0.15),
    "Looking at the anatomy": (0.15, 0.40),
    "Outlining tissue": _OUTLINE,  # these four tell fractions of one step
    "Looking for foreign objects": _OUTLINE,
    "Finding the mid-sagittal plane": _OUTLINE,
    "Looking for motion and streaks": _OUTLINE,
    "Measuring": (0.80, 0.90),
    "Scoring": (0.90, 0.91),
    "Drawing the report": (0.91, 0.96),
    "Writing the results": (0.96, 0.99),
}
_SURE_FROM, _SURE_AFTER_S = 0.10, 3.0  # before, what is left cannot be told


class ProgressBar:
    """Shows the progress events of an assessment in a ``QProgressBar`` of 0..100."""

    def __init__(self, bar: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._bar, self._clock = bar, clock
        self.restart()

    def restart(self) -> None:
        """Another assessment begins."""
        self._done, self._began = 0.0, self._clock()

    def show(self, stage: str, fraction: float) -> None:
        """``fraction`` (0..1) of ``stage`` is done; a stage that is not known leaves the bar where it is."""
        first, last = _SPANS.get(stage, (0.0, 0.0))
        self._done = max(self._done, first + (last - first) * min(1.0, max(0.0, fraction)))
        self._bar.setValue(round(100 * self._done))
        words = [printable(stage).replace("%", ""), self._left()]
        self._bar.setFormat(", ".join(w for w in words if w) + "  %p%")

    def _left(self) -> str:
        spent = self._clock() - self._began
        if self._done < _SURE_FROM or spent < _SURE_AFTER_S:
            return ""
        seconds = spent * (1.0 - self._done) / self._done
        if seconds > 90:
            return str(_("about {n} min left").format(n=round(seconds / 60)))
        return str(_("about {n} s left").format(n=max(1, round(seconds))))
