"""CTVolume: a head CT in HU with the true position of every slice, and how it was acquired."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.geometry import Vector

if TYPE_CHECKING:
    from .interpolation import Trace
    from .sharpness import Sharpness
    from .soft_tissue import SoftTissue
    from .texture import Texture


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Acquisition context; None where the tag is absent.  Carries no patient identifiers."""

    manufacturer: str | None = None
    model: str | None = None
    kernel: str | None = None
    slice_thickness_mm: float | None = None
    kvp: float | None = None
    tube_current_ma: float | None = None
    exposure_mas: float | None = None
    ctdi_vol_mgy: float | None = None
    dlp_mgy_cm: float | None = None
    reconstruction_diameter_mm: float | None = None
    gantry_tilt_deg: float | None = None
    contrast_agent: bool | None = None
    patient_age_years: float | None = None
    body_part: str | None = None
    study_date: str | None = None
    series_description: str | None = None
    isocentre_ras: tuple[float, float, float] | None = None
    lossy_compression: bool | None = None  # at any time since the scanner wrote the images
    lossy_ratio: float | None = None  # of the compression with loss, where the file says it
    reformatted: bool | None = None  # derived from other slices: reformatted, resampled or averaged
    processed: str | None = (
        None  # "denoised", "projections or maps", or "virtual monoenergetic" with its keV, by words of the header
    )
    acquired: str | None = None  # YYYYMMDDTHHMMSS: the study's date, the scan's time
    protocol: str | None = None  # known words of its name
    pitch: float | None = None
    scanner_id: str | None = None  # a hash each, which tells one from another and says nothing else:
    station_id: str | None = None
    software_id: str | None = None  # of the scanner


@dataclass(frozen=True, slots=True)
class Lost:
    """Slices that belong to the scan and are not in the volume: unreadable, empty, left out, or never copied.

    Attributes:
        reason: what happened to them, in words that fit into a sentence ("3 files of the series cannot be read").
        low_mm, high_mm: positions along k of the slices on either side of the empty range; None where it lies at that end
            of the scan, both None where it may lie anywhere.
        slices: how many, None when unknown.
    """

    reason: str
    low_mm: float | None = None
    high_mm: float | None = None
    slices: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where the volume came from.  ``name`` goes into results: a file's or folder's own name only where that was asked for."""

    kind: str  # "dicom", "nifti", "nrrd", "metaimage", "simulated", "slicer"
    name: str
    series_uid: str | None = None
    sha256: str | None = None  # of the voxels and geometry; identifies the scan without identifying the patient
    chosen_because: str = ""
    series_considered: tuple[str, ...] = ()
    given: str = field(
        default="", repr=False, compare=False
    )  # the name of the path that was given, which may be a patient's: for refusals, never written down

    @property
    def called(self) -> str:
        """What a refusal calls the scan, so that whoever gave it knows it again."""
        return self.given or self.name


@dataclass(frozen=True)
class CTVolume:
    """A CT volume ordered from the lowest slice towards the vertex.

    Attributes:
        hu: (K, J, I) int16 Hounsfield units, C-contiguous, read-only; padding already replaced by -1024.
        origins: (K, 3) RAS mm, centre of the voxel i = j = 0 of every slice.
        row_step: (3,) RAS mm from one column i to the next.
        col_step: (3,) RAS mm from one row j to the next.
        padding: (K, J, I) bool where the scanner wrote padding instead of data, or None when there is none.
        acquisition, source: context.
        lost: slices that belong to the scan and are missing from it.
        warnings: sentences for the reader, in order.

    The world frame is patient RAS mm.  Slices are parallel and strictly increasing along ``k`` but need not be
    evenly spaced, nor stacked along their normal (gantry tilt): never compute lengths in voxel indices.
    """

    hu: NDArray[np.int16]
    origins: Vector
    row_step: Vector
    col_step: Vector
    padding: NDArray[np.bool_] | None = None
    acquisition: Acquisition = field(default_factory=Acquisition)
    source: Source = field(default_factory=lambda: Source("memory", "volume"))
    warnings: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()

    def __post_init__(self) -> None:
        k, j, i = self.hu.shape
        if self.origins.shape != (k, 3) or min(i, j, k) < 1:
            raise ValueError(f"{self.origins.shape} slice origins do not fit a volume of shape {self.hu.shape}")
        if k > 1 and not (np.diff(self.slice_positions) > 0).all():
            raise ValueError("slice positions are not strictly increasing along k")
        self.hu.flags.writeable = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(K, J, I)."""
        k, j, i = self.hu.shape
        return k, j, i

    @cached_property
    def pixel_spacing(self) -> tuple[float, float]:
        """(mm per row j, mm per column i)."""
        return float(np.linalg.norm(self.col_step)), float(np.linalg.norm(self.row_step))

    @cached_property
    def k(self) -> Vector:
        """Unit normal of the slices, towards the vertex (superior half space)."""
        n: Vector = np.asarray(np.cross(self.row_step, self.col_step), np.float64)
        n = n / np.linalg.norm(n)
        return n if n[2] > 0 or (n[2] == 0 and n.sum() > 0) else -n

    @cached_property
    def r(self) -> Vector:
        """Unit row axis signed towards the patient's right (the in-plane axis nearest to R)."""
        axes = (self.row_step / np.linalg.norm(self.row_step), self.col_step / np.linalg.norm(self.col_step))
        axis = max(axes, key=lambda v: abs(v[0]))
        return axis if axis[0] > 0 else -axis

    @cached_property
    def a(self) -> Vector:
        """Unit axis k x r, forwards."""
        return np.asarray(np.cross(self.k, self.r), np.float64)

    @cached_property
    def slice_positions(self) -> Vector:
        """(K,) mm, k . origin of every slice, increasing."""
        return self.origins @ self.k

    @cached_property
    def slice_widths(self) -> Vector:
        """(K,) mm of axial length that each slice stands for (half the gaps to its neighbours).

        The sum over slices is the length imaged; a gap of missing slices is capped at 1.5 times the median gap.
        """
        if len(self.origins) == 1:
            return np.array([self.acquisition.slice_thickness_mm or 1.0])
        gaps = np.diff(self.slice_positions)
        gaps = np.minimum(gaps, 1.5 * np.median(gaps)) if gaps.max() > 3 * np.median(gaps) else gaps
        return 0.5 * (np.r_[gaps[0], gaps] + np.r_[gaps, gaps[-1]])

    @cached_property
    def voxel_volumes_ml(self) -> Vector:
        """(K,) mL of one voxel in every slice."""
        return self.slice_widths * self.pixel_spacing[0] * self.pixel_spacing[1] / 1000.0

    @cached_property
    def image_centres(self) -> Vector:
        """(K, 3) RAS mm of the centre of every image plane."""
        _, j, i = self.shape
        return self.origins + 0.5 * (i - 1) * self.row_step + 0.5 * (j - 1) * self.col_step

    @cached_property
    def soft_tissue(self) -> SoftTissue:
        """Where the noise is to be looked at, see :func:`.soft_tissue.soft_tissue`."""
        from .soft_tissue import soft_tissue  # SciPy

        return soft_tissue(self)

    @cached_property
    def texture(self) -> Texture | None:
        """Noise texture and sharpness within the slices, see :func:`.texture.texture`."""
        from .texture import texture  # SciPy

        return texture(self)

    @cached_property
    def sharpness(self) -> Sharpness:
        """How sharp edges are within the slices, see :func:`.sharpness.sharpness`."""
        from .sharpness import sharpness  # SciPy

        return sharpness(self)

    @cached_property
    def traces(self) -> tuple[Trace, ...]:
        """What the noise shows of interpolation and compression, see :func:`.interpolation.traces`."""
        from .interpolation import traces  # SciPy

        return traces(self)

    def ijk_to_ras(self, ijk: NDArray[np.floating]) -> Vector:
        """(..., 3) continuous (i, j, k) indices to RAS mm; k is interpolated between the true slice positions."""
        ijk = np.asarray(ijk, float)
        index = np.arange(len(self.origins), dtype=float)
        origin = np.stack([_interp_extrapolate(ijk[..., 2], index, self.origins[:, c]) for c in range(3)], axis=-1)
        return origin + ijk[..., :1] * self.row_step + ijk[..., 1:2] * self.col_step

    def ras_to_ijk(self, ras: NDArray[np.floating]) -> Vector:
        """(..., 3) RAS mm to continuous (i, j, k); beyond the first and last slice the end gaps are extrapolated."""
        ras = np.asarray(ras, float)
        index = np.arange(len(self.origins), dtype=float)
        kk = _interp_extrapolate(ras @ self.k, self.slice_positions, index)
        origin = np.stack([_interp_extrapolate(kk, index, self.origins[:, c]) for c in range(3)], axis=-1)
        offset = ras - origin
        i = offset @ self.row_step / (self.row_step @ self.row_step)
        j = offset @ self.col_step / (self.col_step @ self.col_step)
        return np.stack([i, j, kk], axis=-1)

    def to_slice_frame(self, vectors: NDArray[np.floating]) -> Vector:
        """(..., 3) RAS vectors to components along (r, a, k)."""
        return np.asarray(vectors, float) @ np.stack([self.r, self.a, self.k]).T


def _interp_extrapolate(x: NDArray[np.floating], xp: Vector, fp: Vector) -> Vector:
    """np.interp that continues with the end slopes instead of clamping."""
    x = np.asarray(x, float)
    y = np.asarray(np.interp(x, xp, fp))
    if len(xp) > 1:
        low, high = x < xp[0], x > xp[-1]
        y = np.where(low, fp[0] + (x - xp[0]) * (fp[1] - fp[0]) / (xp[1] - xp[0]), y)
        y = np.where(high, fp[-1] + (x - xp[-1]) * (fp[-1] - fp[-2]) / (xp[-1] - xp[-2]), y)
    else:  # a single slice: one index step is one millimetre
        y = fp[0] + (x - xp[0])
    return y
