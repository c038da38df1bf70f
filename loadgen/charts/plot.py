"""A plot: values over time or over another axis, as SVG that stretches with the page and text that does not.

Rule: y is pixels and x is thousandths of the width. Labels are HTML beside the drawing, so they keep their size on any
screen and on paper; the script needs no more than the read-outs that stand beside the plot as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, groupby
from math import isfinite
from typing import Literal

import msgspec

from loadgen.charts.html import Markup, el
from loadgen.charts.marks import draw_labels
from loadgen.charts.scales import Axis, Scale, Write
from loadgen.errors import escape_controls
from loadgen.model import Noun

WIDTH = 1000
COLOURS = 6  # of lines of one kind; after as many they come again, dashed
Shape = Literal["stack", "line", "band", "dots", "rule"]

LONG_LABEL = 12
HALF_CHARACTER = 0.011
"""Characters from which a label may reach beyond a plot's end, and half of one as part of a plot on a telephone."""

NARROW = 30
"""Characters of labels, with the gaps between them, that have room below a plot on a telephone."""


class Layer(Noun):
    """One series: its colour's name, what it is called, its values at the plot's places (NaN: none), and its shape.

    A `stack` stands on the stacks before it, a `band` reaches down to `foot`, a `rule` is one value across the plot.
    """

    colour: str
    label: str
    values: Sequence[float]
    shape: Shape = "line"
    foot: Sequence[float] = ()
    dashed: bool = False


class Plot(Noun):
    """What is drawn."""

    id: str
    title: str
    text: str  # the description for those who do not see it
    x: Axis
    y: Scale
    say: Write  # how the layers' values are written
    layers: Sequence[Layer]
    height: int = 240

    def html(self) -> Markup:
        """The figure with its legend, axes and read-outs."""
        return el(
            "div",
            draw_legend(self.layers),
            el(
                "div",
                self._y_axis(),
                el(
                    "div",
                    self._drawing(),
                    draw_labels(self.x.marks, self.x.spans),
                    el("div", class_="cursor"),
                    class_="area",
                    tabindex=0,
                ),
                self._x_axis(),
                class_="frame",
                style=f"--h:{self.height}px",
            ),
            self._readouts(),
            class_="plot",
            id=self.id,
        )

    def _drawing(self) -> Markup:
        return el(
            "svg",
            el("title", self.title, id=f"{self.id}-title"),
            el("desc", self.text, id=f"{self.id}-desc"),
            *self._grid(),
            *self._drawn(),
            viewBox=f"0 0 {WIDTH} {self.height}",
            preserveAspectRatio="none",
            role="img",
            aria_labelledby=f"{self.id}-title {self.id}-desc",
        )

    def _grid(self) -> list[Markup]:
        lines = [draw_rule(self._y(tick), "grid") for tick in self.y.ticks if tick > self.y.low]
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

    def _drawn(self) -> list[Markup]:
        made, tops = [], [0.0] * len(self.x.places)
        for layer in self.layers:
            feet = tops
            if layer.shape == "stack":
                tops = [foot + max(value, 0) for foot, value in zip(feet, layer.values, strict=True)]
            shape = self._shape(layer, feet, tops)
            made.append(el("g", *shape, class_=f"s c-{layer.colour}", data_series=find_switch(self.layers, layer)))
        return made

    def _shape(self, layer: Layer, feet: Sequence[float], tops: Sequence[float]) -> list[Markup]:
        dashed = " dashed" if layer.dashed else ""
        if layer.shape == "stack":
            return [el("path", d=self._steps(feet, tops), class_="fill")]
        if layer.shape == "band":
            return [el("path", d=self._between(layer.foot, layer.values), class_="band")]
        if layer.shape == "dots":
            return [el("path", d=self._dots(layer.values), class_="dots")]
        if layer.shape == "rule":
            return [draw_rule(self._y(layer.values[0]), f"line{dashed}")]
        path = self._line(layer.values)
        return [el("path", d=path, class_=f"line{dashed}")]

    def _steps(self, feet: Sequence[float], tops: Sequence[float]) -> str:
        """Columns without gaps between them, from the feet to the tops."""
        edges = [place / len(tops) for place in range(len(tops) + 1)]
        up = [f"{format_x(edges[i])} {self._at(top)}H{format_x(edges[i + 1])}" for i, top in enumerate(tops)]
        down = [
            f"{format_x(edges[i + 1])} {self._at(foot)}H{format_x(edges[i])}"
            for i, foot in reversed(list(enumerate(feet)))
        ]
        return f"M{'L'.join(up)}L{'L'.join(down)}Z"

    def _between(self, feet: Sequence[float], tops: Sequence[float]) -> str:
        """Areas between two lines, as far as both are there."""
        made = []
        for run in self._runs([top + foot for top, foot in zip(tops, feet, strict=True)]):
            there = [f"{format_x(self.x.places[i])} {self._at(tops[i])}" for i in run]
            back = [f"{format_x(self.x.places[i])} {self._at(feet[i])}" for i in reversed(run)]
            made.append(f"M{'L'.join(there + back)}Z")
        return "".join(made)

    def _line(self, values: Sequence[float]) -> str:
        """Lines as far as there are values; a value alone is a dot."""
        runs = ([f"{format_x(self.x.places[i])} {self._at(values[i])}" for i in run] for run in self._runs(values))
        return "".join(f"M{'L'.join(run)}" + ("h0" if len(run) == 1 else "") for run in runs)

    def _dots(self, values: Sequence[float]) -> str:
        shown = (i for i, value in enumerate(values) if isfinite(value))
        return "".join(f"M{format_x(self.x.places[i])} {self._at(values[i])}h0" for i in shown)

    def _runs(self, values: Sequence[float]) -> list[list[int]]:
        """Places with values that stand side by side."""
        grouped = groupby(range(len(values)), key=lambda i: isfinite(values[i]))
        return [list(run) for there, run in grouped if there]

    def _y(self, value: float) -> float:
        return self.height * (1 - self.y.share(value))

    def _at(self, value: float) -> str:
        return f"{self._y(value):.1f}".removesuffix(".0")

    def _y_axis(self) -> Markup:
        labels = (el("span", self.y_label(tick), style=f"top:{self._y(tick):.1f}px") for tick in self.y.ticks)
        return el("div", *labels, class_="yaxis", aria_hidden="true")

    def y_label(self, tick: float) -> str:
        """A tick's text, without a unit a second time."""
        return self.say(tick).removesuffix("/s") if tick else "0"

    def _x_axis(self) -> Markup:
        labels = []
        crowded = sum(len(label) + 2 for _, label in self.x.ticks) > NARROW
        for number, (place, label) in enumerate(self.x.ticks):
            reach = HALF_CHARACTER * len(label) if len(label) > LONG_LABEL else 0.03
            edge = " end" if place > 1 - reach else " start" if place < 0.02 else ""
            thin = " thin" if crowded and number % 2 else ""
            labels.append(el("span", label, class_=f"tick{edge}{thin}", style=f"left:{place * 100:.2f}%"))
        return el("div", *labels, class_="xaxis", aria_hidden="true")

    def _readouts(self) -> Markup:
        told = [layer for layer in self.layers if layer.shape not in ("rule", "band")]
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
                    for layer in told
                ],
            }
        )


def find_switch(layers: Sequence[Layer], layer: Layer) -> int:
    """The number of the switch that shows and hides a layer: layers of one label share the first one's."""
    return next(number for number, other in enumerate(layers) if other.label == layer.label)


def draw_legend(layers: Sequence[Layer]) -> Markup:
    """A switch for each label."""
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
    """JSON that the script may read and no parser can take for markup."""
    text = msgspec.json.encode(value).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return el("script", Markup(text), type="application/json")


def draw_rule(y: float, name: str) -> Markup:
    """A line across the plot."""
    return el("path", d=f"M0 {y:.1f}H{WIDTH}", class_=name)


def format_x(place: float) -> str:
    """A place 0..1 in thousandths of the width, one digit more."""
    return f"{place * WIDTH:.1f}".removesuffix(".0")


def find_highest(*series: Sequence[float]) -> float:
    """The highest of the values that are there; 0 where none is."""
    return max((value for values in series for value in values if isfinite(value)), default=0.0)


def find_stack_height(*series: Sequence[float]) -> float:
    """The height of the highest stack."""
    return max((list(accumulate(each))[-1] for each in zip(*series, strict=True)), default=0.0)


def pick_colour(place: int) -> str:
    """The colour of one of many lines that are of one kind."""
    return f"run{place % COLOURS}"
