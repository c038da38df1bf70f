"""What a browser does after an input: when it has the input's entry, shows a frame, and when its main thread is idle.

Rule: web-vitals reports FID when the input's entry comes, which is after the next frame if there is anything to draw.
It reports LCP in an idle callback that the first click or key requests, and INP in an idle callback that the entry
requests. Blink runs idle callbacks between frames. A link, a button or a field changes its look, so a frame follows;
after that frame Blink is idle only with the next frame, when the page may be gone. The work of a button leaves no idle
moment before the frame. On other elements there is nothing to draw, and all three reports come at once. WebKit has no
requestIdleCallback, so web-vitals uses a timer of 0 ms.

Measured with web-vitals 4.2.4 in headless Chromium 156: 66 clicks and 86 taps on links, buttons, fields, images and
texts, on pages that were left 40 to 600 ms later.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.traffic.block_draws import BlockDraws
from loadgen.traffic.draws import Bools, Floats, Ints, to_ticks
from loadgen.traffic.js_errors import BrowserEngine
from loadgen.traffic.population import DEVICES
from loadgen.traffic.telemetry.interactions import Inputs

CHANGING = frozenset({"A", "BUTTON", "INPUT", "LABEL", "OPTION", "SELECT", "SUMMARY", "TEXTAREA"})
"""Elements that look different while they are clicked or have the focus (HTML, interactive content)."""

FRAME_MS = (8.0, 33.0)
"""Least and most ms from a click to its entry if the page is drawn anew: one or two frames (48 clicks: 11 to 55 ms,
median 26)."""

IDLE, IDLE_SIGMA = 12.0, 0.8
"""Median time from a click to the next idle moment, as a multiple of the device's median input delay, and the spread of
its ln. The idle moment came before the frame in 17 of 30 clicks on links at a delay of 2.5 ms; in the recorded visits
in 6 of 17 at 2 ms, and in 5 of 27 at 4 ms."""

NEXT_FRAME_MS, WORKED_MS = 1500.0, 400.0
"""Mean ms to the next frame: on a page at rest, where a caret blinks or the pointer moves; and after the work of a
button, whose answer is shown. Estimates."""

BEFORE_NEXT_MS = (5.0, 40.0)
"""Least and most ms before the next click at which the pointer, moving to its element, makes the page draw; an
estimate."""

ENTRY_MS, STILL_MS = 5.0, (15.0, 60.0)
"""If nothing is drawn: mean ms to the entry (12 clicks: 2 to 20); least and most ms from there to INP (15 to 58)."""

TAP_MS, TAP_IDLE_MS, TAP_REPORT_MS = (-10.0, 30.0), 8.0, 12.0
"""For taps: least and most ms from the click, which follows the finger, to the entry (in 32 of 86 taps the entry came
first); mean ms from there to the idle moment; mean ms from there to INP."""

TIMER_MS = (1.0, 5.0)
"""Least and most ms that a timer of 0 ms takes, in browsers without requestIdleCallback."""


class Reactions(NamedTuple):
    """For each input, the ticks from the click or key to each report of web-vitals."""

    entry: Ints  # to the input's entry, when FID is reported
    idle: Ints  # to the idle moment, when LCP is reported
    later: Ints  # to the report of INP


def draw_delays(draws: BlockDraws) -> Ints:
    """Draw the input delay of each load's first input, in ticks, at most the time of the load's slowest interaction."""
    median, sigma = draws.read_vitals("fid_median_ms", "fid_sigma")
    drawn = to_ticks(median * np.exp(sigma * draws.stream("fid").standard_normal(draws.loads)))
    waited = np.maximum(np.minimum(drawn, draw_slowest(draws, draws.stream("inp"))), 1)
    return draws.clocks.coarsen(np.arange(draws.loads), waited)


def draw_slowest(draws: BlockDraws, stream: np.random.Generator) -> Ints:
    """Draw how long each load's slowest interaction takes, in ticks; it takes the first numbers of the stream "inp"."""
    median, sigma = draws.read_vitals("inp_median_ms", "inp_sigma")
    machine = draws.slowness.machine[draws.load_session]
    return to_ticks(median * np.exp(sigma * draws.slowness.mix(machine, stream.standard_normal(draws.loads))))


def draw_reactions(draws: BlockDraws, inputs: Inputs) -> Reactions:
    """Draw when web-vitals reports each vital after each input."""
    stream, count = draws.stream("reactions"), len(inputs.at)
    uniform, waited = stream.random((4, count)), stream.standard_exponential((2, count))
    session = draws.load_session[inputs.load]
    machine = draws.slowness.mix(draws.slowness.machine[session], stream.standard_normal(count))
    engine = draws.crowd.find_engines(draws.people)[session]
    changing, working = _find_redrawing(draws, inputs), find_working(draws, inputs)
    frame = _interpolate(FRAME_MS, uniform[0])
    delay = draws.read_vitals("fid_median_ms")[0][inputs.load]
    early = IDLE * delay * np.exp(IDLE_SIGMA * machine)
    rest = frame + np.where(working, WORKED_MS, NEXT_FRAME_MS) * waited[0]
    rest = np.minimum(rest, np.maximum(_find_gaps(inputs, uniform[1]), frame + 1))
    drawn = np.stack([frame, np.where((early < frame) & ~working, early, rest), rest])
    soon = 0.1 + ENTRY_MS * waited[1]
    still = np.stack([soon, soon + 0.3, soon + _interpolate(STILL_MS, uniform[2])])
    tap = _interpolate(TAP_MS, uniform[0])
    tapped = np.maximum(tap, 0) + 1 + TAP_IDLE_MS * waited[0]
    taps = np.stack([tap, tapped, tapped + TAP_REPORT_MS * waited[1]])
    entry, idle, later = np.where(_are_taps(draws, inputs), taps, np.where(changing, drawn, still))
    webkit, timer = engine == BrowserEngine.SAFARI, _interpolate(TIMER_MS, uniform[3])
    idle, later = np.where(webkit, timer, idle), np.where(webkit, np.maximum(entry, 0) + timer, later)
    return Reactions(to_ticks(entry), to_ticks(idle), to_ticks(later))


def _interpolate(between: tuple[float, float], uniform: Floats) -> Floats:
    least, most = between
    spread: Floats = least + (most - least) * uniform
    return spread


def _find_gaps(inputs: Inputs, uniform: Floats) -> Floats:
    """Return the ms from each input until the pointer moves to the document's next input; inf after the last input."""
    gaps = np.full(len(inputs.at), np.inf)
    gaps[:-1] = np.where(inputs.load[1:] == inputs.load[:-1], np.diff(inputs.at) / 10, np.inf)
    return gaps - _interpolate(BEFORE_NEXT_MS, uniform)


def _find_redrawing(draws: BlockDraws, inputs: Inputs) -> Bools:
    """Mark the inputs after which there is something to draw."""
    changing: Bools = np.array([each.element in CHANGING for each in draws.site.targets])[inputs.target]
    return changing | inputs.typed | inputs.leaving


def find_working(draws: BlockDraws, inputs: Inputs) -> Bools:
    """Mark the inputs that start work of the site's scripts: clicks on buttons."""
    working: Bools = np.array([each.element == "BUTTON" for each in draws.site.targets])[inputs.target] & ~inputs.typed
    return working


def _are_taps(draws: BlockDraws, inputs: Inputs) -> Bools:
    """Mark the inputs that are taps of a finger."""
    if not draws.scenario.telemetry.touch:
        return np.zeros(len(inputs.at), dtype=bool)
    handheld = np.array([device != "desktop" for device in DEVICES])[draws.people.device]
    taps: Bools = handheld[draws.load_session[inputs.load]] & ~inputs.typed
    return taps
