"""A proxy's CONNECT (RFC 9110, 9.3.6), on a socket of the standard library or of gevent."""

from __future__ import annotations

from typing import Protocol

from loadgen.transport.no_answer import NoAnswer
from loadgen.transport.route import Route

MOST_HEAD_BYTES = 65536


class Stream(Protocol):
    """What is used of a socket."""

    def sendall(self, data: bytes, /) -> None: ...

    def recv(self, size: int, /) -> bytes: ...


def open_tunnel(stream: Stream, route: Route) -> None:
    """Have the proxy at the stream's other end connect to the route's target; NoAnswer says why it does not."""
    assert route.proxy is not None
    host = f"[{route.host}]" if ":" in route.host else route.host
    credentials = f"proxy-authorization: {route.proxy.authorization}\r\n" if route.proxy.authorization else ""
    target = f"{host}:{route.port}"
    stream.sendall(f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{credentials}\r\n".encode("latin-1"))
    status = read_status(stream)
    if not 200 <= status < 300:
        raise NoAnswer(f"proxy: {status}", sent=False)


def read_status(stream: Stream) -> int:
    """The status of the answer to CONNECT. It is read byte by byte: what follows its head is the target's."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        received = stream.recv(1)
        if not received:
            raise NoAnswer("proxy: closed", sent=False)
        head += received
        if len(head) > MOST_HEAD_BYTES:
            raise NoAnswer("proxy: malformed", sent=False)
    version, _, rest = head.partition(b" ")
    status = rest[:3]
    if not version.startswith(b"HTTP/1.") or not status.isdigit():
        raise NoAnswer("proxy: malformed", sent=False)
    return int(status)
