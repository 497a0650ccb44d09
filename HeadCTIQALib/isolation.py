"""No process of ours imports from the folder that it is started in: a stranger's scan may lie there, with a ``json.py`` beside it.

Nothing is imported here but what Python itself has loaded before, since this comes first in every program of ours.
"""

from __future__ import annotations

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  # pathlib would be looked for where we are
_PYTHON = os.path.dirname(os.__file__)  # noqa: PTH120


def command(module: str) -> tuple[str, ...]:
    """Arguments of Python that run ``module`` of this library, found by :func:`environment` and not in the working folder."""
    return ("-P", "-m", module)


def environment() -> dict[str, str]:
    """This process's environment, in which a child finds this library, however it was found here, and no working folder."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, *_absolute()]), "PYTHONSAFEPATH": "1"}


class Children:
    """Within the block, what libraries start for us (pip, worker processes) has the environment of our own children."""

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in ("PYTHONPATH", "PYTHONSAFEPATH")}
        os.environ.update({name: environment()[name] for name in self._before})

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def leave_working_folder(first: bool = False) -> None:
    """Take the working folder out of this process's path for imports, and out of that of every child to come.

    It is there where ``PYTHONPATH`` has an empty or relative entry, which ``export PYTHONPATH=$PYTHONPATH:/x`` makes.  What
    Python imports before (``sitecustomize``, and for ``python -m`` the package itself) is out of our hands.

    Args:
        first: whether ``python -m`` has put it first as well.
    """
    try:
        here = os.getcwd()  # noqa: PTH109
    except OSError:  # it was removed
        here = ""
    given = os.environ.get("PYTHONPATH", "")
    relative = set[str]()
    if given and here:  # pathlib is imported later: nothing may be imported before this is done
        relative = {os.path.abspath(p) for p in given.split(os.pathsep) if not os.path.isabs(p)}  # noqa: PTH100, PTH117
    if first and not sys.flags.safe_path:
        relative.add(here)
    sys.path[:] = [p for p in sys.path if not _from_here(p) and (p not in relative or p == _PYTHON)]
    if ROOT not in sys.path:
        sys.path.append(ROOT)
    os.environ["PYTHONSAFEPATH"] = "1"
    if given:
        os.environ["PYTHONPATH"] = os.pathsep.join(_absolute())


def _absolute() -> list[str]:
    """Entries of PYTHONPATH that do not depend on where a process is started."""
    return [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(p) and p != ROOT]  # noqa: PTH117


def _from_here(entry: str) -> bool:
    """Whether an entry of sys.path leads somewhere from the working folder; names of import hooks lead nowhere."""
    return not os.path.isabs(entry) and (not entry or os.path.exists(entry))  # noqa: PTH110, PTH117
