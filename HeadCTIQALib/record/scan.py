"""What a record says of the scan and of the software that assessed it."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from .base import OpenPart, Part, Point, says


class Software(Part, frozen=True, kw_only=True):
    """The software that made the assessment."""

    name: str
    version: str
    python: Annotated[str, says("version of Python")]
    packages: Annotated[dict[str, str], says("versions of the packages that were installed, by name")]


class Spacing(Part, frozen=True, kw_only=True):
    """Distances between voxels."""

    row: Annotated[float, says("between columns", "mm")]
    column: Annotated[float, says("between rows", "mm")]
    slice_median: Annotated[float | None, says("between slices, the median; null for a single slice", "mm")]
    slice_min: Annotated[float | None, says("between slices, the smallest", "mm")]
    slice_max: Annotated[float | None, says("between slices, the largest", "mm")]


class Geometry(Part, frozen=True, kw_only=True):
    """Where the slices lie in patient space."""

    first_origin_ras: Annotated[Point, says("centre of the first voxel of the lowest slice", "mm, RAS")]
    last_origin_ras: Annotated[Point, says("centre of the first voxel of the highest slice", "mm, RAS")]
    row_step_ras: Annotated[Point, says("from a voxel to the next in its row", "mm, RAS")]
    column_step_ras: Annotated[Point, says("from a voxel to the next in its column", "mm, RAS")]
    normal_ras: Annotated[Point, says("unit normal of the slices", "RAS")]
    slice_positions_mm: Annotated[tuple[float, ...], says("along the slice normal, lowest first", "mm")]


class AcquisitionEntry(OpenPart, frozen=True, kw_only=True):
    """Acquisition tags, null where absent."""

    manufacturer: str | None = None
    model: str | None = None
    kernel: Annotated[str | None, says("name of the reconstruction kernel")] = None
    slice_thickness_mm: Annotated[float | None, says("nominal", "mm")] = None
    kvp: Annotated[float | None, says("tube voltage", "kV")] = None
    tube_current_ma: Annotated[float | None, says("tube current", "mA")] = None
    exposure_mas: Annotated[float | None, says("exposure", "mAs")] = None
    ctdi_vol_mgy: Annotated[float | None, says("CTDIvol", "mGy")] = None
    dlp_mgy_cm: Annotated[float | None, says("dose length product", "mGy cm")] = None
    reconstruction_diameter_mm: Annotated[float | None, says("field of view", "mm")] = None
    gantry_tilt_deg: Annotated[float | None, says("as the header gives it", "deg")] = None
    contrast_agent: bool | None = None
    patient_age_years: Annotated[float | None, says("90 from 90 on", "years")] = None
    body_part: str | None = None
    study_date: str | None = None
    series_description: str | None = None
    isocentre_ras: Annotated[Point | None, says("where the scanner's isocentre lay", "mm, RAS")] = None
    lossy_compression: Annotated[bool | None, says("at any time since the scanner wrote the images")] = None
    lossy_ratio: Annotated[float | None, says("of the compression with loss", "1")] = None
    reformatted: Annotated[bool | None, says("derived from other slices")] = None
    processed: Annotated[str | None, says("what was done to the images, by words of the header")] = None
    acquired: Annotated[str | None, says("date of the study and time of the scan: YYYYMMDDTHHMMSS")] = None
    protocol: Annotated[str | None, says("known words of the protocol's name")] = None
    pitch: Annotated[float | None, says("of a spiral scan", "1")] = None
    scanner_id: Annotated[
        str | None,
        says("of vendor, model and serial number; this and the next two: first 16 hexadecimal digits of the SHA-256"),
    ] = None
    station_id: Annotated[str | None, says("of the station's name")] = None
    software_id: Annotated[str | None, says("of the versions of the scanner's software")] = None


class LostEntry(Part, frozen=True, kw_only=True):
    """Slices that belong to the scan and are missing from it."""

    reason: str
    low_mm: Annotated[
        float | None, says("position along the slice normal of the slice below, null at an end of the scan; both null where it is unknown", "mm")
    ]  # fmt: skip
    high_mm: Annotated[float | None, says("of the slice above", "mm")]
    slices: Annotated[int | None, says("how many; null where unknown")]


class Input(Part, frozen=True, kw_only=True):
    """The scan."""

    kind: Annotated[str, says("dicom, nifti, nrrd, metaimage, simulated or slicer")]
    name: Annotated[str, says("file or folder name without its path")]
    series_uid_sha256: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")] | None, says("first 16 hexadecimal digits of the SHA-256 of the Series Instance UID")
    ]  # fmt: skip
    sha256: Annotated[str | None, says("of voxels and geometry")]
    chosen_because: str
    shape: Annotated[
        tuple[Annotated[int, Meta(ge=1)], Annotated[int, Meta(ge=1)], Annotated[int, Meta(ge=1)]], says("slices, rows, columns", "voxels")
    ]  # fmt: skip
    spacing_mm: Spacing
    geometry: Geometry
    acquisition: AcquisitionEntry
    lost: tuple[LostEntry, ...] | UnsetType = UNSET

    @property
    def simulated(self) -> bool:
        """Whether the scan, or its series description, says that it is simulated."""
        return self.kind == "simulated" or "simulated" in (self.acquisition.series_description or "").lower()
