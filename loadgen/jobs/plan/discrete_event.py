"""Every request through the endpoint's TokenBucket, every throttled one back to the web client's Dispatch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

import numpy as np

from loadgen.client import DRAIN_SECONDS, Dispatch
from loadgen.jobs.plan.demand import Demand
from loadgen.jobs.plan.outcome import Course, Fate, Quota
from loadgen.model import Batch, Visitor
from loadgen.rum.quotas import TokenBucket
from loadgen.scenario import Client
from loadgen.traffic import Floats, Ints

THROTTLED = 429
NOBODY = Visitor("", False, "", "", "", "", "", "", "", False)


def one_by_one(demands: Sequence[Demand], quota: Quota) -> Course:
    """Every request through the bucket, every throttled one back to its client; exact for its order of arrival."""
    due, monitor = _merged(demands)
    order = np.argsort(due, kind="stable")
    beacon = np.concatenate([demand.attempts.beacon for demand in demands if demand.attempts])[order].tolist()
    events = np.concatenate([demand.attempts.events for demand in demands if demand.attempts])[order]
    owner = monitor[order]
    desk = Desk(demands, quota, due[order].tolist(), owner.tolist(), beacon)
    desk.run()
    tries, kept = np.array(desk.tries), np.array(desk.kept, dtype=bool)
    fates = []
    for number in range(len(demands)):
        own = owner == number
        attempts, accepted = int(tries[own].sum()), int(kept[own].sum())
        lost = own & ~kept
        fates.append(
            Fate(
                attempts,
                accepted,
                attempts - accepted,
                attempts - int(np.count_nonzero(tries[own])),
                int(lost.sum()),
                int(events[own].sum()),
                int(events[lost].sum()),
            )
        )
    return Course(tuple(fates), desk.by_second(desk.attempted), desk.by_second(desk.passed))


def _merged(demands: Sequence[Demand]) -> tuple[Floats, Ints]:
    due = [demand.attempts.due for demand in demands if demand.attempts]
    return np.concatenate(due), np.repeat(np.arange(len(due)), [len(each) for each in due])


class Desk:
    """The endpoint's side and the clients' side of a rehearsed run."""

    def __init__(
        self, demands: Sequence[Demand], quota: Quota, due: list[float], monitor: list[int], beacon: list[bool]
    ) -> None:
        self._bucket = TokenBucket(quota.rate, quota.burst)
        self._dispatch = [Dispatch(demand.client) for demand in demands]
        self._answers = answer_times(quota.answer_seconds)
        self._end = max(demand.duration for demand in demands) + DRAIN_SECONDS
        self._due, self._monitor, self._beacon = due, monitor, beacon
        self._waiting: list[tuple[float, int, Batch]] = []  # retries
        self.tries = [0] * len(due)
        self.kept = [False] * len(due)
        self.attempted: Counter[int] = Counter()
        self.passed: Counter[int] = Counter()

    def run(self) -> None:
        """Everything in the order of its moment, retries among first attempts."""
        waiting = self._waiting
        for row, at in enumerate(self._due):
            while waiting and waiting[0][0] < at:
                self._take(*heappop(waiting))
            self._take(at, row, None)
        while waiting:
            self._take(*heappop(waiting))

    def _take(self, at: float, row: int, batch: Batch | None) -> None:
        if at >= self._end:
            return
        self.tries[row] += 1
        self.attempted[int(at)] += 1
        wait = self._bucket.take(at)
        if wait == 0.0:
            self.kept[row] = True
            self.passed[int(at)] += 1
            return
        batch = batch or slim(at, self._beacon[row])
        answered, retry_after = at + next(self._answers), max(math.ceil(wait), 1)  # as the endpoint says it
        retry = self._dispatch[self._monitor[row]].answered(batch, THROTTLED, answered, retry_after)
        if retry is not None:
            heappush(self._waiting, (retry.due, row, retry))

    def by_second(self, counted: Counter[int]) -> Floats:
        """A count by second as a column."""
        column = np.zeros(max(self.attempted, default=0) + 1)
        column[list(counted.keys())] = list(counted.values())
        return column


def answer_times(mean: float) -> Iterator[float]:
    """Exponential times to an answer.

    They must scatter: with a constant one, retries after exactly 2 s meet a bucket that gets a token every 10 ms in the
    phase in which it refused them, and that changes what is throttled by a point or two.
    """
    stream = np.random.default_rng(0)
    while True:
        yield from (mean * stream.standard_exponential(1024)).tolist()


def slim(due: float, beacon: bool) -> Batch:
    """A batch as far as throttling is concerned."""
    return Batch("", 0, 0, 0.0, "", NOBODY, "", (), due, beacon)


def retry_delays(client: Client) -> tuple[float, ...]:
    """Seconds from each throttled answer to the retry, as Dispatch says them."""
    dispatch, delays, batch = Dispatch(client), [], slim(0.0, False)
    while (retry := dispatch.answered(batch, THROTTLED, 0.0)) is not None:
        delays.append(retry.due)
        batch = retry
    return tuple(delays)
