"""A process that has everything loaded and waits for its one command: what 3D Slicer keeps ready, so that no scan waits for a start.

    python -P -m HeadCTIQALib.cli.standby

The command comes as a JSON list of arguments on a line of standard input; when that ends without one, so does the process.
"""

from __future__ import annotations

import contextlib
import json
import sys

from HeadCTIQALib import cli, networks


def main() -> int:
    """Load, wait, run; the exit code is that of the command."""
    networks.warm_up()
    with contextlib.suppress(ImportError):  # told by the command
        from HeadCTIQALib import assessment, report  # noqa: F401
        from HeadCTIQALib.networks import scan_to_findings  # noqa: F401
        from HeadCTIQALib.volume import read  # noqa: F401
    line = sys.stdin.readline()
    return cli.main(json.loads(line)) if line else 0


if __name__ == "__main__":
    sys.exit(main())
