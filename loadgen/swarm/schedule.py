"""This worker's due times: batches and retries in the order of their intended moments.

Rule: the intended moment comes with the batch and is never changed here; whoever is late is late on the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import chain, count
from math import floor
from time import perf_counter

import gevent
from gevent.event import Event as Signal
from isal import isal_zlib

from loadgen.model import Batch, Noun, Request, Volume

MOST_TURNS = 50
"""Given in one go: who is always behind must go on drawing all the same."""

IDLE_TURNS = 3
"""In which nobody took anything: every sender has its request in flight."""

BETWEEN_TURNS = 0.0005
"""Seconds of work between two turns, at least: whoever has long work may offer turns as often as it likes."""

BETWEEN_GROUPS = 0.002
"""Seconds in real time from a group to the next, at least: where a crowd sends, what falls due meanwhile goes out
together, while the caches are warm. What comes alone waits for nobody."""

PACKING_LEVEL = 0
"""Of ISA-L: the quickest; a body of 4 kB takes 6 µs to pack and 5 to unpack."""

FIRST = 2
"""The event loop's highest priority: a turn is one pass of the loop, however much there is to do in it. With `sleep(0)`
some fifty turns go by without a look at sockets and clocks."""


class ScheduledRequest(Noun):
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
    preflight: bool = False  # the browser asks for permission first
    packed: bool = False  # its body waits compressed: `unpack` before it is signed

    @property
    def wire_bytes(self) -> int:
        """The body as sent; what waits packed goes out as it was."""
        return self.raw_bytes if self.packed else len(self.request.body)

    @property
    def amount(self) -> Volume:
        """One batch in each unit."""
        return Volume(1, self.events, self.wire_bytes, self.raw_bytes)

    def unpack(self) -> Request:
        """The request with its body as it is sent."""
        return replace_body(self.request, isal_zlib.decompress(self.request.body)) if self.packed else self.request


def pack(request: Request) -> Request:
    """A request whose body waits: beacons go out uncompressed, and would fill a third of a crowd's memory."""
    packed = isal_zlib.compress(request.body, PACKING_LEVEL)
    return replace_body(request, bytes(memoryview(packed)))  # in memory of its own size, as `wire` does it


def replace_body(request: Request, body: bytes) -> Request:
    """The request with another body."""
    return Request(request.method, request.target, request.headers, body)


Entry = tuple[float, int, ScheduledRequest]  # moment, order of coming, batch


class Schedule:
    """Hands out what is due, when it is due, to whoever waits for it.

    Only the second that is being sent is kept in order; what is due later lies in heaps of a second each, unordered,
    because an order over all that a crowd of visitors still means to send would not fit into the processor's caches.
    """

    def __init__(self, now: Callable[[], float], wait_for_due: bool) -> None:
        self._now = now
        self._wait_for_due = wait_for_due
        self._near: list[Entry] = []  # a heap
        self._far: dict[int, list[Entry]] = {}  # by second
        self._seconds: list[int] = []  # a heap of those in `far`
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
        """Wait for what is due, and take at most so many batches; none once the run is over."""
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
            self._changed.wait(self._until_next())
        return []

    def yield_to_senders(self) -> None:
        """Let the senders have a turn, and in real time as many more as they need for all that is due by now.

        A turn takes each sender one step on, which is not a whole request, so a block that is drawn with a turn now and
        then would hold up what comes due meanwhile.
        """
        if perf_counter() < self._next_turn:
            return
        self._give_turns()
        self._next_turn = perf_counter() + BETWEEN_TURNS

    def _give_turns(self) -> None:
        if not self._wait_for_due:
            gevent.sleep(0)  # everything is due at once, and a stock of it keeps its order
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
        """Hand out nothing more."""
        self._over = True
        self._changed.set()

    def rest(self) -> Iterator[ScheduledRequest]:
        """What was not handed out."""
        return (due for _, _, due in chain(self._near, *self._far.values()))

    def _is_due(self) -> bool:
        wait = self._until_next()
        return wait is not None and wait <= 0

    def _until_next(self) -> float | None:
        self._come_near()
        if not self._near:
            return None
        moment = max(self._near[0][0], self._next_group) if self._wait_for_due else 0.0  # not before the run's zero
        return moment - self._now()

    def _come_near(self) -> None:
        """Bring the next second's batches into order, if the first of all may be among them."""
        while self._seconds and (not self._near or self._seconds[0] <= self._near[0][0]):
            second = heappop(self._seconds)
            self._near += self._far.pop(second)
            heapify(self._near)
            self._horizon = second + 1
