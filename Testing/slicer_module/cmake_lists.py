"""Keeps the lists of files in CMakeLists.txt: every file of the library but research/, and of Resources, is shipped.

python Testing/slicer_module/cmake_lists.py     writes the lists
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "CMakeLists.txt"
SUFFIXES_LEFT_OUT = {".pyc"}
LEFT_OUT = {"__pycache__", "research"}


def shipped() -> dict[str, list[str]]:
    """Paths relative to the project: "scripts" of the library, and "resources"."""
    resources = [p for p in (ROOT / "Resources").rglob("*") if p.is_file() and p.suffix not in SUFFIXES_LEFT_OUT]
    library = [
        p for p in (ROOT / "HeadCTIQALib").rglob("*") if p.is_file() and not LEFT_OUT & set(p.relative_to(ROOT).parts)
    ]
    scripts = [p for p in library if p.suffix == ".py"]
    resources += [p for p in library if p.suffix not in (".py", ".pyc")]
    return {
        name: sorted(p.relative_to(ROOT).as_posix() for p in paths)
        for name, paths in (("scripts", scripts), ("resources", resources))
    }


def listed() -> dict[str, list[str]]:
    """What CMakeLists.txt lists now."""
    text = FILE.read_text(encoding="utf-8")
    found = {}
    for name in ("scripts", "resources"):
        block = re.search(rf"# begin {name}\n(.*?)# end {name}\n", text, re.DOTALL)
        assert block, f"CMakeLists.txt lacks the markers of {name}"
        found[name] = [line.strip() for line in block[1].splitlines() if line.startswith("  ") and line.strip() != ")"]
    return found


def write() -> None:
    """Bring CMakeLists.txt in line with the tree."""
    text = FILE.read_text(encoding="utf-8")
    for name, paths in shipped().items():
        lines = "".join(f"  {p}\n" for p in paths)
        block = f"# begin {name}\nset(HeadCTIQA_{name.upper()}\n{lines}  )\n# end {name}\n"
        text = re.sub(rf"# begin {name}\n.*?# end {name}\n", lambda _, b=block: b, text, flags=re.DOTALL)
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
