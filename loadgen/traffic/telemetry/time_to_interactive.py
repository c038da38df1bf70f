"""time_to_interactive events: the web client's TTIPlugin, which a site adds to its configuration.

Rule: the plugin checks the page once a second. The page is visually ready when FCP, the end of DOMContentLoaded and LCP
are known, or after 11 checks without LCP, which is known only after an input. TTI is the latest of these times, plus
the tenths of a second in which a long task ran. The plugin records it one check later, and only in browsers that report
long tasks (Chromium).

Source: time-to-interactive/ of aws-rum-web 3.2.1. In Chromium 156 the plugin recorded the end of DOMContentLoaded
13.2 s after its start, and with a click of the visitor 2.0 s after LCP.
"""

from __future__ import annotations

import numpy as np

from loadgen.rum.events import TTI, Tti
from loadgen.traffic.block_draws import BlockDraws, Column, EventIds
from loadgen.traffic.draws import TICKS, Ints, round_off
from loadgen.traffic.telemetry.interactions import Inputs
from loadgen.traffic.telemetry.reactions import Reactions
from loadgen.traffic.telemetry.vitals import find_largest_paints
from loadgen.wire.json_templates import Template

LOOKS = 12
"""The number of the check at which the plugin continues without LCP."""

BUCKET = 1000
"""Ticks by which the plugin moves TTI behind a long task at a time."""

QUIET = 5 * BUCKET
"""Ticks after TTI in which no long task may run."""

MEASURED = Template.for_type(Tti)

BUSY, BUSY_SIGMA = 0.35, 0.9
"""Median time for which long tasks run after parsing, as a part of the rendering time, and its spread; estimates."""


def record_tti(draws: BlockDraws, inputs: Inputs, reactions: Reactions) -> Column:
    """Record time to interactive, in whole milliseconds."""
    loading, start = draws.loading, draws.load_start
    begun = np.maximum(loading.ready, loading.activated)
    value, looks = _find_interactive(draws, inputs, reactions, begun)
    at = start + begun + looks * TICKS
    tells = draws.crowd.are_chromium(draws.people)[draws.load_session] & ~draws.restored & (at < draws.time.load_end)
    rows = draws.own_loads[tells[draws.own_loads]]
    counted = np.where(loading.activated > 0, np.maximum(value // 10 - loading.activated // 10, 1), np.rint(value / 10))

    def write_texts(places: Ints) -> list[str]:
        return MEASURED.write_all([str(int(each)) for each in counted[rows[places]].tolist()])

    view = draws.time.find_current(loading.view[rows], at[rows])
    return Column(TTI, EventIds("tti", rows, draws.loads), view, at[rows], write_texts)


def _find_interactive(draws: BlockDraws, inputs: Inputs, reactions: Reactions, begun: Ints) -> tuple[Ints, Ints]:
    """Find when each page is interactive, in ticks from its start, and the number of the check that records it."""
    loading, start = draws.loading, draws.load_start
    largest = find_largest_paints(draws, inputs, reactions)
    parsed = np.maximum(loading.first_paint, loading.parsed_end)
    known = np.maximum(np.maximum(loading.first_paint, loading.loaded), largest.at - start)
    look = np.maximum(known - begun, 0) // TICKS + 1
    ready = np.where(look < LOOKS, np.maximum(parsed, largest.painted), parsed)
    look = np.minimum(look, LOOKS)
    render = draws.read_vitals("render_median_ms")[0]
    spread = np.exp(BUSY_SIGMA * draws.stream("tti").standard_normal(draws.loads))
    busy = np.maximum(loading.parsed_end + round_off(10 * BUSY * render * spread) - ready, 0)
    value = ready + -(-busy // BUCKET) * BUCKET
    reported = -(-np.maximum(value + QUIET - begun, 0) // TICKS)
    return value, np.maximum(look + 1, reported)
