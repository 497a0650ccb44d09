"""How long fit, evaluate and rescore take for 600 assessed scans: ``python Testing/benchmark/cohort_speed.py [N]``.

Prints wall and processor seconds; asserts nothing.  Targets: fit and evaluate together under 10 s, rescore under 20 s.
The folders hold records and reports of the usual size, but no scans.
"""

import contextlib
import io
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cohort_stand_in import template, values, write_cohort, write_reader_table

from HeadCTIQALib import cli

REPORT_BYTES = 730_000  # of a usual report, most of it pictures


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    record, html = template()
    padded = html.replace(
        '<section id="evidence">', '<section id="evidence"><!--' + "x" * max(0, REPORT_BYTES - len(html)) + "-->", 1
    )
    template.__wrapped__.__globals__["template"] = lambda: (record, padded)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        parts = [("internal", values(n // 2, 0)), ("external", values(n - n // 2, 1))]
        names = [
            name
            for c, v in parts
            for name in write_cohort(root / "a" / c, v, report=True, names=[f"{c}{k}" for k in range(len(v))])
        ]
        write_reader_table(root / "r.csv", names, np.vstack([v for _, v in parts]), readers=5)
        common = ["--assessments", str(root / "a"), "--readers", str(root / "r.csv")]
        run("fit", [*common, "--output", str(root / "m.json")])
        run("evaluate", [*common, "--scoring", str(root / "m.json"), "--output", str(root / "e")])
        run("rescore", ["--assessments", str(root / "a"), "--scoring", str(root / "m.json")])


def run(command: str, options: list[str]) -> None:
    wall, busy = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        code = cli.main([command, *options])
    print(
        f"{command:10} exit {code}  wall {time.perf_counter() - wall:6.2f} s  processor {time.process_time() - busy:6.2f} s"
    )


if __name__ == "__main__":
    main()
