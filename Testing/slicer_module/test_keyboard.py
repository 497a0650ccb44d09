"""Everything that is done again and again goes by keys; every control says what it is."""

from __future__ import annotations

import pytest
from test_reader_scores import key as press

from HeadCTIQALib.hierarchy import CATEGORIES, IQMS

ITEMS = [m.id for c in CATEGORIES for m in IQMS if m.category == c.id]


@pytest.fixture
def shown(assessed, slicer_app):
    """The assessed module in a window."""
    assessed.widget.parent.resize(500, 1000)
    assessed.widget.parent.show()
    slicer_app.processEvents()
    yield assessed
    assessed.widget.parent.hide()


def test_through_all_items_and_back(shown):
    visited = []
    for _ in range(len(ITEMS) + 1):
        press(shown.widget.parent, "Ctrl+Down")
        visited.append(shown.session.selected)
    assert visited == [*ITEMS, ITEMS[-1]]
    tree = shown.ui.qualityTree
    assert tree.selectedItems()[0] is shown.controller.panel.item(
        f"item/{IQMS[[m.id for m in IQMS].index(ITEMS[-1])].item}"
    )
    for _ in range(len(ITEMS) + 1):
        press(shown.widget.parent, "Ctrl+Up")
    assert shown.session.selected == ITEMS[0]
    shown.session.select("overall")
    press(shown.widget.parent, "Ctrl+Up")
    assert shown.session.selected == ITEMS[-1]


def test_overlay(shown):
    assert shown.ui.overlaysCheckBox.checked
    press(shown.widget.parent, "Ctrl+E")
    assert not shown.ui.overlaysCheckBox.checked
    press(shown.widget.parent, "Ctrl+E")
    assert shown.ui.overlaysCheckBox.checked


@pytest.mark.parametrize("n", range(1, 8))
def test_a_score_is_typed_and_saved(shown, tmp_path, n, slicer_app):
    import qt
    from PySide6.QtTest import QTest

    readers = shown.controller.sections["readers"]
    readers._reading.set(reader="AB", folder=tmp_path / "readers")
    readers._reading.turn_to(tmp_path / "scan 1")
    press(shown.widget.parent, f"Alt+{n}")
    slicer_app.processEvents()
    focused = slicer_app.focusWidget()
    assert focused.objectName == f"score_{[*(c.id for c in CATEGORIES), 'overall'][n - 1]}"
    QTest.keyClicks(focused, "83")
    assert focused.value == 83
    press(shown.widget.parent, "Ctrl+Return")
    assert not shown.controller.sections["readers"]._notice.text
    (file,) = (tmp_path / "readers").iterdir()
    assert "83" in file.read_text()
    assert isinstance(focused, qt.QSpinBox)


def test_accepting_goes_on_only_when_it_was_saved(shown, monkeypatch):
    worklist, readers = (shown.controller.sections[name] for name in ("worklist", "readers"))
    went = []
    monkeypatch.setattr(worklist, "next", lambda: went.append(1))
    monkeypatch.setattr(readers, "save", lambda: False)
    press(shown.widget.parent, "Ctrl+Shift+Return")
    assert not went
    monkeypatch.setattr(readers, "save", lambda: True)
    press(shown.widget.parent, "Ctrl+Shift+Return")
    assert went == [1]


def sheet(shown):
    import qt

    return shown.controller.widget.findChild(qt.QDialog, "keyboardSheet")


def test_the_cheat_sheet_names_every_key(shown, slicer_app):
    import qt

    press(shown.widget.parent, "?")
    assert sheet(shown).visible
    table = sheet(shown).findChild(qt.QTableWidget, "keyboardTable")
    named = {table.item(n, 0).text() for n in range(table.rowCount)}
    shortcuts = {s.key.toString(qt.QKeySequence.NativeText) for s in shown.controller.widget.findChildren(qt.QShortcut)}
    assert named == shortcuts
    assert len(named) == table.rowCount, "a key has two meanings"
    press(sheet(shown), "?")
    assert not sheet(shown).visible
    shown.ui.keysButton.click()
    assert sheet(shown).visible
    sheet(shown).close()


def test_keys_are_quiet_while_another_module_is_shown(shown):
    shown.controller.widget.setVisible(False)
    shown.session.select("noise")
    press(shown.widget.parent, "Ctrl+Down")
    assert shown.session.selected == "noise"


def test_every_control_has_a_name(module):
    """As a screen reader would say it; also those that sections made in code."""
    from HeadCTIQALib.gui import accessible

    controls = accessible.controls(module.controller.widget)
    assert len(controls) > 60
    nameless = [
        f"{w.className()} {w.objectName} in {w.parent().objectName}" for w in controls if not w.accessibleName.strip()
    ]
    assert not nameless


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("inputSelector", "Scan"),
        ("assessButton", "Assess"),
        ("score_noise_contrast", "Noise and contrast"),
        ("opacitySlider", "Opacity of the masks"),
        ("readerEdit", "Reader"),
        ("qualityTree", "Quality tree"),
    ],
)
def test_what_controls_are_called(module, name, said):
    import qt

    assert module.controller.widget.findChild(qt.QWidget, name).accessibleName == said
