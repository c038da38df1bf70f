"""Labels of the marks and spans of a plot: each in a row where it has room.

Rule: labels of one row never overlap, whatever the plot's width: each is cut, with an ellipsis, where the next begins.
"""

from __future__ import annotations

from collections.abc import Sequence

from loadgen.charts.html import Markup, el
from loadgen.charts.scales import Mark
from loadgen.model import Noun

CHARACTER = 0.02  # share of the width of a plot on a telephone, which a label takes there
GAP = 0.03
ROWS, ROW_PIXELS = 3, 16
"""Rows that labels of marks take at most: below them stand those of the spans, and the plot."""


class PlacedLabel(Noun):
    """The label of a mark: its row, and the part of the plot's width, 0..1, that it may take."""

    mark: Mark
    row: int
    start: float
    end: float

    @property
    def is_before_line(self) -> bool:
        """Whether it stands before its line, because there is no room after it."""
        return self.end <= self.mark.start


def draw_labels(marks: Sequence[Mark], spans: Sequence[Mark]) -> Markup:
    """The labels of a plot: those of its marks at its head, those of its spans below them."""
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
    """The part of the width that a label wants: after its line, or before it where there is no room after it."""
    width = len(mark.label) * CHARACTER + GAP
    if mark.start + width > 1 and mark.start - width >= 0:
        return mark.start - width, mark.start
    return mark.start, min(mark.start + width, 1.0)


def _choose_row(rows: Sequence[Sequence[PlacedLabel]], start: float) -> int:
    """The first row whose labels end before `start`; if there is none, the row that ends first."""
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
    """A mark's name after its line, or before it."""
    width = f"max-width:{(label.end - label.start) * 100:.2f}%;top:{label.row * ROW_PIXELS}px"
    if label.is_before_line:
        side = f"right:{(1 - label.mark.start) * 100:.2f}%;padding-right:5px"
    else:
        side = f"left:{label.start * 100:.2f}%"
    return el("span", label.mark.label, title=label.mark.label, style=f"{side};{width}")


def draw_span_label(span: Mark, row: int) -> Markup:
    """A span's name inside it, in a row where nothing else stands."""
    width = (span.end - span.start) * 100
    style = f"left:{span.start * 100:.2f}%;max-width:{width:.2f}%;top:{row * ROW_PIXELS}px"
    return el("span", span.label, title=span.label, class_="span", style=style)


def assign_rows(spans: Sequence[Mark]) -> list[int]:
    """A row for each span, so that those of one row do not overlap; the first rows are taken first."""
    ends: list[float] = []
    rows = []
    for span in spans:
        row = next((place for place, end in enumerate(ends) if end <= span.start), len(ends))
        ends[row : row + 1] = [span.end]
        rows.append(row)
    return rows
