"""A scenario and a number of visits a day → the scenario over 24 hours.

Rule: a scenario that lasts a day keeps its own curve. A shorter one says how people behave, not when they come: its
arrivals are laid out over a day with one rise and one fall.
"""

from __future__ import annotations

import math

from loadgen.errors import LoadgenError
from loadgen.scenario import Scenario
from loadgen.scenario.arrivals import Arrivals, Stage
from loadgen.traffic.arrivals import curve

DAY_SECONDS = 86_400.0
PEAK_HOUR = 20.0
"""Consumer sites of one country are busiest at 20:00 and quietest before dawn (estimate; work sites 11 to 15 h)."""

PEAK_TO_TROUGH = 4.0
"""Busiest hour against quietest for one country; an estimate, no measured ratio is published. A world-wide mix: 1.8."""

STEPS = 48


def over_a_day(scenario: Scenario, visits: float, peak_to_trough: float = PEAK_TO_TROUGH) -> Scenario:
    """The scenario with so many expected sessions in 24 hours from midnight."""
    if scenario.duration < DAY_SECONDS:
        scenario = scenario.model_copy(update={"arrivals": rise_and_fall(peak_to_trough)})
    scenario = scenario.adjusted(duration=DAY_SECONDS)
    expected = curve(scenario.arrivals, DAY_SECONDS).expected
    if not expected:
        raise LoadgenError(f"{scenario.name}: no session starts in its first day; give its arrivals a rate above 0")
    return scenario.adjusted(rate=visits / expected)


def rise_and_fall(peak_to_trough: float) -> Arrivals:
    """A day's curve with a mean of one session a second."""
    swing = (peak_to_trough - 1) / (peak_to_trough + 1)
    rates = [1 + swing * math.cos(2 * math.pi * (24 * step / STEPS - PEAK_HOUR) / 24) for step in range(STEPS + 1)]
    stages = tuple(Stage(duration=DAY_SECONDS / STEPS, target=rate) for rate in rates[1:])
    return Arrivals(rate=rates[0], stages=stages)
