"""A block of sessions planned by column has the very plans that each session has event by event."""

from __future__ import annotations

from array import array
from itertools import islice
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from loadgen import traffic
from loadgen.client import BlockPlan, Plan, plan
from loadgen.ids import is_sampled
from loadgen.model import EventColumns, EventView, Load, Session
from loadgen.rum.events import CLS, INP
from loadgen.scenario import Client, Scenario
from tests.client import visits
from tests.client.test_plan_properties import clients
from tests.client.test_plan_properties import visits as any_visit
from tests.paths import SCENARIOS


def plan_block(sessions: list[Session], settings: Client, rate: float) -> list[Plan]:
    plans = BlockPlan(sessions, settings, rate, lambda: None)
    return [plans.make_plan(row) for row in range(len(sessions))]


def in_one_block(sessions: list[Session]) -> list[Session]:
    """The same sessions, their events as rows of common columns that lie there in another order."""
    events = [event for session in sessions for each in session.loads for event in each.events]
    columns, rows = EventColumns.from_events(reversed(events)), iter(range(len(events) - 1, -1, -1))
    return [
        Session(
            each.index,
            each.key,
            each.start,
            each.visitor,
            tuple(
                Load(
                    life.at,
                    life.ready,
                    life.hides,
                    EventView(columns, memoryview(array("q", islice(rows, len(life.events))))),
                )
                for life in each.loads
            ),
            each.omitted_events,
        )
        for each in sessions
    ]


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.lists(any_visit(), max_size=4), clients, st.sampled_from([0.0, 0.5, 1.0]))
def test_any_sessions_have_the_same_plans(sessions: list[Session], settings: Client, rate: float) -> None:
    expected = [plan(session, settings, rate) for session in sessions]
    assert plan_block(sessions, settings, rate) == expected
    assert plan_block(in_one_block(sessions), settings, rate) == expected


@hypothesis_settings(max_examples=100, deadline=None)
@given(
    st.lists(any_visit(), min_size=1, max_size=3), st.sampled_from([0, 3, 6, 200]), st.sampled_from([500, 5000, 7001])
)
def test_visits_that_are_ordinary_have_the_same_plans(sessions: list[Session], limit: int, interval: int) -> None:
    settings = Client(sessionEventLimit=limit, dispatchInterval=interval)
    assert plan_block(sessions, settings, 1.0) == [plan(session, settings, 1.0) for session in sessions]


@pytest.mark.parametrize("only_recordable", [True, False])
@pytest.mark.parametrize("name", [path.stem for path in sorted(SCENARIOS.glob("*.toml"))])
def test_shipped_scenarios_have_the_same_plans_and_most_are_made_by_column(name: str, only_recordable: bool) -> None:
    scenario = Scenario.load(SCENARIOS / f"{name}.toml")
    settings, rate = scenario.client, scenario.monitor.sample_rate
    _, drawn = next(traffic.draw_blocks(scenario, 1, only_recordable=only_recordable))
    sessions = list(drawn)
    with patch("loadgen.client.block_plan.plan", side_effect=plan) as one_by_one:
        plans = plan_block(sessions, settings, rate)
    assert plans == [plan(session, settings, rate) for session in sessions]
    sampled = [each for each in sessions if is_sampled(each.key, rate)]
    assert one_by_one.call_count <= len(sessions) - len(sampled) + len(sampled) // 10


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        (Client(allowCookies=False), "each load is a session of its own"),
        (Client(sessionLengthSeconds=20), "the session expires"),
        (Client(batchLimit=2), "a dispatch leaves events behind"),
        (Client(eventCacheSize=2), "the queue is full"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_ordinary_is_planned_event_by_event(settings: Client, what: str) -> None:
    visit = visits.session(
        visits.load(*visits.resources(1, 2, 3, 4), visits.cls(30), visits.inp(31), *visits.resources(60))
    )
    with patch("loadgen.client.block_plan.plan", side_effect=plan) as one_by_one:
        assert plan_block([visit], settings, 1.0) == [plan(visit, settings, 1.0)]
    assert one_by_one.call_count == 1


def test_an_ordinary_visit_is_not_planned_event_by_event() -> None:
    visit = visits.session(visits.load(*visits.resources(1, 2), visits.cls(3), visits.inp(4), visits.cls(30)))
    with patch("loadgen.client.block_plan.plan", side_effect=AssertionError):
        [made] = plan_block([visit], Client(), 1.0)
    assert [event.type for event in made.batches[-1].events] == [CLS, INP]
    assert made.counts.dropped_by_client == 1  # the first CLS


def test_a_view_behaves_as_the_sequence_of_its_events() -> None:
    events = (*visits.resources(1, 2, 3), visits.cls(4))
    columns = EventColumns.from_events(events)
    view = EventView(columns, [3, 0, 2])
    assert list(view) == [events[3], events[0], events[2]] == view
    assert (len(view), view[0], view[-1], list(view[1:])) == (3, events[3], events[2], [events[0], events[2]])
    assert view != events and EventView.from_events(events) == events
    with pytest.raises(IndexError):
        view[3]
    columns.add(visits.inp(5))
    assert list(view) == [events[3], events[0], events[2]]
