"""The voxels of one DICOM series in HU, with slices that cannot be read, or cannot be right, found on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .bits import sign_note, unwrapped
from .candidates import counted
from .decoding import Decoder
from .headers import Slice
from .hounsfield import Format, Neighbours, Tags, whole_format
from .margins import RANGE_HU
from .padding import PADDING_HU, padding_in
from .scale import lacks_hu

_STEP, _SOME = 6, 16  # every sixth pixel of sixteen slices shows what a whole scan is


class ImplausibleError(InputError):
    """A slice whose values fit neither the header nor the slices beside it."""


class Voxels(NamedTuple):
    """(K, J, I) HU; padding or None where there is none; the slices that failed, and why; sentences about repairs."""

    hu: NDArray[np.int16]
    padding: NDArray[np.bool_] | None
    failed: dict[int, InputError]
    notes: list[str]


def voxels(slices: tuple[Slice, ...], name: str, progress: Callable[[float], None]) -> Voxels:
    """Decode `slices`, in order of position, one by one into place; a slice that fails is left as padding."""
    decoder = Decoder()
    hu, padding, failed, unsigned = _decoded(slices, name, decoder, None, progress)
    notes = []
    if lacks_hu(hu, padding) and (form := _other_format(slices, failed, decoder)) is not None:
        hu, padding, failed, unsigned = _decoded(slices, name, decoder, form, progress)
        notes.append(form.note)
    repairs = _compared(slices, hu, padding, failed, decoder)
    notes += sign_note([count for k, count in unsigned.items() if k not in repairs])
    for words, n in Counter(repairs.values()).items():
        them, were = ("it", "was") if n == 1 else ("them", "were")
        notes.append(f"{counted(n, 'slice')} did not fit the slices beside {them} and {were} read {words}.")
    if not padding.any():
        return Voxels(hu, None, failed, notes)
    hu[padding] = PADDING_HU
    return Voxels(hu, padding, failed, notes)


def _decoded(
    slices: tuple[Slice, ...], name: str, decoder: Decoder, form: Format | None, progress: Callable[[float], None]
) -> tuple[NDArray[np.int16], NDArray[np.bool_], dict[int, InputError], dict[int, int]]:
    """Every slice by itself, in the format of its header unless another one is given; the last are pixels that had lost their sign, by slice."""
    hu = np.empty((len(slices), slices[0].rows, slices[0].columns), np.int16)
    padding = np.zeros(hu.shape, bool)
    failed: dict[int, InputError] = {}
    unsigned: dict[int, int] = {}
    # One thread: neither pydicom's parser nor GDCM's Python binding lets go of the interpreter lock (measured).
    for k, image in enumerate(slices):
        try:
            values = decoder.stored_values(image)
            if values.shape != hu.shape[1:]:
                raise InputError(
                    f"{name}: {image.path.name} is damaged (its image is {values.shape}); copy the scan again."
                )
        except InputError as error:
            failed[k] = error
            hu[k] = PADDING_HU
            continue
        if image.lut is not None:
            hu[k] = image.lut(values)
        elif values.dtype.kind == "f":
            hu[k] = clipped(rescaled(np.nan_to_num(values, nan=-(2**20)), *_tags(image)))
        else:
            stored = values.astype(np.int32, copy=False)
            stored = stored if form is None else form.values(stored)
            wide = rescaled(stored, *_tags(image))
            values, count = unwrapped(stored, wide)
            hu[k] = clipped(rescaled(values, *_tags(image)) if count else wide)
            unsigned[k] = count
        padding[k] = padding_in(values, hu[k], image)
        progress((k + 1) / len(slices))
    return hu, padding, failed, unsigned


def _other_format(slices: tuple[Slice, ...], failed: Collection[int], decoder: Decoder) -> Format | None:
    """Of values that are not HU as the headers describe them; see :func:`whole_format`."""
    known = [s for k, s in enumerate(slices) if s.lut is None and k not in failed]
    some = [(decoder.stored_values(s)[::_STEP, ::_STEP], _tags(s)) for s in known[:: max(1, len(known) // _SOME)]]
    return whole_format([(values, tags) for values, tags in some if values.dtype.kind != "f"])


def _compared(
    slices: tuple[Slice, ...],
    hu: NDArray[np.int16],
    padding: NDArray[np.bool_],
    failed: dict[int, InputError],
    decoder: Decoder,
) -> dict[int, str]:
    """Read slices that do not fit their neighbours in the one way that does; what fits in none is added to `failed`.  How the others were read."""
    neighbours = Neighbours(hu, padding if padding.any() else None, [_tags(s) for s in slices], failed)
    repairs: dict[int, str] = {}
    for k in neighbours.misfits():
        if k in failed or slices[k].lut is not None:
            continue
        values = decoder.stored_values(slices[k])
        if values.dtype.kind == "f" or np.ptp(np.percentile(values[::4, ::4], (0.5, 99.5))) <= RANGE_HU:
            continue  # blank in any units
        reading = neighbours.repaired(k, values)
        if reading is not None:
            hu[k] = clipped(reading(values))
            padding[k] = padding_in(values, hu[k], slices[k])
            repairs[k] = reading.words
        elif neighbours.is_nonsense(k):
            failed[k] = ImplausibleError(
                f"{slices[k].path.name} is not in HU like the slices beside it (wrong rescale tags?); export the scan again."
            )
            padding[k] = True
    return repairs


def _tags(image: Slice) -> Tags:
    return 1.0 if image.slope is None else image.slope, 0.0 if image.intercept is None else image.intercept


def rescaled(values: NDArray[Any], slope: float, intercept: float) -> NDArray[np.int32]:
    """Stored values to HU, rounded; int32 holds whatever 16 bits and a sane slope give."""
    if values.dtype.kind != "f" and slope == 1 and intercept == int(intercept) and abs(intercept) < 2**20:
        wide = values.astype(np.int32)
        wide += int(intercept)
        return wide
    return np.rint(np.clip(values * np.float64(slope) + intercept, -(2**30), 2**30)).astype(np.int32)


def clipped(wide: NDArray[np.int32]) -> NDArray[np.int16]:
    """To the range of int16."""
    return np.clip(wide, -32768, 32767).astype(np.int16)
