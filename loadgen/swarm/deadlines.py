"""Ends requests that take too long.

All requests have the same time, so the oldest is always the next to end: one timer serves them all, where gevent's
Timeout makes and arms one for each wait, a thirtieth of a request's cost.
"""

from __future__ import annotations

import time
from typing import Any

import gevent


class Overdue(BaseException):
    """The time is over. No OSError, as TimeoutError is: gevent's create_connection would go on to the next address."""


class Deadlines:
    """Raises Overdue in a greenlet `seconds` after its start, unless it has stopped before."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: dict[Any, float] = {}  # each greenlet's deadline, the oldest first
        self._watched = False

    def start(self) -> None:
        """The current greenlet's time begins."""
        self._running[gevent.getcurrent()] = time.perf_counter() + self._seconds
        if not self._watched:
            self._look_in(self._seconds)

    def stop(self) -> None:
        """The current greenlet is done."""
        self._running.pop(gevent.getcurrent(), None)

    def _look_in(self, seconds: float) -> None:
        self._watched = True
        self._timer = gevent.get_hub().loop.timer(seconds)
        self._timer.start(self._end_the_overdue)

    def _end_the_overdue(self) -> None:
        while self._running:
            running, deadline = next(iter(self._running.items()))
            left = deadline - time.perf_counter()
            if left > 0:
                self._look_in(left)
                return
            del self._running[running]
            running.throw(Overdue)
        self._watched = False
