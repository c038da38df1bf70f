"""Divide a run into windows (stages, hours or days), and measure the load of each window."""

from __future__ import annotations

import numpy as np

from loadgen.jobs.plan.day import DAY_SECONDS, HOUR, find_first_hour
from loadgen.jobs.plan.demand import LoadBySecond
from loadgen.jobs.plan.figures import PlanWindow, RateSpread
from loadgen.scenario import Scenario
from loadgen.traffic import Ints

MOST_STAGES = 24

WindowBounds = tuple[str, float, float]
"""A window's name, start and end, in seconds from the run's zero."""


def divide_run(scenario: Scenario) -> list[WindowBounds]:
    """Divide a run into stages if it lasts up to two hours, into hours up to two days, else into days."""
    if scenario.duration > 2 * DAY_SECONDS:
        return _divide_evenly(scenario.duration, DAY_SECONDS, "day {0}")
    if scenario.duration > 2 * HOUR:
        return _divide_evenly(scenario.duration, HOUR, "{1:02d}:00", find_first_hour(scenario))
    return _divide_by_stages(scenario)


def _divide_evenly(duration: float, length: float, name: str, hour: int = 0) -> list[WindowBounds]:
    edges = np.arange(0, duration, length).tolist()
    return [
        (name.format(place + 1, (place + hour) % 24), at, min(at + length, duration)) for place, at in enumerate(edges)
    ]


def _divide_by_stages(scenario: Scenario) -> list[WindowBounds]:
    stages = scenario.find_stages(1.0)
    if not stages or len(stages) > MOST_STAGES:
        return [("whole run", 0.0, scenario.duration)]
    found: list[WindowBounds] = []
    at, rate = 0.0, scenario.arrivals.start_rate
    for end, stage in stages:
        name = f"hold {rate:g}/s" if stage.target == rate else f"{rate:g} → {stage.target:g}/s"
        found.append((name, at, end))
        at, rate = end, stage.target
    if at < scenario.duration:
        found.append((f"hold {rate:g}/s", at, scenario.duration))
    return found


def measure_window(seconds: LoadBySecond, bounds: WindowBounds) -> PlanWindow:
    """Measure the load that is due in a window."""
    name, start, end = bounds
    first, last = int(start), max(int(np.ceil(end)), int(start) + 1)
    length = end - start
    return PlanWindow(
        name,
        start,
        end,
        int(seconds.sessions[first:last].sum()),
        *(
            measure_spread(column[first:last], length)
            for column in (seconds.requests, seconds.events, seconds.wire_bytes, seconds.raw_bytes)
        ),
    )


def measure_spread(column: Ints, length: float) -> RateSpread:
    """Return mean (over `length` seconds), percentiles and peak of a column of counts by second."""
    if not len(column):
        return RateSpread(0.0, 0.0, 0.0, 0.0)
    p95, p99 = np.quantile(column, (0.95, 0.99)).tolist()
    return RateSpread(float(column.sum()) / length, p95, p99, float(column.max()))
