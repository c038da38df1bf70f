"""How many exchanges are made at a time, and what becomes of them when the senders are taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event as Signal

from loadgen.model import Request, Response
from loadgen.swarm.engine import Engine
from loadgen.swarm.senders import Exchange, Senders, find_shortage
from loadgen.transport import NoAnswer
from tests.swarm.test_engine import figures, job, scenario, visits
from tests.swarm.test_schedule import due
from tests.swarm.waiting import begin_with, serve

OK = Response(200)


def exchanges(number: int) -> list[Exchange]:
    return [Exchange(due(float(each)), Request("POST", f"/{each}", ())) for each in range(number)]


def count_up() -> Callable[[], float]:
    moments = iter(range(1000))
    return lambda: float(next(moments))


def test_a_group_goes_out_to_as_many_senders_and_comes_back_as_a_group() -> None:
    answer, asked = Signal(), list[str]()

    def send(request: Request) -> Response:
        asked.append(request.target)
        answer.wait(5)
        return OK

    senders = Senders(begin_with(send), count_up())
    serve(senders.serve, 3)
    assert senders.wait_until_free() == 3
    group = exchanges(2)
    senders.hand_out(group)
    assert senders.wait_until_free() == 1
    gevent.sleep(0)
    assert sorted(asked) == ["/0", "/1"]
    answer.set()
    over = gevent.spawn(senders.collect).get(timeout=5)
    assert {id(each) for each in over} == {id(each) for each in group}
    assert all(each.outcome is OK and each.started < each.finished for each in over)


def test_nobody_waits_for_the_slowest_of_a_group() -> None:
    never = Signal()

    def send(request: Request) -> Response:
        if request.target == "/0":
            never.wait(5)
        return OK

    senders = Senders(begin_with(send), count_up())
    serve(senders.serve, 2)
    senders.hand_out(exchanges(2))
    over = gevent.spawn(senders.collect).get(timeout=5)
    assert [each.due.at for each in over] == [1.0]
    never.set()
    assert [each.due.at for each in gevent.spawn(senders.collect).get(timeout=5)] == [0.0]


def test_what_is_in_flight_when_its_sender_is_taken_away_is_answered_and_nothing_follows_it() -> None:
    answer = Signal()

    def send(request: Request) -> Response:
        answer.wait(5)
        return OK

    senders = Senders(begin_with(send), count_up())
    serving = serve(senders.serve, 3)
    senders.hand_out(exchanges(2))
    gevent.killall(serving[:2])
    free = gevent.spawn(senders.wait_until_free)
    gevent.sleep(0)
    assert not free.ready()  # two are in flight, and one sender is left
    answer.set()
    assert [each.outcome for each in gevent.spawn(senders.collect).get(timeout=5)] == [OK, OK]
    assert (free.get(timeout=5), senders.in_flight) == (1, 0)


def test_senders_end_when_the_run_is_over_and_so_does_who_comes_later() -> None:
    senders, over = Senders(begin_with(lambda request: OK), count_up()), Signal()
    waiting = [gevent.spawn(senders.serve, over) for _ in range(5)]
    gevent.sleep(0)
    assert senders.wait_until_free() == 5
    over.set()
    gevent.joinall([*waiting, gevent.spawn(senders.serve, over)], timeout=5, raise_error=True)
    assert all(each.ready() for each in waiting)


def test_a_request_that_this_machine_cannot_send_was_not_sent() -> None:
    def send(request: Request) -> Response:
        raise NoAnswer("generator: memory" if request.target == "/0" else "refused", sent=False)

    senders = Senders(begin_with(send), count_up())
    serve(senders.serve, 2)
    senders.hand_out(exchanges(2))
    over = sorted(gevent.spawn(senders.collect).get(timeout=5), key=lambda each: each.due.at)
    assert [(str(each.outcome), find_shortage(each)) for each in over] == [
        ("generator: memory", "generator: memory"),
        ("refused", None),
    ]


def test_a_run_whose_senders_are_all_taken_away_is_accounted_for_to_the_unit() -> None:
    """Four are taken away in the middle of a request: they are answered, and nothing more is sent."""
    asked, answer = list[Any](), Signal()

    def send(request: Request) -> Response:
        asked.append(request)
        if len(asked) > 20:
            answer.wait(5)
        return OK

    shop = scenario("[client]\npreflights = false\n")
    engine = Engine(job(shop), visits(shop), begin_with(send), None)
    senders = [gevent.spawn(engine.serve) for _ in range(4)]
    while len(asked) < 24:
        gevent.sleep(0.001)
    gevent.killall(senders)
    engine.stop("nobody is left")
    answer.set()
    gevent.spawn(engine.wait_until_over).get(timeout=30)
    measured = figures(engine)
    assert measured.events.balanced and measured.events.unsent > 0
    assert measured.requests.sent == measured.requests.accepted == 24
