"""When the client sends, and what: timer, page hide, limits, and two of them at the same moment."""

from __future__ import annotations

from typing import Any

import pytest

from loadgen.client import Plan, plan
from loadgen.ids import NIL_UUID
from loadgen.model import Load, Session
from loadgen.scenario import Client
from tests.client.visits import VISITOR, cls, event, inp, load, page_view, resources, session

START = "session_start_event"


def planned(visit: Session, rate: float = 1.0, **settings: Any) -> Plan:
    return plan(visit, Client(**settings), rate)


def told(result: Plan) -> list[tuple[float, list[str]]]:
    """Each batch as its moment from the visit's start and its events, by type and moment."""
    return [(batch.due - batch.start, [f"{e.short_type}@{e.at:g}" for e in batch.events]) for batch in result.batches]


def moments(result: Plan) -> list[tuple[float, int, bool]]:
    """Each batch as its moment, its size and whether it is a beacon."""
    return [(batch.due - batch.start, len(batch.events), batch.beacon) for batch in result.batches]


def sums_up(result: Plan) -> bool:
    counts = result.counts
    sent = sum(len(batch.events) for batch in result.batches)
    return counts.generated == sent + counts.not_sampled + counts.over_session_limit + counts.dropped_by_client


def test_a_session_starts_with_session_start_at_its_first_event() -> None:
    result = planned(session(load(page_view(0.25), *resources(0.5), hides=(2.0,))))
    assert told(result) == [(2.0, [f"{START}@0.25", "page_view_event@0.25", "performance_resource_event@0.5"])]
    assert result.batches[0].events[0].page == result.batches[0].events[1].page
    assert result.counts.generated == 3


def test_the_timer_sends_only_when_something_waits() -> None:
    visit = session(load(*resources(0.5, 1.0, 12.0, 33.0), hides=(40.0,)))
    assert moments(planned(visit)) == [(5.0, 3, False), (15.0, 1, False), (35.0, 1, False)]


def test_the_timer_counts_from_the_client_s_start() -> None:
    visit = session(load(*resources(0.5), hides=(40.0,)))
    late = session(type(visit.loads[0])(at=0.0, ready=0.25, hides=(40.0,), events=resources(0.5)))
    assert [moment for moment, *_ in moments(planned(late))] == [5.25]


def test_a_page_left_early_sends_one_beacon_with_everything() -> None:
    visit = session(load(*resources(0.5, 1.0), cls(1.5), hides=(2.0,)))
    assert moments(planned(visit)) == [(2.0, 4, True)]


def test_a_hide_flush_begins_with_cls_and_inp() -> None:
    visit = session(load(inp(0.5), *resources(1.0), cls(1.5), hides=(2.0,)))
    assert told(planned(visit))[0][1][:2] == [
        "cumulative_layout_shift_event@1.5",
        "interaction_to_next_paint_event@0.5",
    ]


def test_candidates_alone_wait_for_the_hide() -> None:
    visit = session(load(page_view(0.5), cls(6.0), hides=(20.0,)))
    assert moments(planned(visit)) == [(5.0, 2, False), (20.0, 1, True)]


def test_a_newer_candidate_replaces_the_one_that_waits() -> None:
    result = planned(session(load(cls(0.5), cls(1.0), cls(1.5), hides=(2.0,))))
    assert told(result) == [(2.0, ["cumulative_layout_shift_event@1.5", f"{START}@0.5"])]
    assert result.counts.dropped_by_client == 2
    assert sums_up(result)


def test_a_second_hide_sends_a_candidate_only_if_it_changed() -> None:
    changed = session(load(page_view(0.5), cls(1.0), cls(4.0), hides=(2.0, 6.0)))
    same = session(load(page_view(0.5), cls(1.0), hides=(2.0, 6.0)))
    assert moments(planned(changed)) == [(2.0, 3, True), (6.0, 1, True)]
    assert moments(planned(same)) == [(2.0, 3, True)]


def test_what_is_recorded_at_the_hide_comes_after_its_flush() -> None:
    survives = session(load(*resources(0.5, 2.0), hides=(2.0, 50.0)))
    ends = session(load(*resources(0.5, 2.0), hides=(2.0,)))
    assert moments(planned(survives)) == [(2.0, 2, True), (5.0, 1, False)]
    assert moments(planned(ends)) == [(2.0, 2, True)]
    assert planned(ends).counts.dropped_by_client == 1


def test_a_tick_sends_one_batch_and_the_rest_waits_for_the_next() -> None:
    """As captured [batch-limit]: 100, 100, 100, 72 at 5 s."""
    visit = session(load(*resources(*[0.5] * 371), hides=(60.0,)))
    result = planned(visit, sessionEventLimit=0)
    assert moments(result) == [(5.0, 100, False), (10.0, 100, False), (15.0, 100, False), (20.0, 72, False)]


def test_the_last_hide_sends_one_batch_and_the_rest_is_lost() -> None:
    """As captured [batch-limit]: 1300 events queued, 100 sent."""
    result = planned(session(load(*resources(*[0.5] * 1299), hides=(2.0,))), sessionEventLimit=0, eventCacheSize=2000)
    assert moments(result) == [(2.0, 100, True)]
    assert result.counts.dropped_by_client == 1200
    assert sums_up(result)


def test_a_full_queue_drops_the_newest() -> None:
    result = planned(session(load(*resources(1.0, 2.0, 3.0), hides=(60.0,))), eventCacheSize=2)
    assert told(result) == [(5.0, [f"{START}@1", "performance_resource_event@1"])]
    assert result.counts.dropped_by_client == 2


def test_the_session_limit_counts_session_start_and_candidates() -> None:
    """As captured [event-limit]: 100 + 99 + 1, exactly 200, then nothing."""
    events = (*resources(*[0.5] * 198), cls(0.75), *resources(1.0, 1.5), inp(1.75))
    result = planned(session(load(*events, hides=(60.0,)), load(*resources(70.0), cls(71.0), at=70.0, hides=(90.0,))))
    assert moments(result) == [(5.0, 100, False), (10.0, 99, False), (60.0, 1, True)]
    assert result.counts.over_session_limit == 5
    assert sums_up(result)


def test_a_candidate_taken_before_the_limit_is_still_updated() -> None:
    result = planned(session(load(cls(0.5), *resources(1.0), cls(1.5), hides=(2.0,))), sessionEventLimit=2)
    assert told(result) == [(2.0, ["cumulative_layout_shift_event@1.5", f"{START}@0.5"])]
    assert (result.counts.over_session_limit, result.counts.dropped_by_client) == (1, 1)


def test_a_dispatch_interval_of_zero_leaves_only_hides() -> None:
    visit = session(load(*resources(0.5, 20.0), hides=(30.0, 60.0)))
    assert moments(planned(visit, dispatchInterval=0)) == [(30.0, 3, True)]


@pytest.mark.parametrize("beacon", [True, False])
def test_a_hide_goes_by_beacon_only_when_beacons_are_on(beacon: bool) -> None:
    visit = session(load(*resources(0.5), hides=(2.0,)))
    assert [batch.beacon for batch in planned(visit, useBeacon=beacon).batches] == [beacon]


def test_an_expired_session_is_replaced_by_the_next_event() -> None:
    visit = session(load(page_view(0.5), *resources(20.0), hides=(60.0,)))
    result = planned(visit, sessionLengthSeconds=10.0)
    first, second = result.batches
    assert told(result)[1] == (25.0, [f"{START}@20", "performance_resource_event@20"])
    assert first.session_id != second.session_id
    assert second.events[0].page == second.events[1].page


def test_a_session_that_expires_in_the_queue_is_replaced_at_dispatch() -> None:
    """As captured [session-expiry]: queued events go out under the new id, session_start last."""
    visit = session(load(page_view(0.5), *resources(6.0), hides=(60.0,)))
    result = planned(visit, sessionLengthSeconds=3.0)
    assert told(result) == [
        (5.0, [f"{START}@0.5", "page_view_event@0.5", f"{START}@5"]),
        (10.0, ["performance_resource_event@6", f"{START}@10"]),
    ]
    assert len({batch.session_id for batch in result.batches}) == 2
    assert result.counts.generated == 5


def test_a_new_session_counts_its_events_anew() -> None:
    visit = session(load(*resources(0.5, 1.0, 1.5, 20.0, 20.5), hides=(60.0,)))
    result = planned(visit, sessionLengthSeconds=10.0, sessionEventLimit=2)
    assert [len(batch.events) for batch in result.batches] == [2, 2]
    assert result.counts.over_session_limit == 3


def test_loads_share_the_session_through_its_cookie() -> None:
    visit = session(load(*resources(0.5), hides=(2.0,)), load(*resources(3.5), at=3.0, hides=(4.0,)))
    result = planned(visit)
    assert [len(batch.events) for batch in result.batches] == [2, 1]
    assert len({batch.session_id for batch in result.batches}) == 1
    assert {batch.user_id for batch in result.batches} == {VISITOR.user_id}
    assert [batch.load for batch in result.batches] == [0, 1]


def test_a_cookie_that_expires_between_loads_starts_a_new_session() -> None:
    visit = session(load(*resources(0.5), hides=(2.0,)), load(*resources(50.5), at=50.0, hides=(60.0,)))
    result = planned(visit, sessionLengthSeconds=10.0)
    assert len({batch.session_id for batch in result.batches}) == 2


def test_without_cookies_every_load_is_a_session_of_nobody() -> None:
    visit = session(load(page_view(0.5), hides=(2.0,)), load(page_view(3.5), at=3.0, hides=(4.0,)))
    result = planned(visit, allowCookies=False)
    assert [len(batch.events) for batch in result.batches] == [2, 2]
    assert len({batch.session_id for batch in result.batches}) == 2
    assert {batch.user_id for batch in result.batches} == {NIL_UUID}


def test_an_unsampled_visit_sends_nothing() -> None:
    result = planned(session(load(page_view(0.5), cls(1.0), *resources(2.0))), rate=0.0)
    assert result.batches == ()
    assert (result.counts.generated, result.counts.not_sampled) == (4, 4)


def test_without_cookies_every_load_draws_for_itself() -> None:
    loads = [load(*resources(10 * n + 0.5), at=10.0 * n, hides=(10 * n + 2.0,)) for n in range(200)]
    result = planned(session(*loads), rate=0.5, allowCookies=False)
    assert 70 < len(result.batches) < 130


def test_a_sampled_visit_stays_sampled_over_its_loads() -> None:
    """As captured [sample-half-cookie]: one draw for all hard loads of a session."""
    for key in range(50):
        loads = [load(*resources(10 * n + 0.5), at=10.0 * n, hides=(10 * n + 2.0,)) for n in range(8)]
        assert len(planned(session(*loads, key=key), rate=0.5).batches) in {0, 8}


def test_an_event_type_of_the_site_is_an_ordinary_event() -> None:
    result = planned(session(load(event(0.5, "shop.checkout"), hides=(2.0,))))
    assert [e.type for e in result.batches[0].events][1] == "shop.checkout"


def test_due_counts_from_the_run_s_zero() -> None:
    batch = planned(session(load(*resources(0.5), hides=(2.0,)), start=1000.0)).batches[0]
    assert (batch.due, batch.start, batch.session, batch.attempt) == (1002.0, 1000.0, 3, 1)


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
