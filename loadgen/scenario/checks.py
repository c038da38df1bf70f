"""Checks of a scenario beyond types: lengths that fit, incidents that can hit somebody, names that are unique.

Rule: the checks read the file's raw data and skip what has the wrong type, so that they can report beside type errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loadgen.scenario.page_checks import TOLERANCE, check_pages, read_numbers
from loadgen.scenario.population import COUNTRIES
from loadgen.scenario.problems import Problem, format_place, parse_seconds, read_number, suggest

UNSTATED_SECONDS = 60.0  # as long as a run is that states neither duration nor stages
UNNAMED = "loadgen"  # the app monitor that states no name


def sum_stages(raw: Any) -> float | None:
    """How long the raw arrivals' stages last; None without stages or with ill-formed ones."""
    stages = raw.get("arrivals", {}).get("stages") if isinstance(raw.get("arrivals"), Mapping) else None
    if not isinstance(stages, list | tuple) or not stages:
        return None
    spans = [_read_seconds(stage.get("duration")) for stage in stages if isinstance(stage, Mapping)]
    return sum(span for span in spans if span is not None) if None not in spans else None


def _read_seconds(value: Any) -> float | None:
    try:
        return read_number(parse_seconds(value))
    except ValueError:
        return None


def check_durations(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Stages that last longer than the run, neighbours' stages too."""
    duration = read_duration(raw)
    for keys, part in [((), raw), *_list_neighbours(raw)]:
        staged = sum_stages(part)
        if staged is not None and duration is not None and staged > duration + TOLERANCE:
            yield Problem(
                format_place(*keys, "arrivals", "stages"),
                f"they last {staged:g} s, longer than the run's {duration:g} s; write duration = {staged:g}",
            )


def read_duration(raw: Mapping[str, Any]) -> float | None:
    """How long the run lasts by the raw data; None when that is ill-formed."""
    return _read_seconds(raw["duration"]) if "duration" in raw else sum_stages(raw) or UNSTATED_SECONDS


def _list_neighbours(raw: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """The neighbours' raw tables, and where each stands."""
    found = raw.get("neighbours")
    for index, each in enumerate(found if isinstance(found, list | tuple) else ()):
        if isinstance(each, Mapping):
            yield ("neighbours", index), each


def check_neighbours(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """App monitors that share a name, and thresholds in a neighbour's stages, which nothing evaluates."""
    taken = {_read_monitor_name(raw)}
    for keys, neighbour in _list_neighbours(raw):
        name = _read_monitor_name(neighbour)
        if name in taken and name is not None:
            yield Problem(
                format_place(*keys, "monitor", "name"), f'"{name}" is taken; give each app monitor a name of its own'
            )
        taken.add(name)
        arrivals = neighbour.get("arrivals")
        stages = arrivals.get("stages") if isinstance(arrivals, Mapping) else None
        for index, stage in enumerate(stages if isinstance(stages, list | tuple) else ()):
            if isinstance(stage, Mapping) and stage.get("thresholds"):
                yield Problem(
                    format_place(*keys, "arrivals", "stages", index, "thresholds"),
                    "a neighbour's stages have none; the run is judged by thresholds, its stages by arrivals.stages",
                )


def _read_monitor_name(part: Mapping[str, Any]) -> str | None:
    monitor = part.get("monitor", {})
    name = monitor.get("name", UNNAMED) if isinstance(monitor, Mapping) else None
    return name if isinstance(name, str) else None


def check_mixes(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Mixes in which nothing has a weight."""
    telemetry = raw.get("telemetry")
    errors = telemetry.get("errors") if isinstance(telemetry, Mapping) else None
    for keys, part in ((("population",), raw.get("population")), (("telemetry", "errors"), errors)):
        for path, mix in _list_mixes(keys, part):
            if not any(read_numbers(mix).values()):
                yield Problem(format_place(*path), "every weight is 0; give at least one a positive weight")


def _list_mixes(keys: tuple[str, ...], table: Any) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """The tables of weights in a table and its tables, and where each stands."""
    for name, mix in table.items() if isinstance(table, Mapping) else ():
        if isinstance(mix, Mapping) and mix and name != "think_time":
            if any(isinstance(each, Mapping) for each in mix.values()):
                yield from _list_mixes((*keys, str(name)), mix)
            else:
                yield (*keys, str(name)), mix


def check_failures(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Probabilities of API outcomes that add up to more than 1."""
    telemetry = raw.get("telemetry")
    api = telemetry.get("api") if isinstance(telemetry, Mapping) else None
    if isinstance(api, Mapping):
        total = sum(read_numbers(api.get("failures")).values()) + (read_number(api.get("network")) or 0.0)
        if total > 1 + TOLERANCE:
            yield Problem("telemetry.api", f"failures and network add up to {total:.6g}, more than 1; lower them")


def check_incidents(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Incidents that can hit nobody, or that share a name."""
    incidents, pages = raw.get("incidents"), raw.get("pages")
    known = list(pages) if isinstance(pages, Mapping) else []
    names: set[Any] = set()
    for index, incident in enumerate(incidents if isinstance(incidents, list | tuple) else ()):
        if isinstance(incident, Mapping):
            yield from _check_reach(index, incident, raw, known)
            name = incident.get("name")
            if isinstance(name, str) and name in names:
                yield Problem(
                    format_place("incidents", index, "name"), f'"{name}" is taken; give each incident its own'
                )
            names.add(name if isinstance(name, str) else None)


def check_closed_population(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """A rate beside a closed population, whose visitors come when their pause is over."""
    for keys, part in [((), raw), *_list_neighbours(raw)]:
        if (arrivals := _read_closed_arrivals(part)) is not None:
            for name in ("rate", "stages", "flash_crowds", "day", "noise"):
                if arrivals.get(name) not in (None, ()):
                    path = format_place(*keys, "arrivals", name)
                    yield Problem(path, "does not go with visitors, who come when their pause is over")
    incidents = raw.get("incidents")
    if _read_closed_arrivals(raw) is None:
        return
    for index, incident in enumerate(incidents if isinstance(incidents, list | tuple) else ()):
        if isinstance(incident, Mapping) and incident.get("kind") == "spike":
            yield Problem(
                format_place("incidents", index), "a spike does not go with arrivals.visitors; nobody else comes"
            )


def _read_closed_arrivals(part: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The raw arrivals of a closed population."""
    arrivals = part.get("arrivals")
    return arrivals if isinstance(arrivals, Mapping) and arrivals.get("visitors") is not None else None


def _check_reach(
    index: int, incident: Mapping[str, Any], raw: Mapping[str, Any], pages: list[str]
) -> Iterator[Problem]:
    for name in _list_texts(incident.get("pages")):
        if name not in pages:
            yield Problem(format_place("incidents", index, "pages"), f'no page "{name}"; {suggest(name, pages)}')
    countries = _list_countries(raw.get("population"))
    for name in _list_texts(incident.get("countries")):
        if countries and name not in countries:
            text = f'nobody comes from "{name}"; {suggest(name, countries)}'
            yield Problem(format_place("incidents", index, "countries"), text)
    at, duration = _read_seconds(incident.get("at")), read_duration(raw)
    if at is not None and duration is not None and at >= duration:
        longer = f"write less, or a duration such as {_suggest_duration(at)} in the file"
        yield Problem(format_place("incidents", index, "at"), f"begins after the run's {duration:g} s; {longer}")


def _suggest_duration(at: float) -> str:
    """A run's length in whole units, such as "2d", that is longer than so many seconds."""
    unit, seconds = next((unit for unit in (("d", 86_400), ("h", 3600), ("m", 60)) if at >= unit[1]), ("m", 60))
    return f'"{int(at // seconds) + 1}{unit}"'


def _list_texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple) else []


def _list_countries(population: Any) -> list[str]:
    stated = population.get("countries") if isinstance(population, Mapping) else None
    return [str(name) for name in stated] if isinstance(stated, Mapping) else list(COUNTRIES)


def find_problems(raw: Mapping[str, Any]) -> list[Problem]:
    """Everything wrong with a scenario's raw data beside its types."""
    return [
        *check_pages(raw.get("pages")),
        *check_durations(raw),
        *check_mixes(raw),
        *check_failures(raw),
        *check_incidents(raw),
        *check_closed_population(raw),
        *check_neighbours(raw),
    ]
