"""Sends over kept HTTP/1.1 connections, one for each request in flight; ends requests that take too long.

Rule: the time of a request covers the write, the wait for the answer, and the opening of a connection if none is idle.
The pool uses the newest connection first, so it holds at most as many as were in flight together. A request is never
sent twice without the caller knowing. `loadgen.transport` has everything that does not touch a socket.
"""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import Any

import gevent

from loadgen.causes import DESCRIPTORS, name_shortage
from loadgen.model import Request
from loadgen.swarm.connection import GeventConnection, OnOver, Outcome
from loadgen.transport import NoAnswer, Route, count_free_descriptors, serialize

RESERVED_DESCRIPTORS = 24  # for files of records and reports, and the connections of Locust


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
        self._most_open = count_free_descriptors() - RESERVED_DESCRIPTORS

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
