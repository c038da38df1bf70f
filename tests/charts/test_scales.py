"""Scales hold what they show, with few round labels."""

from __future__ import annotations

from math import log10

from hypothesis import given
from hypothesis import strategies as st

from loadgen.charts import label_times, linear, logarithmic
from loadgen.charts.scales import time_ticks


@given(st.floats(1e-3, 1e12))
def test_a_linear_scale_holds_its_highest_value_in_few_round_steps(highest: float) -> None:
    scale = linear(highest)
    assert scale.high >= highest * (1 - 1e-6)
    assert 2 <= len(scale.ticks) <= 6
    assert scale.share(scale.high) == 1
    assert scale.share(0) == 0


@given(st.floats(0.1, 1e6), st.floats(1, 1e6))
def test_a_logarithmic_scale_holds_both_ends_and_labels_few(lowest: float, times: float) -> None:
    scale = logarithmic(lowest, lowest * times)
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
