"""Ticks are round numbers, and labels never overlap, whatever the width of the plot."""

from __future__ import annotations

from itertools import pairwise
from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.charts import label_times, make_linear_scale, make_log_scale
from loadgen.charts.axes import ROWS, Mark, PlacedLabel, assign_rows, draw_labels, place_labels, time_ticks


@given(st.floats(1e-3, 1e12))
def test_a_linear_scale_holds_its_highest_value_in_few_round_steps(highest: float) -> None:
    scale = make_linear_scale(highest)
    assert scale.high >= highest * (1 - 1e-6)
    assert 2 <= len(scale.ticks) <= 6
    assert scale.share(scale.high) == 1
    assert scale.share(0) == 0


@given(st.floats(0.1, 1e6), st.floats(1, 1e6))
def test_a_logarithmic_scale_holds_both_ends_and_labels_few(lowest: float, times: float) -> None:
    scale = make_log_scale(lowest, lowest * times)
    assert scale.low <= lowest * 1.002
    assert scale.high >= lowest * times * 0.998
    assert 1 <= len(scale.ticks) <= 12
    assert scale.share(lowest) <= scale.share(lowest * times)
    assert log10(scale.high / scale.low) > 0


@given(st.floats(1, 10**6))
def test_time_ticks_are_few_and_inside(seconds: float) -> None:
    ticks = time_ticks(seconds)
    assert ticks[0] == 0
    assert ticks[-1] <= seconds
    assert len(ticks) <= 8


def test_moments_are_labelled_from_the_first_on_and_placed_on_the_axis() -> None:
    assert label_times(60.0, 3600.0)[::3] == [(0.0, "1:00:00"), (0.5, "1:00:30"), (1.0, "1:01:00")]


LONG = "checkout error, recommendations script, stock API"


def place(*marks: tuple[float, str]) -> list[PlacedLabel]:
    return place_labels([Mark(start, 1.0, label) for start, label in marks])


def test_a_label_that_the_next_one_would_cut_has_a_row_to_itself() -> None:
    rows = {label.mark.label: label.row for label in place((0.25, LONG), (0.42, "CDN in Germany"), (0.5, "newsletter"))}
    assert rows == {LONG: 0, "CDN in Germany": 1, "newsletter": 2}


def test_labels_with_room_stand_in_the_first_row_and_reach_to_the_next() -> None:
    first, second = place((0.0, "stage 1"), (0.5, "stage 2"))
    assert (first.row, first.start, first.end) == (0, 0.0, 0.5)
    assert (second.row, second.start, second.end) == (0, 0.5, 1.0)


def test_a_label_without_room_after_its_line_stands_before_it() -> None:
    (label,) = place((0.97, "end"))
    assert label.is_before_line
    assert label.end == 0.97
    assert "right:3.00%" in draw_labels([label.mark], ())


@pytest.mark.parametrize("stages", [1, 2, 5, 12, 40])
def test_labels_of_a_row_never_overlap(stages: int) -> None:
    labels = place(*((number / stages, f"stage {number + 1}") for number in range(stages)), (0.99, "end"))
    assert len(labels) == stages + 1
    for row in range(ROWS):
        its = sorted((label for label in labels if label.row == row), key=lambda label: label.mark.start)
        after = [label for label in its if not label.is_before_line]
        assert all(one.end <= other.start for one, other in pairwise(after))


def test_a_mark_without_a_name_takes_no_row() -> None:
    assert place((0.1, ""), (0.2, "quota 50/s"))[0].row == 0


def test_names_of_spans_stand_below_those_of_marks() -> None:
    page = draw_labels([Mark(0.2, 0.3, LONG), Mark(0.3, 1.0, "b")], [Mark(0.2, 0.9, "stock API")])
    assert page.index("top:0px") < page.index("top:16px") < page.index("top:32px")


def test_spans_that_overlap_have_names_in_rows_of_their_own() -> None:
    spans = [Mark(0.0, 0.5, "a"), Mark(0.1, 0.2, "b"), Mark(0.2, 0.4, "c"), Mark(0.5, 0.9, "d")]
    assert assign_rows(spans) == [0, 1, 1, 0]
