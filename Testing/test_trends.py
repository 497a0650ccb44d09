"""Control charts against published tables, and how soon a change is found and how often none is taken for one."""

import json
from itertools import pairwise

import numpy as np
import pytest
from many_records import write_many

from HeadCTIQALib import cli
from HeadCTIQALib.department.columns import COLUMNS
from HeadCTIQALib.department.events import read_events
from HeadCTIQALib.department.spc import cusum, ewma, ewma_sigma, nelson, robust_baseline, xmr
from HeadCTIQALib.department.trends import FEWEST, WHOLE, trends
from HeadCTIQALib.errors import InputError

#: Montgomery, Introduction to Statistical Quality Control, table 9.1: 20 values of mean 10, then 10 of mean 11; SD 1.
MONTGOMERY = [
    9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40, 10.08, 9.37, 10.62, 10.31, 8.52, 10.84,
    10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62, 11.31, 10.52,
]  # fmt: skip


def test_ewma_of_montgomery():
    """Table 9.10: weight 0.1, width 2.7; beyond the limit of 10.62 from observation 29 on."""
    z = ewma(MONTGOMERY, 10, 0.1)
    assert z[[0, 1, 2, 9, 19, 27, 29]] == pytest.approx(
        [9.945, 9.7495, 9.70355, 10.0232, 10.0108, 10.5731, 10.6341], abs=6e-5
    )
    limits = [10 + 2.7 * ewma_sigma(1, 0.1, n + 1) for n in range(30)]
    assert limits[0] == pytest.approx(10.27)
    assert limits[1] == pytest.approx(10.36, abs=0.005)
    assert limits[-1] == pytest.approx(10.62, abs=0.005)
    assert next(n + 1 for n in range(30) if abs(z[n] - 10) > limits[n] - 10) == 29


def test_cusum_of_montgomery():
    """Table 9.2: k = 0.5, h = 5; out of control at observation 29, with 5.28, which began after observation 22."""
    high, low = cusum(MONTGOMERY, 10, 0.5)
    assert high[[3, 4, 27, 28, 29]] == pytest.approx([1.16, 2.82, 4.47, 5.28, 5.30], abs=0.005)
    assert low[1] == pytest.approx(1.56)
    assert next(n + 1 for n in range(30) if high[n] > 5 or low[n] > 5) == 29
    assert high[21] == 0 < high[22]


def test_ewma_of_the_nist_handbook():
    """6.3.2.4: weight 0.3, centre 50, SD 2.0539; nothing out of control."""
    data = [
        52.0,
        47.0,
        53.0,
        49.3,
        50.1,
        47.0,
        51.0,
        50.1,
        51.2,
        50.5,
        49.6,
        47.6,
        49.9,
        51.3,
        47.8,
        51.2,
        52.6,
        52.4,
        53.6,
        52.1,
    ]
    published = [
        50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33, 50.11, 49.36, 49.52, 50.05, 49.38, 49.92, 50.73, 51.23, 51.94, 51.99,
    ]  # fmt: skip
    assert ewma(data, 50, 0.3) == pytest.approx(published, abs=0.0051)
    assert 50 + 3 * ewma_sigma(2.0539, 0.3, 1000) == pytest.approx(52.5884, abs=1e-3)


def test_cusum_of_the_nist_handbook():
    """6.3.2.3: mean 325, k = 0.3175, h = 4.1959; out of control from group 14 on."""
    data = [
        324.925, 324.675, 324.725, 324.350, 325.350, 325.225, 324.125, 324.525, 325.225, 324.600, 324.625, 325.150, 328.325, 327.250, 327.825, 328.500,
        326.675, 327.775, 326.875, 328.350,
    ]  # fmt: skip
    high, low = cusum(data, 325, 0.3175)
    assert high[12:] == pytest.approx([3.01, 4.94, 7.45, 10.63, 11.99, 14.44, 16.00, 19.04], abs=0.011)
    assert [n + 1 for n in range(20) if max(high[n], low[n]) > 4.1959] == list(range(14, 21))


def test_individuals_of_montgomery_and_nist():
    costs = [
        310,
        288,
        297,
        298,
        307,
        303,
        294,
        297,
        308,
        306,
        294,
        299,
        297,
        299,
        314,
        295,
        293,
        306,
        301,
        304,
    ]  # table 6.6
    chart = xmr(costs)
    assert (chart.centre, chart.range_mean) == (300.5, pytest.approx(7.79, abs=0.005))
    assert (chart.low, chart.high, chart.range_high) == (
        pytest.approx(279.78, abs=0.02), pytest.approx(321.22, abs=0.02), pytest.approx(25.45, abs=0.02),
    )  # fmt: skip
    flow = xmr([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])  # 6.3.2.2
    assert (flow.centre, flow.range_mean) == (pytest.approx(50.81), pytest.approx(1.8778, abs=1e-4))
    assert (flow.low, flow.high) == (pytest.approx(45.8159, abs=0.01), pytest.approx(55.8041, abs=0.01))


def test_rules_of_nelson():
    def rules(*values):
        return list(nelson(values, 0.0, 1.0))

    assert rules(0.1, -0.2, 3.1, 0.5) == [(2, 1)]
    assert rules(-3.1) == [(0, 1)]
    assert rules(*[0.5, 0.4] * 4) == []
    assert rules(0.5, 0.4, 0.4, 0.6, 0.5, 0.5, 0.3, 0.4, 0.6) == [(8, 2)]
    assert rules(-1, -0.5, 0.1, 0.3, 0.6, 0.9, 1.0) == [(5, 3)]
    assert rules(1, 0.5, 0.2, -0.3, -0.6, -0.9) == [(5, 3)]
    assert rules(*[1, -1] * 7) == [(13, 4)]
    assert rules(*([1, -1] * 6 + [1])) == []


def test_a_baseline_is_not_moved_by_a_few_scans():
    rng = np.random.default_rng(0)
    calm = rng.normal(5, 0.4, 20)
    base = robust_baseline([*calm[:18], 30.0, 45.0])
    assert base.centre == pytest.approx(5, abs=0.3)
    assert base.sigma == pytest.approx(0.4, rel=0.4)
    assert base.count >= 16
    assert robust_baseline([0.0] * 15 + [1.0] * 5) is None


NAMES = ["scan", *(c.name for c in COLUMNS)]


def rows(noise, **more):
    """Scans of one scanner, ten minutes apart, with this noise and nothing else."""
    out = []
    for n, value in enumerate(noise):
        row = dict.fromkeys(NAMES)
        time = f"202501{1 + n // 100:02d}T{n % 100 // 6:02d}{n % 6}000"
        row |= {
            "scan": f"s{n:05d}",
            "acquired": time,
            "manufacturer": "GE",
            "model": "Revolution",
            "scanner_id": "abcdef0123456789",
        }
        row |= {"noise": float(value), "noise_status": "measured", **{k: v(n) for k, v in more.items()}}
        for name in NAMES:
            if name.endswith("_status") and row[name] is None:
                row[name] = "not_assessable"
        out.append(tuple(row[name] for name in NAMES))
    return out


def alarms(noise, **more):
    return [n.scan for chart in trends(rows(noise, **more)) for n in chart.signals if n.level == "alarm"]


def test_a_step_of_ten_percent_is_found_within_fifteen_scans():
    """Noise varies by 8 % from head to head; a full baseline lies before the step."""
    rng, found, total = np.random.default_rng(0), 0, 300
    for _ in range(total):
        noise = 4.5 * np.exp(rng.normal(0, 0.08, WHOLE + 15))
        noise[WHOLE:] *= 1.1
        found += bool(alarms(noise))
    assert found / total > 0.9, found / total


def test_fewer_than_one_false_alarm_in_370_scans():
    rng, count, scans = np.random.default_rng(1), 0, 0
    for _ in range(300):
        noise = 4.5 * np.exp(rng.normal(0, 0.08, 250))
        count += len(alarms(noise))
        scans += 250 - FEWEST
    assert count / scans < 1 / 370, scans / max(count, 1)


def test_what_was_said_of_a_scan_stays_said():
    """Later scans change nothing of what the charts showed before."""
    rng = np.random.default_rng(2)
    noise = 4.5 * np.exp(rng.normal(0, 0.1, 120))
    noise[30:] *= 1.1
    earlier = alarms(noise[:FEWEST])
    for n in range(FEWEST, 120, 7):
        now = alarms(noise[:n])
        assert now[: len(earlier)] == earlier
        earlier = now
    assert earlier


def test_a_phase_of_its_own_after_an_event(tmp_path):
    rng = np.random.default_rng(3)
    noise = 4.5 * np.exp(rng.normal(0, 0.05, 160))
    noise[80:] *= 1.4
    scans = rows(noise)
    assert alarms(noise)
    at = scans[80][NAMES.index("acquired")]
    table = tmp_path / "events.csv"
    table.write_text(
        f"date,scanner,event\n{at[:4]}-{at[4:6]}-{at[6:8]} {at[9:11]}:{at[11:13]},revolution,new tube\n2020-01-01,,opening\n"
    )
    charts = trends(scans, read_events(table))
    assert [(c.because, len(c.values)) for c in charts] == [("the first scan", 80), ("new tube", 80)]
    assert not [s for c in charts for s in c.signals if s.level == "alarm"]
    other = table.with_name("other.csv")
    other.write_text(table.read_text().replace("revolution", "force"))
    assert len(trends(scans, read_events(other))) == 1
    assert [c.because for c in trends(rows(noise, software_id=lambda n: "a" if n < 80 else "b"))] == [
        "the first scan", "the scanner's software changed",
    ]  # fmt: skip


def test_strata_are_never_mixed():
    noise = [4.0, 8.0] * 60
    charts = trends(rows(noise, kernel=lambda n: "STANDARD" if n % 2 else "BONE"))
    assert [set(c.values) for c in charts] == [{4.0}, {8.0}]
    assert all(c.baseline is None and "most values are the same" in c.reason for c in charts)
    few = trends(rows(np.linspace(4, 5, 10)))
    assert "10 of the 20 scans that a baseline needs" in few[0].reason
    bound = trends(rows(np.linspace(4, 5, 40), noise_bound=lambda n: "at_most" if n % 2 else None))
    assert len(bound[0].values) == 20


@pytest.mark.parametrize("text", ["", "when,what\n", "date,event\n31.05.2026,service\n"])
def test_tables_of_events_that_are_none(tmp_path, text):
    path = tmp_path / "events.csv"
    path.write_text(text)
    with pytest.raises(InputError):
        read_events(path)


def test_the_command(tmp_path, capsys):
    write_many(tmp_path / "cohort", 200)
    assert cli.main(["trends", str(tmp_path / "cohort")]) == 0
    said = capsys.readouterr().out
    assert "Strata: 3" in said
    content = json.loads((tmp_path / "cohort" / "trends.json").read_text())
    noise = [c for c in content["charts"] if c["iqm"] == "noise"]
    assert len(noise) == 3
    assert all(c["baseline"]["count"] > 40 for c in noise)
    assert all(a <= b for c in noise for a, b in pairwise(c["times"]))
