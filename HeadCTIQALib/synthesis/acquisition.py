"""Acquire and Scene: everything that decides how a simulated head is scanned, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from HeadCTIQALib.geometry import Vector
from HeadCTIQALib.synthesis.head_landmarks import head_landmarks
from HeadCTIQALib.synthesis.head_model import HeadModel
from HeadCTIQALib.synthesis.holders import Holder
from HeadCTIQALib.synthesis.movement import Course
from HeadCTIQALib.synthesis.objects import ForeignObject, Implant, Removable

CRANIUM_CENTRE = (0.0, 22.0, 45.0)  # head mm; what a technologist would put at the isocentre


@dataclass(frozen=True)
class Acquire:
    """Geometry and physics of the scan.

    Attributes:
        matrix, fov_mm: pixels and side length of the square image.
        spacing_mm, thickness_mm: of the slices along their normal; thickness None is the spacing.
        upper_spacing_mm: spacing above the level of the sella (uneven scans); None is even.
        gantry_tilt_deg: positive leans the top of the slices' normal backwards.
        vertex_margin_mm: at least this far beyond the vertex of the scalp lies the last image plane (negative cuts).
        foramen_margin_mm: exactly this far below the foramen magnum lies the first one (negative cuts).
        noise_hu: median of the noise's local standard deviation in the parenchyma; kernel_mm: sigma of the in-plane blur.
        edge_gain: overshoot of a sharp kernel at edges (0: none).
        circle: outside the reconstruction circle the scanner writes padding instead of data.
        padding_hu: what it writes there, in HU.
        manufacturer, scanner, kernel, kvp, exposure_mas, ctdi_vol_mgy: tags.
    """

    matrix: int = 256
    fov_mm: float = 240.0
    spacing_mm: float = 5.0
    thickness_mm: float | None = None
    upper_spacing_mm: float | None = None
    gantry_tilt_deg: float = 0.0
    vertex_margin_mm: float = 8.0
    foramen_margin_mm: float = 8.0
    noise_hu: float = 3.5
    kernel_mm: float = 0.45
    edge_gain: float = 0.0
    circle: bool = False
    padding_hu: int = -3024
    manufacturer: str = "simulated"
    scanner: str | None = None
    kernel: str = "H30s"
    kvp: float = 120.0
    exposure_mas: float | None = None
    ctdi_vol_mgy: float | None = None


@dataclass(frozen=True)
class Motion:
    """Motion in the slices whose position lies in low_mm..high_mm above the foramen magnum (along k).

    Attributes:
        degrees, shift_mm: in-plane turn and shift; lift_mm: through the plane.
        course: see :func:`movement.random_movement`; half_scan: only half a turn enters each image.
    """

    low_mm: float
    high_mm: float
    degrees: float = 2.0
    shift_mm: float = 1.0
    lift_mm: float = 0.0
    course: Course = "jerk"
    half_scan: bool = False


@dataclass(frozen=True)
class Scene:
    """One scan of one head.

    Attributes:
        yaw_deg, roll_deg, pitch_deg: + nose to the patient's left, + head towards the left shoulder, + chin up.
        shift_mm: world (right, anterior) offset of the centre of the cranium from the image centre.
        holder: what the head lies on, or None; strap: a band over the forehead.
        foreign: removable objects; implants: metal inside, which makes streaks but is not foreign.
        motion: ranges with motion.
        hardening: share of bone's beam hardening that the scanner leaves uncorrected (bands between the petrous bones).
        defaced: the face is masked out, as in many published scans.
        head: whose head; None lets :func:`simulate` draw a healthy one from its seed.
    """

    yaw_deg: float = 0.0
    roll_deg: float = 0.0
    pitch_deg: float = 0.0
    shift_mm: tuple[float, float] = (0.0, 0.0)
    holder: Holder | None = "cup"
    strap: bool = False
    foreign: tuple[ForeignObject | Removable, ...] = ()
    implants: tuple[Implant, ...] = ()
    motion: tuple[Motion, ...] = ()
    hardening: float = 0.0
    defaced: bool = False
    acquire: Acquire = field(default_factory=Acquire)
    head: HeadModel | None = None


@dataclass(frozen=True)
class Geometry:
    """A scene laid out in the world: RAS mm = pose @ head mm + offset.

    Attributes:
        pose: (3, 3) rotation; offset: (3,) mm.
        r, a, k: unit axes of the slices; centres: (K, 3) world mm of the image centres, upwards.
        pixel_mm, matrix, thickness_mm.
        landmarks: world mm, vertex and tops being highest along k.
        circle: only the circle inscribed in the image is reconstructed.
    """

    pose: Vector
    offset: Vector
    r: Vector
    a: Vector
    k: Vector
    centres: Vector
    pixel_mm: float
    matrix: int
    thickness_mm: float
    landmarks: dict[str, Vector]
    circle: bool = False

    @property
    def positions(self) -> Vector:
        """(K,) mm along k."""
        return self.centres @ self.k

    @property
    def origins(self) -> Vector:
        """(K, 3) world mm of voxel i = j = 0: right, front (columns run to the left, rows backwards)."""
        return self.centres + (self.r + self.a) * self.pixel_mm * (self.matrix - 1) / 2


def lay_out(model: HeadModel, scene: Scene) -> Geometry:
    """Pose the head and place the slices.

    Raises:
        ValueError: the scene's margins leave no slice, or a size is not positive.
    """
    acquire = scene.acquire
    if (
        min(acquire.matrix, acquire.fov_mm, acquire.spacing_mm, acquire.upper_spacing_mm or 1.0) <= 0
        or acquire.noise_hu < 0
    ):
        raise ValueError("matrix, field of view and spacing must be positive, and noise must not be negative")
    pose = rotation(scene.yaw_deg, scene.roll_deg, scene.pitch_deg)
    tilt = np.deg2rad(acquire.gantry_tilt_deg)
    k = np.array([0.0, -np.sin(tilt), np.cos(tilt)])
    r = np.array([1.0, 0.0, 0.0])
    offset = np.array([*scene.shift_mm, 0.0]) - pose @ np.array(CRANIUM_CENTRE)
    landmarks = {name: pose @ p + offset for name, p in head_landmarks(model, pose.T @ k).items()}
    foramen = (landmarks["BASION"] + landmarks["OPISTHION"]) @ k / 2
    last = landmarks["VERTEX"] @ k + acquire.vertex_margin_mm
    upper = acquire.upper_spacing_mm or acquire.spacing_mm
    seam = landmarks["SELLA"] @ k
    positions = [foramen - acquire.foramen_margin_mm]
    while positions[-1] < last - 1e-6:
        positions.append(positions[-1] + (acquire.spacing_mm if positions[-1] < seam else upper))
    if acquire.vertex_margin_mm < 0 and len(positions) > 1:
        positions.pop()  # a cut is never smaller than asked for
    if positions[0] > last:
        raise ValueError("the first slice lies above the last one: the margins leave nothing to scan")
    centres = np.array(positions)[:, None] / k[2] * np.array([0.0, 0.0, 1.0])  # the table moves along z
    thickness = acquire.thickness_mm or acquire.spacing_mm
    pixel = acquire.fov_mm / acquire.matrix
    return Geometry(
        pose, offset, r, np.cross(k, r), k, centres, pixel, acquire.matrix, thickness, landmarks, acquire.circle
    )


def rotation(yaw_deg: float, roll_deg: float, pitch_deg: float) -> Vector:
    """Rotation whose image of the head's right axis has exactly this yaw and roll (untilted slices), after pitching about that axis."""
    (cy, cr, cp), (sy, sr, sp) = (f(np.deg2rad([yaw_deg, roll_deg, pitch_deg])) for f in (np.cos, np.sin))
    yaw = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    roll = np.array([[cr, 0, -sr], [0, 1, 0], [sr, 0, cr]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return np.asarray(yaw @ roll @ pitch)
