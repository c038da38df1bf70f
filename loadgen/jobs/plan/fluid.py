"""Demand and quota → what becomes of a load that is known by slots of time: mean values, in a second for any day.

Rule: retries follow the delays that the web client's Dispatch decides on for a batch that is throttled again and again.
What is throttled in a slot is the same share of each kind of attempt in it, and comes back in the slots in which its
retries are due.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadgen.client import DRAIN_SECONDS
from loadgen.jobs.plan.demand import Demand
from loadgen.jobs.plan.discrete_event import AccountQuota, MonitorOutcome, Trajectory, list_retry_delays
from loadgen.traffic import Floats, Ints

UNTHROTTLED_SLOTS, THROTTLED_SLOTS = 4_096, 64
"""Slots that are processed together while nothing is throttled, and once something was."""


def simulate_slots(demands: Sequence[Demand], quota: AccountQuota) -> Trajectory:
    """The mean outcome of a load that is known by slot."""
    length = demands[0].slots.length
    end = max(demand.duration for demand in demands) + DRAIN_SECONDS
    size = int(end / length)
    monitors = [MonitorSlots(demand, quota, size) for demand in demands]
    passed = _find_passed_shares(monitors, quota, size, length)
    outcomes = tuple(monitor.measure_outcome(passed) for monitor in monitors)
    load = np.sum([monitor.count_attempts(passed) for monitor in monitors], axis=0)
    second = (np.arange(size) * length).astype(np.int64)
    return Trajectory(outcomes, _sum_at(second, load), _sum_at(second, load * passed))


def _sum_at(place: Ints, weight: Floats) -> Floats:
    """Weights added up at their places."""
    return np.asarray(np.bincount(place, weight), dtype=np.float64)


class MonitorSlots:
    """One monitor's load in slots, and its retries."""

    def __init__(self, demand: Demand, quota: AccountQuota, size: int) -> None:
        slots = demand.slots
        self.fetches, self.beacons = _fit_column(slots.fetches, size), _fit_column(slots.beacons, size)
        self._fetch_events = _fit_column(slots.fetch_events, size)
        self._beacon_events = _fit_column(slots.beacon_events, size)
        self.delays = [
            max(round((delay + quota.answer_seconds) / slots.length), 1) for delay in list_retry_delays(demand.client)
        ]

    def count_attempts(self, passed: Floats) -> Floats:
        """Attempts in each slot, given the share of attempts that pass in each."""
        attempts: Floats = self.beacons + np.sum(_list_attempts(self.fetches, self.delays, passed), axis=0)
        return attempts

    def measure_outcome(self, passed: Floats) -> MonitorOutcome:
        """What becomes of the monitor's requests and events, given the share of attempts that pass in each slot."""
        missed = 1 - passed
        tries = _list_attempts(self.fetches, self.delays, passed)
        attempts = float(self.beacons.sum()) + sum(float(each.sum()) for each in tries)
        accepted = float((self.beacons * passed).sum()) + sum(float((each * passed).sum()) for each in tries)
        first = float(self.fetches.sum() + self.beacons.sum())
        events = float(self._fetch_events.sum() + self._beacon_events.sum())
        kept = sum(float((each * passed).sum()) for each in _list_attempts(self._fetch_events, self.delays, passed))
        lost = float(self._fetch_events.sum()) - kept + float((self._beacon_events * missed).sum())
        return MonitorOutcome(attempts, accepted, attempts - accepted, attempts - first, first - accepted, events, lost)


def _fit_column(column: Ints, size: int) -> Floats:
    """A column of the run, extended by the time in which retries still come."""
    fitted = np.zeros(size)
    fitted[: min(len(column), size)] = column[:size]
    return fitted


def _list_attempts(first: Floats, delays: Sequence[int], passed: Floats) -> list[Floats]:
    """First attempts and each round of retries, by slot."""
    rounds = [first]
    for delay in delays:
        again = np.zeros_like(first)
        again[delay:] = (rounds[-1] * (1 - passed))[:-delay]
        rounds.append(again)
    return rounds


def _find_passed_shares(monitors: Sequence[MonitorSlots], quota: AccountQuota, size: int, length: float) -> Floats:
    """The share of each slot's attempts that the bucket lets pass."""
    refill = quota.rate * length
    depth = max(quota.depth, refill)  # tokens that come within a slot are taken as they come
    first = np.sum([monitor.fetches + monitor.beacons for monitor in monitors], axis=0)
    flow = SlotFlow(monitors, first, size)
    tokens, slot = depth, 0
    while slot < size:
        if slot >= flow.no_retries_from:
            skipped, tokens = _skip_unthrottled(first[slot : slot + UNTHROTTLED_SLOTS], depth, refill, tokens)
            slot += skipped
        tokens = flow.advance(slot, min(slot + THROTTLED_SLOTS, size), depth, refill, tokens)
        slot += THROTTLED_SLOTS
    return np.array(flow.passed[:size])


def _skip_unthrottled(load: Floats, depth: float, refill: float, tokens: float) -> tuple[int, float]:
    """How many of these slots pass whole, and the tokens left after them."""
    if not load.size:
        return 0, tokens
    walk = np.concatenate(([0.0], np.cumsum(load[:-1] - refill))) + max(depth - tokens - refill, 0.0)
    missing = walk - np.minimum(np.minimum.accumulate(walk), 0.0) + load  # tokens taken and not yet refilled
    over = missing > depth
    count = int(np.argmax(over)) if over.any() else len(load)
    return count, depth - float(missing[count - 1]) if count else tokens


class SlotFlow:
    """Takes tokens slot after slot; what is throttled comes back later."""

    def __init__(self, monitors: Sequence[MonitorSlots], first: Floats, size: int) -> None:
        room = size + max((delay for monitor in monitors for delay in monitor.delays), default=0)
        self.passed = [1.0] * room
        self.no_retries_from = 0  # the slot from which on no retries wait
        self._load = [*first.tolist(), *([0.0] * (room - size))]
        self._moves: list[tuple[list[float], list[float], int]] = []  # an attempt, the next one, slots between them
        for monitor in monitors:
            source = monitor.fetches.tolist()
            for delay in monitor.delays:
                target = [0.0] * room
                self._moves.append((source, target, delay))
                source = target

    def advance(self, slot: int, end: int, depth: float, refill: float, tokens: float) -> float:
        """Take tokens for the slots up to `end`; returns the tokens left."""
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
                if place + delay >= self.no_retries_from:
                    self.no_retries_from = place + delay + 1
        return tokens
