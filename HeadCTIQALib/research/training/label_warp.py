"""Smooth random fields, and the deformation of space by one: affine plus cubic B-spline, invertible by construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeadCTIQALib.volume.resample import Grid

Array = NDArray[np.float64]
STEEPEST = 0.6  # below 1, the deformation can nowhere fold and its inversion by fixed point converges
NODE_SPREAD = 0.479**1.5  # SD of a cubic B-spline whose nodes have an SD of 1


def basis(x: Array, nodes: int) -> Array:
    """(N, nodes) weights of the nodes of a cubic B-spline at positions ``x`` (N,) from 0 to ``nodes`` - 3, clamped to these."""
    t = np.abs(np.clip(x, 0, nodes - 3)[:, None] - (np.arange(nodes) - 1))
    return np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.clip(2 - t, 0, None) ** 3 / 6)


def node_count(voxels: int, apart: float) -> int:
    """How many nodes about ``apart`` voxels from each other span an axis of ``voxels``."""
    return max(1, round((voxels - 1) / apart)) + 3


def on_lattice(nodes: Array, shape: Sequence[int]) -> Array:
    """(C, Z, Y, X) values of a spline with ``nodes`` (C, nz, ny, nx) on a lattice that its domain ends with."""
    z, y, x = (basis(np.linspace(0, m - 3, n), m) for n, m in zip(shape, nodes.shape[1:], strict=True))
    return np.einsum("ckji,zk,yj,xi->czyx", nodes, z, y, x, optimize=True)


def smooth_noise(rng: np.random.Generator, shape: Sequence[int], voxels: float) -> Array:
    """(Z, Y, X) smooth noise with mean 0 and SD 1 whose nodes lie about ``voxels`` apart."""
    out = on_lattice(rng.standard_normal((1, *(node_count(n, voxels) for n in shape))), shape)[0]
    return (out - out.mean()) / out.std()


@dataclass(frozen=True)
class Warp:
    """Where the anatomy at a point p of a new head lies in its parent: centre + matrix (p - centre) + u(p), in RAS mm.

    ``nodes`` (3, nz, ny, nx) are those of u in mm, components (x, y, z); the domain of u is ``grid``, beyond which it is constant.
    """

    grid: Grid
    matrix: Array
    nodes: Array

    @classmethod
    def random(cls, rng: np.random.Generator, grid: Grid, matrix: Array, sd_mm: float, apart_mm: float) -> Warp:
        """A warp whose field has an SD of ``sd_mm``, less where that would make it steeper than ``STEEPEST``."""
        counts = (node_count(n, apart_mm / grid.spacing) for n in grid.shape)
        nodes = rng.normal(0, sd_mm / NODE_SPREAD, (3, *counts))
        slopes = np.array(np.gradient(on_lattice(nodes, grid.shape), grid.spacing, axis=(1, 2, 3)))
        slopes = np.tensordot(np.linalg.inv(matrix), slopes, (1, 1))
        steepest = float(np.sqrt((slopes**2).sum((0, 1))).max())
        return cls(grid, matrix, nodes * min(1.0, STEEPEST / max(steepest, 1e-9)))

    @property
    def centre(self) -> Array:
        """The RAS mm of the grid's centre, which the affine part leaves in place."""
        return self.grid.point((np.array(self.grid.shape) - 1) / 2)

    def lattice(self) -> Array:
        """(Z, Y, X, 3) RAS mm in the parent for every voxel of the grid."""
        linear = (self.grid.ras() - self.centre) @ self.matrix.T + self.centre
        return linear + np.moveaxis(on_lattice(self.nodes, self.grid.shape), 0, -1)

    def displacement(self, points: Array) -> Array:
        """u at (N, 3) points."""
        index = self.grid.index(points)
        weights = [
            basis(index[:, c] * (m - 3) / (n - 1), m)
            for c, (n, m) in enumerate(zip(self.grid.shape, self.nodes.shape[1:], strict=True))
        ]
        return np.einsum("ckji,pk,pj,pi->pc", self.nodes, *weights, optimize=True)

    def inverse(self, points: Array) -> Array:
        """(N, 3) points of the new head for points of the parent."""
        back = np.linalg.inv(self.matrix).T
        out = start = (points - self.centre) @ back + self.centre
        for _ in range(60):  # the error shrinks by STEEPEST each time
            out = start - self.displacement(out) @ back
        return out

    def jacobian(self) -> Array:
        """(Z, Y, X) determinant of the derivative; 1 keeps volume, below 0 space would fold."""
        slopes = np.array(np.gradient(self.lattice(), self.grid.spacing, axis=(2, 1, 0)))
        return np.linalg.det(np.moveaxis(slopes, 0, -1))
