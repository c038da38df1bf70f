"""How many exchanges are made at a time, and what becomes of them when the senders are taken away.

The last tests send over connections, to servers that behave and servers that do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event as Signal

from loadgen.model import Request, Response
from loadgen.swarm.engine import Engine
from loadgen.swarm.senders import Exchange, Preflight, Senders, find_shortage
from loadgen.transport import NoAnswer
from tests.swarm.servers import OK, REQUEST, answering, open_one, read_request, server, then
from tests.swarm.test_engine import figures, job, scenario, visits
from tests.swarm.test_schedule import due
from tests.swarm.waiting import begin_with, serve

ANSWER = Response(200)


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
        return ANSWER

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
    assert all(each.outcome is ANSWER and each.started < each.finished for each in over)


def test_nobody_waits_for_the_slowest_of_a_group() -> None:
    never = Signal()

    def send(request: Request) -> Response:
        if request.target == "/0":
            never.wait(5)
        return ANSWER

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
        return ANSWER

    senders = Senders(begin_with(send), count_up())
    serving = serve(senders.serve, 3)
    senders.hand_out(exchanges(2))
    gevent.killall(serving[:2])
    free = gevent.spawn(senders.wait_until_free)
    gevent.sleep(0)
    assert not free.ready()  # two are in flight, and one sender is left
    answer.set()
    assert [each.outcome for each in gevent.spawn(senders.collect).get(timeout=5)] == [ANSWER, ANSWER]
    assert (free.get(timeout=5), senders.in_flight) == (1, 0)


def test_senders_end_when_the_run_is_over_and_so_does_who_comes_later() -> None:
    senders, over = Senders(begin_with(lambda request: ANSWER), count_up()), Signal()
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
        return ANSWER

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


def test_senders_say_how_many_requests_may_be_in_flight_though_none_of_them_waits() -> None:
    with server(then(b"")) as url:
        network = open_one(url, 0.3)
        senders = Senders(network.begin, lambda: 0.0)
        serve(senders.serve, 2)
        senders.hand_out([Exchange(due(1.0), REQUEST)])
        assert senders.wait_until_free() == 1
        assert network._idle == []  # the request is on its way, and no greenlet had a turn
        assert senders.in_flight == 1
        [over] = gevent.spawn(senders.collect).get(timeout=5)
        assert isinstance(over.outcome, NoAnswer) and over.outcome.cause == "timeout"
        assert (find_shortage(over), senders.in_flight, senders.wait_until_free()) == (None, 0, 2)


def test_an_error_of_our_own_is_accounted_for() -> None:
    """A header that HTTP/1.1 cannot carry."""
    with server(answering(OK)) as url:
        senders = Senders(open_one(url).begin, lambda: 0.0)
        serve(senders.serve, 1)
        senders.hand_out([Exchange(due(1.0), Request("POST", "/", (("x", "→"),), b""))])
        [over] = gevent.spawn(senders.collect).get(timeout=5)
        assert isinstance(over.outcome, NoAnswer) and over.outcome.cause == "generator: UnicodeEncodeError"
        assert senders.wait_until_free() == 1


def test_permission_is_asked_before_the_request_and_both_have_their_own_moments() -> None:
    seen, moments = list[bytes](), iter(range(100))
    with server(answering(OK, seen=seen)) as url:
        senders = Senders(open_one(url).begin, lambda: float(next(moments)))
        serve(senders.serve, 1)
        preflight = Preflight(Request("POST", "/permission", REQUEST.headers, REQUEST.body))
        senders.hand_out([Exchange(due(1.0), REQUEST, preflight=preflight)])
        [over] = gevent.spawn(senders.collect).get(timeout=5)
        assert [each.split()[1] for each in seen[1:]] == [b"/permission", b"/appmonitors/x?a=%2F"]
        assert isinstance(preflight.outcome, Response) and isinstance(over.outcome, Response)
        assert preflight.started < preflight.finished < over.started < over.finished
        assert senders.wait_until_free() == 1


def test_a_target_that_ends_the_connection_instead_of_permission_gets_the_request_all_the_same() -> None:
    def refuse_permission(connection: Any, _: Any) -> None:
        while (data := read_request(connection)) and b"permission" not in data:
            connection.sendall(OK)

    with server(refuse_permission) as url:
        network = open_one(url)
        senders = Senders(network.begin, lambda: 0.0)
        serve(senders.serve, 1)
        preflight = Preflight(Request("POST", "/permission", REQUEST.headers, REQUEST.body))
        senders.hand_out([Exchange(due(1.0), REQUEST, preflight=preflight)])
        [over] = gevent.spawn(senders.collect).get(timeout=5)
        assert isinstance(preflight.outcome, NoAnswer) and preflight.outcome.cause == "closed"
        assert isinstance(over.outcome, Response)  # over a connection of its own
