"""Keep-alive HTTP/1.1 connections: a request is written at once, the event loop reads its response; and their pool.

Rule: nothing waits for the socket, with TLS or without, except a greenlet that opens it or writes what its buffer could
not take. The pool uses the newest connection first, so it holds at most as many as were in flight together. The time of
a request covers the write, the wait for the answer, and the opening of a connection if none is idle. A request is never
sent twice without the caller knowing. `loadgen.transport` has everything that does not touch a socket.
"""

from __future__ import annotations

import logging
import os
import resource
import ssl
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import gevent
import psutil
from gevent import socket
from gevent import ssl as gevent_ssl

from loadgen.causes import DESCRIPTORS, name_shortage
from loadgen.model import Request, Response
from loadgen.transport import NoAnswer, ResponseParser, Route, explain_connect_error, name_cause, open_tunnel, serialize

RESERVED_DESCRIPTORS = 24  # for files of records and reports, and the connections of Locust
RECEIVE_BYTES = 4096  # RUM's answers have less than a kilobyte
RECORD_BYTES = 16384
"""The longest TLS record: a part of one would wait in OpenSSL, where the event loop does not see it."""

TRUSTED_SECONDS = 1.0  # an idle connection is believed to be open this long after its last use
READ = 1  # libev's name for "something to read"

Outcome = Response | NoAnswer
OnOver = Callable[[Outcome], None]
"""Called once when a request has ended."""

Begin = Callable[[Request, OnOver], None]
"""Begins a request and returns at once; raises if the request cannot be begun."""

log = logging.getLogger("loadgen")


def explain_error(error: Exception) -> NoAnswer:
    """Turn an error into a NoAnswer without its traceback; log an error that is loadgen's own."""
    if isinstance(error, NoAnswer):
        return NoAnswer(error.cause, error.sent)
    if not isinstance(error, OSError):
        log.error("sending", exc_info=error)
    return NoAnswer(name_cause(error))


def open_socket(route: Route, tls: ssl.SSLContext | None) -> Any:
    """Open a socket to the target, through the route's proxy if there is one; raises NoAnswer."""
    try:
        opened = socket.create_connection(route.address)
    except OSError as error:
        raise explain_connect_error(error, by_proxy=route.proxy is not None) from error
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if route.is_tunnelled:
            open_tunnel(opened, route)
        if tls is None:
            return opened
        tls.sslsocket_class = gevent_ssl.SSLSocket
        return gevent_ssl.SSLContext.wrap_socket(tls, opened, server_hostname=route.host)
    except BaseException as error:
        opened.close()
        raise explain_connect_error(error, by_proxy=False) if isinstance(error, OSError) else error from error


class GeventConnection:
    """A keep-alive connection; its first request opens it.

    The event loop watches the socket until it is closed. Starting and stopping the watcher for each wait would cost
    more system calls, and one more to find out whether the peer has closed an idle connection.
    """

    def __init__(self, route: Route, tls: ssl.SSLContext | None) -> None:
        self._route, self._tls = route, tls
        self._socket: Any = None
        self._helper: gevent.Greenlet | None = None  # opens the socket, or writes what its buffer could not take
        self._parser = ResponseParser()
        self._on_over: OnOver | None = None  # called with the answer; None: idle
        self._trusted_until = 0.0  # by the machine's clock
        self.reusable = False

    def is_quiet(self) -> bool:
        """Return whether nothing arrived while the connection was idle: arriving data would mean that the peer closes.

        The event loop notices it only at its next turn. So we look ourselves after the first answer, when some peers
        close, and after TRUSTED_SECONDS: a process that stood still would count the peer's time-out as a failure.
        """
        now = perf_counter()
        if now >= self._trusted_until:
            self._read()
        self._trusted_until = now + TRUSTED_SECONDS
        return self.reusable

    def begin(self, data: bytes, on_over: OnOver) -> None:
        """Write a request; `on_over` is called with the response or the error, possibly before this returns."""
        self.reusable, self._on_over = False, on_over
        if self._socket is None:
            self._helper = gevent.spawn(self._send_slowly, memoryview(data))
            return
        try:
            sent = self._send(data)
        except BlockingIOError:  # with TLS, `send` returns 0 instead
            sent = 0
        except OSError as error:
            self.end(explain_error(error))
            return
        if sent < len(data):
            self._watcher.stop()  # the helper starts it again when the whole request is written
            self._helper = gevent.spawn(self._send_slowly, memoryview(data)[sent:])

    def end(self, outcome: Outcome) -> None:
        """Call `on_over` with the outcome, unless the request has ended. The caller closes an unanswered connection."""
        on_over, self._on_over = self._on_over, None
        if on_over is not None:
            on_over(outcome)

    def close(self) -> None:
        """Close the socket, and stop the greenlet that opens or writes it."""
        if self._helper is not None:
            self._helper.throw(gevent.GreenletExit)
        if self._socket is not None:
            self._watcher.close()
            self._socket.close()

    def _send_slowly(self, rest: memoryview) -> None:
        """Open the socket if necessary and write `rest`, in a greenlet of its own.

        gevent's `sendall` would cut the data into pieces, and TLS refuses a shorter piece than it was first given.
        """
        try:
            if self._socket is None:
                self._open()
            self._socket.setblocking(True)
            while rest:
                rest = rest[self._socket.send(rest) :]
            self._socket.setblocking(False)
            self._watcher.start(self._read)
            self._helper = None
        except Exception as error:
            self._helper = None
            self.end(explain_error(error))

    def _open(self) -> None:
        opened = self._socket = open_socket(self._route, self._tls)
        descriptor: int = opened.fileno()
        self._watcher = gevent.get_hub().loop.io(descriptor, READ)
        self._send: Callable[[bytes], int] = opened.send
        self._receive: Callable[[], bytes] = partial(opened.recv, RECORD_BYTES)
        if self._tls is None:  # bypass the methods of gevent's socket, which would wait
            self._send, self._receive = partial(os.write, descriptor), partial(os.read, descriptor, RECEIVE_BYTES)

    def _read(self) -> None:
        """Read what has arrived, and end the request when its response is complete. The event loop calls this."""
        try:
            self._parser.feed(self._receive())
            if self._on_over is None:
                raise NoAnswer("closed")
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except Exception as error:  # no error may reach the event loop: the request must be counted
            self.reusable = False
            self._watcher.stop()
            self.end(explain_error(error))
            return
        if self._parser.complete:
            self.reusable = self._parser.reusable
            self.end(self._parser.take())


class ConnectionPool:
    """The connections to one origin; a request may take at most `timeout` seconds in all.

    All requests have the same time-out, so the oldest one is the next to end, and one timer serves them all. gevent's
    Timeout would arm a timer for each request, at a thirtieth of the request's cost.
    """

    def __init__(self, route: Route, timeout: float) -> None:
        self._route, self._timeout = route, timeout
        # One context for all connections: a further context would take 20 ms to load the certificates.
        self._tls = route.create_tls_context()
        self._prefix, self._proxy_headers = route.prefix, route.proxy_headers
        self._idle: list[GeventConnection] = []
        self._busy: dict[GeventConnection, float] = {}  # the deadline of each connection, the oldest first
        self._timer: Any = None
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most_open = soft - psutil.Process().num_fds() - RESERVED_DESCRIPTORS

    @property
    def open(self) -> int:
        """The number of connections, with those that are being opened."""
        return len(self._idle) + len(self._busy)

    def begin(self, request: Request, on_over: OnOver) -> None:
        """Send without waiting; `on_over` is called with the answer or the error, possibly before this returns.

        Raises NoAnswer if no further connection may be opened: some descriptors stay free, so that records and reports
        can be written in any case.
        """
        data = serialize(request, self._prefix, self._proxy_headers)
        if (connection := self._take_idle()) is None:
            if self.open >= self._most_open:
                raise NoAnswer(name_shortage(DESCRIPTORS), sent=False)
            connection = GeventConnection(self._route, self._tls)
        self._busy[connection] = perf_counter() + self._timeout
        if self._timer is None:
            self._set_timer(self._timeout)
        connection.begin(data, partial(self._end, connection, on_over))

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take_idle(self) -> GeventConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_quiet():
                return connection
            connection.close()
        return None

    def _end(self, connection: GeventConnection, on_over: OnOver, outcome: Outcome) -> None:
        del self._busy[connection]
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        on_over(outcome)

    def _set_timer(self, seconds: float) -> None:
        self._timer = gevent.get_hub().loop.timer(seconds)
        self._timer.start(self._end_overdue)

    def _end_overdue(self) -> None:
        while self._busy:
            connection, deadline = next(iter(self._busy.items()))
            if (left := deadline - perf_counter()) > 0:
                self._set_timer(left)
                return
            connection.end(NoAnswer("timeout"))
        self._timer = None
