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
from loadgen.traffic.block_draws import BlockDraws, Column, EventIds
from loadgen.traffic.draws import Bools, Floats, Ints, to_ticks, write_ms, write_numbers
from loadgen.traffic.loading import read_by_device
from loadgen.traffic.telemetry.interactions import Inputs
from loadgen.traffic.telemetry.navigation import draw_shares
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


def find_states(draws: BlockDraws, load: Ints, after: Ints) -> list[str]:
    """document.readyState, in web-vitals' words, so many ticks after the navigation's start."""
    loading = draws.loading
    reached = (after >= loading.interactive[load]).astype(np.int64) + (after >= loading.parsed[load])
    reached += after >= loading.complete[load]
    return [STATES[state] for state in reached.tolist()]


def find_load_starts(draws: BlockDraws, load: Ints) -> Ints:
    """When loads start, in ticks from their sessions'."""
    start: Ints = draws.time.start[draws.loading.view[load]]
    return start


def is_measured(draws: BlockDraws, vital: str) -> Bools:
    """Whether the browser of each load's session measures a vital."""
    able: Bools = draws.crowd.can_measure(draws.people, vital)[draws.load_session]
    return able


def record_fcp(draws: BlockDraws) -> Column:
    """First contentful paint, recorded once the client runs."""
    rows, loading = draws.own_loads, draws.loading
    value, first_byte = loading.fcp[rows], loading.ttfb[rows]
    at = find_load_starts(draws, rows) + np.maximum(value, loading.ready[rows])

    def details(places: Ints) -> list[str]:
        whole, before = value[places], first_byte[places]
        return PAINTED.texts(
            write_ms(whole),
            write_ms(before),
            write_ms(whole - before),
            find_states(draws, rows[places], whole),
        )

    return Column(FCP, EventIds("fcp", rows, draws.loads), loading.view[rows], at, details)


def record_cls(draws: BlockDraws) -> Column:
    """Cumulative layout shift of every painted load, also when nothing shifted; hardly any is above 1 (CrUX)."""
    stream, loading, count = draws.stream("cls"), draws.loading, draws.loads
    device = draws.people.device[draws.load_session]
    zero, median, sigma = (
        read_by_device(draws.scenario.telemetry, f"cls_{name}")[device] for name in ("zero", "median", "sigma")
    )
    uniform = stream.random((4, count))
    shifted = np.round(median * np.exp(sigma * stream.standard_normal(count)), 4)
    value = np.where(uniform[0] < zero, 0.0, np.where(shifted > 1, np.round(uniform[1], 4), shifted))
    target = np.floor(uniform[3] * 1e6).astype(np.int64) % len(SHIFTED)
    elements = list(SHIFTED)
    for incident, views in draws.struck:
        if isinstance(incident, LayoutShift):
            hit = views[loading.view]
            value = np.where(hit, np.round(value + incident.shift * (0.7 + 0.6 * uniform[3]), 4), value)
            target = np.where(hit, len(elements), target)
            elements.append(incident.element)
    painted = np.maximum(loading.fcp, loading.ready)
    moment = loading.fcp + np.floor((loading.complete - loading.fcp) * uniform[1]).astype(np.int64)
    late = painted + np.floor(draws.visible[loading.view] * uniform[1]).astype(np.int64)
    moment = np.where(uniform[2] < 0.8, moment, late)
    moment = np.where(
        value > 0, np.clip(moment, loading.fcp, draws.time.load_end - draws.time.start[loading.view] - 1), painted
    )
    rows = draws.own_loads[is_measured(draws, "cls")[draws.own_loads]]
    largest = np.round(value * (0.5 + 0.5 * uniform[3]), 4)
    targets = [escape(element) for element in elements]

    def details(places: Ints) -> list[str]:
        some = rows[places]
        shifted = SHIFT.texts(
            write_numbers(value[some]), [targets[each] for each in target[some].tolist()], write_numbers(largest[some]),
            write_ms(moment[some]), find_states(draws, some, moment[some]),
        )  # fmt: skip
        return [text if whole else STILL for text, whole in zip(shifted, value[some].tolist(), strict=True)]

    at = find_load_starts(draws, rows) + np.maximum(moment, loading.ready)[rows]
    view = draws.time.find_current(loading.view[rows], at)
    return Column(CLS, EventIds("cls", rows, draws.loads), view, at, details)


def _draw_delays(draws: BlockDraws) -> Ints:
    """Input delay of each load's first input, in ticks."""
    device = draws.people.device[draws.load_session]
    telemetry = draws.scenario.telemetry
    median, sigma = read_by_device(telemetry, "fid_median_ms")[device], read_by_device(telemetry, "fid_sigma")[device]
    return np.maximum(to_ticks(median * np.exp(sigma * draws.stream("fid").standard_normal(draws.loads))), 1)


def record_fid(draws: BlockDraws, seen: Inputs) -> Column:
    """First input delay of each load with an input."""
    rows = np.flatnonzero(seen.first)
    rows = rows[is_measured(draws, "fid")[seen.load[rows]] & draws.own_view_mask[seen.view[rows]]]
    load, when = seen.load[rows], seen.at[rows]
    value = _draw_delays(draws)[load]
    after = when - find_load_starts(draws, load)
    at = np.minimum(when + value, np.maximum(draws.time.load_end[load] - 1, when))
    targets = _escape_selectors(draws)

    def details(places: Ints) -> list[str]:
        return FIRST_INPUT.texts(
            write_ms(value[places]), [targets[target] for target in seen.target[rows[places]].tolist()],
            [EVENT_TYPES[typed] for typed in seen.typed[rows[places]].tolist()], write_ms(after[places]),
            find_states(draws, load[places], after[places]),
        )  # fmt: skip

    view = draws.time.find_current(seen.view[rows], at)
    return Column(FID, EventIds("fid", load, draws.loads), view, at, details)


def record_inp(draws: BlockDraws, seen: Inputs) -> Column:
    """Interaction to next paint of each load with an input that stays in the page."""
    stream = draws.stream("inp")
    device = draws.people.device[draws.load_session]
    telemetry = draws.scenario.telemetry
    median, sigma = read_by_device(telemetry, "inp_median_ms")[device], read_by_device(telemetry, "inp_sigma")[device]
    drawn = median * np.exp(
        sigma * draws.slowness.mix(draws.slowness.machine[draws.load_session], stream.standard_normal(draws.loads))
    )
    value = np.maximum(np.rint(drawn / INP_STEP).astype(np.int64), 1) * INP_STEP
    row, load = _find_slowest(draws, seen, stream.random(draws.loads), value)
    own = is_measured(draws, "inp")[load] & draws.own_view_mask[seen.view[row]]
    parts = draw_shares(stream, draws.loads, (0.05, 0.7, 0.25), 0.6)
    row, load = row[own], load[own]
    return _build_inp(draws, seen, row, load, value[load], parts[:, load])


def _find_slowest(draws: BlockDraws, seen: Inputs, uniform: Floats, value: Ints) -> tuple[Ints, Ints]:
    """Which input of each load was the slowest: any that stays in the page, the first one if none was noticeable."""
    staying = np.flatnonzero(~seen.leaving)
    loads, begins, number = np.unique(seen.load[staying], return_index=True, return_counts=True)
    pick = np.where(value[loads] >= NOTICEABLE, np.floor(uniform[loads] * number).astype(np.int64), 0)
    return staying[begins + pick], loads


def _build_inp(draws: BlockDraws, seen: Inputs, row: Ints, load: Ints, value: Ints, parts: Floats) -> Column:
    whole = value * 10
    delay = np.where(
        seen.first[row], np.minimum(_draw_delays(draws)[load], whole), np.floor(whole * parts[0]).astype(np.int64)
    )
    processing = np.floor((whole - delay) * parts[1] / (parts[1] + parts[2])).astype(np.int64)
    after = seen.at[row] - find_load_starts(draws, load)
    targets = _escape_selectors(draws)

    def details(places: Ints) -> list[str]:
        length, begun, waited, ran = whole[places], after[places], delay[places], processing[places]
        return SLOWEST_INPUT.texts(
            write_ms(length), [targets[target] for target in seen.target[row[places]].tolist()], write_ms(begun),
            write_ms(begun + length),
            ["keyboard" if typed else "pointer" for typed in seen.typed[row[places]].tolist()],
            write_ms(waited), write_ms(ran), write_ms(length - waited - ran), find_states(draws, load[places], begun),
        )  # fmt: skip

    at = np.minimum(seen.at[row] + whole, draws.time.load_end[load] - 1)
    return Column(
        INP, EventIds("inp", load, draws.loads), draws.time.find_current(seen.view[row], seen.at[row]), at, details
    )


def _escape_selectors(draws: BlockDraws) -> list[str]:
    return [escape(target.selector) for target in draws.site.targets]
