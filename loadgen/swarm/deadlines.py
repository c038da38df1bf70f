"""Ends requests that take too long.

All requests have the same time-out, so the oldest one is always the next to end and one timer serves them all. gevent's
Timeout would make and arm a timer for each wait, a thirtieth of a request's cost.
"""

from __future__ import annotations

import time
from typing import Any

import gevent


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
