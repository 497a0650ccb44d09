"""Regions of interest placed by hand to measure noise or grey-white contrast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from HeadCTIQALib.metrics import METRICS

from . import forms, hierarchy_items
from .reviewing import Reviewing
from .session import Session

_TITLES = {"brain": _("ROI brain"), "deep_grey": _("ROI deep grey"), "white": _("ROI white")}
_SIZE_MM = {"brain": (20.0, 20.0, 15.0), "deep_grey": (8.0, 12.0, 10.0), "white": (8.0, 20.0, 10.0)}
_KIND = "HeadCTIQA.kind"


class RegionTools:
    """Two buttons: place the regions that a metric needs, and measure in them."""

    def __init__(self, session: Session, reviewing: Reviewing, tell: Callable[[str], None]) -> None:
        self._session, self._reviewing, self._tell = session, reviewing, tell
        self._iqm: str | None = None
        self._nodes: dict[str, Any] = {}
        tip = _("Show boxes to drag over homogeneous tissue, in the place of the masks.")
        self._place = forms.button(_("Place ROI"), tip, self._place_clicked, "placeRoiButton")
        self._measure = forms.button(
            _("Measure in ROI"),
            _("Measure the selected metric inside the boxes."),
            self._measure_clicked,
            "measureRoiButton",
        )
        self.widgets = (self._place, self._measure)

    def cleanup(self) -> None:
        """Take the boxes out of the scene."""
        for node in self._nodes.values():
            if slicer.mrmlScene.IsNodePresent(node):  # the scene may have been closed
                hierarchy_items.remove(node)
        self._nodes = {}

    def show(self, iqm: str | None) -> None:
        """Offer the tools for ``iqm``, or for nothing; boxes of another metric go."""
        if iqm != self._iqm:
            self.cleanup()
        self._iqm = iqm
        self._place.setVisible(iqm is not None)
        self._measure.setVisible(iqm is not None)
        self._measure.setEnabled(bool(self._nodes))

    def _place_clicked(self, *_arguments: Any) -> None:
        if self._iqm is None or self._session.findings is None:
            return
        self.cleanup()
        for name in METRICS[self._iqm].regions:
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", _TITLES[name])
            node.SetAttribute(_KIND, "region")
            node.SetSaveWithScene(False)  # the record keeps what was measured where
            node.CreateDefaultDisplayNodes()
            node.SetCenter(_middle(self._session, name))
            node.SetSize(*_SIZE_MM[name])
            node.GetDisplayNode().SetFillOpacity(0.1)
            self._nodes[name] = node
        self._measure.setEnabled(True)

    def _measure_clicked(self, *_arguments: Any) -> None:
        iqm = self._iqm
        if iqm is None or not self._nodes or not all(slicer.mrmlScene.IsNodePresent(n) for n in self._nodes.values()):
            self._tell(_("Place the regions of interest first."))
            return
        self._reviewing.correct(
            lambda review: review.place_regions(
                iqm, {name: region_of(node) for name, node in self._nodes.items()}, corrector=self._reviewing.corrector
            )
        )


def region_of(node: Any) -> Any:
    """The :class:`~HeadCTIQALib.assessment.regions.Region` of a ``vtkMRMLMarkupsROINode``, in world RAS mm.

    Raises:
        CorrectionError: a box without extent.
    """
    from HeadCTIQALib.assessment.regions import Region

    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(node.GetObjectToWorldMatrix())
    to_world = slicer.util.arrayFromVTKMatrix(matrix)
    lengths = np.linalg.norm(to_world[:3, :3], axis=0)
    axes = [tuple(map(float, to_world[:3, n] / max(lengths[n], 1e-9))) for n in range(3)]
    size = tuple(float(s * scale) for s, scale in zip(node.GetSize(), lengths, strict=True))
    centre = tuple(map(float, to_world[:3, 3]))
    return Region(centre, (axes[0], axes[1], axes[2]), size)  # type: ignore[arg-type]


def _middle(session: Session, name: str) -> tuple[float, float, float]:
    """A place for a box to begin: in the middle of the tissue on the right, or of the brain."""
    from HeadCTIQALib.findings.types import PARENCHYMA, Tissue

    findings, volume = session.findings, session.volume
    assert findings is not None
    assert volume is not None
    wanted = {"brain": PARENCHYMA, "deep_grey": (Tissue.DEEP_GREY,), "white": (Tissue.WHITE,)}[name]
    k, j, i = np.nonzero(np.isin(findings.tissue[::2, ::4, ::4], wanted))
    if not len(k):
        k, j, i = (np.array([n // s // 2]) for n, s in zip(volume.shape, (2, 4, 4), strict=True))
    s = int(np.median(k))
    here = k == s if (k == s).any() else np.ones(len(k), bool)
    n = int(np.argmin(np.abs(i[here] - np.percentile(i[here], 25)) + np.abs(j[here] - np.median(j[here]))))
    x, y, z = volume.ijk_to_ras(np.array([4.0 * i[here][n], 4.0 * j[here][n], 2.0 * s]))
    return float(x), float(y), float(z)
