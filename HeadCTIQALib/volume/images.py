"""NIfTI, NRRD and MetaImage files to a :class:`CTVolume`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, boundary
from ..text import printable
from .archive import Location
from .choice import counted
from .exchange import exchanged
from .geometry import Stack, upright
from .limits import refuse_oversized
from .metaimage import metaimage_header
from .nifti import nifti_header
from .nrrd import nrrd_header
from .padding import PADDING_HU
from .placing import lost_geometry, refuse_skewed
from .types import Acquisition, CTVolume, Source
from .voxels import damaged, planes

#: Instead of the file's name, which may be the patient's.
TITLES = {"nifti": "NIfTI image", "nrrd": "NRRD image", "metaimage": "MetaImage", "slicer": "volume in 3D Slicer"}
KINDS = {
    ".nii": "nifti", ".nii.gz": "nifti", ".hdr": "nifti", ".nrrd": "nrrd", ".nhdr": "nrrd", ".mha": "metaimage", ".mhd": "metaimage",
}  # fmt: skip
_HEADERS = {"nifti": nifti_header, "nrrd": nrrd_header, "metaimage": metaimage_header}
_MAX_NAN = 0.5
_IMPOSSIBLE_HU = -2000
_LOW, _HIGH = -32768, 32767


def image_kind(path: Location) -> str | None:
    """``nifti``, ``nrrd`` or ``metaimage`` by the file's ending, None for any other and for what macOS writes beside a file."""
    name = path.name.lower()
    return None if name.startswith("._") else next((kind for ending, kind in KINDS.items() if name.endswith(ending)), None)


def read_image(path: Location, keep_name: bool = False, name: str | None = None) -> CTVolume:
    """A 3-D HU image file; axes are permuted so that the slices are the most axial ones.

    Args:
        path: the file, with the ending of its format.
        keep_name: name the volume after the file rather than after its format.
        name: of the file, when ``path`` is a copy with another one.

    Raises:
        InputError: damaged, not 3-D, colour, mostly NaN, too large, or with a geometry that no image has.
    """
    name = printable(name or path.name)
    kind = image_kind(path)
    if kind is None:
        raise damaged(name)
    with boundary(str(damaged(name))), np.errstate(all="ignore"):  # absurd numbers are found by what comes of them
        header = _HEADERS[kind](path, name)
        columns, rows, slices = header.sizes
        refuse_oversized(name, slices, rows, columns, header.stored.dtype.itemsize)
        notes = [*header.notes, *lost_geometry(name, header.sizes, header.steps, header.origin)]
        known = exchanged(header, name) if kind == "nrrd" else None
        hu, padding, remarks = to_hu(planes(header.stored, header.sizes, name), (slices, rows, columns), name)
        if known is not None:  # written by HeadCTIQA for itself
            origins, row_step, col_step = known.origins, known.row_step, known.col_step
        else:
            row_step, col_step, step = header.steps.T.copy()
            origins = header.origin + np.arange(slices)[:, None] * step
        stack, turned = upright(Stack(hu, origins, row_step, col_step, padding))
        refuse_skewed(name, stack)
        refuse_oversized(name, *stack.voxels.shape)
        notes += remarks
        if turned:
            notes.append("The image was stored with sagittal or coronal slices: axes were exchanged to make them axial.")
        if known is not None:
            return stack.volume(known.acquisition, Source("slicer", known.name if keep_name else TITLES["slicer"], chosen_because="the volume in 3D Slicer", given=known.name), notes)
        return stack.volume(Acquisition(), Source(kind, name if keep_name else TITLES[kind], chosen_because="the only image", given=name), notes)


def to_hu(
    values: Iterable[NDArray[Any]], shape: tuple[int, int, int], name: str
) -> tuple[NDArray[np.int16], NDArray[np.bool_] | None, list[str]]:
    """(J, I) planes of any number type to HU, padding (where there is any) and notes; slice by slice, to save a second copy.

    What no HU can be is padding: NaN, infinite, beyond 16 bits.  From 32768 to 65535 are negative numbers that were written without sign.

    Raises:
        InputError: mostly such values, or all between 0 and 1.
    """
    hu = np.empty(shape, np.int16)
    padding = np.zeros(shape, bool)  # takes memory only where it is written
    impossible = unsigned = 0
    low, high, fractions = np.inf, -np.inf, False
    for k, plane in enumerate(values):
        if np.can_cast(plane.dtype, np.int16):
            hu[k] = plane
        else:
            exact = plane.astype(np.float64)
            bad = ~((exact >= _LOW) & (exact <= 65535))  # true for NaN
            exact[bad] = _LOW
            if plane.dtype.kind == "f" and not bad.all():
                low, high = min(low, exact[~bad].min()), max(high, exact[~bad].max())
                fractions = fractions or bool((exact != np.rint(exact)).any())
            exact = np.rint(exact)
            wrapped = exact > _HIGH
            exact[wrapped] -= 65536
            hu[k] = exact
            impossible, unsigned = impossible + int(bad.sum()), unsigned + int(wrapped.sum())
        empty = hu[k] <= _IMPOSSIBLE_HU
        if empty.any():
            padding[k] = empty
            hu[k][empty] = PADDING_HU
    if impossible > _MAX_NAN * hu.size:
        raise InputError(f"{name} is {100 * impossible / hu.size:.0f} % NaN, infinite or beyond all HU; export the CT values again.")
    if fractions and low >= -1 and high <= 1:
        raise InputError(f"{name} holds values between {low:.3g} and {high:.3g}, so it was normalised and is not in HU; export the CT values.")
    notes = []
    if impossible:
        notes.append(f"Taken as padding: {counted(impossible, 'voxel')} with NaN, infinite or impossible value.")
    if unsigned:
        notes.append(f"Read as negative: {counted(unsigned, 'voxel')} above 32767, whose sign was lost.")
    return hu, padding if padding.any() else None, notes
