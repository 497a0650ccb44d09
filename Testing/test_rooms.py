"""The house: every arrow between rooms leads downwards, and the page shows the rooms as they are."""

import re

import rooms


def test_every_room_has_a_floor():
    packages = {p.parent.name for p in rooms.LIBRARY.glob("*/__init__.py")}
    within = {f"research/{p.parent.name}" for p in rooms.LIBRARY.glob("research/*/__init__.py")}
    assert packages - {"research"} | within == set(rooms.LEVEL)


def test_every_arrow_leads_downwards():
    upwards = {f"{a} -> {b}": files for (a, b), files in rooms.arrows().items() if rooms.LEVEL[a] <= rooms.LEVEL[b]}
    assert not upwards


def test_no_room_of_the_product_knows_how_it_was_made():
    research = {*rooms.RESEARCH, "synthesis"}
    known = {f"{a} -> {b}" for a, b in rooms.arrows() if b in research and a not in {*research, "cli"}}
    assert not known


def test_only_the_commands_of_research_import_it_and_only_when_they_run():
    importing = {f for (_, room), files in rooms.arrows().items() if room in rooms.RESEARCH for f in files}
    importing = {f for f in importing if not f.startswith("research/")}
    assert importing == {"cli/train.py", "cli/evaluate_networks.py", "cli/study.py"}
    for name in importing:
        text = (rooms.LIBRARY / name).read_text(encoding="utf-8")
        assert all(re.findall(r"^( *)(?:from|import) .*research\.", text, re.MULTILINE)), name


def test_only_the_panel_knows_the_application():
    for path in rooms.LIBRARY.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        knows = any(f"\nimport {m}\n" in text for m in ("slicer", "qt", "ctk", "vtk"))
        assert not knows or path.relative_to(rooms.LIBRARY).parts[0] == "gui", path


def test_no_file_is_longer_than_can_be_held_in_mind():
    long = {
        p.name: n for p in rooms.LIBRARY.rglob("*.py") if (n := len(p.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long


def test_the_page_shows_the_rooms_as_they_are():
    text = rooms.PAGE.read_text(encoding="utf-8")
    assert rooms.page(text) == text, "run: python Testing/rooms.py"


def test_an_arrow_that_follows_from_others_is_left_out():
    assert rooms.direct({("a", "b"), ("b", "c"), ("a", "c")}) == {("a", "b"), ("b", "c")}
