"""The self-tests that run in 3D Slicer, here on its data model and the stand-in of its window."""

from __future__ import annotations

import time

import pytest

NAMES = (
    "geometry", "measuring", "scene", "tilted", "window", "round_trip", "calibrating", "correcting", "reader_scores",
    "work_list", "two_volumes", "keys", "solid", "networks",
)  # fmt: skip


def test_the_list_is_complete(module):
    from HeadCTIQALib.gui import selftest

    assert tuple(test.__name__ for test in selftest.TESTS) == NAMES
    assert all(test.__doc__ for test in selftest.TESTS)


@pytest.mark.parametrize("name", NAMES[:-1])
def test_it_passes(module, views, name):
    from HeadCTIQALib.gui import selftest

    case = module.python.HeadCTIQATest()
    case.setUp()
    start = time.process_time()
    next(test for test in selftest.TESTS if test.__name__ == name)(case)
    assert time.process_time() - start < 10, "all of them are to take less than three minutes"


@pytest.mark.slow
def test_the_networks_find_the_defects_of_the_simulated_head(module, views):
    from HeadCTIQALib.gui import selftest_window

    case = module.python.HeadCTIQATest()
    case.setUp()
    selftest_window.networks(case)


def test_a_narrow_panel(module, views):
    """Not among those of 3D Slicer: a window that is shown there for the first time may take longer to lay itself out."""
    from HeadCTIQALib.gui import selftest_window

    case = module.python.HeadCTIQATest()
    case.setUp()
    selftest_window.narrow_panel(case)
