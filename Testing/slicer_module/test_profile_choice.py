"""The selector of profiles: scores follow at once, the choice stays in the scene, the networks' process is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from HeadCTIQALib.record import measurements_from_record, rescored_record
from HeadCTIQALib.record.judged import ProfileEntry
from HeadCTIQALib.scoring import DEFAULT, guideline_model, score
from HeadCTIQALib.scoring.profile_file import load_profile, shipped_profiles

pytestmark = pytest.mark.usefixtures("alone")
SITE = 'id = "site"\nname = "Our site"\n[knots]\nbaseline_angle = [[0, 50], [1, 0]]\n'


def titles(box):
    return [box.itemText(n) for n in range(box.count)]


def pick(module, title):
    """As a user does, also what is picked already."""
    from PySide6.QtCore import Q_ARG, QMetaObject

    box = module.ui.profileBox
    index = titles(box).index(title)
    box.setCurrentIndex(index)
    assert QMetaObject.invokeMethod(box, "activated", Q_ARG(int, index))


def test_the_shipped_profiles_are_offered(module):
    names = [p.name for p in shipped_profiles().values()]
    assert titles(module.ui.profileBox) == [*names, "From file..."]
    assert module.ui.profileBox.currentText == DEFAULT.name


def test_a_choice_scores_again_at_once_and_back(assessed):
    before = assessed.session.record
    pick(assessed, shipped_profiles()["eur"].name)
    record = assessed.session.record
    entry = record.iqms["baseline_angle"]
    assert record.profile.id == "eur"
    assert entry.read_at == pytest.approx(abs(entry.details["orbitomeatal_angle_deg"] + 11), abs=1e-3)
    assert assessed.ui.profileBox.currentText == shipped_profiles()["eur"].name
    pick(assessed, DEFAULT.name)
    assert assessed.session.record == before


def test_a_file_of_the_site(assessed, tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    choice = assessed.controller.profiles
    choice._choose_file = lambda: str(path)
    pick(assessed, "From file...")
    assert assessed.session.record.profile == ProfileEntry(id="site", name="Our site")
    assert assessed.session.record.iqms["baseline_angle"].knots == ((0, 50), (1, 0))
    assert assessed.session.record.iqms["baseline_angle"].band == "poor"
    assert assessed.ui.profileBox.currentText == "Our site"
    path.write_text(SITE + "colour = 1")
    pick(assessed, "From file...")
    assert 'site.toml, line 5: "colour" is no metric' in assessed.ui.messageLabel.text
    assert assessed.ui.profileBox.currentText == "Our site"
    choice._choose_file = lambda: ""
    pick(assessed, "From file...")
    assert assessed.ui.messageLabel.text == ""
    assert assessed.ui.profileBox.currentText == "Our site"


def test_the_choice_stays_in_the_scene_without_its_file(assessed, tmp_path, scene, scan_node):
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    profile = load_profile(path)
    assessed.controller.profiles.choose(profile)
    path.unlink()
    scene_file = tmp_path / "scene.mrml"
    assert scene.Commit(str(scene_file))
    node = assessed.widget.logic.getParameterNode()
    assert json.loads(node.GetParameter("profile"))["id"] == "site"
    assessed.widget.exit()
    assessed.controller.profiles._chosen = DEFAULT
    assessed.session.set_volume(None)
    assert assessed.ui.profileBox.currentText == DEFAULT.name
    assessed.widget.enter()
    assert assessed.controller.profiles._chosen == profile
    assessed.session.set_volume(scan_node)
    assert assessed.session.record.profile.id == "site"
    assert assessed.ui.profileBox.currentText == "Our site"
    node.SetParameter("profile", '{"id": 1}')
    assessed.widget.exit()
    assessed.widget.enter()
    assert assessed.controller.profiles._chosen == DEFAULT
    assert "The profile of the scene" in assessed.ui.messageLabel.text


def test_a_fitted_model_keeps_its_profile(assessed):
    fitted = replace(guideline_model(), id="readers-1", name="Ours", kind="reader_non_negative")
    record = assessed.session.record
    assessed.session.update(rescored_record(record, score(measurements_from_record(record), fitted), fitted))
    before = assessed.session.record
    pick(assessed, shipped_profiles()["thin"].name)
    assert '"Ours" was fitted with the profile "default"' in assessed.ui.messageLabel.text
    assert assessed.session.record == before
    assert assessed.ui.profileBox.currentText == DEFAULT.name


def test_the_process_is_told(scan_node, module):
    module.ui.inputSelector.setCurrentNode(scan_node)
    commands = []

    def start(command):
        commands.append(command)
        file = command[command.index("--profile") + 1] if "--profile" in command else None
        commands.append(None if file is None else load_profile(Path(file)))
        raise OSError("not today")

    module.controller._ready = lambda: True
    module.controller.assessing._start = start
    module.ui.assessButton.click()
    assert commands[1] is None
    pick(module, shipped_profiles()["thin"].name)
    module.ui.assessButton.click()
    assert commands[3] == shipped_profiles()["thin"]
