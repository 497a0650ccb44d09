"""The rooms of the library and the arrows between them, read from its imports; the picture in Docs/architecture.md.

python Testing/rooms.py     draws it anew

A room is a package directly in HeadCTIQALib, or in its research/.  Imports for type checking alone are no arrows; those within functions are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARY, PAGE = ROOT / "HeadCTIQALib", ROOT / "Docs" / "architecture.md"
BEGIN, END = "<!-- rooms: begin, written by Testing/rooms.py -->", "<!-- rooms: end -->"

#: Every room, the floors from the roof down: a room may use those on floors below it, and none on its own.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("cli", "gui"),
    ("research/study", "research/training"),
    ("research/validation", "department"),
    ("cohort",),
    ("assessment",),
    ("report",),
    ("record",),
    ("scoring", "synthesis"),
    ("metrics", "networks", "agreement"),
    ("findings",),
    ("volume", "writing"),
)
RESEARCH = {room for floor in FLOORS for room in floor if room.startswith("research/")}
LEVEL = {room: level for level, floor in enumerate(reversed(FLOORS)) for room in floor}


def arrows() -> dict[tuple[str, str], list[str]]:
    """(from, to) of every arrow between rooms, with the files that make it."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(LIBRARY.rglob("*.py")):
        parts = path.relative_to(LIBRARY).parts
        here = room_of(parts)
        for room in {r for r in _imported(path) if r and r != here} if here else ():
            found.setdefault((here, room), []).append("/".join(parts))
    return found


def room_of(parts: Sequence[str]) -> str | None:
    """The room that a path or the name of a module, both relative to the library, leads into."""
    return next((room for n in (1, 2) if (room := "/".join(parts[:n])) in LEVEL), None)


def _imported(path: Path) -> Iterator[str | None]:
    """The rooms that a file imports something of; None for what is in no room."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {
        id(n) for i in ast.walk(tree) if isinstance(i, ast.If) and _of_typing(i) for b in i.body for n in ast.walk(b)
    }
    package = path.relative_to(LIBRARY).parts[:-1]
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        if isinstance(node, ast.Import):
            names = [a.name.split(".") for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = ["HeadCTIQALib", *package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            names = [[*(b for b in base if b), a.name] for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [[*(node.module or "").split("."), a.name] for a in node.names]
        else:
            continue
        yield from (room_of(n[1:]) for n in names if n[0] == "HeadCTIQALib")


def _of_typing(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def direct(found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Arrows that no way through other rooms makes up for: few enough to look at."""

    def reaches(a: str, b: str, without: tuple[str, str]) -> bool:
        return any(t == b or reaches(t, b, without) for s, t in found if s == a and (s, t) != without)

    return {arrow for arrow in found if not reaches(*arrow, arrow)}


def first_words(room: str) -> str:
    """The first paragraph of a room's docstring, its cross-references as plain code."""
    text = ast.get_docstring(ast.parse((LIBRARY / room / "__init__.py").read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.sub(r":\w+:`[~.]?(?:[\w.]*\.)?(\w+)`", r"`\1`", paragraph)


def picture() -> str:
    """The picture and a sentence for every room, as Markdown."""
    lines = ["```mermaid", "flowchart TD"]
    for n, floor in enumerate(FLOORS):
        lines += [
            f"  subgraph f{n}[ ]",
            "    direction LR",
            *(f"    {_node(room)}[{room}/]" for room in floor),
            "  end",
        ]
    lines += [f"  {_node(a)} --> {_node(b)}" for a, b in sorted(direct(set(arrows())))]
    lines += ["```", "", "Arrows that follow from others are left out.", "", "| room | what it is for |", "|---|---|"]
    lines += [f"| `{room}/` | {first_words(room)} |" for floor in FLOORS for room in floor]
    return "\n".join(lines)


def _node(room: str) -> str:
    """The name of a room in the picture's language."""
    return room.replace("/", "_")


def page(text: str) -> str:
    """The page ``text`` with the picture as it is now."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{picture()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
