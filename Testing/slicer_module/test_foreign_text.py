"""Names from records, folders and readers are text in the panel, never markup, and cannot reverse a line."""

from __future__ import annotations

import csv

import pytest

HOSTILE = "=cmd()<img src='x'><b>bold</b>\x1b[2J\u202eevil"

pytestmark = pytest.mark.usefixtures("alone")


def test_labels_show_markup_as_it_is_written(module):
    from HeadCTIQALib.gui import forms

    module.controller._message(HOSTILE, [HOSTILE])
    label = forms.notice("n")
    forms.tell(label, HOSTILE)
    for shown in (module.ui.messageLabel, label):
        assert int(shown.textFormat) == 0, "Qt::PlainText"
        assert "<b>bold</b>" in shown.text
        assert shown.text.isprintable()
    assert "\u202e" not in module.ui.detailsText.plainText
    assert forms.tip("a < b & c").startswith("<qt>a &lt; b &amp; c")
    assert forms.tip("plain") == "plain"
    table = forms.table("t", ["a"], 0)
    forms.fill(table, [[HOSTILE]])
    assert table.item(0, 0).text().isprintable()
    assert "&lt;b&gt;" in table.item(0, 0).toolTip()


def test_a_hostile_record_is_text(assessed, tmp_path):
    from HeadCTIQALib.gui import files, panel
    from HeadCTIQALib.record import check_record, to_json
    from HeadCTIQALib.report.table_row import table_row

    content = to_json(assessed.session.record)
    content["input"]["name"] = content["scoring_model"]["name"] = HOSTILE
    content["overall"].update(score=None, band=None, withheld_reason=HOSTILE)
    record = check_record(content, "x")
    shown = panel._overall(record, HOSTILE)
    assert "<img" not in shown
    assert "&lt;img" in shown
    assert shown.isprintable()
    row = table_row(record)
    assert row["scan"] == HOSTILE
    assessed.session.record = record
    files.export_row(assessed.session, tmp_path / "t.csv")
    files.export_row(assessed.session, tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "\u202e" not in text
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 2
    assert all(r["scan"].startswith("'=") and r["scoring_model"].startswith("'=") for r in rows)
