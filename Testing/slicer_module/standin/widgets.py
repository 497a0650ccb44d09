"""What the stand-in classes do, as far as the module under test relies on it."""

from __future__ import annotations

import shiboken6
import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .surface import behaviour


class _HoldsScene:
    _scene = None

    def setMRMLScene(self, scene):
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self._scene


@behaviour
class qMRMLWidget(_HoldsScene):
    _scene = None
    setMRMLScene, mrmlScene = _HoldsScene.setMRMLScene, _HoldsScene.mrmlScene


@behaviour
class qSlicerWidget(_HoldsScene):
    _scene = None
    setMRMLScene, mrmlScene = _HoldsScene.setMRMLScene, _HoldsScene.mrmlScene


@behaviour
class ctkCollapsibleButton:
    """A header of 22 pixels that hides the children."""

    def __init__(self, *arguments):
        texts = [a for a in arguments if isinstance(a, str)]
        parents = [a for a in arguments if isinstance(a, QtWidgets.QWidget)]
        QtWidgets.QAbstractButton.__init__(self, *parents)
        self.setText(texts[0] if texts else "")
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(4, 24, 4, 4)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Minimum, QtWidgets.QSizePolicy.Policy.Preferred)
        self.toggled.connect(self._fold)

    def _fold(self, open_):
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget):
                child.setVisible(open_)
        self.setMaximumHeight(16777215 if open_ else 22)
        self.contentsCollapsed.emit(not open_)

    def childEvent(self, event):
        if event.added() and isinstance(event.child(), QtWidgets.QWidget) and not self.isChecked():
            event.child().setVisible(False)

    def get_collapsed(self):
        return not self.isChecked()

    def set_collapsed(self, value):
        self.setChecked(not value)

    def paintEvent(self, _event):
        painter, rect = QtGui.QPainter(self), self.rect
        palette = self.palette
        bar = QtCore.QRect(0, 0, rect.width(), 21)
        painter.fillRect(bar, palette.color(QtGui.QPalette.ColorRole.Button).darker(106))
        painter.setPen(palette.color(QtGui.QPalette.ColorRole.WindowText))
        left = int(QtCore.Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QtCore.QRect(20, 0, rect.width() - 20, 21), left, self.text)
        painter.drawText(QtCore.QRect(5, 0, 14, 21), left, "\u25be" if self.isChecked() else "\u25b8")
        painter.end()

    def sizeHint(self):
        if not self.isChecked():
            return QtCore.QSize(100, 22)
        return self.layout().totalSizeHint() if self.layout() else QtCore.QSize(100, 26)

    def minimumSizeHint(self):
        return self.layout().totalMinimumSize() if self.layout() and self.isChecked() else QtCore.QSize(60, 22)


@behaviour
class ctkSliderWidget:
    """Slider and spin box that show one number."""

    def __init__(self, parent=None):
        QtWidgets.QWidget.__init__(self, parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._slider, self._box = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal), QtWidgets.QDoubleSpinBox()
        layout.addWidget(self._slider)
        layout.addWidget(self._box)
        self._slider.setRange(0, 1000)
        self._box.setRange(0.0, 99.0)
        self._slider.valueChanged.connect(self._slid)
        self._box.valueChanged.connect(self._changed)

    def get_spinBoxVisible(self):
        return not self._box.isHidden()

    def set_spinBoxVisible(self, visible):
        self._box.setVisible(visible)

    def _slid(self, position):
        self._box.setValue(self.minimum + (self.maximum - self.minimum) * position / 1000.0)

    def _changed(self, value):
        self._slider.blockSignals(True)
        self._slider.setValue(round(1000 * (value - self.minimum) / max(1e-9, self.maximum - self.minimum)))
        self._slider.blockSignals(False)
        self.valueChanged.emit(value)
        self.valueIsChanging.emit(value)


for _name in ("value", "minimum", "maximum", "singleStep", "decimals"):
    _set = f"set{_name[0].upper()}{_name[1:]}"
    setattr(ctkSliderWidget, f"get_{_name}", lambda self, n=_name: getattr(self._box, n))
    setattr(ctkSliderWidget, f"set_{_name}", lambda self, value, s=_set: getattr(self._box, s)(value))


@behaviour
class qMRMLNodeComboBox:
    """Nodes of some types in the scene; follows the scene."""

    defaults = {"showChildNodeTypes": True}  # noqa: RUF012

    def __init__(self, parent=None):
        QtWidgets.QWidget.__init__(self, parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._box = QtWidgets.QComboBox()
        layout.addWidget(self._box)
        self._scene, self._tags, self._attributes, self._nodes, self._current, self._offset = None, [], {}, [], None, 0
        self._box.currentIndexChanged.connect(self._chosen)

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._scene, self._tags = scene, []
        if scene:
            events = ("NodeAddedEvent", "NodeRemovedEvent", "EndCloseEvent")
            self._tags = [scene.AddObserver(getattr(slicer.vtkMRMLScene, e), self._scene_changed) for e in events]
            self._tags.append(scene.AddObserver(slicer.vtkMRMLScene.EndBatchProcessEvent, self._refill_later))
            self._all_tags = self._tags
        self._refill()

    def _fits(self, node, type_name):
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if not self.showChildNodeTypes and node.GetClassName() != type_name:
            return False
        if any(node.IsA(hidden) for hidden in self.hideChildNodeTypes or ()):
            return False
        wanted = ((name, value) for (kind, name), value in self._attributes.items() if kind == type_name)
        return all(
            node.GetAttribute(n) is not None and (v is None or node.GetAttribute(n) == str(v)) for n, v in wanted
        )

    def _scene_changed(self, *_):
        """Nothing during a batch: what a scene file or DICOM brings is there in the next turn of the event loop."""
        if self.__dict__["_scene"].IsBatchProcessing():
            self._refill_later()
        else:
            self._refill()

    def _refill_later(self, *_):
        QtCore.QTimer.singleShot(0, self._refill)

    def _refill(self, *_):
        if not shiboken6.isValid(self):  # the widget was deleted; Slicer's own stops observing then
            scene, self.__dict__["_tags"] = self.__dict__["_scene"], []
            for tag in self.__dict__["_all_tags"]:
                scene.RemoveObserver(tag)
            return
        types = self.nodeTypes or ()
        nodes = (
            [n for t in types for n in slicer.util.getNodesByClass(t, self._scene) if self._fits(n, t)]
            if self._scene
            else []
        )
        self._nodes, current = nodes, self._current
        self._box.blockSignals(True)
        self._box.clear()
        self._offset = 1 if self.noneEnabled or not nodes else 0
        if self._offset:
            self._box.addItem(self.noneDisplay or "None" if self.noneEnabled else "Select a node")
        for node in nodes:
            self._box.addItem(node.GetName())
        self._box.setCurrentIndex(self._offset + nodes.index(current) if current in nodes else 0)
        self._box.blockSignals(False)
        self._chosen()

    def _chosen(self, *_):
        n = self._box.currentIndex - self._offset
        node = self._nodes[n] if 0 <= n < len(self._nodes) else None
        if node is self._current:
            return
        self._current = node
        for text, attribute in self._signatures.items():
            if text.startswith("currentNodeChanged(vtk"):
                getattr(self, attribute).emit(node)
            elif text == "currentNodeChanged(bool)":
                getattr(self, attribute).emit(node is not None)
            elif text.startswith("currentNodeIDChanged"):
                getattr(self, attribute).emit(node.GetID() if node else "")

    def currentNode(self):
        return self._current

    def setCurrentNode(self, node):
        node = self._scene.GetNodeByID(node) if isinstance(node, str) else node
        if node is None:
            self._box.setCurrentIndex(0 if self._offset else -1)
        elif node in self._nodes:
            self._box.setCurrentIndex(self._offset + self._nodes.index(node))

    def get_currentNodeID(self):
        return self._current.GetID() if self._current else ""

    def set_currentNodeID(self, value):
        self.setCurrentNode(self._scene.GetNodeByID(value) if value and self._scene else None)

    get_currentNodeId, set_currentNodeId = get_currentNodeID, set_currentNodeID

    def setCurrentNodeID(self, value):
        self.currentNodeID = value

    def nodeCount(self):
        return len(self._nodes)

    def nodeFromIndex(self, n):
        return self._nodes[n]

    def addAttribute(self, node_type, name, value=None):
        self._attributes[node_type, name] = value
        self._refill()


def _refilling(name):
    def set_(self, value):
        self.__dict__.setdefault("_values", {})[name] = value
        self._refill()

    return set_


for _name in ("nodeTypes", "noneEnabled", "noneDisplay", "showHidden", "showChildNodeTypes", "hideChildNodeTypes"):
    setattr(qMRMLNodeComboBox, f"set_{_name}", _refilling(_name))


@behaviour
class qMRMLSegmentEditorWidget:
    """Remembers what it was given; effects are not part of the stand-in."""

    _nodes = None

    def _given(self):
        self._nodes = self._nodes or {}
        return self._nodes

    def setMRMLSegmentEditorNode(self, node):
        self._given()["editor"] = node

    def setSegmentationNode(self, node):
        self._given()["segmentation"] = node

    def segmentationNode(self):
        return self._given().get("segmentation")

    def setSourceVolumeNode(self, node):
        self._given()["source"] = node

    def sourceVolumeNode(self):
        return self._given().get("source")

    def setCurrentSegmentID(self, id_):
        self._given()["segment"] = id_

    def currentSegmentID(self):
        return self._given().get("segment", "")


@behaviour
class ctkPathLineEdit:
    def get_currentPath(self):
        return getattr(self, "_path", "")

    def set_currentPath(self, value):
        self._path = value
        self.currentPathChanged.emit(value)


@behaviour
class ctkDirectoryButton:
    """Starts at the current directory, as if that had been chosen; shows the directory unless it has a text."""

    def __init__(self, parent=None):
        QtWidgets.QWidget.__init__(self, parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._button = QtWidgets.QPushButton(".")
        layout.addWidget(self._button)

    def get_text(self):
        return getattr(self, "_text", "")

    def set_text(self, value):
        self._text = value
        self._button.setText(value or self.get_directory())

    def get_directory(self):
        return getattr(self, "_directory", ".")

    def set_directory(self, value):
        value = value or "."  # what QDir makes of an empty path
        if value != self.get_directory():
            self._directory = value
            self.directoryChanged.emit(value)
            self.directorySelected.emit(value)
