"""The axes of a plot: the places of values, and the ticks that get a label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor, log10

from loadgen.model import Noun
from loadgen.units import format_clock

HEADROOM = 1.1
TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


Write = Callable[[float | None], str]
"""Formats a value as text; None: no value."""


class Scale(Noun):
    """The y axis: values from `low` at the foot to `high` at the top, linear or logarithmic."""

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def share(self, value: float) -> float:
        """Return a value's height as a share of the axis, 0 to 1; a value outside the axis is at its edge."""
        clipped = min(max(value, self.low), self.high)
        if self.log:
            return log10(clipped / self.low) / log10(self.high / self.low)
        return (clipped - self.low) / (self.high - self.low)


class Mark(Noun):
    """A span of the x axis with a label, such as a stage; `start` and `end` are places of 0..1."""

    start: float
    end: float
    label: str


class Axis(Noun):
    """The x axis, 0 to 1: the places of values, their names in read-outs, and ticks (place, label)."""

    places: Sequence[float]
    named: Sequence[str]
    ticks: Sequence[tuple[float, str]]
    marks: Sequence[Mark] = ()
    spans: Sequence[Mark] = ()  # shaded, such as incidents; they may overlap

    @classmethod
    def of_columns(
        cls,
        named: Sequence[str],
        ticks: Sequence[tuple[float, str]],
        marks: Sequence[Mark] = (),
        spans: Sequence[Mark] = (),
    ) -> Axis:
        """Make an axis of equal parts, one for each name, with its value in the middle of the part."""
        return cls(find_centres(len(named)), named, ticks, marks, spans)


def linear(highest: float, ticks: int = 4) -> Scale:
    """Make a linear scale from 0 to a little above the highest value, so that labels have room; to 1 if that is 0."""
    high = highest * HEADROOM if highest > 0 else 1.0
    step = round_step(high / HEADROOM / ticks)
    return Scale(0.0, high, tuple(place * step for place in range(int(high / step + 1e-9) + 1)))


def round_step(rough: float) -> float:
    """Round up to 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(rough))
    return next(times * power for times in (1, 2, 2.5, 5, 10) if rough <= times * power * (1 + 1e-9))


def logarithmic(lowest: float, highest: float) -> Scale:
    """Make a logarithmic scale between 1, 2 or 5 times a power of ten; over 3 decades only powers of ten get ticks."""
    start = floor(log10(lowest))
    marks = [(times, times * 10.0**decade) for decade in range(start, start + 14) for times in (1, 2, 5)]
    low = max((mark for _, mark in marks if mark <= lowest * 1.001), default=marks[0][1])
    high = next(mark for _, mark in marks if mark >= highest * 0.999 and mark > low)
    wide = high / low > 1000
    return Scale(
        low, high, tuple(mark for times, mark in marks if low <= mark <= high and (times == 1 or not wide)), True
    )


def time_ticks(seconds: float, most: int = 7) -> tuple[float, ...]:
    """Return round moments in seconds from 0 to the end, about `most` at most."""
    step = next((step for step in TIME_STEPS if seconds / step <= most), ceil(seconds / most / 86400) * 86400)
    return tuple(float(place * step) for place in range(int(seconds / step) + 1))


def label_times(seconds: float, first: float = 0.0) -> list[tuple[float, str]]:
    """Return ticks of a time axis of `seconds`: (place 0..1, label); labels count from `first`."""
    return [(tick / seconds, format_clock(first + tick)) for tick in time_ticks(seconds)]


def label_columns(labels: Sequence[str], every: int = 1) -> list[tuple[float, str]]:
    """Return ticks of an axis of columns: a label below each column, or below each `every`-th column."""
    return list(zip(find_centres(len(labels)), labels, strict=True))[::every]


def find_centres(size: int) -> list[float]:
    """Return the middles of `size` equal parts of 0..1."""
    return [(place + 0.5) / size for place in range(size)]
