"""The process in which networks run: exact answers, errors as one sentence, and no orphans."""

from __future__ import annotations

import io
import os
import queue
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from HeadCTIQALib import isolation, networks
from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.networks import process as processes
from HeadCTIQALib.networks import wire, worker
from HeadCTIQALib.networks.anatomy import SHAPE
from HeadCTIQALib.networks.local import LocalNetworks
from HeadCTIQALib.networks.process import NetworkProcess

ROOT = Path(__file__).resolve().parents[1]
#: A child that listens as the real one does and never answers.
BUSY = "import queue, sys, threading, time; from HeadCTIQALib.networks import worker; threading.Thread(target=worker._listen, args=(sys.stdin.buffer, queue.SimpleQueue())).start(); {}\nwhile True: pass"
BOX = (np.zeros(SHAPE, np.float32), np.ones(SHAPE, bool))


def child(code: str) -> NetworkProcess:
    return NetworkProcess(("-c", code))


def gone(pid: int, seconds: float = 10.0) -> bool:
    """Whether a process ends within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def real() -> Iterator[NetworkProcess]:
    made = NetworkProcess()
    yield made
    made.close()


def test_arrays_survive_the_wire() -> None:
    stream = io.BytesIO()
    sent = (
        np.arange(24, dtype=np.int16).reshape(2, 3, 4)[:, ::-1],
        np.float32(3).reshape(()),
        np.zeros((0, 5)),
        np.array([True, False]),
    )
    wire.send(stream, {"bundle": "x"}, sent)
    wire.send(stream, {})
    stream.seek(0)
    header, got = wire.receive(stream)
    assert header == {"bundle": "x"}
    for a, b in zip(sent, got, strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)
    assert wire.receive(stream) == ({}, ())
    assert wire.receive(stream) is None
    whole = stream.getvalue()
    for cut in (2, 10, 60, len(whole) - 40):
        assert wire.receive(io.BytesIO(whole[:cut])) is None, "a message that is cut off is no message"


@pytest.mark.parametrize("text", [
    b"no JSON", b"[]", b"{}", b'{"arrays": 5}', b'{"arrays": [["O", [1]]]}', b'{"arrays": [["<u1", [-1]]]}', b'{"arrays": [["<u1", [1.5]]]}',
    b'{"arrays": [["<f8", [100000, 100000, 100000]]]}', b'{"arrays": [["V8", [1]]]}', b"[" * 100_000, None,
])  # fmt: skip
def test_what_is_no_message_is_refused(text: bytes | None) -> None:
    message = b"\xff" * 100 if text is None else struct.pack(">I", len(text)) + text
    with pytest.raises(ModelError, match="does not answer as it should"):
        wire.receive(io.BytesIO(message))


def test_requests_fail_when_the_answers_are_no_messages() -> None:
    network = NetworkProcess(
        (
            "-c",
            "import sys; sys.stdin.buffer.read(4); sys.stdout.buffer.write(b'\\xff' * 99); sys.stdout.flush(); sys.stdin.buffer.read()",
        )
    )
    try:
        with pytest.raises(ModelError, match="does not answer as it should"):
            network.submit("anatomy", np.zeros(3)).result(60)
    finally:
        network.close()


def test_the_process_answers_as_the_network_does_here(real: NetworkProcess) -> None:
    rng = np.random.default_rng(0)
    box = (rng.normal(0, 300, SHAPE).astype(np.float32), np.ones(SHAPE, bool))
    answers = [real.submit("anatomy", *box, device="cpu"), real.submit("anatomy", *BOX, device="cpu")]
    (out,) = answers[0].result(120)
    (here,) = networks.local_infer("cpu")("anatomy", *box)
    assert np.allclose(out, here, atol=1e-4)
    assert not np.allclose(answers[1].result(60)[0], here, atol=1), "answers come in the order of the requests"
    with pytest.raises(ModelError, match="'mps' is not available"):
        real.submit("anatomy", *BOX, device="mps").result(60)
    with pytest.raises(RuntimeError, match="in the network process: ValueError"):
        real.submit("anatomy", *BOX, *BOX, device="cpu").result(60)
    os.kill(real._child.pid, signal.SIGINT)
    assert len(real.submit("anatomy", *BOX, device="cpu").result(60)) == 1, "Ctrl+C is not for the child"


def serve(*requests: tuple[str, str], local: LocalNetworks | None = None) -> list[dict]:
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    for name, device in requests:
        waiting.put(({"bundle": name, "device": device}, BOX))
    waiting.put(None)
    out = io.BytesIO()
    worker.serve(waiting.get, out, local or LocalNetworks())
    out.seek(0)
    headers = []
    while (message := wire.receive(out)) is not None:
        headers.append(message[0])
    return headers


def test_worker_tells_errors_and_goes_on(tmp_path: Path) -> None:
    absent, fine = serve(("anatomy", "mps"), ("anatomy", "cpu"))
    assert "use --device cpu" in absent["error"]
    assert fine == {}
    (damaged,) = serve(("anatomy", "cpu"), local=LocalNetworks("cpu", tmp_path))
    assert "is incomplete" in damaged["error"]


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")]
)
def test_memory_that_is_short_is_one_sentence(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    from HeadCTIQALib.networks.nets import anatomy

    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(anatomy, "infer", full)
    (told,) = serve(("anatomy", "cpu"))
    assert "not enough memory" in told["error"]


def test_missing_torch_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made = NetworkProcess()
    with pytest.raises(ModelError, match="'torch'; install it with: pip install torch"):
        made.submit("anatomy", *BOX).result(60)
    made.close()


def test_killed_process_is_one_sentence_and_the_next_scan_starts_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "COMMAND", ("-c", BUSY.format("")))
    monkeypatch.setattr(NetworkProcess.__init__, "__defaults__", (processes.COMMAND,))
    networks.release()
    networks.prefetch()
    first = networks._running()
    assert networks._running() is first
    answer = first.submit("anatomy", *BOX)
    first._child.kill()
    with pytest.raises(ModelError, match="killed, probably for lack of memory"):
        answer.result(10)
    with pytest.raises(ModelError, match="killed"):
        first.submit("anatomy", *BOX).result(10)
    second = networks._running()
    assert second is not first
    networks.release()
    assert gone(second._child.pid)


def test_last_words_are_quoted() -> None:
    made = child("import sys; sys.exit('libtorch.so: wrong ELF class')")
    with pytest.raises(ModelError, match=r"exit code 1: libtorch.so: wrong ELF class"):
        made.submit("anatomy", *BOX).result(20)
    made.close()


def test_busy_child_ends_when_it_is_closed() -> None:
    made = child(BUSY.format(""))
    answer = made.submit("anatomy", *BOX)
    began = time.monotonic()
    made.close()
    assert time.monotonic() - began < 2
    assert answer.exception() is not None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_no_orphan(number: signal.Signals) -> None:
    code = (
        "import sys, numpy; from HeadCTIQALib.networks.process import NetworkProcess\n"
        f"made = NetworkProcess(('-c', {BUSY.format('')!r}))\n"
        "answer = made.submit('anatomy', numpy.zeros(3)); print(made._child.pid, flush=True); answer.result()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        pid = int(parent.stdout.readline())
        assert not gone(pid, 0.3)
        parent.send_signal(number)
    assert gone(pid), "the child outlived its parent"


def test_prefetch_imports_nothing_heavy() -> None:
    code = (
        "import sys; from HeadCTIQALib import networks; networks.prefetch(); early = set(sys.modules)\n"
        "import HeadCTIQALib.networks.anatomy, HeadCTIQALib.networks.second_stage, HeadCTIQALib.networks.refine, HeadCTIQALib.networks.bundle\n"
        "sys.exit(bool(early & {'numpy', 'scipy', 'torch'}) or bool(set(sys.modules) & {'torch', 'monai'}))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_interpreter_is_python_or_beside_the_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.python() == sys.executable
    monkeypatch.setattr(sys, "executable", str(tmp_path / "SlicerApp-real"))
    with pytest.raises(ModelError, match="Python interpreter"):
        processes.python()
    networks.release()
    networks.prefetch()  # says nothing; find() does
    (tmp_path / "PythonSlicer").touch()
    assert processes.python() == str(tmp_path / "PythonSlicer")
    monkeypatch.setattr(sys, "executable", None)
    with pytest.raises(ModelError):
        processes.python()


def test_child_finds_the_library_wherever_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.chdir(tmp_path)
    assert isolation.environment()["PYTHONPATH"].split(os.pathsep) == [str(ROOT), "/elsewhere"]
