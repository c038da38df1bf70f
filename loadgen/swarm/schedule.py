"""This worker's due times: batches and retries in the order of their intended moments.

Rule: the intended moment comes with the batch and is never changed here; whoever is late is late on the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count

from gevent.event import Event as Signal
from gevent.lock import Semaphore

from loadgen.model import Batch, Noun, Request
from loadgen.results import Amount


class Due(Noun):
    """A batch that is ready to go: encoded, and signed once it has been tried."""

    at: float  # seconds from the run's zero, on the wall
    batch: Batch  # without its events, which are in the request
    events: int
    request: Request
    raw_bytes: int
    beacon: bool  # to be presigned
    waited: float = 0.0  # seconds from its events to `at`, on average
    signed: bool = False
    monitor: int = 0  # which of the job's app monitors

    @property
    def amount(self) -> Amount:
        """One batch in each unit."""
        return Amount(1, self.events, len(self.request.body), self.raw_bytes)


class Schedule:
    """Hands out what is due, when it is due, to any number of waiting greenlets."""

    def __init__(self, now: Callable[[], float], wait_for_due: bool) -> None:
        self._now = now
        self._wait_for_due = wait_for_due
        self._heap: list[tuple[float, int, Due]] = []
        self._order = count()
        self._turn = Semaphore(1)
        self._changed = Signal()
        self._over = False

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, due: Due) -> None:
        """Add a batch or a retry."""
        entry = (due.at if self._wait_for_due else due.batch.due, next(self._order), due)
        heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._changed.set()

    def take(self) -> Due | None:
        """Wait for the next due batch; None once the run is over. One greenlet watches the clock, the others queue."""
        while not self._over:
            if self._is_due():
                return heappop(self._heap)[2]
            with self._turn:
                if self._over or self._is_due():
                    continue
                wait = self._until_next()
                self._changed.clear()
                self._changed.wait(wait)
        return None

    def end(self) -> None:
        """Hand out nothing more."""
        self._over = True
        self._changed.set()

    def rest(self) -> Iterator[Due]:
        """What was not handed out."""
        return (due for _, _, due in self._heap)

    def _is_due(self) -> bool:
        wait = self._until_next()
        return wait is not None and wait <= 0

    def _until_next(self) -> float | None:
        if not self._heap:
            return None
        return (self._heap[0][0] if self._wait_for_due else 0.0) - self._now()  # nothing before the run's zero
