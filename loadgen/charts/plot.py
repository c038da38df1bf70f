"""A plot: values over time or another axis, as SVG that stretches with the page, with labels that do not.

Rule: y is in pixels and x in thousandths of the width. Labels are HTML beside the drawing, so they keep their size on
any screen and on paper. The script needs only the read-outs, which stand beside the plot as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, groupby
from math import isfinite
from typing import Literal

import msgspec

from loadgen.charts.axes import Axis, Scale, Write, draw_labels
from loadgen.charts.html import Markup, el
from loadgen.errors import escape_controls
from loadgen.model import Noun

WIDTH = 1000
COLOURS = 6  # for lines of one kind; further lines use the same colours again, dashed
Shape = Literal["stack", "line", "band", "dots", "rule"]

LONG_LABEL = 12
HALF_CHARACTER = 0.011
"""A label of more than LONG_LABEL characters may reach beyond the end of a plot; on a telephone, half a character is
HALF_CHARACTER of the plot's width."""

NARROW = 30
"""The most characters of all labels, with the gaps between them, that fit below a plot on a telephone."""


class Layer(Noun):
    """One series of a plot: colour name, label, values at the places of the x axis (NaN: no value), and shape.

    A `stack` stands on the stacks before it, a `band` reaches down to `foot`, a `rule` is one value across the plot.
    """

    colour: str
    label: str
    values: Sequence[float]
    shape: Shape = "line"
    foot: Sequence[float] = ()
    dashed: bool = False


class Plot(Noun):
    """A plot with its axes and layers; `render` draws it."""

    id: str
    title: str
    text: str  # the description for screen readers
    x: Axis
    y: Scale
    say: Write  # formats a value of the layers
    layers: Sequence[Layer]
    height: int = 240

    def render(self) -> Markup:
        """Return the plot as HTML: legend, drawing, axes and read-outs."""
        return el(
            "div",
            draw_legend(self.layers),
            el(
                "div",
                self._draw_y_axis(),
                el(
                    "div",
                    self._draw_svg(),
                    draw_labels(self.x.marks, self.x.spans),
                    el("div", class_="cursor"),
                    class_="area",
                    tabindex=0,
                ),
                self._draw_x_axis(),
                class_="frame",
                style=f"--h:{self.height}px",
            ),
            self._write_readouts(),
            class_="plot",
            id=self.id,
        )

    def _draw_svg(self) -> Markup:
        return el(
            "svg",
            el("title", self.title, id=f"{self.id}-title"),
            el("desc", self.text, id=f"{self.id}-desc"),
            *self._draw_grid(),
            *self._draw_layers(),
            viewBox=f"0 0 {WIDTH} {self.height}",
            preserveAspectRatio="none",
            role="img",
            aria_labelledby=f"{self.id}-title {self.id}-desc",
        )

    def _draw_grid(self) -> list[Markup]:
        lines = [draw_rule(self._place_y(tick), "grid") for tick in self.y.ticks if tick > self.y.low]
        lines.append(draw_rule(self.height, "axis"))
        stages = [
            el("path", d=f"M{format_x(mark.start)} 0V{self.height}", class_="mark")
            for mark in self.x.marks
            if mark.start
        ]
        shaded = [
            el("path", d=f"M{left} 0H{right}V{self.height}H{left}Z", class_="span")
            for left, right in ((format_x(span.start), format_x(span.end)) for span in self.x.spans)
        ]
        return [*shaded, *lines, *stages]

    def _draw_layers(self) -> list[Markup]:
        groups, tops = [], [0.0] * len(self.x.places)
        for layer in self.layers:
            feet = tops
            if layer.shape == "stack":
                tops = [foot + max(value, 0) for foot, value in zip(feet, layer.values, strict=True)]
            shape = self._draw_shape(layer, feet, tops)
            groups.append(el("g", *shape, class_=f"s c-{layer.colour}", data_series=find_switch(self.layers, layer)))
        return groups

    def _draw_shape(self, layer: Layer, feet: Sequence[float], tops: Sequence[float]) -> list[Markup]:
        dashed = " dashed" if layer.dashed else ""
        if layer.shape == "stack":
            return [el("path", d=self._trace_steps(feet, tops), class_="fill")]
        if layer.shape == "band":
            return [el("path", d=self._trace_band(layer.foot, layer.values), class_="band")]
        if layer.shape == "dots":
            return [el("path", d=self._trace_dots(layer.values), class_="dots")]
        if layer.shape == "rule":
            return [draw_rule(self._place_y(layer.values[0]), f"line{dashed}")]
        path = self._trace_line(layer.values)
        return [el("path", d=path, class_=f"line{dashed}")]

    def _trace_steps(self, feet: Sequence[float], tops: Sequence[float]) -> str:
        """Return the path of columns without gaps between them, from `feet` to `tops`."""
        edges = [place / len(tops) for place in range(len(tops) + 1)]
        up = [f"{format_x(edges[i])} {self._format_point(top)}H{format_x(edges[i + 1])}" for i, top in enumerate(tops)]
        down = [
            f"{format_x(edges[i + 1])} {self._format_point(foot)}H{format_x(edges[i])}"
            for i, foot in reversed(list(enumerate(feet)))
        ]
        return f"M{'L'.join(up)}L{'L'.join(down)}Z"

    def _trace_band(self, feet: Sequence[float], tops: Sequence[float]) -> str:
        """Return the path of the areas between two lines, where both have values."""
        areas = []
        for run in self._split_runs([top + foot for top, foot in zip(tops, feet, strict=True)]):
            top = [f"{format_x(self.x.places[i])} {self._format_point(tops[i])}" for i in run]
            foot = [f"{format_x(self.x.places[i])} {self._format_point(feet[i])}" for i in reversed(run)]
            areas.append(f"M{'L'.join(top + foot)}Z")
        return "".join(areas)

    def _trace_line(self, values: Sequence[float]) -> str:
        """Return the path of a line that is broken where values are missing; a single value is a dot."""
        runs = (
            [f"{format_x(self.x.places[i])} {self._format_point(values[i])}" for i in run]
            for run in self._split_runs(values)
        )
        return "".join(f"M{'L'.join(run)}" + ("h0" if len(run) == 1 else "") for run in runs)

    def _trace_dots(self, values: Sequence[float]) -> str:
        shown = (i for i, value in enumerate(values) if isfinite(value))
        return "".join(f"M{format_x(self.x.places[i])} {self._format_point(values[i])}h0" for i in shown)

    def _split_runs(self, values: Sequence[float]) -> list[list[int]]:
        """Group the indices of neighbouring places that have values."""
        grouped = groupby(range(len(values)), key=lambda i: isfinite(values[i]))
        return [list(run) for has_value, run in grouped if has_value]

    def _place_y(self, value: float) -> float:
        return self.height * (1 - self.y.share(value))

    def _format_point(self, value: float) -> str:
        return f"{self._place_y(value):.1f}".removesuffix(".0")

    def _draw_y_axis(self) -> Markup:
        written = ((tick, self.say(tick).removesuffix("/s") if tick else "0") for tick in self.y.ticks)
        labels = (el("span", text, style=f"top:{self._place_y(tick):.1f}px") for tick, text in written)
        return el("div", *labels, class_="yaxis", aria_hidden="true")

    def _draw_x_axis(self) -> Markup:
        labels = []
        crowded = sum(len(label) + 2 for _, label in self.x.ticks) > NARROW
        for number, (place, label) in enumerate(self.x.ticks):
            reach = HALF_CHARACTER * len(label) if len(label) > LONG_LABEL else 0.03
            edge = " end" if place > 1 - reach else " start" if place < 0.02 else ""
            thin = " thin" if crowded and number % 2 else ""
            labels.append(el("span", label, class_=f"tick{edge}{thin}", style=f"left:{place * 100:.2f}%"))
        return el("div", *labels, class_="xaxis", aria_hidden="true")

    def _write_readouts(self) -> Markup:
        read_out = [layer for layer in self.layers if layer.shape not in ("rule", "band")]
        return write_json_script(
            {
                "x": [round(place, 5) for place in self.x.places],
                "named": [*map(escape_controls, self.x.named)],
                "series": [
                    {
                        "id": find_switch(self.layers, layer),
                        "colour": layer.colour,
                        "label": escape_controls(layer.label),
                        "values": [self.say(value) for value in layer.values],
                    }
                    for layer in read_out
                ],
            }
        )


def find_switch(layers: Sequence[Layer], layer: Layer) -> int:
    """Return the number of the switch that shows and hides a layer; layers with the same label share one switch."""
    return next(number for number, other in enumerate(layers) if other.label == layer.label)


def draw_legend(layers: Sequence[Layer]) -> Markup:
    """Draw the legend: one switch for each label."""
    switches = [
        el(
            "button",
            el("i", class_=f"key {layer.shape}{' dashed' if layer.dashed else ''}"),
            layer.label,
            type="button",
            class_=f"c-{layer.colour}",
            data_toggle=number,
            aria_pressed="true",
        )
        for number, layer in enumerate(layers)
        if find_switch(layers, layer) == number
    ]
    return el("div", *switches, class_="legend", role="group", aria_label="Series")


def write_json_script(value: object) -> Markup:
    """Write a value as JSON for the page's script, without characters that could end the element."""
    text = msgspec.json.encode(value).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return el("script", Markup(text), type="application/json")


def draw_rule(y: float, name: str) -> Markup:
    """Draw a horizontal line across the plot; `name` is its CSS class."""
    return el("path", d=f"M0 {y:.1f}H{WIDTH}", class_=name)


def format_x(place: float) -> str:
    """Format a place of 0..1 in thousandths of the width, with one decimal."""
    return f"{place * WIDTH:.1f}".removesuffix(".0")


def find_highest(*series: Sequence[float]) -> float:
    """Return the highest finite value; 0 without one."""
    return max((value for values in series for value in values if isfinite(value)), default=0.0)


def find_stack_height(*series: Sequence[float]) -> float:
    """Return the height of the highest stack of non-negative series."""
    return max((list(accumulate(each))[-1] for each in zip(*series, strict=True)), default=0.0)


def pick_colour(place: int) -> str:
    """Return the colour name of line `place` among lines of one kind."""
    return f"run{place % COLOURS}"
