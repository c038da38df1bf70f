"""Lines on axes as inline SVG. Colours are the page's CSS variables, so that light and dark are one drawing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

WIDTH, HALF, HEIGHT = 760, 440, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 44
TICKS = 5  # about so many on an axis

Point = tuple[float, float]


class Axis(NamedTuple):
    """A range of values, its label, and how a value is written on it."""

    low: float
    high: float
    label: str
    write: Callable[[float], str] = "{:,.6g}".format
    log: bool = False
    at: tuple[float, ...] = ()  # ticks; round numbers unless given

    def place(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Values that are written."""
        return self.at or (_decades(self.low, self.high) if self.log else _round_ticks(self.low, self.high))


class Line(NamedTuple):
    """A named line; `colour` is a number of the page's palette, `dots` marks its points."""

    name: str
    points: Sequence[Point]
    colour: int
    dots: bool = False
    thin: bool = False


class Mark(NamedTuple):
    """A straight line across the plot with a word to it."""

    label: str
    value: float
    upright: bool = False
    colour: int = 4


def chart(title: str, x: Axis, y: Axis, lines: Sequence[Line], marks: Sequence[Mark] = (), width: int = WIDTH) -> str:
    """A figure with its title, legend and plot."""
    plot = Plot(x, y, width)
    drawn = [*plot.grid(), *(plot.mark(mark) for mark in marks)]
    drawn += [piece for line in lines for piece in plot.line(line)]
    drawn += plot.bands(lines)
    named = lines if len(lines) > 1 else ()
    legend = "".join(f'<span><i class="c{line.colour}"></i>{escape(line.name)}</span>' for line in named)
    return (
        f'<figure><figcaption>{escape(title)}<span class="legend">{legend}</span></figcaption>'
        f'<svg viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(drawn)}</svg></figure>'
    )


def nice_top(value: float) -> float:
    """A round number at or above a value, where an axis may end."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(
        step * unit for step in (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0) if step * unit >= value
    )


def _round_ticks(low: float, high: float) -> tuple[float, ...]:
    span = high - low
    unit = 10 ** math.floor(math.log10(span / TICKS))
    step = next(part * unit for part in (1, 2, 2.5, 5, 10) if span / (part * unit) <= TICKS)
    first = math.ceil(low / step)
    return tuple(number * step for number in range(first, math.floor(high / step + 1e-9) + 1))


def _decades(low: float, high: float) -> tuple[float, ...]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return tuple(10.0**power for power in range(first, last + 1))


class Plot:
    """Puts values on the paper."""

    def __init__(self, x: Axis, y: Axis, width: int) -> None:
        self._x, self._y = x, y
        self._right = width - RIGHT

    def at(self, point: Point) -> Point:
        """A point on the paper."""
        return (
            LEFT + self._x.place(point[0]) * (self._right - LEFT),
            HEIGHT - BOTTOM - self._y.place(point[1]) * (HEIGHT - TOP - BOTTOM),
        )

    def grid(self) -> list[str]:
        """Lines and numbers of both axes, and what they are."""
        drawn, bottom = [], HEIGHT - BOTTOM
        for value in self._y.ticks:
            _, y = self.at((self._x.low, value))
            drawn.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{self._right}"/>')
            drawn.append(f'<text class="end" x="{LEFT - 8}" y="{y + 4:.1f}">{escape(self._y.write(value))}</text>')
        for value in self._x.ticks:
            x, _ = self.at((value, self._y.low))
            drawn.append(f'<path class="tick" d="M{x:.1f} {bottom}v5"/>')
            drawn.append(f'<text class="middle" x="{x:.1f}" y="{bottom + 18}">{escape(self._x.write(value))}</text>')
        drawn.append(f'<path class="axis" d="M{LEFT} {bottom}H{self._right}"/>')
        drawn.append(
            f'<text class="middle label" x="{(LEFT + self._right) / 2}" y="{HEIGHT - 6}">{self._x.label}</text>'
        )
        drawn.append(
            f'<text class="middle label" transform="translate(14 {(TOP + bottom) / 2}) rotate(-90)">'
            f"{self._y.label}</text>"
        )
        return drawn

    def line(self, line: Line) -> list[str]:
        """A line, and dots on it."""
        places = [self.at(point) for point in line.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        thin = " thin" if line.thin else ""
        drawn = [f'<path class="line s{line.colour}{thin}" d="M{path}"/>'] if places else []
        if line.dots:
            drawn += [f'<circle class="c{line.colour}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in places]
        return drawn

    def mark(self, mark: Mark) -> str:
        """A straight line with its word, inside the plot."""
        if mark.upright:
            x, _ = self.at((mark.value, self._y.low))
            side, shift = ("end", -6) if x > self._right * 0.7 else ("start", 6)
            path, place = f"M{x:.1f} {TOP}V{HEIGHT - BOTTOM}", f'x="{x + shift:.1f}" y="{TOP + 10}"'
        else:
            _, y = self.at((self._x.low, mark.value))
            side, path, place = "end", f"M{LEFT} {y:.1f}H{self._right}", f'x="{self._right - 4}" y="{y - 5:.1f}"'
        return (
            f'<path class="mark s{mark.colour}" d="{path}"/>'
            f'<text class="{side} t{mark.colour}" {place}>{escape(mark.label)}</text>'
        )

    def bands(self, lines: Sequence[Line]) -> list[str]:
        """Invisible upright bands that tell the values under the pointer."""
        longest = max(lines, key=lambda line: len(line.points))
        places = [self.at(point)[0] for point in longest.points]
        edges = [LEFT, *((a + b) / 2 for a, b in pairwise(places)), self._right]
        drawn = []
        for number, (value, _) in enumerate(longest.points):
            said = [
                f"{line.name}: {self._y.write(line.points[number][1])}" for line in lines if number < len(line.points)
            ]
            told = escape("\n".join([f"{self._x.label} {self._x.write(value)}", *said]))
            left, right = edges[number], edges[number + 1]
            drawn.append(
                f'<rect class="band" x="{left:.1f}" y="{TOP}" width="{max(right - left, 0.5):.1f}" '
                f'height="{HEIGHT - TOP - BOTTOM}"><title>{told}</title></rect>'
            )
        return drawn
