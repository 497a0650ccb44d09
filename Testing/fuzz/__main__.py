"""``python -m Testing.fuzz``: a campaign, or one of its cases again."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random

from . import campaign, seeds
from .formats import FORMATS, build


def main() -> int:
    """Exit code 1 when anything bad happened."""
    parser = argparse.ArgumentParser(
        prog="python -m Testing.fuzz", description="Damaged inputs against every reader and loader."
    )
    parser.add_argument("--minutes", type=float, default=2.0, help="how long (default: 2)")
    parser.add_argument("--inputs", type=int, default=0, help="so many inputs instead")
    parser.add_argument("--seed", default="1", help="another seed, other damage (default: 1)")
    parser.add_argument(
        "--only",
        action="append",
        choices=FORMATS,
        default=[],
        metavar="FORMAT",
        help=f"one of {', '.join(FORMATS)}; may be repeated",
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes beside each other (default: 2)")
    parser.add_argument("--case", metavar="FORMAT:NUMBER", help="one case alone, in this process, with its traceback")
    parser.add_argument("--save", type=Path, metavar="DIR", help="with --case: make its input there and do not load it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        if options.case:
            return _one(options.case, options.seed, Path(folder), options.save)
        seconds = 0.0 if options.inputs else 60 * options.minutes
        tallies = campaign.run(
            options.seed,
            Path(folder),
            seconds=seconds,
            inputs=options.inputs,
            only=tuple(options.only),
            jobs=options.jobs,
            tell=_tell,
        )
    print(campaign.table(tallies))
    return int(any(t.bad for t in tallies.values()))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _one(case: str, seed: str, folder: Path, save: Path | None) -> int:
    from HeadCTIQALib.errors import HeadCTIQAError

    (folder / "seeds").mkdir()
    seeds.make(folder / "seeds")
    one = FORMATS[case.partition(":")[0]]
    entry = build(one, Random(f"{seed}:{case}"), folder / "seeds", save or folder / "input")
    if save:
        print(entry)
        return 0
    try:
        print(one.load(entry, folder / "seeds") or "accepted")
    except HeadCTIQAError as error:
        print(f"refused: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
