"""Who gets which batch when, and what is said about being late."""

from __future__ import annotations

import random
from itertools import pairwise

import gevent
import pytest

from loadgen.model import Batch, Request, Visitor
from loadgen.swarm.schedule import BETWEEN_GROUPS, BETWEEN_TURNS, FIRST, Schedule, ScheduledRequest, pack

VISITOR = Visitor("u", False, "DE", "de-DE", "desktop", "Windows", "Google Chrome", "155", "UA", True)


def due(at: float) -> ScheduledRequest:
    batch = Batch(f"batch-{at}", 0, 0, 0.0, "s", VISITOR, "u", (), at)
    return ScheduledRequest(at, batch, 10, Request("POST", "/", ()), 100, False)


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_batches_are_handed_out_in_the_order_of_their_intended_moments() -> None:
    clock = Clock()
    schedule = Schedule(clock, wait_for_due=True)
    for at in (0.5, 0.1, 0.3):
        schedule.put(due(at))
    clock.time = 1.0
    assert [each.at for _ in range(3) for each in schedule.take()] == [0.1, 0.3, 0.5]


def test_what_is_due_at_once_is_taken_together_up_to_a_bound() -> None:
    clock = Clock()
    schedule = Schedule(clock, wait_for_due=True)
    for at in (0.5, 0.1, 0.3, 0.2, 2.0):
        schedule.put(due(at))
    clock.time = 1.0
    assert [[each.at for each in schedule.take(3)] for _ in range(2)] == [[0.1, 0.2, 0.3], [0.5]]
    assert [each.at for each in schedule.list_waiting()] == [2.0]
    assert len(schedule) == 1


def test_nothing_is_handed_out_early() -> None:
    clock = Clock()
    schedule = Schedule(clock, wait_for_due=True)
    schedule.put(due(1000.0))
    waiting = gevent.spawn(schedule.take)
    waiting.join(timeout=0.05)
    assert not waiting.ready()
    clock.time = 1001.0
    schedule.put(due(999.0))  # wakes who waits
    assert [each.at for each in waiting.get(timeout=5)] == [999.0]


def test_what_falls_due_soon_after_a_group_goes_out_together_and_who_comes_alone_waits_for_nobody() -> None:
    clock = Clock()
    schedule = Schedule(clock, wait_for_due=True)
    moments = [1.0, 1.0 + BETWEEN_GROUPS / 4, 1.0 + BETWEEN_GROUPS / 2, 3.0]
    for at in moments:
        schedule.put(due(at))
    clock.time = 1.0
    assert [each.at for each in schedule.take(32)] == moments[:1]
    clock.time = 1.0 + BETWEEN_GROUPS * 0.9
    waiting = gevent.spawn(schedule.take, 32)
    waiting.join(timeout=0.02)
    assert not waiting.ready()
    clock.time = 1.0 + BETWEEN_GROUPS * 1.1
    assert [each.at for each in waiting.get(timeout=5)] == moments[1:3]
    clock.time = 3.0
    assert [each.at for each in schedule.take(32)] == moments[3:]


def test_a_batch_that_is_put_while_others_wait_comes_first_when_it_is_due_first() -> None:
    clock = Clock()
    schedule = Schedule(clock, wait_for_due=True)
    schedule.put(due(2000.0))
    waiting = [gevent.spawn(schedule.take) for _ in range(3)]
    gevent.sleep(0)
    schedule.put(due(-1.0))
    done = gevent.wait(waiting, timeout=5, count=1)
    assert [each.at for greenlet in done for each in greenlet.value] == [-1.0]


def test_at_full_speed_the_order_stays_and_nobody_waits() -> None:
    schedule = Schedule(Clock(), wait_for_due=False)
    for at in (5000.0, 1000.0, 3000.0):
        schedule.put(due(at))
    taken = [each for _ in range(3) for each in schedule.take()]
    assert [each.batch.due for each in taken] == [1000.0, 3000.0, 5000.0]


def sender(schedule: Schedule, taken: list[ScheduledRequest]) -> None:
    """Takes what is due; each request waits twice for the event loop, as for a socket."""
    while some := schedule.take():
        taken += some
        for _ in range(2):
            gevent.idle(FIRST)


@pytest.mark.parametrize(("in_real_time", "caught_up"), [(True, True), (False, False)])
def test_who_gives_way_in_real_time_lets_the_senders_catch_up(in_real_time: bool, caught_up: bool) -> None:
    schedule, taken = Schedule(lambda: 10.0, in_real_time), list[ScheduledRequest]()
    senders = [gevent.spawn(sender, schedule, taken) for _ in range(2)]
    for at in range(12):
        schedule.put(due(float(at) / 2))
    schedule.put(due(5000.0))
    schedule.yield_to_senders()
    assert (len(taken) == 12) == caught_up
    schedule.end()
    gevent.joinall(senders, timeout=5)


def test_giving_way_ends_when_nobody_takes_what_is_due_and_when_there_is_no_end_of_it() -> None:
    schedule, taken = Schedule(lambda: 1e9, True), list[ScheduledRequest]()
    schedule.put(due(1.0))
    schedule.yield_to_senders()
    assert len(schedule) == 1
    for at in range(10_000):
        schedule.put(due(float(at)))
    endless = gevent.spawn(sender, schedule, taken)
    schedule.yield_to_senders()
    assert 0 < len(taken) < 100
    schedule.end()
    endless.join(timeout=5)


def test_turns_are_given_once_in_a_while_however_often_they_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule, given = Schedule(Clock(), wait_for_due=True), list[float]()
    clock = Clock()
    monkeypatch.setattr("loadgen.swarm.schedule.perf_counter", clock)
    monkeypatch.setattr(schedule, "_give_turns", lambda: given.append(clock.time))
    for offered in range(101):
        clock.time = 7.0 + offered * BETWEEN_TURNS / 10
        schedule.yield_to_senders()
    assert 10 <= len(given) <= 11
    assert min(later - earlier for earlier, later in pairwise(given)) >= BETWEEN_TURNS * 0.99


def test_a_body_that_waits_packed_is_counted_and_goes_out_as_it_was() -> None:
    request = Request("POST", "/", (("host", "h"),), b'{"id":"0123456789"}' * 200)
    batch = Batch("b", 0, 0, 0.0, "s", VISITOR, "u", (), 60.0, beacon=True)
    plain = ScheduledRequest(60.0, batch, 10, request, len(request.body), True)
    packed = ScheduledRequest(60.0, batch, 10, pack(request), len(request.body), True, packed=True)
    assert packed.unpack() == plain.unpack() == request
    assert packed.amount == plain.amount and len(packed.request.body) < len(request.body) / 5


@pytest.mark.parametrize("senders", [1, 20])
def test_the_end_lets_every_waiting_sender_go_and_keeps_the_rest(senders: int) -> None:
    schedule = Schedule(Clock(), wait_for_due=True)
    schedule.put(due(1000.0))
    waiting = [gevent.spawn(schedule.take) for _ in range(senders)]
    gevent.sleep(0)
    schedule.end()
    gevent.joinall(waiting, timeout=5)
    assert [each.value for each in waiting] == [[]] * senders
    assert [each.at for each in schedule.list_waiting()] == [1000.0]


@pytest.mark.parametrize("wait_for_due", [True, False])
def test_the_order_holds_over_any_number_of_seconds_and_late_comers(wait_for_due: bool) -> None:
    """Batches come in while others are taken, for moments before, in and after the second that is being sent."""
    draw = random.Random(5)
    schedule = Schedule(lambda: 1e9, wait_for_due)
    waiting: list[float] = []
    for _ in range(4000):
        if waiting and draw.random() < 0.45:
            [taken] = schedule.take()
            assert taken.at == min(waiting)
            waiting.remove(taken.at)
        else:
            at = draw.uniform(-2, 40)
            schedule.put(due(at))
            waiting.append(at)
        assert len(schedule) == len(waiting)
    assert sorted(each.at for each in schedule.list_waiting()) == sorted(waiting)
    while waiting:
        [taken] = schedule.take()
        assert taken.at == min(waiting)
        waiting.remove(taken.at)
    assert len(schedule) == 0


def test_what_is_put_far_ahead_wakes_those_who_wait_for_nothing() -> None:
    clock = Clock()
    clock.time = 500.0
    schedule = Schedule(clock, wait_for_due=True)
    waiting = gevent.spawn(schedule.take)
    gevent.sleep(0)
    schedule.put(due(400.0))
    assert [each.at for each in waiting.get(timeout=5)] == [400.0]
