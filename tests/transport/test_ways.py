"""Both senders on the ways to a target: TLS of a private authority, proxies, and what stands in the way."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import gevent
import pytest

from loadgen.model import Request, Send
from loadgen.transport import BlockingConnection, NoAnswer, Route, find_route
from tests.swarm.waiting import waiting_pool
from tests.transport.certificates import NOW, Authority

REQUEST = Request("POST", "/appmonitors/x", (("host", "rum.corp.test"),), b"body")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n"

Handler = Callable[[socket.socket], None]
Sender = Callable[[Route, float], Send]


def read_until(connected: socket.socket, end: bytes) -> bytes:
    """What comes up to an end, or all when the peer hangs up."""
    data = b""
    while not data.endswith(end) and (received := connected.recv(65536)):
        data += received
    return data


@contextmanager
def serving(handle: Handler) -> Iterator[int]:
    """The port of a server that handles each connection in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connected: socket.socket) -> None:
        with connected:
            try:
                handle(connected)
            except OSError:  # the client has left
                return

    def accept() -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:  # closed: the test is over
                return
            Thread(target=one, args=(connected,), daemon=True).start()

    thread = Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@pytest.fixture(params=[BlockingConnection, waiting_pool])
def sender(request: pytest.FixtureRequest) -> Sender:
    made: Sender = request.param
    return made


def cause_of(send: Send) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        send(REQUEST)
    return caught.value


def answer_with_tls(context: ssl.SSLContext) -> Handler:
    def handle(plain: socket.socket) -> None:
        with context.wrap_socket(plain, server_side=True) as connected:
            while read_until(connected, b"\r\n\r\nbody"):
                connected.sendall(OK)

    return handle


def exchange(sender: Sender, route: Route) -> tuple[int, bytes]:
    """Send twice on one way: a connection that is kept works as well as a new one."""

    def both() -> tuple[int, bytes]:
        send = sender(route, 10.0)
        send(REQUEST)
        response = send(REQUEST)
        return response.status, response.body

    found: tuple[int, bytes] = gevent.spawn(both).get(timeout=20)
    return found


def test_a_private_authority_holds_when_it_is_named(sender: Sender, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serving(answer_with_tls(authority.server_context())) as port:
        for environ in ({"AWS_CA_BUNDLE": str(authority.bundle)}, {"SSL_CERT_FILE": str(authority.bundle)}):
            assert exchange(sender, find_route(f"https://localhost:{port}", environ=environ)) == (200, b"{}")


@pytest.mark.parametrize(
    ("host", "ends", "trusted", "cause"),
    [
        ("localhost", timedelta(days=9), False, "certificate: unknown authority"),
        ("localhost", timedelta(days=-1), True, "certificate: expired"),
        ("localhost", timedelta(days=60), True, "certificate: not valid yet"),
        ("rum.corp.test", timedelta(days=9), True, "certificate: for another host"),
    ],
)
def test_a_certificate_that_is_not_believed_is_named_with_its_reason(
    sender: Sender, tmp_path: Path, host: str, ends: timedelta, trusted: bool, cause: str
) -> None:
    authority = Authority(tmp_path)
    environ = {"AWS_CA_BUNDLE": str(authority.bundle)} if trusted else {}
    with serving(answer_with_tls(authority.server_context(host, NOW + ends))) as port:
        error = cause_of(sender(find_route(f"https://localhost:{port}", environ=environ), 10.0))
    assert (error.cause, error.sent) == (cause, False)


def test_a_target_that_speaks_no_tls_is_told_from_one_whose_certificate_is_wrong(sender: Sender) -> None:
    def speak_plain(connected: socket.socket) -> None:
        connected.recv(65536)
        connected.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(speak_plain) as port:
        error = cause_of(sender(find_route(f"https://localhost:{port}", environ={}), 10.0))
    assert error.cause.startswith("tls: ")


def test_a_proxy_forwards_http_in_absolute_form_with_its_credentials(sender: Sender) -> None:
    seen: list[bytes] = []

    def forward(connected: socket.socket) -> None:
        while data := read_until(connected, b"\r\n\r\nbody"):
            seen.append(data)
            connected.sendall(OK)

    with serving(forward) as port:
        environ = {"HTTP_PROXY": f"http://me:secret@127.0.0.1:{port}"}
        assert exchange(sender, find_route("http://rum.corp.test", environ=environ)) == (200, b"{}")
    assert (
        seen
        == [
            b"POST http://rum.corp.test/appmonitors/x HTTP/1.1\r\nhost: rum.corp.test\r\n"
            b"proxy-authorization: Basic bWU6c2VjcmV0\r\ncontent-length: 4\r\n\r\nbody"
        ]
        * 2
    )


def test_https_goes_through_a_tunnel_to_which_the_proxys_credentials_belong(sender: Sender, tmp_path: Path) -> None:
    authority, seen = Authority(tmp_path), list[bytes]()
    answer = answer_with_tls(authority.server_context("rum.corp.test"))

    def tunnel(connected: socket.socket) -> None:
        seen.append(read_until(connected, b"\r\n\r\n"))
        connected.sendall(ESTABLISHED)
        answer(connected)

    with serving(tunnel) as port:
        environ = {"https_proxy": f"me:secret@127.0.0.1:{port}", "AWS_CA_BUNDLE": str(authority.bundle)}
        assert exchange(sender, find_route("https://rum.corp.test", environ=environ)) == (200, b"{}")
    assert seen == [
        b"CONNECT rum.corp.test:443 HTTP/1.1\r\nhost: rum.corp.test:443\r\n"
        b"proxy-authorization: Basic bWU6c2VjcmV0\r\n\r\n"
    ]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", "proxy: 407"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "proxy: 403"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "proxy: malformed"),
        (b"", "proxy: closed"),
    ],
)
def test_a_proxy_that_opens_no_tunnel_is_named(sender: Sender, answer: bytes, cause: str) -> None:
    def refuse(connected: socket.socket) -> None:
        read_until(connected, b"\r\n\r\n")
        connected.sendall(answer)

    with serving(refuse) as port:
        route = find_route("https://rum.corp.test", {"LOADGEN_PROXY": f"http://127.0.0.1:{port}"})
        error = cause_of(sender(route, 10.0))
    assert (error.cause, error.sent) == (cause, False)


def test_a_proxy_that_answers_byte_by_byte_has_no_more_time_than_one_that_does_not(sender: Sender) -> None:
    def trickle(connected: socket.socket) -> None:
        read_until(connected, b"\r\n\r\n")
        for byte in b"HTTP/1.1 200 OK\r\nx: ".ljust(100, b"y"):
            connected.sendall(bytes([byte]))
            Event().wait(0.05)

    with serving(trickle) as port:
        route = find_route("https://rum.corp.test", {"LOADGEN_PROXY": f"http://127.0.0.1:{port}"})
        assert cause_of(sender(route, 0.3)).cause == "timeout"  # not what the proxy ends with: closed


def test_a_proxy_that_is_not_there_is_told_from_a_target_that_is_not(sender: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    route = find_route("http://rum.corp.test", {"LOADGEN_PROXY": f"http://127.0.0.1:{port}"})
    assert cause_of(sender(route, 10.0)).cause == "proxy: refused"
    direct = find_route(f"http://127.0.0.1:{port}", environ={})
    assert (cause_of(sender(direct, 10.0)).cause, cause_of(sender(direct, 10.0)).sent) == ("refused", False)


def test_a_name_that_is_not_known_is_told_from_a_target_that_is_not_reached(sender: Sender) -> None:
    error = cause_of(sender(find_route("http://no-such-host.invalid", environ={}), 10.0))
    assert (error.cause, error.sent) == ("name resolution", False)
