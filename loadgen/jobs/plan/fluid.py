"""A load known by slots of time through a token bucket: its mean course, in a second for a day of any load.

Rule: the retries' law is what Dispatch says of a batch that is throttled again and again; what is throttled in a slot
is a part of each kind of attempt in it, and comes back in the slots in which its retries are due.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadgen.client import DRAIN_SECONDS
from loadgen.jobs.plan.demand import Demand
from loadgen.jobs.plan.discrete_event import retry_delays
from loadgen.jobs.plan.outcome import Course, Fate, Quota
from loadgen.traffic import Floats, Ints

STRETCH, STEP = 4_096, 64
"""Slots that are looked at together while nothing is throttled, and after something was."""


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
    refill = quota.rate * length
    depth = max(quota.depth, refill)  # within a slot, tokens that come are taken as they come
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
