"""What happens when two things fall on the same moment: of the timer, the page hide and the session's end."""

from __future__ import annotations

from loadgen.client import plan
from loadgen.model import Load
from loadgen.scenario import Client
from tests.client.test_plan import START, moments, planned, told
from tests.client.visits import cls, load, resources, session


def test_what_is_recorded_on_a_tick_waits_for_the_next_one_however_the_moment_rounds() -> None:
    """35.469 + 7 · 5 is 70.469, yet (70.469 − 35.469) / 5 is a little less than 7."""
    visit = session(Load(0.0, 35.469, (100.0,), resources(70.469)), start=0.0)
    assert [batch.due for batch in plan(visit, Client(), 1.0).batches] == [75.469]


def test_at_one_moment_the_timer_comes_before_the_hide() -> None:
    visit = session(load(*resources(0.5), cls(1.0), hides=(5.0, 60.0)))
    assert moments(planned(visit)) == [(5.0, 2, False), (5.0, 1, True)]


def test_a_page_that_goes_on_its_tick_sends_by_beacon() -> None:
    visit = session(load(*resources(0.5), hides=(5.0,)))
    assert moments(planned(visit)) == [(5.0, 2, True)]


def test_a_session_has_ended_at_the_moment_of_its_end() -> None:
    visit = session(load(*resources(0.5, 10.5), hides=(60.0,)))
    assert [len(batch.events) for batch in planned(visit, sessionLengthSeconds=10.0).batches] == [2, 2]
    assert [len(batch.events) for batch in planned(visit, sessionLengthSeconds=10.5).batches] == [2, 1]


def test_a_cookie_has_expired_at_the_moment_of_its_end() -> None:
    visit = session(load(*resources(0.5), hides=(2.0,)), load(*resources(10.75), at=10.5, hides=(12.0,)))
    assert len({batch.session_id for batch in planned(visit, sessionLengthSeconds=10.0).batches}) == 2
    assert len({batch.session_id for batch in planned(visit, sessionLengthSeconds=10.5).batches}) == 1


def test_a_session_that_ends_on_a_tick_is_replaced_before_its_events_go() -> None:
    visit = session(load(*resources(0.5), hides=(60.0,)))
    ended = planned(visit, sessionLengthSeconds=4.5)
    assert told(ended) == [(5.0, [f"{START}@0.5", "performance_resource_event@0.5", f"{START}@5"])]
    assert len(planned(visit, sessionLengthSeconds=4.75).batches[0].events) == 2


def test_a_first_candidate_keeps_the_session_alive() -> None:
    visit = session(load(*resources(0.5), cls(8.0), *resources(15.0), hides=(60.0,)))
    assert told(planned(visit, sessionLengthSeconds=10.0))[1] == (20.0, ["performance_resource_event@15"])
