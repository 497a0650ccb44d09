"""The quality panel: verdict, tree of categories, items and metrics, and why and how for the selected row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from HeadCTIQALib.hierarchy import IQM_BY_ID
from HeadCTIQALib.record import Record
from HeadCTIQALib.report import explanation
from HeadCTIQALib.report.focus import mask_names
from HeadCTIQALib.report.html import join, tag
from HeadCTIQALib.report.record import score_spread, score_words
from HeadCTIQALib.report.rows import MARKS, OVERALL, WITHHELD, Row, rows
from HeadCTIQALib.report.statistics import mask_statistics
from HeadCTIQALib.report.summary import known_range, verdict
from HeadCTIQALib.text import printable

from . import forms
from .drawing import band_color, bar, quiet_color
from .heights import Resized, fit, fit_tree
from .session import Event, Session

TITLE, VALUE, BAR, RATING, POINTS = range(5)
_BAR_SIZE = (46, 12)
#: What the rows say, from wide to narrow: intervals of scores, words of the rating (2 all, 1 the band, 0 its mark), bars.
_LEVELS = ((True, 2, True), (True, 1, True), (False, 1, True), (False, 1, False), (False, 0, False))
_ROW_ID = 0x0100  # Qt::UserRole
_MASKS_TAB = 2


class Panel:
    """Fills the widgets of the section "Quality" from the session, and tells the session what is selected.

    Args:
        ui: with overallLabel, qualityTree, whyBrowser, howBrowser, masksBrowser and detailTabs.
        toggle: called on a double click (before/after).
    """

    def __init__(self, ui: Any, session: Session, toggle: Callable[[], None]) -> None:
        self._ui, self._session, self._toggle = ui, session, toggle
        self._items: dict[str, Any] = {}
        self._rows: dict[str, Row] = {}
        self._filling = False
        self._statistics: tuple[int, Any] | None = None
        tree = ui.qualityTree
        tree.setHeaderLabels([_("Quality"), _("Value"), "", _("Rating"), _("Points")])
        tree.setIconSize(qt.QSize(*_BAR_SIZE))
        tree.connect("itemSelectionChanged()", self._selected)
        tree.connect("itemDoubleClicked(QTreeWidgetItem*,int)", self._double_clicked)
        for signal in ("itemExpanded(QTreeWidgetItem*)", "itemCollapsed(QTreeWidgetItem*)"):
            tree.connect(signal, self._fit_tree)
        tree.setVerticalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOff)
        self._resized = [Resized(ui.overallLabel, fit), Resized(tree.viewport(), self._fit_columns)]
        ui.detailTabs.connect("currentChanged(int)", self._fill_details)
        session.observe(self._changed)
        self._fill()

    def cleanup(self) -> None:
        """Stop following the session."""
        self._session.unobserve(self._changed)

    def item(self, id_: str) -> Any:
        """``QTreeWidgetItem`` of a row id."""
        return self._items[id_]

    def _changed(self, event: Event) -> None:
        if event == "assessment":
            self._statistics = None
            self._fill()
        elif event == "selection":
            self._follow()
            self._fill_details()

    def _fill(self) -> None:
        record = self._session.record
        self._ui.overallLabel.setText(_overall(record, self._session.title()))
        fit(self._ui.overallLabel)
        tree = self._ui.qualityTree
        self._filling = True
        opened = {id_ for id_, item in self._items.items() if item.isExpanded()}
        first = not self._items
        self._items = {}
        tree.clear()
        self._rows = {row.id: row for row in (rows(record)[1:] if record else ())}
        for row in self._rows.values():
            item = qt.QTreeWidgetItem()
            self._dress(item, row)
            if row.parent:
                self._items[row.parent].addChild(item)
            else:
                tree.addTopLevelItem(item)
            item.setExpanded(row.kind == "category" if first else row.id in opened)
            self._items[row.id] = item
        tree.header().setSectionResizeMode(TITLE, qt.QHeaderView.Stretch)
        self._filling = False
        self._fit_tree()
        self._fit_columns()
        self._follow()
        self._fill_details()

    def _fit_tree(self, *_arguments: Any) -> None:
        if not self._filling:
            fit_tree(self._ui.qualityTree)

    def _fit_columns(self, *_arguments: Any) -> None:
        """Say as much as there is room for, so that nothing is cut: what is left out stands in the tips and below."""
        tree = self._ui.qualityTree
        points = any(row.points for row in self._rows.values())
        for spread, words, bars in _LEVELS:
            for id_, row in self._rows.items():
                item, value = self._items[id_], printable(row.value)
                item.setText(VALUE, value if spread or row.kind == "iqm" else value.split(" (")[0])
                item.setText(RATING, printable((row.rating, row.short_rating, row.mark)[2 - words]))
            tree.setColumnHidden(BAR, not bars)
            tree.setColumnHidden(POINTS, not points)
            shown = [c for c in (TITLE, VALUE, BAR, RATING, POINTS) if not tree.isColumnHidden(c)]
            for column in shown[1:]:
                tree.resizeColumnToContents(column)
            if sum(tree.columnWidth(c) for c in shown[1:]) + tree.sizeHintForColumn(TITLE) <= tree.viewport().width:
                break

    def _dress(self, item: Any, row: Row) -> None:
        item.setText(TITLE, printable(row.title))
        item.setText(POINTS, row.points)
        item.setData(TITLE, _ROW_ID, row.iqm or row.id)
        for column in (VALUE, POINTS):
            item.setTextAlignment(column, qt.Qt.AlignRight | qt.Qt.AlignVCenter)
        item.setForeground(RATING, qt.QBrush(qt.QColor(band_color(row.state))))
        words = "\n".join(
            s for s in (f"{row.title}: {row.value}, {row.words or row.state}", row.reason, row.advice) if s
        )
        for column in range(5):
            item.setToolTip(column, forms.tip(words))
        if row.kind != "iqm":
            item.setIcon(BAR, qt.QIcon(bar(row.share, row.state, *_BAR_SIZE, row.kind == "category")))
        if row.kind == "category":
            font = item.font(TITLE)
            font.setBold(True)
            for column in (TITLE, VALUE, RATING):
                item.setFont(column, font)

    def _selected(self) -> None:
        if self._filling:
            return
        chosen = self._ui.qualityTree.selectedItems()
        self._session.select(str(chosen[0].data(TITLE, _ROW_ID)) if chosen else None)

    def _double_clicked(self, _item: Any, _column: int) -> None:
        self._toggle()

    def _follow(self) -> None:
        """Select the row of what the session has selected, wherever that was chosen."""
        id_ = self._session.selected
        chosen = self._ui.qualityTree.selectedItems()
        if chosen and str(chosen[0].data(TITLE, _ROW_ID)) == id_:
            return
        self._filling = True
        self._ui.qualityTree.clearSelection()
        key = f"item/{IQM_BY_ID[id_].item}" if id_ in IQM_BY_ID else id_
        if key in self._items:
            self._items[key].setSelected(True)
            self._ui.qualityTree.scrollToItem(self._items[key])
        self._filling = False

    def _fill_details(self, *_: Any) -> None:
        record, id_ = self._session.record, self._session.selected or OVERALL
        ui = self._ui
        if record is None:
            for browser in (ui.whyBrowser, ui.howBrowser, ui.masksBrowser):
                browser.setHtml("")
            return
        heading = tag("h4", _heading(id_))
        ui.whyBrowser.setHtml(str(join(heading, explanation.why(record, id_))))
        ui.howBrowser.setHtml(str(join(heading, explanation.how(record, id_))))
        if ui.detailTabs.currentIndex == _MASKS_TAB:
            ui.masksBrowser.setHtml(self._masks(record, id_))

    def _masks(self, record: Record, id_: str) -> str:
        findings, volume = self._session.findings, self._session.volume
        if findings is None or volume is None:
            return str(tag("p", _("Statistics need the scan in the scene.")))
        if self._statistics is None or self._statistics[0] != id(findings):
            self._statistics = (id(findings), mask_statistics(volume, findings))
        return str(explanation.masks(self._statistics[1], mask_names(record, id_) if id_ in IQM_BY_ID else ()))


def _heading(id_: str) -> str:
    if id_ in IQM_BY_ID:
        return f"{IQM_BY_ID[id_].item_title}: {IQM_BY_ID[id_].title}"
    from HeadCTIQALib.hierarchy import CATEGORY_BY_ID

    return CATEGORY_BY_ID[id_].title if id_ in CATEGORY_BY_ID else _("Overall score")


def _overall(record: Record | None, name: str) -> str:
    """The verdict in a sentence on top, then score and band in words and mark, and whose score it is."""
    if record is None:
        return str(tag("p", _("No assessment yet: choose a scan and press Assess, or load an assessment.")))
    overall, known = record.overall, record.verdict.band
    score = overall.score
    states = [str(overall.band)] if score is not None else [WITHHELD, known] if known else [WITHHELD]
    *bound, shown = score_words(overall).split(" ")
    number = join(
        f"{' '.join(bound)} " if bound else None, tag("span", shown, style="font-size:20pt; font-weight:600;")
    )
    spread = score_spread(overall)
    of = tag(
        "span", f" / 100  {f'({spread})  ' if spread else ''}" if score is not None else f" {known_range(record)}  "
    )
    words = [
        tag("span", f"{MARKS[s]} {s} ", style=f"font-size:12pt; font-weight:600; color:{band_color(s)};")
        for s in states
    ]
    corrected = any(entry.status == "corrected" for entry in record.iqms.values())
    lines: list[Any] = [
        tag("p", verdict(record), style="margin-top:0; margin-bottom:2px; font-size:11pt; font-weight:600;"),
        tag("p", number, of, *words, style="margin:0;"),
    ]
    if score is None:
        lines.append(tag("p", overall.withheld_reason, style="margin-top:2px; margin-bottom:2px;"))
    small = [
        name,
        _("Scored by: {model}").format(model=record.scoring_model.name),
        _("Profile: {profile}").format(profile=record.profile.name),
    ]
    small += [_("(in brackets: 95 % intervals)")] if overall.interval is not None else []
    small += [_("✎ corrected by a person")] if corrected else []
    small += [_("SIMULATED scan")] if record.input.simulated else []
    lines.append(
        tag("p", " · ".join(s for s in small if s), style=f"margin:0; font-size:small; color:{quiet_color()};")
    )
    return str(join(*lines))
