"""HTTP/1.1 without I/O: a Request → bytes, and the bytes of one connection → Responses (RFC 9112).

Rule: a request is sent with exactly its own headers and Content-Length (none for OPTIONS). An interim answer (1xx) is
skipped. A connection is kept when the answer allows it and no byte followed it. The length of an answer is limited: a
peer that never stops would fill the memory.

Also here: a proxy's CONNECT (RFC 9110, 9.3.6), on a socket of the standard library or of gevent.
"""

from __future__ import annotations

from typing import Protocol

import httptools

from loadgen.model import Request, Response
from loadgen.transport.answers import NoAnswer
from loadgen.transport.route import Route

MOST_ANSWER_BYTES = 1 << 20
"""The longest answer, with its head and the interim answers before it. RUM's answers have less than a kilobyte."""


def serialize(request: Request, prefix: str = "", more: str = "") -> bytes:
    """Return a request as bytes on an HTTP/1.1 connection.

    For a proxy that forwards, `prefix` is Route.prefix and `more` are Route.proxy_headers.
    """
    length = f"content-length: {len(request.body)}\r\n" if request.method != "OPTIONS" else ""
    lines = (f"{request.method} {prefix}{request.target} HTTP/1.1", *map(": ".join, request.headers))
    text = "\r\n".join(lines) + f"\r\n{more}{length}\r\n"
    return text.encode("latin-1") + request.body


class ResponseParser:
    """Parses the answers on one connection, one after the other: feed bytes until `complete`, then `take` the answer.

    The `on_…` methods are httptools' callbacks.
    """

    __slots__ = ("begun", "body", "complete", "headed", "headers", "keep_alive", "most", "parser", "size", "status")
    complete: bool
    headed: bool
    status: int

    def __init__(self, most: int = MOST_ANSWER_BYTES) -> None:
        """`most` is the most bytes of one answer."""
        self.parser = httptools.HttpResponseParser(self)
        self.most = most
        self.size = 0
        self._reset()

    def feed(self, received: bytes) -> None:
        """Parse received bytes; b"" is the end of the connection.

        Raises NoAnswer: `malformed` if the bytes are no HTTP, `closed` if they end before the answer is complete,
        `endless` if the answer is too long.
        """
        self.size += len(received)
        if received:
            try:
                self.parser.feed_data(received)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
                if not self.complete:
                    raise NoAnswer("malformed") from error
                self.keep_alive = False  # the bytes after the complete answer are no HTTP
            if self.size > self.most and not self.complete:
                raise NoAnswer("endless")
        elif self._ends_with_connection:
            self.complete, self.keep_alive = True, False
        else:
            raise NoAnswer("closed")

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another request after the complete answer."""
        return self.keep_alive and self.begun == 1

    def take(self) -> Response:
        """Return the complete response, and begin the next one."""
        response = Response(self.status, tuple(self.headers), b"".join(self.body))
        self.size = 0
        self._reset()
        return response

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_headers_complete(self) -> None:
        if not self.complete:
            self.headed, self.status = True, self.parser.get_status_code()
            if self.status < 100:
                raise ValueError("no status of HTTP")  # the parser's feed_data turns this into its own error

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        if 100 <= self.status < 200 and not self.complete:  # 100 Continue, 103 Early Hints: the answer follows
            self._reset()
            return
        self.complete = True
        self.keep_alive = self.parser.should_keep_alive()  # the parser forgets this when the message is over

    @property
    def _ends_with_connection(self) -> bool:
        """Whether the body ends when the connection is closed (RFC 9112, 6.3)."""
        framed = {"content-length", "transfer-encoding"} & {name for name, _ in self.headers}
        return self.headed and not framed

    def _reset(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.body: list[bytes] = []
        self.begun = self.status = 0
        self.complete = self.keep_alive = self.headed = False


MOST_HEAD_BYTES = 65536


class Stream(Protocol):
    """The methods of a socket that `open_tunnel` uses."""

    def sendall(self, data: bytes, /) -> None: ...

    def recv(self, size: int, /) -> bytes: ...


def open_tunnel(stream: Stream, route: Route) -> None:
    """Ask the proxy at the other end of the stream to connect to the route's target; raises NoAnswer if it does not."""
    assert route.proxy is not None
    host = f"[{route.host}]" if ":" in route.host else route.host
    credentials = f"proxy-authorization: {route.proxy.authorization}\r\n" if route.proxy.authorization else ""
    target = f"{host}:{route.port}"
    stream.sendall(f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{credentials}\r\n".encode("latin-1"))
    status = read_status(stream)
    if not 200 <= status < 300:
        raise NoAnswer(f"proxy: {status}", sent=False)


def read_status(stream: Stream) -> int:
    """Return the status of the answer to CONNECT. Read byte by byte: the bytes after its head are the target's."""
    parser = ResponseParser(MOST_HEAD_BYTES)
    try:
        while not parser.headed:
            parser.feed(stream.recv(1))
    except NoAnswer as error:
        cause = "closed" if error.cause == "closed" else "malformed"
        raise NoAnswer(f"proxy: {cause}", sent=False) from error
    return parser.status
