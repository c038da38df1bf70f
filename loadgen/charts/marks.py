"""The labels of a plot's marks and spans, each in a row where it has room.

Rule: labels of one row never overlap, whatever the plot's width: a label is cut, with an ellipsis, before the next.
"""

from __future__ import annotations

from collections.abc import Sequence

from loadgen.charts.html import Markup, el
from loadgen.charts.scales import Mark
from loadgen.model import Noun

CHARACTER = 0.02  # width of a label's character on a telephone, as a share of the plot's width
GAP = 0.03
ROWS, ROW_PIXELS = 3, 16
"""The most rows of the marks' labels; the spans' labels and the plot stand below them."""


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
