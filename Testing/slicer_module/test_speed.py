"""What an annotator feels: from an edit in the scene to new metrics, scores and panel, on 300 slices of 512 x 512.

``pytest -s`` prints the seconds.  None are asserted: they depend on what else the computer does.
"""

from __future__ import annotations

import time
import types

import numpy as np
import pytest
from corrected_scan import volume_node, write_folder
from labelled_head import labelled_head
from test_corrections import drag_point, settle, turn_plane

from HeadCTIQALib.findings import Tissue

pytestmark = pytest.mark.slow


def repaint(module, segment, box, where, erase=False):
    """Paint ``segment`` over, or erase, those voxels of ``box`` (native indices k, j, i) that have a label in ``where``."""
    import slicer
    from vtkmodules.util.numpy_support import vtk_to_numpy

    segmentation = module.session.results.segmentation.GetSegmentation()
    image = segmentation.GetSegment(segment).GetRepresentation("Binary labelmap")
    labels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    starts = image.GetExtent()[4::-2]
    part = labels[tuple(slice(max(0, b.start - s), b.stop - s) for b, s in zip(box, starts, strict=True))]
    hit = np.isin(part, where)
    assert hit.any(), "nothing to paint over"
    part[hit] = 0 if erase else segmentation.GetSegment(segment).GetLabelValue()
    image.GetPointData().GetScalars().Modified()
    image.Modified()
    segmentation.InvokeEvent(slicer.vtkSegmentation.SourceRepresentationModified)


BOX = np.s_[165:185, 196:316, 146:316]
EDITS = {
    "plane turned": turn_plane,
    "vertex moved": lambda m: drag_point(m, "VERTEX", (0, 0, -5)),
    "foramen magnum moved": lambda m: drag_point(m, "BASION", (0, 0, -5)),
    "brain painted as fluid": lambda m: repaint(m, "csf", BOX, [Tissue.BRAIN]),
    "white matter painted as brain": lambda m: repaint(m, "brain", BOX, [Tissue.WHITE]),
    "brain painted as holder": lambda m: repaint(m, "holder", BOX, [Tissue.BRAIN]),
    "brain and white painted as holder": lambda m: repaint(m, "holder", BOX, [Tissue.BRAIN, Tissue.WHITE]),
    "object painted": lambda m: repaint(m, "foreign", BOX, [Tissue.BRAIN]),
    "streak erased": lambda m: repaint(m, "streak", np.s_[80:86, 200:300, 200:300], range(1, 256), erase=True),
}


def test_every_correction_of_a_large_scan_is_felt(module, scene, views, tmp_path, slicer_app):
    volume, findings = labelled_head(300, 512, 0.46, 0.75)
    folder = write_folder(tmp_path / "a", volume, findings)[1]
    node = volume_node(scene, volume)
    for view in views.values():
        view.show(node)
    module.session.load(folder)
    slicer_app.processEvents()
    whole = types.SimpleNamespace(session=module.session, section=module.controller.sections["corrections"])
    for name in EDITS:
        felt(whole, name)


def felt(whole, name):
    """An edit reaches the metrics and its undo takes it back; prints the time to the result in the panel."""
    before = whole.session.record
    EDITS[name](whole)
    wall, used = time.perf_counter(), time.process_time()
    settle(whole)
    wall, used = time.perf_counter() - wall, time.process_time() - used
    assert whole.session.record.corrections, name
    assert whole.session.record.iqms != before.iqms, name
    undo = time.process_time()
    whole.section.reviewing.correct(lambda review: review.undo())
    assert whole.session.record.iqms == before.iqms, name
    print(
        f"{name:36s} {used:5.2f} s of the processor, {wall:5.2f} s wall; undo {time.process_time() - undo:5.2f} s of the processor"
    )
