"""A short campaign of damaged results against every loader; the long one: python Testing/fuzz/loaders.py 2000 7."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("fuzz") / "loaders.py"
NAMES = (
    "record",
    "review",
    "segmentation",
    "landmarks",
    "plane",
    "scoring model",
    "account",
    "reader table",
    "truth",
)
COUNT = {"record": 20, "review": 20, "segmentation": 40}  # those that draw or measure take longest


@pytest.fixture(scope="module")
def fuzz():
    spec = importlib.util.spec_from_file_location("fuzz_loaders", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def loaders(fuzz, tmp_path_factory):
    return {loader.name: loader for loader in fuzz.loaders(tmp_path_factory.mktemp("good"))}


def test_every_loader_is_attacked(loaders):
    assert tuple(loaders) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_good_files_are_read(fuzz, loaders, name, tmp_path):
    for content in loaders[name].good:
        whole = replace(loaders[name], good=(content,), mutators=(lambda _, same: same,))
        outcome = fuzz.attack(whole, 1, 0, tmp_path)
        assert (outcome.bad, outcome.counts) == ([], {"accepted": 1})


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_read_or_refused_by_a_sentence(fuzz, loaders, name, tmp_path):
    outcome = fuzz.attack(loaders[name], COUNT.get(name, 100), 0, tmp_path)
    assert outcome.bad == []
    assert outcome.counts["refused"] > 0
    assert outcome.slowest < 20
