"""Stored pixel values of one slice, whatever its transfer syntax."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from ..errors import InputError, boundary
from .archive import Location
from .bits import significant
from .codestream import image_size
from .headers import Slice
from .parsing import read_dataset
from .tags import integer, present

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_PIXEL_TAGS = [
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", *_PIXELS,
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
]  # fmt: skip
_UNCOMPRESSED: dict[tuple[bool | None, bool | None], UID] = {  # by (implicit VR, little endian)
    (True, True): ImplicitVRLittleEndian,
    (False, True): ExplicitVRLittleEndian,
    (False, False): ExplicitVRBigEndian,
}
_COMPRESSED_BITS = (8, 16)
_JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")


_MUTING = (
    threading.Lock()
)  # standard error belongs to the process: of two that mute it, the second would keep the first one's silence


@contextmanager
def _muted() -> Iterator[None]:
    """Native decoders write to the terminal, past Python, what they think of damaged data; our refusal says it."""
    with _MUTING:
        try:
            kept = os.dup(2)
        except OSError:  # a program without a terminal has no standard error
            yield
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class Decoder:
    """Decodes slices one after another; a multi-frame file is parsed once, not once per frame."""

    def __init__(self) -> None:
        self._path: Location | None = None
        self._dataset: Dataset | None = None
        # Both are lossless and give the same values; CharLS' own binding takes half the time of GDCM's.
        self._jpeg_ls_plugin = "pyjpegls" if find_spec("jpeg_ls") else "gdcm"

    def stored_values(self, image: Slice) -> NDArray[Any]:
        """(J, I) stored values before rescaling; floats where the file has them, which no CT scanner writes.

        Raises:
            InputError: the pixel data are missing, truncated, or in a transfer syntax that cannot be decoded here.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # surplus bytes; missing ones raise
            ds = self._open(image)
            if not any(keyword in ds for keyword in _PIXELS):
                raise InputError(f"{image.path.name} has no pixel data or is truncated; copy the scan again.")
            with boundary(f"{image.path.name} has damaged or truncated pixel data; copy the scan again."):
                return self._decode(ds, image)

    def _open(self, image: Slice) -> Dataset:
        if self._dataset is None or self._path != image.path:
            self._dataset = _completed(read_dataset(image.path, specific_tags=_PIXEL_TAGS))
            self._path = image.path
        return self._dataset

    def _decode(self, ds: Dataset, image: Slice) -> NDArray[Any]:
        from pydicom.pixels import get_decoder, pixel_array

        syntax = ds.file_meta.get("TransferSyntaxUID", None)
        if syntax is None:  # an old file without meta information, uncompressed as pydicom found it
            syntax = ds.file_meta.TransferSyntaxUID = _UNCOMPRESSED.get(ds.original_encoding, ImplicitVRLittleEndian)
        # GDCM ends the process on some damaged JPEG 2000 images, Pillow raises
        plugin = self._jpeg_ls_plugin if syntax in _JPEG_LS else "pillow" if syntax in _JPEG_2000 else ""
        try:
            available = get_decoder(syntax).is_available
        except NotImplementedError:  # no syntax that pydicom knows
            available = False
        if not available:
            label = getattr(syntax, "name", "unknown")
            raise InputError(
                f"{image.path.name}: transfer syntax {label} cannot be decoded here; export it uncompressed."
            )
        if syntax.is_encapsulated:
            _refuse_promises(ds, image)
            with _muted():
                return np.asarray(pixel_array(ds, raw=True, index=image.frame, decoding_plugin=plugin))
        words = np.asarray(pixel_array(ds, raw=True, index=image.frame, correct_unused_bits=False))
        if words.dtype.kind == "f":
            return words
        return significant(words, int(ds.BitsStored), int(ds.get("HighBit", ds.BitsStored - 1)))


def _refuse_promises(ds: Dataset, image: Slice) -> None:
    """Raise ValueError where the header promises more than the compressed image can hold, on which GDCM ends the process."""
    from pydicom.encaps import get_frame

    if integer(ds, "BitsAllocated") not in _COMPRESSED_BITS:
        raise ValueError("no compressed image has as many bits")
    if ds.file_meta.TransferSyntaxUID == RLELossless:  # pydicom decodes it
        return
    offsets = ds.get("ExtendedOffsetTable"), ds.get("ExtendedOffsetTableLengths")
    frame = get_frame(
        ds.PixelData,
        image.frame or 0,
        number_of_frames=max(1, integer(ds, "NumberOfFrames") or 1),
        extended_offsets=offsets if all(offsets) else None,
    )
    if image_size(frame) != (ds.Rows, ds.Columns):
        raise ValueError("the compressed image has another size")


def _completed(ds: Dataset) -> Dataset:
    """With what every CT image has, where a file lacks it; a sign that is lost thereby is found by :mod:`.bits`."""
    for keyword, value in (
        ("SamplesPerPixel", 1),
        ("PhotometricInterpretation", "MONOCHROME2"),
        ("PixelRepresentation", 0),
    ):
        if not present(ds, keyword):
            setattr(ds, keyword, value)
    if not present(ds, "BitsStored"):
        ds.BitsStored = integer(ds, "BitsAllocated") or 16
    return ds
