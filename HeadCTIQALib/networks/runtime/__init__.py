"""Running the networks: two engines behind one call, :class:`Networks`.

onnxruntime is small and what every user has; torch with MONAI is for GPUs and for training.  Both read the same file.
"""

import os

# onnxruntime would tell its maker that it runs, and keep an identifier of the machine; it reads this when it is imported
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from .networks import Networks

__all__ = ["Networks"]
