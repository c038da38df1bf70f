"""Web vitals events: FCP and CLS of each full load, FID and INP of those with an input.

Rule: CLS and INP stand at the moment of their last update.
"""

from __future__ import annotations

import numpy as np

from loadgen.rum.events import (
    CLS,
    FCP,
    FID,
    INP,
    Cls,
    ClsAttribution,
    Fcp,
    FcpAttribution,
    Fid,
    FidAttribution,
    Inp,
    InpAttribution,
)
from loadgen.scenario import LayoutShift
from loadgen.traffic.draws import Bools, Floats, Ints, decimals, ticks, told
from loadgen.traffic.telemetry.block_draws import Scene
from loadgen.traffic.telemetry.column import Column, Named
from loadgen.traffic.telemetry.inputs import Inputs
from loadgen.traffic.telemetry.loading import by_device
from loadgen.traffic.telemetry.navigation import shares
from loadgen.wire.json_templates import PLACEHOLDER, TEXT_PLACEHOLDER, Template, escape

STATES = ("loading", "dom-interactive", "dom-content-loaded", "complete")
EVENT_TYPES = ("pointerdown", "keydown")
SHIFTED = (
    "html>body>main>div.grid",
    "html>body>main>img.hero",
    "#recommendations",
    "html>body>header>div.banner",
    "#ad-top",
)
INP_STEP = 8
"""INP comes in steps of 8 ms."""
NOTICEABLE = 40
"""Shorter interactions (ms) are reported only when they are the first input (web-vitals, durationThreshold)."""


PAINTED = Template(Fcp(PLACEHOLDER, FcpAttribution(PLACEHOLDER, PLACEHOLDER, TEXT_PLACEHOLDER)))
SHIFT = Template(Cls(PLACEHOLDER, ClsAttribution(TEXT_PLACEHOLDER, PLACEHOLDER, PLACEHOLDER, TEXT_PLACEHOLDER)))
STILL = Template(Cls(0, ClsAttribution())).text()
FIRST_INPUT = Template(
    Fid(PLACEHOLDER, FidAttribution(TEXT_PLACEHOLDER, TEXT_PLACEHOLDER, PLACEHOLDER, TEXT_PLACEHOLDER))
)
SLOWEST_INPUT = Template(
    Inp(
        PLACEHOLDER,
        InpAttribution(
            TEXT_PLACEHOLDER,
            PLACEHOLDER,
            PLACEHOLDER,
            TEXT_PLACEHOLDER,
            PLACEHOLDER,
            PLACEHOLDER,
            PLACEHOLDER,
            TEXT_PLACEHOLDER,
        ),
    )
)


def states(scene: Scene, load: Ints, after: Ints) -> list[str]:
    """document.readyState, in web-vitals' words, so many ticks after the navigation's start."""
    loading = scene.loading
    reached = (after >= loading.interactive[load]).astype(np.int64) + (after >= loading.parsed[load])
    reached += after >= loading.complete[load]
    return [STATES[state] for state in reached.tolist()]


def start_of(scene: Scene, load: Ints) -> Ints:
    """When loads start, in ticks from their sessions'."""
    start: Ints = scene.time.start[scene.loading.view[load]]
    return start


def measured(scene: Scene, vital: str) -> Bools:
    """Whether the browser of each load's session measures a vital."""
    able: Bools = scene.crowd.supports(scene.people, vital)[scene.load_session]
    return able


def fcp(scene: Scene) -> Column:
    """First contentful paint, recorded once the client runs."""
    rows, loading = scene.own_loads, scene.loading
    value, first_byte = loading.fcp[rows], loading.ttfb[rows]
    at = start_of(scene, rows) + np.maximum(value, loading.ready[rows])

    def details(places: Ints) -> list[str]:
        whole, before = value[places], first_byte[places]
        return PAINTED.texts(told(whole), told(before), told(whole - before), states(scene, rows[places], whole))

    return Column(FCP, Named("fcp", rows, scene.loads), loading.view[rows], at, details)


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
    rows = scene.own_loads[measured(scene, "cls")[scene.own_loads]]
    largest = np.round(value * (0.5 + 0.5 * uniform[3]), 4)
    targets = [escape(element) for element in elements]

    def details(places: Ints) -> list[str]:
        some = rows[places]
        shifted = SHIFT.texts(
            decimals(value[some]), [targets[each] for each in target[some].tolist()], decimals(largest[some]),
            told(moment[some]), states(scene, some, moment[some]),
        )  # fmt: skip
        return [text if whole else STILL for text, whole in zip(shifted, value[some].tolist(), strict=True)]

    at = start_of(scene, rows) + np.maximum(moment, loading.ready)[rows]
    view = scene.time.current(loading.view[rows], at)
    return Column(CLS, Named("cls", rows, scene.loads), view, at, details)


def _delays(scene: Scene) -> Ints:
    """Input delay of each load's first input, in ticks."""
    device = scene.people.device[scene.load_session]
    telemetry = scene.scenario.telemetry
    median, sigma = by_device(telemetry, "fid_median_ms")[device], by_device(telemetry, "fid_sigma")[device]
    return np.maximum(ticks(median * np.exp(sigma * scene.stream("fid").standard_normal(scene.loads))), 1)


def fid(scene: Scene, seen: Inputs) -> Column:
    """First input delay of each load with an input."""
    rows = np.flatnonzero(seen.first)
    rows = rows[measured(scene, "fid")[seen.load[rows]] & scene.own_view_mask[seen.view[rows]]]
    load, when = seen.load[rows], seen.at[rows]
    value = _delays(scene)[load]
    after = when - start_of(scene, load)
    at = np.minimum(when + value, np.maximum(scene.time.load_end[load] - 1, when))
    targets = _selectors(scene)

    def details(places: Ints) -> list[str]:
        return FIRST_INPUT.texts(
            told(value[places]), [targets[target] for target in seen.target[rows[places]].tolist()],
            [EVENT_TYPES[typed] for typed in seen.typed[rows[places]].tolist()], told(after[places]),
            states(scene, load[places], after[places]),
        )  # fmt: skip

    view = scene.time.current(seen.view[rows], at)
    return Column(FID, Named("fid", load, scene.loads), view, at, details)


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
    own = measured(scene, "inp")[load] & scene.own_view_mask[seen.view[row]]
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
    after = seen.at[row] - start_of(scene, load)
    targets = _selectors(scene)

    def details(places: Ints) -> list[str]:
        length, begun, waited, ran = whole[places], after[places], delay[places], processing[places]
        return SLOWEST_INPUT.texts(
            told(length), [targets[target] for target in seen.target[row[places]].tolist()], told(begun),
            told(begun + length), ["keyboard" if typed else "pointer" for typed in seen.typed[row[places]].tolist()],
            told(waited), told(ran), told(length - waited - ran), states(scene, load[places], begun),
        )  # fmt: skip

    at = np.minimum(seen.at[row] + whole, scene.time.load_end[load] - 1)
    return Column(INP, Named("inp", load, scene.loads), scene.time.current(seen.view[row], seen.at[row]), at, details)


def _selectors(scene: Scene) -> list[str]:
    return [escape(target.selector) for target in scene.site.targets]
