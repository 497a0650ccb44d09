"""Pictures for the documentation: only when HEADCTIQA_SCREENSHOTS names a folder; the real networks assess the demonstration scan."""

from __future__ import annotations

import subprocess
import sys

import pictures
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(pictures.folder() is None, reason="HEADCTIQA_SCREENSHOTS does not name a folder for pictures"),
]


def test_pictures(scene, module, views, tmp_path):
    from scans import add_volume

    from HeadCTIQALib.volume import read

    scan, assessment = tmp_path / "scan" / "simulated-head", tmp_path / "assessment"
    for words in (
        ["simulate", "--demo", "--format", "dicom", "--output", str(scan.parent)],
        ["assess", str(scan), "--output", str(assessment)],
    ):
        subprocess.run([sys.executable, "-m", "HeadCTIQALib", *words], check=True)
    node = add_volume(read(scan), "simulated-head")
    for view in views.values():
        view.show(node)
    module.controller.load(assessment)
    assert module.ui.messageLabel.text == ""
    module.session.select("overall")
    pictures.save(pictures.folder() / "panel.png", pictures.panel(module, (560, 900)))
    module.session.select("streak_extent")
    shown = pictures.stacked(pictures.views(views, (345, 345)))
    pictures.save(
        pictures.folder() / "slicer.png", pictures.beside(pictures.panel(module, (560, shown.shape[0])), shown)
    )
    assert (pictures.folder() / "slicer.png").stat().st_size < 400_000
