"""Spread a scenario over 24 hours with a number of visits a day; and divide a run into stages, hours or days.

Rule: a scenario that lasts a day keeps its own curve of arrivals. A shorter scenario says how people behave, not when
they come; its visitors come by the rhythm of their countries' days (`scenario.arrivals.Day`). Incidents, spikes and
flash crowds, which happen once, are moved to the day's busiest hour at their own length, because a quota must bear them
there.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Any

from loadgen.errors import LoadgenError
from loadgen.jobs.progress import OnLine, ignore_progress
from loadgen.scenario import Arrivals, Day, Scenario
from loadgen.traffic import compute_mean_rate

DAY_SECONDS, HOUR = 86_400.0, 3600.0
MOST_STAGES = 24  # of a run that is divided by stages


def spread_over_day(
    scenario: Scenario, visits: float, peak_to_trough: float | None = None, on_progress: OnLine = ignore_progress
) -> Scenario:
    """Return the scenario over 24 hours with `visits` expected sessions; its neighbours keep their own rates.

    `peak_to_trough` is the ratio of the busiest hour's rate to the quietest hour's within one country. `on_progress`
    gets a note of everything that is moved or left out. Raises LoadgenError if nobody comes in the first day.
    """
    if scenario.duration < DAY_SECONDS:
        scenario = fill_day(scenario, peak_to_trough, on_progress)
    else:
        scenario = cut_to_day(scenario, on_progress)
        if peak_to_trough is not None:
            on_progress(f"note: --peak-to-trough is left out: {scenario.name} lasts a day and keeps its own curve")
    expected = compute_mean_rate(scenario).expected
    if not expected:
        raise LoadgenError(f"{scenario.name}: no session starts in its first day; give its arrivals a rate above 0")
    return scenario.model_copy(update={"arrivals": scenario.arrivals.scale(visits / expected)})


def fill_day(scenario: Scenario, peak_to_trough: float | None, on_progress: OnLine) -> Scenario:
    """Return a shorter scenario over the day's rhythm, its incidents and crowds moved to the busiest hour."""
    plain = build_daily_arrivals(scenario, peak_to_trough)
    day = scenario.adjust(duration=DAY_SECONDS).model_copy(update={"arrivals": plain, "incidents": ()})
    curve = compute_mean_rate(day)
    busiest = float(curve.times[curve.rates.argmax()]) // HOUR * HOUR
    crowds, incidents = scenario.arrivals.flash_crowds, scenario.incidents
    ends = [incident.end for incident in incidents] + [crowd.at + crowd.rise + crowd.hold for crowd in crowds]
    offset = max(min(busiest, DAY_SECONDS - max(ends, default=0.0)), 0.0)
    if ends:
        moved = [(incident.at + offset, incident.name) for incident in incidents]
        moved += [(crowd.at + offset, "flash crowd") for crowd in crowds]
        names = ", ".join(f"{name} at {_format_time(at, day)}" for at, name in sorted(moved))
        on_progress(f"note: kept in the day, at their own lengths: {names}")
    _note_left_out(scenario, on_progress)
    arrivals = plain.model_copy(update={"flash_crowds": _move(crowds, offset)})
    return day.model_copy(update={"arrivals": arrivals, "incidents": _move(incidents, offset)})


def _note_left_out(scenario: Scenario, on_progress: OnLine) -> None:
    """Report the parts of a shorter scenario that the day leaves out, or leaves at its start."""
    arrivals = scenario.arrivals
    neighbours = [each for each in scenario.neighbours if each.arrivals.stages or each.arrivals.flash_crowds]
    if arrivals.stages:
        on_progress(f"note: {scenario.name}'s stages are left out: the day's visitors come by the hour, not by a ramp")
    if arrivals.visitors is not None:
        on_progress(f"note: {scenario.name}'s closed population is left out: the day's visits are given as a number")
    if neighbours:
        names = ", ".join(each.monitor.name for each in neighbours)
        on_progress(f"note: the arrivals of {names} go on as written, from the day's start")


def cut_to_day(scenario: Scenario, on_progress: OnLine) -> Scenario:
    """Return the first day of a longer scenario, and report the incidents that begin later."""
    late = [each.name for each in scenario.incidents if each.at >= DAY_SECONDS]
    if late:
        on_progress(f"note: left out, because the day is the scenario's first and they begin later: {', '.join(late)}")
    return scenario.adjust(duration=DAY_SECONDS)


def build_daily_arrivals(scenario: Scenario, peak_to_trough: float | None) -> Arrivals:
    """Return arrivals by the scenario's daily rhythm, or else by the rhythm of its visitors' countries."""
    day = scenario.arrivals.day or Day(countries=scenario.population.countries)
    if peak_to_trough is not None:
        day = day.model_copy(update={"ratio": peak_to_trough})
    return Arrivals(rate=1.0, day=day, noise=scenario.arrivals.noise)


def _move(parts: Iterable[Any], offset: float) -> tuple[Any, ...]:
    """Return copies of incidents or crowds that begin `offset` seconds later."""
    return tuple(each.model_copy(update={"at": each.at + offset}) for each in parts)


def _format_time(seconds: float, scenario: Scenario) -> str:
    """Return the time of day (UTC, HH:MM) at `seconds` from the scenario's zero."""
    minutes = int(seconds / 60) + find_first_hour(scenario) * 60
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def find_first_hour(scenario: Scenario) -> int:
    """Return the UTC hour of the run's zero, which the arrivals' day states; 0 without a day."""
    day = scenario.arrivals.day
    return int(day.start_hour) % 24 if day else 0


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
    return [
        (name.format(place + 1, (place + hour) % 24), place * length, min((place + 1) * length, duration))
        for place in range(ceil(duration / length))
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
