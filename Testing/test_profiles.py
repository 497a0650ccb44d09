"""Profiles as files: what a site may write, every sentence about what it may not, and what a profile changes."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from assessment_stand_in import install
from cohort_stand_in import record_of, values, write_cohort, write_reader_table

from HeadCTIQALib import cli
from HeadCTIQALib.cohort.calibrate import calibrate
from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.metrics.types import Measurement
from HeadCTIQALib.resources import resource
from HeadCTIQALib.scoring import DEFAULT, Profile, guideline_model, item, load_model, save_model
from HeadCTIQALib.scoring.choice import chosen_model, with_profile
from HeadCTIQALib.scoring.profile import to_json
from HeadCTIQALib.scoring.profile_file import KEYS, find_profile, load_profile, shipped_profiles

HEAD = 'id = "site"\nname = "Our site"\n'


def written(tmp_path, text, name="site.toml"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# reading


def test_the_shipped_profiles():
    shipped = shipped_profiles()
    assert list(shipped) == ["default", "eur", "supraorbitomeatal", "thin"]
    assert shipped["default"] == DEFAULT
    assert shipped["eur"].baseline_target_deg == -11
    assert shipped["supraorbitomeatal"].baseline_target_deg == -12
    assert not shipped["thin"].at_5mm
    for profile in shipped.values():
        assert load_profile(resource("Profiles", f"{profile.id}.toml")) == profile


def test_only_what_differs_need_be_given(tmp_path):
    assert load_profile(written(tmp_path, HEAD)) == Profile("site", "Our site")
    text = (
        HEAD
        + 'left_out = ["motion_extent"]\nat_5mm = false\n[weights]\nmotion = 0\nscan_range = 0.4\n[knots]\nnoise = [[3, 100], [9, 0]]\n'
    )
    profile = load_profile(written(tmp_path, text))
    assert profile.knots["noise"] == ((3, 100), (9, 0))
    assert profile.knots["motion_extent"] == DEFAULT.knots["motion_extent"]
    assert (profile.weights["motion"], profile.weights["scan_range"], profile.weights["positioning"]) == (0, 0.4, 0.15)
    assert (profile.left_out, profile.at_5mm) == (("motion_extent",), False)


@pytest.mark.parametrize(
    "text", ["\ufeff" + HEAD, HEAD.replace("\n", "\r\n"), HEAD.replace("Our site", "Städtische Klinik Köln")]
)
def test_files_of_other_editors_are_read(tmp_path, text):
    assert load_profile(written(tmp_path, text)).id == "site"


def test_json_says_the_same(tmp_path):
    profile = Profile(
        "site", "Our site", {**DEFAULT.knots, "noise": ((3.0, 100.0), (9.0, 0.0))}, baseline_target_deg=-5.5
    )
    assert load_profile(written(tmp_path, json.dumps(to_json(profile)), "site.json")) == profile


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "there is no id"),
        ('id = "a"', None, "there is no name"),
        ("id = 5\n" + 'name = "b"', 1, "id is not text"),
        ('\n# our own\nid = "Our Site!"\nname = "b"', 3, "id is not made of"),
        ('id = "' + "a" * 41 + '"\nname = "b"', 1, "id is not made of"),
        ('id = "a"\nname = " "', 2, "name is empty"),
        ('id = "a"\nname = "' + "b" * 101 + '"', 2, "longer than 100"),
        ('id = "a"\nname = "\\u202eb"', 2, "cannot be printed"),
        ('id = "a"\nname = "\\u001b[31mb"', 2, "cannot be printed"),
        ('id = "eur"\nname = "EUR"\nbaseline_target_deg = -10', 1, "that of a shipped profile"),
        (HEAD + "colour = 1", 3, '"colour" is no setting of a profile; use id, name'),
        (HEAD + "\n\n[loudness]\na = 1", 5, '"loudness" is no setting'),
        (HEAD + "baseline_target_deg = 46", 3, "no angle from -45 to 45 deg"),
        (HEAD + "baseline_target_deg = nan", 3, "no angle"),
        (HEAD + "baseline_target_deg = true", 3, "no angle"),
        (HEAD + 'baseline_target_deg = "-11"', 3, "no angle"),
        (HEAD + "baseline_target_deg = 1" + "0" * 400, 3, "no angle"),
        (HEAD + "at_5mm = 1", 3, "neither true nor false"),
        (HEAD + 'left_out = "noise"', 3, "not a list of metrics"),
        (HEAD + "left_out = [1]", 3, "not a list of metrics"),
        (HEAD + 'left_out = [\n  "noise",\n  "loudness",\n]', 3, '"loudness" is no metric; use symmetry_angle'),
        (HEAD + 'left_out = ["motion_extent"]', 3, 'all metrics of "motion" are left out, so its weight must be 0'),
        (HEAD + "weights = 1", 3, "weights is not a table"),
        (HEAD + "[weights]\nmotions = 0.2", 4, '"motions" is no category; use positioning'),
        (HEAD + "[weights]\nmotion = -0.2\nscan_range = 0.6", 4, 'weight of "motion" is no number from 0 to 1'),
        (HEAD + "weights.motion = inf", 3, "no number from 0 to 1"),
        (
            HEAD + "\n[weights]\nmotion = 0.25",
            4,
            "add up to 1.05 and not to 1 .not given, and so as by default: positioning 0.15",
        ),
        (HEAD + "[knots]\n# loud\nloudness = [[0, 100], [1, 0]]", 5, '"loudness" is no metric'),
        (HEAD + "[knots]\nnoise = 5", 4, "not a list of pairs"),
        (HEAD + "[knots]\nnoise = [[0, 100, 5], [1, 0]]", 4, "not a list of pairs"),
        (HEAD + "[knots]\nnoise = [[0, true], [1, 0]]", 4, "not a list of pairs"),
        (HEAD + "[knots]\nnoise = [[nan, 100], [1, 0]]", 4, "not a list of pairs"),
        (HEAD + "[knots]\nnoise = [[0, 100], [1e7, 0]]", 4, "not a list of pairs"),
        (HEAD + "[knots]\nnoise = [[0, 100]]", 4, "two knots or more"),
        (HEAD + "[knots]\nnoise = [[0, 101], [1, 0]]", 4, "score from 0 to 100"),
        (
            HEAD + "[knots]\n\nmotion_extent = [[0, 90], [1, 0]]\nnoise = [\n  [0, 100],\n  [6, 60],\n  [4, 80],\n]",
            6,
            "values of the knots must ascend",
        ),
        (HEAD + "[knots]\nnoise = [[1, 100], [1.00001, 0]]", 4, "must ascend"),
        (HEAD + "[knots]\nnoise = [[0, 100], [1, 0], [2, 50]]", 4, "not fall and then rise"),
        (HEAD + "knots = { noise = [[0, 100], [0, 0]] }", 3, "must ascend"),
        (HEAD + "[knots]\nnoise = [" + ", ".join(f"[{n}, 50]" for n in range(51)) + "]", 4, "51 knots"),
        (HEAD + 'id = "b"', 3, "no TOML .cannot overwrite a value"),
        (HEAD + "[knots\nnoise = 1", 3, "no TOML"),
        (HEAD + "[knots]\nnoise = [[0, 100], [1, 0]\n", 4, "no TOML"),
        (HEAD + "name : x", 3, "no TOML"),
        (HEAD.encode() + b'# \xe4\nat_5mm = "\xff"', 3, "no UTF-8 text; save the file as UTF-8"),
        (HEAD.encode("utf-16"), 1, "no UTF-8 text"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_reason(tmp_path, text, line, words):
    with pytest.raises(ModelError, match=words) as caught:
        load_profile(written(tmp_path, text))
    said = str(caught.value)
    assert said.startswith("The profile site.toml: " if line is None else f"The profile site.toml, line {line}: ")
    assert said.endswith(".")
    assert said.isprintable()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "not a table of settings"),
        ("{", "is damaged .it is not JSON"),
        ('{\n "id": "a",\n "name": "b",\n "at_5mm": 1\n}', "site.json, line 4: at_5mm is neither"),
        ('{"id": "a", "id": "b"}', "twice"),
        ('{"id": "a", "name": "b", "knots": {"noise": [[0, NaN], [1, 2]]}}', "not a finite number"),
    ],
)
def test_what_is_wrong_in_json(tmp_path, text, words):
    with pytest.raises(ModelError, match=words):
        load_profile(written(tmp_path, text, "site.json"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 20_000, "no TOML"),
        ("#" * 70_000, "too large"),
        ("a = 1" + "0" * 6000, "no TOML|no setting"),
        (b"\0" * 50, "no TOML"),
    ],
)
def test_hostile_files_get_a_sentence(tmp_path, text, words):
    with pytest.raises(ModelError, match=words):
        load_profile(written(tmp_path, text))


def test_a_line_that_would_cost_too_much_is_not_looked_for(tmp_path):
    path = written(tmp_path, HEAD + "[knots]\nnoise = [\n" + "[1,\n2],\n" * 5000 + "]\nloudness = 1\n")
    with pytest.raises(ModelError, match=r'^The profile site\.toml: "loudness" is no metric'):
        load_profile(path)


def test_names_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, HEAD)
    written(tmp_path, "nonsense", "eur")
    assert find_profile("eur").baseline_target_deg == -11, "a shipped name is never a file"
    assert find_profile("site.toml").id == "site"
    with pytest.raises(
        ModelError, match='There is no profile "nowhere"; give default, eur, supraorbitomeatal, thin, or a file'
    ):
        find_profile("nowhere")
    with pytest.raises(ModelError, match="no such file"):
        find_profile("nowhere.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(ModelError, match="no ordinary file"):
        find_profile("folder.toml")


# judging


def test_a_fitted_model_keeps_its_own_profile(tmp_path):
    eur = shipped_profiles()["eur"]
    fitted = replace(guideline_model(eur), id="readers-1", name="Ours", kind="reader_non_negative")
    assert with_profile(fitted, eur) is fitted
    with pytest.raises(ModelError, match=r'"Ours" was fitted with the profile "eur" .* cannot judge by "default"'):
        with_profile(fitted, DEFAULT)
    save_model(fitted, tmp_path / "model.json")
    assert chosen_model(tmp_path / "model.json") == chosen_model(tmp_path / "model.json", "eur") == fitted
    with pytest.raises(ModelError, match="fit it again"):
        chosen_model(tmp_path / "model.json", "thin")
    assert chosen_model() == guideline_model()
    assert (
        chosen_model(profile="thin")
        == with_profile(guideline_model(), shipped_profiles()["thin"])
        == guideline_model(shipped_profiles()["thin"])
    )


def test_rescoring_by_a_profile_and_back(tmp_path, capsys):
    jsonschema = pytest.importorskip("jsonschema")
    site = written(tmp_path, HEAD + "[weights]\nmotion = 0.4\nscan_range = 0\n[knots]\nnoise = [[0, 100], [1, 0]]\n")
    (name,) = write_cohort(tmp_path / "a", values(1), report=True)
    before = record_of(tmp_path / "a" / name)
    assert cli.main(["rescore", "--assessments", str(tmp_path / "a"), "--profile", str(site)]) == 0
    said = capsys.readouterr().out
    assert "Assessments scored: 1, unchanged: 0." in said
    assert said.endswith("profile: Our site.\n")
    record = record_of(tmp_path / "a" / name)
    assert record["profile"] == {"id": "site", "name": "Our site"}
    assert record["iqms"]["noise"]["score"] == 0
    assert record["categories"]["motion"]["weight"] == 0.4
    assert record["scoring_model"]["definition"]["profile"]["knots"]["noise"] == [[0, 100], [1, 0]]
    assert "Our site" in (tmp_path / "a" / name / "report.html").read_text()
    jsonschema.validate(record, json.loads(resource("Schema", "assessment-1.2.schema.json").read_text()))
    assert cli.main(["rescore", "--assessments", str(tmp_path / "a")]) == 0
    assert record_of(tmp_path / "a" / name) == before


def test_a_fit_carries_its_profile_and_refuses_another(tmp_path, capsys):
    iqms = values(40)
    names = write_cohort(tmp_path / "a", iqms)
    write_reader_table(tmp_path / "readers.csv", names, iqms)
    model = str(tmp_path / "model.json")
    common = ["--assessments", str(tmp_path / "a"), "--readers", str(tmp_path / "readers.csv")]
    assert cli.main(["fit", *common, "--output", model, "--profile", "thin"]) == 0
    assert "profile: Thin slices" in capsys.readouterr().out
    assert load_model(model).profile == shipped_profiles()["thin"]
    assert (
        cli.main(["rescore", "--assessments", str(tmp_path / "a"), "--scoring", model, "--profile", "eur"]) == cli.MODEL
    )
    assert 'cannot judge by "eur"' in capsys.readouterr().err
    assert record_of(tmp_path / "a" / names[0])["profile"]["id"] == "default"
    assert cli.main(["rescore", "--assessments", str(tmp_path / "a"), "--scoring", model]) == 0
    assert record_of(tmp_path / "a" / names[0])["profile"]["id"] == "thin"
    assert calibrate(tmp_path / "a", [tmp_path / "readers.csv"], repeats=1).fit.model.profile == DEFAULT


def test_assess_judges_by_a_profile_and_refuses_a_bad_one_first(dicom_head_folder, tmp_path, monkeypatch, capsys):
    asked = []

    def networks(*arguments, **more):
        asked.append(1)
        from assessment_stand_in import find

        return find(*arguments, **more)

    install(monkeypatch.setattr, networks)
    monkeypatch.setattr("HeadCTIQALib.report.render", lambda record, volume, findings: "<html></html>")
    bad = written(tmp_path, HEAD + "at_5mm = 1", "bad.toml")
    command = ["assess", str(dicom_head_folder), "-o", str(tmp_path / "out"), "--progress", "text", "--profile"]
    assert cli.main([*command, str(bad)]) == cli.MODEL
    assert (
        capsys.readouterr().err == "headctiqa: error: The profile bad.toml, line 3: at_5mm is neither true nor false.\n"
    )
    assert not asked
    assert not (tmp_path / "out").exists()
    assert cli.main([*command, "eur"]) == 0
    assert "profile: EUR 16262" in capsys.readouterr().out.splitlines()[1]
    record = record_of(tmp_path / "out")
    entry = record["iqms"]["baseline_angle"]
    assert record["profile"]["id"] == "eur"
    assert entry["read_at"] == pytest.approx(abs(entry["details"]["orbitomeatal_angle_deg"] + 11), abs=1e-3)


def test_profiles_lists_and_checks(tmp_path, capsys):
    assert cli.main(["profiles"]) == 0
    said = capsys.readouterr().out
    for profile in shipped_profiles().values():
        assert f"{profile.id}: {profile.name}" in said
    assert "orbitomeatal line at -11 deg" in said
    assert cli.main(["profiles", "default"]) == 0
    assert "Noise, HU: good <= 4.5" in capsys.readouterr().out
    path = written(tmp_path, HEAD + 'left_out = ["streak_extent"]\n[knots]\nnoise = [[3, 100], [6, 80], [9, 60]]\n')
    assert cli.main(["profiles", str(path)]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "site: Our site"
    assert "not scored: Streak" in said
    assert "Noise, HU: good <= 6, acceptable > 6, poor never (curve 3:100 6:80 9:60)" in said
    assert "Motion" not in said, "only what differs"
    assert said.endswith("This profile can be used.\n")
    assert cli.main(["profiles", str(written(tmp_path, HEAD + "colour = 1"))]) == cli.MODEL
    assert "site.toml, line 3" in capsys.readouterr().err


# the page that explains it


def test_the_worked_example_of_the_page(tmp_path, capsys):
    page = (Path(__file__).resolve().parents[1] / "Docs" / "profiles.md").read_text(encoding="utf-8")
    (toml,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    path = written(tmp_path, toml)
    assert cli.main(["profiles", str(path)]) == 0
    assert capsys.readouterr().out == shown
    profile = load_profile(path)
    noise = Measurement("noise", 6.0)
    assert (item("noise", noise, profile).score, item("noise", noise, DEFAULT).score) == (80, pytest.approx(65))
    with pytest.raises(ModelError, match=r"line 8: the weights add up to 1\.05 and not to 1"):
        load_profile(written(tmp_path, toml.replace("metal_foreign = 0.05", "metal_foreign = 0.10"), "wrong.toml"))
    (name,) = write_cohort(tmp_path / "a", values(1))
    assert cli.main(["rescore", "--assessments", str(tmp_path / "a"), "--profile", str(path)]) == 0
    record = record_of(tmp_path / "a" / name)
    assert record["profile"]["name"] == "St Elsewhere, adult head"
    assert not record["iqms"]["foreign_object_volume"]["scored"]


def test_the_page_names_every_key_and_every_shipped_profile():
    page = (Path(__file__).resolve().parents[1] / "Docs" / "profiles.md").read_text(encoding="utf-8")
    for key in KEYS:
        assert f"`{key}`" in page or f"`[{key}]`" in page
    for id_ in shipped_profiles():
        assert f"| `{id_}` |" in page


def test_a_curve_upside_down_is_refused_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('id = "site"\nname = "Site"\n[knots]\nnoise = [[2, 0], [4, 60], [10, 100]]\n', encoding="utf-8")
    with pytest.raises(
        ModelError, match=r"^The profile site\.toml, line 4: .*a larger value is worse and may not score more"
    ):
        load_profile(file)
