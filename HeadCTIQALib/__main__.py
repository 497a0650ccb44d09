"""``python -m HeadCTIQALib`` is the command ``headctiqa``.

Python itself looks for the package in the working folder first, before anything here can run: in a folder that holds a
stranger's files use ``headctiqa`` or ``python -P -m HeadCTIQALib``.
"""

from HeadCTIQALib import isolation

if __name__ == "__main__":
    isolation.leave_working_folder(first=True)
    from HeadCTIQALib.cli import main

    raise SystemExit(main())
