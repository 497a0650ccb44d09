"""Why the values of a whole volume cannot be HU: cut off, inverted, shifted or scaled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PILE = 0.01  # of the voxels have the lowest, or the highest, value where values were cut off there
_DENSE_HU = 500  # the skull is denser than this in parts of every head
_BONE_HU, _MOST_BONE = 900, 0.25  # and less of a slice than this
_COARSE_HU = 4  # steps between values, from which noise and contrast are those of the steps
_BRAIN_HU = (-20, 120)
_TWELVE_BITS_HU = 2900  # 3071 with an intercept of -1024 is where most scanners end
_PEAK_HU = 21
_AIR_ENDS_HU = -700
#: Air was at -1001 to -994 HU in 42 scans; scanners are accepted with 10 HU, and cold or moist air changes it by less.
OFF_HU, MOST_OFF_HU = 30, 60
_MOST_SKULL = 0.2  # of the voxels
_TISSUE_HU, _PHANTOM_HU = (-150, 150), 600  # from fat to enhanced muscle; from here it may be the bone of a phantom

_OFFSETS = (1024, 1000)
_SHIFTS = (-300, 900, 50)
_FACTORS = (2.0, 10.0, 16.0, 100.0, 1000.0, 0.5, 0.1, 0.01)


def shares(sample: NDArray[np.int16]) -> tuple[float, float]:
    """The shares of the voxels in the range of air and in that of water and brain."""
    return float(((sample > -1100) & (sample < -880)).mean()), float(((sample > -40) & (sample < 110)).mean())


def lacks_hu(hu: NDArray[np.int16], padding: NDArray[np.bool_] | None) -> bool:
    """Whether a volume (K, J, I) shows no air where air is in HU, or no tissue."""
    cut = (slice(None), slice(None, None, 6), slice(None, None, 6))
    sample = hu[cut] if padding is None else hu[cut][~padding[cut]]
    return not sample.size or min(shares(sample)) < _PILE


def fits(sample: NDArray[np.floating | np.integer]) -> bool:
    """Whether values are HU of a head in air beyond doubt: much air at -1000, much tissue, little between them."""
    sample = sample[sample >= -1200]  # padding
    if not sample.size:
        return False
    air = sample[(sample > -1100) & (sample < -880)]
    if air.size < 0.1 * sample.size or abs(float(np.median(air)) + 1000) > 50:
        return False
    return bool(((sample > -40) & (sample < 110)).mean() > 0.04 and ((sample > -850) & (sample < -200)).mean() < 0.25)


def levels(sample: NDArray[np.int16]) -> tuple[float, float]:
    """The most frequent HU near air, and among all tissue: about -1000, and 20 to 60 in heads."""
    counts = np.bincount(np.clip(sample, -1400, 1600).astype(np.int64) + 1400, minlength=3001).astype(float)
    counts[[0, -1]] = 0
    smooth = np.convolve(counts, np.ones(_PEAK_HU), "same")
    low, high = smooth[: _AIR_ENDS_HU + 1400], smooth[_AIR_ENDS_HU + 1400 :]
    return float(low.argmax() - 1400), float(high.argmax() + _AIR_ENDS_HU)


def misplaced(sample: NDArray[np.int16]) -> str | None:
    """What reads wrong where air or tissue lie elsewhere than in HU, as a clause; None where both are as they should be."""
    air, tissue = levels(sample)
    if abs(air + 1000) > MOST_OFF_HU:
        return f"air reads about {air:.0f} HU, not -1000{looks_like(sample)}"
    if tissue < _TISSUE_HU[0] or _TISSUE_HU[1] < tissue < _PHANTOM_HU:
        return f"most tissue reads about {tissue:.0f} HU, where brain and muscle have 20 to 60{looks_like(sample) or ' (is the rescale slope wrong?)'}"
    return None


def _shift(wide: NDArray[np.float64]) -> int | None:
    """HU by which all values are too high, where taking them off makes them those of a head."""
    for offset in range(*_SHIFTS):
        moved = wide - offset
        if fits(moved):
            return offset + round(float(np.median(moved[(moved > -1100) & (moved < -880)])) + 1000)
    return None


def cut_off(sample: NDArray[np.int16]) -> str | None:
    """The window to which values were cut off, as "0 and 80", or None where they are whole.

    Args:
        sample: voxels of the volume without padding.
    """
    low, high = int(sample.min()), int(sample.max())
    at_low, at_high = float((sample == low).mean()), float((sample == high).mean())
    if (high <= _DENSE_HU and at_high >= _PILE / 4) or (low > -500 and at_low >= 10 * _PILE and high < 2000):
        return f"{low} and {high}"
    return None


def bone_cut_off(hu: NDArray[np.int16]) -> int | None:
    """The HU to which bone and all that is denser was cut off; None where values are whole, or as high as 12 bits reach."""
    high = int(hu.max())
    if not _DENSE_HU < high < _TWELVE_BITS_HU:
        return None
    top = np.count_nonzero(hu == high)
    return high if top >= 50 and top >= 0.03 * np.count_nonzero(hu > 0.7 * high) else None


def looks_like(sample: NDArray[np.int16]) -> str:
    """A hint at what the values of a volume that shows no air near -1000 HU, or no tissue, are, in parentheses, or nothing."""
    shifted_soft, soft = (float(((sample > a) & (sample < b)).mean()) for a, b in ((980, 1140), (-40, 110)))
    if sample.min() < sample.max() and not (sample[sample > -1024] % 16).any():
        return " (all are multiples of 16: were 12 bits written left-aligned?)"
    wide = sample.astype(np.float64)
    shift = _shift(wide)
    if shift is not None and abs(shift) > OFF_HU:
        return (
            f" (they look about {abs(shift)} HU too {'high' if shift > 0 else 'low'}: is the rescale intercept wrong?)"
        )
    for factor in _FACTORS:
        if any(fits((wide + offset) / factor - offset) for offset in (0, *_OFFSETS)):
            how = f"{factor:g} times too high" if factor > 1 else f"{1 / factor:g} times too low"
            return f" (they look {how}: is the rescale slope wrong?)"
    if any(fits(wide - offset) for offset in _OFFSETS):
        return " (they look 1000 or 1024 too high: was the rescale intercept lost?)"
    if (
        soft < _PILE
        and ((sample > -1064) & (sample < -890)).mean() > 0.4
        and 0.02 < (sample > -890).mean() < _MOST_SKULL
    ):
        return " (they look 1000 or 1024 too low: was the rescale intercept applied twice?)"
    if float((sample > 0.8 * float(sample.max())).mean()) > 0.25:
        return " (air seems to be the brightest: is the image inverted?)"
    if shifted_soft > soft or shifted_soft > 0.1:
        return " (they look 1000 or 1024 too high: was the rescale intercept lost?)"
    return ""


def is_shifted(plane: NDArray[np.int16], padding: NDArray[np.bool_] | None) -> bool:
    """Whether a slice shows no air and more of what is dense than any head, as where the rescale tags were lost."""
    sample = plane[::4, ::4] if padding is None else plane[::4, ::4][~padding[::4, ::4]]
    return bool(
        sample.size and ((sample > -1150) & (sample < -850)).mean() < _PILE and (sample > _BONE_HU).mean() > _MOST_BONE
    )


def step(hu: NDArray[np.int16]) -> int:
    """The smallest step between the values near those of brain, in HU: 1 in a whole scan.

    Args:
        hu: (K, J, I); a few slices tell that the step is 1, and no more are looked at.
    """
    seen = np.zeros(_BRAIN_HU[1] - _BRAIN_HU[0], bool)
    smallest = 1
    for plane in hu:
        seen[plane[(plane > _BRAIN_HU[0]) & (plane < _BRAIN_HU[1])] - np.int16(_BRAIN_HU[0])] = True
        values = np.flatnonzero(seen)
        if len(values) > 2:
            smallest = int(np.gcd.reduce(np.diff(values)))
            if smallest == 1:
                break
    return smallest


def is_coarse(hu: NDArray[np.int16]) -> bool:
    """Whether the values come in steps too coarse for noise and contrast to mean anything."""
    return step(hu) >= _COARSE_HU
