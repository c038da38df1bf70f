"""Connections and their pool, against servers that behave and servers that do not: on an open connection as on a new
one. Nobody waits for what is begun.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.event import Event as Signal
from gevent.pool import Group

from loadgen.model import Request, Response
from loadgen.swarm.connection import RESERVED_DESCRIPTORS, ConnectionPool
from loadgen.transport import NoAnswer, find_route
from tests.swarm.servers import OK, REQUEST, Handler, answering, open_one, read_request, server, then
from tests.swarm.waiting import begin, send_over
from tests.transport.certificates import Authority
from tests.transport.test_ways import read_until, serving

LARGE = Request("POST", "/", REQUEST.headers, b"x" * 20_000_000 + b"body")


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
        for _ in range(20):
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
def test_no_answer_on_an_open_connection_has_a_cause_and_the_connection_is_closed(handle: Handler, cause: str) -> None:
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


def test_a_request_arrives_as_it_is_and_its_answer_comes_back() -> None:
    seen: list[bytes] = []
    with server(answering(OK, seen=seen)) as url:
        response = send_over(ConnectionPool(find_route(url), 5), REQUEST)
    assert (response.status, response.body, response.get_header("x-amzn-requestid")) == (200, b"{}", "r")
    assert seen == [
        b"POST /appmonitors/x?a=%2F HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n"
        b"content-length: 4\r\n\r\nbody"
    ]


def test_as_many_connections_are_open_as_requests_are_in_flight() -> None:
    opened: list[int] = []
    with server(answering(OK, opened=opened)) as url:
        network, group = ConnectionPool(find_route(url), 5), Group()
        for _ in range(50):
            group.spawn(send_over, network, REQUEST)
        group.join()
        assert len(opened) == 50
        send_over(network, REQUEST)
    assert len(opened) == 50


@pytest.mark.parametrize("first", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"])
def test_an_interim_answer_is_not_the_answer(first: bytes) -> None:
    opened: list[int] = []
    with server(answering(first + OK, opened=opened)) as url:
        network = ConnectionPool(find_route(url), 5)
        answers = [send_over(network, REQUEST) for _ in range(2)]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"{}")] * 2
    assert answers[0].get_header("link") is None
    assert len(opened) == 1


def test_429_is_an_answer_like_any_other() -> None:
    throttled = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 3\r\ncontent-length: 0\r\n\r\n"
    with server(answering(throttled)) as url:
        response = send_over(ConnectionPool(find_route(url), 5), REQUEST)
    assert (response.status, response.get_header("retry-after")) == (429, "3")


def test_a_chunked_answer_is_put_together() -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    with server(answering(chunked)) as url:
        assert send_over(ConnectionPool(find_route(url), 5), REQUEST).body == b"{}"


def test_a_connection_that_the_server_closed_while_idle_is_not_used_again() -> None:
    answers = 0

    def once(connection: Any, _: Any) -> None:
        nonlocal answers
        answers += bool(read_request(connection))
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)

    with server(once) as url:
        network = ConnectionPool(find_route(url), 5)
        assert [send_over(network, REQUEST).status for _ in range(5)] == [200] * 5
    assert answers == 5


def test_connection_close_is_obeyed() -> None:
    opened: list[int] = []
    closing = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    with server(answering(closing, opened=opened)) as url:
        network = ConnectionPool(find_route(url), 5)
        send_over(network, REQUEST)
        send_over(network, REQUEST)
    assert len(opened) == 2


def silent(connection: Any, _: Any) -> None:
    read_request(connection)
    connection.recv(1)  # until the client gives up


def hanging_up(connection: Any, _: Any) -> None:
    read_request(connection)


def babbling(connection: Any, _: Any) -> None:
    read_request(connection)
    connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")


@pytest.mark.parametrize(
    ("handle", "cause"),
    [(silent, "timeout"), (hanging_up, "closed"), (babbling, "malformed")],
    ids=["silent", "hanging-up", "babbling"],
)
def test_no_answer_has_a_cause(handle: Handler, cause: str) -> None:
    with server(handle) as url, pytest.raises(NoAnswer) as caught:
        send_over(ConnectionPool(find_route(url), 0.2), REQUEST)
    assert caught.value.cause == cause


def test_each_request_has_its_own_time() -> None:
    """Measured within one run: the later of two that nobody answers ends as much later as it began."""
    began, ended = {}, {}

    def ask(network: ConnectionPool, name: str) -> None:
        began[name] = time.perf_counter()
        with pytest.raises(NoAnswer, match="timeout"):
            send_over(network, REQUEST)
        ended[name] = time.perf_counter()

    def silent(connection: Any, _: Any) -> None:
        while connection.recv(65536):
            pass

    with server(silent) as url:
        network = ConnectionPool(find_route(url), 0.6)
        gevent.joinall(
            [gevent.spawn(ask, network, "first"), gevent.spawn_later(0.3, ask, network, "second")], raise_error=True
        )
    took = {name: ended[name] - began[name] for name in began}
    assert took["first"] >= 0.6 <= took["second"]
    assert ended["first"] < ended["second"]


def test_a_time_out_leaves_what_is_quick_alone() -> None:
    def slow_to_the_first(connection: Any, _: Any) -> None:
        while data := read_request(connection):
            if b"slow" not in data:
                connection.sendall(OK)

    slow = Request("POST", "/slow", REQUEST.headers, REQUEST.body)
    with server(slow_to_the_first) as url:
        network = ConnectionPool(find_route(url), 0.2)
        for _ in range(3):
            with pytest.raises(NoAnswer, match="timeout"):
                send_over(network, slow)
            assert send_over(network, REQUEST).status == 200


def test_a_drip_of_bytes_does_not_stretch_a_requests_time() -> None:
    def drip(connection: Any, _: Any) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(100):
            connection.sendall(b"x: y\r\n")
            gevent.sleep(0.05)

    with server(drip) as url, pytest.raises(NoAnswer, match="timeout"):
        send_over(ConnectionPool(find_route(url), 0.3), REQUEST)


def test_what_comes_behind_a_response_ends_the_connection() -> None:
    opened: list[int] = []
    with server(answering(OK + b"HTTP/1.1 500 No\r\n", opened=opened)) as url:
        network = ConnectionPool(find_route(url), 5)
        assert [send_over(network, REQUEST).status for _ in range(2)] == [200, 200]
    assert len(opened) == 2


def test_nobody_listening_is_refused() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(NoAnswer) as caught:
        send_over(ConnectionPool(find_route(f"http://127.0.0.1:{port}"), 1), REQUEST)
    assert caught.value.cause == "refused"


def test_a_body_without_length_ends_with_the_connection() -> None:
    def old(connection: Any, _: Any) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n{}")

    with server(old) as url:
        assert send_over(ConnectionPool(find_route(url), 5), REQUEST).body == b"{}"


def test_an_upgrade_that_nobody_asked_for_is_malformed() -> None:
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    with server(answering(upgrade)) as url, pytest.raises(NoAnswer) as caught:
        send_over(ConnectionPool(find_route(url), 1), REQUEST)
    assert caught.value.cause == "malformed"


def test_the_time_is_a_whole_requests_however_many_addresses_a_name_has(monkeypatch: pytest.MonkeyPatch) -> None:
    full: list[Any] = []
    addresses = []
    for host in ("127.0.0.2", "127.0.0.3"):
        deaf = socket.socket()
        deaf.bind((host, 0))
        deaf.listen(0)
        full.append(deaf)
        addresses.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", deaf.getsockname()))
        for _ in range(3):  # a full backlog answers no further SYN
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
            full.append(filler)
    monkeypatch.setitem(socket.create_connection.__globals__, "getaddrinfo", lambda *_: addresses)
    network = ConnectionPool(find_route("http://several.test", environ={}), 0.3)
    asking = gevent.spawn(cause_of, network)
    asking.join(timeout=2)
    assert asking.ready() and asking.value == "timeout"
    assert network.open == 0  # whoever was opening it has given up
    for each in full:
        each.close()


def cause_of(network: ConnectionPool) -> str | None:
    try:
        send_over(network, REQUEST)
    except NoAnswer as error:
        return error.cause
    return None


def test_connections_end_before_the_last_descriptor_and_what_is_closed_counts_no_more() -> None:
    with server(silent) as url:
        network = ConnectionPool(find_route(url), 0.3)
        network._most_open = 2
        asking = [gevent.spawn(cause_of, network) for _ in range(3)]
        gevent.joinall(asking, timeout=5)
        assert sorted(each.value for each in asking) == ["generator: file descriptors", "timeout", "timeout"]
        assert cause_of(network) == "timeout"
    assert network.open == 0


def test_an_open_file_is_one_connection_fewer() -> None:
    route = find_route("http://127.0.0.1:9")
    most = ConnectionPool(route, 1)._most_open
    with Path("/dev/null").open():
        assert ConnectionPool(route, 1)._most_open == most - 1
    assert most < resource.getrlimit(resource.RLIMIT_NOFILE)[0] - RESERVED_DESCRIPTORS
