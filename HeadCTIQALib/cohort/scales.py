"""Scales that readers use in place of 0-100: numbers, letters, words; each value becomes a score of 0-100.

Nobody guesses a scale: 4 may be four of five or four of a hundred.  It is given (``--scale``), or asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.text import short

OPTIONS = "--scale 1-5, 1-10 or 0-10 (the last is best), 5-1 (1 is best), A-E (A is best), poor/acceptable/good (worst first) or 0-100"
LARGEST_ASKED = 10.0  # scores that all lie in 0..10 are hardly of 0-100
_FEWEST_ASKED = 5  # scores of one target; of one reader one is enough
_BANDS = {"poor": 30.0, "acceptable": 70.0, "good": 90.0}  # the middle of each band, so that a word stays in its band
_NUMBER = r"-?\d{1,4}(?:\.\d+)?"
_NUMBERS = re.compile(rf"({_NUMBER})\s*(?:-|–|\.\.)\s*({_NUMBER})")
_LETTERS = re.compile(r"([A-Z])\s*(?:-|–|\.\.)\s*([A-Z])")


@dataclass(frozen=True)
class Scale:
    """A scale as given by ``name``.

    Attributes:
        ends: worst and best number; None for a scale of words.
        words: word in small letters to score, worst first; empty for a scale of numbers.
    """

    name: str
    ends: tuple[float, float] | None = None
    words: tuple[tuple[str, float], ...] = ()

    def of_number(self, value: float) -> float | None:
        """The score 0..100 of a number on the scale; None when it is not on it."""
        if self.ends is None:
            return None
        worst, best = self.ends
        return 100.0 * (value - worst) / (best - worst) if min(self.ends) <= value <= max(self.ends) else None

    def of_word(self, word: str) -> float | None:
        """The score 0..100 of a word or letter on the scale; None when it is not on it."""
        return dict(self.words).get(word.strip().lower())

    @property
    def account(self) -> str:
        """What stands for what, in words."""
        if self.ends is not None:
            return f"{self.name} ({self.ends[0]:g} is 0, {self.ends[1]:g} is 100, straight between)"
        return f"{self.name} ({', '.join(f'{word.upper() if len(word) == 1 else word} is {score:g}' for word, score in self.words)})"


HUNDRED = Scale("0-100", (0.0, 100.0))


def parse_scale(text: str) -> Scale:
    """A scale from how it is written: see :data:`OPTIONS`.

    Raises:
        InputError: it is none, or does not say which end is best.
    """
    given = text.strip()
    if found := _NUMBERS.fullmatch(given):
        worst, best = float(found[1]), float(found[2])
        if worst != best:
            return Scale(given, (worst, best))
    if found := _LETTERS.fullmatch(given.upper()):
        first, last = (ord(c) for c in found.groups())
        if first < last:
            return _of_words(given, [chr(c) for c in range(last, first - 1, -1)])
        if first > last:
            listed = "/".join(chr(c) for c in range(last, first + 1))
            raise InputError(f'"{short(given)}" does not say which letter is best; give {chr(last)}-{chr(first)} where {chr(last)} is best, or {listed} where {chr(last)} is worst.')
    words = [w.strip() for w in given.split("/")]
    if len(words) > 1 and all(words) and len({w.lower() for w in words}) == len(words):
        return _of_words(given, words)
    raise InputError(f'"{short(given)}" is no scale; give {OPTIONS}.')


def _of_words(name: str, words: Sequence[str]) -> Scale:
    small = [w.lower() for w in words]
    if set(small) <= set(_BANDS):
        if small != sorted(small, key=_BANDS.__getitem__):
            raise InputError(f'"{short(name)}" must name the worst first: poor/acceptable/good.')
        return Scale(name, words=tuple((w, _BANDS[w]) for w in small))
    return Scale(name, words=tuple((w, 100.0 * n / (len(small) - 1)) for n, w in enumerate(small)))


def suggestion(text: str) -> str:
    """What to say of a score that is no number: the option that its scale may need."""
    if re.fullmatch(r"[A-Za-z]", text):
        return "where readers gave letters, say so with --scale A-E (A is best)"
    if text.isalpha():
        return "where readers gave words, list them, worst first, with --scale poor/acceptable/good"
    return "write a number, or nothing where the reader could not judge"


def looks_like_another(scores: Sequence[float], of_one_target: bool) -> bool:
    """Whether scores given as 0-100 all lie where those of a short scale do."""
    return len(scores) >= (_FEWEST_ASKED if of_one_target else 1) and min(scores) >= 0 and max(scores) <= LARGEST_ASKED
