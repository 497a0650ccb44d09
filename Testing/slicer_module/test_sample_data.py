"""The simulated head in the module Sample Data: registered once, made on first use, kept, and cancelled without a trace."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def samples(module, tmp_path, monkeypatch):
    """Sample Data with an empty cache, and what the module registers when Slicer has started."""
    import slicer
    from standin import sample_data

    sample_data.install()
    slicer.mrmlScene.GetCacheManager().SetRemoteCacheDirectory(str(tmp_path / "cache"))
    slicer.app.startupCompleted.emit()
    yield sample_data
    del sys.modules["SampleData"]


def load(samples):
    from HeadCTIQALib.gui.sample_data import CATEGORY, SAMPLE

    return samples.press(CATEGORY, SAMPLE)


def test_the_sample_is_registered_once(samples):
    import slicer

    slicer.app.startupCompleted.emit()
    assert {title["title"] for title in slicer.modules.sampleDataSourceCategories.values()} == {"Head CT Image Quality"}
    (sources,) = slicer.modules.sampleDataSources.values()
    (source,) = sources
    assert Path(source.thumbnailFileName).is_file()
    assert len(source.uris) == len(source.fileNames) == len(source.nodeNames) == len(source.checksums) == 1


def test_a_slicer_without_sample_data_starts_all_the_same(module):
    import slicer

    assert "SampleData" not in sys.modules
    slicer.app.startupCompleted.emit()


def test_what_was_made_once_is_loaded(samples, head_volume, monkeypatch):
    from HeadCTIQALib.gui import sample_data
    from HeadCTIQALib.gui.volumes import volume_from_node
    from HeadCTIQALib.synthesis.nifti import write_nifti

    def no_process(*_):
        raise AssertionError("it was there")

    monkeypatch.setattr(sample_data, "Process", no_process)
    sample_data.sample_file().parent.mkdir(parents=True, exist_ok=True)
    write_nifti(head_volume, sample_data.sample_file())
    (node,) = load(samples)
    assert node.GetName() == sample_data.NODE
    volume = volume_from_node(node)
    np.testing.assert_allclose(volume.origins, head_volume.origins, atol=1e-3)
    assert np.array_equal(volume.hu, head_volume.hu)


def test_cancelling_leaves_nothing(samples, scene, slicer_app):
    import qt

    from HeadCTIQALib.gui import sample_data

    def cancel():
        for window in slicer_app.topLevelWidgets():
            if isinstance(window, qt.QProgressDialog) and window.isVisible():
                window.cancel()

    timer = qt.QTimer()
    timer.connect("timeout()", cancel)
    timer.start(300)
    assert load(samples) == []
    timer.stop()
    assert not [p for p in sample_data.sample_file().parent.iterdir() if p.name != ".slicer-cache"]
    assert not scene.GetNodesByClass("vtkMRMLScalarVolumeNode").GetNumberOfItems()


def test_what_cannot_be_made_is_said(samples, monkeypatch):
    import slicer

    from HeadCTIQALib.gui import sample_data

    told = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **_: told.append(text))
    monkeypatch.setattr(sample_data.isolation, "command", lambda _: ("-c", "raise SystemExit(1)"))
    assert load(samples) == []
    assert len(told) == 1
    assert "could not be made" in told[0]


@pytest.mark.slow
def test_the_head_is_made_on_first_use(samples):
    from HeadCTIQALib.gui.sample_data import sample_file
    from HeadCTIQALib.gui.volumes import newest_head_ct

    (node,) = load(samples)
    assert sample_file().is_file()
    assert newest_head_ct(node.GetScene()) is node
    assert node.GetImageData().GetDimensions() == (384, 384, 63)
    assert np.allclose(node.GetSpacing(), (0.625, 0.625, 2.5), atol=1e-3)
