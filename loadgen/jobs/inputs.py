"""The inputs of a job, checked here once: a scenario or the path of its file, and options by name.

A job's options are one frozen class. The types of its fields carry their bounds (`msgspec.Meta`), so that the Python
API and the command line refuse the same values with the same words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.progress import OnLine
from loadgen.model import Noun
from loadgen.scenario import Scenario, format_scenario, read_text

Positive = Annotated[float, msgspec.Meta(gt=0, le=1e12)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
SampleRate = Annotated[float, msgspec.Meta(gt=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=366 * 86_400.0)]
Seed = Annotated[int, msgspec.Meta(ge=0)]
Price = Annotated[float, msgspec.Meta(ge=0)]

BOUNDS = {">=": "of at least", ">": "above", "<=": "of at most", "<": "below"}

Options = TypeVar("Options", bound=Noun)


def read_scenario(given: Scenario | Path | str, lasts: float | None = None) -> Scenario:
    """Return a scenario as it is, or read it from its file; `lasts`: its seconds if the file states no duration."""
    return given if isinstance(given, Scenario) else Scenario.load(given, lasts)


def read_source(given: Scenario | Path | str) -> tuple[str, str]:
    """Return a scenario's file name, for messages, and its TOML; a scenario without a file gets both from its name."""
    if isinstance(given, Scenario):
        return f"{given.name}.toml", format_scenario(given)
    return str(given), read_text(given)


def resolve_options(kind: type[Options], given: Mapping[str, Any]) -> Options:
    """Make a job's options from those given; LoadgenError: an unknown or missing name, or a value out of bounds."""
    fields = kind.__struct_fields__
    if unknown := [name for name in given if name not in fields]:
        raise LoadgenError(f"there is no option {unknown[0]}; the options are {', '.join(fields)}")
    if missing := [each.name for each in msgspec.structs.fields(kind) if each.required and each.name not in given]:
        raise LoadgenError(f"{_name_option(missing[0])} is missing; give a value")
    for name, value in given.items():
        if isinstance(value, float) and not isfinite(value):
            raise LoadgenError(f"{_name_option(name)}: {value!r} is out of range; write a finite number")
    try:
        return msgspec.convert(given, kind, dec_hook=_read_path)
    except msgspec.ValidationError as error:
        raise LoadgenError(_describe_problem(str(error), kind, given)) from None


def _read_path(kind: type, value: Any) -> Any:
    """Convert text to a path; msgspec calls this for types that it does not know."""
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise TypeError("Expected `path`")


ON_COMMAND_LINE = {"answer_seconds": "answer_time", "others": "with"}
"""The options whose name on the command line differs from that in Python."""


def _name_option(name: str) -> str:
    """Return an option's name in Python and on the command line."""
    return f"{name} (--{ON_COMMAND_LINE.get(name, name).replace('_', '-')})"


def _describe_problem(message: str, kind: type[Noun], given: Mapping[str, Any]) -> str:
    """Describe the problem that msgspec found in an option: name, value, and what to write instead."""
    problem, _, place = message.partition(" - at `$.")
    name, _, index = place.rstrip("`").partition("[")
    value = given[name][int(index.rstrip("]"))] if index.rstrip("]").isdigit() else given[name]
    bound = re.match(r"Expected `(?:float|int)(?: \| null)?` (>=|>|<=|<) (\S+)", problem)
    if bound:
        return f"{_name_option(name)}: {value!r} is out of range; write a number {BOUNDS[bound[1]]} {float(bound[2]):g}"
    if problem.startswith("Invalid enum value"):
        wanted = " or ".join(get_args(get_type_hints(kind)[name]))
    else:
        wanted = re.sub(r"^Expected `([^`]*)`.*", r"\1", problem).replace(" | null", "")
        wanted = wanted.replace("float", "a number").replace("int", "an integer")
    return f"{_name_option(name)}: {value!r} is no valid value; write {wanted}"


def parse_moment(text: str, now: float) -> float:
    """Return the Unix time of the text `now`, or of an ISO 8601 date and time; UTC unless it has an offset."""
    if text == "now":
        return now
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise LoadgenError(
            f'"{text}" is no point in time; write now, or a date such as 2026-03-01 or 2026-03-01T12:00:00Z'
        ) from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def take_first_monitor(scenario: Scenario, job: str, on_progress: OnLine) -> Scenario:
    """Return the scenario of the first app monitor; report to `on_progress` which neighbours the job leaves out."""
    if scenario.neighbours:
        first, others = scenario.monitor.name, ", ".join(each.monitor.name for each in scenario.neighbours)
        on_progress(f"note: {job} uses the scenario's first app monitor, {first}, and not its neighbours: {others}")
    return scenario.monitors[0]
