"""The values of an image file, or of a volume in 3D Slicer, to HU."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .bits import sign_note, unwrapped
from .candidates import counted
from .hounsfield import Format, Tags, whole_format
from .padding import PADDING_HU
from .scale import lacks_hu

_MAX_NAN = 0.5
_IMPOSSIBLE_HU = -2000
_LOW, _HIGH, _UNSIGNED = -32768, 32767, 65535
_TWELVE_BITS = range(3040, 3072)  # HU of the largest values of 12 bits, with the usual intercept of -1024
_STEP, _SOME = 6, 16  # every sixth pixel of sixteen slices shows what a whole scan is

Planes = Callable[[], Iterable[NDArray[Any]]]
Voxels = tuple[NDArray[np.int16], NDArray[np.bool_] | None, list[str]]


def to_hu(planes: Planes, tags: Tags, shape: tuple[int, int, int], name: str) -> Voxels:
    """(J, I) planes of any number type to HU, padding (where there is any) and notes; slice by slice, to save a second copy.

    What no HU can be is padding: NaN, infinite, beyond 16 bits.  Signs that were lost are put right, plane by plane or for
    the whole image, as they are in DICOM files.

    Args:
        planes: gives the stored values from the first plane on, every time it is called.
        tags: slope and intercept from them to HU.
        shape: (K, J, I).
        name: of the image in messages.

    Raises:
        InputError: mostly impossible values, or all between 0 and 1.
    """
    hu, padding, notes = _read(planes(), tags, None, shape, name)
    if lacks_hu(hu, padding):
        every = max(1, shape[0] // _SOME)
        some = [plane[::_STEP, ::_STEP] for k, plane in enumerate(planes()) if k % every == 0]
        form = whole_format([(plane, tags) for plane in some if _whole(plane)])
        if form is not None:
            hu, padding, notes = _read(planes(), tags, form, shape, name)
            notes.insert(0, form.note)
    return hu, padding, notes


def _whole(plane: NDArray[Any]) -> bool:
    """Whether all numbers are whole ones, as scanners write them."""
    return plane.dtype.kind in "iu" or bool((np.abs(plane) < 2**31).all() and (plane == np.rint(plane)).all())


def _read(
    planes: Iterable[NDArray[Any]], tags: Tags, form: Format | None, shape: tuple[int, int, int], name: str
) -> Voxels:
    hu = np.empty(shape, np.int16)
    padding = np.zeros(shape, bool)  # takes memory only where it is written
    unsigned, impossible = [], 0
    low, high, fractions = np.inf, -np.inf, False
    for k, plane in enumerate(planes):
        if form is not None:
            plane = form.values(plane.astype(np.int32))
        if tags != (1, 0):
            plane = plane * np.float64(tags[0]) + tags[1]
        bad: NDArray[np.bool_] | None = None
        if np.can_cast(plane.dtype, np.int16):
            wide = plane.astype(np.int32)
        else:
            exact = plane.astype(np.float64)
            bad = ~((exact >= _LOW) & (exact <= _UNSIGNED))  # true for NaN
            exact[bad] = PADDING_HU
            if plane.dtype.kind == "f" and not bad.all():
                low, high = min(low, exact[~bad].min()), max(high, exact[~bad].max())
                fractions = fractions or bool((exact != np.rint(exact)).any())
            wide = np.rint(exact).astype(np.int32)
        # The words of the scanner are not known here: those of 12 bits end at 4095, or 1024 lower where they are HU already.
        offset = -PADDING_HU if int(wide.max()) in _TWELVE_BITS else 0
        fixed, count = unwrapped(wide + offset, wide, resampled=True)
        unsigned.append(count)
        hu[k] = np.clip(fixed - offset, _LOW, _HIGH)
        if bad is not None and bad.any():
            hu[k][bad] = _LOW
            impossible += int(bad.sum())
        empty = hu[k] <= _IMPOSSIBLE_HU
        if empty.any():
            padding[k] = empty
            hu[k][empty] = PADDING_HU
    if impossible > _MAX_NAN * hu.size:
        raise InputError(
            f"{name} is {100 * impossible / hu.size:.0f} % NaN, infinite or beyond all HU; export the CT values again."
        )
    if fractions and low >= -1 and high <= 1:
        raise InputError(
            f"{name} holds values between {low:.3g} and {high:.3g}, so it was normalised and is not in HU; export the CT values."
        )
    notes = (
        [f"Taken as padding: {counted(impossible, 'voxel')} with NaN, infinite or impossible value."]
        if impossible
        else []
    )
    return hu, padding if padding.any() else None, [*notes, *sign_note(unsigned)]
