"""Reading, geometry and validity of head CT scans: everything up to an immutable :class:`CTVolume`."""

from .types import Acquisition, CTVolume, Source

__all__ = ["Acquisition", "CTVolume", "Source"]
