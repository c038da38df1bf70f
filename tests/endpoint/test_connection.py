"""What one client sends, or fails to send, costs no other client anything."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from loadgen.endpoint import Endpoint, EndpointSettings, Faults
from loadgen.endpoint.faults import Latency
from loadgen.model import Request
from tests.endpoint.conftest import KEYS, Caller, batch
from tests.endpoint.sockets import ask, dial, read_all, read_answer, signed


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """Short times and small bounds, so that tests need not wait."""
    settings = EndpointSettings(
        credentials=(KEYS,), quota=None, idle_seconds=0.6, body_seconds=0.2, max_header_bytes=8192, max_body_bytes=65536
    )
    with Endpoint(settings) as running:
        yield running


@pytest.fixture(scope="module")
def monitor(endpoint: Endpoint) -> str:
    _, body = ask(endpoint, "POST", "/appmonitor", {"Name": "shop", "Domain": "localhost"})
    return str(json.loads(body)["Id"])


@pytest.fixture(autouse=True)
def others_are_served(endpoint: Endpoint, monitor: str) -> Iterator[None]:
    """Whatever a test did: another client is served at once after it, by the same process."""
    yield
    assert endpoint.is_alive()
    status, _ = ask(endpoint, "POST", f"/appmonitors/{monitor}", batch(1, at=time.time()))
    assert status == 200


def status_of(data: bytes) -> int:
    return int(data.split(b" ")[1])


def test_a_connection_carries_many_requests(endpoint: Endpoint) -> None:
    with dial(endpoint) as connection:
        for _ in range(3):
            connection.sendall(signed(endpoint, "POST", "/appmonitors"))
            assert read_answer(connection)[0] == 200


def test_pipelined_requests_are_answered_in_order(endpoint: Endpoint, monitor: str) -> None:
    paths = ["/appmonitor/shop", "/appmonitor/unknown"] * 100
    with dial(endpoint) as connection:
        connection.sendall(b"".join(signed(endpoint, "GET", path) for path in paths))
        connection.shutdown(socket.SHUT_WR)
        answers = read_all(connection)
    statuses = [int(part[1:4]) for part in answers.split(b"HTTP/1.1")[1:]]
    assert statuses == [200, 404] * 100


def test_a_request_in_single_bytes_is_understood(endpoint: Endpoint) -> None:
    with dial(endpoint) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in signed(endpoint, "POST", "/appmonitors"):
            connection.sendall(bytes([byte]))
        assert read_answer(connection)[0] == 200


def test_a_chunked_body_is_understood(endpoint: Endpoint, monitor: str) -> None:
    whole = signed(endpoint, "POST", f"/appmonitors/{monitor}", batch(1, at=time.time()))
    head, _, body = whole.partition(b"\r\n\r\n")
    head = head.replace(b"content-length: %d" % len(body), b"transfer-encoding: chunked")
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(body[at : at + 100]), body[at : at + 100]) for at in range(0, len(body), 100)
    )
    with dial(endpoint) as connection:
        connection.sendall(head + b"\r\n\r\n" + chunks + b"0\r\n\r\n")
        assert read_answer(connection)[0] == 200


def test_a_half_closed_connection_gets_its_answer(endpoint: Endpoint, monitor: str) -> None:
    with dial(endpoint) as connection:
        connection.sendall(signed(endpoint, "POST", f"/appmonitors/{monitor}", batch(1, at=time.time())))
        connection.shutdown(socket.SHUT_WR)
        assert status_of(read_all(connection)) == 200


def test_half_a_request_and_an_end_is_closed(endpoint: Endpoint) -> None:
    with dial(endpoint) as connection:
        connection.sendall(signed(endpoint, "POST", "/appmonitors")[:-30])
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == b""


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_request_that_never_ends_is_given_up(endpoint: Endpoint, monitor: str, part: float) -> None:
    whole = signed(endpoint, "POST", f"/appmonitors/{monitor}", batch(1, at=time.time()))
    with dial(endpoint) as connection:
        connection.sendall(whole[: int(len(whole) * part)])
        assert status_of(read_all(connection)) == 408


def test_an_idle_connection_is_closed(endpoint: Endpoint) -> None:
    with dial(endpoint) as connection:
        assert read_all(connection) == b""


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"POST /appmonitors HTTP/9.9\r\n\r\n",
        b"POST /appmonitors HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /appmonitors HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"POST /appmonitors HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST /appmonitors HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /appmonitors HTTP/1.1\r\nno colon\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_a_400_and_the_end(endpoint: Endpoint, nonsense: bytes) -> None:
    with dial(endpoint) as connection:
        connection.sendall(nonsense)
        assert status_of(read_all(connection)) == 400


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"y" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 9_000 + b"\r\n",
    ],
)
def test_a_head_that_is_too_long_gets_a_431(endpoint: Endpoint, head: bytes) -> None:
    with dial(endpoint) as connection:
        connection.sendall(head)
        assert status_of(read_all(connection)) == 431


def test_a_head_that_never_ends_is_cut(endpoint: Endpoint) -> None:
    with dial(endpoint) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nx: ")
        for _ in range(20):
            connection.sendall(b"y" * 65536)
        assert status_of(read_all(connection)) == 431


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(endpoint: Endpoint, monitor: str) -> None:
    head = (
        f"POST /appmonitors/{monitor} HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000\r\nexpect: 100-continue\r\n\r\n"
    )
    with dial(endpoint) as connection:
        connection.sendall(head.encode())
        answer = read_all(connection)
    assert status_of(answer) == 413
    assert b"RequestEntityTooLargeException" in answer


def test_a_body_that_grows_too_large_is_refused(endpoint: Endpoint, monitor: str) -> None:
    head = f"POST /appmonitors/{monitor} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    with dial(endpoint) as connection:
        connection.sendall(head.encode() + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 5)
        assert status_of(read_all(connection)) == 413


def test_a_client_that_waits_to_continue_is_told_to(endpoint: Endpoint, monitor: str) -> None:
    whole = signed(endpoint, "POST", f"/appmonitors/{monitor}", batch(1, at=time.time()))
    head, _, body = whole.partition(b"\r\n\r\n")
    with dial(endpoint) as connection:
        connection.sendall(head + b"\r\nexpect: 100-continue\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read_answer(connection)[0] == 200


def test_http_1_0_is_answered_and_closed(endpoint: Endpoint) -> None:
    with dial(endpoint) as connection:
        connection.sendall(b"GET /_loadgen/ledger HTTP/1.0\r\n\r\n")
        answer = read_all(connection)
    assert status_of(answer) == 200
    assert b"connection: close" in answer


def test_an_old_client_that_would_keep_the_connection_is_not_left_waiting(endpoint: Endpoint) -> None:
    with dial(endpoint) as connection:
        connection.sendall(b"GET /_loadgen/ledger HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        answer = read_all(connection)
    assert status_of(answer) == 200
    assert b"connection: close" in answer


@pytest.mark.parametrize(
    "head",
    [b"GET /_loadgen/health", b"GET /_loadgen/", b"HEAD /_loadgen/ledger", b"GET /x", b"POST /appmonitors", b"?"],
)
def test_every_answer_has_the_date_by_which_an_sdk_corrects_a_wrong_clock(endpoint: Endpoint, head: bytes) -> None:
    before = int(time.time())
    with dial(endpoint) as connection:
        connection.sendall(head + b" HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        answer = read_all(connection).decode()
    (date,) = [line[6:] for line in answer.split("\r\n") if line.startswith("date: ")]
    assert before <= parsedate_to_datetime(date).timestamp() <= time.time()


def test_a_head_request_has_no_body(endpoint: Endpoint) -> None:
    with dial(endpoint) as connection:
        connection.sendall(b"HEAD /x HTTP/1.1\r\nconnection: close\r\n\r\n")
        answer = read_all(connection)
    assert status_of(answer) == 404
    assert answer.endswith(b"\r\n\r\n")


def test_a_wish_for_another_protocol_is_passed_over(endpoint: Endpoint) -> None:
    wish = b"GET /_loadgen/ledger HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    with dial(endpoint) as connection:
        connection.sendall(wish)
        assert status_of(read_all(connection)) == 200


def test_the_absolute_form_of_a_proxy_is_understood(endpoint: Endpoint) -> None:
    with dial(endpoint) as connection:
        connection.sendall(b"GET http://any.host/_loadgen/ledger HTTP/1.1\r\n\r\n")
        assert read_answer(connection)[0] == 200


def test_a_client_that_does_not_read_holds_up_nobody(endpoint: Endpoint, monitor: str) -> None:
    flood = signed(endpoint, "GET", "/appmonitor/shop") * 50
    with dial(endpoint) as deaf:
        deaf.setblocking(False)
        sent = 0
        try:
            while sent < 100_000_000:
                sent += deaf.send(flood)
        except BlockingIOError:
            pass
        assert ask(endpoint, "GET", "/appmonitor/shop")[0] == 200
    assert sent < 100_000_000


def test_many_broken_clients_hold_up_nobody(endpoint: Endpoint, monitor: str) -> None:
    half = signed(endpoint, "POST", f"/appmonitors/{monitor}", batch(1))[:-10]
    broken = [dial(endpoint) for _ in range(100)]
    for connection in broken:
        connection.sendall(half)
    assert ask(endpoint, "GET", "/appmonitor/shop")[0] == 200
    for connection in broken:
        connection.close()


# CORS


def test_a_page_may_ask_and_send(endpoint: Endpoint, monitor: str) -> None:
    asked = "authorization,content-encoding,content-type,x-amz-content-sha256,x-amz-date,x-amz-security-token"
    preflight = (
        f"OPTIONS /appmonitors/{monitor} HTTP/1.1\r\nhost: x\r\norigin: http://localhost:3000\r\n"
        f"access-control-request-method: POST\r\naccess-control-request-headers: {asked}\r\n"
        "access-control-request-private-network: true\r\nconnection: close\r\n\r\n"
    )
    with dial(endpoint) as connection:
        connection.sendall(preflight.encode())
        answer = read_all(connection).decode().lower()
    assert answer.startswith("http/1.1 200")
    assert "access-control-allow-origin: *\r\n" in answer
    assert f"access-control-allow-headers: {asked}\r\n" in answer
    assert "post" in answer.partition("access-control-allow-methods: ")[2]
    assert "access-control-allow-private-network: true\r\n" in answer


def test_errors_can_be_read_by_a_page_too(endpoint: Endpoint, monitor: str) -> None:
    unsigned = f"POST /appmonitors/{monitor} HTTP/1.1\r\norigin: http://localhost:3000\r\nconnection: close\r\n\r\n"
    with dial(endpoint) as connection:
        connection.sendall(unsigned.encode())
        answer = read_all(connection).decode().lower()
    assert answer.startswith("http/1.1 403")
    assert "access-control-allow-origin: *\r\n" in answer
    assert {"date", "x-amzn-errortype"} <= set(
        answer.partition("access-control-expose-headers: ")[2].splitlines()[0].split(",")
    )


def test_origins_can_be_limited() -> None:
    caller = Caller(cors_origins=("http://a.example",))
    for origin, allowed in (("http://a.example", "http://a.example"), ("http://b.example", None)):
        answer = caller.handle(Request("OPTIONS", "/appmonitors/x", (("origin", origin),)))
        assert answer.get_header("access-control-allow-origin") == allowed


# Faults that show on a socket only


def faulty(**faults: Any) -> Endpoint:
    return Endpoint(EndpointSettings(credentials=(KEYS,), quota=None, faults=Faults(**faults)))


@pytest.mark.parametrize(("fault", "kept"), [("drops", 0), ("lost_answers", 1)])
def test_a_dropped_connection_has_no_answer(fault: str, kept: int) -> None:
    with faulty(**{fault: 1.0}) as endpoint:
        _, body = ask(endpoint, "POST", "/appmonitor", {"Name": "shop", "Domain": "localhost"})
        monitor_id = json.loads(body)["Id"]
        with dial(endpoint) as connection:
            connection.sendall(signed(endpoint, "POST", f"/appmonitors/{monitor_id}", batch(1, at=time.time())))
            assert read_all(connection) == b""
        ledger = json.loads(ask(endpoint, "GET", f"/_loadgen/ledger?monitor={monitor_id}")[1])
    assert ledger["requests"]["accepted"] == kept
    assert ledger["requests"]["failed"] == 1 - kept


def test_latency_is_added_and_the_others_do_not_wait_for_it() -> None:
    with faulty(latency=Latency("constant", 1000), operations=("GetAppMonitor",)) as endpoint, dial(endpoint) as slow:
        began = time.perf_counter()
        slow.sendall(signed(endpoint, "GET", "/appmonitor/x"))
        ask(endpoint, "POST", "/appmonitors")
        assert not select.select([slow], [], [], 0)[0]  # the quick answer is here, the late one is not
        read_answer(slow)
        assert time.perf_counter() - began >= 1.0


def test_answers_stay_in_order_when_only_one_is_late() -> None:
    with (
        faulty(latency=Latency("constant", 200), operations=("GetAppMonitor",)) as endpoint,
        dial(endpoint) as connection,
    ):
        late, early = signed(endpoint, "GET", "/appmonitor/x"), signed(endpoint, "POST", "/appmonitors")
        connection.sendall(late + early)
        connection.shutdown(socket.SHUT_WR)
        answers = read_all(connection)
    assert [int(part[1:4]) for part in answers.split(b"HTTP/1.1")[1:]] == [404, 200]
