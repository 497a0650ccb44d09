"""The extension ships every file but those of research, and works installed flat as well as from the source tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import cmake_lists
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def test_every_file_but_research_is_shipped():
    assert cmake_lists.listed() == cmake_lists.shipped(), "run: python Testing/slicer_module/cmake_lists.py"
    assert not any(p.startswith("HeadCTIQALib/research/") for paths in cmake_lists.listed().values() for p in paths)


def test_paths_do_not_point_upwards():
    for paths in cmake_lists.listed().values():
        assert not any(".." in p.split("/") or p.startswith("/") for p in paths)


def test_nothing_else_is_taken_for_a_module():
    """Slicer looks for modules in every .py of a module folder."""
    assert [p.name for p in (ROOT / "HeadCTIQA").glob("*.py")] == ["HeadCTIQA.py"]


def test_size_and_names():
    total = sum((ROOT / p).stat().st_size for paths in cmake_lists.shipped().values() for p in paths)
    assert total < 100e6
    assert not (ROOT / "Testing" / "__init__.py").exists()


def test_metadata():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    for key in ("HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS"):
        assert re.search(rf'^set\(EXTENSION_{key} "[^"]+"\)$', text, re.MULTILINE), key
    with Image.open(ROOT / "Resources" / "Icons" / "HeadCTIQA.png") as icon:
        assert icon.size == (128, 128)


# the properties of 3D Slicer's schema of catalogue entries, version 1.0.2
ENTRY = {
    "$schema": str, "build_dependencies": list, "build_subdirectory": str, "category": str, "dicom_support_rule": str,
    "enabled": bool, "scm_revision": str, "scm_type": str, "scm_url": str, "tier": int,
}  # fmt: skip


def test_catalogue_entry():
    """The entry for the Extensions Index is of the newest schema, and says what CMakeLists.txt says."""
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    entry = json.loads((ROOT / "Docs" / "HeadCTIQA.json").read_text(encoding="utf-8"))
    assert entry["$schema"].endswith("/slicer-extension-catalog-entry-schema-v1.0.2.json#")
    assert {"$schema", "category", "scm_url"} <= set(entry) <= set(ENTRY)
    assert all(isinstance(value, ENTRY[key]) for key, value in entry.items())
    assert entry["tier"] == 3
    depends = re.search(r'set\(EXTENSION_DEPENDS "(.*)"\)', text)
    assert depends
    assert entry["build_dependencies"] == [d for d in depends[1].split() if d != "NA"]
    assert f'set(EXTENSION_CATEGORY "{entry["category"]}")' in text
    home = re.search(r'set\(EXTENSION_HOMEPAGE "(.*?)#', text)
    assert home
    assert entry["scm_url"] == f"{home[1]}.git"


@pytest.mark.parametrize(
    ("sop_class", "supported"),
    [("1.2.840.10008.5.1.4.1.1.2", True), ("1.2.840.10008.5.1.4.1.1.2.1", True), ("1.2.840.10008.5.1.4.1.1.4", False)],
)
def test_dicom_support_rule(sop_class, supported):
    """CT and enhanced CT, not MR; the rule is written so that Python reads it as 3D Slicer's rule engine does."""
    entry = json.loads((ROOT / "Docs" / "HeadCTIQA.json").read_text(encoding="utf-8"))
    assert eval(entry["dicom_support_rule"], {"SOPClassUID": sop_class}) is supported


def test_pictures_that_the_stand_in_drew_say_so():
    for page, picture in (("README.md", "Docs/slicer.png"), ("Docs/tutorial.md", "panel.png")):
        after = (ROOT / page).read_text(encoding="utf-8").partition(f"({picture})")[2].replace("\n", " ")
        assert "stand-in for 3D Slicer's window" in after[:200], page


@pytest.fixture(params=["installed", "source"])
def module_folder(request, tmp_path):
    """The folder that Slicer is told: where everything lies flat, or HeadCTIQA/ of the source tree."""
    if request.param == "source":
        return ROOT / "HeadCTIQA"
    return _install(tmp_path)


def _install(folder):
    """All that the extension ships, flat in ``folder``."""
    for paths in cmake_lists.shipped().values():
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, folder / path)
    shutil.copyfile(ROOT / "HeadCTIQA" / "HeadCTIQA.py", folder / "HeadCTIQA.py")
    return folder


def test_library_and_resources_are_found(module_folder, tmp_path):
    """In a fresh Python without the project on its path, as Slicer would run it."""
    code = f"""
import sys, time
sys.path = [p for p in sys.path if p != {str(ROOT)!r}]
sys.path.insert(0, {str(ROOT / "Testing" / "slicer_module")!r})
sys.meta_path = [f for f in sys.meta_path if "editable" not in repr(f).lower()]
from standin.application import load_module, start
start()
before, begin = set(sys.modules), time.process_time()
module, instance, make_widget = load_module({str(module_folder / "HeadCTIQA.py")!r})
took = time.process_time() - begin
heavy = sorted(m for m in set(sys.modules) - before if m.split(".")[0] in ("torch", "monai", "scipy", "SimpleITK", "pydicom", "nrrd", "PIL", "HeadCTIQALib"))
assert not heavy, heavy
assert took < 0.3, took
make_widget().enter()
import HeadCTIQALib
print(HeadCTIQALib.__file__)
assert "torch" not in sys.modules and "monai" not in sys.modules
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    found = Path(run.stdout.strip().splitlines()[-1])
    assert found.parent.parent == (module_folder if module_folder != ROOT / "HeadCTIQA" else ROOT)


@pytest.mark.parametrize("command", [["train", "fluid"], ["study"], ["evaluate-networks"]])
def test_commands_of_research_are_refused_in_one_sentence(tmp_path, command):
    """Where the extension installed the library."""
    _install(tmp_path)
    code = "import sys\nfrom HeadCTIQALib.cli import main\nprint(sys.modules['HeadCTIQALib'].__file__)\nsys.exit(main(sys.argv[1:]))"
    run = subprocess.run(
        [sys.executable, "-c", code, *command, "--output", str(tmp_path / "out")],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert Path(run.stdout.strip()).parent.parent == tmp_path
    assert run.returncode == 3
    assert run.stderr.count("\n") == 1
    assert f"'headctiqa {command[0]}' is not part of the 3D Slicer extension" in run.stderr
    assert not (tmp_path / "out").exists()


def test_missing_library_is_one_sentence(tmp_path, slicer_app):
    from standin.application import load_module

    shutil.copyfile(ROOT / "HeadCTIQA" / "HeadCTIQA.py", tmp_path / "HeadCTIQA.py")
    with pytest.raises(ImportError, match="install the extension HeadCTIQA again"):
        load_module(tmp_path / "HeadCTIQA.py")


def test_ui_is_what_designer_writes():
    """Real qMRML and ctk widgets; the scene reaches every one that needs it."""
    root = ET.parse(ROOT / "Resources" / "UI" / "HeadCTIQA.ui").getroot()
    top = root.find("widget")
    assert top.get("class") == "qMRMLWidget"
    custom = {c.findtext("class") for c in root.find("customwidgets")}
    used = {w.get("class") for w in root.iter("widget") if w.get("class").startswith(("q", "ctk"))}
    assert used <= custom
    needing = {w.get("name") for w in root.iter("widget") if w.get("class").startswith("qMRML") and w is not top}
    given = {c.findtext("receiver") for c in root.find("connections") if c.findtext("slot").startswith("setMRMLScene")}
    assert needing == given


def test_only_gui_imports_slicer():
    """And the gui uses nothing that only PySide has."""
    for path in (ROOT / "HeadCTIQALib").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "gui" not in path.relative_to(ROOT).parts:
            assert not re.search(r"^\s*(import|from) (slicer|qt|ctk|vtk)\b", text, re.MULTILINE), path
        assert "PySide" not in text, path
        assert (
            not re.search(r"^\s*(import|from) HeadCTIQALib\.(synthesis|research)", text, re.MULTILINE)
            or "gui" not in path.parts
        ), path


def test_core_needs_no_pynrrd(slicer_app):
    """A plain 3D Slicer has no pynrrd, gdcm, onnxruntime or Pillow: the panel works all the same."""
    code = f"""
import sys
class Without:
    # a finder that does not find some packages, as if they were not installed
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        absent = name.split(".")[0] in ("nrrd", "gdcm", "onnxruntime", "PIL", "torch", "monai")
        return None if absent else self.finder.find_spec(name, path, target)
sys.meta_path = [Without(f) for f in sys.meta_path]
sys.path.insert(0, {str(ROOT / "Testing" / "slicer_module")!r})
from standin.application import load_module, start
start()
module, instance, make_widget = load_module({str(ROOT / "HeadCTIQA" / "HeadCTIQA.py")!r})
make_widget().enter()
test = module.HeadCTIQATest()
test.runTest()
print("passed")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.strip().splitlines()[-1] == "passed"


def test_slicers_requirements_are_those_of_the_package():
    """What 3D Slicer installs is part of what pip does, at the same versions; torch and MONAI are for those who ask for them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "Resources" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    slicer = [line for line in lines if line and not line.startswith("#")]
    brought = {"numpy", "scipy", "pydicom", "SimpleITK"}  # by 3D Slicer
    assert sorted(slicer) == sorted(r for r in project["dependencies"] if r.split(">=")[0] not in brought)
    from HeadCTIQALib.gui import dependencies

    assert sorted(dependencies._NAMES.values()) == sorted(line.split(">=")[0] for line in slicer)
    torch = [dependencies._TORCH, dependencies._MONAI, dependencies._ONNX]
    assert torch == project["optional-dependencies"]["torch"]
