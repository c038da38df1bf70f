"""Sends over HTTP/1.1 connections that are kept, one for each request in flight; ends requests that take too long.

Rule: the clock of a request covers the write, the wait for the answer, and the opening of a connection where the pool
has none. The pool takes the newest connection first, so it holds only as many as were ever in flight together. A
request is never sent twice without the caller knowing. What is no socket's business is `loadgen.transport`'s.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import gevent

from loadgen.causes import DESCRIPTORS, name_shortage
from loadgen.model import Request, Response
from loadgen.swarm.connection import GeventConnection, OnOver
from loadgen.transport import NoAnswer, Route, count_free_descriptors, name_cause, serialize

RESERVED_DESCRIPTORS = 24  # for files of records and reports, and the connections of Locust


class ConnectionPool:
    """A Send to one origin; `timeout` is a whole request's, in seconds."""

    def __init__(self, route: Route, timeout: float) -> None:
        self._route = route
        # One context for all connections: each context of its own costs 20 ms to load the certificates.
        self._tls = route.create_tls_context()
        self._prefix, self._proxy_headers = route.prefix, route.proxy_headers
        self._deadlines = Deadlines(timeout)
        self._idle: list[GeventConnection] = []
        self._open = 0  # connections
        self._most_open = count_free_descriptors() - RESERVED_DESCRIPTORS

    def __call__(self, request: Request) -> Response:
        """Send and wait, in a greenlet; opens a connection if none is idle. Raises NoAnswer."""
        sender = gevent.getcurrent()
        self._deadlines.start(sender)
        connection = None
        try:
            connection = self._take_idle() or self._connect()
            response = connection.exchange(serialize(request, self._prefix, self._proxy_headers))
        except (Overdue, OSError) as error:
            raise explain(error) from error
        finally:
            self._deadlines.stop(sender)
            if connection is not None:
                self._put_back(connection)
        return response

    def begin(self, request: Request, on_over: OnOver) -> bool:
        """Send without waiting, if an idle connection is there; `on_over` is told the answer, or why there is none."""
        data = serialize(request, self._prefix, self._proxy_headers)
        if (connection := self._take_idle()) is None:
            return False
        self._deadlines.start(connection)
        connection.begin(data, partial(self._end, connection, on_over))
        return True

    def _end(self, connection: GeventConnection, on_over: OnOver, ended: Response | BaseException) -> None:
        self._deadlines.stop(connection)
        self._put_back(connection)
        on_over(ended if isinstance(ended, Response) else explain(ended))

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._drop(self._idle.pop())

    def _take_idle(self) -> GeventConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_quiet():
                return connection
            self._drop(connection)
        return None

    def _put_back(self, connection: GeventConnection) -> None:
        if connection.reusable:
            self._idle.append(connection)
        else:
            self._drop(connection)

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


def explain(error: BaseException) -> BaseException:
    """The NoAnswer that an error of the network or of the clock means; any other error is its own."""
    if isinstance(error, Overdue):
        return NoAnswer("timeout")
    return NoAnswer(name_cause(error)) if isinstance(error, OSError) else error


class Overdue(BaseException):
    """The time is over. Not an OSError, as TimeoutError is: gevent's create_connection would try the next address."""


class Deadlines:
    """Throws Overdue at a greenlet or a connection `seconds` after its start, unless it has stopped before.

    All have the same time, so the oldest is the next to end, and one timer serves them all: gevent's Timeout would make
    and arm a timer for each, a thirtieth of a request's cost.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: dict[Any, float] = {}  # each one's deadline, the oldest first
        self._timer_set = False

    def start(self, running: Any) -> None:
        """Start its time."""
        self._running[running] = time.perf_counter() + self._seconds
        if not self._timer_set:
            self._set_timer(self._seconds)

    def stop(self, running: Any) -> None:
        """Stop its time."""
        self._running.pop(running, None)

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
            running.throw(Overdue())
        self._timer_set = False
