"""Motion grades as a table of slice ranges: first slice, last slice (counted from 1 at the bottom), grade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from HeadCTIQALib.errors import HeadCTIQAError

from . import forms
from .reviewing import Reviewing
from .session import Event, Session

_UNGRADED = "-"


class MotionTable:
    """The table and its buttons, in ``widget``; slices in no row have no motion."""

    def __init__(self, session: Session, reviewing: Reviewing) -> None:
        self._session, self._reviewing = session, reviewing
        self.widget = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self._table = forms.table("motionTable", [_("First slice"), _("Last slice"), _("Grade 0-3")], 2)
        self._table.setMinimumHeight(90)
        self._table.setToolTip(
            _(
                "Grade 1: motion that is just visible, 3: not diagnostic, - : cannot be graded. Slices in no row have no motion."
            )
        )
        layout.addWidget(self._table)
        layout.addLayout(
            forms.row(
                forms.button(
                    _("Add range"), _("Add a range that begins at the slice shown."), self._add, "addRangeButton"
                ),
                forms.button(_("Remove range"), _("Remove the selected rows."), self._remove, "removeRangeButton"),
                forms.button(
                    _("Apply grades"), _("Measure motion with these grades."), self._apply, "applyGradesButton"
                ),
            )
        )
        self._shown: tuple[Any, tuple[int, ...]] | None = None
        session.observe(self._changed)
        self._fill()

    def _changed(self, event: Event) -> None:
        if event == "assessment":
            self._fill()

    def _fill(self) -> None:
        record = self._session.record
        grades = () if record is None else record.findings.motion_grades or ()
        shown = (self._session.volume_node, grades)
        if shown == self._shown:
            return  # rows that were typed and not applied yet stay while something else changes
        self._shown = shown
        rows = [
            (str(first + 1), str(last + 1), _UNGRADED if grade < 0 else str(grade))
            for first, last, grade in runs(grades)
        ]
        forms.fill(self._table, rows, editable=True)

    def _add(self, *_arguments: Any) -> None:
        n, shown = self._table.rowCount, str(slice_shown(self._session) + 1)
        self._table.insertRow(n)
        for column, text in enumerate((shown, shown, "1")):
            self._table.setItem(n, column, qt.QTableWidgetItem(text))

    def _remove(self, *_arguments: Any) -> None:
        for n in sorted({item.row() for item in self._table.selectedItems()}, reverse=True):
            self._table.removeRow(n)

    def _apply(self, *_arguments: Any) -> None:
        texts = [tuple(self._text(n, column) for column in range(3)) for n in range(self._table.rowCount)]
        # slices in no row are free of motion
        self._reviewing.correct(
            lambda review: review.grade_slices(
                [(0, review.volume.shape[0] - 1, 0), *_ranges(texts)], corrector=self._reviewing.corrector
            )
        )

    def _text(self, n: int, column: int) -> str:
        item = self._table.item(n, column)
        return str(item.text()).strip() if item is not None else ""


def slice_shown(session: Session) -> int:
    """Native index of the slice nearest to the axial view; 0 without one."""
    view, volume = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed"), session.volume
    if view is None or volume is None:
        return 0
    centre = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, 3]
    return int(abs(volume.slice_positions - centre @ volume.k).argmin())


def runs(grades: Sequence[int]) -> list[tuple[int, int, int]]:
    """Slices with motion or without a grade as ranges (first, last, grade) of native indices."""
    found: list[tuple[int, int, int]] = []
    for n, grade in enumerate(map(int, grades)):
        if found and found[-1][1] == n - 1 and found[-1][2] == grade:
            found[-1] = (found[-1][0], n, grade)
        elif grade != 0:
            found.append((n, n, grade))
    return found


def _ranges(texts: Sequence[tuple[str, ...]]) -> list[tuple[int, int, int]]:
    """What was typed, as native ranges.

    Raises:
        HeadCTIQAError: something that is no number.
    """
    result = []
    for n, (first, last, grade) in enumerate(texts, start=1):
        try:
            result.append((int(first) - 1, int(last) - 1, -1 if grade == _UNGRADED else int(grade)))
        except ValueError as error:
            raise HeadCTIQAError(
                _("Row {n} of the motion table needs whole numbers; the grade may be - as well.").format(n=n)
            ) from error
    return result
