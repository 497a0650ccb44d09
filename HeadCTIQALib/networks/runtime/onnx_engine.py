"""onnxruntime on the CPU: the engine that every user has.  The only module that imports it."""

from __future__ import annotations

import os

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from HeadCTIQALib.networks.bundles import Bundle

from .engine import Run


def threads() -> int:
    """How many to compute with: as other numerical libraries are told, e.g. where every core has a process; 0 for one a core."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() and len(told) < 4 else 0


class OnnxEngine:
    """Runs the ONNX file of a bundle as it is."""

    title = f"onnxruntime {onnxruntime.__version__} on cpu"

    def load(self, bundle: Bundle) -> Run:
        """See :class:`HeadCTIQALib.networks.runtime.engine.Engine`."""
        content = bundle.network
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # whatever is wrong is raised
        # weights become float32 when they are loaded: int8 arithmetic would change the answers
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        options.intra_op_num_threads = threads()
        # threads that wait busily take the cores from the analytic steps beside the networks
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with bundle.fits():
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        names = [i.name for i in session.get_inputs()]

        def run(*arrays: NDArray) -> tuple[NDArray, ...]:
            return tuple(session.run(None, dict(zip(names, map(np.ascontiguousarray, arrays), strict=True))))

        return run
