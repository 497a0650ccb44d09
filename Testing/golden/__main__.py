"""What the whole program says of real and simulated scans, kept to be compared before and after a change of the code.

    python Testing/golden write FOLDER [--data ../shared/data]    assess every scan; a scan that is there already is not assessed again
    python Testing/golden compare BEFORE AFTER                    exit code 1 where a number or a sentence differs

Networks answer a little differently on different machines, so both folders must come from one machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from said import differences, report, said  # noqa: E402

#: Simulated scans: seed and centre.
SIMULATED = ((7001, "internal"), (7002, "training"), (7003, "external-a"), (7004, "external-b"), (7005, "external-c"), (7006, "internal"))  # fmt: skip
HEAD_NECK = ("head015", "head030", "head087", "head182", "head238", "head309")


def write(folder: Path, data: Path) -> None:
    """Assess every scan, each in a process of its own, and keep what is said of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "describe.txt").write_text(_run("describe").stdout + _run("describe", "--json").stdout, encoding="utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        for name, scan in _scans(data, Path(temporary)):
            if (folder / f"{name}.json").exists():
                continue
            output = Path(temporary) / f"{name}.assessment"
            done = _run("assess", str(scan), "--output", str(output), "--device", "cpu", "--keep-name")
            found = {"exit": done.returncode, "error": done.stderr.strip().splitlines()[-1:] if done.returncode else []}
            if done.returncode == 0:
                found |= said(output)
                (folder / f"{name}.html").write_text(report(output), encoding="utf-8")
            text = json.dumps(found, indent=1, ensure_ascii=False)
            (folder / f"{name}.json").write_text(text.replace(temporary, "TEMPORARY"), encoding="utf-8")
            print(name, done.returncode, flush=True)


def compare(before: Path, after: Path) -> int:
    """Print how two folders differ; the number of differences."""
    names = sorted({p.name for p in (*before.iterdir(), *after.iterdir())})
    found = []
    for name in names:
        one, two = (f / name for f in (before, after))
        if not one.exists() or not two.exists():
            found.append(f"{name} is in one folder only")
            continue
        a, b = (p.read_text(encoding="utf-8") for p in (one, two))
        if name.endswith(".json"):
            found += [f"{name}{d}" for d in differences(json.loads(a), json.loads(b))]
        elif a != b:
            found.append(f"{name}: {_first(a, b)}")
    print("\n".join(d[:400] for d in found) or f"{len(names)} files say the same")
    return len(found)


def _first(a: str, b: str) -> str:
    at = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return f"{a[max(0, at - 60) : at + 60]!r} became {b[max(0, at - 60) : at + 60]!r}"


def _scans(data: Path, temporary: Path) -> Iterator[tuple[str, Path]]:
    for seed, centre in SIMULATED:
        folder = temporary / f"simulated-{seed}"
        _run("simulate", "--seed", str(seed), "--population", centre, "--output", str(folder))
        yield folder.name, folder / "simulated-head"
    for folder in sorted((data / "ct").iterdir()):
        yield folder.name, folder
    for name in HEAD_NECK:
        yield name, data / "ct-head-neck" / f"{name}.nii.gz"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "HeadCTIQALib", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, cwd=ROOT)


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = parser.add_subparsers(required=True, dest="command")
    writing = sub.add_parser("write")
    writing.add_argument("folder", type=Path)
    writing.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    comparing = sub.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    options = parser.parse_args()
    if options.command == "write":
        write(options.folder, options.data)
        return 0
    return bool(compare(options.before, options.after))


if __name__ == "__main__":
    raise SystemExit(main())
