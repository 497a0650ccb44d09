"""What `make docs` adds to the pages of this folder: README as the first page, and a page of the API for every room of the library."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "HeadCTIQALib"


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made, not kept."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("(Docs/", "(")
    files.append(File.generated(config, "index.md", content=readme))
    for room in sorted(p.parent.name for p in LIBRARY.glob("*/__init__.py")):
        files.append(File.generated(config, f"api/{room}.md", content=f"# {room}\n\n::: HeadCTIQALib.{room}\n"))
    plain = sorted(p.stem for p in LIBRARY.glob("[a-z]*.py"))
    tools = "".join(f"::: HeadCTIQALib.{name}\n\n" for name in plain)
    files.append(File.generated(config, "api/library.md", content=f"# hierarchy, curve and others\n\n{tools}"))
    return files


def on_page_markdown(markdown: str, config: Any, **_: Any) -> str:
    """Files outside this folder are shown where the source is kept."""
    outside = r"\]\((?:\.\./)?(?=(?:Resources|Testing)/|CITATION|CONTRIBUTING|CHANGELOG)"
    return re.sub(outside, f"]({config['repo_url']}/blob/main/", markdown)
