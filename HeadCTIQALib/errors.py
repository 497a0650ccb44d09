"""The one kind of error that a user sees as a sentence."""


class HeadCTIQAError(Exception):
    """Something the user can act on: one sentence that names the file and what to do.

    Every room raises a subclass (or this class) for input that it refuses; only the command line and the
    Slicer module catch it.  Anything else that escapes is a bug and keeps its traceback.
    """


class InputError(HeadCTIQAError):
    """The input cannot be read as a head CT at all (exit code 3)."""


class OutputError(HeadCTIQAError):
    """The result cannot be written (exit code 4)."""


class ModelError(HeadCTIQAError):
    """A model bundle or scoring model is missing, damaged or does not fit (exit code 5)."""
