"""Training data from a folder of public scans and atlases, as small .npz files: labelled real heads, heads made from their
labels, and simulated heads.

    python -m HeadCTIQALib.research.training.prepare --data DATA --out training-data

``DATA`` holds ``ct/<scan>`` (DICOM), ``landmarks.json`` (readers), ``ct-head-neck/*.nii.gz`` and ``atlas/`` (an MNI head
template with tissue maps and a region atlas).  Every head is registered from the pose that the shipped network finds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import Tissue
from HeadCTIQALib.networks import load_networks
from HeadCTIQALib.networks.anatomy import coarse_anatomy
from HeadCTIQALib.text import printable
from HeadCTIQALib.volume import CTVolume, read
from HeadCTIQALib.volume.resample import Grid, head_grid, to_grid

from . import labels as lb
from .frame import canonical_frame
from .heads import LabelledHead
from .label_maps import prepare_label_maps
from .simulated_heads import prepare_simulated

Points = dict[str, tuple[float, float, float]]
Priors = dict[Tissue, NDArray[np.float32]]
COARSE = ((64, 64, 64), 4.0)
#: Where the MNI template has the points from which its registration to an atlas head starts (MNI mm).
MNI_POINTS = {
    "SEPTUM": (0, 10, 16),
    "PINEAL": (0, -29, 3),
    "SELLA": (0, 4, -28),
    "IOP": (0, -88, -20),
    "EAM_R": (62, -22, -38),
    "EAM_L": (-62, -22, -38),
}
#: Soft landmarks, displaced by the tumour in one atlas: not used to compare atlases.
DISPLACED = ("SEPTUM", "PINEAL", "IOP")


def reader_landmarks(data: Path, scan: str) -> Points:
    """Mean of the two readers for the landmarks that the network learns (RAS mm); empty for a scan without readers."""
    table = json.loads((data / "landmarks.json").read_text(encoding="utf-8"))["scans"].get(scan)
    if table is None:
        return {}
    a, b = table["reader_a"], table["reader_b"]
    return {k: tuple(np.mean([a[k], b[k]], axis=0).tolist()) for k in lb.NETWORK_LANDMARKS if a.get(k) and b.get(k)}


def mni_atlas(folder: Path) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]], Grid]:
    """The MNI head template and its tissue maps (grey, white, csf, hindbrain, deep, ventricle) on one RAS grid."""
    head, grid = read_atlas(folder / "rorden-scct" / "scct.nii.gz")
    maps = {k: read_atlas(folder / "rorden-scct" / f"sc{k}.nii.gz")[0] for k in ("grey", "white", "csf")}
    regions, region_grid = read_atlas(folder / "blast-ct" / "atlas_template_space.nii.gz")
    index = np.moveaxis(region_grid.index(grid.ras()), -1, 0)
    region = np.rint(ndimage.map_coordinates(regions, index, order=0, mode="constant")).astype(int)
    maps["hindbrain"] = np.isin(region, lb.HINDBRAIN_ROIS).astype(np.float32)
    maps["deep"] = (np.isin(region, lb.DEEP_GREY_ROIS) & (maps["grey"] > 0.5)).astype(np.float32)
    maps["ventricle"] = (region == lb.VENTRICLE_ROI).astype(np.float32)
    return head, maps, grid


def read_atlas(path: Path) -> tuple[NDArray[np.float32], Grid]:
    """An isotropic, axis-aligned NIfTI image (HU or not) as a (Z, Y, X) RAS array with its grid."""
    import SimpleITK

    image = SimpleITK.DICOMOrient(SimpleITK.ReadImage(str(path)), "LPS")  # reversing its x and y gives RAS
    array = SimpleITK.GetArrayFromImage(image)[:, ::-1, ::-1].astype(np.float32)
    spacing, origin = image.GetSpacing(), np.array(image.GetOrigin())
    far = origin + (np.array(image.GetSize()) - 1) * np.array(spacing)
    return np.ascontiguousarray(array), Grid(np.array([-far[0], -far[1], origin[2]]), float(spacing[0]), array.shape)


def globe_prior(grid: Grid, marks: Points) -> NDArray[np.float32]:
    """1 within 12.5 mm of a globe's centre."""
    distance = [np.linalg.norm(grid.ras() - np.array(marks[f"GLOBE_{s}"]), axis=-1) for s in "RL"]
    return (np.minimum(*distance) < 12.5).astype(np.float32)


def atlas_head(data: Path, name: str) -> tuple[LabelledHead, Priors]:
    """A scan with readers as an atlas: tissue priors from the MNI atlas, landmarks from the readers."""
    volume = read(data / "ct" / name)
    hu, inside, grid = lb.sample(volume)
    marks = reader_landmarks(data, name)
    template, maps, mni_grid = mni_atlas(data / "atlas")
    names = list(MNI_POINTS)
    start = lb.rigid_between(np.array([marks[n] for n in names]), np.array([MNI_POINTS[n] for n in names], float))
    fixed, transforms = lb.register(lb.to_ants(np.clip(hu, -100, 300), grid), lb.to_ants(template, mni_grid), start)
    w = {k: lb.warp(v, mni_grid, fixed, transforms) for k, v in maps.items()}
    brain = w["grey"] + w["white"] + w["csf"]
    cerebrum = (1 - w["hindbrain"]) * (1 - w["deep"].clip(0, 1))
    priors = {
        Tissue.BRAIN: w["hindbrain"] * brain,
        Tissue.DEEP_GREY: w["deep"],
        Tissue.GREY: w["grey"] * cerebrum,
        Tissue.WHITE: w["white"] * cerebrum,
        Tissue.CSF: np.maximum(w["csf"], w["ventricle"]),
        Tissue.GLOBE: globe_prior(grid, marks),
    }
    frame = canonical_frame(marks)
    template_mm = np.moveaxis(grid.ras() @ frame[:3, :3].T + frame[:3, 3], -1, 0).astype(np.float32)
    tissue = lb.tissue_map(hu, lb.head_mask(hu), priors)
    return LabelledHead(name, hu, inside, tissue, template_mm, grid, marks), priors


def label_head(
    name: str,
    volume: CTVolume,
    atlases: Mapping[str, tuple[LabelledHead, Priors]],
    readers: Points,
    pose: NDArray[np.float64],
    grid: Grid,
) -> LabelledHead:
    """Landmarks, tissue and template coordinates of a head by registration of the atlases (not of a head to itself).

    ``pose`` is the network's (4, 4) template to RAS, from which registration starts.
    """
    hu, inside = to_grid(volume, grid)
    used = {n: a for n, a in atlases.items() if n != name}
    carried, template = [], None
    priors: Priors = {}
    for atlas, atlas_priors in used.values():
        to_atlas = np.linalg.inv(canonical_frame(atlas.landmarks)) @ np.linalg.inv(pose)
        start = lb.rigid_part(to_atlas, pose[:3, :3] @ np.array([0, 10, 30.0]) + pose[:3, 3])
        fixed, transforms = lb.carry(atlas, hu, grid, start)
        carried.append(lb.carry_points(atlas.landmarks, transforms))
        for tissue, prior in atlas_priors.items():
            share = lb.warp(prior, atlas.grid, fixed, transforms) / np.float32(len(used))
            priors[tissue] = priors[tissue] + share if tissue in priors else share
        if template is None:  # the first atlas defines the template space; 1000 keeps "outside" recognisable
            template = np.stack([lb.warp(c + 1000, atlas.grid, fixed, transforms) - 1000 for c in atlas.template])
            template[:, lb.warp(atlas.inside.astype(np.float32), atlas.grid, fixed, transforms) < 0.5] = np.nan
    assert template is not None
    marks: Points = {k: tuple(np.mean([c[k] for c in carried], axis=0).tolist()) for k in lb.NETWORK_LANDMARKS}
    for k in ("SEPTUM", "PINEAL"):
        marks[k] = tuple(carried[0][k].tolist())  # type: ignore[assignment]
    gaps = [float(np.linalg.norm(carried[0][k] - carried[-1][k])) for k in marks if k not in DISPLACED]
    marks.update(readers)
    priors[Tissue.GLOBE] = globe_prior(grid, marks)
    tissue_map = lb.tissue_map(hu, lb.head_mask(hu), priors)
    return LabelledHead(name, hu, inside, tissue_map, template, grid, marks, 0.0 if readers else max(gaps))


def prepare(data: Path, out: Path) -> None:
    """Write *.npz in ``out``/labels, ``out``/label-maps and ``out``/simulated; heads that exist already are kept."""
    (out / "labels").mkdir(parents=True, exist_ok=True)
    atlases = {n: atlas_head(data, n) for n in lb.ATLASES}
    reference = atlases[lb.ATLASES[0]][0]
    reference.save(out / "labels")
    infer = load_networks("cpu")
    fine = [p for p in sorted((data / "ct").iterdir()) if reader_landmarks(data, p.name)]
    for path in [*fine, *sorted((data / "ct-head-neck").glob("*.nii.gz"))]:
        name = path.name.removesuffix(".nii.gz")
        if not (out / "labels" / f"{name}.npz").exists():
            volume = read(path)
            shape, spacing = (lb.SHAPE, lb.SPACING) if path in fine else COARSE
            pose = coarse_anatomy(volume, infer).pose
            head = label_head(
                name, volume, atlases, reader_landmarks(data, name), pose, head_grid(volume, spacing, shape)
            )
            head.save(out / "labels")
            print(f"{printable(name)}: atlases agree within {head.disagreement_mm:.1f} mm", flush=True)
    prepare_label_maps(out)
    prepare_simulated(out)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    prepare(a.data, a.out)


if __name__ == "__main__":
    main()
