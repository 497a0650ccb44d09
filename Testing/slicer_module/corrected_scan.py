"""The labelled head as an assessment folder and as a volume node, for the tests of corrections and readers."""

from __future__ import annotations

import numpy as np
from labelled_head import labelled_head

MODELS = ({"name": "stand-in", "version": "1", "sha256": "0" * 64, "license": "Apache-2.0"},)


def write_folder(folder, volume=None, findings=None):
    """Assess the labelled head, or a scan with its findings, without networks and write ``folder``; returns (volume, folder)."""
    from HeadCTIQALib.assessment import evaluate, storage

    if volume is None:
        volume, findings = labelled_head()
    result = evaluate(volume, findings, models=MODELS)
    import HeadCTIQALib.report as report

    render, report.render = report.render, lambda *_: "<html></html>"  # drawing takes seconds and is not tested here
    try:
        storage.write_assessment(result, folder, lambda *_: None)
    finally:
        report.render = render
    return volume, folder


def volume_node(scene, volume, name="labelled head"):
    """``vtkMRMLScalarVolumeNode`` with the voxels and geometry of an evenly spaced ``volume``."""
    import slicer
    import vtk

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(volume.hu))
    matrix = vtk.vtkMatrix4x4()
    step = (volume.origins[-1] - volume.origins[0]) / (len(volume.origins) - 1)
    for column, vector in enumerate((volume.row_step, volume.col_step, step, volume.origins[0])):
        for row in range(3):
            matrix.SetElement(row, column, vector[row])
    node.SetIJKToRASMatrix(matrix)
    node.CreateDefaultDisplayNodes()
    return node


class Bench:
    """One section of the module in its collapsible button, on a session of its own; quicker than the whole module."""

    def __init__(self, make_section):
        import ctk
        import qt

        from HeadCTIQALib.gui.session import Session

        self.session = Session()
        self.holder = ctk.ctkCollapsibleButton()
        self.holder.setLayout(qt.QVBoxLayout())
        self.section = make_section(self.session, self.holder)
        self.holder.show()

    def widget(self, name):
        """The widget of that name in the section."""
        import qt

        found = self.holder.findChild(qt.QWidget, name)
        assert found is not None, name
        return found

    def close(self):
        """As when the module goes away."""
        self.section.cleanup()
        self.holder.delete()
