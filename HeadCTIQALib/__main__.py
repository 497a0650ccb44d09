"""``python -m HeadCTIQALib`` is the command ``headctiqa``."""

from HeadCTIQALib.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
