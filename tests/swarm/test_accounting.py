"""To the unit: the budget of events, switched-off pages, visitors by second, and how long events waited."""

from __future__ import annotations

import time
from statistics import fmean

import pytest

from loadgen import wire
from loadgen.planned import planned
from loadgen.results import Meter
from loadgen.swarm.feeder import Feeder, Job, Monitored, merge_in_order
from loadgen.swarm.schedule import Schedule
from tests.swarm.test_engine import DESTINATION, Receiver, run, scenario


def test_a_budget_that_is_just_enough_stops_nothing() -> None:
    whole, _, _ = run(Receiver(200), scenario())
    same, _, engine = run(Receiver(200), scenario(), max_events=whole.events.sent)
    assert (same.events, engine.stop_reason) == (whole.events, None)


def test_a_budget_that_is_one_event_short_costs_one_batch() -> None:
    whole, results, _ = run(Receiver(200), scenario())
    less, _, engine = run(Receiver(200), scenario(), max_events=whole.events.sent - 1)
    assert engine.stop_reason is not None
    assert whole.events.sent - less.events.sent <= max(result.events for result in results)


def test_what_a_switched_off_page_drops_is_counted_apart_from_what_the_client_drops() -> None:
    willing, _, _ = run(Receiver(200), scenario())
    gone, results, _ = run(Receiver(404), scenario())
    assert gone.events.switched_off > 0 == willing.events.switched_off
    assert gone.events.dropped_by_client == willing.events.dropped_by_client + gone.events.switched_off
    assert gone.requests.offered == gone.requests.sent == len(results)  # a page that is off is due nothing


@pytest.mark.parametrize("pace", [1.0, 10.0])
def test_a_visitor_is_there_from_the_second_of_coming_to_that_of_leaving(pace: float) -> None:
    shop = scenario()
    sessions = list(planned(shop, 1))
    job = Job((Monitored(shop, DESTINATION),), time.time(), pace)
    feeder = Feeder(job, merge_in_order([iter(sessions)]), Schedule(lambda: 0.0, True), Meter(0))
    feeder.run(lambda: 1e9)
    spans = [(int(each.start / pace), int((each.start + each.loads[-1].hides[-1]) / pace)) for each, _ in sessions]
    for second in range(max(last for _, last in spans) + 2):
        came = sum(first == second for first, _ in spans)
        there = sum(first <= second <= last for first, last in spans)
        assert feeder.count_visitors(second) == (came, there)


@pytest.mark.parametrize("pace", [20.0, 40.0])
def test_events_wait_in_seconds_of_the_wall(pace: float) -> None:
    shop = scenario("[client]\npreflights = false\n").adjust(duration=20)
    waits = {
        (batch.session, batch.due / pace): (batch.due - batch.start - fmean(event.at for event in batch.events)) / pace
        for _, plan in planned(shop, 1)
        for batch in plan.batches
    }
    _, results, _ = run(Receiver(200), shop, pace=pace)
    assert results
    for result in results:
        assert result.waited == pytest.approx(waits[result.session, result.intended])


def test_beacons_that_wait_long_wait_packed_and_go_out_as_they_were_encoded() -> None:
    shop = scenario()
    sessions, zero = list(planned(shop, 1)), time.time()
    schedule = Schedule(lambda: 0.0, True)
    Feeder(
        Job((Monitored(shop, DESTINATION),), zero, 1.0), iter([(0, each) for each in sessions]), schedule, Meter(0)
    ).run(lambda: 1e9)
    batches = {batch.id: batch for _, plan in sessions for batch in plan.batches}
    waiting = list(schedule.list_waiting())
    assert any(due.packed for due in waiting) and any(due.beacon and not due.packed for due in waiting)
    for due in waiting:
        encoded = wire.encode(batches[due.batch.id], DESTINATION, wire.Clock(zero))
        assert due.unpack() == encoded.request
        assert due.wire_bytes == len(encoded.request.body)
        assert due.beacon or not due.packed
