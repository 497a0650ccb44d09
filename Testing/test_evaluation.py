"""The evaluation: parts, numbers that can be checked by hand, and a report, tables and figures that say what they are."""

import csv
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from cohort_stand_in import guideline_scores, values, write_cohort, write_reader_table

from HeadCTIQALib import cli
from HeadCTIQALib.agreement import weighted_kappa
from HeadCTIQALib.cohort.evaluation import evaluate_cohort, make_parts, scores_of
from HeadCTIQALib.cohort.readers import ReaderValue, check_values, read_readers
from HeadCTIQALib.cohort.scales import parse_scale
from HeadCTIQALib.cohort.scans import load_scans
from HeadCTIQALib.errors import InputError
from HeadCTIQALib.report.evaluation import in_short, write_evaluation
from HeadCTIQALib.report.evaluation_cells import probability
from HeadCTIQALib.report.plots import ticks
from HeadCTIQALib.scoring import guideline_model


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """An internal cohort of 40 and two external ones of 12, three readers five points harsher than the guideline."""
    root = tmp_path_factory.mktemp("site")
    rows, names = [], []
    for k, (cohort, n) in enumerate((("internal", 40), ("centre-a", 12), ("centre-b", 12))):
        rows.append(values(n, k))
        names += write_cohort(
            root / "assessments" / cohort, rows[-1], names=[f"{cohort}-{i}" for i in range(n)], scanner=k
        )
    write_reader_table(root / "readers.csv", names, np.vstack(rows))
    return root


@pytest.fixture(scope="module")
def output(site):
    """The evaluation of a model fitted to the internal cohort."""
    inputs = ["--readers", str(site / "readers.csv")]
    assert (
        cli.main(
            [
                "fit",
                "--assessments",
                str(site / "assessments" / "internal"),
                *inputs,
                "-o",
                str(site / "model.json"),
                "--mode",
                "robust",
            ]
        )
        == 0
    )
    out = site / "evaluation"
    assert (
        cli.main(
            [
                "evaluate",
                "--assessments",
                str(site / "assessments"),
                *inputs,
                "--scoring",
                str(site / "model.json"),
                "-o",
                str(out),
            ]
        )
        == 0
    )
    return out


def rows_of(output, table):
    with (output / "tables" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_numbers_are_those_of_the_definitions(site):
    """The guideline model against readers who are five points harsher: bias 5, on all scans, by hand."""
    scans, table = load_scans(site / "assessments")[0], read_readers(site / "readers.csv")
    e = evaluate_cohort(scans, table, guideline_model())
    assert [(p.title, p.role, len(p.rows)) for p in e.parts] == [
        ("centre-a", "all", 12),
        ("centre-b", "all", 12),
        ("internal", "all", 40),
    ]
    a = next(a for a in e.scores if a.target == "overall" and a.part.title == "internal")
    own = guideline_scores(np.round(values(40, 0), 4))[:, 6]
    read = table.mean("overall", [f"internal-{i}" for i in range(40)])
    by_name = {s.name: k for k, s in enumerate(scans)}
    order = [int(scans[i].name.split("-")[1]) for i in a.part.rows]
    assert len(by_name) == 64
    assert a.own == pytest.approx(own[order], abs=1e-6)
    assert a.readers == pytest.approx(read[order])
    assert a.limits.bias.value == pytest.approx((own - read).mean())
    assert a.limits.bias.value == pytest.approx(5, abs=1.5)
    assert a.test.p < 1e-6
    assert (a.n, a.left_out) == (40, 0)
    b = next(b for b in e.between if b.target == "motion" and b.part.title == "internal")
    assert b.single.n == 40
    assert set(b.each) == {"R1", "R2", "R3"}
    assert b.mean.value > b.single.value


def test_calibration_test_and_external_scans_are_kept_apart(output):
    scores = rows_of(output, "scores")
    overall = {r["Scans"]: r for r in scores if r["Score"] == "Overall"}
    assert {k: int(r["n"]) for k, r in overall.items()} == {
        "Calibration": 32,
        "Test": 8,
        "centre-a": 12,
        "centre-b": 12,
        "All external": 24,
    }
    assert abs(float(overall["All external"]["Difference"])) < 2.5
    assert (
        float(overall["Test"]["ICC(A,1): low"])
        <= float(overall["Test"]["ICC(A,1)"])
        <= float(overall["Test"]["ICC(A,1): high"])
    )
    subgroups = rows_of(output, "subgroups")
    assert (
        sum(int(r["n"]) for r in subgroups if r["Subgroup"].startswith("scanner")) == 8 + 24
    )  # never calibration scans
    assert len(rows_of(output, "measurements")) == 10 * 5
    assert len(rows_of(output, "correlations")) == 10 * 5


def test_every_number_of_the_tables_is_finite_or_explained(output):
    for path in (output / "tables").iterdir():
        text = path.read_text(encoding="utf-8").lower()
        assert "nan" not in text
        assert "inf," not in text
        for row in csv.DictReader(text.splitlines()):
            for key in row:
                if key.endswith(": n") and not row[key[:-3]]:
                    assert row[key[:-3] + ": reason"]


def test_the_report_fetches_nothing_and_says_what_it_is(output):
    html = (output / "evaluation.html").read_text(encoding="utf-8")
    for words in (
        "SIMULATED", "For research use only; not a medical device", "reconstruction", "In short", "Test, n = 8", "cannot be seen", "Few scans",
        "equivalent", "limits of agreement", "McGraw &amp; Wong 1996", "Readers among themselves", "Subgroups", "kept apart from the fit",
    ):  # fmt: skip
        assert words in html, words
    assert "default-src 'none'" in html.replace("&#x27;", "'")
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_figures_are_svg_files_of_their_own(output):
    figures = list((output / "figures").glob("*.svg"))
    names = {f.stem for f in figures}
    assert {
        "scatter-overall-test",
        "bland-altman-overall-test",
        "bland-altman-overall-all-external",
        "metrics-icc-test",
        "scores-icc-test",
        "subgroups-bias",
    } <= names
    for f in figures:
        root = ElementTree.parse(f).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("aria-label")
    drawn = ElementTree.parse(output / "figures" / "scatter-overall-test.svg").getroot()
    assert len(drawn.findall(".//{*}circle")) == 8


def test_evaluating_again_replaces_but_never_takes_over_a_folder(output, site, tmp_path, capsys):
    def run(out, *more):
        return cli.main(
            [
                "evaluate",
                "--assessments",
                str(site / "assessments"),
                "--readers",
                str(site / "readers.csv"),
                "-o",
                str(out),
                *more,
            ]
        )

    assert run(output, "--scoring", str(site / "model.json")) == 0
    (tmp_path / "letter.txt").write_text("mine")
    assert run(tmp_path) == 4
    assert "holds no evaluation" in capsys.readouterr().err
    (tmp_path / "m").mkdir()
    model = tmp_path / "m" / "model.json"
    model.write_bytes((site / "model.json").read_bytes())
    assert run(tmp_path / "out", "--scoring", str(model)) == 0
    assert "cannot be told from others" in capsys.readouterr().out


def test_withheld_scores_are_counted_not_imputed(tmp_path):
    iqms = values(10)
    iqms[:3, 7] = np.nan
    names = write_cohort(tmp_path / "a", iqms)
    write_reader_table(tmp_path / "r.csv", names, values(10))
    e = evaluate_cohort(load_scans(tmp_path / "a")[0], read_readers(tmp_path / "r.csv"), guideline_model())
    found = {a.target: (a.n, a.left_out) for a in (*e.scores, *e.measurements)}
    assert found["motion"] == found["overall"] == found["motion_extent"] == (7, 3)
    assert found["noise"] == (10, 0)


def test_one_reader_scores_only_and_too_few_scans(tmp_path):
    names = write_cohort(tmp_path / "a", values(4))
    scans = load_scans(tmp_path / "a")[0]
    e = evaluate_cohort(
        scans, check_values([ReaderValue(n, "Ann", "motion", 70.0 + k) for k, n in enumerate(names)]), guideline_model()
    )
    assert (e.between, e.measurements, len(e.scores)) == ((), (), 1)
    with pytest.raises(InputError, match="at least three"):
        evaluate_cohort(
            scans, check_values([ReaderValue(n, "Ann", "motion", 70.0) for n in names[:2]]), guideline_model()
        )


def test_parts_know_scans_by_sha_before_name(tmp_path):
    write_cohort(tmp_path, values(3))
    scans = load_scans(tmp_path)[0]
    parts = make_parts(scans, ({"unrelated"}, {scans[1].sha256}))
    assert [(p.title, p.rows.tolist()) for p in parts] == [("Calibration", [1]), ("Test", [0, 2])]
    assert [p.title for p in make_parts(scans, None)] == ["All scans"]


def test_ticks_are_round():
    assert ticks(0, 1) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(-7.3, 12.1) == [-5.0, 0.0, 5.0, 10.0]
    assert all(len(ticks(a, a + s)) >= 2 for a in (-3, 0.1, 77) for s in (0.013, 0.9, 6, 44, 1e4))


def test_tables_are_for_programs_too(output):
    """Ids beside titles, p-values as numbers beside "< .001", a row for every scan, and everything as JSON."""
    row = next(
        r for r in rows_of(output, "scores") if r["Score: id"] == "noise_contrast" and r["Scans"] == "Calibration"
    )
    assert row["Score"] == "Noise and contrast"
    assert 0 <= float(row["p (t)"]) <= 1
    assert row["p (t): shown"] == probability(float(row["p (t)"]))
    limits = next(r for r in rows_of(output, "bland_altman") if r["Target: id"] == "overall" and r["Scans"] == "Test")
    assert (
        float(limits["Calibration slope: low"])
        < float(limits["Calibration slope"])
        < float(limits["Calibration slope: high"])
    )
    scans = rows_of(output, "scans")
    assert len(scans) == len({r["scan"] for r in scans}) == 64
    assert {r["part"] for r in scans} == {"Calibration", "Test", "centre-a", "centre-b"}
    test = [r for r in scans if r["part"] == "Test"]
    assert np.mean([float(r["overall: difference"]) for r in test]) == pytest.approx(float(limits["Bias"]), abs=1e-5)
    assert {r["overall: judged by"] for r in scans} == {"3"}
    told = json.loads((output / "evaluation.json").read_text(encoding="utf-8"))
    assert told["format"] == "headctiqa-evaluation/1"
    found = next(a for a in told["scores"] if (a["target"], a["part"]) == ("overall", "Test"))
    assert found["bland_altman"]["bias"]["value"] == pytest.approx(float(limits["Bias"]), abs=1e-6)
    assert found["calibration_slope"]["value"] == pytest.approx(float(limits["Calibration slope"]), abs=1e-6)
    assert found["paired_t"]["p"] is not None
    assert len(told["scans"]) == 64
    assert next(p for p in told["parts"] if p["title"] == "Test")["scans"] == [r["scan"] for r in test]
    assert told["scans"][0]["values"]["overall"]["judged_by"] == 3


def test_a_bland_altman_slope_alone_is_never_called_proportional_bias(output):
    html = (output / "evaluation.html").read_text(encoding="utf-8")
    assert "calibration slope of the overall score (readers on HeadCTIQA; 1 is ideal)" in html
    assert "alone it is no proportional bias" in html
    assert "away from 0 it is proportional bias" not in html


def test_panels_that_share_no_scan_are_compared_within_and_said(tmp_path):
    names = write_cohort(tmp_path / "a", values(12))
    said = [
        ReaderValue(n, r, "overall", float(60 + (7 * k) % 31 + 3 * (r in "BD")))
        for k, n in enumerate(names) for r in ("AB" if k < 6 else "CD") if (r, k) not in (("B", 0), ("B", 1))
    ]  # fmt: skip
    table = check_values(said)
    e = evaluate_cohort(load_scans(tmp_path / "a")[0], table, guideline_model(), notes=table.warnings)
    panels = {b.readers: b for b in e.between if b.target == "overall"}
    assert {r: (b.single.n, b.left_out) for r, b in panels.items()} == {("A", "B"): (4, 2), ("C", "D"): (6, 0)}
    assert all(b.consistency.value == pytest.approx(1) for b in panels.values())
    write_evaluation(e, tmp_path / "out")
    html = (tmp_path / "out" / "evaluation.html").read_text(encoding="utf-8")
    assert "2 panels that share no scan (A, B; C, D)" in html
    few = [v for v in said if v.reader != "D" or v.scan in names[10:]]
    e = evaluate_cohort(load_scans(tmp_path / "a")[0], check_values(few), guideline_model())
    b = next(b for b in e.between if b.readers == ("C", "D"))
    assert b.single.value is None
    assert b.single.reason == "Only 2 of 6 scans were judged by all 2 readers; at least 3 are needed."
    write_evaluation(e, tmp_path / "few")
    assert b.single.reason.rstrip(".") in (tmp_path / "few" / "evaluation.html").read_text(encoding="utf-8")


def test_few_scans_cannot_tell_a_bias(tmp_path):
    """Three scans with a slope between -1 and 3 are no proof that there is none."""
    names = write_cohort(tmp_path / "a", values(4, seed=2))
    scans = load_scans(tmp_path / "a")[0]
    own = scores_of(scans, guideline_model())["overall"]
    for n, verdict in (
        (3, "3 scans cannot tell whether HeadCTIQA spreads scans further or less far"),
        (4, "4 scans cannot tell"),
    ):
        said = [
            ReaderValue(name, "R1", "overall", float(np.clip(v + d, 0, 100)))
            for name, v, d in zip(names[:n], own, (9.0, -8.0, 3.0, -6.0), strict=False)
        ]
        e = evaluate_cohort(scans, check_values(said), guideline_model())
        short = " ".join(in_short(e))
        assert verdict in short
        assert "no proportional bias" not in short
        assert f"{n} scans cannot tell whether there is a bias" in short


@pytest.mark.parametrize(
    ("factor", "noise", "words"),
    [
        (1.0, 1.0, "as far as the readers do"),
        (0.5, 2.0, "spreads scans further"),
        (1.6, 2.0, "less far"),
        (1.0, 40.0, "cannot tell"),
    ],
)
def test_the_spread_is_judged_by_its_interval(tmp_path, factor, noise, words):
    names = write_cohort(tmp_path / "a", values(40, seed=2))
    scans = load_scans(tmp_path / "a")[0]
    own = scores_of(scans, guideline_model())["overall"]
    read = np.clip(50 + factor * (own - 50) + np.random.default_rng(1).normal(0, noise, 40), 0, 100)
    e = evaluate_cohort(
        scans,
        check_values([ReaderValue(n, "R1", "overall", float(v)) for n, v in zip(names, read, strict=True)]),
        guideline_model(),
    )
    assert words in next(s for s in in_short(e) if "calibration slope" in s)


def test_readers_on_a_scale_of_few_steps_get_a_weighted_kappa(tmp_path):
    names = write_cohort(tmp_path / "a", values(30))
    rng = np.random.default_rng(0)
    steps = np.clip(np.round(rng.normal(3, 1.2, (30, 1)) + rng.normal(0, 0.6, (30, 3))), 1, 5).astype(int)
    (tmp_path / "r.csv").write_text(
        "scan,R1,R2,R3\n" + "".join(f"{n},{','.join(map(str, row))}\n" for n, row in zip(names, steps, strict=True))
    )
    scans = load_scans(tmp_path / "a")[0]
    e = evaluate_cohort(scans, read_readers(tmp_path / "r.csv", scale=parse_scale("1-5")), guideline_model())
    (between,) = (b for b in e.between if b.target == "overall")
    assert between.kappa == weighted_kappa(steps - 1)
    write_evaluation(e, tmp_path / "out")
    row = next(csv.DictReader((tmp_path / "out" / "tables" / "readers.csv").open()))
    assert float(row["weighted kappa"]) == pytest.approx(between.kappa.value)
    assert row["weighted kappa: low"]
    told = json.loads((tmp_path / "out" / "evaluation.json").read_text())["between_readers"][0]["weighted_kappa"]
    assert told["n"] == 30
    assert "and weighted kappa" in " ".join(in_short(e))
    (tmp_path / "r.csv").write_text(
        "scan,R1,R2\n"
        + "".join(f"{n},{a},{b + 0.5 if b < 5 else b}\n" for n, (a, b, _) in zip(names, steps, strict=True))
    )
    e = evaluate_cohort(scans, read_readers(tmp_path / "r.csv", scale=parse_scale("1-5")), guideline_model())
    assert e.between[0].kappa.reason == "Some scores lie between the steps of the scale."
    e = evaluate_cohort(
        scans,
        check_values([ReaderValue(n, r, "overall", 70.0 + len(n + r)) for n in names for r in "AB"]),
        guideline_model(),
    )
    assert e.between[0].kappa is None
