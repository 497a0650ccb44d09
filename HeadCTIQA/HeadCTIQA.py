"""HeadCTIQA for 3D Slicer: is this head CT good enough, and why?  See HeadCTIQALib/gui for what the widgets do."""

import sys
from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


def library_root(file: str = __file__) -> Path:
    """The folder that holds HeadCTIQALib and Resources, which is put on the Python path.

    Beside this file once installed; one level up in the source tree, of which only this file's folder is known to Slicer.

    Raises:
        ImportError: neither has it, which means that the installation is incomplete.
    """
    here = Path(file).resolve().parent
    for root in (here, here.parent):
        if (root / "HeadCTIQALib" / "__init__.py").is_file():
            if str(root) not in sys.path:
                sys.path.append(str(root))
            return root
    raise ImportError("HeadCTIQALib is missing; install the extension HeadCTIQA again.")


ROOT = library_root()


class HeadCTIQA(ScriptedLoadableModule):
    """What Slicer shows in the list of modules."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Head CT Image Quality")
        parent.categories = ["Quantification"]
        parent.dependencies = ["Volumes", "Segmentations", "Markups"]
        parent.contributors = ["HeadCTIQA contributors"]
        parent.helpText = _(
            "Measures the technical quality of a head CT: ten metrics, six category scores and one overall score, "
            "each with its reasons and its evidence in the image. For research use only; not a medical device."
        )
        parent.acknowledgementText = _(
            "After the quality hierarchy of Zhang et al. 2026; a reconstruction. How to cite: CITATION.cff in the extension's repository."
        )
        self._set_icon(parent)
        slicer.app.connect("startupCompleted()", self.register_samples)

    @staticmethod
    def register_samples():
        """Offer the simulated head in the module Sample Data."""
        from HeadCTIQALib.gui import sample_data

        sample_data.register()

    @staticmethod
    def _set_icon(parent):
        path = ROOT / "Resources" / "Icons" / "HeadCTIQA.png"
        if slicer.app.commandOptions().noMainWindow or not path.is_file():
            return
        import qt

        parent.icon = qt.QIcon(str(path))


class HeadCTIQAWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Passes Slicer's events on to the controller, which does everything."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.controller = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        from HeadCTIQALib.gui import dependencies

        if problem := dependencies.open_records():
            self._show_problem(problem)
            return
        from HeadCTIQALib.gui.controller import Controller

        self.logic = HeadCTIQALogic()
        self.controller = Controller(self.layout, self.logic)
        scene = slicer.mrmlScene
        for event, method in (
            (scene.StartCloseEvent, self.onSceneStartClose),
            (scene.EndCloseEvent, self.onSceneEndClose),
            (scene.EndImportEvent, self.onSceneEndClose),
        ):
            self.addObserver(scene, event, method)

    def _show_problem(self, sentence):
        import qt

        label = qt.QLabel(sentence)
        label.setObjectName("problemLabel")
        label.setWordWrap(True)
        self.layout.addWidget(label)

    def enter(self):
        if self.controller is not None:
            self.controller.enter()

    def exit(self):
        if self.controller is not None:
            self.controller.exit()

    def cleanup(self):
        self.removeObservers()
        if self.controller is not None:
            self.controller.cleanup()

    def onReload(self):
        """A developer's reload takes the library along."""
        for name in [n for n in sys.modules if n.split(".")[0] == "HeadCTIQALib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def onSceneStartClose(self, _caller, _event):
        self.controller.scene_closing()

    def onSceneEndClose(self, _caller, _event):
        self.controller.scene_closed()


class HeadCTIQALogic(ScriptedLoadableModuleLogic):
    """For scripts: measure and score without the window."""

    def volume(self, node):
        """The CT volume of a volume node, with the true position of every slice."""
        from HeadCTIQALib.gui.volumes import volume_from_node

        return volume_from_node(node)

    def assess(self, node, device="auto"):
        """Assess the scan in ``node`` in this process, as the command line would its files, waiting for it.

        Needs what Resources/requirements.txt lists.

        Returns a HeadCTIQALib.assessment.Assessment, whose ``record`` is what assessment.json holds.
        """
        import tempfile
        from pathlib import Path

        from HeadCTIQALib.assessment import assess
        from HeadCTIQALib.gui.scan_source import prepare

        with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
            return assess(prepare(node, Path(folder)), device=device, keep_name=True)


class HeadCTIQATest(ScriptedLoadableModuleTest):
    """What a person does in the module, in less than three minutes; the networks run only where they are installed."""

    def setUp(self):
        slicer.mrmlScene.Clear(0)

    def runTest(self):
        from HeadCTIQALib.gui import selftest

        for test in selftest.TESTS:
            self.setUp()
            self.delayDisplay(test.__doc__.split(".")[0])
            test(self)
