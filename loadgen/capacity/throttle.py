"""First attempts and an account's quota → what becomes of them, with the clients' retries fed back into the load.

Rule: the bucket is the endpoint's TokenBucket and the retry the client's Dispatch. `one_by_one` asks both for every
request; `by_slot` takes the retries' law from Dispatch once, lets the bucket run in slots of a tenth of a second, and
so takes a second for a day of any load. A test holds the two together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import reduce
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from loadgen.capacity.demand import Demand, together
from loadgen.client import Dispatch
from loadgen.endpoint.quota import TokenBucket
from loadgen.model import Batch, Noun, Visitor
from loadgen.scenario import Client
from loadgen.traffic.draws import Floats, Ints

THROTTLED = 429
DRAIN_SECONDS = 20.0
"""How long a run waits after its end for retries (swarm/engine.py, by the same name)."""

CALM_SECONDS = 10
"""The load counts as above the quota while its mean over so many seconds is."""

STRETCH, STEP = 4_096, 64
"""Slots that are looked at together while nothing is throttled, and after something was."""

NOBODY = Visitor("", False, "", "", "", "", "", "", "", False)


class Quota(NamedTuple):
    """An account's quota: requests a second, and how many at once."""

    rate: float
    burst: float | None = None  # None: as many as the rate allows in a second
    answer_seconds: float = 0.0  # from a request to its answer, on average

    @property
    def depth(self) -> float:
        """Tokens that the full bucket holds."""
        return TokenBucket(self.rate, self.burst).burst


class Fate(Noun):
    """What became of one monitor's requests, every attempt counted; by slot the figures are means."""

    attempts: float = 0
    accepted: float = 0
    throttled: float = 0
    retried: float = 0
    given_up: float = 0  # batches
    events: float = 0  # of first attempts
    events_lost: float = 0

    @property
    def throttled_share(self) -> float:
        """Of all attempts."""
        return self.throttled / self.attempts if self.attempts else 0.0

    @property
    def lost_share(self) -> float:
        """Of the events in first attempts."""
        return self.events_lost / self.events if self.events else 0.0

    def plus(self, other: Fate) -> Fate:
        """Both together."""
        return Fate(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class Course(NamedTuple):
    """What became of all monitors' requests, and when."""

    fates: tuple[Fate, ...]  # by monitor
    attempts: Floats  # in each second, retries included
    accepted: Floats

    @property
    def fate(self) -> Fate:
        """All monitors together."""
        return reduce(Fate.plus, self.fates)


def course(demands: Sequence[Demand], quota: Quota) -> Course:
    """Request by request when every one is known, else by slot."""
    if all(demand.attempts is not None for demand in demands):
        return one_by_one(demands, quota)
    return by_slot(demands, quota)


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


def by_slot(demands: Sequence[Demand], quota: Quota) -> Course:
    """The mean course of a load that is known by slot."""
    length = demands[0].slots.length
    end = max(demand.duration for demand in demands) + DRAIN_SECONDS
    size = int(end / length)
    lines = [Line(demand, quota, size) for demand in demands]
    passed = _passed(lines, quota, size, length)
    fates = tuple(line.fate(passed) for line in lines)
    load = np.sum([line.load(passed) for line in lines], axis=0)
    second = (np.arange(size) * length).astype(np.int64)
    return Course(fates, _summed(second, load), _summed(second, load * passed))


def _summed(place: Ints, weight: Floats) -> Floats:
    """Weights added up at their places."""
    return np.asarray(np.bincount(place, weight), dtype=np.float64)


class Line:
    """One monitor's load in slots, and its retries."""

    def __init__(self, demand: Demand, quota: Quota, size: int) -> None:
        slots = demand.slots
        self.fetches, self.beacons = _fitted(slots.fetches, size), _fitted(slots.beacons, size)
        self._fetch_events, self._beacon_events = _fitted(slots.fetch_events, size), _fitted(slots.beacon_events, size)
        self.delays = [
            max(round((delay + quota.answer_seconds) / slots.length), 1) for delay in retry_delays(demand.client)
        ]

    def load(self, passed: Floats) -> Floats:
        """Attempts in each slot, given the share of attempts that pass in each."""
        load: Floats = self.beacons + np.sum(_attempts(self.fetches, self.delays, passed), axis=0)
        return load

    def fate(self, passed: Floats) -> Fate:
        """What becomes of the line's requests and events."""
        missed = 1 - passed
        tries = _attempts(self.fetches, self.delays, passed)
        attempts = float(self.beacons.sum()) + sum(float(each.sum()) for each in tries)
        accepted = float((self.beacons * passed).sum()) + sum(float((each * passed).sum()) for each in tries)
        first = float(self.fetches.sum() + self.beacons.sum())
        events = float(self._fetch_events.sum() + self._beacon_events.sum())
        kept = sum(float((each * passed).sum()) for each in _attempts(self._fetch_events, self.delays, passed))
        lost = float(self._fetch_events.sum()) - kept + float((self._beacon_events * missed).sum())
        return Fate(attempts, accepted, attempts - accepted, attempts - first, first - accepted, events, lost)


def _fitted(column: Ints, size: int) -> Floats:
    """A column of the run with room for the drain."""
    fitted = np.zeros(size)
    fitted[: min(len(column), size)] = column[:size]
    return fitted


def _attempts(first: Floats, delays: Sequence[int], passed: Floats) -> list[Floats]:
    """First attempts and each round of retries, by slot."""
    rounds = [first]
    for delay in delays:
        again = np.zeros_like(first)
        again[delay:] = (rounds[-1] * (1 - passed))[:-delay]
        rounds.append(again)
    return rounds


def _passed(lines: Sequence[Line], quota: Quota, size: int, length: float) -> Floats:
    """The share of each slot's attempts that the bucket lets pass."""
    depth, refill = quota.depth, quota.rate * length
    first = np.sum([line.fetches + line.beacons for line in lines], axis=0)
    flow = Flow(lines, first, size)
    tokens, slot = depth, 0
    while slot < size:
        if slot >= flow.quiet_from:
            calm, tokens = _calm(first[slot : slot + STRETCH], depth, refill, tokens)
            slot += calm
        tokens = flow.through(slot, min(slot + STEP, size), depth, refill, tokens)
        slot += STEP
    return np.array(flow.passed[:size])


def _calm(load: Floats, depth: float, refill: float, tokens: float) -> tuple[int, float]:
    """How many slots pass whole from here on, without any retries, and the tokens left after them."""
    if not load.size:
        return 0, tokens
    walk = np.concatenate(([0.0], np.cumsum(load[:-1] - refill))) + max(depth - tokens - refill, 0.0)
    missing = walk - np.minimum(np.minimum.accumulate(walk), 0.0) + load  # tokens taken and not yet refilled
    over = missing > depth
    count = int(np.argmax(over)) if over.any() else len(load)
    return count, depth - float(missing[count - 1]) if count else tokens


class Flow:
    """Slot after slot through the bucket, what is throttled coming back later."""

    def __init__(self, lines: Sequence[Line], first: Floats, size: int) -> None:
        room = size + max((delay for line in lines for delay in line.delays), default=0)
        self.passed = [1.0] * room
        self.quiet_from = 0  # no retries wait from this slot on
        self._load = [*first.tolist(), *([0.0] * (room - size))]
        self._moves: list[tuple[list[float], list[float], int]] = []  # of an attempt, of the next one, slots between
        for line in lines:
            source = line.fetches.tolist()
            for delay in line.delays:
                target = [0.0] * room
                self._moves.append((source, target, delay))
                source = target

    def through(self, slot: int, end: int, depth: float, refill: float, tokens: float) -> float:
        """Let some slots through; the tokens left."""
        load, moves = self._load, self._moves
        for place in range(slot, end):
            tokens += refill
            if tokens > depth:
                tokens = depth
            need = load[place]
            if need <= tokens:
                tokens -= need
                continue
            self.passed[place] = share = tokens / need
            tokens = 0.0
            for source, target, delay in moves:
                missed = source[place] * (1 - share)
                target[place + delay] += missed
                load[place + delay] += missed
                if place + delay >= self.quiet_from:
                    self.quiet_from = place + delay + 1
        return tokens


def recovery_seconds(demands: Sequence[Demand], course: Course, quota: Quota) -> float | None:
    """From the last moment at which first attempts exceed the quota to the last throttled one; None: not in the run."""
    throttled = np.flatnonzero(course.attempts - course.accepted > 1e-9)
    if not throttled.size:
        return 0.0
    offered = together(demands).requests
    size = len(offered)
    mean = np.convolve(offered, np.ones(CALM_SECONDS) / CALM_SECONDS)[:size]
    above = np.flatnonzero(mean > quota.rate)
    last = int(above[-1]) if above.size else int(throttled[0])
    return None if last >= size - 1 else float(max(int(throttled[-1]) - last, 0))


def needed(demands: Sequence[Demand], most_lost: float, burst_seconds: float, answer_seconds: float = 0.0) -> int:
    """The smallest whole quota, with a bucket of `burst_seconds` of it, that loses at most this share of events."""

    def keeps(rate: int) -> bool:
        quota = Quota(rate, max(rate * burst_seconds, 1.0), answer_seconds)
        return course(demands, quota).fate.lost_share <= most_lost + 1e-12

    offered = together(demands).requests
    low, high = int(offered.mean() / 2), max(int(offered.max()), 1)
    if low and keeps(low):
        low, high = 0, low
    while not keeps(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return high
