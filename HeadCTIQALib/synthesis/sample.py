"""The demonstration scan as one NIfTI file, by itself: it needs nothing that 3D Slicer lacks.

python -P -m HeadCTIQALib.synthesis.sample FILE
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from HeadCTIQALib.synthesis.nifti import write_nifti
from HeadCTIQALib.synthesis.scan import demo_scene


def write_sample(path: Path) -> None:
    """Simulate the demonstration scan (about half a minute) and write it as ``path``, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix=".HeadCTIQA-", dir=path.parent) as folder:
        part = Path(folder) / path.name
        write_nifti(demo_scene().volume, part)
        part.replace(path)


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]))
