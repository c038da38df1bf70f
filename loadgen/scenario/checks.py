"""Checks of a scenario beyond types: lengths that fit, incidents that can hit somebody, names that are unique.

Rule: the checks read the file's raw data and skip values of a wrong type, so that one error can report the problems of
types and those found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loadgen.scenario.page_checks import TOLERANCE, check_pages, list_tables, read_numbers, read_table
from loadgen.scenario.population import COUNTRIES
from loadgen.scenario.problems import Problem, format_place, parse_seconds, read_number, suggest

UNSTATED_SECONDS = 60.0  # the duration of a scenario that states neither duration nor stages
UNNAMED = "loadgen"  # the default name of an app monitor


def sum_stages(raw: Mapping[str, Any]) -> float | None:
    """Sum the seconds of the stages in raw data; None if there are no stages or one is ill-formed."""
    spans = [_read_seconds(stage.get("duration")) for _, stage in list_tables(read_table(raw, "arrivals"), "stages")]
    return sum(span for span in spans if span is not None) if spans and None not in spans else None


def _read_seconds(value: Any) -> float | None:
    try:
        return read_number(parse_seconds(value))
    except ValueError:
        return None


def _list_monitors(raw: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Yield each raw table that has an app monitor with its place in the file: the scenario itself, then neighbours."""
    yield (), raw
    for index, each in list_tables(raw, "neighbours"):
        yield ("neighbours", index), each


def check_durations(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Find stages, of the scenario or a neighbour, that last longer than the run."""
    duration = read_duration(raw)
    for keys, part in _list_monitors(raw):
        staged = sum_stages(part)
        if staged is not None and duration is not None and staged > duration + TOLERANCE:
            yield Problem(
                format_place(*keys, "arrivals", "stages"),
                f"they last {staged:g} s, longer than the run's {duration:g} s; write duration = {staged:g}",
            )


def read_duration(raw: Mapping[str, Any]) -> float | None:
    """Return the run's seconds by the raw data; None if they are ill-formed."""
    return _read_seconds(raw["duration"]) if "duration" in raw else sum_stages(raw) or UNSTATED_SECONDS


def check_neighbours(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Find app monitors that share a name, and thresholds in a neighbour's stages, which nothing evaluates."""
    (_, own), *neighbours = _list_monitors(raw)
    taken = {_read_monitor_name(own)}
    for keys, neighbour in neighbours:
        name = _read_monitor_name(neighbour)
        if name in taken and name is not None:
            yield Problem(
                format_place(*keys, "monitor", "name"), f'"{name}" is taken; give each app monitor a name of its own'
            )
        taken.add(name)
        for index, stage in list_tables(read_table(neighbour, "arrivals"), "stages"):
            if stage.get("thresholds"):
                yield Problem(
                    format_place(*keys, "arrivals", "stages", index, "thresholds"),
                    "a neighbour's stages have none; leave them out, or state them in thresholds or arrivals.stages",
                )


def _read_monitor_name(part: Mapping[str, Any]) -> str | None:
    monitor = part.get("monitor", {})
    name = monitor.get("name", UNNAMED) if isinstance(monitor, Mapping) else None
    return name if isinstance(name, str) else None


def check_mixes(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Find mixes in which every weight is 0."""
    for keys in (("population",), ("telemetry", "errors")):
        for path, mix in _list_mixes(keys, read_table(raw, *keys)):
            if not any(read_numbers(mix).values()):
                yield Problem(format_place(*path), "every weight is 0; give at least one a positive weight")


def _list_mixes(keys: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield the tables of weights below a table, at any depth, each with its place in the file."""
    for name, mix in table.items():
        if isinstance(mix, Mapping) and mix and name != "think_time":
            if any(isinstance(each, Mapping) for each in mix.values()):
                yield from _list_mixes((*keys, str(name)), mix)
            else:
                yield (*keys, str(name)), mix


def check_failures(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Find probabilities of API failures that add up to more than 1."""
    api = read_table(raw, "telemetry", "api")
    total = sum(read_numbers(api.get("failures")).values()) + (read_number(api.get("network")) or 0.0)
    if total > 1 + TOLERANCE:
        yield Problem("telemetry.api", f"failures and network add up to {total:.6g}, more than 1; lower them")


def check_incidents(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Find incidents that can hit nobody, or that share a name."""
    names: set[str] = set()
    for index, incident in list_tables(raw, "incidents"):
        yield from _check_reach(index, incident, raw)
        name = incident.get("name")
        if isinstance(name, str):
            if name in names:
                yield Problem(
                    format_place("incidents", index, "name"), f'"{name}" is taken; give each incident its own'
                )
            names.add(name)


def check_closed_population(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Find a rate, a rhythm or a spike beside a closed population, whose visitors come when their pause is over."""
    for keys, part in _list_monitors(raw):
        arrivals = read_table(part, "arrivals")
        if arrivals.get("visitors") is None:
            continue
        for name in ("rate", "stages", "flash_crowds", "day", "noise"):
            if arrivals.get(name) not in (None, ()):
                path = format_place(*keys, "arrivals", name)
                yield Problem(
                    path, "does not go with visitors, who come when their pause is over; leave out one of the two"
                )
        for index, incident in list_tables(part, "incidents"):
            if incident.get("kind") == "spike":
                path = format_place(*keys, "incidents", index)
                yield Problem(path, "a spike does not go with arrivals.visitors, as nobody else comes; leave it out")


def _check_reach(index: int, incident: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[Problem]:
    pages, countries = list(read_table(raw, "pages")), _list_countries(read_table(raw, "population"))
    for name in _list_texts(incident.get("pages")):
        if name not in pages:
            yield Problem(format_place("incidents", index, "pages"), f'no page "{name}"; {suggest(name, pages)}')
    for name in _list_texts(incident.get("countries")):
        if countries and name not in countries:
            text = f'nobody comes from "{name}"; {suggest(name, countries)}'
            yield Problem(format_place("incidents", index, "countries"), text)
    at, duration = _read_seconds(incident.get("at")), read_duration(raw)
    if at is not None and duration is not None and at >= duration:
        longer = f"write less, or a duration such as {_suggest_duration(at)} in the file"
        yield Problem(format_place("incidents", index, "at"), f"begins after the run's {duration:g} s; {longer}")


def _suggest_duration(at: float) -> str:
    """Write a duration in whole units, such as "2d", that is longer than `at` seconds."""
    unit, seconds = next((unit for unit in (("d", 86_400), ("h", 3600), ("m", 60)) if at >= unit[1]), ("m", 60))
    return f'"{int(at // seconds) + 1}{unit}"'


def _list_texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple) else []


def _list_countries(population: Mapping[str, Any]) -> list[str]:
    stated = population.get("countries")
    return [str(name) for name in stated] if isinstance(stated, Mapping) else list(COUNTRIES)


def find_problems(raw: Mapping[str, Any]) -> list[Problem]:
    """Find all problems of a scenario's raw data but those of types."""
    return [
        *check_pages(read_table(raw, "pages")),
        *check_durations(raw),
        *check_mixes(raw),
        *check_failures(raw),
        *check_incidents(raw),
        *check_closed_population(raw),
        *check_neighbours(raw),
    ]
