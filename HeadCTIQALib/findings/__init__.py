"""Findings (masks, landmarks, planes, slice grades) and their 3D Slicer formats."""

from .types import (
    CONFIDENT,
    HEAD,
    INTRACRANIAL,
    LANDMARK_TITLES,
    PARENCHYMA,
    Findings,
    Landmark,
    Plane,
    Tissue,
)

__all__ = [
    "CONFIDENT",
    "HEAD",
    "INTRACRANIAL",
    "LANDMARK_TITLES",
    "PARENCHYMA",
    "Findings",
    "Landmark",
    "Plane",
    "Tissue",
]
