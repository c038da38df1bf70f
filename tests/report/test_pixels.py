"""A screenshot of a report: its plots have ink of each series' colour, nothing is cut off, and dark is dark."""

from __future__ import annotations

import base64
import json
import re
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest

from loadgen.report.page import build_report_page
from loadgen.results.run_data import RunData
from tests.report.runs import Plan, make
from tests.report.test_browser import browse, whole_browser

__all__ = ["whole_browser"]  # the fixture that skips without a browser
pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
HEIGHT = 5600  # pixels; the plots are above
BROKEN = {"": "", "no ink": "path.line, path.fill { visibility: hidden }", "too wide": "main { min-width: 1500px }"}
FRAMES = [
    *((width, theme, "") for width in (1280, 390) for theme in ("light", "dark")),
    *((390, "light", fault) for fault in BROKEN if fault),
]
Frame = tuple[int, str, str]


def framed(page: str, frame: Frame, left: int) -> str:
    """The page in a frame of a width, a theme and a fault, `left` pixels from the left."""
    width, theme, fault = frame
    script = (HERE / "probe.js").read_text()
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    bare = bare.replace("</style>", f"{BROKEN[fault]}</style>").replace("<html ", f'<html data-theme="{theme}" ')
    bare = bare.replace("</body>", f"<script>{script}</script></body>")
    style = f"position:absolute;border:0;top:0;left:{left}px;width:{width}px;height:{HEIGHT}px"
    return f'<iframe scrolling="no" style="{style}" srcdoc="{escape(bare)}"></iframe>'


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> dict[Frame, dict[str, Any]]:
    """What the pixels of each frame say."""
    folder = tmp_path_factory.mktemp("pixels")
    page = build_report_page(RunData(make(folder / "run", Plan())))
    lefts = [sum(width for width, *_ in FRAMES[:place]) for place in range(len(FRAMES))]
    frames = "".join(framed(page, frame, left) for frame, left in zip(FRAMES, lefts, strict=True))
    whole = f'<!doctype html><meta charset="utf-8"><body style="margin:0">{frames}</body>'
    size, shot = f"--window-size={lefts[-1] + FRAMES[-1][0]},{HEIGHT}", folder / "page.png"
    dom = browse(folder, whole, size, "--dump-dom")
    probed = [json.loads(unescape(said)) for said in re.findall(r'data-probed="([^"]*)"', dom)]
    assert len(probed) == len(FRAMES)
    browse(folder, whole, size, f"--screenshot={shot}")
    known = [said | {"x": left, "height": HEIGHT} for said, left in zip(probed, lefts, strict=True)]
    image = f'<img src="data:image/png;base64,{base64.b64encode(shot.read_bytes()).decode()}">'
    script = (
        f"const PROBED = {json.dumps(known)}; addEventListener('load', () => {{ {(HERE / 'pixels.js').read_text()} }});"
    )
    read = browse(folder, f"<!doctype html><body>{image}<script>{script}</script></body>", "--dump-dom")
    [found] = re.findall(r'data-said="([^"]*)"', read)
    return dict(zip(FRAMES, json.loads(unescape(found)), strict=True))


@pytest.mark.parametrize("frame", FRAMES[:4], ids=str)
def test_every_series_has_ink_of_its_colour(looks: dict[Frame, dict[str, Any]], frame: Frame) -> None:
    series = looks[frame]["series"]
    assert len(series) >= 10
    assert {name: pixels for name, pixels in series.items() if pixels < 100} == {}


@pytest.mark.parametrize("frame", FRAMES[:4], ids=str)
def test_nothing_is_cut_off_at_the_right_edge(looks: dict[Frame, dict[str, Any]], frame: Frame) -> None:
    assert looks[frame]["edge"] == 0


@pytest.mark.parametrize("frame", FRAMES[:4], ids=str)
def test_dark_is_dark_and_light_is_light(looks: dict[Frame, dict[str, Any]], frame: Frame) -> None:
    assert looks[frame][frame[1]] > 0.75


def test_the_pixels_tell_what_is_broken_on_purpose(looks: dict[Frame, dict[str, Any]]) -> None:
    assert max(looks[390, "light", "no ink"]["series"].values()) < max(looks[390, "light", ""]["series"].values())
    assert sum(pixels < 100 for pixels in looks[390, "light", "no ink"]["series"].values()) > 5
    assert looks[390, "light", "too wide"]["edge"] > 0
