"""Training heads from a site's own corrected assessments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from HeadCTIQALib.assessment import load_assessment
from HeadCTIQALib.findings import Findings, Tissue
from HeadCTIQALib.findings.types import CONFIDENT
from HeadCTIQALib.networks.channels import LANDMARKS
from HeadCTIQALib.networks.types import Infer
from HeadCTIQALib.volume import CTVolume, read
from HeadCTIQALib.volume.resample import Grid, head_grid, to_grid

from . import fluid_slices, object_stacks
from .errors import TrainingError
from .fluid_slices import FluidHead
from .heads import LabelledHead
from .object_stacks import ObjectStack
from .patch_heads import PROPAGATED_MM, READER_MM, PatchHead, real_head
from .simulated_heads import SHAPE, SPACING, template_of
from .sources import SITE


@dataclass(frozen=True)
class SiteScan:
    """A scan with the findings of its corrected assessment."""

    name: str
    volume: CTVolume
    findings: Findings


def site_scans(folders: Sequence[Path], scans: Sequence[Path]) -> list[SiteScan]:
    """Read assessment folders together with the scans that they are of, in the same order.

    Raises:
        TrainingError: not one scan for every folder.
        InputError: a folder is no assessment, or is of another scan.
    """
    if len(folders) != len(scans):
        raise TrainingError(
            f"There are {len(folders)} assessment folders and {len(scans)} scans; give the scan of every folder, in the same order."
        )
    out = []
    for n, (folder, scan) in enumerate(zip(folders, scans, strict=True), 1):
        volume = read(scan)
        findings = load_assessment(folder, volume).findings
        assert findings is not None, "the volume was given"
        out.append(SiteScan(f"{SITE}{n}", volume, findings))
    return out


def points(findings: Findings) -> dict[str, tuple[float, float, float]]:
    """The landmarks that may be learned from: placed by a reader, or in the scan and confident."""
    return {
        n: m.position
        for n, m in findings.landmarks.items()
        if n in LANDMARKS and m.in_scan and (m.source == "reader" or m.confidence >= CONFIDENT)
    }


def patch_head(scan: SiteScan) -> PatchHead | None:
    """For the landmark network; None where too few landmarks are known to tell the head's frame."""
    marks = points(scan.findings)
    if not {"EAM_R", "EAM_L", "CANTHUS_R", "CANTHUS_L", "GLOBE_R", "GLOBE_L"} <= marks.keys():
        return None
    read_all = all(scan.findings.landmarks[n].source == "reader" for n in marks)
    return real_head(scan.name, scan.volume, marks, READER_MM if read_all else PROPAGATED_MM)


def labelled_head(scan: SiteScan) -> LabelledHead | None:
    """For the anatomy network; None where too few landmarks are known."""
    marks = points(scan.findings)
    if len(marks) < 8 or not {"SEPTUM", "PINEAL", "NASION", "BASION", "OPISTHION"} <= marks.keys():
        return None
    grid = head_grid(scan.volume, SPACING, SHAPE)
    hu, inside = to_grid(scan.volume, grid)
    return LabelledHead(scan.name, hu, inside, on_grid(scan, grid, inside), template_of(grid, marks), grid, marks)


def fluid_head(scan: SiteScan, infer: Infer) -> FluidHead | None:
    """For the fluid network: the corrected tissue is the truth; None where there is next to no brain.

    Raises:
        InputError: the anatomy network does not recognise the head.
        ModelError: it cannot run.
    """
    return fluid_slices.fluid_head(scan.name, scan.volume, scan.findings.tissue, infer)


def object_stack(scan: SiteScan) -> ObjectStack | None:
    """For the object network: the corrected mask of foreign objects is the truth; None where there is no head."""
    return object_stacks.object_stack(scan.name, scan.volume, scan.findings.tissue)


def on_grid(scan: SiteScan, grid: Grid, inside: np.ndarray) -> np.ndarray:
    """The tissue map at the nearest voxels; foreign objects count as what is outside the head."""
    ijk = scan.volume.ras_to_ijk(grid.ras())
    tissue = ndimage.map_coordinates(scan.findings.tissue, [ijk[..., c] for c in (2, 1, 0)], order=0, mode="nearest")
    return np.where(inside & (tissue != Tissue.FOREIGN), tissue, 0).astype(np.uint8)
