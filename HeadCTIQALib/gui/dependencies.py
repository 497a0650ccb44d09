"""The packages that 3D Slicer lacks, and installing them the way it wants it.

The networks need all of Resources/requirements.txt, some thirty megabytes.  Everything else needs only msgspec, which reads
and writes records: less than a megabyte.  PyTorch is for graphics cards alone.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from HeadCTIQALib import isolation
from HeadCTIQALib.errors import HeadCTIQAError
from HeadCTIQALib.resources import resource

# import name -> how pip calls it
_NAMES = {"msgspec": "msgspec", "nrrd": "pynrrd", "gdcm": "python-gdcm", "PIL": "pillow", "onnxruntime": "onnxruntime"}
_TORCH, _MONAI, _ONNX = "torch>=2.4", "monai>=1.4", "onnx>=1.16"
_REQUESTER = "HeadCTIQA"


class InstallError(HeadCTIQAError):
    """A package that the networks need could not be installed."""


def missing(find: Callable[[str], Any] = importlib.util.find_spec) -> list[str]:
    """The packages that the networks need and this Python lacks, as pip calls them."""
    return [package for name, package in _NAMES.items() if find(name) is None]


def open_records(find: Callable[[str], Any] = importlib.util.find_spec) -> str:
    """Make sure that records can be read: install msgspec where it lacks, after asking; "" if they can, else a sentence why not."""
    if find("msgspec") is not None:
        return ""
    question = _("HeadCTIQA needs the small package msgspec to read and write its results. Install it now?")
    if not slicer.util.confirmOkCancelDisplay(question, windowTitle="HeadCTIQA"):
        return str(_("HeadCTIQA needs the package msgspec: open the module again to install it."))
    try:
        with isolation.Children():
            _pip("msgspec")
    except HeadCTIQAError as error:
        return str(error)
    importlib.invalidate_caches()
    return "" if find("msgspec") is not None else str(_("msgspec was installed; restart 3D Slicer to use it."))


def install(folder: Path | None = None) -> None:
    """Install what is missing into Slicer's Python.

    Args:
        folder: of packages, for a computer without internet; None for the package index.

    Raises:
        InstallError: with what to do instead.
    """
    requirements = str(resource("requirements.txt"))
    with isolation.Children():  # pip is started in the working folder
        if folder is not None:
            _pip(["--no-index", "--find-links", str(folder), "-r", requirements], str(folder))
        else:
            _from_index(requirements)
    importlib.invalidate_caches()
    still = missing()
    if still:
        raise InstallError(
            _("Still missing after the installation: {names}; restart 3D Slicer and try again.").format(
                names=", ".join(still)
            )
        )


def install_torch() -> None:
    """Install PyTorch and MONAI, by the extension PyTorch where it is there: it knows the graphics card.

    Raises:
        InstallError: with what to do instead.
    """
    with isolation.Children():
        try:
            import PyTorchUtils
        except ImportError:
            _pip(_TORCH)
        else:
            logic = PyTorchUtils.PyTorchUtilsLogic()
            if logic.installTorch(askConfirmation=False, torchVersionRequirement=">=2.4") is None:
                raise InstallError(_("PyTorch was not installed; the networks go on running on the processor."))
        _pip(f"--no-deps {_MONAI}")  # its requirements are there; without this pip might replace torch
        _pip(_ONNX)
    importlib.invalidate_caches()


def _from_index(requirements: str) -> None:
    """By ``slicer.packaging`` where there is one (5.12), else by pip."""
    try:
        from slicer.packaging import load_requirements, pip_ensure
    except ImportError:
        _pip(["-r", requirements])
        return
    pip_ensure(load_requirements(requirements), requester=_REQUESTER)


def _pip(arguments: str | list[str], source: str = "") -> None:
    try:
        slicer.util.pip_install(arguments)
    except Exception as error:  # a failed pip is a CalledProcessError or, with a window, something of Slicer's own
        sentence = (
            _("The packages in {folder} are not all that is needed, or not for this computer.").format(folder=source)
            if source
            else _("Installing {name} failed; check the connection to the internet.").format(
                name=arguments if isinstance(arguments, str) else _("the packages")
            )
        )
        raise InstallError(sentence) from error
