"""Who gets which batch when, and what is said about being late."""

from __future__ import annotations

import gevent
import pytest

from loadgen.model import Batch, Request, Visitor
from loadgen.swarm.schedule import Due, Schedule

VISITOR = Visitor("u", False, "DE", "de-DE", "desktop", "Windows", "Google Chrome", "155", "UA", True)


def due(at: float) -> Due:
    batch = Batch(f"batch-{at}", 0, 0, 0.0, "s", VISITOR, "u", (), at)
    return Due(at, batch, 10, Request("POST", "/", ()), 100, False)


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
    assert [schedule.take().at for _ in range(3)] == [0.1, 0.3, 0.5]  # type: ignore[union-attr]  # none is over yet


def test_nothing_is_handed_out_early() -> None:
    clock = Clock()
    schedule = Schedule(clock, wait_for_due=True)
    schedule.put(due(1000.0))
    waiting = gevent.spawn(schedule.take)
    waiting.join(timeout=0.05)
    assert not waiting.ready()
    clock.time = 1001.0
    schedule.put(due(999.0))  # wakes who waits
    assert waiting.get(timeout=5).at == 999.0


def test_a_batch_that_is_put_while_others_wait_comes_first_when_it_is_due_first() -> None:
    clock = Clock()
    schedule = Schedule(clock, wait_for_due=True)
    schedule.put(due(2000.0))
    waiting = [gevent.spawn(schedule.take) for _ in range(3)]
    gevent.sleep(0)
    schedule.put(due(-1.0))
    done = gevent.wait(waiting, timeout=5, count=1)
    assert [each.value.at for each in done] == [-1.0]


def test_at_full_speed_the_order_stays_and_nobody_waits() -> None:
    schedule = Schedule(Clock(), wait_for_due=False)
    for at in (5000.0, 1000.0, 3000.0):
        schedule.put(due(at))
    taken = [schedule.take() for _ in range(3)]
    assert [each.batch.due for each in taken if each] == [1000.0, 3000.0, 5000.0]


@pytest.mark.parametrize("senders", [1, 20])
def test_the_end_lets_every_waiting_sender_go_and_keeps_the_rest(senders: int) -> None:
    schedule = Schedule(Clock(), wait_for_due=True)
    schedule.put(due(1000.0))
    waiting = [gevent.spawn(schedule.take) for _ in range(senders)]
    gevent.sleep(0)
    schedule.end()
    gevent.joinall(waiting, timeout=5)
    assert [each.value for each in waiting] == [None] * senders
    assert [each.at for each in schedule.rest()] == [1000.0]
