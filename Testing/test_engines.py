"""Two engines, one answer: every network, and whole assessments, by onnxruntime and by torch; and which one is taken."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from HeadCTIQALib import networks
from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.findings import Findings, Tissue
from HeadCTIQALib.metrics import measure
from HeadCTIQALib.networks.anatomy import SHAPE
from HeadCTIQALib.networks.artefact_grid import SIDE
from HeadCTIQALib.networks.bundles import BUNDLES
from HeadCTIQALib.networks.runtime import Networks, engine
from HeadCTIQALib.scoring import guideline_model, score
from HeadCTIQALib.synthesis import Acquire, Scene, simulate
from HeadCTIQALib.volume import CTVolume, read
from HeadCTIQALib.volume.exchange import write_exchange

ROOT = Path(__file__).resolve().parents[1]
ONE_SCAN = (
    "from HeadCTIQALib.cli import main; code = main(['assess', sys.argv[1], '-o', sys.argv[2], '--progress', 'none'])"
)


def shown(name: str, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Something like what a network is shown."""
    hu = rng.normal(0, 300, {"anatomy": (1, *SHAPE), "landmarks": (3, 24, 24, 24), "artefact": (2, SIDE, SIDE)}.get(name, (2, 3, 96, 64)))  # fmt: skip
    if name == "anatomy":
        return hu.astype(np.float32), np.ones(hu.shape, np.uint8)
    slices = hu.astype(np.int16)
    if name == "landmarks":
        return slices, np.ones(hu.shape, np.uint8)
    if name == "artefact":
        return (slices,)
    gap = np.array([2.5, 5.0], np.float32)
    prior = rng.integers(0, 256, (2, 96, 64)).astype(np.uint8)
    return (slices, gap) if name == "objects" else (slices // 10, prior, gap, np.array([8.0, 33.0, 4.0], np.float32))


@pytest.mark.parametrize("name", BUNDLES)
def test_a_network_answers_the_same_by_either_engine(name: str) -> None:
    """To rounding in float32."""
    arrays = shown(name, np.random.default_rng(0))
    for one, other in zip(networks.load_networks("cpu", "onnx")(name, *arrays), Networks("cpu", "torch")(name, *arrays), strict=True):  # fmt: skip
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        off = np.abs(one.astype(float) - other.astype(float))
        assert off.max() <= (1 if one.dtype == np.uint8 else 1e-3 * max(1.0, float(np.abs(other).max())))


@cache
def found(scan: str, by: str) -> tuple[CTVolume, Findings]:
    """A shared scan by its name, or the simulated one, as an engine sees it."""
    volume = (
        simulate(41, scene=Scene(yaw_deg=4.0, acquire=Acquire(matrix=256, spacing_mm=5.0))).volume
        if scan == "simulated"
        else read(scan)
    )
    return volume, networks.find(volume, "cpu", engine=by)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    total = np.count_nonzero(a) + np.count_nonzero(b)
    return 2 * np.count_nonzero(a & b) / total if total else 1.0


@pytest.mark.slow
@pytest.mark.parametrize("scan", ["simulated", "ge-hispeed-tilt", "ge-revolution-dental"])
def test_a_scan_is_judged_the_same_by_either_engine(scan: str, request: pytest.FixtureRequest) -> None:
    name = scan if scan == "simulated" else str(request.getfixturevalue("shared_ct") / scan)
    (volume, one), (_, other) = found(name, "onnx"), found(name, "torch")
    for tissue in Tissue:
        assert dice(one.tissue == tissue, other.tissue == tissue) >= 0.999, tissue
    assert dice(one.streak, other.streak) >= 0.999
    a, b = measure(volume, one), measure(volume, other)
    limits = {"deg": 0.05, "mm": 0.1}
    for iqm, measured in a.items():
        x, y = measured.value, b[iqm].value
        assert (x is None) == (y is None), iqm
        if x is None or y is None:
            continue
        if iqm == "noise":
            assert x == pytest.approx(y, rel=0.005)
        elif measured.unit in limits:
            assert x == pytest.approx(y, abs=limits[measured.unit]), iqm
    scores = [score(m, guideline_model()) for m in (a, b)]
    bands = [{k: v.band for k, v in (*s.items.items(), *s.categories.items(), ("overall", s.overall))} for s in scores]
    assert bands[0] == bands[1]


def test_an_assessment_by_onnxruntime_imports_no_torch(tmp_path: Path) -> None:
    scan = tmp_path / "scan.nrrd"
    write_exchange(scan, simulate(3, scene=Scene(acquire=Acquire(matrix=128, spacing_mm=8.0))).volume)
    code = f"import sys; {ONE_SCAN}; print(code, [m for m in ('torch', 'monai', 'onnx', 'onnxruntime') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(scan), str(tmp_path / "out")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1].endswith("['onnxruntime']"), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("asked", "device", "installed", "gpu", "taken"),
    [
        ("auto", "auto", "both", False, "onnx"),
        ("auto", "auto", "both", True, "torch"),
        ("auto", "cpu", "both", True, "onnx"),
        ("auto", "cuda", "both", True, "torch"),
        ("auto", "auto", "onnx", True, "onnx"),
        ("auto", "auto", "torch", False, "torch"),
        ("auto", "cpu", "torch", False, "torch"),
        ("onnx", "auto", "both", True, "onnx"),
        ("torch", "cpu", "both", False, "torch"),
    ],
)
def test_which_engine_is_taken(
    asked: str, device: str, installed: str, gpu: bool, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Chosen:
        def __init__(self, title: str) -> None:
            self.title = title

    monkeypatch.setattr(engine, "_onnx", lambda: Chosen("onnx"))
    monkeypatch.setattr(engine, "_torch", lambda on: Chosen(f"torch on {'cuda' if gpu and on != 'cpu' else 'cpu'}"))
    monkeypatch.setattr(engine, "_nvidia_driver", lambda: gpu)
    monkeypatch.setattr(
        engine, "_installed", lambda *names: installed == "both" or (installed == "torch") == ("torch" in names)
    )
    assert engine.choose_engine(asked, device).title.split()[0] == taken


def test_a_graphics_card_is_not_for_onnxruntime() -> None:
    with pytest.raises(ModelError, match="use --engine torch or --device cpu"):
        engine.choose_engine("onnx", "cuda")


@pytest.mark.parametrize("package", ["onnxruntime", "torch", "monai", "onnx"])
def test_a_missing_package_is_one_sentence(package: str, tmp_path: Path) -> None:
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('none', name={package!r})")
    by = "onnx" if package == "onnxruntime" else "torch"
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from HeadCTIQALib.networks import load_networks\n"
        f"try: load_networks('cpu', {by!r}).load()\nexcept Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (
        done.stdout
        == f"ModelError The networks need the Python package {package!r}; install it with: pip install {package}\n"
    )


def test_a_damaged_package_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('DLL load failed')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from HeadCTIQALib.networks import load_networks\n"
        "try: load_networks('cpu', 'onnx').load()\nexcept Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ModelError The Python package onnxruntime or one that it needs is damaged")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
        Exception("Failed to allocate memory for requested buffer of size 9"),
        Exception("std::bad_alloc"),
    ],
)
def test_memory_that_is_short_is_one_sentence(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise error

    made = Networks("cpu", "onnx")
    monkeypatch.setitem(made._loaded, "anatomy", full)
    with pytest.raises(ModelError, match="not enough memory"):
        made("anatomy")


def test_other_errors_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Networks("cpu", "onnx")
    with pytest.raises(ValueError, match="zip"):
        made("anatomy", np.zeros((1, *SHAPE), np.float32))


def test_networks_are_loaded_once_and_stay() -> None:
    assert networks.load_networks("cpu") is networks.load_networks("cpu")
    made = networks.load_networks("cpu")
    made.load("fluid")
    before = made._loaded["fluid"]
    networks.warm_up("cpu")
    made.load()
    assert made._loaded["fluid"] is before
    assert set(made._loaded) == set(BUNDLES)
    assert made.engine.title.startswith("onnxruntime ")
    assert {m["engine"] for m in networks.models_used("cpu")} == {made.engine.title}


def test_what_is_loaded_beside_the_reading_imports_nothing() -> None:
    """Two threads that import NumPy at once find it half made: only the thread that asks imports."""
    code = (
        "import builtins, sys, threading; from HeadCTIQALib import networks; seen, real = [], builtins.__import__\n"
        "def watched(name, *rest, **more):\n"
        "    if threading.current_thread() is not threading.main_thread() and name and name not in sys.modules: seen.append(name)\n"
        "    return real(name, *rest, **more)\n"
        "builtins.__import__ = watched; networks.warm_up('cpu', 'onnx')\n"
        "[t.join() for t in threading.enumerate() if t.name == 'networks']\n"
        "print([n for n in seen if n.split('.')[0] in ('numpy', 'scipy', 'onnxruntime', 'HeadCTIQALib')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_engine_tells_nobody_that_it_runs(tmp_path: Path) -> None:
    """onnxruntime has telemetry, which leaves a session in the temporary folder and an identifier of the machine at home."""
    homes = ("TMPDIR", "TMP", "TEMP", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA")
    clean = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"} | {h: str(tmp_path) for h in homes}
    code = "from HeadCTIQALib.networks import warm_up; warm_up('cpu', 'onnx')"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean, check=True)
    assert list(tmp_path.iterdir()) == []
