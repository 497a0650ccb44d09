"""A folder of modules that tell when they are imported: no process of ours may, wherever it is started."""

from __future__ import annotations

from pathlib import Path

NAMES = (
    "torch", "json", "numpy", "monai", "struct", "random", "typing", "HeadCTIQALib", "scipy", "queue", "argparse", "pydicom",
    "multiprocessing", "traceback", "usercustomize", "sitecustomize",
)  # fmt: skip


def poison(folder: Path, names: tuple[str, ...] = NAMES) -> Path:
    """Put the modules into ``folder``; returns the file that they write their names to."""
    told = folder.parent / f"{folder.name}-imported.txt"
    for name in names:
        (folder / f"{name}.py").write_text(
            f"open({str(told)!r}, 'a').write({name!r} + ' ')\nraise SystemExit('poisoned')\n"
        )
    return told
