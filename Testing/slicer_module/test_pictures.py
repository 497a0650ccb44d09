"""Pictures of the module for the documentation: only when ``make pictures`` names the run that they show and a folder for them."""

from __future__ import annotations

import os
from pathlib import Path

import pictures
import pytest

RUN = os.environ.get("HEADCTIQA_DEMO")  # folder with "scan" and "assessment", as `make demo` makes it

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        pictures.folder() is None or not RUN,
        reason="HEADCTIQA_SCREENSHOTS (for the pictures) and HEADCTIQA_DEMO (the run) name no folders; see make pictures",
    ),
]


def test_pictures(scene, module, views):
    from scans import add_volume

    from HeadCTIQALib.volume import read

    node = add_volume(read(Path(RUN) / "scan" / "simulated-head"), "simulated-head")
    for view in views.values():
        view.show(node)
    module.controller.load(Path(RUN) / "assessment")
    assert module.ui.messageLabel.text == ""
    module.session.select("overall")
    pictures.save(pictures.folder() / "panel.png", pictures.panel(module, (560, 900)))
    module.session.select("streak_extent")
    shown = pictures.stacked(pictures.views(views, (345, 345)))
    pictures.save(
        pictures.folder() / "slicer.png", pictures.beside(pictures.panel(module, (560, shown.shape[0])), shown)
    )
    assert all(p.stat().st_size < pictures.LARGEST for p in pictures.folder().glob("*.png"))
