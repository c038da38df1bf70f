"""What a job is given: a scenario or where it stands, options by name, and a callback for progress. Checked here, once.

A job's options are one frozen noun. Its fields' types carry their bounds (`msgspec.Meta`), so that the Python API and
the command line refuse the same values with the same words.
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
    """The scenario itself, or the one in the file at this path; `lasts`: seconds, for a file that states no
    duration."""
    return given if isinstance(given, Scenario) else Scenario.load(given, lasts)


def read_source(given: Scenario | Path | str) -> tuple[str, str]:
    """The name of a scenario's file for messages, and its text; a scenario that is none of a file gets both."""
    if isinstance(given, Scenario):
        return f"{given.name}.toml", format_scenario(given)
    return str(given), read_text(given)


def resolve_options(kind: type[Options], given: Mapping[str, Any]) -> Options:
    """A job's options with their defaults; raises LoadgenError for an unknown name or a value out of bounds."""
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
    """A path that is given as text; msgspec asks for the types that it does not know."""
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise TypeError("Expected `path`")


ON_COMMAND_LINE = {"answer_seconds": "answer_time", "others": "with"}
"""Options that have another name there."""


def _name_option(name: str) -> str:
    """An option's name in Python and on the command line."""
    return f"{name} (--{ON_COMMAND_LINE.get(name, name).replace('_', '-')})"


def _describe_problem(message: str, kind: type[Noun], given: Mapping[str, Any]) -> str:
    """The problem that msgspec found in one option, by the option's name and value."""
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
    """The Unix time of `now` or of an ISO 8601 date and time; UTC unless it says otherwise."""
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
    """The scenario of its first app monitor; tells `on_progress` which neighbours the job leaves out."""
    if scenario.neighbours:
        first, others = scenario.monitor.name, ", ".join(each.monitor.name for each in scenario.neighbours)
        on_progress(f"note: {job} takes the scenario's first app monitor, {first}; not its neighbours: {others}")
    return scenario.monitors[0]
