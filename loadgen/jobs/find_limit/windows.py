"""How a run's seconds are grouped, and what is said of each group."""

from __future__ import annotations

import numpy as np

from loadgen.jobs.plan.demand import Seconds
from loadgen.jobs.plan.figures import Spread, Window
from loadgen.scenario import Scenario
from loadgen.traffic import Ints

HOUR, DAY = 3600.0, 86_400.0
MOST_STAGES = 24

Bounds = tuple[str, float, float]  # name, start, end


def bounds(scenario: Scenario) -> list[Bounds]:
    """Stages of a run up to two hours, hours of one up to two days, else days."""
    if scenario.duration > 2 * DAY:
        return _even(scenario.duration, DAY, "day {0}")
    if scenario.duration > 2 * HOUR:
        return _even(scenario.duration, HOUR, "{1:02d}:00", first_hour(scenario))
    return _stages(scenario)


def first_hour(scenario: Scenario) -> int:
    """The UTC hour of the run's zero, as the arrivals' day has it."""
    day = scenario.arrivals.day
    return int(day.starts.partition(" ")[2][:2]) if day else 0


def _even(duration: float, length: float, name: str, hour: int = 0) -> list[Bounds]:
    edges = np.arange(0, duration, length).tolist()
    return [
        (name.format(place + 1, (place + hour) % 24), at, min(at + length, duration)) for place, at in enumerate(edges)
    ]


def _stages(scenario: Scenario) -> list[Bounds]:
    stages = [stage for stage in scenario.arrivals.stages if stage.duration > 0]
    if not stages or len(stages) > MOST_STAGES:
        return [("whole run", 0.0, scenario.duration)]
    found: list[Bounds] = []
    at, rate = 0.0, scenario.arrivals.start_rate
    for stage in stages:
        end = min(at + stage.duration, scenario.duration)
        name = f"hold {rate:g}/s" if stage.target == rate else f"{rate:g} → {stage.target:g}/s"
        if end > at:
            found.append((name, at, end))
        at, rate = end, stage.target
    if at < scenario.duration:
        found.append((f"hold {rate:g}/s", at, scenario.duration))
    return found


def window(seconds: Seconds, bounds: Bounds) -> Window:
    """What is due in a window."""
    name, start, end = bounds
    first, last = int(start), max(int(np.ceil(end)), int(start) + 1)
    length = end - start
    return Window(
        name,
        start,
        end,
        int(seconds.sessions[first:last].sum()),
        *(
            spread(column[first:last], length)
            for column in (seconds.requests, seconds.events, seconds.wire_bytes, seconds.raw_bytes)
        ),
    )


def spread(column: Ints, length: float) -> Spread:
    """The spread of a figure over its seconds; the mean is over `length` seconds."""
    if not len(column):
        return Spread(0.0, 0.0, 0.0, 0.0)
    p95, p99 = np.quantile(column, (0.95, 0.99)).tolist()
    return Spread(float(column.sum()) / length, p95, p99, float(column.max()))
