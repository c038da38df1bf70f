"""First input delay and interaction to next paint, of the loads with an input.

Rule: the client holds INP as a candidate. When the page is hidden it sends the slowest interaction so far, with the
time at which web-vitals reported it.
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
from loadgen.traffic.telemetry.vitals import find_measuring_loads, find_states
from loadgen.wire.json_templates import Template, escape

EVENT_TYPES = ("pointerdown", "keydown")
INP_TICKS = 80
"""Browsers round the duration of an input event to 8 ms (Event Timing)."""

HANDLED_MU, HANDLED_SIGMA = -0.9, 0.7
"""Mean and standard deviation of the ln of the ms that the client's listeners take for an input that no other script
handles (of two recorded sites)."""

NOTICEABLE = 40
"""Shorter interactions, in ms, are reported only if they are the first input (web-vitals, durationThreshold)."""

FIRST_INPUT, SLOWEST_INPUT = Template.for_type(Fid), Template.for_type(Inp)


def record_fid(draws: BlockDraws, inputs: Inputs, reactions: Reactions) -> Column:
    """Record first input delay of each load with an input, when the browser has the input's entry."""
    rows = np.flatnonzero(inputs.first)
    rows = rows[find_measuring_loads(draws, "fid")[inputs.load[rows]] & draws.own_view_mask[inputs.view[rows]]]
    value = draw_delays(draws)[inputs.load[rows]]
    at = inputs.at[rows] + value + reactions.entry[rows]
    lives = at < draws.time.load_end[inputs.load[rows]]
    rows, value, at = rows[lives], value[lives], at[lives]
    load = inputs.load[rows]
    after = draws.clocks.coarsen(load, inputs.at[rows] - draws.load_start[load])
    targets = _escape_selectors(draws)

    def write_texts(places: Ints) -> list[str]:
        some, begun = load[places], after[places]
        delay, moment = draws.write_times(some, (value[places], begun), (begun, 0))
        return FIRST_INPUT.write_all(
            delay,
            _find_targets(targets, inputs.target[rows[places]], inputs.nameless[rows[places]]),
            [EVENT_TYPES[typed] for typed in inputs.typed[rows[places]].tolist()],
            moment,
            find_states(draws, some, begun),
        )

    view = draws.time.find_current(inputs.view[rows], at)
    return Column(FID, EventIds("fid", load, draws.loads), view, at, write_texts)


def record_inp(draws: BlockDraws, inputs: Inputs, reactions: Reactions) -> Column:
    """Record interaction to next paint of each load with an input after which the page lived until it was idle."""
    stream = draws.stream("inp")
    drawn = draw_slowest(draws, stream)
    reported = inputs.at + np.maximum(reactions.later, drawn[inputs.load])
    row, load = _find_slowest(draws, inputs, reported, stream.random(draws.loads), drawn)
    parts = draw_shares(stream, draws.loads, (0.05, 0.8, 0.15), 0.6)
    handled = to_ticks(np.exp(HANDLED_MU + HANDLED_SIGMA * stream.standard_normal(draws.loads)))
    row, took = _add_lesser(
        draws, inputs, reported, (row, drawn[load]), draws.stream("lesser inputs").random(draws.loads)
    )
    own = find_measuring_loads(draws, "inp")[inputs.load[row]] & draws.own_view_mask[inputs.view[row]]
    row, took = row[own], took[own]
    ran = np.where(find_working(draws, inputs)[row], took, handled[inputs.load[row]])
    return _build_inp(draws, inputs, (row, inputs.load[row], reported[row]), (took, ran), parts[:, inputs.load[row]])


def _add_lesser(
    draws: BlockDraws, inputs: Inputs, reported: Ints, slowest: tuple[Ints, Ints], uniform: Floats
) -> tuple[Ints, Ints]:
    """Add the inputs that are slowest at an earlier hide of the page; return rows of inputs, and how long each took.

    INP is sent at each hide of the page, and sent again at a later hide if a slower input has come since. `slowest` are
    the rows of each load's slowest inputs, and how long they took.
    """
    row, took = slowest
    hides = _count_hides(draws, inputs.load, reported)
    last = np.full(draws.loads, -1)
    last[inputs.load[row]] = hides[row]
    early = np.flatnonzero((reported < draws.time.load_end[inputs.load]) & (hides < last[inputs.load]))
    if not early.size:
        return slowest
    early = early[np.unique(inputs.load[early] * FAR_TICK + hides[early], return_index=True)[1]]
    load, whole = inputs.load[early], np.zeros(draws.loads, dtype=np.int64)
    whole[inputs.load[row]] = took
    steps = np.searchsorted(load, load, side="right") - np.arange(len(load))
    lesser = round_down(whole[load] * uniform[load] ** steps)
    lesser = np.where(inputs.first[early], np.maximum(lesser, draw_delays(draws)[load]), lesser)
    noticed = inputs.first[early] | (lesser >= NOTICEABLE * 10)
    row, took = np.concatenate((row, early[noticed])), np.concatenate((took, lesser[noticed]))
    order = np.lexsort((hides[row], inputs.load[row]))
    row, took = row[order], took[order]
    shown, load = _round_duration(took), inputs.load[row]
    slower = np.append(True, (load[1:] != load[:-1]) | (shown[1:] > shown[:-1]))
    return row[slower], took[slower]


def _count_hides(draws: BlockDraws, load: Ints, at: Ints) -> Ints:
    """Count how often each load's page was hidden before a moment."""
    view = np.flatnonzero(draws.time.away >= 0)
    hidden = np.sort(draws.time.load[view] * FAR_TICK + draws.time.away[view])
    counted: Ints = np.searchsorted(hidden, load * FAR_TICK + at, side="right") - np.searchsorted(
        hidden, load * FAR_TICK
    )
    return counted


def _round_duration(took: Ints) -> Ints:
    """Round durations to 8 ms, as Event Timing does."""
    return round_off(took / INP_TICKS) * INP_TICKS


def _find_slowest(draws: BlockDraws, inputs: Inputs, reported: Ints, uniform: Floats, drawn: Ints) -> tuple[Ints, Ints]:
    """Choose the slowest input of each load: any that is reported in time, or the first if none is noticeable.

    Returns the rows of the inputs, and their loads. `drawn` is how long each load's slowest interaction takes.
    """
    candidates = np.flatnonzero(reported < draws.time.load_end[inputs.load])
    loads, begins, number = np.unique(inputs.load[candidates], return_index=True, return_counts=True)
    pick = np.where(drawn[loads] >= NOTICEABLE * 10, round_down(uniform[loads] * number), 0)
    row = candidates[begins + pick]
    noticed = inputs.first[row] | (drawn[loads] >= NOTICEABLE * 10)
    return row[noticed], loads[noticed]


def _build_inp(
    draws: BlockDraws, inputs: Inputs, found: tuple[Ints, Ints, Ints], lengths: tuple[Ints, Ints], parts: Floats
) -> Column:
    """Build the INP events; `found` has each event's input, load and moment of recording.

    `lengths` are an interaction's true duration, which browsers round to 8 ms, and the most that its handlers take.
    """
    row, load, at = found
    drawn, handled = lengths
    coarsen = draws.clocks.coarsen
    delay = np.where(inputs.first[row], draw_delays(draws)[load], round_down(drawn * parts[0]))
    ran = np.minimum(round_down((drawn - delay) * parts[1] / (parts[1] + parts[2])), handled)
    ran = coarsen(load, np.where(inputs.nameless[row] & (drawn < NOTICEABLE * 10), 0, ran))
    delay = coarsen(load, delay)
    shown = _round_duration(drawn)
    after = coarsen(load, inputs.at[row] - draws.load_start[load])
    painted = np.maximum(shown, delay + ran)
    # a longer interaction has also an entry of its click, whose target is known as the client listens for clicks
    nameless = inputs.nameless[row] & (shown < NOTICEABLE * 10)
    targets = _escape_selectors(draws)

    def write_texts(places: Ints) -> list[str]:
        some, begun, waited, worked = load[places], after[places], delay[places], ran[places]
        value, *moments, waits, works, shows = draws.write_times(
            some, (shown[places], 0), (begun, 0), (begun + painted[places], 0), (waited, begun),
            (worked, begun + waited), (painted[places] - waited - worked, begun + waited + worked),
        )  # fmt: skip
        return SLOWEST_INPUT.write_all(
            value, _find_targets(targets, inputs.target[row[places]], nameless[places]), *moments,
            ["keyboard" if typed else "pointer" for typed in inputs.typed[row[places]].tolist()],
            waits, works, shows, find_states(draws, some, begun),
        )  # fmt: skip

    return Column(
        INP,
        EventIds("inp", row, len(inputs.at)),
        draws.time.find_current(inputs.view[row], inputs.at[row]),
        at,
        write_texts,
    )


def _find_targets(targets: list[str], target: Ints, nameless: Bools) -> list[str]:
    """Return the selector of each input's target; "" if the browser reports no target."""
    named = zip(target.tolist(), nameless.tolist(), strict=True)
    return ["" if nameless else targets[target] for target, nameless in named]


def _escape_selectors(draws: BlockDraws) -> list[str]:
    return [escape(target.selector) for target in draws.site.targets]
