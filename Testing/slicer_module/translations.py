"""Keeps the translation files: every text of the GUI under the context that 3D Slicer looks it up by.

python Testing/slicer_module/translations.py      brings Resources/Translations/*.ts in line with the source

A text is collected as 3D Slicer's own tools do (Utilities/Scripts/update_translations.py and Qt's lupdate): ``_("...")`` in
Python under PACKAGE.FILE, or FILE where the folder is no package; ``<string>`` of a .ui file under its class.
"""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "Resources" / "Translations"
LANGUAGES = ("zh-CN",)
Key = tuple[str, str]  # context, source text


def file_of(language: str) -> Path:
    """The translation file of a language, named as 3D Slicer names those of an extension."""
    return FOLDER / f"HeadCTIQA_{language}.ts"


def python_files() -> list[Path]:
    """Files whose texts a user of 3D Slicer reads; not those that say, in 3D Slicer's own words, that they have none."""
    files = [ROOT / "HeadCTIQA" / "HeadCTIQA.py", *sorted((ROOT / "HeadCTIQALib" / "gui").glob("*.py"))]
    return [f for f in files if "-*- i18n: disabled -*-" not in f.read_text(encoding="utf-8")]


def context_of(path: Path) -> str:
    """As ``slicer.i18n.getContext``."""
    return f"{path.parent.name}.{path.stem}" if (path.parent / "__init__.py").is_file() else path.stem


def texts() -> dict[Key, str]:
    """Every text to translate, with where it stands first."""
    found: dict[Key, str] = {}
    for path in python_files():
        for text, line in _calls(ast.parse(path.read_text(encoding="utf-8")), path):
            found.setdefault((context_of(path), text), f"{path.relative_to(ROOT)}:{line}")
    for path in sorted((ROOT / "Resources" / "UI").glob("*.ui")):
        root = ET.parse(path).getroot()
        for text in _strings(root):
            found.setdefault((root.findtext("class") or "", text), f"{path.relative_to(ROOT)}")
    return found


def _calls(tree: ast.AST, path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
            (argument,) = node.args
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                raise SystemExit(f"{path.name}:{node.lineno}: _() takes a text as it stands, not something computed")
            yield argument.value, node.lineno


def _strings(root: ET.Element) -> Iterator[str]:
    """Texts of a .ui file but those that are marked as not to be translated."""
    for parent in root.iter():
        if parent.get("notr") == "true":
            continue
        for child in parent:
            if child.tag == "string" and child.get("notr") != "true" and (child.text or "").strip():
                yield child.text or ""


def read(path: Path) -> dict[Key, str]:
    """The finished translations in a file."""
    if not path.exists():
        return {}
    found = {}
    for context in ET.parse(path).getroot().findall("context"):
        for message in context.findall("message"):
            translation = message.find("translation")
            if translation is not None and translation.get("type") is None and translation.text:
                found[context.findtext("name") or "", message.findtext("source") or ""] = translation.text
    return found


def write(language: str) -> None:
    """Bring a file in line with the source: new texts are unfinished, those that are gone are left out."""
    known, wanted = read(file_of(language)), texts()
    # a text that moved to another file keeps its translation
    by_text = {source: translation for (_context, source), translation in known.items()}
    root = ET.Element("TS", version="2.1", language=language.replace("-", "_"), sourcelanguage="en")
    for name in sorted({context for context, _ in wanted}):
        context = ET.SubElement(root, "context")
        ET.SubElement(context, "name").text = name
        for key in (k for k in wanted if k[0] == name):
            message = ET.SubElement(context, "message")
            ET.SubElement(message, "source").text = key[1]
            translation = ET.SubElement(message, "translation")
            translation.text = known.get(key) or by_text.get(key[1])
            if translation.text is None:
                translation.set("type", "unfinished")
    ET.indent(root, "    ")
    body = ET.tostring(root, encoding="unicode", short_empty_elements=False)
    file_of(language).parent.mkdir(parents=True, exist_ok=True)
    file_of(language).write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n', encoding="utf-8")


def placeholders(text: str) -> set[str]:
    """The fields of a text, as ``slicer.i18n.tr`` compares them."""
    return set(re.findall(r"(?<!\{)\{([^\{\}]+)\}(?!\})", text))


if __name__ == "__main__":
    for each in LANGUAGES:
        write(each)
