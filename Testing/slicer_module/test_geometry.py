"""The panel at the widths and in the styles that it is used in: nothing cut, nothing over something else."""

from __future__ import annotations

from itertools import pairwise

import pytest

WIDTHS = (400, 430, 470, 490, 510, 600, 700)
SECTIONS = (
    "correctionsButton", "readersButton", "worklistButton", "comparisonButton", "calibrationButton", "advancedButton",
)  # fmt: skip


def settle(app):
    for _ in range(6):
        app.processEvents()


def show(module, app, width, height=1000):
    app.setStyle("Fusion")
    holder = module.widget.parent
    holder.resize(width, height)
    holder.show()
    settle(app)
    return holder


@pytest.fixture
def opened(scan_node, module, assessment_folder, slicer_app):
    module.controller.load(assessment_folder)
    module.session.select("baseline_angle")
    slicer_app.processEvents()
    return module


def cut(widget):
    """Texts of the widgets inside that are wider, or higher, than their widget."""
    import qt

    found = []
    for w in widget.findChildren(qt.QWidget):
        if not w.isVisible() or not isinstance(w, (qt.QLabel, qt.QAbstractButton)) or "collapsed" in dir(type(w)):
            continue
        if isinstance(w, qt.QLabel) and w.wordWrap:
            w_needs = w.heightForWidth(w.width) > w.height
        else:
            w_needs = w.sizeHint.width() > w.width
        if w_needs and w.text:
            found.append((w.objectName, w.text))
    return found


def overlapping(layout):
    """Pairs of neighbours in a layout that lie over each other."""
    places = [layout.itemAt(n).geometry() for n in range(layout.count()) if not layout.itemAt(n).isEmpty()]
    return [(a, b) for a, b in pairwise(places) if a.intersects(b)]


@pytest.mark.parametrize("width", WIDTHS)
def test_quality_at_every_width(opened, slicer_app, width):
    holder = show(opened, slicer_app, width)
    assert holder.width == width, "the panel can be as narrow as that"
    assert cut(opened.ui.qualityButton) == []
    assert overlapping(opened.ui.qualityButton.layout()) == []
    assert overlapping(opened.controller.widget.layout()) == []
    tree = opened.ui.qualityTree
    columns = [c for c in range(5) if not tree.isColumnHidden(c)]
    for column in columns:
        assert tree.sizeHintForColumn(column) <= tree.columnWidth(column), f"column {column} is cut"
    last = tree.topLevelItem(5)
    last = last.child(last.childCount() - 1)
    assert tree.visualItemRect(last).bottom() <= tree.viewport().height, "every row is seen"
    assert tree.viewport().height - tree.visualItemRect(last).bottom() < 30, "the tree takes just its rows"


@pytest.mark.parametrize("section", SECTIONS)
def test_other_sections_in_a_narrow_panel(opened, slicer_app, section):
    button = getattr(opened.ui, section)
    button.collapsed = False
    holder = show(opened, slicer_app, 400)
    assert holder.width == 400
    assert cut(button) == []
    assert overlapping(button.layout()) == []
    button.collapsed = True


def test_rows_follow_what_is_opened(opened, slicer_app):
    show(opened, slicer_app, 460)
    tree = opened.ui.qualityTree
    before = tree.height
    tree.topLevelItem(0).setExpanded(False)
    settle(slicer_app)
    assert tree.height < before
    tree.topLevelItem(0).setExpanded(True)
    settle(slicer_app)
    assert tree.height == before


def test_why_is_seen_without_scrolling(opened, slicer_app):
    """In a window of 1600 x 1000 some 800 pixels are left for the panel."""
    import qt

    show(opened, slicer_app, 490)
    browser = opened.ui.whyBrowser
    top = browser.mapTo(opened.controller.widget, qt.QPoint(0, 0)).y()
    assert top + 100 <= 800, "the first sentences"


def contrast(a, b):
    """Contrast of two colours (WCAG 2)."""
    import qt

    def light(color):
        c = qt.QColor(color)
        parts = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in (c.redF(), c.greenF(), c.blueF())]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("base", "window"), [("#ffffff", "#efefef"), ("#2a2a2a", "#353535")])
def test_colours_are_readable_in_light_and_dark(slicer_app, base, window):
    import qt

    from HeadCTIQALib.gui.drawing import band_color, quiet_color

    before, palette = slicer_app.palette(), qt.QPalette()
    palette.setColor(qt.QPalette.Base, qt.QColor(base))
    slicer_app.setPalette(palette)
    try:
        for color in (*(band_color(s) for s in ("good", "acceptable", "poor", "withheld")), quiet_color()):
            assert contrast(color, base) >= 4.5
            assert contrast(color, window) >= 4.5
    finally:
        slicer_app.setPalette(before)
