"""The pages in a real browser: nothing sticks out or overlaps, every plot has ink, wide and narrow, light and dark."""

from __future__ import annotations

import json
import os
import re
import subprocess
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest

from loadgen.report import build_comparison_page
from loadgen.report.comparison import compare_runs
from loadgen.report.page import build_report_page
from loadgen.results.run_data import RunData
from tests.endpoint.browser.test_web_client import HERE, missing
from tests.report.runs import Plan, make

CHROMIUM = os.environ.get("LOADGEN_CHROMIUM", "/usr/bin/chromium")
MEASURE = (Path(__file__).parent / "measure.js").read_text()
BROKEN = {  # styles that spoil a page, and which of the faults they are
    ".area svg { width: 130% }": 1,
    ".flow .label { top: 0 !important }": 2,
    "main { min-width: 1500px }": 0,
}
View = tuple[int, str]  # width in pixels, theme
VIEWS: list[View] = [(width, theme) for width in (1280, 820, 390) for theme in ("light", "dark")]
Seen = dict[tuple[str, int, str], dict[str, Any]]
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def whole_browser() -> None:
    """Without a browser the tests are skipped, but never in CI."""
    if not Path(CHROMIUM).exists():
        lack = f"no Chromium at {CHROMIUM}: apt-get install chromium, or set LOADGEN_CHROMIUM"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"THE BROWSER TESTS DID NOT RUN: {lack}")


def browse(tmp_path: Path, page: str, *more: str) -> str:
    """What Chromium prints about a page."""
    file = tmp_path / "page.html"
    file.write_text(page)
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    given = [CHROMIUM, *FLAGS, profile, "--window-size=1400,900", *more, file.as_uri()]
    return subprocess.run(given, check=True, capture_output=True, text=True, timeout=60).stdout


def framed(page: str, width: int, theme: str) -> str:
    """A page in a frame of a width and a theme, with our measuring script in place of its policy."""
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    bare = bare.replace("</body>", f"<script>{MEASURE}</script></body>").replace(
        "<html ", f'<html data-theme="{theme}" '
    )
    return f'<iframe style="border:0;width:{width}px;height:800px" srcdoc="{escape(bare)}"></iframe>'


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    plans = {
        "ordinary": Plan(name="a-scenario.with_a_long-name." * 2, error="Error: " + "x" * 33),
        "long": Plan(seconds=300, rate=4, seed=2, failed=0.0),
        "empty": Plan(seconds=2, rate=0, seed=3),
    }
    readings = {name: RunData(make(folder / name, plan)) for name, plan in plans.items()}
    some = [readings["ordinary"], readings["long"], readings["ordinary"]]
    return {name: build_report_page(reading) for name, reading in readings.items()} | {
        "comparison": build_comparison_page(some, compare_runs(some))
    }


@pytest.fixture(scope="module")
def seen(pages: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What a browser made of each page in each view, and of the broken ones in one."""
    broken = {style: pages["ordinary"].replace("</style>", f"{style}</style>") for style in BROKEN}
    frames = {(name, *view): framed(page, *view) for name, page in pages.items() for view in VIEWS}
    frames |= {(style, *VIEWS[0]): framed(page, *VIEWS[0]) for style, page in broken.items()}
    whole = f'<!doctype html><meta charset="utf-8"><body>{"".join(frames.values())}</body>'
    dom = browse(tmp_path_factory.mktemp("seen"), whole, "--dump-dom")
    found = re.findall(r'data-measured="([^"]*)"', dom)
    assert len(found) == len(frames)
    return {key: json.loads(unescape(said)) for key, said in zip(frames, found, strict=True)}


def faults(seen: dict[str, Any]) -> tuple[int, list[str], list[str]]:
    """By how much a page is too wide for its window, what sticks out, and what overlaps."""
    return max(seen["too_wide"], 0), seen["sticking_out"], seen["overlapping"]


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("name", ["ordinary", "long", "comparison", "empty"])
def test_nothing_sticks_out_or_overlaps(seen: Seen, name: str, view: View) -> None:
    assert seen[name, *view]["width"] == view[0]
    assert faults(seen[name, *view]) == (0, [], [])


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("name", ["ordinary", "long", "comparison"])
def test_every_plot_has_ink_over_most_of_its_width(seen: Seen, name: str, view: View) -> None:
    ink = seen[name, *view]["ink"]
    assert ink.get("flow", 4) >= 4
    assert len(ink) >= 6
    assert {plot: reach for plot, reach in ink.items() if reach < 0.5} == {}


@pytest.mark.parametrize(("style", "fault"), BROKEN.items())
def test_the_measuring_finds_what_is_broken_on_purpose(seen: Seen, style: str, fault: int) -> None:
    assert faults(seen[style, *VIEWS[0]])[fault]


def test_light_and_dark_differ_in_paper_and_ink(seen: Seen) -> None:
    light, dark = (seen["ordinary", 390, theme] for theme in ("light", "dark"))
    assert brightness(light["paper"]) > 0.9 > 0.2 > brightness(light["text"])
    assert brightness(dark["text"]) > 0.9 > 0.2 > brightness(dark["paper"])


def brightness(colour: str) -> float:
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / (3 * 255)


def test_pointing_at_a_plot_tells_its_values_and_a_switch_hides_a_series(seen: Seen) -> None:
    hover = seen["ordinary", 1280, "light"]["hover"]
    assert re.search(r"0:1[0-9]\n\s*accepted", hover["said"])
    assert re.search(r"\d/s", hover["said"])
    assert hover["hidden"]


def test_the_page_s_own_policy_lets_its_own_script_run(tmp_path: Path, pages: dict[str, str]) -> None:
    dom = browse(tmp_path, pages["ordinary"], "--dump-dom")
    assert 'class="readout"' in dom


def test_another_script_does_not_run(tmp_path: Path, pages: dict[str, str]) -> None:
    injected = pages["ordinary"].replace("</body>", "<script>document.body.dataset.evil = 'yes'</script></body>")
    assert "data-evil" not in browse(tmp_path, injected, "--dump-dom")


def test_the_page_prints(tmp_path: Path, pages: dict[str, str]) -> None:
    paper = tmp_path / "page.pdf"
    browse(tmp_path, pages["ordinary"], f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF")


def test_axe_finds_no_fault_in_the_pages(pages: dict[str, str], tmp_path: Path) -> None:
    if lack := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"THE BROWSER TESTS DID NOT RUN: {lack}")
    for name, page in pages.items():
        (tmp_path / f"{name}.html").write_text(page)
    files = sorted(map(str, tmp_path.glob("*.html")))
    command = ["node", str(HERE / "axe.mjs"), CHROMIUM, *files]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    seen = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(seen) == 2 * len(pages)
    assert [(Path(each["file"]).name, each["width"], each["faults"]) for each in seen if each["faults"]] == []
