from __future__ import annotations

import pytest

from loadgen import client, traffic
from loadgen.planned import planned
from loadgen.scenario import Scenario
from tests.jobs.plan.shop import SHOP

CROWDED = SHOP.model_copy(update={"client": SHOP.client.model_copy(update={"sessionEventLimit": 12})})


@pytest.mark.parametrize("scenario", [SHOP, SHOP.adjust(sample_rate=0.3), CROWDED])
def test_a_plan_does_not_depend_on_whether_unrecorded_events_are_kept(scenario: Scenario) -> None:
    lean, full = list(planned(scenario, 1)), list(planned(scenario, 1, with_unrecorded=True))
    assert [plan for _, plan in lean] == [plan for _, plan in full]
    assert [session for session, _ in full] == list(traffic.draw_sessions(scenario, 1))


def test_each_session_comes_with_what_the_client_makes_of_it() -> None:
    for session, plan in planned(CROWDED, 1):
        assert plan == client.plan(session, CROWDED.client, CROWDED.monitor.sample_rate)


def test_the_shares_of_all_workers_are_the_whole() -> None:
    shares = [list(planned(SHOP, 1, (worker, 3))) for worker in range(3)]
    assert sorted((pair for share in shares for pair in share), key=lambda pair: pair[0].index) == list(
        planned(SHOP, 1)
    )


def test_others_get_their_turn_while_sessions_are_drawn() -> None:
    turns: list[None] = []
    assert list(planned(SHOP, 1, yield_to_others=lambda: turns.append(None)))
    assert turns
