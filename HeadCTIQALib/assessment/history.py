"""Steps that can be undone and made again."""

from __future__ import annotations

from collections.abc import Sequence

from .correction import CorrectionError
from .edits import Edit

Edits = tuple[Edit, ...]


class History:
    """A line of states, each a tuple of edits in force, and where on it we are.

    Args:
        edits: made earlier; they can be undone one by one as well.
    """

    def __init__(self, edits: Sequence[Edit] = ()) -> None:
        self._states: list[Edits] = [tuple(edits[:n]) for n in range(len(edits) + 1)]
        self._at = len(edits)

    @property
    def now(self) -> Edits:
        """The edits in force."""
        return self._states[self._at]

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether an undone step can be made again."""
        return self._at + 1 < len(self._states)

    def push(self, edits: Edits) -> None:
        """A new step; undone steps are forgotten."""
        self._states[self._at + 1 :] = [edits]
        self._at += 1

    def undo(self) -> Edits:
        """Go one step back.

        Raises:
            CorrectionError: there is none.
        """
        if not self.can_undo:
            raise CorrectionError("There is nothing to undo.")
        self._at -= 1
        return self.now

    def redo(self) -> Edits:
        """Go one step forward again.

        Raises:
            CorrectionError: there is none.
        """
        if not self.can_redo:
            raise CorrectionError("There is nothing to redo.")
        self._at += 1
        return self.now
