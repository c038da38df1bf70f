"""What is begun on an open connection: the same answers and causes as on a new one, and nobody waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.event import Event as Signal

from loadgen.model import Request, Response
from loadgen.swarm.connection import ConnectionPool
from loadgen.swarm.senders import Exchange, Preflight, Senders, find_shortage
from loadgen.transport import NoAnswer, find_route
from tests.swarm.test_connection_pool import OK, REQUEST, Handler, answering, read_request, server
from tests.swarm.test_schedule import due
from tests.swarm.waiting import begin, send_over, serve
from tests.transport.certificates import Authority
from tests.transport.test_ways import read_until, serving

LARGE = Request("POST", "/", REQUEST.headers, b"x" * 20_000_000 + b"body")


def open_one(url: str, seconds: float = 5) -> ConnectionPool:
    """A pool with an idle connection."""
    network = ConnectionPool(find_route(url), seconds)
    assert send_over(network, REQUEST).status == 200
    return network


def then(*pieces: bytes, close: bool = False) -> Handler:
    """A whole answer to the first request, these pieces to each later one."""

    def handle(connection: Any, _: Any) -> None:
        read_request(connection)
        connection.sendall(OK)
        while read_request(connection):
            for piece in pieces:
                connection.sendall(piece)
                gevent.sleep(0.01)
            if close:
                return

    return handle


def test_whoever_begins_waits_for_no_connection() -> None:
    opened = list[int]()
    with server(answering(OK, opened=opened)) as url:
        network = ConnectionPool(find_route(url), 5)
        outcomes = [begin(network, REQUEST) for _ in range(3)]
        assert (network.open, opened) == (3, [])  # they count from the start, and nobody had a turn
        assert [each.get(timeout=5).status for each in outcomes] == [200] * 3


def test_requests_that_follow_each_other_share_a_connection() -> None:
    opened, seen = list[int](), list[bytes]()
    with server(answering(OK, opened=opened, seen=seen)) as url:
        network = open_one(url)
        for _ in range(10):
            ended = begin(network, REQUEST).get(timeout=5)
            assert isinstance(ended, Response)
            assert (ended.status, ended.body, ended.get_header("x-amzn-requestid")) == (200, b"{}", "r")
    assert (len(opened), len(set(seen))) == (1, 1)


@pytest.mark.parametrize("begun", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 9000 + b"\r\n"])
def test_an_answer_comes_in_pieces(begun: bytes) -> None:
    rest = OK.partition(b"\r\n")[2] if b"200" in begun else OK
    with server(then(begun, rest[:5], rest[5:])) as url:
        network = open_one(url)
        for _ in range(2):
            ended = begin(network, REQUEST).get(timeout=5)
            assert isinstance(ended, Response) and (ended.status, ended.body) == (200, b"{}")


@pytest.mark.parametrize(
    ("handle", "cause"),
    [
        (then(), "timeout"),
        (then(b"HTTP/1.1 200"), "timeout"),
        (then(close=True), "closed"),
        (then(b"SSH\r\n"), "malformed"),
    ],
    ids=["silent", "half", "hanging-up", "babbling"],
)
def test_no_answer_has_a_cause_and_the_connection_is_closed(handle: Handler, cause: str) -> None:
    with server(handle) as url:
        network = open_one(url, 0.2)
        ended = begin(network, REQUEST).get(timeout=5)
        assert isinstance(ended, NoAnswer) and ended.cause == cause
        assert network.open == 0


def test_an_answer_that_ends_with_the_connection_ends_it() -> None:
    with server(then(b"HTTP/1.1 200 OK\r\n\r\n{}", close=True)) as url:
        network = open_one(url)
        ended = begin(network, REQUEST).get(timeout=5)
        assert isinstance(ended, Response) and ended.body == b"{}"
        assert network.open == 0


def test_what_a_peer_closed_while_this_process_stood_still_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadgen.swarm.connection.TRUSTED_SECONDS", 0.0)
    accepted, seen = list[Any](), list[bytes]()

    def answer_and_remember(connection: Any, address: Any) -> None:
        accepted.append(connection)
        answering(OK, seen=seen)(connection, address)

    with server(answer_and_remember) as url:
        network = open_one(url)
        begin(network, REQUEST).get(timeout=5)
        accepted[0].shutdown(socket.SHUT_RDWR)  # and the event loop has no turn before the next request
        assert send_over(network, REQUEST).status == 200
    assert (len(accepted), len(seen)) == (2, 3)


def slow_reader(may_read: Signal, early: bytes = b"") -> Handler:
    """Reads the second request only when it may; answers before it, if there is an early answer."""

    def handle(connection: Any, _: Any) -> None:
        read_request(connection)
        connection.sendall(OK + early)
        may_read.wait(5)
        length, data = 0, b""
        while not data.endswith(b"body") and (received := connection.recv(1 << 20)):
            data = data[-4:] + received
            length += len(received)
        connection.sendall(OK if length > len(LARGE.body) else b"HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n")

    return handle


def test_what_does_not_fit_into_the_socket_goes_out_without_holding_up_others() -> None:
    may_read = Signal()
    with server(slow_reader(may_read)) as url:
        network = open_one(url)
        ended = begin(network, LARGE)
        assert not ended.ready()  # `begin` came back before anybody read
        may_read.set()
        answer = ended.get(timeout=5)
        assert isinstance(answer, Response) and answer.status == 200
        begin(network, REQUEST)
        assert network.open == 1  # on the same connection


def test_time_is_up_before_a_connection_is_begun_to_be_opened() -> None:
    """The event loop may come to the clock first, after a process that stood still."""
    accepted = list[int]()
    with server(answering(OK, opened=accepted)) as url:
        network = ConnectionPool(find_route(url), -1.0)
        outcome = begin(network, REQUEST)
        network._end_overdue()  # before any turn of the event loop
        ended = outcome.get(timeout=5)
        assert isinstance(ended, NoAnswer) and ended.cause == "timeout"
        gevent.sleep(0.01)
        assert (network.open, accepted) == (0, [])


def test_time_is_up_while_a_request_is_written() -> None:
    with server(slow_reader(Signal())) as url:
        network = open_one(url, 0.2)
        ended = begin(network, LARGE).get(timeout=5)
        gevent.sleep(0)
        assert isinstance(ended, NoAnswer) and ended.cause == "timeout"
        assert network.open == 0


def test_with_tls_a_kept_connection_works_alike(tmp_path: Path) -> None:
    """A request that does not fit into the socket, an answer of several records, and the end of the connection."""
    authority = Authority(tmp_path)
    long = b"HTTP/1.1 200 OK\r\ncontent-length: 50000\r\n\r\n" + b"y" * 50_000

    def handle(plain: Any) -> None:
        with authority.server_context().wrap_socket(plain, server_side=True) as connected:
            for answer in (OK, OK, long, b""):
                read_until(connected, b"body")
                connected.sendall(answer)

    with serving(handle) as port:
        route = find_route(f"https://localhost:{port}", environ={"AWS_CA_BUNDLE": str(authority.bundle)})
        network = ConnectionPool(route, 10)
        assert gevent.spawn(send_over, network, REQUEST).get(timeout=10).status == 200
        for request, length in ((REQUEST, 2), (Request("POST", "/", (), LARGE.body[-3_000_000:]), 50_000)):
            answer = begin(network, request).get(timeout=10)
            assert isinstance(answer, Response) and len(answer.body) == length
        ended = begin(network, REQUEST).get(timeout=10)
        assert isinstance(ended, NoAnswer) and ended.cause == "closed"


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
