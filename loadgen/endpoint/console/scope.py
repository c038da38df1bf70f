"""Which events a view is about: a monitor, a span of time, and filters on what RUM's own filters look at."""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.endpoint.console.columns import DIMENSIONS, Words
from loadgen.endpoint.service_error import ValidationException
from loadgen.model import Noun

STEPS_MS = tuple(
    seconds * 1000
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
)
"""Round lengths of the parts that a plot's time is divided into."""

MOST_PARTS = 120
FURTHEST_MS = 253_402_300_800_000
"""The year 10000; the endpoint keeps no later event."""


class Scope(Noun):
    """Events of a monitor from `start` to before `end`, in Unix milliseconds."""

    monitor: int  # AppMonitor.number
    start: int
    end: int
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()  # column: values of which one must hold

    @property
    def length(self) -> int:
        """Milliseconds."""
        return self.end - self.start

    @property
    def before(self) -> Scope:
        """The span of the same length just before."""
        return msgspec.structs.replace(self, start=self.start - self.length, end=self.start)

    @property
    def step(self) -> int:
        """Milliseconds of one part of a plot."""
        day = STEPS_MS[-1]
        return next(
            (step for step in STEPS_MS if self.length / step <= MOST_PARTS), -(-self.length // MOST_PARTS // day) * day
        )

    def condition(self, words: Words) -> tuple[str, list[Any]]:
        """The WHERE of an SQL query, and its values."""
        parts, values = ["monitor = ? AND ms >= ? AND ms < ?"], [self.monitor, self.start, self.end]
        for column, texts in self.filters:
            numbers = [number for text in texts if (number := words.find(text)) is not None]
            parts.append(f"{column} IN ({', '.join('?' * len(numbers))})" if numbers else "FALSE")
            values += numbers
        return " AND ".join(parts), values


def read_scope(query: dict[str, list[str]], monitor: int) -> Scope:
    """The scope that a query string states with from, to, page, browser, os, device, country; ValidationException."""
    start, end = (read_integer(query, name, 0, FURTHEST_MS) for name in ("from", "to"))
    if start >= end:
        raise ValidationException("'from' must be before 'to', both in Unix milliseconds")
    filters = tuple((column, tuple(query[column])) for column in DIMENSIONS if query.get(column))
    return Scope(monitor, start, end, filters)


def read_integer(query: dict[str, list[str]], name: str, low: int, high: int, default: int | None = None) -> int:
    """A whole number of the query string; raises ValidationException."""
    text = query.get(name, [""])[-1]
    if not text and default is not None:
        return default
    try:
        number = int(text[:20])
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise ValidationException(f"'{name}' must be a whole number from {low} to {high}")
    return number
