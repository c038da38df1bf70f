"""What botocore has signed goes out by our own rules: an answer has ten seconds and an end, however it comes."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest

from loadgen.aws import Account, read_events, sender
from loadgen.endpoint import Endpoint
from loadgen.errors import ControlError, Unreachable
from tests.aws.conftest import KEY
from tests.transport.test_ways import read_until, serving

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


def pour(connected: socket.socket, pieces: Iterator[bytes], pause: float) -> None:
    connected.recv(65536)
    for piece in pieces:
        connected.sendall(piece)
        time.sleep(pause)


TRICKLES: dict[str, Callable[[], Iterator[bytes]]] = {
    "a byte at a time": lambda: (bytes([each]) for each in HEAD + b"content-length: 2\r\n\r\n{}"),
    "headers without an end": lambda: iter([HEAD, *repeat(b"x-a: b\r\n", 100)]),
    "chunks without an end": lambda: iter([CHUNKED, *repeat(b"1\r\n \r\n", 100)]),
    "interim answers": lambda: repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n", 100),
}


@pytest.mark.parametrize("trickle", TRICKLES)
def test_an_answer_that_comes_bit_by_bit_has_no_more_time_than_one_that_does_not_come(
    trickle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "TIMEOUT_SECONDS", 0.4)
    said = r"no answer in time from http://127\.0\.0\.1:\d+/appmonitor/demo \(timeout\)"  # nor what its end would be
    trickling = serving(lambda connected: pour(connected, TRICKLES[trickle](), 0.05))
    with trickling as port, pytest.raises(Unreachable, match=said):
        Account("us-east-1", KEY, f"http://127.0.0.1:{port}").get("demo")


FLOODS = {
    "chunked": (CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "until it closes": (HEAD + b"\r\n", b" " * 65536),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_an_answer_without_an_end_is_read_so_far_and_told(flood: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "MOST_ANSWER_BYTES", 100_000)
    head, piece = FLOODS[flood]
    said = "not RUM's answer: it has more than 100 kB; a log-in page, a proxy"
    flooded = serving(lambda connected: pour(connected, iter([head, *repeat(piece, 1000)]), 0))
    with flooded as port, pytest.raises(ControlError, match=said):
        list(read_events(Account("us-east-1", KEY, f"http://127.0.0.1:{port}"), "demo", 0, 1))


def test_what_is_no_http_is_told_and_not_asked_again() -> None:
    came = []

    def greet(connected: socket.socket) -> None:
        came.append(1)
        connected.sendall(b"220 mail.example.com ESMTP\r\n")
        read_until(connected, b"\r\n\r\n")

    with serving(greet) as port, pytest.raises(ControlError, match="not RUM's answer: it is no HTTP"):
        Account("us-east-1", KEY, f"http://127.0.0.1:{port}").list_names()
    assert len(came) == 1


def test_a_connection_that_breaks_off_once_is_tried_again(running: Endpoint) -> None:
    """An idle connection that the other side has closed meanwhile, a load balancer that restarts."""
    came = []

    def hang_up_once(connected: socket.socket) -> None:
        came.append(1)
        asked = read_until(connected, b"\r\n\r\n")
        if len(came) > 1:
            host, port = running.url.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port))) as through:
                through.sendall(asked)
                connected.sendall(through.recv(65536))

    with serving(hang_up_once) as port:
        assert isinstance(Account("us-east-1", KEY, f"http://127.0.0.1:{port}").list_names(), list)
    assert len(came) == 2


def test_a_proxy_that_wants_a_password_is_told_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(connected: socket.socket) -> None:
        read_until(connected, b"\r\n\r\n")
        connected.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n")

    with serving(refuse) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        with pytest.raises(Unreachable, match=r"\(proxy: 407; the proxy wants a user and a password: HTTPS_PROXY="):
            Account("us-east-1", KEY, "https://rum.corp.test").list_names()


WAITS = ["Thu, 31 Dec 2099 23:59:59 GMT", "Thu, 99 Foo 2026 99:99:99 GMT", "0.5", "", "soon", "9" * 5000]


@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait[:9])
def test_a_retry_after_that_botocore_cannot_read_hides_no_refusal(wait: str) -> None:
    """RUM says whole seconds; what stands before it (a CDN, a load balancer) may say a date, or anything."""

    def refuse(connected: socket.socket) -> None:
        read_until(connected, b"\r\n\r\n")
        head = "HTTP/1.1 400 Bad\r\nx-amzn-errortype: InternalServerException\r\nretry-after: "
        connected.sendall(f'{head}{wait}\r\ncontent-length: 19\r\n\r\n{{"message":"later"}}'.encode())

    with serving(refuse) as port, pytest.raises(ControlError, match=r"later \(InternalServerException\)"):
        Account("us-east-1", KEY, f"http://127.0.0.1:{port}").list_names()


def test_a_refusal_in_the_body_alone_is_a_refusal() -> None:
    def refuse(connected: socket.socket) -> None:
        read_until(connected, b"\r\n\r\n")
        body = b'{"__type":"ConflictException","message":"taken"}'
        connected.sendall(b"HTTP/1.1 409 Conflict\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    with serving(refuse) as port, pytest.raises(ControlError, match="taken"):
        Account("us-east-1", KEY, f"http://127.0.0.1:{port}").list_names()
