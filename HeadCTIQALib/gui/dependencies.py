"""The packages that 3D Slicer lacks, and installing them the way it wants it.

The networks need all of them.  Everything else needs only msgspec, which reads and writes records: less than a megabyte.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from HeadCTIQALib import isolation
from HeadCTIQALib.errors import HeadCTIQAError
from HeadCTIQALib.resources import resource

# import name -> how pip calls it; torch and MONAI are treated specially below
_PLAIN = {"msgspec": "msgspec", "safetensors": "safetensors", "nrrd": "pynrrd", "gdcm": "python-gdcm", "PIL": "pillow"}
_REQUESTER = "HeadCTIQA"


class InstallError(HeadCTIQAError):
    """A package that the networks need could not be installed."""


def missing(find: Callable[[str], Any] = importlib.util.find_spec) -> list[str]:
    """The packages that the networks need and this Python lacks, as pip calls them."""
    wanted = {"torch": "torch", "monai": "monai", **_PLAIN}
    return [package for name, package in wanted.items() if find(name) is None]


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


def install(packages: list[str]) -> None:
    """Install ``packages`` into Slicer's Python; torch through the extension PyTorch, which knows the graphics card.

    Raises:
        InstallError: with what to do instead.
    """
    with isolation.Children():  # pip is started in the working folder
        if "torch" in packages:
            _install_torch()
        if "monai" in packages:  # its requirements are there; without this pip might replace torch
            _pip("--no-deps monai>=1.4")
        if set(packages) - {"torch", "monai"}:
            _install_plain()
    importlib.invalidate_caches()
    still = missing()
    if still:
        raise InstallError(
            _("Still missing after the installation: {names}; restart 3D Slicer and try again.").format(
                names=", ".join(still)
            )
        )


def _install_torch() -> None:
    try:
        import PyTorchUtils
    except ImportError as error:
        raise InstallError(
            _(
                "The networks need the extension PyTorch: install it in the Extensions Manager, restart 3D Slicer and press Assess again."
            )
        ) from error
    logic = PyTorchUtils.PyTorchUtilsLogic()
    if logic.installTorch(askConfirmation=True, torchVersionRequirement=">=2.4") is None:
        raise InstallError(_("PyTorch was not installed; the networks cannot run without it."))


def _install_plain() -> None:
    """The small packages, by ``slicer.packaging`` where there is one (5.12), else by pip one after the other."""
    try:
        from slicer.packaging import load_requirements, pip_ensure
    except ImportError:
        for package in set(missing()) - {"torch", "monai"}:
            _pip(package)
        return
    pip_ensure(load_requirements(str(resource("requirements.txt"))), requester=_REQUESTER)


def _pip(requirement: str) -> None:
    try:
        slicer.util.pip_install(requirement)
    except Exception as error:  # a failed pip is a CalledProcessError or, with a window, something of Slicer's own
        raise InstallError(
            _("Installing {name} failed; check the connection to the internet.").format(name=requirement)
        ) from error
