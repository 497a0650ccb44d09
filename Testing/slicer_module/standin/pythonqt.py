"""``qt``: PySide6 with PythonQt's conventions, process-wide.

- a Qt property is an attribute (read and write); setters stay callable, getters do not (``label.text``, never ``text()``)
- ``obj.connect("signal(type)", callable)`` and ``obj.disconnect(...)``; an unknown signature raises
- ``obj.name`` is the object name; ``className()``, ``delete()``
- a new attribute on a Qt object raises
- static dialogs return the value alone
"""

from __future__ import annotations

import enum
import sys
import types

import shiboken6
from PySide6 import QtCore, QtGui, QtNetwork, QtSvg, QtUiTools, QtWidgets

QObject = QtCore.QObject
_property, _set_property = QObject.property, QObject.setProperty
_plain_connect, _plain_disconnect = QObject.connect, QObject.disconnect
_plain_getattribute = QObject.__getattribute__
_plain_setattr = QObject.__mro__[-2].__setattr__
# C++ asks Python overrides for these: as a value, but through the real method
_VIRTUAL = {"sizeHint", "minimumSizeHint"}
_NUMBERS = ("int", "uint", "double", "float")


class QtProperty:
    """Descriptor of one Q_PROPERTY."""

    def __init__(self, name, original, writable):
        self.name, self.original, self.writable = name, original, writable

    def __get__(self, obj, cls=None):
        if obj is None:
            if self.original is None:
                raise AttributeError(self.name)
            return self.original.__get__(None, cls) if hasattr(self.original, "__get__") else self.original
        if self.name in _VIRTUAL and self.original is not None:
            return self.original.__get__(obj, cls)()
        value = _property(obj, self.name)
        return value.value if isinstance(value, enum.Enum) else value  # PythonQt gives enum properties as numbers

    def __set__(self, obj, value):
        if not self.writable:
            raise AttributeError(f"property {self.name} of {type(obj).__name__} is not writable")
        # of a class made in Python the object's own meta object would take the class's with it when the object is deleted
        meta = type(obj).staticMetaObject if hasattr(type(obj), "_manifest") else obj.metaObject()
        prop = meta.property(meta.indexOfProperty(self.name))
        if prop.isEnumType() and isinstance(value, int) and not isinstance(value, enum.Enum):
            current = _property(obj, self.name)
            value = type(current)(value) if isinstance(current, enum.Enum) else value
        if not accepts(prop.typeName(), value) or not _set_property(obj, self.name, value):
            raise AttributeError(f"property {self.name} of type {prop.typeName()} does not accept {value!r}")


def accepts(type_name, value):
    """Whether PythonQt would convert ``value`` to a property of this C++ type."""
    if type_name == "QString":
        return isinstance(value, str) or value is None
    if type_name == "bool":
        return isinstance(value, (bool, int, float))
    if type_name in _NUMBERS:
        return isinstance(value, (int, float, enum.Enum))
    if type_name == "QStringList":
        return isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)
    return True


def static(cls, name):
    """What the class or its bases have under ``name``, without asking descriptors."""
    return next((c.__dict__[name] for c in cls.__mro__ if name in c.__dict__), None)


def signature(text):
    """Normalised ``name(types)`` of a signal signature."""
    normal = QtCore.QMetaObject.normalizedSignature(text.lstrip("2"))
    return normal.data().decode() if hasattr(normal, "data") else str(normal)


def _stand_in_signal(obj, text):
    """The bound signal of a stand-in class for this signature, or None for plain Qt classes."""
    known = getattr(type(obj), "_signatures", None)
    if not known:
        return None
    attribute = known.get(signature(text))
    return getattr(obj, attribute) if attribute else None


def _tolerant(slot):
    """PythonQt passes a Python slot at most as many arguments as it takes."""
    code = getattr(getattr(slot, "__func__", slot), "__code__", None)
    if code is None or code.co_flags & 0x04:
        return slot
    most = code.co_argcount - (1 if hasattr(slot, "__self__") else 0)
    return lambda *arguments: slot(*arguments[:most])


_connections = {}


def _connect(self, text, slot, *_):
    if not isinstance(text, str):
        raise TypeError("connect(): the first argument must be a signature")
    if not callable(slot):
        raise TypeError("connect(): the second argument must be callable")
    wrapped = _tolerant(slot)
    _connections.setdefault((id(self), signature(text), slot), wrapped)
    wrapped = _connections[id(self), signature(text), slot]
    signal = _stand_in_signal(self, text)
    if signal is not None:
        signal.connect(wrapped)
        return True
    if self.metaObject().indexOfSignal(signature(text)) < 0:
        raise AttributeError(f"signal {text} does not exist on {self.metaObject().className()}")
    return bool(_plain_connect(self, QtCore.SIGNAL(signature(text)), wrapped))


def _disconnect(self, text=None, slot=None):
    if text is None:
        return _plain_disconnect(self)
    wrapped = _connections.pop((id(self), signature(text), slot), slot)
    signal = _stand_in_signal(self, text)
    if signal is not None:
        try:
            signal.disconnect(wrapped)
        except RuntimeError:
            return False
        return True
    return bool(_plain_disconnect(self, QtCore.SIGNAL(signature(text)), wrapped))


def _is_cpp(cls):
    return cls.__module__.startswith("PySide6")


def _setattr(self, name, value):
    cls = type(self)
    found = static(cls, name)
    stand_in = "_manifest" in cls.__dict__
    if stand_in and name.startswith("_"):
        return _plain_setattr(self, name, value)  # the stand-in's own state
    if hasattr(type(found), "__set__") and not isinstance(found, QtCore.Property):
        return _plain_setattr(self, name, value)
    if isinstance(found, QtCore.Property):
        type_name = getattr(cls, "_property_types", {}).get(name, "")
        if not accepts(type_name, value):
            raise AttributeError(f"property {name} of type {type_name} does not accept {value!r}")
        return found.fset(self, value)
    if _is_cpp(cls) or stand_in:
        if name == "name":
            return self.setObjectName(value)
        if found is not None:
            raise AttributeError(f"slot {name} of {cls.__name__} cannot be overwritten")
        if isinstance(value, QObject) and value.objectName == name:
            return _plain_setattr(self, name, value)  # QUiLoader hands out children by name, as PythonQt finds them
        if name in [bytes(x).decode() for x in self.dynamicPropertyNames()]:
            return _set_property(self, name, value)
        raise AttributeError(
            f"{name} does not exist on {cls.__name__}, and new attributes on C++ objects are not allowed"
        )
    return _plain_setattr(self, name, value)


def _getattribute(self, name):
    if name == "connect":  # special-cased in C++: a class attribute is not enough
        return types.MethodType(_connect, self)
    if name == "disconnect":
        return types.MethodType(_disconnect, self)
    return _plain_getattribute(self, name)


def _getattr(self, name):
    if name == "name":
        return self.objectName
    if not name.startswith("__"):
        value = _property(self, name)
        if value is not None:
            return value
    raise AttributeError(f"{type(self).__name__} has no attribute {name}")


def _patch(cls):
    meta = cls.staticMetaObject
    for n in range(meta.propertyOffset(), meta.propertyCount()):
        prop = meta.property(n)
        setattr(cls, prop.name(), QtProperty(prop.name(), static(cls, prop.name()), prop.isWritable()))
    for name in _VIRTUAL & vars(cls).keys():  # a class that answers itself is asked in the same way
        if not isinstance(vars(cls)[name], QtProperty):
            setattr(cls, name, QtProperty(name, static(cls, name), False))
    cls.__setattr__ = _setattr  # for every class: shiboken gives each wrapped type its own


def _value_alone(dialog):
    return lambda *arguments, **keywords: dialog(*arguments, **keywords)[0]


def install():
    """Make ``qt`` importable; the same module on every call."""
    if "qt" in sys.modules:
        return sys.modules["qt"]
    qt = types.ModuleType("qt", __doc__)
    classes = []
    for module in (QtCore, QtGui, QtWidgets, QtUiTools, QtNetwork, QtSvg):
        for name in dir(module):
            if name.startswith("Q"):
                value = getattr(module, name)
                setattr(qt, name, value)
                if isinstance(value, type) and issubclass(value, QObject) and value not in classes:
                    classes.append(value)
    for cls in sorted(classes, key=lambda c: len(c.__mro__)):
        _patch(cls)
    QObject.__getattribute__ = _getattribute
    QObject.__getattr__ = _getattr
    QObject.className = lambda self: self.metaObject().className()
    QObject.delete = lambda self: shiboken6.delete(self)  # a plain function, to be a method
    QtWidgets.QDialog.exec_ = lambda self: self.exec()
    for cls, names in (
        (QtWidgets.QFileDialog, ("getOpenFileName", "getSaveFileName", "getOpenFileNames")),
        (QtWidgets.QInputDialog, ("getText", "getItem", "getInt", "getDouble")),
    ):
        for name in names:
            setattr(cls, name, staticmethod(_value_alone(getattr(cls, name))))
    for name in ("QRegExp", "QDesktopWidget"):  # gone in Qt 6: nothing may use them
        if hasattr(qt, name):
            delattr(qt, name)
    sys.modules["qt"] = qt
    return qt
