"""How simulated readers judge what they see: from defects to categories, and from categories to an overall score.

Nothing here is taken from the curves or the models of HeadCTIQA, so that these are never the truth of the readers:

* **An item** takes away a share that rises as a logistic in the logarithm of the size of its defect, as psychometric
  functions do (Weber, Fechner): half of its harm at a size of :data:`DEFECTS`, nothing where there is no defect, and no
  more than its harm.  HeadCTIQA's curves are straight between knots.
* **A category** pools its items by Minkowski's sum with an exponent of the reader's own, between adding up (1) and the
  worst alone (infinite).  HeadCTIQA's guideline takes the worst.
* **Overall**, one ruined category makes a scan poor, but every reader gets there another way (:data:`WAYS`).  HeadCTIQA
  takes a weighted mean, at most 20 points above the worst category.

Every number is an assumption.  The sizes were put near the limits of the sources that the hierarchy names (EUR 16262, Booij
2018, Ahmad 2021, Nakamura 2019), because readers have read the same criteria, and moved for every reader by a factor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Defect:
    """One way in which an image can be bad.

    Attributes:
        iqm: of which it is told.
        title: for people, with its unit.
        size: of the defect from the true value; 0 or less where there is none.
        half: size at which a typical reader feels half of the harm; an assumption.
        steepness: of the logistic; an assumption.
        harm: share of a category's score that the worst defect of the kind takes; an assumption.
    """

    iqm: str
    title: str
    size: Callable[[float], float]
    half: float
    steepness: float
    harm: float


def _as_it_is(value: float) -> float:
    return value


def _missing(margin: float) -> float:
    return -margin


def _of_contrast(cnr: float) -> float:
    return 1 / max(cnr, 0.05)


DEFECTS: tuple[Defect, ...] = (
    Defect("symmetry_angle", "head turned or tilted, °", _as_it_is, 8.0, 2.5, 0.45),
    Defect("baseline_angle", "off the baseline, °", _as_it_is, 13.0, 3.0, 0.45),
    Defect("centering_offset", "off the centre, mm", _as_it_is, 20.0, 2.5, 0.55),
    Defect("vertex_margin", "missing at the vertex, mm", _missing, 7.0, 1.6, 0.90),
    Defect("vertex_margin", "spare above the vertex, mm", _as_it_is, 38.0, 3.0, 0.45),
    Defect("foramen_magnum_margin", "missing at the foramen magnum, mm", _missing, 9.0, 1.6, 0.85),
    Defect("foramen_magnum_margin", "spare below the foramen magnum, mm", _as_it_is, 48.0, 3.0, 0.45),
    Defect("noise", "noise, HU", _as_it_is, 7.0, 4.0, 0.85),
    Defect("gray_white_cnr", "1 / contrast-to-noise ratio", _of_contrast, 1.1, 3.0, 0.85),
    Defect("motion_extent", "motion extent, %", _as_it_is, 13.0, 1.3, 0.95),
    Defect("foreign_object_volume", "foreign objects, mL", _as_it_is, 1.0, 0.8, 0.60),
    Defect("streak_extent", "streaks, %", _as_it_is, 10.0, 1.4, 0.90),
)


@dataclass(frozen=True)
class Judge:
    """The taste of one reader.

    Attributes:
        sizes: for every defect the factor on its half size; below 1 is stricter.
        harms: for every defect the factor on its harm.
        pooling: Minkowski's exponent within a category.
        weights: (6,) of the categories, in all 1.
        strictness: standard normal; moves personal thresholds.
        way: to the overall score, of :data:`WAYS`.
    """

    sizes: Floats
    harms: Floats
    pooling: float
    weights: Floats
    strictness: float
    way: Way

    def loss(self, truth: Mapping[str, float]) -> float:
        """Share 0..1 that the defects of one category take, from the true values of its IQMs."""
        shares = [self._share(k, d, truth[d.iqm]) for k, d in enumerate(DEFECTS) if d.iqm in truth]
        return float(min(1.0, sum(s**self.pooling for s in shares) ** (1 / self.pooling)))

    def _share(self, k: int, defect: Defect, value: float) -> float:
        size = defect.size(value)
        if size <= 0:
            return 0.0
        return float(
            min(1.0, defect.harm * self.harms[k]) / (1 + (defect.half * self.sizes[k] / size) ** defect.steepness)
        )

    def overall(self, categories: Floats) -> float:
        """The overall score 0..100 of (6,) category scores."""
        return self.way.of(categories, self)


@dataclass(frozen=True, slots=True)
class Way:
    """A way from six category scores to an overall score, in words for people and as a function."""

    words: str
    of: Callable[[Floats, Judge], float]


def draw_judge(rng: np.random.Generator, weights: Floats, way: int) -> Judge:
    """A reader of one department: near the others in size and harm, with a way of their own."""
    return Judge(
        sizes=np.exp(rng.normal(0, 0.15, len(DEFECTS))),
        harms=np.exp(rng.normal(0, 0.08, len(DEFECTS))),
        pooling=float(rng.uniform(1.3, 3.0)),
        weights=weights,
        strictness=float(rng.normal()),
        way=WAYS[way % len(WAYS)],
    )


def _nearly_the_worst(c: Floats, judge: Judge) -> float:
    share = 0.3 + 0.05 * judge.strictness
    return float((1 - share) * c.min() + share * (judge.weights @ c)) + 4.0


def _product(c: Floats, judge: Judge) -> float:
    """Fractions of what this reader is content with, multiplied, each to a power: a geometric mean, sharpened."""
    content = 88.0 + 2.0 * judge.strictness
    fractions = np.clip(c / content, 0.01, 1.0)
    return 92.0 * float(np.prod(fractions**0.45))


def _steps_down(c: Floats, judge: Judge) -> float:
    limited, poor, useless = ((c < limit + 2.0 * judge.strictness).sum() for limit in (75.0, 58.0, 35.0))
    return max(5.0, 93.0 - 7.0 * float(limited) - 17.0 * float(poor) - 22.0 * float(useless))


def _veto(c: Floats, judge: Judge) -> float:
    mean, threshold = float(judge.weights @ c), 50.0 + 3.0 * judge.strictness
    return mean if c.min() >= threshold else min(mean, 25.0 + 0.5 * float(c.min()))


def _soft_minimum(c: Floats, judge: Judge) -> float:
    softness = 10.0 * math.exp(0.1 * judge.strictness)
    return float(-softness * math.log(float(judge.weights @ np.exp(-c / softness)))) + 3.0


WAYS: tuple[Way, ...] = (
    Way("nearly the worst category: 70 % of it, 30 % of the mean", _nearly_the_worst),
    Way("multiplies: 92 times the product of the categories as fractions of 88, each to the power 0.45", _product),
    Way("counts: 93, less 7 for every category below 75, 17 more below 58 and 22 more below 35", _steps_down),
    Way("averages, with a veto: where a category is below 50, at most 25 and half of that category", _veto),
    Way(
        "a soft minimum: the logarithm of the weighted mean of exponentials, with a softness of 10 points",
        _soft_minimum,
    ),
)
