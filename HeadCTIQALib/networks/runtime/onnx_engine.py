"""onnxruntime on the CPU: the engine that every user has.  The only module that imports it."""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from HeadCTIQALib.networks.bundles import Bundle

from .engine import Run


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
        # threads that wait busily take the cores from the analytic steps beside the networks
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with bundle.fits():
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        names = [i.name for i in session.get_inputs()]

        def run(*arrays: NDArray) -> tuple[NDArray, ...]:
            return tuple(session.run(None, dict(zip(names, map(np.ascontiguousarray, arrays), strict=True))))

        return run
