"""Web vitals events: FCP, LCP, CLS of each full load, FID and INP of those with an input.

Rule: LCP is recorded at the first click or key, else at the moment when the page is hidden, too late for that hide's
flush, as in the real client (web-client facts, section 5). CLS and INP stand at the moment of their last update.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from msgspec import UNSET

from loadgen.events import (
    CLS,
    FCP,
    FID,
    INP,
    LCP,
    Cls,
    ClsAttribution,
    Fcp,
    FcpAttribution,
    Fid,
    FidAttribution,
    Inp,
    InpAttribution,
    Lcp,
    LcpAttribution,
)
from loadgen.scenario.incidents import LayoutShift
from loadgen.traffic.draws import Bools, Floats, Ints, decimals, objects, ticks, told
from loadgen.traffic.telemetry.column import Column
from loadgen.traffic.telemetry.inputs import Inputs
from loadgen.traffic.telemetry.loading import by_device
from loadgen.traffic.telemetry.navigation import recorded, shares
from loadgen.traffic.telemetry.resources import Heroes
from loadgen.traffic.telemetry.scene import Scene
from loadgen.written import GAP, TEXT_GAP, Form, quoted

STATES = ("loading", "dom-interactive", "dom-content-loaded", "complete")
EVENT_TYPES = ("pointerdown", "keydown")
SHIFTED = (
    "html>body>main>div.grid",
    "html>body>main>img.hero",
    "#recommendations",
    "html>body>header>div.banner",
    "#ad-top",
)
TEXT_ELEMENT, IMAGE_ELEMENT = "html>body>main>h1", "html>body>main>img.hero"
INP_STEP = 8
"""INP comes in steps of 8 ms."""
NOTICEABLE = 40
"""Shorter interactions (ms) are reported only when they are the first input (web-vitals, durationThreshold)."""


PAINTED = Form(Fcp(GAP, FcpAttribution(GAP, GAP, TEXT_GAP)))
IMAGE, FETCHED, NAVIGATED, AGAIN = 1, 2, 4, 8
"""What an LCP tells: an image's URL, the event of its file, that of the navigation; or that the page came back."""


def _largest(kind: int) -> Form:
    """An LCP of one kind; each thing it may tell has a gap of its own."""
    element = UNSET if kind == AGAIN else IMAGE_ELEMENT if kind & IMAGE else TEXT_ELEMENT
    url = GAP if kind & IMAGE else UNSET
    file, entry = (TEXT_GAP if kind & flag else UNSET for flag in (FETCHED, NAVIGATED))
    return Form(Lcp(GAP, LcpAttribution(element, url, GAP, GAP, GAP, GAP, file, entry)))


LARGEST = {kind: _largest(kind) for kind in (0, 1, 3, 4, 5, 7, AGAIN)}
SHIFT = Form(Cls(GAP, ClsAttribution(GAP, GAP, GAP, TEXT_GAP)))
STILL = Form(Cls(0, ClsAttribution())).text()
FIRST_INPUT = Form(Fid(GAP, FidAttribution(GAP, TEXT_GAP, GAP, TEXT_GAP)))
SLOWEST_INPUT = Form(Inp(GAP, InpAttribution(GAP, GAP, GAP, TEXT_GAP, GAP, GAP, GAP, TEXT_GAP)))


def states(scene: Scene, load: Ints, after: Ints) -> list[str]:
    """document.readyState, in web-vitals' words, so many ticks after the navigation's start."""
    loading = scene.loading
    reached = (after >= loading.interactive[load]).astype(np.int64) + (after >= loading.parsed[load])
    reached += after >= loading.complete[load]
    return [STATES[state] for state in reached.tolist()]


def _start(scene: Scene, load: Ints) -> Ints:
    start: Ints = scene.time.start[scene.loading.view[load]]
    return start


def _can(scene: Scene, vital: str) -> Bools:
    """Whether the browser of each load's session measures a vital."""
    able: Bools = scene.crowd.supports(scene.people, vital)[scene.load_session]
    return able


def fcp(scene: Scene) -> Column:
    """First contentful paint, recorded once the client runs."""
    rows, loading = scene.own_loads, scene.loading
    value, first_byte = loading.fcp[rows], loading.ttfb[rows]
    at = _start(scene, rows) + np.maximum(value, loading.ready[rows])
    details = PAINTED.texts(told(value), told(first_byte), told(value - first_byte), states(scene, rows, value))
    return Column(FCP, loading.view[rows], at, scene.ids("fcp", rows, scene.loads), details)


def first_hide(scene: Scene) -> Ints:
    """When each load's page is hidden for the first time."""
    first = scene.time.load_end.copy()
    views = np.flatnonzero(scene.time.away >= 0)
    np.minimum.at(first, scene.time.load[views], scene.time.away[views])
    return first


def lcp(scene: Scene, seen: Inputs, heroes: Heroes) -> Column:
    """Largest contentful paint, as far as it had come when the first input or the first hide ended the search."""
    loading, start = scene.loading, _start(scene, np.arange(scene.loads))
    at = first_hide(scene)
    opening = np.flatnonzero(seen.first)
    at[seen.load[opening]] = np.minimum(at[seen.load[opening]], seen.at[opening])
    at = np.where(scene.restored, np.minimum(start + loading.lcp, scene.time.load_end - 1), at)
    rows = scene.own_loads[_can(scene, "lcp")[scene.own_loads]]
    early = start[rows] + loading.lcp[rows] > at[rows]
    text = heroes.text[rows] | early
    value = np.where(early, loading.fcp[rows], loading.lcp[rows])
    view = scene.time.current(loading.view[rows], np.minimum(at[rows], scene.time.load_end[rows] - 1))
    details = _lcp_details(scene, rows, value, text, at[rows], heroes)
    return Column(LCP, view, at[rows], scene.ids("lcp", rows, scene.loads), details)


def _lcp_details(scene: Scene, rows: Ints, value: Ints, text: Bools, at: Ints, heroes: Heroes) -> list[str]:
    first_byte = scene.loading.ttfb[rows]
    delay, loaded = np.where(text, 0, heroes.delay[rows]), np.where(text, 0, heroes.loaded[rows])
    times = (value, first_byte, delay, loaded, value - first_byte - delay - loaded)
    whole, *parts = (objects(told(each)) for each in times)
    urls = objects([quoted(heroes.urls[row]) for row in rows.tolist()])
    files = objects([heroes.ids.get(row) for row in rows.tolist()])
    entries = objects(scene.ids("navigation", rows, scene.loads))
    fetched = np.array([each is not None for each in files], dtype=bool)
    kinds = np.where(text, 0, IMAGE + FETCHED * fetched) + NAVIGATED * (recorded(scene)[rows] <= at)
    kinds[scene.restored[rows]] = AGAIN
    gaps = [(0, whole), (IMAGE, urls), *((0, part) for part in parts), (FETCHED, files), (NAVIGATED, entries)]
    texts = objects([""] * len(rows))
    for kind, form in LARGEST.items():
        spots = np.flatnonzero(kinds == kind)
        texts[spots] = form.texts(*(column[spots].tolist() for flag, column in gaps if not flag or kind & flag))
    return cast(list[str], texts.tolist())


def cls(scene: Scene) -> Column:
    """Cumulative layout shift of every painted load, also when nothing shifted."""
    stream, loading, count = scene.stream("cls"), scene.loading, scene.loads
    device = scene.people.device[scene.load_session]
    zero, median, sigma = (
        by_device(scene.scenario.telemetry, f"cls_{name}")[device] for name in ("zero", "median", "sigma")
    )
    uniform = stream.random((4, count))
    value = np.where(uniform[0] < zero, 0.0, np.round(median * np.exp(sigma * stream.standard_normal(count)), 4))
    target = np.floor(uniform[3] * 1e6).astype(np.int64) % len(SHIFTED)
    elements = list(SHIFTED)
    for incident, views in scene.struck:
        if isinstance(incident, LayoutShift):
            hit = views[loading.view]
            value = np.where(hit, np.round(value + incident.shift * (0.7 + 0.6 * uniform[3]), 4), value)
            target = np.where(hit, len(elements), target)
            elements.append(incident.element)
    painted = np.maximum(loading.fcp, loading.ready)
    moment = loading.fcp + np.floor((loading.complete - loading.fcp) * uniform[1]).astype(np.int64)
    late = painted + np.floor(scene.visible[loading.view] * uniform[1]).astype(np.int64)
    moment = np.where(uniform[2] < 0.8, moment, late)
    moment = np.where(
        value > 0, np.clip(moment, loading.fcp, scene.time.load_end - scene.time.start[loading.view] - 1), painted
    )
    rows = scene.own_loads[_can(scene, "cls")[scene.own_loads]]
    largest = np.round(value * (0.5 + 0.5 * uniform[3]), 4)
    shifted = SHIFT.texts(
        decimals(value[rows]), [quoted(elements[element]) for element in target[rows].tolist()],
        decimals(largest[rows]), told(moment[rows]), states(scene, rows, moment[rows]),
    )  # fmt: skip
    details = [text if whole else STILL for text, whole in zip(shifted, value[rows].tolist(), strict=True)]
    at = _start(scene, rows) + np.maximum(moment, loading.ready)[rows]
    view = scene.time.current(loading.view[rows], at)
    return Column(CLS, view, at, scene.ids("cls", rows, scene.loads), details)


def _delays(scene: Scene) -> Ints:
    """Input delay of each load's first input, in ticks."""
    device = scene.people.device[scene.load_session]
    telemetry = scene.scenario.telemetry
    median, sigma = by_device(telemetry, "fid_median_ms")[device], by_device(telemetry, "fid_sigma")[device]
    return np.maximum(ticks(median * np.exp(sigma * scene.stream("fid").standard_normal(scene.loads))), 1)


def fid(scene: Scene, seen: Inputs) -> Column:
    """First input delay of each load with an input."""
    rows = np.flatnonzero(seen.first)
    rows = rows[_can(scene, "fid")[seen.load[rows]] & scene.own_view_mask[seen.view[rows]]]
    load, when = seen.load[rows], seen.at[rows]
    value = _delays(scene)[load]
    after = when - _start(scene, load)
    at = np.minimum(when + value, np.maximum(scene.time.load_end[load] - 1, when))
    targets = [quoted(target.selector) for target in scene.site.targets]
    details = FIRST_INPUT.texts(
        told(value), [targets[target] for target in seen.target[rows].tolist()],
        [EVENT_TYPES[typed] for typed in seen.typed[rows].tolist()], told(after), states(scene, load, after),
    )  # fmt: skip
    return Column(FID, scene.time.current(seen.view[rows], at), at, scene.ids("fid", load, scene.loads), details)


def inp(scene: Scene, seen: Inputs) -> Column:
    """Interaction to next paint of each load with an input that stays in the page."""
    stream = scene.stream("inp")
    device = scene.people.device[scene.load_session]
    telemetry = scene.scenario.telemetry
    median, sigma = by_device(telemetry, "inp_median_ms")[device], by_device(telemetry, "inp_sigma")[device]
    drawn = median * np.exp(
        sigma * scene.slowness.mixed(scene.slowness.machine[scene.load_session], stream.standard_normal(scene.loads))
    )
    value = np.maximum(np.rint(drawn / INP_STEP).astype(np.int64), 1) * INP_STEP
    row, load = _worst(scene, seen, stream.random(scene.loads), value)
    own = _can(scene, "inp")[load] & scene.own_view_mask[seen.view[row]]
    parts = shares(stream, scene.loads, (0.05, 0.7, 0.25), 0.6)
    row, load = row[own], load[own]
    return _inp_column(scene, seen, row, load, value[load], parts[:, load])


def _worst(scene: Scene, seen: Inputs, uniform: Floats, value: Ints) -> tuple[Ints, Ints]:
    """Which input of each load was the slowest: any that stays in the page, the first one if none was noticeable."""
    staying = np.flatnonzero(~seen.leaving)
    loads, begins, number = np.unique(seen.load[staying], return_index=True, return_counts=True)
    pick = np.where(value[loads] >= NOTICEABLE, np.floor(uniform[loads] * number).astype(np.int64), 0)
    return staying[begins + pick], loads


def _inp_column(scene: Scene, seen: Inputs, row: Ints, load: Ints, value: Ints, parts: Floats) -> Column:
    whole = value * 10
    delay = np.where(
        seen.first[row], np.minimum(_delays(scene)[load], whole), np.floor(whole * parts[0]).astype(np.int64)
    )
    processing = np.floor((whole - delay) * parts[1] / (parts[1] + parts[2])).astype(np.int64)
    after = seen.at[row] - _start(scene, load)
    targets = [quoted(target.selector) for target in scene.site.targets]
    details = SLOWEST_INPUT.texts(
        map(str, value.tolist()), [targets[target] for target in seen.target[row].tolist()], told(after),
        told(after + whole), ["keyboard" if typed else "pointer" for typed in seen.typed[row].tolist()], told(delay),
        told(processing), told(whole - delay - processing), states(scene, load, after),
    )  # fmt: skip
    at = np.minimum(seen.at[row] + whole, scene.time.load_end[load] - 1)
    return Column(
        INP, scene.time.current(seen.view[row], seen.at[row]), at, scene.ids("inp", load, scene.loads), details
    )
