"""Two tabs of one visit share a session and interleave: the first one lives on, hidden, and ends the visit."""

from __future__ import annotations

from itertools import pairwise

import pytest

from loadgen import client, traffic
from loadgen.model import Session
from loadgen.rum.events import DOM, PAGE_VIEW
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import events, small


def tabbed(share: float, more: str = "", **settings: object) -> Scenario:
    return small(f"[population]\nnew_tab = {share}\n{more}", **settings)


def nested(session: Session) -> list[int]:
    """The documents of the other tab, by number."""
    loads = session.loads
    return [n for n in range(1, len(loads)) if any(loads[n].ready < before.hides[-1] for before in loads[:n])]


@pytest.fixture(scope="module")
def visits() -> list[Session]:
    return list(traffic.draw_sessions(tabbed(1.0), SEED))


def test_visits_without_a_step_back_go_on_in_another_tab(visits: list[Session]) -> None:
    """All visits that see two pages and never go back, at a share of 1; none at a share of 0."""
    assert sum(bool(nested(session)) for session in visits) > len(visits) / 5
    assert not any(nested(session) for session in traffic.draw_sessions(tabbed(0.0), SEED))


def test_the_other_tab_lies_within_the_time_for_which_the_first_is_hidden(visits: list[Session]) -> None:
    for session in visits:
        if not (inner := nested(session)):
            continue
        first = session.loads[inner[0] - 1]
        opened, closed = first.hides
        assert inner == list(range(inner[0], len(session.loads)))
        assert opened <= session.loads[inner[0]].at
        assert session.length == closed > max(session.loads[n].hides[-1] for n in inner)
        inputs = [each.at for each in first.events if each.type == DOM]
        assert not [at for at in inputs if opened < at < session.loads[inner[-1]].hides[-1]]


def test_pages_count_on_across_tabs(visits: list[Session]) -> None:
    for session in visits:
        found = sorted(events([session], PAGE_VIEW), key=lambda event: event.at)
        counted = [event.page.interaction for event in found]
        assert counted == sorted(counted)


def test_both_tabs_send_under_one_session_and_every_event_is_accounted_for(visits: list[Session]) -> None:
    settings, interleaved = tabbed(1.0).client, 0
    for session in visits:
        plan = client.plan(session, settings, 1.0)
        due = [batch.due for batch in plan.batches]
        assert due == sorted(due)
        if session.length < settings.sessionLengthSeconds:
            assert len({batch.session_id for batch in plan.batches}) == 1
        sent = sum(len(batch.events) for batch in plan.batches)
        assert plan.counts.generated == sent + plan.counts.over_session_limit + plan.counts.dropped_by_client
        order = [batch.load for batch in plan.batches]
        interleaved += any(before > after for before, after in pairwise(order))
    assert interleaved > 10


@pytest.mark.parametrize(("limit", "rate"), [(15, 1.0), (200, 0.4)])
def test_what_is_left_unmade_is_what_the_client_would_not_record(limit: int, rate: float) -> None:
    scenario = tabbed(1.0, f"[monitor]\nsample_rate = {rate}\n", sessionEventLimit=limit)
    whole = traffic.draw_sessions(scenario, SEED)
    quick = traffic.draw_sessions(scenario, SEED, only_recordable=True)
    for session, lean in zip(whole, quick, strict=True):
        assert client.plan(lean, scenario.client, rate) == client.plan(session, scenario.client, rate)
