"""Sends from greenlets: HTTP/1.1 over gevent sockets, one kept connection for each request in flight.

Rule: the clock of a request covers the write, the wait for the answer, and the opening of a connection where the pool
has none. The pool takes the newest connection first, so it holds only as many as were ever in flight together. A
request is never sent twice without the caller knowing. What is no socket's business is `loadgen.transport`'s.

Why not Locust's FastHttpUser: it decodes the whole request body on every answer that is not 2xx, and its pool looks at
sockets with select(), which fails from descriptor 1024 on; both would distort what we measure.

Ends requests that take too long.

All requests have the same time-out, so the oldest one is always the next to end and one timer serves them all. gevent's
Timeout would make and arm a timer for each wait, a thirtieth of a request's cost.
"""

from __future__ import annotations

import select
import ssl
import time
from typing import Any

import gevent
from gevent import monkey, socket
from gevent import ssl as gevent_ssl

from loadgen.causes import DESCRIPTORS, name_shortage
from loadgen.model import Request, Response
from loadgen.transport import (
    NoAnswer,
    ResponseParser,
    Route,
    count_free_descriptors,
    name_cause,
    not_connected,
    open_tunnel,
    serialize,
)

RECEIVE_BYTES = 65536
RESERVED_DESCRIPTORS = 24  # for files of records and reports, and the connections of Locust
READ = 1  # libev's name for "something to read"


def has_something_to_read(descriptor: int) -> bool:
    """Ask the system without a switch to other greenlets: gevent's own poll would switch, with the clock started."""
    asked = monkey.get_original("select", "poll")()
    asked.register(descriptor, select.POLLIN)
    return bool(asked.poll(0))


class ConnectionPool:
    """A Send to one origin; `timeout` is a whole request's, in seconds."""

    def __init__(self, route: Route, timeout: float) -> None:
        self._route = route
        # One context for all connections: each context of its own costs 20 ms to load the certificates.
        self._tls = route.create_tls_context()
        if self._tls is not None:
            self._tls.sslsocket_class = gevent_ssl.SSLSocket
        self._prefix, self._proxy_headers = route.prefix, route.proxy_headers
        self._deadlines = Deadlines(timeout)
        self._idle: list[GeventConnection] = []
        self._open = 0  # connections
        self._most_open = count_free_descriptors() - RESERVED_DESCRIPTORS

    def __call__(self, request: Request) -> Response:
        """Send and wait; raises NoAnswer."""
        self._deadlines.start()
        connection = None
        try:
            connection = self._take()
            response = connection.exchange(serialize(request, self._prefix, self._proxy_headers))
        except Overdue as error:
            raise NoAnswer("timeout") from error
        except OSError as error:
            raise NoAnswer(name_cause(error)) from error
        finally:
            self._deadlines.stop()
            if connection is not None and not connection.reusable:
                self._drop(connection)
        if connection.reusable:
            self._idle.append(connection)
        return response

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._drop(self._idle.pop())

    def _take(self) -> GeventConnection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_quiet():
                return connection
            self._drop(connection)
        return self._connect()

    def _connect(self) -> GeventConnection:
        """A new connection; some descriptors stay free, so that records and reports are written whatever happens."""
        if self._open >= self._most_open:
            raise NoAnswer(name_shortage(DESCRIPTORS), sent=False)
        self._open += 1
        try:
            return GeventConnection(self._route, self._tls)
        except BaseException:
            self._open -= 1
            raise

    def _drop(self, connection: GeventConnection) -> None:
        self._open -= 1
        connection.close()


def open_socket(route: Route, tls: ssl.SSLContext | None) -> Any:
    """A socket that is connected to the target, through the route's proxy if it has one; raises NoAnswer."""
    try:
        opened = socket.create_connection(route.address)
    except OSError as error:
        raise not_connected(error, by_proxy=route.proxy is not None) from error
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if route.is_tunnelled:
            open_tunnel(opened, route)
        if tls is None:
            return opened
        return gevent_ssl.SSLContext.wrap_socket(tls, opened, server_hostname=route.host)
    except OSError as error:
        opened.close()
        raise not_connected(error, by_proxy=False) from error
    except BaseException:
        opened.close()
        raise


class GeventConnection:
    """One keep-alive connection.

    The event loop watches it from its first moment to its last: to start and stop the watching for each wait would
    cost more system calls, and one more to ask whether the peer has closed an idle connection.
    """

    def __init__(self, route: Route, tls: ssl.SSLContext | None) -> None:
        self._socket = open_socket(route, tls)
        self._encrypted = tls is not None
        self._parser = ResponseParser()
        self._in_use = self._has_arrived = False  # has_arrived: something to read, before a greenlet waited for it
        self._reader: Any = None  # the greenlet that waits
        self._hub = gevent.get_hub()
        self._watcher = self._hub.loop.io(self._socket.fileno(), READ)
        self._watcher.start(self._on_readable)
        self._surprised = self._proven = False
        self.reusable = False

    def is_quiet(self) -> bool:
        """Whether nothing arrived while the connection was idle: what arrives then means that the peer closes it.

        The event loop tells so, but at its next turn. After the first answer we ask the system: some peers close then.
        """
        first, self._proven = not self._proven, True
        return not self._surprised and not (first and has_something_to_read(self._socket.fileno()))

    def exchange(self, data: bytes) -> Response:
        """Write a request and read its response."""
        parser, self._in_use, self.reusable = self._parser, True, False
        self._send(data)
        while not parser.complete:
            parser.feed(self._receive())
        self._in_use = False
        self._watch()
        self.reusable = parser.reusable
        return parser.take()

    def close(self) -> None:
        """Close the socket."""
        self._watcher.close()
        self._socket.close()

    def _on_readable(self) -> None:
        """Called by the event loop while there is something to read, again and again until it is read."""
        if self._reader is not None:
            self._reader.switch()
            return
        self._watcher.stop()
        if self._in_use:
            self._has_arrived = True
        else:
            self._surprised = True

    def _watch(self) -> None:
        """Watch again, after `_on_readable` stopped because no greenlet waited."""
        if self._has_arrived:
            self._has_arrived = False
            self._watcher.start(self._on_readable)

    def _send(self, data: bytes) -> None:
        """Send all of it. gevent's sendall asks for the socket's buffer size each time, a tenth of a request's cost."""
        sent = self._socket.send(data)
        while sent < len(data):
            sent += self._socket.send(data[sent:])

    def _receive(self) -> bytes:
        """Wait, then read. gevent's recv reads before it waits, and finds nothing this soon after a send."""
        if not self._encrypted and not self._has_arrived:  # encrypted, it may be in the TLS layer already
            self._reader = gevent.getcurrent()
            try:
                self._hub.switch()
            finally:
                self._reader = None
        self._watch()
        received: bytes = self._socket.recv(RECEIVE_BYTES)
        return received


class Overdue(BaseException):
    """The time is over. Not an OSError, as TimeoutError is: gevent's create_connection would try the next address."""


class Deadlines:
    """Raises Overdue in a greenlet `seconds` after its start, unless it has stopped before."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: dict[Any, float] = {}  # each greenlet's deadline, the oldest first
        self._timer_set = False

    def start(self) -> None:
        """Start the current greenlet's time."""
        self._running[gevent.getcurrent()] = time.perf_counter() + self._seconds
        if not self._timer_set:
            self._set_timer(self._seconds)

    def stop(self) -> None:
        """Stop the current greenlet's time."""
        self._running.pop(gevent.getcurrent(), None)

    def _set_timer(self, seconds: float) -> None:
        self._timer_set = True
        self._timer = gevent.get_hub().loop.timer(seconds)
        self._timer.start(self._end_overdue)

    def _end_overdue(self) -> None:
        while self._running:
            running, deadline = next(iter(self._running.items()))
            left = deadline - time.perf_counter()
            if left > 0:
                self._set_timer(left)
                return
            del self._running[running]
            running.throw(Overdue)
        self._timer_set = False
