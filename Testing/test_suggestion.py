"""Which scans to read next: against every possible choice where there are few."""

from itertools import combinations

import numpy as np
import pytest
from cohort_stand_in import values, write_cohort, write_reader_table

from HeadCTIQALib import cli
from HeadCTIQALib.cohort.suggestion import d_optimal


def information(x, chosen):
    rows = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)])[list(chosen)]
    return np.linalg.slogdet(rows.T @ rows + 1e-6 * np.eye(rows.shape[1]))[1]


@pytest.mark.parametrize(
    ("n", "p", "count", "read"), [(10, 2, 4, ()), (12, 3, 5, ()), (11, 3, 3, (0, 5)), (9, 2, 6, (1,)), (10, 4, 3, ())]
)
def test_no_other_choice_is_better(n, p, count, read):
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=(n, p)) ** 3
        found = d_optimal(x, count, read)
        assert len(set(found)) == count
        assert not set(found) & set(read)
        best = max(information(x, (*c, *read)) for c in combinations(sorted(set(range(n)) - set(read)), count))
        assert information(x, (*found, *read)) == pytest.approx(best, abs=1e-6)


def test_extremes_of_a_line_come_first_and_what_was_read_is_not_repeated():
    x = np.linspace(0, 100, 21)[:, None]
    assert set(d_optimal(x, 2)) == {0, 20}
    assert d_optimal(x, 1, read=(0, 1, 2)) == (20,)


def test_order_is_of_what_scans_add_and_always_the_same():
    x = np.random.default_rng(1).normal(size=(60, 10))
    found = d_optimal(x, 15)
    assert found == d_optimal(x, 15)
    assert information(x, found) > max(
        information(x, np.random.default_rng(k).choice(60, 15, replace=False)) for k in range(200)
    )


def test_few_scans_constant_features_and_nothing_left():
    x = np.column_stack([np.linspace(0, 1, 6), np.full(6, 7.0)])
    assert len(d_optimal(x, 2)) == 2
    assert sorted(d_optimal(x, 99)) == list(range(6))
    assert d_optimal(x, 3, read=range(6)) == ()
    assert d_optimal(np.empty((0, 2)), 3) == ()


def test_the_command_names_scans_that_nobody_read(tmp_path, capsys):
    iqms = values(14)
    iqms[13, 7] = np.nan
    names = write_cohort(tmp_path / "a", iqms)
    write_reader_table(tmp_path / "r.csv", names[:3], values(3))

    def run(*more):
        return cli.main(["fit", "--assessments", str(tmp_path / "a"), *more])

    assert run("--suggest", "4") == 0
    assert "0 scans were read; of the other 13" in capsys.readouterr().out
    assert run("--suggest", "4", "--readers", str(tmp_path / "r.csv")) == 0
    shown = capsys.readouterr().out
    told = [line.strip() for line in shown.splitlines() if line.startswith("  scan")]
    assert len(told) == 4
    assert not set(told) & {*names[:3], names[13]}
    assert "3 scans were read; of the other 10" in shown
    assert "1 scans in which an item could not be assessed are not suggested" in shown
    write_reader_table(tmp_path / "all.csv", names, values(14))
    assert run("--suggest", "4", "--readers", str(tmp_path / "all.csv")) == 3
    for wrong in (["--suggest", "2", "-o", "m.json"], ["-o", "m.json"], ["--readers", "r.csv"]):
        with pytest.raises(SystemExit) as left:
            run(*wrong)
        assert left.value.code == 2
