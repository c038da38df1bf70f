"""time_to_interactive events: the web client's TTIPlugin, which a site adds to its configuration.

Rule: the plugin waits for five quiet seconds after the last long task, so only documents that live so long have one.
"""

from __future__ import annotations

import numpy as np

from loadgen.rum.events import TTI, Tti
from loadgen.traffic.block_draws import BlockDraws, Column, EventIds
from loadgen.traffic.draws import TICKS, Ints
from loadgen.traffic.loading import read_by_device
from loadgen.wire.json_templates import PLACEHOLDER, Template

QUIET_TICKS = 5 * TICKS
"""The quiet window (plugins/TTIPlugin.ts)."""

MEASURED = Template(Tti(PLACEHOLDER))

BUSY, BUSY_SIGMA = 0.35, 0.9
"""Median part of the rendering time for which long tasks go on after parsing, and its spread; estimates."""


def record_tti(draws: BlockDraws) -> Column:
    """Time to interactive, in whole milliseconds: not before FCP, nor before the document is parsed."""
    loading, rows = draws.loading, draws.own_loads
    render = read_by_device(draws.scenario.telemetry, "render_median_ms")[draws.people.device[draws.load_session]]
    spread = np.exp(BUSY_SIGMA * draws.stream("tti").standard_normal(draws.loads))
    value: Ints = np.maximum(loading.first_paint, loading.parsed_end) + np.rint(10 * BUSY * render * spread).astype(
        np.int64
    )
    at = draws.time.start[loading.view] + value + QUIET_TICKS
    rows = rows[(at[rows] < draws.time.load_end[rows]) & ~draws.restored[rows]]
    view = draws.time.find_current(loading.view[rows], at[rows])

    def details(places: Ints) -> list[str]:
        return [MEASURED.text(str(int(each))) for each in (value[rows[places]] // 10).tolist()]

    return Column(TTI, EventIds("tti", rows, draws.loads), view, at[rows], details)
