"""Pictures for the documentation: only when HEADCTIQA_SCREENSHOTS names a folder; the real networks assess the demonstration scan."""

from __future__ import annotations

import pictures
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(pictures.folder() is None, reason="HEADCTIQA_SCREENSHOTS does not name a folder for pictures")]


def test_pictures(scene, module, views, slicer_app):
    import time

    from scans import add_volume

    from HeadCTIQALib.synthesis import demo_scene

    node = add_volume(demo_scene().volume, "simulated-head")
    for view in views.values():
        view.show(node)
    module.ui.inputSelector.setCurrentNode(node)
    module.ui.assessButton.click()
    while module.controller.assessing.running:
        slicer_app.processEvents()
        time.sleep(0.1)
    assert module.ui.messageLabel.text == ""
    pictures.save(pictures.folder() / "panel.png", pictures.panel(module, (560, 900)))
    module.session.select("streak_extent")
    shown = pictures.stacked(pictures.views(views, (345, 345)))
    pictures.save(pictures.folder() / "slicer.png", pictures.beside(pictures.panel(module, (560, shown.shape[0])), shown))
    assert (pictures.folder() / "slicer.png").stat().st_size < 400_000
