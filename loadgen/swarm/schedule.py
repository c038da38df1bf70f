"""The schedule of a worker: batches and retries in the order of their intended moments.

Rule: the intended moment comes with the batch and never changes here, so the record shows how late a request was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import chain, count
from math import floor
from time import perf_counter

import gevent
import msgspec
from gevent.event import Event as Signal
from isal import isal_zlib

from loadgen.model import Batch, Noun, Request, Volume

MOST_TURNS = 50
"""The most turns that the senders get in one go: a worker that is always behind must still draw its next sessions."""

IDLE_TURNS = 3
"""After so many turns in which no batch was taken, the senders get no more: all of them have a request in flight."""

BETWEEN_TURNS = 0.0005
"""The least seconds of work between two turns, so that long work may call `yield_to_senders` as often as it likes."""

BETWEEN_GROUPS = 0.002
"""The least seconds from one group to the next. At high rates, batches that fall due in between go out together, while
the caches are warm. A batch that comes alone does not wait."""

PACKING_LEVEL = 0
"""The compression level of ISA-L: the quickest. A body of 4 kB takes 6 µs to pack and 5 µs to unpack."""

FIRST = 2
"""The event loop's highest priority, for `gevent.idle`: a turn is one pass of the loop. With `gevent.sleep(0)` about
fifty turns pass before the loop looks at sockets and timers."""


class ScheduledRequest(Noun):
    """A batch with its encoded request; the request is signed if the batch has been tried before."""

    at: float  # seconds from the run's zero, on the wall
    batch: Batch  # without its events, which are in the request
    events: int
    request: Request
    raw_bytes: int
    beacon: bool  # it will be presigned
    waited: float = 0.0  # mean seconds from its events to `at`
    signed: bool = False
    monitor: int = 0  # which of the job's app monitors
    preflight: bool = False  # the browser sends a CORS preflight first
    packed: bool = False  # its body is compressed while it waits: `unpack` it before it is signed

    @property
    def wire_bytes(self) -> int:
        """The bytes of the body as sent; a packed body is sent unpacked."""
        return self.raw_bytes if self.packed else len(self.request.body)

    @property
    def amount(self) -> Volume:
        """The volume of this batch: one request, its events and bytes."""
        return Volume(1, self.events, self.wire_bytes, self.raw_bytes)

    def unpack(self) -> Request:
        """Return the request with its body as it is sent."""
        if not self.packed:
            return self.request
        return msgspec.structs.replace(self.request, body=isal_zlib.decompress(self.request.body))


def pack(request: Request) -> Request:
    """Compress the body of a waiting request: uncompressed, waiting beacons take a third of a large run's memory."""
    packed = isal_zlib.compress(request.body, PACKING_LEVEL)
    return msgspec.structs.replace(request, body=bytes(memoryview(packed)))  # without the unused end of the buffer


Entry = tuple[float, int, ScheduledRequest]  # moment, order of coming, batch


class Schedule:
    """Hands out batches when they are due.

    Only the batches of the current second are kept in order. Later batches lie unordered in a list for each second:
    one ordered heap of all waiting batches of many visitors would not fit into the processor's caches.
    """

    def __init__(self, now: Callable[[], float], wait_for_due: bool) -> None:
        self._now = now
        self._wait_for_due = wait_for_due
        self._near: list[Entry] = []  # a heap
        self._far: dict[int, list[Entry]] = {}  # by second
        self._seconds: list[int] = []  # a heap of the seconds in `far`
        self._horizon = -(2**63)  # the first second that is not in `near`
        self._waiting = 0
        self._next_group = 0.0  # seconds from the run's zero
        self._order = count()
        self._next_turn = 0.0  # by the machine's clock
        self._changed = Signal()
        self._over = False

    def __len__(self) -> int:
        return self._waiting

    def put(self, due: ScheduledRequest) -> None:
        """Add a batch or a retry."""
        at = due.at if self._wait_for_due else due.batch.due
        entry, second = (at, next(self._order), due), floor(at)
        self._waiting += 1
        if second < self._horizon:
            heappush(self._near, entry)
            if self._near[0] is entry:
                self._changed.set()
        elif (bucket := self._far.get(second)) is not None:
            bucket.append(entry)
        else:
            self._far[second] = [entry]
            heappush(self._seconds, second)
            if not self._near:
                self._changed.set()

    def take(self, most: int = 1) -> list[ScheduledRequest]:
        """Wait until a batch is due, and return the due batches, at most `most`; an empty list once the run is over."""
        while not self._over:
            taken: list[ScheduledRequest] = []
            while len(taken) < most and self._is_due():
                taken.append(heappop(self._near)[2])
            if taken:
                self._waiting -= len(taken)
                if len(taken) < most:
                    self._next_group = self._now() + BETWEEN_GROUPS
                return taken
            self._changed.clear()
            self._changed.wait(self._find_wait())
        return []

    def yield_to_senders(self) -> None:
        """Give the senders a turn; in real time, as many turns as they need for all batches that are due.

        A turn takes each sender one step on, which is less than a whole request. So a single turn now and then during
        long work would delay the batches that fall due meanwhile.
        """
        if perf_counter() < self._next_turn:
            return
        self._give_turns()
        self._next_turn = perf_counter() + BETWEEN_TURNS

    def _give_turns(self) -> None:
        if not self._wait_for_due:
            gevent.sleep(0)  # all batches are due at once, so one turn is enough
            return
        gevent.idle(FIRST)
        patience = IDLE_TURNS
        for _ in range(MOST_TURNS):
            if not patience or not self._is_due():
                return
            waiting = self._waiting
            gevent.idle(FIRST)
            patience = IDLE_TURNS if self._waiting < waiting else patience - 1

    def end(self) -> None:
        """Hand out no more batches."""
        self._over = True
        self._changed.set()

    def list_waiting(self) -> Iterator[ScheduledRequest]:
        """Return the batches that were not handed out, in no order."""
        return (due for _, _, due in chain(self._near, *self._far.values()))

    def _is_due(self) -> bool:
        wait = self._find_wait()
        return wait is not None and wait <= 0

    def _find_wait(self) -> float | None:
        self._sort_next_second()
        if not self._near:
            return None
        moment = max(self._near[0][0], self._next_group) if self._wait_for_due else 0.0  # not before the run's zero
        return moment - self._now()

    def _sort_next_second(self) -> None:
        """Put the batches of the next second in order, if the earliest batch of all may be among them."""
        while self._seconds and (not self._near or self._seconds[0] <= self._near[0][0]):
            second = heappop(self._seconds)
            self._near += self._far.pop(second)
            heapify(self._near)
            self._horizon = second + 1
