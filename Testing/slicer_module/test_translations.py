"""Every text of the GUI can be translated, and is, into Simplified Chinese."""

from __future__ import annotations

import ast
import re
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import translations

# calls that show their arguments to a user: which of them, or all
SHOWN: dict[str, tuple[int, ...] | None] = {
    **dict.fromkeys(
        ("QLabel", "QPushButton", "QCheckBox", "QAction", "QGroupBox", "setText", "setToolTip", "setPlaceholderText",
         "setWindowTitle", "setTitle", "setSuffix", "setPrefix", "setSpecialValueText", "setFormat", "setHeaderLabels",
         "setHorizontalHeaderLabels", "addItem", "addItems", "tell", "_tell", "_message", "errorDisplay", "warningDisplay",
         "infoDisplay", "InputError", "OutputError", "HeadCTIQAError", "InstallError")
    ),
    **dict.fromkeys(("addRow", "confirmOkCancelDisplay"), (0,)),
    **dict.fromkeys(("addTab", "line", "table", "FolderButton", "Key", "getExistingDirectory", "getOpenFileName",
                     "getSaveFileName", "ask_table"), (1,)),
    "button": (0, 1),
}  # fmt: skip
KEYWORDS = {"labelText", "text", "toolTip", "placeholderText", "title"}
ATTRIBUTES = {"text", "toolTip", "title", "placeholderText", "accessibleName", "helpText", "acknowledgementText"}
WORD = re.compile(r"[A-Za-z]{3,}")
NAMES = {"HeadCTIQA"}  # the same in every language


def bypassing(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and text of what a user reads and nobody can translate."""
    found = []
    for node in ast.walk(tree):
        shown: list[ast.AST] = []
        name = ""
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in SHOWN:
                which = SHOWN[name]
                shown += [a for n, a in enumerate(node.args) if which is None or n in which]
                shown += [k.value for k in node.keywords if k.arg in KEYWORDS]
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Attribute) and t.attr in ATTRIBUTES for t in node.targets
        ):
            shown.append(node.value)
        texts = [text for value in shown for text in _bare(value)]
        found += [(node.lineno, text) for text in texts if " " in text or name != "_tell"]  # which may tell of an event
    return found


def _bare(node: ast.AST) -> Iterator[str]:
    """Literal words in an expression that are in no call: ``_("...")``, or a name that is looked up."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        words = set(WORD.findall(node.value)) - NAMES
        if words:
            yield node.value
    elif isinstance(node, (ast.JoinedStr, ast.BinOp, ast.IfExp, ast.List, ast.Tuple, ast.BoolOp, ast.Starred)):
        for child in ast.iter_child_nodes(node):
            if not (isinstance(node, ast.IfExp) and child is node.test):
                yield from _bare(child)


@pytest.mark.parametrize("path", translations.python_files(), ids=lambda p: p.name)
def test_no_text_bypasses_translation(path):
    assert bypassing(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('qt.QLabel("Some words")', 1),
        ('qt.QLabel(_("Some words"))', 0),
        ('forms.button("Go there", _("tip"), slot, "goButton")', 1),
        ('raise InputError(f"The volume {name}.")', 1),
        ('box.setText("Yes please" if x == "some key" else "")', 1),
        ('label.text = "Words"', 1),
        ('label.setObjectName("someName")', 0),
        ('self._tell(_("{a} is bad").format(a="abc"))', 0),
    ],
)
def test_what_bypasses_is_found(source, count):
    assert len(bypassing(ast.parse(source))) == count


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_text_is_translated_and_none_is_obsolete(language):
    known, wanted = translations.read(translations.file_of(language)), translations.texts()
    todo = "run: python Testing/slicer_module/translations.py, then translate what is unfinished"
    assert sorted(set(wanted) - set(known)) == [], todo
    assert sorted(set(known) - set(wanted)) == [], todo


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_translations_can_be_filled_in(language):
    """The same fields in the same format, so that 3D Slicer does not refuse them."""
    parse = string.Formatter().parse
    for (context, source), translation in translations.read(translations.file_of(language)).items():
        fields = [sorted((name, spec) for _, name, spec, _ in parse(text) if name) for text in (source, translation)]
        assert fields[0] == fields[1], (context, source)
        assert source.endswith(" ") == translation.endswith(" "), (context, source)


def test_chinese_is_chinese():
    """Names and symbols apart, no text was left in English."""
    kept = {"Bland-Altman", "{target}: Bland-Altman"}
    for (_, source), translation in translations.read(translations.file_of("zh-CN")).items():
        assert source in kept or re.search(r"[\u4e00-\u9fff]", translation), source


def test_contexts_are_those_of_slicer(tmp_path):
    """Folder and file for packages, the file alone for the module."""
    root = translations.ROOT
    assert translations.context_of(root / "HeadCTIQALib" / "gui" / "panel.py") == "gui.panel"
    assert translations.context_of(root / "HeadCTIQA" / "HeadCTIQA.py") == "HeadCTIQA"
    assert ("HeadCTIQA", "Load assessment...") in translations.texts(), "of the .ui file, under its class"


def test_qt_reads_the_file(tmp_path, slicer_app):
    """Qt's own tool compiles it, and finds the texts under their contexts."""
    import PySide6
    from PySide6.QtCore import QTranslator

    tool = Path(PySide6.__file__).parent / "lrelease"
    if not tool.is_file():
        pytest.skip("PySide6 has no lrelease here")
    compiled = tmp_path / "zh.qm"
    subprocess.run([tool, translations.file_of("zh-CN"), "-qm", compiled], check=True, capture_output=True)
    translator = QTranslator()
    assert translator.load(str(compiled))
    assert translator.translate("gui.panel", "Quality") == "质量"
    assert translator.translate("HeadCTIQA", "Load assessment...") == "载入评估结果..."
