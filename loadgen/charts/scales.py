"""The axes of a plot: where a value stands, and what gets a label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor, log10

from loadgen.model import Noun
from loadgen.units import format_clock

HEADROOM = 1.1
TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


Write = Callable[[float | None], str]
"""How a value is written."""


class Scale(Noun):
    """The y axis: values from `low` at the foot to `high` at the head, evenly, or by decades."""

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def share(self, value: float) -> float:
        """How far up a value stands, 0 to 1; what lies outside stands at the edge."""
        held = min(max(value, self.low), self.high)
        if self.log:
            return log10(held / self.low) / log10(self.high / self.low)
        return (held - self.low) / (self.high - self.low)


class Mark(Noun):
    """A span of the x axis with a name, such as a stage; from and to 0..1."""

    start: float
    end: float
    label: str


class Axis(Noun):
    """The x axis, 0 to 1: where values stand, what each of these places is called, and labels: where, and which."""

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
        """Equal parts of the axis, each with its value in its middle."""
        return cls(find_centres(len(named)), named, ticks, marks, spans)


def linear(highest: float, ticks: int = 4) -> Scale:
    """From 0 to a little above the highest value, so that labels have room; to 1 when nothing is above 0."""
    high = highest * HEADROOM if highest > 0 else 1.0
    step = round_step(high / HEADROOM / ticks)
    return Scale(0.0, high, tuple(place * step for place in range(int(high / step + 1e-9) + 1)))


def round_step(rough: float) -> float:
    """The next of 1, 2, 2.5 and 5 times a power of ten."""
    power = 10.0 ** floor(log10(rough))
    return next(times * power for times in (1, 2, 2.5, 5, 10) if rough <= times * power * (1 + 1e-9))


def logarithmic(lowest: float, highest: float) -> Scale:
    """From a 1, 2 or 5 of a decade to another; over many decades only the powers of ten get a label."""
    start = floor(log10(lowest))
    marks = [(times, times * 10.0**decade) for decade in range(start, start + 14) for times in (1, 2, 5)]
    low = max((mark for _, mark in marks if mark <= lowest * 1.001), default=marks[0][1])
    high = next(mark for _, mark in marks if mark >= highest * 0.999 and mark > low)
    wide = high / low > 1000
    return Scale(
        low, high, tuple(mark for times, mark in marks if low <= mark <= high and (times == 1 or not wide)), True
    )


def time_ticks(seconds: float, most: int = 7) -> tuple[float, ...]:
    """Round moments from 0 to the end."""
    step = next((step for step in TIME_STEPS if seconds / step <= most), ceil(seconds / most / 86400) * 86400)
    return tuple(float(place * step) for place in range(int(seconds / step) + 1))


def label_times(seconds: float, first: float = 0.0) -> list[tuple[float, str]]:
    """Round moments of a time axis: each one's place, 0 to 1, and its label, which counts from `first` on."""
    return [(tick / seconds, format_clock(first + tick)) for tick in time_ticks(seconds)]


def label_columns(labels: Sequence[str], every: int = 1) -> list[tuple[float, str]]:
    """A label below each of so many columns, or below every second or third one."""
    return list(zip(find_centres(len(labels)), labels, strict=True))[::every]


def find_centres(size: int) -> list[float]:
    """The middles of so many equal spans of 0..1."""
    return [(place + 0.5) / size for place in range(size)]
