"""Servers that behave and servers that do not, for the tests of what is sent to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gevent.server import StreamServer

from loadgen.model import Request
from loadgen.swarm.connection import ConnectionPool
from loadgen.transport import find_route
from tests.swarm.waiting import send_over

REQUEST = Request("POST", "/appmonitors/x?a=%2F", (("host", "h"), ("content-type", "application/json")), b"body")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-amzn-requestid: r\r\n\r\n{}"

Handler = Callable[[Any, Any], None]


def read_request(connection: Any) -> bytes:
    """One whole request of the test, or b'' at the end of the connection."""
    data = b""
    while not data.endswith(b"\r\n\r\nbody"):
        received = connection.recv(65536)
        if not received:
            return data
        data += received
    return data


@contextmanager
def server(handle: Handler) -> Iterator[str]:
    running = StreamServer(("127.0.0.1", 0), handle)
    running.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.stop(timeout=0)


def answering(*answers: bytes, seen: list[bytes] | None = None, opened: list[int] | None = None) -> Handler:
    """One answer a request, over and over, on kept connections."""

    def handle(connection: Any, _: Any) -> None:
        if opened is not None:
            opened.append(1)
        place = 0
        while data := read_request(connection):
            if seen is not None:
                seen.append(data)
            connection.sendall(answers[place % len(answers)])
            place += 1

    return handle


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
