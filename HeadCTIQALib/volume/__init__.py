"""Reading, geometry and validity of head CT scans: everything up to an immutable :class:`CTVolume`.

:func:`read` turns a path into a volume, :func:`check` says whether that is a head CT and what to be careful about.
Both import their format libraries only when they are called.
"""

from .checks import check
from .reading import read
from .types import Acquisition, CTVolume, Lost, Source

__all__ = ["Acquisition", "CTVolume", "Lost", "Source", "check", "read"]
