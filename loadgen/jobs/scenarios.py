"""`loadgen scenarios`: the shipped scenarios and their purposes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap

from loadgen.model import Noun
from loadgen.scenario import Scenario, find_scenario, list_shipped
from loadgen.units import format_duration

WIDTH = 80


class ShippedScenario(Noun):
    """A scenario that comes with loadgen; every verb that takes a scenario takes its name."""

    name: str
    purpose: str  # the description's first sentence
    seconds: float
    file: Path


def scenarios() -> tuple[ShippedScenario, ...]:
    """Return the shipped scenarios in the order of their names."""
    shipped = []
    for name in list_shipped():
        read = Scenario.load(name)
        purpose = " ".join(read.description.split()).partition(". ")[0].removesuffix(".")
        shipped.append(ShippedScenario(name, purpose, read.duration, find_scenario(name)))
    return tuple(shipped)


def list_lines(found: Sequence[ShippedScenario]) -> Iterator[str]:
    """Yield the lines of a table of names, durations and purposes, in 80 columns."""
    durations = [format_duration(each.seconds) for each in found]
    name, lasts = (max(map(len, texts)) + 2 for texts in ([each.name for each in found], durations))
    for each, duration in zip(found, durations, strict=True):
        head = f"{each.name:{name}}{duration:{lasts}}"
        yield from wrap(each.purpose, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
