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
from loadgen.traffic.block_draws import PAINT_WAIT, BlockDraws, Column, EventIds
from loadgen.traffic.draws import Bools, Floats, Ints, to_ticks, write_numbers
from loadgen.traffic.loading import read_by_device
from loadgen.traffic.telemetry.interactions import Inputs
from loadgen.traffic.telemetry.navigation import draw_shares
from loadgen.traffic.telemetry.reactions import Reactions
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
INP_TICKS = 80
"""Browsers round the duration of an input event to 8 ms (Event Timing)."""

PRESENTED = 100
"""Least ticks from a paint to the callback that tells it."""

ONE_SHIFT = 0.85
"""Loads whose CLS is one shift; an estimate (0.62 and 0.88 of the recorded visits)."""

SHIFTS, ANSWERED_MS = (0.4, 0.85), 250.0
"""Shares of largest shifts while the document loads, and by then or shortly after it; mean ms after it. Estimates."""

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
    """First contentful paint, which the observer tells after the frame was shown and once the client runs."""
    loading, rows = draws.loading, draws.own_loads
    told = np.maximum(loading.fcp + PRESENTED, loading.ready) + draws.waits[PAINT_WAIT]
    at = draws.time.start[loading.view] + np.where(draws.restored, np.maximum(loading.fcp, loading.ready), told)
    rows = rows[at[rows] < draws.time.load_end[rows]]
    value, first_byte = loading.fcp[rows], loading.ttfb[rows]

    def details(places: Ints) -> list[str]:
        some, whole, before = rows[places], value[places], first_byte[places]
        write = draws.write_times
        return PAINTED.texts(
            write(some, whole),
            write(some, before),
            write(some, whole - before, before),
            find_states(draws, some, whole),
        )

    return Column(FCP, EventIds("fcp", rows, draws.loads), loading.view[rows], at[rows], details)


def record_cls(draws: BlockDraws) -> Column:
    """Cumulative layout shift of every painted load, also when nothing shifted; hardly any is above 1 (CrUX)."""
    stream, loading, count = draws.stream("cls"), draws.loading, draws.loads
    device = draws.people.device[draws.load_session]
    zero, median, sigma = (
        read_by_device(draws.scenario.telemetry, f"cls_{name}")[device] for name in ("zero", "median", "sigma")
    )
    uniform = stream.random((5, count))
    shifted = median * np.exp(sigma * stream.standard_normal(count))
    value = np.where(uniform[0] < zero, 0.0, np.where(shifted > 1, uniform[1], shifted))
    largest = np.where(uniform[4] < ONE_SHIFT, value, value * (0.5 + 0.5 * uniform[3]))
    target = np.floor(uniform[3] * 1e6).astype(np.int64) % len(SHIFTED)
    elements = list(SHIFTED)
    for incident, views in draws.struck:
        if isinstance(incident, LayoutShift):
            hit = views[loading.view]
            value = np.where(hit, value + incident.shift * (0.7 + 0.6 * uniform[3]), value)
            largest = np.where(hit, np.maximum(largest, value - largest), largest)
            target = np.where(hit, len(elements), target)
            elements.append(incident.element)
    rows = draws.own_loads[is_measured(draws, "cls")[draws.own_loads]]
    painted = np.maximum(loading.fcp, loading.ready)
    moment = np.where(value > 0, _draw_shift_times(draws, uniform[1], uniform[2], painted), painted)
    targets = [escape(element) for element in elements]

    def details(places: Ints) -> list[str]:
        some = rows[places]
        shifted = SHIFT.texts(
            write_numbers(value[some]), [targets[each] for each in target[some].tolist()], write_numbers(largest[some]),
            draws.write_times(some, moment[some]), find_states(draws, some, moment[some]),
        )  # fmt: skip
        return [text if whole else STILL for text, whole in zip(shifted, value[some].tolist(), strict=True)]

    at = find_load_starts(draws, rows) + np.maximum(moment, loading.ready)[rows]
    view = draws.time.find_current(loading.view[rows], at)
    return Column(CLS, EventIds("cls", rows, draws.loads), view, at, details)


def _draw_shift_times(draws: BlockDraws, where: Floats, when: Floats, painted: Ints) -> Ints:
    """When the largest shift happens: while the document loads, as late answers come in, or any time later."""
    loading = draws.loading
    loads = loading.fcp + np.floor(np.maximum(loading.complete - loading.fcp, 0) * where).astype(np.int64)
    answers = np.maximum(painted, loading.complete) + to_ticks(-ANSWERED_MS * np.log1p(-where))
    late = painted + np.floor(draws.visible[loading.view] * where).astype(np.int64)
    moment = np.select([when < SHIFTS[0], when < SHIFTS[1]], [loads, answers], late)
    moment = np.clip(moment, loading.fcp, draws.time.load_end - draws.time.start[loading.view] - 1)
    return draws.clocks.coarsen(np.arange(draws.loads), moment)


def draw_delays(draws: BlockDraws) -> Ints:
    """Input delay of each load's first input, in ticks."""
    device = draws.people.device[draws.load_session]
    telemetry = draws.scenario.telemetry
    median, sigma = read_by_device(telemetry, "fid_median_ms")[device], read_by_device(telemetry, "fid_sigma")[device]
    drawn = np.maximum(to_ticks(median * np.exp(sigma * draws.stream("fid").standard_normal(draws.loads))), 1)
    return draws.clocks.coarsen(np.arange(draws.loads), drawn)


def record_fid(draws: BlockDraws, seen: Inputs, react: Reactions) -> Column:
    """First input delay of each load with an input, told when the input's entry comes."""
    rows = np.flatnonzero(seen.first)
    rows = rows[is_measured(draws, "fid")[seen.load[rows]] & draws.own_view_mask[seen.view[rows]]]
    value = draw_delays(draws)[seen.load[rows]]
    at = seen.at[rows] + value + react.entry[rows]
    lives = at < draws.time.load_end[seen.load[rows]]
    rows, value, at = rows[lives], value[lives], at[lives]
    load = seen.load[rows]
    after = draws.clocks.coarsen(load, seen.at[rows] - find_load_starts(draws, load))
    targets = _escape_selectors(draws)

    def details(places: Ints) -> list[str]:
        some, begun = load[places], after[places]
        return FIRST_INPUT.texts(
            draws.write_times(some, value[places], begun),
            _find_targets(targets, seen.target[rows[places]], seen.nameless[rows[places]]),
            [EVENT_TYPES[typed] for typed in seen.typed[rows[places]].tolist()],
            draws.write_times(some, begun),
            find_states(draws, some, begun),
        )

    view = draws.time.find_current(seen.view[rows], at)
    return Column(FID, EventIds("fid", load, draws.loads), view, at, details)


def record_inp(draws: BlockDraws, seen: Inputs, react: Reactions) -> Column:
    """Interaction to next paint of each load with an input after which the page lived until it was idle."""
    stream = draws.stream("inp")
    device = draws.people.device[draws.load_session]
    telemetry = draws.scenario.telemetry
    median, sigma = read_by_device(telemetry, "inp_median_ms")[device], read_by_device(telemetry, "inp_sigma")[device]
    drawn = to_ticks(median * np.exp(
        sigma * draws.slowness.mix(draws.slowness.machine[draws.load_session], stream.standard_normal(draws.loads))
    ))  # fmt: skip
    told = seen.at + np.maximum(react.later, drawn[seen.load])
    row, load = _find_slowest(draws, seen, told, stream.random(draws.loads), drawn)
    own = is_measured(draws, "inp")[load] & draws.own_view_mask[seen.view[row]]
    parts = draw_shares(stream, draws.loads, (0.05, 0.7, 0.25), 0.6)
    row, load = row[own], load[own]
    return _build_inp(draws, seen, (row, load, told[row]), drawn[load], parts[:, load])


def _find_slowest(draws: BlockDraws, seen: Inputs, told: Ints, uniform: Floats, drawn: Ints) -> tuple[Ints, Ints]:
    """Which input of each load was the slowest: any that the client could tell, the first if none was noticeable."""
    found = np.flatnonzero(told < draws.time.load_end[seen.load])
    loads, begins, number = np.unique(seen.load[found], return_index=True, return_counts=True)
    pick = np.where(drawn[loads] >= NOTICEABLE * 10, np.floor(uniform[loads] * number).astype(np.int64), 0)
    row = found[begins + pick]
    noticed = seen.first[row] | (drawn[loads] >= NOTICEABLE * 10)
    return row[noticed], loads[noticed]


def _build_inp(draws: BlockDraws, seen: Inputs, found: tuple[Ints, Ints, Ints], drawn: Ints, parts: Floats) -> Column:
    """The events: `drawn` is how long each interaction took in truth; browsers round that to 8 ms, not its parts."""
    row, load, at = found
    coarsen = draws.clocks.coarsen
    delay = np.where(
        seen.first[row], np.minimum(draw_delays(draws)[load], drawn), np.floor(drawn * parts[0]).astype(np.int64)
    )
    ran = np.floor((drawn - delay) * parts[1] / (parts[1] + parts[2])).astype(np.int64)
    ran = coarsen(load, np.where(seen.nameless[row] & (drawn < NOTICEABLE * 10), 0, ran))
    delay = coarsen(load, delay)
    whole = np.rint(drawn / INP_TICKS).astype(np.int64) * INP_TICKS
    after = coarsen(load, seen.at[row] - find_load_starts(draws, load))
    painted = np.maximum(whole, delay + ran)
    # an interaction that takes longer has an entry of its click too, for which the client itself listens
    nameless = seen.nameless[row] & (whole < NOTICEABLE * 10)
    targets = _escape_selectors(draws)

    def details(places: Ints) -> list[str]:
        some, begun, waited, worked = load[places], after[places], delay[places], ran[places]
        ended, write = begun + waited + worked, draws.write_times
        return SLOWEST_INPUT.texts(
            write(some, whole[places]), _find_targets(targets, seen.target[row[places]], nameless[places]),
            write(some, begun), write(some, begun + painted[places]),
            ["keyboard" if typed else "pointer" for typed in seen.typed[row[places]].tolist()],
            write(some, waited, begun), write(some, worked, begun + waited),
            write(some, painted[places] - waited - worked, ended), find_states(draws, some, begun),
        )  # fmt: skip

    return Column(
        INP, EventIds("inp", load, draws.loads), draws.time.find_current(seen.view[row], seen.at[row]), at, details
    )


def _find_targets(targets: list[str], target: Ints, nameless: Bools) -> list[str]:
    """The selectors of inputs' targets; "" for those of which the browser tells none."""
    named = zip(target.tolist(), nameless.tolist(), strict=True)
    return ["" if nameless else targets[target] for target, nameless in named]


def _escape_selectors(draws: BlockDraws) -> list[str]:
    return [escape(target.selector) for target in draws.site.targets]
