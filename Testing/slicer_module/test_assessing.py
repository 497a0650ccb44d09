"""Assess runs in a process of its own: progress, results, cancel, crash, missing packages."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

STAND_IN = Path(__file__).resolve().parents[1] / "assessment_stand_in.py"

pytestmark = pytest.mark.usefixtures("alone")


def wait(slicer_app, condition, seconds=300.0):
    """Let the application run until ``condition()``."""
    end = time.monotonic() + seconds
    while not condition():
        slicer_app.processEvents()
        time.sleep(0.02)
        assert time.monotonic() < end, "waited in vain"


def charged(module, charge):
    """Let the module start the command line with stand-in networks, charged with what shall go wrong."""
    from HeadCTIQALib.gui.process import Process

    started = []

    def start(command):
        assert command[1:4] == ["-P", "-m", "HeadCTIQALib"]
        process = Process([sys.executable, str(STAND_IN), charge, *command[4:]])
        started.append(process)
        return process

    module.controller.assessing._start = start
    return started


def scene_nodes():
    import slicer

    return {slicer.mrmlScene.GetNthNode(n).GetID() for n in range(slicer.mrmlScene.GetNumberOfNodes())}


def gone(pid):
    """Whether the process group has ended."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def chosen(scan_node, module):
    """The module with the scan selected."""
    module.ui.inputSelector.setCurrentNode(scan_node)
    return module


def test_assess(chosen, slicer_app, tmp_path, head_volume):
    import slicer

    stages = []
    shown, bar = [], chosen.ui.progressBar
    show = chosen.controller.progress.show
    chosen.controller.assessing._on_progress = lambda stage, fraction: (
        stages.append(stage), show(stage, fraction), shown.append(bar.value),
    )  # fmt: skip
    charged(chosen, "none")
    chosen.ui.assessButton.click()
    assert chosen.ui.assessButton.text == "Cancel"
    assert not chosen.ui.progressBar.isHidden()
    wait(slicer_app, lambda: not chosen.controller.assessing.running)
    assert chosen.ui.messageLabel.text == ""
    assert chosen.ui.assessButton.text == "Assess"
    assert {"Reading the scan", "Looking at the anatomy", "Measuring", "Writing the results"} <= set(stages)
    assert shown == sorted(shown), "the bar never runs backwards"
    assert 95 <= shown[-1] <= 100
    assert chosen.session.record.input.kind == "slicer"
    assert chosen.session.record.input.name == "head"
    assert chosen.session.selected == "overall"
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == [chosen.session.results.segmentation]
    first = chosen.session.results.segmentation.GetID()
    charged(chosen, "none")
    chosen.ui.assessButton.click()
    wait(slicer_app, lambda: not chosen.controller.assessing.running)
    assert chosen.session.results.segmentation.GetID() != first
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 1


@pytest.mark.parametrize("answer", [False, True])
@pytest.mark.parametrize("way", ["assess", "load"])
def test_corrections_are_replaced_only_after_asking(
    scan_node, module, slicer_app, assessment_folder, monkeypatch, way, answer
):
    import qt
    import slicer

    module.controller.load(assessment_folder)
    asked = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_: asked.append(text) or answer)
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(assessment_folder))
    press = module.ui.assessButton.click if way == "assess" else module.ui.loadButton.click
    charged(module, "none")
    press()
    wait(slicer_app, lambda: not module.controller.assessing.running)
    assert not asked, "nothing of a person's would be lost"
    correct_vertex(module)
    corrected = module.session.record
    press()
    assert len(asked) == 1
    assert "1 of 10 metrics" in asked[0]
    assert module.controller.assessing.running == (answer and way == "assess")
    wait(slicer_app, lambda: not module.controller.assessing.running)
    assert (module.session.record == corrected) != answer
    assert bool(module.session.record.corrections) != answer
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 1


def correct_vertex(module):
    """Move the vertex, as the section Corrections would."""
    from HeadCTIQALib.gui.reviewing import Reviewing

    reviewing = Reviewing(module.session, lambda: "AB", lambda _: None)
    assert reviewing.correct(lambda review: review.move_points({"VERTEX": (0.0, 0.0, 70.0)}, corrector="AB"))
    reviewing.cleanup()


def test_cancel_ends_the_whole_tree_and_leaves_the_scene(chosen, slicer_app):
    before = scene_nodes()
    started = charged(chosen, "slow")
    chosen.ui.assessButton.click()
    wait(slicer_app, lambda: "waiting" in started[0].details)
    pid = chosen.controller.assessing.pid
    assert not gone(pid)
    chosen.ui.assessButton.click()
    assert not chosen.controller.assessing.running
    assert gone(pid)
    assert scene_nodes() == before
    assert chosen.session.record is None
    assert "Cancelled" in chosen.ui.messageLabel.text
    assert chosen.ui.assessButton.text == "Assess"
    assert not list(Path(slicer_app.temporaryPath).glob("HeadCTIQA-*/scan.nrrd"))


def test_crash_is_one_sentence_with_details(chosen, slicer_app):
    before = scene_nodes()
    charged(chosen, "bug")
    chosen.ui.assessButton.click()
    wait(slicer_app, lambda: not chosen.controller.assessing.running)
    assert chosen.ui.messageLabel.text.count("\n") == 0
    assert chosen.ui.messageLabel.text
    assert scene_nodes() == before


def test_killed_process_is_noticed(chosen, slicer_app):
    import signal

    started = charged(chosen, "slow")
    chosen.ui.assessButton.click()
    wait(slicer_app, lambda: "waiting" in started[0].details)
    os.kill(chosen.controller.assessing.pid, signal.SIGKILL)
    wait(slicer_app, lambda: not chosen.controller.assessing.running)
    assert "stopped unexpectedly (exit code -9)" in chosen.ui.messageLabel.text
    assert not chosen.ui.detailsBox.isHidden()
    assert "waiting" in chosen.ui.detailsText.toPlainText()


def test_refusal_is_passed_on(chosen, slicer_app):
    charged(chosen, "model")
    chosen.ui.assessButton.click()
    wait(slicer_app, lambda: not chosen.controller.assessing.running)
    assert chosen.ui.messageLabel.text == "The model is damaged; reinstall it."


def test_missing_packages_are_offered_and_everything_else_works(chosen, monkeypatch, assessment_folder):
    import slicer

    from HeadCTIQALib.gui import dependencies

    asked = []
    monkeypatch.setattr(dependencies, "missing", lambda: ["onnxruntime", "pynrrd"])
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_: asked.append(text) or False)
    chosen.ui.assessButton.click()
    assert "onnxruntime, pynrrd" in asked[0]
    assert not chosen.controller.assessing.running
    assert "can be loaded" in chosen.ui.messageLabel.text
    chosen.controller.load(assessment_folder)
    assert chosen.session.record is not None


def test_a_fresh_slicer_asks_once_installs_and_assesses(chosen, slicer_app, monkeypatch):
    import slicer

    from HeadCTIQALib.gui import dependencies

    asked, done, lacking = [], [], ["onnxruntime", "pynrrd"]
    monkeypatch.setattr(dependencies, "missing", lambda: list(lacking))
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_: asked.append(text) or True)
    monkeypatch.setattr(slicer.util, "pip_install", lambda what, **_: (done.append(what), lacking.clear()))
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    charged(chosen, "none")
    chosen.ui.assessButton.click()
    wait(slicer_app, lambda: not chosen.controller.assessing.running)
    assert len(asked) == 1
    assert [what[0] for what in done] == ["-r"], "one list of requirements"
    assert chosen.session.record is not None


def test_requirements_are_installed_slicers_way(slicer_app, monkeypatch, tmp_path):
    import types

    import slicer

    from HeadCTIQALib.gui import dependencies

    done = []
    monkeypatch.setattr(dependencies, "missing", list)
    monkeypatch.setattr(slicer.util, "pip_install", lambda what, **_: done.append(what))
    packaging = types.ModuleType("slicer.packaging")
    packaging.load_requirements = lambda path: Path(path).read_text(encoding="utf-8").splitlines()
    packaging.pip_ensure = lambda requirements, requester=None: done.append(
        (requester, [r for r in requirements if not r.startswith("#")])
    )
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
    dependencies.install()
    ((requester, plain),) = done
    assert requester == "HeadCTIQA"
    assert any(r.startswith("onnxruntime") for r in plain)
    assert not any(r.startswith(("torch", "monai")) for r in plain)
    done.clear()
    dependencies.install(tmp_path / "a folder")
    assert done[0][:3] == ["--no-index", "--find-links", str(tmp_path / "a folder")]
    monkeypatch.setattr(slicer.util, "pip_install", lambda what, **_: 1 / 0)
    with pytest.raises(dependencies.InstallError, match="not all that is needed"):
        dependencies.install(tmp_path)


def test_offline_packages_come_from_a_folder(chosen, monkeypatch, tmp_path):
    import qt

    from HeadCTIQALib.gui import dependencies

    taken = []
    monkeypatch.setattr(dependencies, "install", taken.append)
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    chosen.ui.fromFolderButton.click()
    assert taken == [tmp_path]
    assert "installed" in chosen.ui.messageLabel.text


@pytest.mark.parametrize("extension", [False, True])
def test_torch_is_for_those_who_ask_for_it(chosen, monkeypatch, extension):
    import types

    import slicer

    done = []

    class Logic:
        def installTorch(self, askConfirmation=False, torchVersionRequirement=None):
            done.append(f"torch{torchVersionRequirement}")
            return object()

    monkeypatch.setattr(slicer.util, "pip_install", done.append)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_, **__: True)
    known = types.SimpleNamespace(PyTorchUtilsLogic=Logic) if extension else None
    monkeypatch.setitem(sys.modules, "PyTorchUtils", known)
    chosen.ui.torchButton.click()
    assert done == ["torch>=2.4", "--no-deps monai>=1.4", "onnx>=1.16"]


@pytest.mark.parametrize(("allowed", "words"), [(True, ""), (False, "needs the package msgspec")])
def test_what_reads_records_is_installed_only_after_asking(slicer_app, monkeypatch, allowed, words):
    import slicer

    from HeadCTIQALib.gui import dependencies

    done = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_, **__: allowed)
    monkeypatch.setattr(slicer.util, "pip_install", done.append)
    said = dependencies.open_records(lambda name: done or None)
    assert said == "" if allowed else words in said
    assert done == (["msgspec"] if allowed else [])
    assert dependencies.open_records() == "", "it is there"


def test_dicom_files_are_used_when_known(chosen, slicer_app, dicom_head_folder, monkeypatch):
    import types

    import slicer

    from HeadCTIQALib.gui.scan_source import INSTANCES

    files = sorted(str(p) for p in dicom_head_folder.rglob("*.dcm")) or sorted(
        str(p) for p in dicom_head_folder.rglob("*") if p.is_file()
    )
    known = {f"1.2.{n}": name for n, name in enumerate(files)}
    monkeypatch.setattr(slicer, "dicomDatabase", types.SimpleNamespace(fileForInstance=known.get), raising=False)
    chosen.session.volume_node.SetAttribute(INSTANCES, " ".join(known))
    charged(chosen, "none")
    chosen.ui.assessButton.click()
    wait(slicer_app, lambda: not chosen.controller.assessing.running)
    assert chosen.ui.messageLabel.text == ""
    assert chosen.session.record.input.kind == "dicom"
    assert chosen.session.record.input.acquisition.kernel == "H30s"
    assert chosen.session.findings is not None
    assert chosen.session.volume.acquisition.kernel == "H30s"


def test_closing_the_scene_ends_the_process(chosen, slicer_app, scene):
    started = charged(chosen, "slow")
    chosen.ui.assessButton.click()
    wait(slicer_app, lambda: "waiting" in started[0].details)
    pid = chosen.controller.assessing.pid
    scene.Clear(False)
    assert gone(pid)
    assert chosen.session.volume_node is None


def test_deleting_the_scan_ends_the_process(chosen, slicer_app, scene):
    started = charged(chosen, "slow")
    chosen.ui.assessButton.click()
    wait(slicer_app, lambda: "waiting" in started[0].details)
    pid = chosen.controller.assessing.pid
    scene.RemoveNode(chosen.session.volume_node)
    assert gone(pid)
    assert chosen.session.volume_node is None
    assert "taken out of the scene" in chosen.ui.messageLabel.text
    assert chosen.ui.assessButton.text == "Assess"
    assert not list(Path(slicer_app.temporaryPath).glob("HeadCTIQA-*/scan.nrrd"))


def test_the_result_of_a_scan_that_is_gone_is_a_sentence(scan_node, module, scene, assessment_folder):
    from HeadCTIQALib.errors import InputError

    module.widget.exit()  # nobody follows the scene
    scene.RemoveNode(scan_node)
    with pytest.raises(InputError, match="taken out of the scene"):
        module.session.adopt(assessment_folder, scan_node)


@pytest.mark.slow
def test_real_networks(scene, module, views, slicer_app):
    """The real process with the real networks on a simulated head."""
    from scans import add_volume

    from HeadCTIQALib.synthesis import demo_scene

    node = add_volume(demo_scene().volume, "simulated")
    for view in views.values():
        view.show(node)
    module.ui.inputSelector.setCurrentNode(node)
    module.ui.assessButton.click()
    wait(slicer_app, lambda: not module.controller.assessing.running, 900)
    assert module.ui.messageLabel.text == ""
    record = module.session.record
    assert record.overall.score is None or 0 <= record.overall.score < 80
    assert all(m.sha256 for m in record.models)
    for item in ("symmetry_angle", "foreign_object_volume"):
        assert record.iqms[item].status == "measured"
