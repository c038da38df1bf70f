"""First input delay and interaction to next paint, of the loads with an input.

Rule: INP is a candidate: the slowest by the time when the page is hidden is sent, at the moment when it was told.
"""

from __future__ import annotations

import numpy as np

from loadgen.rum.events import FID, INP, Fid, Inp
from loadgen.traffic.block_draws import BlockDraws, Column, EventIds
from loadgen.traffic.draws import Bools, Floats, Ints, round_down, round_off, to_ticks
from loadgen.traffic.journey import FAR_TICK
from loadgen.traffic.telemetry.interactions import Inputs
from loadgen.traffic.telemetry.navigation import draw_shares
from loadgen.traffic.telemetry.reactions import Reactions, draw_delays, draw_slowest, find_working
from loadgen.traffic.telemetry.vitals import find_states, is_measured
from loadgen.wire.json_templates import Template, escape

EVENT_TYPES = ("pointerdown", "keydown")
INP_TICKS = 80
"""Browsers round the duration of an input event to 8 ms (Event Timing)."""

HANDLED_MU, HANDLED_SIGMA = -0.9, 0.7
"""ln ms that the client's listeners take for an input on which nothing else works (of two recorded sites)."""

NOTICEABLE = 40
"""Shorter interactions (ms) are reported only when they are the first input (web-vitals, durationThreshold)."""

FIRST_INPUT, SLOWEST_INPUT = Template.for_type(Fid), Template.for_type(Inp)


def record_fid(draws: BlockDraws, seen: Inputs, react: Reactions) -> Column:
    """First input delay of each load with an input, told when the input's entry comes."""
    rows = np.flatnonzero(seen.first)
    rows = rows[is_measured(draws, "fid")[seen.load[rows]] & draws.own_view_mask[seen.view[rows]]]
    value = draw_delays(draws)[seen.load[rows]]
    at = seen.at[rows] + value + react.entry[rows]
    lives = at < draws.time.load_end[seen.load[rows]]
    rows, value, at = rows[lives], value[lives], at[lives]
    load = seen.load[rows]
    after = draws.clocks.coarsen(load, seen.at[rows] - draws.load_start[load])
    targets = _escape_selectors(draws)

    def details(places: Ints) -> list[str]:
        some, begun = load[places], after[places]
        delay, moment = draws.write_times(some, (value[places], begun), (begun, 0))
        return FIRST_INPUT.write_all(
            delay,
            _find_targets(targets, seen.target[rows[places]], seen.nameless[rows[places]]),
            [EVENT_TYPES[typed] for typed in seen.typed[rows[places]].tolist()],
            moment,
            find_states(draws, some, begun),
        )

    view = draws.time.find_current(seen.view[rows], at)
    return Column(FID, EventIds("fid", load, draws.loads), view, at, details)


def record_inp(draws: BlockDraws, seen: Inputs, react: Reactions) -> Column:
    """Interaction to next paint of each load with an input after which the page lived until it was idle."""
    stream = draws.stream("inp")
    drawn = draw_slowest(draws, stream)
    told = seen.at + np.maximum(react.later, drawn[seen.load])
    row, load = _find_slowest(draws, seen, told, stream.random(draws.loads), drawn)
    parts = draw_shares(stream, draws.loads, (0.05, 0.8, 0.15), 0.6)
    handled = to_ticks(np.exp(HANDLED_MU + HANDLED_SIGMA * stream.standard_normal(draws.loads)))
    row, took = _add_lesser(draws, seen, told, (row, drawn[load]), draws.stream("lesser inputs").random(draws.loads))
    own = is_measured(draws, "inp")[seen.load[row]] & draws.own_view_mask[seen.view[row]]
    row, took = row[own], took[own]
    ran = np.where(find_working(draws, seen)[row], took, handled[seen.load[row]])
    return _build_inp(draws, seen, (row, seen.load[row], told[row]), (took, ran), parts[:, seen.load[row]])


def _add_lesser(
    draws: BlockDraws, seen: Inputs, told: Ints, slowest: tuple[Ints, Ints], uniform: Floats
) -> tuple[Ints, Ints]:
    """The inputs that the client tells, and how long each took: the slowest of a load by each of its hides.

    INP is a candidate, sent when the page is hidden. What comes after that is told again if it is slower.
    """
    row, took = slowest
    hides = _count_hides(draws, seen.load, told)
    last = np.full(draws.loads, -1)
    last[seen.load[row]] = hides[row]
    early = np.flatnonzero((told < draws.time.load_end[seen.load]) & (hides < last[seen.load]))
    if not early.size:
        return slowest
    early = early[np.unique(seen.load[early] * FAR_TICK + hides[early], return_index=True)[1]]
    load, whole = seen.load[early], np.zeros(draws.loads, dtype=np.int64)
    whole[seen.load[row]] = took
    steps = np.searchsorted(load, load, side="right") - np.arange(len(load))
    lesser = round_down(whole[load] * uniform[load] ** steps)
    lesser = np.where(seen.first[early], np.maximum(lesser, draw_delays(draws)[load]), lesser)
    noticed = seen.first[early] | (lesser >= NOTICEABLE * 10)
    row, took = np.concatenate((row, early[noticed])), np.concatenate((took, lesser[noticed]))
    order = np.lexsort((hides[row], seen.load[row]))
    row, took = row[order], took[order]
    shown, load = _round_duration(took), seen.load[row]
    slower = np.append(True, (load[1:] != load[:-1]) | (shown[1:] > shown[:-1]))
    return row[slower], took[slower]


def _count_hides(draws: BlockDraws, load: Ints, at: Ints) -> Ints:
    """How often each document was hidden by a moment."""
    view = np.flatnonzero(draws.time.away >= 0)
    hidden = np.sort(draws.time.load[view] * FAR_TICK + draws.time.away[view])
    counted: Ints = np.searchsorted(hidden, load * FAR_TICK + at, side="right") - np.searchsorted(
        hidden, load * FAR_TICK
    )
    return counted


def _round_duration(took: Ints) -> Ints:
    """Durations as Event Timing tells them."""
    return round_off(took / INP_TICKS) * INP_TICKS


def _find_slowest(draws: BlockDraws, seen: Inputs, told: Ints, uniform: Floats, drawn: Ints) -> tuple[Ints, Ints]:
    """Which input of each load was the slowest: any that the client could tell, the first if none was noticeable."""
    found = np.flatnonzero(told < draws.time.load_end[seen.load])
    loads, begins, number = np.unique(seen.load[found], return_index=True, return_counts=True)
    pick = np.where(drawn[loads] >= NOTICEABLE * 10, round_down(uniform[loads] * number), 0)
    row = found[begins + pick]
    noticed = seen.first[row] | (drawn[loads] >= NOTICEABLE * 10)
    return row[noticed], loads[noticed]


def _build_inp(
    draws: BlockDraws, seen: Inputs, found: tuple[Ints, Ints, Ints], lengths: tuple[Ints, Ints], parts: Floats
) -> Column:
    """The events: `lengths` are those of each interaction in truth, and of its handlers at most.

    Browsers round the first to 8 ms, not its parts.
    """
    row, load, at = found
    drawn, handled = lengths
    coarsen = draws.clocks.coarsen
    delay = np.where(seen.first[row], draw_delays(draws)[load], round_down(drawn * parts[0]))
    ran = np.minimum(round_down((drawn - delay) * parts[1] / (parts[1] + parts[2])), handled)
    ran = coarsen(load, np.where(seen.nameless[row] & (drawn < NOTICEABLE * 10), 0, ran))
    delay = coarsen(load, delay)
    whole = _round_duration(drawn)
    after = coarsen(load, seen.at[row] - draws.load_start[load])
    painted = np.maximum(whole, delay + ran)
    # an interaction that takes longer has an entry of its click too, for which the client itself listens
    nameless = seen.nameless[row] & (whole < NOTICEABLE * 10)
    targets = _escape_selectors(draws)

    def details(places: Ints) -> list[str]:
        some, begun, waited, worked = load[places], after[places], delay[places], ran[places]
        value, *moments, waits, works, shows = draws.write_times(
            some, (whole[places], 0), (begun, 0), (begun + painted[places], 0), (waited, begun),
            (worked, begun + waited), (painted[places] - waited - worked, begun + waited + worked),
        )  # fmt: skip
        return SLOWEST_INPUT.write_all(
            value, _find_targets(targets, seen.target[row[places]], nameless[places]), *moments,
            ["keyboard" if typed else "pointer" for typed in seen.typed[row[places]].tolist()],
            waits, works, shows, find_states(draws, some, begun),
        )  # fmt: skip

    return Column(
        INP, EventIds("inp", row, len(seen.at)), draws.time.find_current(seen.view[row], seen.at[row]), at, details
    )


def _find_targets(targets: list[str], target: Ints, nameless: Bools) -> list[str]:
    """The selectors of inputs' targets; "" for those of which the browser tells none."""
    named = zip(target.tolist(), nameless.tolist(), strict=True)
    return ["" if nameless else targets[target] for target, nameless in named]


def _escape_selectors(draws: BlockDraws) -> list[str]:
    return [escape(target.selector) for target in draws.site.targets]
