"""NIfTI, NRRD and MetaImage files to a :class:`CTVolume`."""

from __future__ import annotations

import numpy as np

from ..errors import boundary
from ..text import printable
from .archive import Location
from .exchange import exchanged
from .geometry import Stack, upright
from .image_voxels import to_hu
from .limits import refuse_oversized
from .metaimage import metaimage_header
from .nifti import nifti_header
from .nrrd import nrrd_header
from .placing import lost_geometry, refuse_skewed
from .types import Acquisition, CTVolume, Source
from .voxels import damaged, planes

#: Instead of the file's name, which may be the patient's.
TITLES = {"nifti": "NIfTI image", "nrrd": "NRRD image", "metaimage": "MetaImage", "slicer": "volume in 3D Slicer"}
KINDS = {
    ".nii": "nifti", ".nii.gz": "nifti", ".hdr": "nifti", ".nrrd": "nrrd", ".nhdr": "nrrd", ".mha": "metaimage", ".mhd": "metaimage",
}  # fmt: skip
_HEADERS = {"nifti": nifti_header, "nrrd": nrrd_header, "metaimage": metaimage_header}


def image_kind(path: Location) -> str | None:
    """``nifti``, ``nrrd`` or ``metaimage`` by the file's ending, None for any other and for what macOS writes beside a file."""
    name = path.name.lower()
    return (
        None if name.startswith("._") else next((kind for ending, kind in KINDS.items() if name.endswith(ending)), None)
    )


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
        tags = header.stored.slope, header.stored.intercept
        hu, padding, remarks = to_hu(
            lambda: planes(header.stored, header.sizes, name), tags, (slices, rows, columns), name
        )
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
            notes.append(
                "The image was stored with sagittal or coronal slices: axes were exchanged to make them axial."
            )
        if known is not None:
            return stack.volume(
                known.acquisition,
                Source(
                    "slicer",
                    known.name if keep_name else TITLES["slicer"],
                    chosen_because="the volume in 3D Slicer",
                    given=known.name,
                ),
                notes,
            )
        return stack.volume(
            Acquisition(),
            Source(kind, name if keep_name else TITLES[kind], chosen_because="the only image", given=name),
            notes,
        )
