"""Simulate every single request of a load under a quota: a discrete-event simulation, exact for its order of arrival.

Each request takes a token from the endpoint's TokenBucket; a throttled request goes to the web client's Dispatch, which
decides on the retry. Here are also the nouns of both simulations: the account's quota, and the outcome under it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import reduce
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from loadgen.client import DRAIN_SECONDS, Dispatch
from loadgen.jobs.plan.batch_profile import FirstAttempts
from loadgen.jobs.plan.demand import Demand
from loadgen.model import Batch, Noun, Visitor
from loadgen.rum.quotas import TokenBucket
from loadgen.scenario import Client
from loadgen.traffic import Floats, Ints

THROTTLED = 429
NO_VISITOR = Visitor("", False, "", "", "", "", "", "", "", False)


def simulate_requests(demands: Sequence[Demand], quota: AccountQuota) -> Trajectory:
    """Simulate the demands, which must have all single attempts, and return the outcome of each and by second."""
    first = [demand.attempts for demand in demands if demand.attempts]
    together = FirstAttempts(*(np.concatenate(columns) for columns in zip(*first, strict=True)))
    order = np.argsort(together.due, kind="stable")
    attempts, owner = together.select(order), np.repeat(np.arange(len(first)), [len(each.due) for each in first])[order]
    simulation = RequestSimulation(demands, quota, attempts, owner)
    simulation.run()
    tries, kept, events = np.array(simulation.tries), np.array(simulation.kept, dtype=bool), attempts.events
    outcomes = []
    for number in range(len(demands)):
        own = owner == number
        tried, accepted = int(tries[own].sum()), int(kept[own].sum())
        lost = own & ~kept
        outcomes.append(
            MonitorOutcome(
                attempts=tried,
                accepted=accepted,
                throttled=tried - accepted,
                retried=tried - int(np.count_nonzero(tries[own])),
                given_up=int(lost.sum()),
                events=int(events[own].sum()),
                events_lost=int(events[lost].sum()),
            )
        )
    attempted, passed = (simulation.list_by_second(each) for each in (simulation.attempted, simulation.passed))
    return Trajectory(tuple(outcomes), 1.0, attempted, passed)


class RequestSimulation:
    """A simulated run: the endpoint's token bucket, and the clients that retry."""

    def __init__(self, demands: Sequence[Demand], quota: AccountQuota, attempts: FirstAttempts, owner: Ints) -> None:
        self._bucket = TokenBucket(quota.rate, quota.burst)
        self._dispatch = [Dispatch(demand.client) for demand in demands]
        self._answers = draw_answer_times(quota.answer_seconds)
        self._end = max(demand.duration for demand in demands) + DRAIN_SECONDS
        self._due, self._beacon, self._owner = attempts.due.tolist(), attempts.beacon.tolist(), owner.tolist()
        self._retries: list[tuple[float, int, Batch]] = []
        self.tries = [0] * len(owner)
        self.kept = [False] * len(owner)
        self.attempted: Counter[int] = Counter()
        self.passed: Counter[int] = Counter()

    def run(self) -> None:
        """Process first attempts and retries in the order of their due times."""
        retries = self._retries
        for row, at in enumerate(self._due):
            while retries and retries[0][0] < at:
                self._process_attempt(*heappop(retries))
            self._process_attempt(at, row, None)
        while retries:
            self._process_attempt(*heappop(retries))

    def _process_attempt(self, at: float, row: int, batch: Batch | None) -> None:
        if at >= self._end:
            return
        self.tries[row] += 1
        self.attempted[int(at)] += 1
        wait = self._bucket.take(at)
        if wait == 0.0:
            self.kept[row] = True
            self.passed[int(at)] += 1
            return
        batch = batch or make_bare_batch(at, self._beacon[row])
        answered, retry_after = at + next(self._answers), max(math.ceil(wait), 1)  # as the endpoint's Retry-After
        retry = self._dispatch[self._owner[row]].handle_answer(batch, THROTTLED, answered, retry_after)
        if retry is not None:
            heappush(self._retries, (retry.due, row, retry))

    def list_by_second(self, counted: Counter[int]) -> Floats:
        """Return a count by second as a column, with one entry for each second of the run."""
        column = np.zeros(max(self.attempted, default=0) + 1)
        column[list(counted.keys())] = list(counted.values())
        return column


def draw_answer_times(mean: float) -> Iterator[float]:
    """Draw exponentially distributed times from a request to its answer, in seconds, without end.

    The times must vary. With a constant time, retries after exactly 2 s meet a bucket that gets a token every 10 ms in
    the same phase in which it throttled them, which changes the throttled share by one or two points.
    """
    stream = np.random.default_rng(0)
    while True:
        yield from (mean * stream.standard_exponential(1024)).tolist()


def make_bare_batch(due: float, beacon: bool) -> Batch:
    """Return a batch that has only the fields that throttling and retries depend on."""
    return Batch("", 0, 0, 0.0, "", NO_VISITOR, "", (), due, beacon)


def list_retry_delays(client: Client) -> tuple[float, ...]:
    """Return the seconds from each throttled answer to the next retry, as the web client's Dispatch chooses them."""
    dispatch, delays, batch = Dispatch(client), [], make_bare_batch(0.0, False)
    while (retry := dispatch.handle_answer(batch, THROTTLED, 0.0)) is not None:
        delays.append(retry.due)
        batch = retry
    return tuple(delays)


class AccountQuota(NamedTuple):
    """An account's quota for PutRumEvents: a token bucket."""

    rate: float  # requests a second
    burst: float | None = None  # requests at once; None: as many as the rate allows in a second
    answer_seconds: float = 0.0  # from a request to its answer, on average

    @property
    def depth(self) -> float:
        """Tokens that the full bucket holds."""
        return TokenBucket(self.rate, self.burst).burst


class MonitorOutcome(Noun):
    """Counts of one monitor's attempts and events by outcome; from `simulate_slots` the counts are means."""

    attempts: float = 0
    accepted: float = 0
    throttled: float = 0
    retried: float = 0
    given_up: float = 0  # batches
    events: float = 0  # of first attempts
    events_lost: float = 0

    @property
    def throttled_share(self) -> float:
        """Throttled attempts as a share of all attempts."""
        return self.throttled / self.attempts if self.attempts else 0.0

    @property
    def lost_share(self) -> float:
        """Lost events as a share of the events in first attempts."""
        return self.events_lost / self.events if self.events else 0.0

    def add(self, other: MonitorOutcome) -> MonitorOutcome:
        """Return the sum of two outcomes."""
        return MonitorOutcome(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class Trajectory(NamedTuple):
    """The outcome of each monitor's requests, and the attempts of all monitors over time."""

    outcomes: tuple[MonitorOutcome, ...]  # one for each monitor
    slot_seconds: float
    slot_attempts: Floats  # in each slot, retries included
    slot_accepted: Floats

    @property
    def attempts(self) -> Floats:
        """Attempts in each second, retries included."""
        return self._sum_by_second(self.slot_attempts)

    @property
    def accepted(self) -> Floats:
        """Accepted attempts in each second."""
        return self._sum_by_second(self.slot_accepted)

    @property
    def outcome(self) -> MonitorOutcome:
        """The outcome of all monitors together."""
        return reduce(MonitorOutcome.add, self.outcomes)

    def _sum_by_second(self, column: Floats) -> Floats:
        second = (np.arange(len(column)) * self.slot_seconds).astype(np.int64)
        return np.asarray(np.bincount(second, column), dtype=np.float64)
