"""The page's flow of events, and what it says of preflights."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.report.accounting import GAP, HEIGHT, LABEL, Node, describe_preflights, place_nodes
from loadgen.results import Aggregate, PreflightResult, RunEnd, summarize_run
from loadgen.scenario import Scenario
from tests.paths import QUICKSTART


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
def test_a_flow_keeps_its_columns_apart_and_inside(amounts: list[int]) -> None:
    parts = [Node(str(n), "part", amount, 1, "back", "whole") for n, amount in enumerate(amounts)]
    placed = place_nodes([Node("whole", "whole", sum(amounts), 0, "neutral"), *parts])
    column = [each for each in placed if each.node.column == 1]
    for above, below in pairwise(column):
        assert below.top >= above.top + max(above.height, LABEL) + GAP - 1e-6
    assert all(each.top + max(each.height, LABEL) <= HEIGHT + 1e-6 for each in placed)


@pytest.mark.parametrize(
    ("allowed", "said"),
    [(True, "2, besides the requests"), (False, "2, 2 refused or unanswered, besides the requests")],
)
def test_the_page_says_how_many_preflights_were_refused(allowed: bool, said: str) -> None:
    measured = Aggregate()
    measured.preflights.add([PreflightResult(0.01, True, allowed)] * 2)
    summary = summarize_run(
        measured, Scenario.load(QUICKSTART), RunEnd(1, "realtime", "2026-11-21T12:00:00.000+00:00", 1)
    )
    assert describe_preflights(summary) == said
