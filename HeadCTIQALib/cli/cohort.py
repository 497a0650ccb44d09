"""Arguments of the commands about many scans: readers-template, fit, rescore, evaluate, study.  Nothing heavy is imported here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from .arguments import PROFILE, count, profile, scale, seed

Add = Callable[[str, str, Callable[[argparse.Namespace], int]], argparse.ArgumentParser]

_READERS = "reader table (CSV or xlsx: scan, reader, target, value, or a column for each target or reader) or a folder of them; may be given several times"
_SCALE = "scale of the readers' scores: 1-5 (5 is best), 5-1 (1 is best), A-E (A is best), poor/acceptable/good (worst first), ... (default: 0-100, asked for where scores lie within 0-10)"
_ASSESSMENTS = "folder of assessment folders; a level between them names cohorts"


def path(value: str) -> Path:
    """A path; an empty one (an unset shell variable) would silently mean the current folder."""
    if not value:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(value)


def _share(value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 0.9:
        raise argparse.ArgumentTypeError("give a share from 0 to 0.9")
    return share


def _positive(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number <= 100:
        raise argparse.ArgumentTypeError("give a number above 0, up to 100")
    return number


def add(command: Add) -> None:
    """Add the commands; ``command`` makes a subparser of (name, summary, run)."""
    template = command(
        "readers-template",
        "Write an empty table for readers: the scans in random order, no scores shown.",
        _readers_template,
    )
    template.add_argument(
        "cohorts", metavar="COHORT", type=path, nargs="+", help="folder of assessment folders, or of scans"
    )
    template.add_argument(
        "--output",
        "-o",
        metavar="FILE",
        type=path,
        required=True,
        help="table to write (CSV); an existing file is never replaced",
    )
    template.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        default=0,
        help="random seed of the order; use another for every reader (default: 0)",
    )

    fit = command("fit", "Fit a scoring model to readers' scores of assessed scans.", _fit)
    _inputs(fit, needed=False)
    fit.add_argument(
        "--output",
        "-o",
        metavar="FILE",
        type=path,
        help="scoring model to write (JSON); the record of the fit is written beside it",
    )
    fit.add_argument(
        "--suggest",
        metavar="N",
        type=count,
        help="fit nothing, but list the N scans that readers should score next; --readers only where some are scored already",
    )
    fit.add_argument(
        "--mode", choices=("paper", "robust"), default="paper",
        help="paper: least squares on the metrics; robust: no defect can raise a score (default: paper)",
    )  # fmt: skip
    fit.add_argument(
        "--test-share",
        metavar="SHARE",
        type=_share,
        default=0.2,
        help="share of the scans kept apart for testing (default: 0.2)",
    )
    fit.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        default=0,
        help="random seed of the split and the cross-validation (default: 0)",
    )
    fit.add_argument("--name", default="", help="name of the model, wherever a score is shown")
    fit.add_argument(
        "--profile",
        metavar="NAME|FILE",
        type=profile,
        help="what the scans are judged by; the model keeps it (default: default)",
    )
    fit.set_defaults(refuse=fit.error)

    again = command(
        "rescore", "Score stored assessments by another model or profile, without scans and networks.", _rescore
    )
    again.add_argument("--assessments", metavar="DIR", type=path, required=True, help=_ASSESSMENTS)
    again.add_argument("--scoring", metavar="FILE", type=path, help="scoring model (default: the guideline model)")
    again.add_argument("--profile", metavar="NAME|FILE", type=profile, help=PROFILE)

    evaluate = command(
        "evaluate",
        "Compare measurements and scores with readers: agreement, bias, subgroups, external cohorts.",
        _evaluate,
    )
    _inputs(evaluate)
    evaluate.add_argument(
        "--measurements",
        metavar="CSV",
        type=path,
        action="append",
        default=[],
        help="readers' measurements, where they are in tables of their own",
    )
    evaluate.add_argument("--scoring", metavar="FILE", type=path, help="scoring model (default: the guideline model)")
    evaluate.add_argument("--profile", metavar="NAME|FILE", type=profile, help=PROFILE)
    evaluate.add_argument(
        "--output", "-o", metavar="DIR", type=path, required=True, help="folder for report, tables and figures"
    )
    evaluate.add_argument(
        "--margin",
        metavar="POINTS",
        type=_positive,
        default=5.0,
        help="equivalence margin: the largest difference in score that does not matter (default: 5)",
    )

    study = command("study", "Run the whole evaluation protocol on simulated scans and simulated readers.", _study)
    study.add_argument(
        "--output",
        "-o",
        metavar="DIR",
        type=path,
        required=True,
        help="folder of the study; an interrupted one is continued",
    )
    study.add_argument(
        "--preset",
        choices=("small", "full"),
        default="small",
        help="small: fifteen scans, a minute or two; full: 307 and 262 scans, an hour or more (default: small)",
    )
    study.add_argument(
        "--document",
        metavar="FILE",
        type=path,
        help="Markdown page to write as well, figures in a folder beside it; quick once the scans are done",
    )
    study.add_argument(
        "--matrix",
        metavar="N",
        type=int,
        choices=(256, 512),
        help="rows and columns of a slice: 256 or 512 (default: 256 for small, 512 for full)",
    )
    study.add_argument("--processes", metavar="N", type=count, help="default: one for every core")


def _inputs(parser: argparse.ArgumentParser, needed: bool = True) -> None:
    parser.add_argument("--assessments", metavar="DIR", type=path, required=True, help=_ASSESSMENTS)
    parser.add_argument(
        "--readers",
        metavar="CSV",
        type=path,
        action="append",
        required=needed,
        default=None if needed else [],
        help=_READERS,
    )
    parser.add_argument("--scale", metavar="SCALE", type=scale, help=_SCALE)


def _readers_template(options: argparse.Namespace) -> int:
    from .readers_template import readers_template

    return readers_template(options.cohorts, options.output, options.seed)


def _fit(options: argparse.Namespace) -> int:
    from .fit import fit, suggest

    if options.suggest is not None:
        if options.output is not None:
            options.refuse("give --suggest to be told what to read next, or --output to fit, not both")
        return suggest(options.assessments, options.readers, options.suggest, options.scale, options.profile)
    if options.output is None or not options.readers:
        options.refuse("a fit needs --readers and --output")
    return fit(
        options.assessments,
        options.readers,
        options.output,
        options.mode,
        options.test_share,
        options.seed,
        options.name,
        options.scale,
        options.profile,
    )


def _rescore(options: argparse.Namespace) -> int:
    from .rescore import rescore

    return rescore(options.assessments, options.scoring, options.profile)


def _evaluate(options: argparse.Namespace) -> int:
    from .evaluate import evaluate

    tables = [*options.readers, *options.measurements]
    return evaluate(
        options.assessments, tables, options.scoring, options.output, options.margin, options.scale, options.profile
    )


def _study(options: argparse.Namespace) -> int:
    from .study import study

    return study(options.output, options.preset, options.processes, options.document, options.matrix)
