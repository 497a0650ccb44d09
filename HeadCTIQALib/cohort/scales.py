"""Scales that readers use in place of 0-100: numbers, letters, words; each value becomes a score of 0-100.

Nobody guesses a scale: 4 may be four of five or four of a hundred.  It is given (``--scale``), or asked for.

On a scale of few steps a step is a word, not a share of 100: "4 of 5" is said for *good*, and three quarters of the way, 75,
would be *acceptable*.  So scales of three to five steps are mapped step by step to scores within the band of that word
(:data:`STEPS`); between two steps, as means of readings are, on the line between their scores.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from HeadCTIQALib.curve import at
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.text import short

#: Scales to choose from; others are read as well.
USUAL = (
    "0-100",
    "1-5",
    "5-1",
    "1-4",
    "4-1",
    "1-3",
    "3-1",
    "1-10",
    "10-1",
    "0-10",
    "10-0",
    "A-E",
    "A/B/C/D/E",
    "poor/acceptable/good",
    "100-0",
)
OPTIONS = "--scale 1-5, 1-10 or 0-10 (the last is best), 5-1 (1 is best), A-E (A is best), poor/acceptable/good (worst first) or 0-100"
LARGEST_ASKED = 10.0  # scores that all lie in 0..10 are hardly of 0-100
_FEWEST_ASKED = 5  # scores of one target; of one reader one is enough
#: What the steps of a scale of so many mean, worst first, and their scores: the middle of a band, or of its halves where two words share it.
STEPS: dict[int, tuple[tuple[str, float], ...]] = {
    3: (("poor", 30.0), ("acceptable", 70.0), ("good", 90.0)),
    4: (("not diagnostic", 15.0), ("poor", 45.0), ("acceptable", 70.0), ("good", 90.0)),
    5: (("not diagnostic", 15.0), ("poor", 45.0), ("acceptable", 70.0), ("good", 85.0), ("excellent", 95.0)),
}
_BANDS = dict(STEPS[3])
_MOST_STEPS = 10
_NUMBER = r"-?\d{1,4}(?:\.\d+)?"
_NUMBERS = re.compile(rf"({_NUMBER})\s*(?:-|–|\.\.)\s*({_NUMBER})")
_LETTERS = re.compile(r"([A-Z])\s*(?:-|–|\.\.)\s*([A-Z])")


@dataclass(frozen=True)
class Scale:
    """A scale as given by ``name``.

    Attributes:
        name: as given.
        numbers: (number, score), numbers ascending, straight between; empty for a scale of words.
        words: word in small letters and its score, worst first; empty for a scale of numbers.
        reversed_name: the option that means the same scale with the other end best; empty where its words say which is best.
    """

    name: str
    numbers: tuple[tuple[float, float], ...] = ()
    words: tuple[tuple[str, float], ...] = ()
    reversed_name: str = ""

    def of_number(self, value: float) -> float | None:
        """The score 0..100 of a number on the scale; None when it is not on it."""
        if not self.numbers or not self.numbers[0][0] <= value <= self.numbers[-1][0]:
            return None
        return at(self.numbers, value)

    def of_word(self, word: str) -> float | None:
        """The score 0..100 of a word or letter on the scale; None when it is not on it."""
        return dict(self.words).get(word.strip().lower())

    @property
    def steps(self) -> tuple[float, ...]:
        """The scores of its steps, worst first; empty for a scale that has too many to count."""
        if self.words:
            return tuple(score for _, score in self.words)
        low, high = self.numbers[0][0], self.numbers[-1][0]
        if not (low.is_integer() and high.is_integer() and 2 <= high - low < _MOST_STEPS):
            return ()
        return tuple(sorted(at(self.numbers, low + n) for n in range(int(high - low) + 1)))

    @property
    def account(self) -> str:
        """What stands for what, in words."""
        if len(self.numbers) == 2:
            (low, a), (high, b) = self.numbers
            return f"{self.name} ({low:g} is {a:g}, {high:g} is {b:g}, straight between)"
        steps = [(f"{x:g}", score) for x, score in self.numbers] or [
            (w.upper() if len(w) == 1 else w, score) for w, score in self.words
        ]
        meant = {score: word for word, score in STEPS.get(len(steps), ())}
        return f"{self.name} ({', '.join(f'{step} is {score:g}' + (f' ({meant[score]})' if meant.get(score, step) != step else '') for step, score in steps)})"


HUNDRED = Scale("0-100", ((0.0, 0.0), (100.0, 100.0)), reversed_name="100-0")


def parse_scale(text: str) -> Scale:
    """A scale from how it is written: see :data:`OPTIONS`.

    Raises:
        InputError: it is none, or does not say which end is best.
    """
    given = text.strip()
    if found := _NUMBERS.fullmatch(given):
        worst, best = float(found[1]), float(found[2])
        if worst != best:
            return _of_numbers(given, worst, best)
    if found := _LETTERS.fullmatch(given.upper()):
        first, last = (ord(c) for c in found.groups())
        if first < last:
            return _of_words(given, [chr(c) for c in range(last, first - 1, -1)])
        if first > last:
            listed = "/".join(chr(c) for c in range(last, first + 1))
            raise InputError(
                f'"{short(given)}" does not say which letter is best; give {chr(last)}-{chr(first)} where {chr(last)} is best, or {listed} where {chr(last)} is worst.'
            )
    words = [w.strip() for w in given.split("/")]
    if len(words) > 1 and all(words) and len({w.lower() for w in words}) == len(words):
        return _of_words(given, words)
    raise InputError(f'"{short(given)}" is no scale; give {OPTIONS}.')


def _of_numbers(name: str, worst: float, best: float) -> Scale:
    low, high = min(worst, best), max(worst, best)
    whole = low.is_integer() and high.is_integer()
    if whole and high - low + 1 in STEPS:
        scores = [score for _, score in STEPS[int(high - low) + 1]]
        numbers = tuple((low + n, score) for n, score in enumerate(scores if best > worst else scores[::-1]))
    else:
        ten = (low, high) == (1.0, 10.0)  # of ten, of which nobody gives 0: "8 of 10" is 80
        ends = (10.0 if ten else 0.0, 100.0)
        numbers = tuple(zip((low, high), ends if best > worst else ends[::-1], strict=True))
    return Scale(
        name, numbers, reversed_name=f"{best:g}-{worst:g}" if min(worst, best) >= 0 else f"{best:g}..{worst:g}"
    )


def _of_words(name: str, words: Sequence[str]) -> Scale:
    small = [w.lower() for w in words]
    if set(small) <= set(_BANDS):
        if small != sorted(small, key=_BANDS.__getitem__):
            raise InputError(f'"{short(name)}" must name the worst first: poor/acceptable/good.')
        return Scale(name, words=tuple((w, _BANDS[w]) for w in small))
    steps = STEPS.get(len(small))
    scores = [score for _, score in steps] if steps else [100.0 * n / (len(small) - 1) for n in range(len(small))]
    return Scale(name, words=tuple(zip(small, scores, strict=True)), reversed_name="/".join(reversed(words)))


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
