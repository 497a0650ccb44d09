"""The child: tries the cases that it is told and answers each with a line of JSON.  It may die of one; the parent counts that.

What it is told: one case ``FORMAT:NUMBER`` a line on standard input.  What it answers: see :class:`Outcome`.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

MAX_SECONDS = 20.0  # of processor time
MAX_BYTES = 2_000_000_000  # of memory that is really used
_FUSE_BYTES = 12_000_000_000  # of addresses: what asks for more gets a MemoryError at once
_LONGEST = 1200  # characters of a refusal


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes:
        verdict: "refused", "accepted", or the kind of what is wrong: "exception", "memory", "insane", "output", "leftovers", "sentence",
            and by the parent's word "crash" and "hang".
        words: the refusal, or what is wrong.
        seconds, bytes: that it took; processor time, and the largest resident size.
    """

    case: str
    verdict: str
    words: str = ""
    seconds: float = 0.0
    bytes: int = 0

    @property
    def bad(self) -> bool:
        """Whether it must not happen."""
        return self.verdict not in ("refused", "accepted")


def attempt(case: str, seed: str, stored: Path, work: Path) -> Outcome:
    """Build and load one case.

    Args:
        stored: the folder of seeds.
        work: a folder of our own, in which the input is made and removed.
    """
    from .formats import FORMATS, build

    name = case.partition(":")[0]
    folder = work / "input"
    entry = build(FORMATS[name], Random(f"{seed}:{case}"), stored, folder)
    _forget_peak()
    began = time.process_time()
    verdict, words = _verdict(FORMATS[name].load, entry, stored)
    seconds, used = time.process_time() - began, peak()
    if verdict in ("refused", "accepted"):
        if used > MAX_BYTES:
            verdict, words = "memory", f"{used / 1e9:.1f} GB were used"
        elif seconds > MAX_SECONDS:
            verdict, words = "hang", f"it took {seconds:.0f} s"
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(case, verdict, words, seconds, used)


def _verdict(load: object, entry: Path, stored: Path) -> tuple[str, str]:
    from HeadCTIQALib.errors import HeadCTIQAError

    try:
        fault = load(entry, stored)  # type: ignore[operator]
    except HeadCTIQAError as error:
        sentence = str(error)
        whole = 10 < len(sentence) < _LONGEST and sentence.rstrip().endswith((".", ")"))
        return ("refused" if whole else "sentence"), sentence
    except MemoryError:
        return "memory", f"MemoryError at {_where(sys.exc_info()[2])}"
    except BaseException as error:
        return "exception", f"{type(error).__name__} at {_where(error.__traceback__)}: {error}"[:300]
    return ("insane", fault) if fault else ("accepted", "")


def _where(trace: object) -> str:
    """The innermost line of ours, and the innermost of all."""
    frames = traceback.extract_tb(trace)  # type: ignore[arg-type]
    ours = [f for f in frames if "HeadCTIQALib" in f.filename]
    shown = [f for f in (ours[-1] if ours else None, frames[-1]) if f is not None]
    return " < ".join(dict.fromkeys(f"{Path(f.filename).name}:{f.lineno}" for f in shown))


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak() -> int:
    """Largest resident size in bytes since it was forgotten."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> None:
    """Answer until standard input ends.  Arguments: the seed, the folder of seeds, a folder of our own."""
    seed, stored, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    heard = os.open(
        work / "heard", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    )  # what libraries say, whoever they are
    os.dup2(heard, 1)
    os.dup2(heard, 2)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)  # the parent asks where we are before it ends us
    resource.setrlimit(resource.RLIMIT_AS, (_FUSE_BYTES, _FUSE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")  # as the command line does
    own = Path(os.environ["TMPDIR"])
    for line in sys.stdin:
        outcome = attempt(line.strip(), seed, stored, work)
        sys.stdout.flush()
        said, left = os.fstat(heard).st_size, sorted(p.name for p in own.iterdir())
        if said and not outcome.bad:
            words = os.pread(heard, 300, 0).decode("utf-8", "replace")
            outcome = Outcome(outcome.case, "output", words, outcome.seconds, outcome.bytes)
        elif left and not outcome.bad:
            outcome = Outcome(outcome.case, "leftovers", ", ".join(left[:5]), outcome.seconds, outcome.bytes)
        os.ftruncate(heard, 0)
        for path in own.iterdir():
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
        print(json.dumps(asdict(outcome)), file=answers, flush=True)


if __name__ == "__main__":
    main()
