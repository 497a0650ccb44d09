"""The section "Compare": two assessments of one scan side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from HeadCTIQALib.errors import HeadCTIQAError, InputError
from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.report.html import plain_unit
from HeadCTIQALib.text import lines, printable

from . import forms
from .folder_button import FolderButton
from .session import Event, Session
from .side_by_side import LEFT, RIGHT, Other, SideBySide

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
        self._beside = forms.button(
            _("Show side by side"),
            _("Both assessments in two linked slice views, for the selected metric; press again for your own views."),
            self._beside_clicked,
            "sideBySideButton",
        )
        self._beside.setCheckable(True)
        self._views = SideBySide(session)
        self._other_assessment: Callable[[], Other] | None = None
        self._table = forms.table("comparisonTable", ["", _("First"), _("Second"), _("Difference")], 0)
        self._table.setMinimumHeight(200)
        self._table.connect("cellClicked(int,int)", self._clicked)
        self._words = forms.words("comparisonWords")
        self._ids: list[str] = []
        layout = parent.layout()
        layout.addLayout(forms.row(qt.QLabel(_("Shown against")), self._other.widget, self._before))
        for widget in (self._beside, self._table, self._words, self._notice):
            layout.addWidget(widget)
        session.observe(self._changed)
        self._changed("assessment")

    def cleanup(self) -> None:
        """Stop following the session."""
        self._views.leave()
        self._session.unobserve(self._changed)

    def exit(self) -> None:
        """The user turns to another module: the views are theirs again."""
        self._views.leave()
        self._beside.setChecked(False)

    def _changed(self, event: Event) -> None:
        if event == "assessment":
            record = self._session.record
            self._other.widget.setEnabled(record is not None)
            self._before.setEnabled(bool(record and record.review))
            self._show(None)
            self.exit()
        elif event == "selection":
            self._views.follow()

    def _folder_chosen(self, folder: Path) -> None:
        from HeadCTIQALib.record import read_record

        if self._session.record is not None:
            self._compare(lambda shown: (shown, read_record(folder)), (_("Shown"), folder.name))
            self._other_assessment = lambda: self._of_folder(folder)

    def _compare_before(self, *_arguments: Any) -> None:
        from HeadCTIQALib.assessment import uncorrected

        self._compare(lambda shown: (uncorrected(shown), shown), (_("Before"), _("Corrected")))
        self._other_assessment = self._of_before

    def _of_folder(self, folder: Path) -> Other:
        from HeadCTIQALib.assessment import load_assessment

        stored = load_assessment(folder, self._session.volume)
        assert stored.findings is not None  # of a volume that was given
        return Other(stored.record, stored.findings, RIGHT)

    def _of_before(self) -> Other:
        from HeadCTIQALib.assessment import uncorrected
        from HeadCTIQALib.assessment.review_record import original_findings

        record, findings = self._session.record, self._session.findings
        assert record is not None  # something was compared
        assert findings is not None
        return Other(uncorrected(record), original_findings(record, findings), LEFT)

    def _beside_clicked(self, *_arguments: Any) -> None:
        if self._views.shown:
            self.exit()
            return
        forms.tell(self._notice, "")
        try:
            with forms.Waiting():
                if self._session.volume is None or self._session.findings is None or self._other_assessment is None:
                    raise InputError(_("The scan of this assessment is not in the scene; load the scan first."))
                self._views.show(self._other_assessment())
        except (HeadCTIQAError, RuntimeError) as error:
            forms.tell(self._notice, str(error))
        self._beside.setChecked(self._views.shown)

    def _compare(self, pair: Any, titles: tuple[str, str]) -> None:
        from HeadCTIQALib.assessment import compare

        forms.tell(self._notice, "")
        self.exit()  # of what was compared before
        try:
            result = compare(*pair(self._session.record))
        except HeadCTIQAError as error:
            forms.tell(self._notice, str(error))
            result = None
        self._table.setHorizontalHeaderLabels(["", *map(printable, titles), _("Difference")])
        self._show(result, titles)

    def _show(self, result: Any | None, titles: tuple[str, str] = ("", "")) -> None:
        self._beside.setEnabled(result is not None)
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
