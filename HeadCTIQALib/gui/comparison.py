"""The section "Compare": two assessments of one scan side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from HeadCTIQALib.errors import HeadCTIQAError
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.report.html import plain_unit
from HeadCTIQALib.text import lines, printable

from . import forms
from .folder_button import FolderButton
from .session import Event, Session

_STATUS = {"measured": "", "scored": "", "corrected": "✎ ", "not_assessable": "", "withheld": ""}


class ComparisonSection:
    """Widgets of the section; see :func:`HeadCTIQALib.assessment.compare`.

    Args:
        session: what is shown, the first of the two unless a folder is chosen.
        parent: the section's collapsible button.
    """

    def __init__(self, session: Session, parent: Any) -> None:
        self._session = session
        self._notice = forms.notice("comparisonNotice")
        self._other = FolderButton(
            "compareFolderButton",
            _("Another assessment of the scan that is shown: of other networks, or corrected by another reader."),
            self._folder_chosen,
        )
        self._before = forms.button(
            _("Before corrections"),
            _("What is shown against what the networks measured."),
            self._compare_before,
            "compareBeforeButton",
        )
        self._table = forms.table("comparisonTable", ["", _("First"), _("Second"), _("Difference")], 0)
        self._table.setMinimumHeight(200)
        self._table.connect("cellClicked(int,int)", self._clicked)
        self._words = forms.words("comparisonWords")
        self._ids: list[str] = []
        layout = parent.layout()
        layout.addLayout(forms.row(qt.QLabel(_("Shown against")), self._other.widget, self._before))
        for widget in (self._table, self._words, self._notice):
            layout.addWidget(widget)
        session.observe(self._changed)
        self._changed("assessment")

    def cleanup(self) -> None:
        """Stop following the session."""
        self._session.unobserve(self._changed)

    def _changed(self, event: Event) -> None:
        if event == "assessment":
            record = self._session.record
            self._other.widget.setEnabled(record is not None)
            self._before.setEnabled(bool(record and record.review))
            self._show(None)

    def _folder_chosen(self, folder: Path) -> None:
        from HeadCTIQALib.record import read_record

        if self._session.record is not None:
            self._compare(lambda shown: (shown, read_record(folder)), (_("Shown"), folder.name))

    def _compare_before(self, *_arguments: Any) -> None:
        from HeadCTIQALib.assessment import uncorrected

        self._compare(lambda shown: (uncorrected(shown), shown), (_("Before"), _("Corrected")))

    def _compare(self, pair: Any, titles: tuple[str, str]) -> None:
        from HeadCTIQALib.assessment import compare

        forms.tell(self._notice, "")
        try:
            result = compare(*pair(self._session.record))
        except HeadCTIQAError as error:
            forms.tell(self._notice, str(error))
            result = None
        self._table.setHorizontalHeaderLabels(["", *map(printable, titles), _("Difference")])
        self._show(result, titles)

    def _show(self, result: Any | None, titles: tuple[str, str] = ("", "")) -> None:
        rows = result.rows if result is not None else ()
        self._ids = [r.id for r in rows]
        forms.fill(self._table, [_texts(r) for r in rows], numbers=(1, 2, 3))
        for n, r in enumerate(rows):
            if r.unit == "points":
                font = self._table.item(n, 0).font()
                font.setBold(True)
                for column in range(4):
                    self._table.item(n, column).setFont(font)
            for column, reason in ((1, r.reason[0]), (2, r.reason[1])):
                self._table.item(n, column).setToolTip(forms.tip(reason))
        self._words.setText("" if result is None else lines(_words(result, titles)))

    def _clicked(self, row: int, _column: int) -> None:
        if row < len(self._ids):
            self._session.select(self._ids[row])


def _texts(r: Any) -> tuple[str, str, str, str]:
    name = r.title if r.unit == "points" else f"    {r.title}" + ("" if r.unit == "1" else f" ({plain_unit(r.unit)})")
    digits = 1 if r.unit == "points" else 2
    values = [_STATUS[s] + _number(v, digits, s) for v, s in zip((r.first, r.second), r.status, strict=True)]
    if r.difference is None:
        return name, values[0], values[1], "-"
    shown = round(r.difference, digits)
    return name, values[0], values[1], f"{shown:+.{digits}f}" if shown else "="


def _number(value: float | None, digits: int, status: str) -> str:
    words = {"not_assessable": _("not assessable"), "withheld": _("withheld")}
    return words[status] if value is None else f"{value:.{digits}f}"


def _words(result: Any, titles: tuple[str, str]) -> str:
    lines = []
    for title, models, correctors, created in zip(
        titles, result.models, result.correctors, result.created, strict=True
    ):
        by = _("corrected by {names}").format(names=", ".join(correctors)) if correctors else _("not corrected")
        lines.append(f"{title}: {'; '.join(models)}; {by}; {created}")
    moved = [
        r for r in result.rows if r.id in IQM_BY_ID and (r.first, r.second) != (None, None) and r.difference != 0.0
    ]
    lines.append(_("{n} of {all} metrics differ.").format(n=len(moved), all=len(IQM_BY_ID)))
    return "\n".join(lines)
