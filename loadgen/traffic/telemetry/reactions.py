"""What a browser does after an input: when it handles it, when it shows a frame, and when its main thread is idle.

Rule: web-vitals tells FID when the input's entry comes, which is after the next frame if there is anything to draw; LCP
in an idle callback that the first click or key asks for; INP in one that the entry asks for. Blink runs idle callbacks
between frames. A link, a button or a field changes its look, so a frame follows, and once it is shown Blink is idle
again only with the next one: the page may be gone by then. The work of a button leaves no idle moment before the frame.
Elsewhere there is nothing to draw, and all three come at once. WebKit has no requestIdleCallback, so web-vitals takes a
timer of 0 ms.

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
"""From a click to its entry where the page is drawn anew: one or two frames (48 clicks: 11 to 55, median 26)."""

IDLE, IDLE_SIGMA = 12.0, 0.8
"""Median from a click to the next idle moment, as a multiple of the device's median input delay, and its spread: before
the frame in 17 of 30 clicks on links at 2.5 ms, and of the recorded visits in 6 of 17 at 2 ms, 5 of 27 at 4 ms."""

NEXT_FRAME_MS, WORKED_MS = 1500.0, 400.0
"""Mean from one frame to the next on a page at rest: a caret that blinks, a pointer that moves; and after the work of a
button, whose answer is shown. Estimates."""

BEFORE_NEXT_MS = (5.0, 40.0)
"""A pointer that moves to the next element lets the page draw so long before the next click; an estimate."""

ENTRY_MS, STILL_MS = 5.0, (15.0, 60.0)
"""Where nothing is drawn: mean until the entry (12 clicks: 2 to 20), and from there until INP (15 to 58)."""

TAP_MS, TAP_IDLE_MS, TAP_TOLD_MS = (-10.0, 30.0), 8.0, 12.0
"""Taps: from the click, which follows the finger, to the entry (in 32 of 86 it came first), from there to the idle
moment and on to INP; the last two are means."""

TIMER_MS = (1.0, 5.0)
"""A timer of 0 ms, in browsers without requestIdleCallback."""


class Reactions(NamedTuple):
    """Of each input, ticks from the click or key to what web-vitals tells."""

    entry: Ints  # the input's entry: FID
    idle: Ints  # LCP
    later: Ints  # INP


def draw_delays(draws: BlockDraws) -> Ints:
    """Input delay of each load's first input, in ticks; no input waits longer than the slowest one takes."""
    median, sigma = draws.read_vitals("fid_median_ms", "fid_sigma")
    drawn = to_ticks(median * np.exp(sigma * draws.stream("fid").standard_normal(draws.loads)))
    waited = np.maximum(np.minimum(drawn, draw_slowest(draws, draws.stream("inp"))), 1)
    return draws.clocks.coarsen(np.arange(draws.loads), waited)


def draw_slowest(draws: BlockDraws, stream: np.random.Generator) -> Ints:
    """How long each load's slowest interaction takes, in ticks; the first numbers of the stream "inp"."""
    median, sigma = draws.read_vitals("inp_median_ms", "inp_sigma")
    machine = draws.slowness.machine[draws.load_session]
    return to_ticks(median * np.exp(sigma * draws.slowness.mix(machine, stream.standard_normal(draws.loads))))


def draw_reactions(draws: BlockDraws, seen: Inputs) -> Reactions:
    """Draw when the browser draws and is idle after each input."""
    stream, count = draws.stream("reactions"), len(seen.at)
    uniform, waited = stream.random((4, count)), stream.standard_exponential((2, count))
    session = draws.load_session[seen.load]
    machine = draws.slowness.mix(draws.slowness.machine[session], stream.standard_normal(count))
    engine = draws.crowd.find_engines(draws.people)[session]
    changing, working = _change_looks(draws, seen), find_working(draws, seen)
    frame = _spread(FRAME_MS, uniform[0])
    delay = draws.read_vitals("fid_median_ms")[0][seen.load]
    early = IDLE * delay * np.exp(IDLE_SIGMA * machine)
    rest = frame + np.where(working, WORKED_MS, NEXT_FRAME_MS) * waited[0]
    rest = np.minimum(rest, np.maximum(_find_gaps(seen, uniform[1]), frame + 1))
    drawn = np.stack([frame, np.where((early < frame) & ~working, early, rest), rest])
    soon = 0.1 + ENTRY_MS * waited[1]
    still = np.stack([soon, soon + 0.3, soon + _spread(STILL_MS, uniform[2])])
    tap = _spread(TAP_MS, uniform[0])
    tapped = np.maximum(tap, 0) + 1 + TAP_IDLE_MS * waited[0]
    taps = np.stack([tap, tapped, tapped + TAP_TOLD_MS * waited[1]])
    entry, idle, later = np.where(_are_taps(draws, seen), taps, np.where(changing, drawn, still))
    webkit, timer = engine == BrowserEngine.SAFARI, _spread(TIMER_MS, uniform[3])
    idle, later = np.where(webkit, timer, idle), np.where(webkit, np.maximum(entry, 0) + timer, later)
    return Reactions(to_ticks(entry), to_ticks(idle), to_ticks(later))


def _spread(between: tuple[float, float], uniform: Floats) -> Floats:
    least, most = between
    spread: Floats = least + (most - least) * uniform
    return spread


def _find_gaps(seen: Inputs, uniform: Floats) -> Floats:
    """Milliseconds from each input until the pointer moves to the next one in the same document; inf after the last."""
    gaps = np.full(len(seen.at), np.inf)
    gaps[:-1] = np.where(seen.load[1:] == seen.load[:-1], np.diff(seen.at) / 10, np.inf)
    return gaps - _spread(BEFORE_NEXT_MS, uniform)


def _change_looks(draws: BlockDraws, seen: Inputs) -> Bools:
    """Inputs after which there is something to draw."""
    changing: Bools = np.array([each.element in CHANGING for each in draws.site.targets])[seen.target]
    return changing | seen.typed | seen.leaving


def find_working(draws: BlockDraws, seen: Inputs) -> Bools:
    """Inputs that set work of the site's off: buttons that are pressed."""
    working: Bools = np.array([each.element == "BUTTON" for each in draws.site.targets])[seen.target] & ~seen.typed
    return working


def _are_taps(draws: BlockDraws, seen: Inputs) -> Bools:
    """Inputs of a finger."""
    if not draws.scenario.telemetry.touch:
        return np.zeros(len(seen.at), dtype=bool)
    handheld = np.array([device != "desktop" for device in DEVICES])[draws.people.device]
    taps: Bools = handheld[draws.load_session[seen.load]] & ~seen.typed
    return taps
