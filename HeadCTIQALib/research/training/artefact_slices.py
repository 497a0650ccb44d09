"""Clean slices and the artefacts that can be laid over them: the artefact network's training data on disk.

Every item is one slice of about 256 x 256 mm as a small .npz of arrays; metal, beam hardening and quantum noise are kept
apart, as HU differences, so that training can mix them in any strength, and move the head anew every time (see :mod:`artefact_mix`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeadCTIQALib.findings import HEAD, INTRACRANIAL
from HeadCTIQALib.networks import find
from HeadCTIQALib.networks.artefact_grid import AIR_HU, SIDE, artefact_grid, sample_mask, sample_slice
from HeadCTIQALib.synthesis import TRAINING, random_scene, simulate
from HeadCTIQALib.synthesis.artefacts import (
    GRID,
    MU_WATER,
    VIEWS,
    bone_part,
    hardening_error,
    metal_error,
    smooth3,
    to_grid,
)
from HeadCTIQALib.synthesis.tomography import back_project, project
from HeadCTIQALib.volume import CTVolume, read
from HeadCTIQALib.writing import whole_file

Image = NDArray[np.float32]
MIN_AREA_MM2 = 400.0
INTRACRANIAL_BIT, HEAD_BIT = 1, 2
#: slices of real scans that show an artefact already (readers' notes) and are never taken for clean: name to z ranges, mm
SPOILT = {"ge-revolution-dental": ((-200.0, -62.0), (-17.5, -11.5)), "ge-vct-tumour": ((-400.0, -130.0),)}


@dataclass(frozen=True)
class CleanSlice:
    """A slice on the network's grid.

    Attributes:
        hu: (SIDE, SIDE); below, above: the slices beside it, 3 to 5 mm away.
        mask: (SIDE, SIDE) uint8, bits INTRACRANIAL_BIT and HEAD_BIT.
        pixel_mm: size of a pixel; noise_hu: noise that the slice has already (real scans).
    """

    hu: Image
    below: Image
    above: Image
    mask: NDArray[np.uint8]
    pixel_mm: float
    noise_hu: float = 0.0


def simulated_slices(seed: int, count: int) -> Iterator[CleanSlice]:
    """``count`` slices through the brain of a simulated head, free of noise, motion and metal."""
    rng = np.random.default_rng([seed, 31])
    scene = random_scene(seed, TRAINING, matrix=SIDE)
    a = scene.acquire
    foramen = float(rng.uniform(-5, 10))
    acquire = replace(
        a,
        spacing_mm=5.0,
        upper_spacing_mm=None,
        thickness_mm=a.thickness_mm,
        noise_hu=0.0,
        vertex_margin_mm=2.0,
        foramen_margin_mm=foramen,
    )
    scan = simulate(seed, scene=replace(scene, acquire=acquire, motion=(), implants=(), foreign=()))
    inside, head = scan.findings.mask(*INTRACRANIAL), scan.findings.mask(*HEAD)
    pixel = scan.volume.pixel_spacing[0]
    usable = [k for k in range(1, len(inside) - 1) if inside[k].sum() * pixel**2 > MIN_AREA_MM2]
    padding = scan.volume.padding
    for k in rng.permutation(usable)[:count]:
        hu = scan.volume.hu[k - 1 : k + 2].astype(np.float32)
        if padding is not None:
            hu[padding[k - 1 : k + 2]] = AIR_HU
        yield CleanSlice(hu[1], hu[0], hu[2], _bits(inside[k], head[k]), pixel)


def real_slices(
    volume: CTVolume, tissue: NDArray[np.uint8], name: str, count: int, rng: np.random.Generator
) -> Iterator[CleanSlice]:
    """``count`` slices of the real scan ``name`` with the (K, J, I) ``tissue`` map on its grid; spoilt ones are left out."""
    head = np.isin(tissue, [int(t) for t in HEAD])
    grid = artefact_grid(volume, volume.ijk_to_ras(np.argwhere(head[:, ::8, ::8])[:, ::-1] * [8, 8, 1]))
    positions, heights = volume.slice_positions, volume.image_centres[:, 2]
    clean = np.array([not any(low <= z <= high for low, high in SPOILT.get(name, ())) for z in heights])
    done = 0
    for k in map(int, rng.permutation(np.flatnonzero(clean))):
        labels = sample_mask(grid, tissue[k])
        inside = np.isin(labels, [int(t) for t in INTRACRANIAL])
        if inside.sum() * grid.pixel_mm**2 < MIN_AREA_MM2 or done >= count:
            continue
        near = [int(np.argmin(np.abs(positions - positions[k] - d))) for d in (-3.0, 3.0)]
        hu, below, above = (sample_slice(volume, grid, n) for n in (k, *near))
        yield CleanSlice(
            hu,
            below,
            above,
            _bits(inside, np.isin(labels, [int(t) for t in HEAD])),
            grid.pixel_mm,
            _noise_of(hu, inside),
        )
        done += 1


def _bits(inside: NDArray[np.bool_], head: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.asarray(inside * INTRACRANIAL_BIT + head * HEAD_BIT, np.uint8)


def _noise_of(hu: Image, inside: NDArray[np.bool_]) -> float:
    """Robust SD of what a 3-pixel mean removes, inside the brain, scaled to the noise itself."""
    rest = (hu - smooth3(hu))[ndimage.binary_erosion(inside, iterations=3)]
    return float(1.4826 * np.median(np.abs(rest - np.median(rest))) * 1.3) if len(rest) > 50 else 3.0


def random_metal(clean: CleanSlice, rng: np.random.Generator) -> Image:
    """(SIDE, SIDE) HU in excess of tissue: clips and coils in the brain, fillings and plates in bone, objects on the skin, parts of the couch."""
    inside, head = (clean.mask & INTRACRANIAL_BIT) > 0, (clean.mask & HEAD_BIT) > 0
    near, far = (ndimage.binary_dilation(head, iterations=n) for n in (4, 40))
    where = {"brain": inside, "face": head & ~inside, "skin": near & ~head, "couch": far & ~near}
    kind = str(rng.choice(list(where), p=[0.35, 0.35, 0.15, 0.15]))
    out = np.zeros(clean.hu.shape, np.float32)
    spots = np.argwhere(where[kind])
    if not len(spots):
        return out
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    low, high, largest = {
        "brain": (3000, 20000, 4.5),
        "face": (2000, 18000, 5.0),
        "skin": (1500, 9000, 4.0),
        "couch": (1500, 18000, 8.0),
    }[kind]
    middle = spots[rng.integers(len(spots))]
    for _ in range(rng.integers(1, 5)):
        beside = spots[np.argsort(((spots - middle) ** 2).sum(1))[: 2500 if kind == "face" else 600]]
        row, column = beside[rng.integers(len(beside))]
        angle, a, b = rng.uniform(0, np.pi), rng.uniform(0.7, largest), rng.uniform(0.7, 2.0)
        u = (x - column) * np.cos(angle) + (y - row) * np.sin(angle)
        v = (y - row) * np.cos(angle) - (x - column) * np.sin(angle)
        distance = np.hypot(u / a, v / b)
        out = np.maximum(
            out, np.clip((1.3 - distance) / 0.6, 0, 1) * np.float32(np.exp(rng.uniform(np.log(low), np.log(high))))
        )
    return out


def item(clean: CleanSlice, rng: np.random.Generator) -> dict[str, NDArray]:
    """One item for the disk: the slice, its masks, and the HU differences of artefacts that could befall it.

    Keys: hu, mask, pixel_mm, noise_hu, stripes (metal), metal (its HU), hardening, quantum (noise, streaky behind long dense paths, of unit strength in the middle of the image),
    gradient (HU of the slice above minus below).
    """
    # holder and cushion stay where they are when the head moves
    body = ndimage.binary_dilation((clean.mask & HEAD_BIT) > 0, iterations=4)
    small, mm = to_grid(clean.hu, clean.pixel_mm)
    alone = project(np.where(body, small, 0), VIEWS)
    scale = MU_WATER * mm
    arrays = {"metal": np.zeros_like(clean.hu)}
    arrays["stripes"] = arrays["hardening"] = arrays["metal"]
    if rng.random() < 0.5:
        arrays["metal"] = random_metal(clean, rng)
        photons = float(np.exp(rng.uniform(np.log(8e3), np.log(4e5))))
        through = project(arrays["metal"] / np.float32(1000), VIEWS) * scale
        arrays["stripes"] = back_project(metal_error(through, alone * scale + through, rng, photons)) / scale * 1000
    if rng.random() < 0.5:
        dense = project(bone_part(small), VIEWS) * scale
        arrays["hardening"] = back_project(hardening_error(alone * scale - dense, dense)) / scale * 1000
    spread = np.exp(0.5 * np.minimum(alone * scale, 12.0)) * rng.standard_normal(alone.shape)
    quantum = back_project(np.asarray(spread, np.float32))
    third = slice(GRID // 3, 2 * GRID // 3)
    arrays["quantum"] = quantum / quantum[third, third].std()
    return {
        "hu": clean.hu.clip(-1024, 3071).astype(np.int16),
        "gradient": (clean.above - clean.below).clip(-3000, 3000).astype(np.int16),
        "mask": clean.mask,
        "pixel_mm": np.array(clean.pixel_mm, np.float32),
        "noise_hu": np.array(clean.noise_hu, np.float32),
        **{k: v.clip(-30000, 30000).astype(np.float16) for k, v in arrays.items()},
    }


def write_simulated(out: Path, seeds: Sequence[int], per_head: int = 24) -> None:
    """Write ``per_head`` items of every simulated head to ``out``/simulated<seed>-<n>.npz; existing ones are kept."""
    out.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        if not (out / f"simulated{seed}-{0:03d}.npz").exists():
            _write(out, f"simulated{seed}", simulated_slices(seed, per_head), np.random.default_rng([seed, 37]))


def write_real(out: Path, scan: Path, name: str, count: int, seed: int = 0) -> None:
    """Write ``count`` items of a real scan to ``out``/<name>-<n>.npz; the shipped networks outline its tissue.

    Raises:
        HeadCTIQAError: the scan cannot be read, or the networks cannot run.
    """
    out.mkdir(parents=True, exist_ok=True)
    if not (out / f"{name}-{0:03d}.npz").exists():
        rng = np.random.default_rng([seed, 41, *name.encode()])
        volume = read(scan)
        slices = list(real_slices(volume, find(volume).tissue, name, count, rng))
        repeated = [slices[n % len(slices)] for n in range(count)] if slices else []
        _write(out, name, iter(repeated), rng)


def _write(out: Path, name: str, slices: Iterator[CleanSlice], rng: np.random.Generator) -> None:
    for n, clean in enumerate(slices):
        if rng.random() < 0.5:
            clean = replace(clean, **{f: getattr(clean, f)[:, ::-1].copy() for f in ("hu", "below", "above", "mask")})
        with whole_file(out / f"{name}-{n:03d}.npz", "The training item") as stream:
            np.savez(stream, **item(clean, rng))  # type: ignore[arg-type]


__all__ = ["CleanSlice", "item", "real_slices", "simulated_slices", "write_real", "write_simulated"]
