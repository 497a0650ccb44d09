"""Our agreement statistics on real radiologists: the worked example in Docs/calibration.md, computed again from their scores.

The scores (15 brain CT slices, each with 12 denoisers, as low and as normal dose) come from github.com/babbu3682/MTD-GAN (MIT).
"""

import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from HeadCTIQALib.agreement import (
    bland_altman,
    complete_rows,
    icc_agreement,
    icc_agreement_mean,
    icc_consistency,
    pearson,
)
from HeadCTIQALib.cohort.readers import read_readers
from HeadCTIQALib.cohort.scales import parse_scale
from HeadCTIQALib.errors import InputError

PAGE = Path(__file__).parents[1] / "Docs" / "calibration.md"
READERS = ("R1", "R2", "R3")
TARGETS = {"noise": (1, 14), "contrast": (1, 5), "structure": (1, 5)}
GIVEN = ("low dose", "normal dose")  # their scores were given to the readers, so they say nothing about agreement

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def scores(shared_data):
    """Rows of the sheet."""
    with (shared_data / "readers-brain-denoised" / "scores.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(scores, target, sets=range(1, 16), given=False, slips=False):
    """(images, readers) scores of ``target``; without images whose scores were given, and NaN for slips off the scale, unless wanted."""
    kept = [r for r in scores if int(r["set"]) in sets and (given or r["method"] not in GIVEN)]
    said = {(r["image"], r["reader"]): float(r[target]) for r in kept}
    m = np.array([[said[i, r] for r in READERS] for i in sorted({r["image"] for r in kept})])
    low, high = TARGETS[target]
    return m if slips else np.where((m >= low) & (m <= high), m, np.nan)


def correlations(m):
    return [pearson(m[:, a], m[:, b]).value for a, b in combinations(range(3), 2)]


def shown(e):
    return f"{e.value:.2f} ({e.low:.2f} to {e.high:.2f})"


def rows(scores):
    for target in TARGETS:
        for name, sets in (("1-10", range(1, 11)), ("11-15", range(11, 16))):
            m, left_out = complete_rows(table(scores, target, sets))
            worst = max(
                (bland_altman(m[:, a], m[:, b]) for a, b in combinations(range(3), 2)), key=lambda b: abs(b.bias.value)
            )
            r = correlations(m)
            yield (
                f"| {target}, sets {name} | {len(m)} | {left_out} | {shown(icc_agreement(m))} | {icc_consistency(m).value:.2f} | {shown(icc_agreement_mean(m))} "
                f"| {min(r):.2f} to {max(r):.2f} | {worst.bias.value:+.2f} ({worst.lower.value:+.2f} to {worst.upper.value:+.2f}) |"
            )


def test_the_figures_in_the_documentation_are_those_of_the_scores(scores):
    page = PAGE.read_text(encoding="utf-8")
    missing = [row for row in rows(scores) if row not in page]
    assert not missing, "\n".join(missing)


def test_correlations_are_those_published_with_the_scores(scores):
    """With the given scores and the slips, as they were computed there: noise .98-.99, contrast .93-.95, structure .58-.67."""
    for target, published in {"noise": (0.98, 0.99), "contrast": (0.93, 0.95), "structure": (0.58, 0.67)}.items():
        r = correlations(table(scores, target, given=True, slips=True))
        assert (min(r), max(r)) == pytest.approx(published, abs=0.0051)


def test_scores_off_the_scale_are_refused_and_not_averaged(scores, tmp_path):
    """Thirteen structure scores of 8 to 13 on a scale of 1-5, in ten images: with them r is .58, without .88 and more."""
    lines = [(r["image"], r["reader"], r["structure"]) for r in scores]
    off = [line for line in lines if float(line[2]) > 5]
    assert (len(off), len({image for image, _, _ in off})) == (13, 10)
    assert min(correlations(complete_rows(table(scores, "structure", given=True))[0])) > 0.87
    (tmp_path / "structure.csv").write_text("image,reader,overall\n" + "".join(",".join(line) + "\n" for line in lines))
    with pytest.raises(InputError, match='"8" is not on the scale 1-5'):
        read_readers(tmp_path / "structure.csv", scale=parse_scale("1-5"))
