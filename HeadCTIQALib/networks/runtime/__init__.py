"""Running the networks: two engines behind one call, :class:`Networks`.

onnxruntime is small and what every user has; torch with MONAI is for GPUs and for training.  Both read the same file.
"""

from .networks import ENGINES, Networks

__all__ = ["ENGINES", "Networks"]
