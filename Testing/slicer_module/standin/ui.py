"""QUiLoader for Designer files whose widgets are stand-ins; what Slicer would not accept raises."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from PySide6 import QtCore, QtUiTools

from .surface import MANIFEST, stand_in

_OWN = ("ctk", "qMRML", "qSlicer")


class UiLoader(QtUiTools.QUiLoader):
    """Makes stand-ins for custom widgets and applies ``<connections>`` in PythonQt's way."""

    def createWidget(self, class_name, parent=None, name=""):
        if class_name not in MANIFEST:
            return QtUiTools.QUiLoader.createWidget(self, class_name, parent, name)
        widget = stand_in(class_name)()
        if parent is not None:
            widget.setParent(parent)
        widget.setObjectName(name)
        return widget

    def load(self, file, parent=None):
        root = ET.fromstring(bytes(file.readAll().data()))
        for widget in root.iter("widget"):
            _check(widget)
        lines = [
            tuple(c.find(t).text for t in ("sender", "signal", "receiver", "slot")) for c in root.iter("connection")
        ]
        for element in root.findall("connections"):
            root.remove(element)
        buffer = QtCore.QBuffer()
        buffer.setData(ET.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        top = QtUiTools.QUiLoader.load(self, buffer, parent)
        for sender, signal, receiver, slot in lines:
            source, target = (
                top if top.objectName == n else top.findChild(QtCore.QObject, n) for n in (sender, receiver)
            )
            if source is None or target is None:
                raise RuntimeError(f".ui connects {sender} to {receiver}: no such object")
            source.connect(signal, getattr(target, slot.split("(")[0]))
        return top


def _check(widget):
    """Refuse classes and properties that do not exist."""
    name = widget.get("class")
    if name.startswith(_OWN) and name not in MANIFEST:
        raise RuntimeError(f".ui uses {name}, which is not in the API manifest")
    if name in MANIFEST:
        meta = stand_in(name).staticMetaObject
        for prop in widget.findall("property"):
            if prop.get("stdset") != "0" and meta.indexOfProperty(prop.get("name")) < 0:
                raise RuntimeError(f".ui sets {name}.{prop.get('name')}, which does not exist")
