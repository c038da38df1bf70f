"""A scenario and a number of visits a day → the scenario over 24 hours.

Rule: a scenario that lasts a day keeps its own curve of arrivals. A shorter one says how people behave, not when they
come; its visitors come by the rhythm of their countries' days (`scenario.arrivals.Day`).
"""

from __future__ import annotations

from loadgen.errors import LoadgenError
from loadgen.scenario import Arrivals, Day, Scenario
from loadgen.traffic import compute_mean_rate

DAY_SECONDS = 86_400.0


def spread_over_day(scenario: Scenario, visits: float, peak_to_trough: float | None = None) -> Scenario:
    """The scenario with so many expected sessions in 24 hours, its neighbours at their own rates.

    `peak_to_trough` is the ratio of the busiest hour's rate to the quietest one's within one country.
    """
    if scenario.duration < DAY_SECONDS:
        scenario = scenario.model_copy(update={"arrivals": build_daily_arrivals(scenario, peak_to_trough)})
    scenario = scenario.adjust(duration=DAY_SECONDS)
    expected = compute_mean_rate(scenario).expected
    if not expected:
        raise LoadgenError(f"{scenario.name}: no session starts in its first day; give its arrivals a rate above 0")
    return scenario.model_copy(update={"arrivals": scenario.arrivals.scale(visits / expected)})


def build_daily_arrivals(scenario: Scenario, peak_to_trough: float | None) -> Arrivals:
    """Arrivals by the day's rhythm: the scenario's own if it has one, else that of its visitors' countries."""
    day = scenario.arrivals.day or Day(countries=scenario.population.countries)
    if peak_to_trough is not None:
        day = day.model_copy(update={"ratio": peak_to_trough})
    return Arrivals(rate=1.0, day=day, noise=scenario.arrivals.noise)
