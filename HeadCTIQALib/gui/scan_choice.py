"""Which scan is looked at: selector, session and slice views always agree, whoever changes one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

from . import forms
from .parameters import Parameters
from .scan_views import show_scan, shown_scan
from .session import Event, Session
from .volumes import newest_head_ct


class ScanChoice(VTKObservationMixin):
    """Follows the selector, the scene and the slice views while the module is open.

    Args:
        ui: with inputSelector and whatever else shows a parameter.
        logic: the module's, for its parameter node.
        session: turned to the scan.
        busy: whether the scan must stay, as it is being assessed.
        gone: called when the scan was taken out of the scene.

    Attributes:
        parameters: what the user chose, kept with the scene; None while the module is closed.
    """

    def __init__(
        self, ui: Any, logic: Any, session: Session, busy: Callable[[], bool], gone: Callable[[], None]
    ) -> None:
        VTKObservationMixin.__init__(self)
        self._ui, self._logic, self._session, self._busy, self._gone = ui, logic, session, busy, gone
        self.parameters: Any = None
        self._tag: Any = None
        self._soon = forms.deferred(
            self._look
        )  # what was loaded reaches the selector only in the next turn of the event loop
        ui.inputSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._selected)
        session.observe(self._changed)

    def enter(self) -> None:
        """Connect the widgets to the parameters of this scene, and show the scan that they name, or the likeliest."""
        if self.parameters is None:
            self.parameters = Parameters(self._logic.getParameterNode())  # type: ignore[call-arg]  # the decorator makes it
            # not connectGui, which gives no tag to disconnect by before 3D Slicer 5.10
            self._tag = self.parameters.connectParametersToGui(self._widgets())
        self._observe()
        if self.parameters.inputVolume is None:
            self.parameters.inputVolume = shown_scan() or newest_head_ct(slicer.mrmlScene)
        self._turn_to(self.parameters.inputVolume)

    def exit(self) -> None:
        """Follow nothing any more."""
        self._soon.stop()
        self.removeObservers()
        if self.parameters is not None:
            self.parameters.disconnectGui(self._tag)
        self.parameters = self._tag = None

    def cleanup(self) -> None:
        """The module goes away."""
        self.exit()
        self._session.unobserve(self._changed)

    def _widgets(self) -> dict[str, Any]:
        """Parameter to the widget that the .ui file gives it."""
        widgets = [w for w in vars(self._ui).values() if w.property("SlicerParameterName")]
        return {str(w.property("SlicerParameterName")): w for w in widgets}

    def _observe(self) -> None:
        self.removeObservers()
        scene = slicer.mrmlScene
        for event in (scene.NodeAddedEvent, scene.EndImportEvent, scene.EndBatchProcessEvent):
            self.addObserver(scene, event, self._later)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._removing)
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            self.addObserver(composite, vtk.vtkCommand.ModifiedEvent, self._later)

    def _later(self, _caller: Any, _event: Any) -> None:
        self._soon.start()

    def _look(self) -> None:
        """Turn to what is shown in the views, or to what was loaded while there was no scan."""
        if self.parameters is None or self._busy():
            return
        node, shown = self._session.volume_node, shown_scan()
        if shown is not None and shown is not node:
            self._turn_to(shown)
        elif node is None:
            self._turn_to(newest_head_ct(slicer.mrmlScene))

    def _selected(self, *_arguments: Any) -> None:
        if self.parameters is not None and not self._busy():
            self._turn_to(self._ui.inputSelector.currentNode())

    def _turn_to(self, node: Any) -> None:
        self.parameters.inputVolume = node
        self._session.set_volume(node)
        if node is not None:
            show_scan(node)

    def _changed(self, event: Event) -> None:
        """Another part of the module turned the session to a scan."""
        if event == "volume" and self.parameters is not None:
            node = self._session.volume_node
            if self.parameters.inputVolume is not node:
                self.parameters.inputVolume = node
            if node is not None:
                show_scan(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _removing(self, _caller: Any, _event: Any, node: Any) -> None:
        if node is self._session.volume_node:
            self._session.set_volume(None)
            self._gone()
