"""The network process: loads networks and answers requests until the program that started it closes the pipe or dies.

    python -P -m HeadCTIQALib.networks.worker        (started by HeadCTIQALib.networks.process, not by hand)

A request names a bundle and a device and carries the input arrays; the answer carries the output arrays or an error.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.traces import kind, trace

if TYPE_CHECKING:
    from .local import LocalNetworks

Message = tuple[dict[str, Any], tuple[Any, ...]]

#: What MONAI imports only where it is installed, and the networks do without: most of the seconds that it takes.
OPTIONAL = (
    "pandas", "matplotlib", "sklearn", "skimage", "scipy", "PIL", "pydicom", "nibabel", "itk", "nrrd", "SimpleITK",
    "yaml", "requests", "tqdm", "h5py", "ignite", "tensorboard", "tensorboardX", "mlflow", "transformers", "jsonschema",
)  # fmt: skip


def serve(requests: Callable[[], Message | None], answers: BinaryIO, networks: LocalNetworks) -> None:
    """Answer requests in their order until there are no more."""
    from . import wire

    while (message := requests()) is not None:
        header, arrays = message
        try:
            networks.device = header["device"]
            result = networks(header["bundle"], *arrays)
        except ModelError as error:
            wire.send(answers, {"error": str(error)})
        except Exception as error:  # a bug: the program that asked raises it, with where it arose
            wire.send(answers, {"bug": kind(error), "trace": trace(error)})
        else:
            wire.send(answers, {}, result)


def main() -> None:
    """Serve standard input and output."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the program, whose end closes the pipe
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get between the answers
    waiting: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, waiting), daemon=True).start()
    import_monai()
    from .bundle import BUNDLES, present
    from .local import LocalNetworks

    networks = LocalNetworks()

    def requests() -> Message:
        for name in BUNDLES:  # while nobody asks, load what will be asked for
            if not waiting.empty():
                break
            with contextlib.suppress(ModelError, MemoryError):  # told to the one who asks for it
                if present(name):
                    networks.load(name)
        return waiting.get()

    serve(requests, answers, networks)


def import_monai() -> None:
    """Import MONAI without its optional packages; whatever is wrong with it is told when a network is asked for."""
    with contextlib.suppress(ImportError):
        hidden = {name: None for name in OPTIONAL if name not in sys.modules}
        sys.modules.update(hidden)  # type: ignore[arg-type]
        try:
            import monai.networks.nets  # noqa: F401
        except Exception:  # a version that cannot do without one of them: imported as a whole when it is needed
            for name in [m for m in sys.modules if m.split(".")[0] == "monai"]:
                del sys.modules[name]
        finally:
            for name in hidden:
                del sys.modules[name]


def _listen(stream: BinaryIO, waiting: queue.SimpleQueue[Message]) -> None:
    """Queue requests; end this process at once, even amid a computation, when the other side is gone."""
    from . import wire

    try:
        while (message := wire.receive(stream)) is not None:
            waiting.put(message)
    finally:  # also when what comes is no message
        os._exit(0)


if __name__ == "__main__":
    main()
