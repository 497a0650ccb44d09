"""The packages that the networks need, and installing them the way 3D Slicer wants it; everything else works without."""

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
_PLAIN = {"safetensors": "safetensors", "nrrd": "pynrrd", "gdcm": "python-gdcm", "PIL": "pillow"}
_REQUESTER = "HeadCTIQA"


class InstallError(HeadCTIQAError):
    """A package that the networks need could not be installed."""


def missing(find: Callable[[str], Any] = importlib.util.find_spec) -> list[str]:
    """The packages that the networks need and this Python lacks, as pip calls them."""
    wanted = {"torch": "torch", "monai": "monai", **_PLAIN}
    return [package for name, package in wanted.items() if find(name) is None]


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
