"""One HTTP/1.1 connection of the server: bytes → Requests, and Responses → bytes in the order of the requests.

Rule: whatever one client sends, or fails to send, does not slow down another client: heads, bodies, waiting times and
unread responses are all bounded. The connection uses httptools' parser without a framework: the HTTP part of a request
then costs a third of what it costs through ASGI.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol, cast

import httptools
import msgspec

from loadgen.endpoint.service_error import ServiceError
from loadgen.endpoint.settings import EndpointSettings
from loadgen.model import Request, Response

PIPELINED = 64
"""Requests of one connection that may wait for their responses; with more, the connection is not read from."""

LINGER_SECONDS = 1.0
"""Seconds for which input is discarded after an error, so that the client can read the response before the reset."""

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class PendingResponse(msgspec.Struct, gc=False):
    """A place in a connection's order of responses, empty until the response is there."""

    close: bool  # the connection ends with this response
    without_body: bool = False  # the response to a HEAD
    data: bytes | None = None  # its bytes; None: not filled yet

    def fill(self, response: Response) -> None:
        """Set `data` to the bytes of the response."""
        head = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
        end = "connection: close\r\n\r\n" if self.close else "\r\n"
        line, date, length = _STATUS_LINES[response.status], _format_date(int(time.time())), len(response.body)
        data = f"{line}{date}{head}content-length: {length}\r\n{end}".encode("latin-1", "replace")
        self.data = data + (b"" if self.without_body else response.body)


@lru_cache(1)
def _format_date(second: int) -> str:
    """Return the header Date (RFC 9110, section 6.6.1): AWS's SDKs with a wrong clock take the time of a refusal."""
    return f"date: {formatdate(second, usegmt=True)}\r\n"


class RequestHandler(Protocol):
    """The owner of all connections. It answers each request by calling `connection.release` once, later."""

    settings: EndpointSettings
    connections: set[HttpConnection]
    unfinished_bytes: int  # received so far of incomplete bodies, on all connections
    received: memoryview  # one buffer for all connections: its bytes are parsed before the next read

    def submit(self, connection: HttpConnection, pending: PendingResponse, request: Request, oversize: bool) -> None:
        """Take a complete request or, if `oversize`, the head of a request whose body is too large."""


class HttpConnection(asyncio.BufferedProtocol):
    """One client's connection, with the callbacks of asyncio and those of httptools (on_url, on_header, on_body)."""

    def __init__(self, handler: RequestHandler, loop: asyncio.AbstractEventLoop) -> None:
        self._handler = handler
        self._loop = loop
        self._settings = handler.settings
        self._parser = httptools.HttpRequestParser(self)
        self._pending: deque[PendingResponse] = deque()
        self._body: bytes | bytearray = b""  # bytes if it came in one piece, as most bodies do
        self._counted_bytes = 0  # part of the body that the handler's `unfinished_bytes` includes
        self._messages = 0
        self._other_bytes = 0  # of the present request, except its body
        self._in_head = self._in_message = self._half_closed = False
        self._discards_input = False  # ignore bytes that still arrive
        self._is_unread = False  # the client does not read its responses
        self.peer = ""

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = (transport.get_extra_info("peername") or ("",))[0]
        self.peer = peer.removeprefix("::ffff:") if "." in peer else peer  # IPv4 on a socket of IPv6
        self._deadline = self._loop.time() + self._settings.idle_seconds
        self._timer = self._loop.call_later(self._settings.body_seconds, self._check_deadline)
        self._handler.connections.add(self)
        if len(self._handler.connections) > self._settings.max_connections:
            self._refuse(503, "ServiceUnavailable", "The endpoint has as many connections as it takes")

    def connection_lost(self, exc: Exception | None) -> None:
        self._handler.connections.discard(self)
        self._timer.cancel()
        self._forget_body()
        self._pending.clear()
        self._discards_input = True

    def eof_received(self) -> bool:
        """Stay open until the responses are out: a client that sends no more may still wait for them."""
        self._half_closed = True
        return bool(self._pending)

    def pause_writing(self) -> None:
        self._is_unread = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._is_unread = False
        self._resume_reading()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._handler.received

    def buffer_updated(self, nbytes: int) -> None:
        if self._discards_input:
            return
        messages, body_bytes = self._messages, len(self._body)
        try:
            self._parser.feed_data(self._handler.received[:nbytes])
        except httptools.HttpParserUpgrade:
            self.shutdown()  # a client that asks for another protocol is answered in this one
        except httptools.HttpParserError:
            self._refuse(400, "BadRequest", "The request is not valid HTTP/1.1")
        if self._in_message:
            if messages != self._messages:
                self._deadline = self._loop.time() + self._settings.body_seconds
            else:
                # The parser keeps a header, a trailer or a chunk's extension to itself until it is whole.
                self._other_bytes += nbytes - (len(self._body) - body_bytes)
                self._check_other_bytes()
            self._count_unfinished()

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._in_head = self._in_message = True
        self._messages += 1
        self._other_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header. Trailers after a chunked body are ignored: no operation uses them."""
        if self._in_head:
            self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._in_head = False
        length = len(self._url)
        for name, value in self._headers:
            length += len(name) + len(value)
            if name == "content-length" and int(value) > self._settings.max_body_bytes:
                self._refuse_too_large()
            elif name == "expect" and value.lower() == "100-continue" and not self._pending:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._other_bytes = length
        self._check_other_bytes()

    def on_body(self, body: bytes) -> None:
        if self._discards_input:
            return
        if not self._body:
            self._body = body
        else:
            self._body = bytearray(self._body) if isinstance(self._body, bytes) else self._body
            self._body += body
        if len(self._body) > self._settings.max_body_bytes:
            self._refuse_too_large()

    def on_message_complete(self) -> None:
        self._in_message = False
        if not self._discards_input:
            is_old = self._parser.get_http_version() == "1.0"  # HTTP/1.0 needs a keep-alive header in the response
            self._submit(close=is_old or not self._parser.should_keep_alive())

    # Requests

    def _submit(self, close: bool, oversize: bool = False) -> None:
        method = self._parser.get_method().decode("latin-1")
        pending = PendingResponse(close, method == "HEAD")
        self._pending.append(pending)
        if len(self._pending) > PIPELINED:
            self._transport.pause_reading()
        self._deadline = self._loop.time() + self._settings.idle_seconds
        target = self._url.decode("latin-1")
        if target.startswith("http://"):  # as proxies send it; routes and signatures use the path
            target = "/" + target[7:].partition("/")[2]
        request = Request(method, target, tuple(self._headers), bytes(self._body))
        self._forget_body()
        self._handler.submit(self, pending, request, oversize)

    def _count_unfinished(self) -> None:
        """Count the received part of an incomplete body; refuse it when all such parts exceed the limit."""
        self._handler.unfinished_bytes += len(self._body) - self._counted_bytes
        self._counted_bytes = len(self._body)
        if self._handler.unfinished_bytes > self._settings.max_unfinished_bytes:
            self._refuse(503, "ServiceUnavailable", "The endpoint waits for the rest of too many requests")

    def _forget_body(self) -> None:
        self._handler.unfinished_bytes -= self._counted_bytes
        self._counted_bytes = 0
        self._body = b""

    def _refuse_too_large(self) -> None:
        """Answer a request whose body is too large, without waiting for the rest of the body."""
        if not self._discards_input:
            self._discards_input = True
            self._submit(close=True, oversize=True)

    def _check_other_bytes(self) -> None:
        """Refuse a request with too many bytes besides its body: its line, headers, trailers and chunk sizes."""
        if self._other_bytes > self._settings.max_header_bytes + 8 * len(self._body):
            self._refuse(431, "RequestHeaderFieldsTooLarge", "The request line, headers and trailers are too long")

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer with an error that belongs to no operation, then close the connection."""
        if self._discards_input:
            return
        self._discards_input = True
        self._forget_body()
        pending = PendingResponse(close=True)
        self._pending.append(pending)
        self.release(pending, ServiceError(code, message, status).make_response())

    # Responses

    def release(self, pending: PendingResponse, response: Response) -> None:
        """Set the response to one request, and send all responses that are next in the order of the requests."""
        pending.fill(response)
        queue = self._pending
        while queue and queue[0].data is not None:
            first = queue.popleft()
            self._transport.write(first.data or b"")
            if first.close:
                self._end()
                return
        if self._half_closed and not queue:
            self._close()
        else:
            self._resume_reading()

    def _resume_reading(self) -> None:
        """Read on unless the client leaves responses unread or too many responses are due."""
        if not self._is_unread and len(self._pending) <= PIPELINED:
            self._transport.resume_reading()

    def drop(self) -> None:
        """Cut the connection, as an injected fault does."""
        self._transport.abort()

    def shutdown(self) -> None:
        """Take no more requests; close when all responses are sent."""
        self._discards_input = True
        if self._pending:
            self._pending[-1].close = True
        else:
            self._close()

    def _end(self) -> None:
        """Close at once if the request was read completely; else give the client a moment to read the response."""
        self._pending.clear()
        if self._in_message and not self._half_closed:
            self._discards_input = True
            self._transport.write_eof()
            self._loop.call_later(LINGER_SECONDS, self._close)
        else:
            self._close()

    def _close(self) -> None:
        """Close when all responses are sent; cut the connection if the client does not read them in time."""
        if self not in self._handler.connections:
            return  # it is closed already
        self._transport.close()
        self._timer.cancel()
        self._timer = self._loop.call_later(self._settings.idle_seconds, self._transport.abort)

    def _check_deadline(self) -> None:
        """Refuse or close a connection whose deadline has passed, else set its one timer again: requests move it."""
        now = self._loop.time()
        if self._pending:
            self._deadline = max(self._deadline, now + self._settings.idle_seconds)
        if now < self._deadline:
            next_check = min(self._deadline, now + self._settings.body_seconds)
            self._timer = self._loop.call_at(next_check, self._check_deadline)
        elif self._in_message and not self._discards_input:
            self._refuse(408, "RequestTimeout", "The request took too long to arrive")
        else:
            self._close()
