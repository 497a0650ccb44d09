"""The report of a cohort: offline, small, and what is chosen in one place is chosen everywhere."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from many_records import write_many

from HeadCTIQALib import cli
from HeadCTIQALib.department.group import page
from HeadCTIQALib.department.journal import Outcome, writing
from HeadCTIQALib.department.table import rows

#: Reads what the page shows, chooses in every way, and reads again; the answers go into the document.
CHOOSES = """
const said = [];
const look = () => document.getElementById("shown").textContent;
const step = () => new Promise((done) => setTimeout(done, 120));
async function choose() {
  await step();
  said.push(look());
  const canvas = document.querySelector("canvas[data-x=noise]"), box = canvas.getBoundingClientRect();
  const at = (type, x) => canvas.dispatchEvent(new PointerEvent(type, { clientX: box.left + x, clientY: box.top + 20, pointerId: 1, bubbles: true }));
  canvas.setPointerCapture = () => {};
  at("pointerdown", 0.5 * box.width); at("pointermove", box.width); at("pointerup", box.width);
  await step();
  said.push(look(), [...document.querySelectorAll("input[data-range=noise]")].map((i) => i.value));
  at("pointerdown", 50); at("pointerup", 50);
  await step();
  said.push(look());
  const kernel = document.querySelector("select[data-dim=kernel]");
  kernel.value = "0"; kernel.dispatchEvent(new Event("change"));
  await step();
  said.push(look(), document.querySelectorAll("#scans tr").length, document.querySelector("#scans a")?.getAttribute("href") ?? null);
  const low = document.querySelector("input[data-range=overall]");
  low.value = "1000"; low.dispatchEvent(new Event("change"));
  await step();
  said.push(look());
  document.getElementById("clear").click();
  await step();
  said.push(look());
  const out = document.createElement("pre");
  out.id = "said"; out.textContent = JSON.stringify({ said, errors: window.errors });
  document.body.append(out);
}
choose();
"""


def dom(path, tmp_path):
    browser = next((b for b in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if b), None)
    if browser is None:
        pytest.skip("no Chromium to look with")
    how = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=20000",
        "--window-size=1300,2000",
    )
    return subprocess.run(
        [browser, *how, "--dump-dom", path.as_uri()], check=True, capture_output=True, timeout=120, text=True
    ).stdout


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    root = tmp_path_factory.mktemp("group") / "cohort & more"
    write_many(root, 90)
    (root / "head-000000" / "report.html").write_text("<html></html>")
    with writing(root) as journal:
        for n in range(3):
            told = {"reason": f"It has {n + 1} <b>slices</b>, too few.", "by": "0", "time": "2026-01-01T00:00:00Z"}
            journal.add(Outcome(fingerprint=str(n), path="/secret", status="refused", **told))
    return root


@pytest.fixture(scope="module")
def document(cohort):
    return page(cohort, cohort / "group.html", rows(cohort)[0])


def test_its_title_tells_the_days(document):
    assert re.search(r"90 scans of .*, 2025-01-01( to 2025-\d\d-\d\d)?<", document)


def test_it_is_whole_and_fetches_nothing(document):
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:|//)""", document)
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', document)[1])
    assert "default-src 'none'" in policy
    assert "script-src 'sha256-" in policy
    assert "/secret" not in document
    assert "It has 1 &lt;b&gt;slices&lt;/b&gt;, too few." in document
    data = json.loads(document.split('id="data">')[1].split("</script>")[0])
    assert len(data["scan"]) == 90
    assert [r for r in data["report"] if r] == ["head-000000/report.html"]
    assert data["base"] == "./" or data["base"] == "../cohort%20%26%20more/"
    assert sum(len(c["levels"]) for c in data["dims"].values()) >= 10


def test_a_browser_shows_and_filters_it(cohort, document, tmp_path):
    path = cohort / "group.html"
    path.write_text(document, encoding="utf-8")
    assert ">90 of 90 scans<" in dom(path, tmp_path), "the script runs under the page's own policy"
    listening = "<script>window.errors = []; addEventListener('error', (e) => errors.push(e.message));</script>"
    free = re.sub(r"script-src &#x27;.*?&#x27;", "script-src 'unsafe-inline'", document)
    free = free.replace("</title>", f"</title>{listening}").replace("</html>", f"<script>{CHOOSES}</script></html>")
    path.write_text(free, encoding="utf-8")
    told = json.loads(re.search(r'<pre id="said">(.*?)</pre>', dom(path, tmp_path))[1])
    assert told["errors"] == [], told
    whole, brushed, (low, high), clicked, kernel, listed, link, none, again = told["said"]
    assert whole == clicked == again == "90 of 90 scans", told
    data = json.loads(document.split('id="data">')[1].split("</script>")[0])
    assert low, told
    inside = sum(float(low) <= v <= float(high) for v in data["values"]["noise"])
    assert brushed == f"{inside} of 90 scans"
    assert 0 < inside < 90
    assert kernel == "30 of 90 scans"
    assert listed == 30
    assert none == "0 of 90 scans"
    assert link is None or link.endswith("head-000000/report.html")


def test_it_is_accessible(cohort, document, tmp_path):
    """By the rules of axe-core."""
    axe = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    rules = (Path(axe.__path__[0]) / "axe.min.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    ask = """axe.run(document).then((found) => {
      const out = document.createElement("pre");
      out.id = "said"; out.textContent = JSON.stringify(found.violations.map((v) => [v.id, v.nodes[0].html]));
      document.body.append(out);
    });"""
    free = re.sub(r'Content-Security-Policy" content="[^"]*"', 'Content-Security-Policy" content=""', document)
    path = tmp_path / "group.html"
    path.write_text(
        free.replace("</html>", f"<script>{rules}</script><script>setTimeout(() => {{ {ask} }}, 300)</script></html>"),
        encoding="utf-8",
    )
    assert json.loads(html.unescape(re.search(r'<pre id="said">(.*?)</pre>', dom(path, tmp_path))[1])) == []


def test_the_command(cohort, tmp_path, capsys):
    out = tmp_path / "night.html"
    assert cli.main(["group", str(cohort), "--output", str(out)]) == 0
    assert cli.main(["group", str(cohort), "--output", str(out)]) == 0, "it replaces its own"
    assert "Report of 90 scans" in capsys.readouterr().out
    data = json.loads(out.read_text().split('id="data">')[1].split("</script>")[0])
    assert (
        (tmp_path / data["base"].replace("%20", " ").replace("%26", "&") / "head-000000/report.html")
        .resolve()
        .is_file()
    )
    out.write_text("of somebody else")
    assert cli.main(["group", str(cohort), "--output", str(out)]) == 4


@pytest.mark.slow
def test_ten_thousand_scans(tmp_path):
    write_many(tmp_path / "cohort", 10_000)
    text = page(tmp_path / "cohort", tmp_path / "group.html", rows(tmp_path / "cohort")[0])
    assert len(text.encode()) < 10_000_000
    (tmp_path / "group.html").write_text(text, encoding="utf-8")
    assert ">10000 of 10000 scans<" in dom(tmp_path / "group.html", tmp_path)
