"""The module's state, kept in the scene by Slicer's parameter nodes."""

from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper


@parameterNodeWrapper
class Parameters:
    """What the user chose.

    inputVolume: the scan.
    device: where the networks run ("auto", "cpu", "cuda", "mps").
    profile: what scans are judged by, in full as JSON; empty for the default.
    overlaysVisible, masksVisible, markupsVisible, solidVisible, overlayOpacity: how evidence is shown.
    """

    inputVolume: vtkMRMLScalarVolumeNode  # noqa: N815
    device: Annotated[str, Choice(["auto", "cpu", "cuda", "mps"]), Default("auto")]
    profile: Annotated[str, Default("")]
    overlaysVisible: Annotated[bool, Default(True)]  # noqa: N815
    masksVisible: Annotated[bool, Default(True)]  # noqa: N815
    markupsVisible: Annotated[bool, Default(True)]  # noqa: N815
    solidVisible: Annotated[bool, Default(True)]  # noqa: N815
    overlayOpacity: Annotated[float, WithinRange(0.0, 1.0), Default(0.5)]  # noqa: N815
