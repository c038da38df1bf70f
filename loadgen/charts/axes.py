"""The axes of a plot: the places of values, the ticks that get a label, and the labels of the marks and spans.

Rule: labels of one row never overlap, whatever the plot's width: a label is cut, with an ellipsis, before the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor, log10

from loadgen.charts.html import Markup, el
from loadgen.model import Noun
from loadgen.units import format_clock

HEADROOM = 1.1
MOST_TIMES = 7  # ticks of a time axis
TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)

Write = Callable[[float | None], str]
"""Formats a value as text; None: no value."""

CHARACTER = 0.02  # width of a label's character on a telephone, as a share of the plot's width
GAP = 0.03
ROWS, ROW_PIXELS = 3, 16
"""The most rows of the marks' labels; the spans' labels and the plot stand below them."""


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


def make_linear_scale(highest: float) -> Scale:
    """Make a linear scale from 0 to a little above the highest value, so that labels have room; to 1 if that is 0."""
    high = highest * HEADROOM if highest > 0 else 1.0
    step = round_step(high / HEADROOM / 4)  # about four ticks
    return Scale(0.0, high, tuple(place * step for place in range(int(high / step + 1e-9) + 1)))


def round_step(rough: float) -> float:
    """Round up to 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(rough))
    return next(times * power for times in (1, 2, 2.5, 5, 10) if rough <= times * power * (1 + 1e-9))


def make_log_scale(lowest: float, highest: float) -> Scale:
    """Make a logarithmic scale between 1, 2 or 5 times a power of ten; over 3 decades only powers of ten get ticks."""
    start = floor(log10(lowest))
    marks = [(times, times * 10.0**decade) for decade in range(start, start + 14) for times in (1, 2, 5)]
    low = max((mark for _, mark in marks if mark <= lowest * 1.001), default=marks[0][1])
    high = next(mark for _, mark in marks if mark >= highest * 0.999 and mark > low)
    wide = high / low > 1000
    return Scale(
        low, high, tuple(mark for times, mark in marks if low <= mark <= high and (times == 1 or not wide)), True
    )


def time_ticks(seconds: float) -> tuple[float, ...]:
    """Return round moments in seconds from 0 to the end, about MOST_TIMES at most."""
    step = next(
        (step for step in TIME_STEPS if seconds / step <= MOST_TIMES), ceil(seconds / MOST_TIMES / 86400) * 86400
    )
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


class PlacedLabel(Noun):
    """The label of a mark: its row, and the part of the plot's width, 0..1, that it may take."""

    mark: Mark
    row: int
    start: float
    end: float

    @property
    def is_before_line(self) -> bool:
        """Whether the label stands before its line, because there is no room after the line."""
        return self.end <= self.mark.start


def draw_labels(marks: Sequence[Mark], spans: Sequence[Mark]) -> Markup:
    """Draw the labels of a plot: the marks' labels at its top, the spans' labels below them."""
    placed = place_labels(marks)
    below = max((label.row for label in placed), default=0) + 1
    lower = [draw_span_label(span, below + row) for span, row in zip(spans, assign_rows(spans), strict=True)]
    return el("div", *map(draw_mark_label, placed), *lower, class_="marks", aria_hidden="true")


def place_labels(marks: Sequence[Mark]) -> list[PlacedLabel]:
    """Place the labels of marks, which come in the order of their starts, in the first row that has room."""
    rows: list[list[PlacedLabel]] = [[] for _ in range(ROWS)]
    for mark in marks:
        if mark.label:
            start, end = _choose_side(mark)
            number = _choose_row(rows, start)
            rows[number].append(PlacedLabel(mark, number, start, end))
    return [label for row in rows if row for label in _spread_row(row)]


def _choose_side(mark: Mark) -> tuple[float, float]:
    """Return the part of the width for a label: after its line, or before it if there is no room after it."""
    width = len(mark.label) * CHARACTER + GAP
    if mark.start + width > 1 and mark.start - width >= 0:
        return mark.start - width, mark.start
    return mark.start, min(mark.start + width, 1.0)


def _choose_row(rows: Sequence[Sequence[PlacedLabel]], start: float) -> int:
    """Return the first row whose labels end before `start`; if there is none, the row that ends first."""
    ends = [row[-1].end if row else 0.0 for row in rows]
    return next((number for number, end in enumerate(ends) if end <= start), ends.index(min(ends)))


def _spread_row(row: Sequence[PlacedLabel]) -> list[PlacedLabel]:
    """Let each label behind its line reach to the next label of its row, or to the plot's end."""
    begins = [*(label.start for label in row[1:]), 1.0]
    return [
        label if label.is_before_line else PlacedLabel(label.mark, label.row, label.start, max(begin, label.start))
        for label, begin in zip(row, begins, strict=True)
    ]


def draw_mark_label(label: PlacedLabel) -> Markup:
    """Draw a mark's label after its line, or before it."""
    width = f"max-width:{(label.end - label.start) * 100:.2f}%;top:{label.row * ROW_PIXELS}px"
    if label.is_before_line:
        side = f"right:{(1 - label.mark.start) * 100:.2f}%;padding-right:5px"
    else:
        side = f"left:{label.start * 100:.2f}%"
    return el("span", label.mark.label, title=label.mark.label, style=f"{side};{width}")


def draw_span_label(span: Mark, row: int) -> Markup:
    """Draw a span's label inside the span, in row `row`."""
    width = (span.end - span.start) * 100
    style = f"left:{span.start * 100:.2f}%;max-width:{width:.2f}%;top:{row * ROW_PIXELS}px"
    return el("span", span.label, title=span.label, class_="span", style=style)


def assign_rows(spans: Sequence[Mark]) -> list[int]:
    """Return a row for each span, so that the spans of a row do not overlap; each span takes the first free row."""
    ends: list[float] = []
    rows = []
    for span in spans:
        row = next((place for place, end in enumerate(ends) if end <= span.start), len(ends))
        ends[row : row + 1] = [span.end]
        rows.append(row)
    return rows
