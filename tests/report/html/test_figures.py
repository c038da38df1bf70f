"""Numbers as people read them, and where they stand in a plot."""

from __future__ import annotations

from itertools import pairwise
from math import log10, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.charts.elements import Markup, el
from loadgen.charts.scales import linear, logarithmic, time_ticks
from loadgen.report.html.curve import as_quantile
from loadgen.report.html.figures import memory, milliseconds, moment, per_cent, share, short
from loadgen.report.html.flow import GAP, HEIGHT, LABEL, Node, place

SPACE = "\u00a0"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (milliseconds(0.85), "850 µs"),
        (milliseconds(12.34), "12.3 ms"),
        (milliseconds(999.7), "1 s"),
        (milliseconds(2811), "2.81 s"),
        (milliseconds(nan), "–"),
        (share(1, 3), "33.3 %"),
        (share(0, 3), "0 %"),
        (share(3, 3), "100 %"),
        (share(1, 10**6), "< 0.1 %"),
        (share(10**6 - 1, 10**6), "> 99.9 %"),
        (share(0, 0), "–"),
        (short(1234), "1,234"),
        (short(12_345), "12.3k"),
        (short(None), "–"),
        (moment(65), "1:05"),
        (moment(3725), "1:02:05"),
        (memory(134_352_896), "128 MiB"),
        (per_cent(0.31549), "31.5 %"),
        (per_cent(12.345), "1,234 %"),
        (per_cent(nan), "–"),
        (as_quantile(0.5), "50 %"),
        (as_quantile(0.99), "99 %"),
        (as_quantile(0.9999), "99.99 %"),
    ],
)
def test_figures_are_said_with_three_digits_and_the_unit_that_fits(said: str, told: str) -> None:
    assert said.replace(SPACE, " ") == told


def test_an_element_escapes_what_is_not_markup() -> None:
    assert el("p", "<b>", Markup("<i></i>"), title='"&', hidden=True, id=None) == (
        '<p title="&quot;&amp;" hidden>&lt;b&gt;<i></i></p>'
    )


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


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
def test_a_flow_keeps_its_columns_apart_and_inside(amounts: list[int]) -> None:
    parts = [Node(str(n), "part", amount, 1, "back", "whole") for n, amount in enumerate(amounts)]
    placed = place([Node("whole", "whole", sum(amounts), 0, "neutral"), *parts])
    column = [each for each in placed if each.node.column == 1]
    for above, below in pairwise(column):
        assert below.top >= above.top + max(above.height, LABEL) + GAP - 1e-6
    assert all(each.top + max(each.height, LABEL) <= HEIGHT + 1e-6 for each in placed)
