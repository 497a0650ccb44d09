"""The command ``headctiqa``: arguments, exit codes and the one line that an error becomes.

Nothing heavy is imported before a command needs it, so that ``headctiqa describe`` answers at once.
"""

from __future__ import annotations

from HeadCTIQALib import isolation

isolation.leave_working_folder()  # before the imports that might find something there

# ruff: noqa: E402
import argparse
import contextlib
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from HeadCTIQALib import RESEARCH_USE, __version__
from HeadCTIQALib.errors import HeadCTIQAError, ModelError, OutputError
from HeadCTIQALib.progress import JsonProgress
from HeadCTIQALib.text import printable
from HeadCTIQALib.traces import kind, trace

from . import cohort, department, evaluate_networks, simulate, train
from .arguments import PROFILE, add_networks, profile
from .interrupts import Interrupts
from .terminal import Parser, show

OK, INTERNAL, USAGE, INPUT, OUTPUT, MODEL, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

_EPILOG = f"""\
exit codes:
  0    done
  1    unexpected internal error (a bug: run again with --debug and report it)
  2    wrong usage
  3    the input is refused: not readable, or not a head CT
  4    the output cannot be written
  5    a network, scoring model or profile is missing or damaged
  130  interrupted; nothing half-written is left

{RESEARCH_USE}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (argparse itself exits with 0 or 2)."""
    options = _parser().parse_args(arguments)
    # Before NumPy is imported: the matrices here are small, and threads that wait for each other only take time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with Interrupts(last=arguments is None) as interrupts:
        try:
            return _run(options, interrupts)
        except KeyboardInterrupt:
            return _fail(options, "interrupted; nothing half-written was left.", INTERRUPTED)


def _run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    try:
        with _quiet(options.debug, interrupts):
            code: int = options.run(options)
        sys.stdout.flush()  # here, so that a closed pipe is noticed inside the try
        return code
    except BrokenPipeError:  # e.g. piped into head; Python would complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except HeadCTIQAError as error:
        return _fail(
            options,
            str(error),
            OUTPUT if isinstance(error, OutputError) else MODEL if isinstance(error, ModelError) else INPUT,
        )
    except MemoryError:
        return _fail(
            options, "there is not enough memory for this scan; close other programs or use a larger machine.", INTERNAL
        )
    except Exception as error:  # the last resort of a program; --debug shows where
        if interrupts.came:
            raise KeyboardInterrupt from error
        return _fail(options, f"internal error: {kind(error)} (run again with --debug for details)", INTERNAL)


@contextlib.contextmanager
def _quiet(debug: bool, interrupts: Interrupts) -> Iterator[None]:
    """Libraries warn and log about details of files, and may quote them: what matters is in the result, the rest is nobody's."""
    hooks, disabled = (threading.excepthook, sys.unraisablehook), logging.root.manager.disable

    def tell(what: Any) -> None:
        if what.exc_value is not None:
            show(
                trace(what.exc_value) if debug else f"headctiqa: internal error in a thread: {kind(what.exc_value)}\n",
                sys.stderr,
            )

    def dropped(what: Any) -> None:
        if isinstance(what.exc_value, KeyboardInterrupt):
            interrupts.again()
        elif debug:
            tell(what)

    threading.excepthook, sys.unraisablehook = tell, dropped
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.showwarning = lambda *_, **__: None  # for filters that libraries set themselves
            yield
    finally:
        threading.excepthook, sys.unraisablehook = hooks
        logging.disable(disabled)


def _fail(options: argparse.Namespace, message: str, code: int) -> int:
    message = printable(" ".join(message.split()))  # on one line
    error = sys.exc_info()[1]
    if options.debug and error is not None:
        show(trace(error), sys.stderr)
    if getattr(options, "progress", None) == "json":
        where = {"trace": trace(error).splitlines()} if code == INTERNAL and error is not None else {}
        JsonProgress().emit("error", message=message, code=code, **where)
    with contextlib.suppress(OSError):  # a terminal that was closed
        show(f"headctiqa: error: {message}\n", sys.stderr)
    return code


def _path(value: str) -> Path:
    """A path; an empty one (an unset shell variable) would silently mean the current folder."""
    if not value:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(value)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="headctiqa",
        description="Is this head CT good enough, and why? Ten image quality metrics, six category scores, one overall score.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"headctiqa {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, summary: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument(
            "--debug", action="store_true", help="print where in the program an error arose; no patient data is printed"
        )
        sub.set_defaults(run=run)
        return sub

    assess = command("assess", "Assess one head CT and write an assessment folder.", _assess)
    assess.add_argument("input", metavar="INPUT", type=_path, help="DICOM folder or file, NIfTI, NRRD or MetaImage")
    assess.add_argument(
        "--output",
        "-o",
        metavar="DIR",
        type=_path,
        required=True,
        help="assessment folder; made, or replaced when it is one",
    )
    assess.add_argument(
        "--replace", action="store_true",
        help="assess anew also where DIR holds a person's corrections or reader scores; the old folder is kept beside it as DIR.previous",
    )  # fmt: skip
    assess.add_argument("--series", metavar="UID", help="DICOM Series Instance UID, when INPUT holds several series")
    add_networks(assess)
    assess.add_argument(
        "--keep-name",
        action="store_true",
        help="put the name of the input and of damaged files, which may be a patient's, into the results",
    )
    assess.add_argument(
        "--scoring", metavar="FILE", type=_path, help="scoring model fitted to readers (default: the guideline model)"
    )
    assess.add_argument("--profile", metavar="NAME|FILE", type=profile, help=PROFILE)
    assess.add_argument(
        "--progress", choices=("text", "json", "none"), default="text",
        help="text: a bar on a terminal; json: one event a line on standard output, and no table (default: text)",
    )  # fmt: skip

    describe = command(
        "describe", "Print the quality hierarchy: definitions, units, ranges and their sources.", _describe
    )
    describe.add_argument("--json", action="store_true", help="as JSON")

    profiles = command("profiles", "List the shipped profiles, or check one that a site wrote.", _profiles)
    profiles.add_argument(
        "file",
        metavar="FILE",
        type=profile,
        nargs="?",
        help="profile to check (TOML or JSON); the name of a shipped one shows it in full",
    )

    simulate.add(command, _path)
    department.add(command)
    cohort.add(command)
    train.add(command, _path)
    evaluate_networks.add(command, _path)
    return parser


def _assess(options: argparse.Namespace) -> int:
    from .commands import assess

    return assess(
        options.input,
        options.output,
        options.series,
        options.device,
        options.engine,
        options.scoring,
        options.profile,
        options.progress,
        options.keep_name,
        options.replace,
    )


def _describe(options: argparse.Namespace) -> int:
    from .describe import as_json, as_text

    show(as_json() if options.json else as_text())
    return OK


def _profiles(options: argparse.Namespace) -> int:
    from .profiles import listed, one

    show(listed() if options.file is None else one(options.file))
    return OK
