"""NIfTI, NRRD and MetaImage files to a :class:`CTVolume`, through SimpleITK."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..text import printable
from .choice import counted
from .exchange import exchanged
from .geometry import LPS_TO_RAS, Stack, upright
from .limits import refuse_oversized
from .nifti import is_version_2, planes
from .padding import PADDING_HU
from .types import Acquisition, CTVolume, Source

if TYPE_CHECKING:
    from SimpleITK import ImageFileReader

#: Instead of the file's name, which may be the patient's.
TITLES = {"nifti": "NIfTI image", "nrrd": "NRRD image", "metaimage": "MetaImage"}
KINDS = {".nii": "nifti", ".nii.gz": "nifti", ".nrrd": "nrrd", ".nhdr": "nrrd", ".mha": "metaimage", ".mhd": "metaimage"}
_MAX_NAN = 0.5


def image_kind(path: Path) -> str | None:
    """``nifti``, ``nrrd`` or ``metaimage`` by the file's ending, None for any other."""
    name = path.name.lower()
    return next((kind for ending, kind in KINDS.items() if name.endswith(ending)), None)


def read_image(path: Path, keep_name: bool = False) -> CTVolume:
    """A 3-D HU image file; ITK's LPS becomes RAS, axes are permuted so that the slices are the most axial ones.

    Args:
        keep_name: name the volume after the file rather than after its format.

    Raises:
        InputError: damaged, not 3-D, colour, mostly NaN, or too large.
    """
    reader = _reader(path)
    dimension = reader.GetDimension()
    width, height, depth = reader.GetSize()[:3]
    direction = np.array(reader.GetDirection()).reshape(dimension, dimension)[:3, :3] * LPS_TO_RAS[:, None]
    steps = direction * np.array(reader.GetSpacing()[:3])  # columns: RAS mm per i, j, k
    origin = np.array(reader.GetOrigin()[:3]) * LPS_TO_RAS
    refuse_oversized(path.name, depth, height, width)
    values = planes(path) if image_kind(path) == "nifti" else _execute(reader, path)
    hu, padding, notes = to_hu(values, (depth, height, width), path.name)
    origins, row_step, col_step = origin + np.arange(depth)[:, None] * steps[:, 2], steps[:, 0].copy(), steps[:, 1].copy()
    known = exchanged({key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}, depth)
    if known is not None:  # written by HeadCTIQA for itself
        origins, row_step, col_step = known.origins, known.row_step, known.col_step
    stack, turned = upright(Stack(hu, origins, row_step, col_step, padding))
    if turned:
        notes.append("The image was stored with sagittal or coronal slices: axes were exchanged to make them axial.")
    refuse_oversized(path.name, *stack.voxels.shape)
    if known is not None:
        return stack.volume(known.acquisition, Source("slicer", printable(known.name), chosen_because="the volume in 3D Slicer"), notes)
    kind = image_kind(path) or "image"
    source = Source(kind, printable(path.name) if keep_name else TITLES[kind], chosen_because="the only image")
    return stack.volume(Acquisition(), source, notes)


def _reader(path: Path) -> ImageFileReader:
    """The header, read and found to be that of one 3-D grey image."""
    import SimpleITK as sitk  # noqa: N813  the name that everyone uses

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with _quiet():
            reader.ReadImageInformation()
    except RuntimeError as error:
        if image_kind(path) == "nifti" and is_version_2(path):
            raise InputError(f"{path.name} is a NIfTI-2 file, which is not read; export it as NIfTI-1.") from error
        if "orthonormal" in str(error):
            raise InputError(f"{path.name} has axes that are not at right angles (its sform is sheared); resample it, or give the DICOM files.") from error
        raise InputError(_damaged(path)) from error
    _refuse_shape(path, reader.GetSize(), reader.GetNumberOfComponents())
    return reader


@contextmanager
def _quiet() -> Iterator[None]:
    """Without ITK's warnings about details of headers, which go to the terminal with the path of the file."""
    from SimpleITK import ProcessObject

    shown = ProcessObject.GetGlobalWarningDisplay()
    ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        ProcessObject.SetGlobalWarningDisplay(shown)


def _execute(reader: ImageFileReader, path: Path) -> Iterator[NDArray[Any]]:
    """(J, I) planes of the voxels."""
    import SimpleITK as sitk  # noqa: N813

    try:
        with _quiet():
            image = reader.Execute()
    except RuntimeError as error:
        raise InputError(_damaged(path)) from error
    view: NDArray[Any] = sitk.GetArrayViewFromImage(image)
    yield from view.reshape(view.shape[-3:])  # `image` lives as long as this generator


def _damaged(path: Path) -> str:
    return f"{path.name} is damaged, truncated or not the format that its name says; export it again."


def _refuse_shape(path: Path, size: tuple[int, ...], channels: int) -> None:
    if channels > 1:
        raise InputError(f"{path.name} is a colour or vector image, not CT values in HU; give the CT image itself.")
    if any(n > 1 for n in size[3:]):
        raise InputError(f"{path.name} is {len(size)}-D ({' x '.join(map(str, size))}), not one volume; give a single time point.")
    if len(size) < 3 or min(size[:3]) < 2:
        raise InputError(f"{path.name} is a 2-D image, not a volume; give the whole head CT.")


def to_hu(
    values: Iterable[NDArray[Any]], shape: tuple[int, int, int], name: str
) -> tuple[NDArray[np.int16], NDArray[np.bool_] | None, list[str]]:
    """(J, I) planes of any number type to HU, padding (where there is any) and notes; slice by slice, to save a second copy.

    Raises:
        InputError: mostly NaN.
    """
    hu = np.empty(shape, np.int16)
    padding = np.zeros(shape, bool)
    nans = 0
    for k, plane in enumerate(values):
        if np.issubdtype(plane.dtype, np.floating):
            bad = ~np.isfinite(plane)
            nans += int(bad.sum())
            plane = np.where(bad, PADDING_HU, np.rint(plane))
            padding[k] = bad
        hu[k] = np.clip(plane, -32768, 32767)
    notes = []
    if nans > _MAX_NAN * hu.size:
        raise InputError(f"{name} is {100 * nans / hu.size:.0f} % NaN or infinite; export the CT values again.")
    if nans:
        notes.append(f"Taken as padding: {counted(nans, 'voxel')} with NaN or infinite value.")
    padding |= hu <= -2000
    if not padding.any():
        return hu, None, notes
    hu[padding] = PADDING_HU
    return hu, padding, notes
