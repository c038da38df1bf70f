"""Who makes which exchange, and what becomes of one whose sender is taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event as Signal

from loadgen.model import Request, Response
from loadgen.swarm.engine import Engine
from loadgen.swarm.senders import Exchange, Senders
from loadgen.transport import NoAnswer
from tests.swarm.test_engine import figures, job, scenario, send_all, visits
from tests.swarm.test_schedule import due

OK = Response(200)


def exchanges(number: int) -> list[Exchange]:
    return [Exchange(due(float(each)), Request("POST", f"/{each}", ())) for each in range(number)]


def serve(senders: Senders, number: int) -> list[gevent.Greenlet]:
    """So many senders, all of them waiting."""

    def work() -> None:
        while senders.exchange_next():
            pass

    started = [gevent.spawn(work) for _ in range(number)]
    gevent.sleep(0)
    return started


def count_up() -> Callable[[], float]:
    moments = iter(range(1000))
    return lambda: float(next(moments))


def test_a_group_goes_out_to_as_many_senders_and_comes_back_as_a_group() -> None:
    answer, asked = Signal(), list[str]()

    def send(request: Request) -> Response:
        asked.append(request.target)
        answer.wait(5)
        return OK

    senders = Senders(send, count_up())
    serve(senders, 3)
    assert senders.wait_until_free() == 3
    group = exchanges(2)
    senders.hand_out(group)
    assert senders.wait_until_free() == 1
    gevent.sleep(0)
    assert sorted(asked) == ["/0", "/1"]
    answer.set()
    over = gevent.spawn(senders.collect).get(timeout=5)
    assert {id(each) for each in over} == {id(each) for each in group}
    assert all(each.outcome.response is OK and each.started < each.finished for each in over)
    senders.dismiss()


def test_nobody_waits_for_the_slowest_of_a_group() -> None:
    never = Signal()

    def send(request: Request) -> Response:
        if request.target == "/0":
            never.wait(5)
        return OK

    senders = Senders(send, count_up())
    serve(senders, 2)
    senders.hand_out(exchanges(2))
    over = gevent.spawn(senders.collect).get(timeout=5)
    assert [each.due.at for each in over] == [1.0]
    never.set()
    assert [each.due.at for each in gevent.spawn(senders.collect).get(timeout=5)] == [0.0]
    senders.dismiss()


def test_what_waits_for_a_sender_that_is_taken_away_is_made_by_another() -> None:
    asked = list[str]()

    def send(request: Request) -> Response:
        asked.append(request.target)
        return OK

    senders = Senders(send, count_up())
    first, _ = serve(senders, 2)
    senders.hand_out(exchanges(1))
    first.kill(block=False)
    over = gevent.spawn(senders.collect).get(timeout=5)
    assert (len(over), asked) == (1, ["/0"])
    senders.dismiss()


def test_an_exchange_whose_sender_is_taken_away_is_over_without_an_answer() -> None:
    asked = Signal()

    def send(request: Request) -> Response:
        asked.set()
        gevent.sleep(5)
        return OK

    senders = Senders(send, count_up())
    [sender] = serve(senders, 1)
    senders.hand_out(exchanges(1))
    asked.wait(5)
    sender.kill()
    [over] = gevent.spawn(senders.collect).get(timeout=5)
    assert (over.outcome.response, over.outcome.error, over.outcome.sent) == (None, "stopped", True)


def test_what_nobody_is_left_to_send_is_taken_back() -> None:
    senders = Senders(lambda request: OK, count_up())
    [sender] = serve(senders, 1)
    sender.kill(block=False)
    senders.hand_out(exchanges(1))
    assert senders.take_back() == []  # as long as somebody is there
    gevent.joinall([sender], timeout=5)
    assert [each.due.at for each in senders.take_back()] == [0.0]
    assert senders.take_back() == []


def test_senders_that_are_dismissed_end_and_so_does_who_comes_later() -> None:
    senders = Senders(lambda request: OK, count_up())
    waiting = serve(senders, 5)
    senders.dismiss()
    gevent.joinall([*waiting, *serve(senders, 2)], timeout=5, raise_error=True)
    assert all(each.ready() for each in waiting)
    assert senders.wait_until_free() == 0


def test_a_request_that_this_machine_cannot_send_was_not_sent() -> None:
    def send(request: Request) -> Response:
        raise NoAnswer("generator: memory" if request.target == "/0" else "refused", sent=False)

    senders = Senders(send, count_up())
    serve(senders, 2)
    senders.hand_out(exchanges(2))
    over = sorted(gevent.spawn(senders.collect).get(timeout=5), key=lambda each: each.due.at)
    assert [(each.outcome.error, each.outcome.sent) for each in over] == [
        ("generator: memory", False),
        ("refused", True),
    ]
    senders.dismiss()


def test_a_run_whose_senders_are_all_taken_away_is_accounted_for_to_the_unit() -> None:
    """Some die in the middle of a request, one before it has come to what was handed out to it."""
    asked = list[Any]()

    def send(request: Request) -> Response:
        asked.append(request)
        gevent.sleep(5 if len(asked) > 20 else 0)
        return OK

    shop = scenario("[client]\npreflights = false\n")
    engine = Engine(job(shop), visits(shop), send, None)
    senders = [gevent.spawn(send_all, engine) for _ in range(4)]
    while len(asked) < 24:
        gevent.sleep(0.001)
    gevent.killall(senders)
    engine.stop("nobody is left")
    gevent.spawn(engine.wait_until_over).get(timeout=30)
    measured = figures(engine)
    assert measured.events.balanced and measured.events.unsent > 0
    assert measured.errors == {"stopped": 4}
    assert measured.requests.sent == 24
