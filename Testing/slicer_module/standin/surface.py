"""Classes for ``ctk*``, ``qMRML*`` and ``qSlicer*`` with exactly the surface that the manifest lists."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .pythonqt import signature

MANIFEST = json.loads((Path(__file__).parent / "api_manifest.json").read_text(encoding="utf-8"))
_PYTHON = {"bool": bool, "int": int, "double": float, "QString": str, "QStringList": "QStringList"}
_DEFAULTS = {"bool": False, "int": 0, "double": 0.0, "QString": "", "QStringList": []}
_classes = {}
BEHAVIOURS = {}


def behaviour(cls):
    """Register what the manifest class of the same name does."""
    BEHAVIOURS[cls.__name__] = cls
    return cls


def _argument_types(text):
    """C++ types of an argument list as Qt normalises them, names and defaults dropped."""
    types = []
    for argument in filter(str.strip, text.split(",")):
        plain = argument.split("=")[0].replace("const ", "").replace("&", "").strip()
        name = plain.split(" ")[0]
        types.append(name + "*" if "*" in plain and not name.endswith("*") else name)
    return types


def _parse(text):
    name, arguments = text.split("(", 1)
    return name, _argument_types(arguments.rsplit(")", 1)[0])


def stand_in(name):
    """The class for a name in the manifest; always the same one.

    Raises:
        KeyError: Slicer has no such class, or the manifest does not know it yet.
    """
    if name in _classes:
        return _classes[name]
    entry = MANIFEST[name]
    bases = [b.split("::")[-1] for b in entry["bases"]]
    base = next(
        (
            stand_in(b) if b in MANIFEST else getattr(QtWidgets, b)
            for b in bases
            if b in MANIFEST or hasattr(QtWidgets, b)
        ),
        QtWidgets.QWidget,
    )
    acts = BEHAVIOURS.get(name)
    body = {"__module__": "standin", "_manifest": name}
    body["_signatures"] = dict(getattr(base, "_signatures", {}))
    body["_property_types"] = dict(getattr(base, "_property_types", {})) | entry["properties"]
    for text in entry["signals"]:
        signal, types = _parse(text)
        attribute = signal if signal not in body else f"_{signal}_{len(types)}_{types[0] if types else ''}".rstrip("*")
        body[attribute] = Signal(*[_PYTHON.get(t, object) for t in types])
        body["_signatures"][signature(f"{signal}({','.join(types)})")] = attribute
    for prop, type_name in entry["properties"].items():
        body[prop] = _property(prop, type_name, acts)
    for text in (*entry["slots"], *entry["invokable"]):
        _add_callable(body, name, base, acts, text, entry["properties"])
    if acts:
        body |= {k: v for k, v in vars(acts).items() if not k.startswith("__") or k == "__init__"}
    cls = type(QtCore.QObject)(name, (base,), body)
    _classes[name] = cls
    return cls


def _property(name, type_name, acts):
    get, set_ = getattr(acts, f"get_{name}", None), getattr(acts, f"set_{name}", None)
    default = getattr(acts, "defaults", {}).get(name, _DEFAULTS.get(type_name))

    def fget(self):
        return get(self) if get else self.__dict__.setdefault("_values", {}).get(name, default)

    def fset(self, value):
        if set_:
            set_(self, value)
        else:
            self.__dict__.setdefault("_values", {})[name] = value

    return Property(_PYTHON.get(type_name, "QVariant"), fget, fset)


def _add_callable(body, cls, base, acts, text, properties):
    name = _parse(text)[0]
    prop = name[3:4].lower() + name[4:] if name.startswith("set") else ""
    if name in body or (acts and hasattr(acts, name)):
        return
    if prop in properties:
        body[name] = lambda self, value: setattr(self, prop, value)
    elif not hasattr(base, name):

        def missing(self, *_):
            raise NotImplementedError(f"{cls}.{name}() is in Slicer but not in the stand-in")

        body[name] = missing
