"""Python modules of Slicer that slicer-core does not have: base classes, i18n, parameter nodes, packaging."""

from __future__ import annotations

import sys
import types
import typing
import unittest
from pathlib import Path

import slicer
import vtk

_SINGLETON = "vtkMRMLScriptedModuleNode"


def install():
    """Put the modules into ``sys.modules`` and ``slicer``."""
    _module("i18n", tr=lambda text: text, translate=lambda context, text: text)
    _module("ScriptedLoadableModule", **{c.__name__: c for c in _BASES}, __all__=[c.__name__ for c in _BASES])
    _module(
        "parameterNodeWrapper",
        parameterNodeWrapper=parameter_node_wrapper,
        **{c.__name__: c for c in (WithinRange, Choice, Default)},
    )


def _module(name, **content):
    module = types.ModuleType(f"slicer.{name}")
    vars(module).update(content)
    sys.modules[f"slicer.{name}"] = module
    setattr(slicer, name, module)


class _HasResources:
    def resourcePath(self, name):
        return str(Path(self._file()) / "Resources" / name)

    def _file(self):
        return Path(sys.modules[type(self).__module__].__file__).parent


class ScriptedLoadableModule(_HasResources):
    def __init__(self, parent):
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title, parent.categories, parent.dependencies, parent.contributors = "", [], [], []
        parent.helpText, parent.acknowledgementText = "", ""

    def getDefaultModuleDocumentationLink(self, docPage=None):
        return ""


class ScriptedLoadableModuleWidget(_HasResources):
    def __init__(self, parent=None):
        self.parent = parent
        self.layout = parent.layout()
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False

    def setup(self):
        self.setupDeveloperSection()

    def setupDeveloperSection(self):
        pass

    def cleanup(self):
        pass

    def onReload(self):
        """The developer's button: the file is run again, then the old widget cleaned up and a new one made."""
        slicer.util.reloadScriptedModule(self.moduleName)


class ScriptedLoadableModuleLogic:
    def __init__(self, parent=None):
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self):
        for node in slicer.util.getNodesByClass(_SINGLETON):
            if node.GetAttribute("ModuleName") == self.moduleName:
                return node
        node = slicer.mrmlScene.CreateNodeByClass(_SINGLETON)
        node.UnRegister(None)
        node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetModuleName(self.moduleName)
        return slicer.mrmlScene.AddNode(node)


class ScriptedLoadableModuleTest(unittest.TestCase):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.messageDelay = 0

    def delayDisplay(self, message, *_, **__):
        pass

    def runTest(self):
        raise NotImplementedError("a self-test needs runTest")


_BASES = (ScriptedLoadableModule, ScriptedLoadableModuleWidget, ScriptedLoadableModuleLogic, ScriptedLoadableModuleTest)


class WithinRange:
    def __init__(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum

    def check(self, value):
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum}..{self.maximum}")


class Choice:
    def __init__(self, choices):
        self.choices = choices

    def check(self, value):
        if value not in self.choices:
            raise ValueError(f"{value} is not one of {self.choices}")


class Default:
    def __init__(self, value):
        self.value = value

    def check(self, value):
        pass


def parameter_node_wrapper(cls):
    """``@parameterNodeWrapper`` for str, bool, int, float and node parameters.

    Raises:
        TypeError: a parameter of another type.
    """
    annotations = cls._annotated = {}
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        kind, *checks = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
        is_node = isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode)
        if not is_node and kind not in (str, bool, int, float):
            raise TypeError(f"parameter {name}: {kind} is not supported")
        default = (
            None if is_node else getattr(cls, name, next((c.value for c in checks if isinstance(c, Default)), kind()))
        )
        setattr(cls, name, _parameter(name, kind, is_node, default, checks))
        annotations[name] = (kind, checks)
    cls.__init__ = _init
    cls.connectGui, cls.connectParametersToGui, cls.disconnectGui = _connect_gui, _connect_parameters, _disconnect_gui
    cls.AddObserver, cls.RemoveObserver = _add_observer, _remove_observer
    cls.__setattr__ = _no_new_attributes
    return cls


def _parameter(name, kind, is_node, default, checks):
    def get(self):
        if is_node:
            return self.parameterNode.GetNodeReference(name)
        text = self.parameterNode.GetParameter(name)
        if not self.parameterNode.HasParameter(name):
            return default
        return text == "True" if kind is bool else kind(text)

    def set_(self, value):
        if is_node:
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"parameter {name} takes a {kind.__name__}, not {value!r}")
            self.parameterNode.SetNodeReferenceID(name, value.GetID() if value else None)
            return
        if not isinstance(value, (int, float) if kind is float else kind):
            raise TypeError(f"parameter {name} takes a {kind.__name__}, not {value!r}")
        for check in checks:
            check.check(value)
        self.parameterNode.SetParameter(name, str(value))

    return property(get, set_)


def _init(self, parameterNode, prefix=None):
    object.__setattr__(self, "parameterNode", parameterNode)
    object.__setattr__(self, "_guis", {})


def _no_new_attributes(self, name, value):
    if not isinstance(getattr(type(self), name, None), property):
        raise AttributeError(f"{name} is no parameter")
    object.__setattr__(self, name, value)


def _add_observer(self, event, callback, priority=0.0):
    return self.parameterNode.AddObserver(event, callback, priority)


def _remove_observer(self, tag):
    self.parameterNode.RemoveObserver(tag)


# widget class -> (property, signal); the widgets that Slicer itself can connect
_GUI = {
    "qMRMLNodeComboBox": (None, "currentNodeChanged(vtkMRMLNode*)"),
    "QCheckBox": ("checked", "toggled(bool)"),
    "QPushButton": ("checked", "toggled(bool)"),
    "QLineEdit": ("text", "textChanged(QString)"),
    "QComboBox": ("currentText", "currentTextChanged(QString)"),
    "QSpinBox": ("value", "valueChanged(int)"),
    "QDoubleSpinBox": ("value", "valueChanged(double)"),
    "ctkSliderWidget": ("value", "valueChanged(double)"),
}


def _connect_gui(self, ui):
    """Gives no tag, as in 3D Slicer 5.8: whoever keeps its answer cannot disconnect."""
    named = {w.property("SlicerParameterName"): w for w in vars(ui).values() if w.property("SlicerParameterName")}
    _connect_parameters(self, named)


def _connect_parameters(self, mapping):
    pairs = []
    for name, widget in mapping.items():
        if not isinstance(getattr(type(self), name, None), property):
            raise ValueError(f".ui names the parameter {name}, which does not exist")
        prop, signal = _GUI[type(widget).__name__]
        _check_connector(widget, name, [type(c) for c in type(self)._annotated[name][1]])
        read = widget.currentNode if prop is None else lambda w=widget, p=prop: getattr(w, p)
        write = widget.setCurrentNode if prop is None else lambda v, w=widget, p=prop: setattr(w, p, v)
        pairs.append((widget, signal, name, read, write))

    def to_gui(*_):
        for _widget, _signal, name, read, write in pairs:
            if read() != getattr(self, name):
                write(getattr(self, name))

    slots = []
    to_gui()
    for widget, signal, name, read, _write in pairs:
        slot = _writer(self, name, read)
        widget.connect(signal, slot)
        slots.append((widget, signal, slot))
    tag = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, to_gui)
    self._guis[tag] = slots
    return tag


def _writer(wrapper, name, read):
    def slot():
        setattr(wrapper, name, read())

    return slot


def _check_connector(widget, name, annotations):
    """Slicer's own connectors insist on these annotations."""
    needed = {"QComboBox": Choice, "ctkSliderWidget": WithinRange}.get(type(widget).__name__)
    if needed is not None and needed not in annotations:
        raise RuntimeError(
            f"parameter {name} needs the annotation {needed.__name__} to be shown by a {type(widget).__name__}"
        )


def _disconnect_gui(self, tag):
    for widget, signal, slot in self._guis.pop(tag, ()):
        widget.disconnect(signal, slot)
    self.parameterNode.RemoveObserver(tag)
