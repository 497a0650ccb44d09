"""What can go wrong in a training and be put right by whoever started it."""

from HeadCTIQALib.errors import HeadCTIQAError


class TrainingError(HeadCTIQAError):
    """The training cannot run or its result is refused."""
