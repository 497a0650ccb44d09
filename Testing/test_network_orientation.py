"""Heads that do not lie as the file says, and what is no patient's head, are refused by what the network sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.networks import load_networks
from HeadCTIQALib.networks.orientation import fit_of, recognised_anatomy
from HeadCTIQALib.networks.types import Infer
from HeadCTIQALib.synthesis import Acquire, Scene, simulate
from HeadCTIQALib.volume import CTVolume, read


@pytest.fixture(scope="module")
def infer() -> Infer:
    return load_networks("cpu")


@pytest.fixture(scope="module")
def head() -> CTVolume:
    return simulate(3, scene=Scene(acquire=Acquire(matrix=128, spacing_mm=5.0))).volume


def turned(volume: CTVolume, *axes: int) -> CTVolume:
    """The voxels reversed along array axes, the geometry kept."""
    return replace(volume, hu=np.ascontiguousarray(np.flip(volume.hu, axes)), padding=None)


def phantom(paint: Callable[..., None]) -> CTVolume:
    """``paint(hu, x, y, z)`` draws into air; mm about the centre."""
    axis = (np.arange(80) - 40) * 4.0
    z, y, x = np.meshgrid((np.arange(40) - 20) * 5.0, axis, axis, indexing="ij")
    hu = np.full(x.shape, -1000.0)
    paint(hu, x, y, z)
    hu += np.random.default_rng(0).normal(0, 5, hu.shape)
    origins = np.zeros((40, 3))
    origins[:, 2] = np.arange(40) * 5.0
    return CTVolume(np.rint(hu).astype(np.int16), origins, np.array([-4.0, 0, 0]), np.array([0, -4.0, 0]))


def disc(x: np.ndarray, y: np.ndarray, a: float, b: float) -> np.ndarray:
    return (x / a) ** 2 + (y / b) ** 2 < 1


def leg(hu: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
    hu[disc(x, y, 65, 70)] = 50
    hu[disc(x, y, 40, 40)] = 900
    hu[disc(x, y, 32, 32)] = 30


def skull_phantom(hu: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
    hu[disc(x, y, 80, 100)] = 40
    hu[disc(x, y, 75, 95)] = 900
    hu[disc(x, y, 68, 88)] = 35


def closed_phantom(hu: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
    for grow, value in ((12, 40), (7, 900), (0, 35)):
        hu[(x / (68 + grow)) ** 2 + (y / (88 + grow)) ** 2 + (z / (78 + grow)) ** 2 < 1] = value


def test_head_that_lies_as_the_file_says(infer: Infer, head: CTVolume) -> None:
    fit = fit_of(recognised_anatomy(head, infer))
    assert fit.convincing
    assert fit_of(recognised_anatomy(turned(head, 2), infer)).convincing, (
        "left and right look alike: that cannot be noticed"
    )


@pytest.mark.parametrize(
    ("axes", "words"),
    [((0,), "upside down"), ((0, 2), "upside down"), ((1,), "back to front"), ((1, 2), "back to front")],
    ids=["upside down", "feet first", "mirrored", "prone"],
)
def test_turned_head_is_refused_with_the_reason(
    infer: Infer, head: CTVolume, axes: tuple[int, ...], words: str
) -> None:
    with pytest.raises(
        InputError, match=f"simulated head shows the head {words}: the patient position in the file is wrong"
    ):
        recognised_anatomy(turned(head, *axes), infer)


def test_an_image_file_has_an_orientation_and_no_patient_position(infer: Infer, head: CTVolume) -> None:
    scan = turned(head, 0)
    scan = replace(scan, source=replace(scan.source, kind="nifti", name="NIfTI image"))
    with pytest.raises(
        InputError,
        match="NIfTI image shows the head upside down: the orientation in the file is wrong or missing; correct it",
    ):
        recognised_anatomy(scan, infer)


@pytest.mark.parametrize("paint", [leg, skull_phantom, closed_phantom])
def test_uniform_phantoms_are_no_heads(infer: Infer, paint: Callable[..., None]) -> None:
    with pytest.raises(InputError, match="nothing that looks like the head of a patient"):
        recognised_anatomy(phantom(paint), infer)


@pytest.mark.parametrize(
    "scene",
    [
        Scene(yaw_deg=25.0, acquire=Acquire(matrix=128, spacing_mm=5.0)),
        Scene(pitch_deg=-25.0, acquire=Acquire(matrix=128, spacing_mm=5.0)),
        Scene(acquire=Acquire(matrix=128, spacing_mm=5.0, vertex_margin_mm=-40.0)),
        Scene(acquire=Acquire(matrix=128, spacing_mm=5.0, foramen_margin_mm=-30.0)),
        Scene(acquire=Acquire(matrix=128, spacing_mm=5.0, noise_hu=20.0)),
    ],
    ids=["yaw", "pitch", "no vertex", "no foramen", "noise"],
)
def test_poor_scans_of_patients_are_still_heads(infer: Infer, scene: Scene) -> None:
    assert fit_of(recognised_anatomy(simulate(3, scene=scene).volume, infer)).convincing


@pytest.mark.shared
@pytest.mark.parametrize(
    ("axes", "words"),
    [((), None), ((0,), "upside down"), ((1,), "back to front")],
    ids=["as it is", "upside down", "prone"],
)
def test_real_head(infer: Infer, shared_ct: Path, axes: tuple[int, ...], words: str | None) -> None:
    volume = read(shared_ct / "ge-hispeed-tilt")
    volume = replace(
        volume,
        hu=volume.hu[:, ::2, ::2].copy(),
        row_step=2 * volume.row_step,
        col_step=2 * volume.col_step,
        padding=None,
    )
    if words is None:
        assert fit_of(recognised_anatomy(volume, infer)).convincing
        return
    with pytest.raises(InputError, match=words):
        recognised_anatomy(turned(volume, *axes), infer)
