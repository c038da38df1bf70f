"""Simulate a load under a quota by slots of time, as mean values (a fluid model). It takes a second for any day.

Rule: retries follow the delays that the web client's Dispatch chooses for a batch that is throttled again and again.
In each slot the same share of every kind of attempt is throttled; these attempts come back in the slots in which their
retries are due.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadgen.client import DRAIN_SECONDS
from loadgen.jobs.plan.demand import Demand
from loadgen.jobs.plan.discrete_event import AccountQuota, MonitorOutcome, Trajectory, list_retry_delays
from loadgen.traffic import Floats, Ints

UNTHROTTLED_SLOTS, THROTTLED_SLOTS = 4_096, 128
"""Slots that are processed together: while nothing is throttled, and after something was throttled."""


def simulate_slots(demands: Sequence[Demand], quota: AccountQuota) -> Trajectory:
    """Compute the mean outcome of the demands under a quota, slot by slot."""
    monitors, passed = _find_passed_shares(demands, quota)
    outcomes, load = zip(*(monitor.measure_outcome(passed) for monitor in monitors), strict=True)
    attempts = np.sum(load, axis=0)
    return Trajectory(outcomes, demands[0].slots.length, attempts, attempts * passed)


class MonitorSlots:
    """One monitor's load in slots, with the delays of its retries in slots."""

    def __init__(self, demand: Demand, quota: AccountQuota, size: int) -> None:
        slots = demand.slots
        self.fetches, self.beacons, self._fetch_events, self._beacon_events = (
            _fit_column(column, size) for column in slots[1:]
        )
        self.delays = [
            max(round((delay + quota.answer_seconds) / slots.length), 1) for delay in list_retry_delays(demand.client)
        ]

    def measure_outcome(self, passed: Floats) -> tuple[MonitorOutcome, Floats]:
        """Return the outcome of all requests, and the attempts by slot, given the share that passes in each slot.

        A retry that would be due after the last slot is not made.
        """
        load, at = self.fetches + self.beacons, np.flatnonzero(passed < 1)
        first, missed = float(load.sum()), 1 - passed[at]
        given_up = float(self.beacons[at] @ missed)
        lost = float(self._beacon_events[at] @ missed)
        requests, events = self.fetches[at] * missed, self._fetch_events[at] * missed
        retried = 0.0
        for delay in self.delays:
            at = at + delay
            late = at >= len(passed)
            given_up, lost = given_up + float(requests[late].sum()), lost + float(events[late].sum())
            at, requests, events = at[~late], requests[~late], events[~late]
            load[at] += requests
            retried += float(requests.sum())
            missed = 1 - passed[at]
            requests, events = requests * missed, events * missed
        given_up, lost = given_up + float(requests.sum()), lost + float(events.sum())
        attempts, whole = first + retried, float(self._fetch_events.sum() + self._beacon_events.sum())
        outcome = MonitorOutcome(
            attempts, first - given_up, attempts - first + given_up, retried, given_up, whole, lost
        )
        return outcome, load


def _fit_column(column: Ints, size: int) -> Floats:
    """Return a column of the run extended to `size` slots, the time in which retries are still due."""
    fitted = np.zeros(size)
    fitted[: min(len(column), size)] = column[:size]
    return fitted


def _find_passed_shares(demands: Sequence[Demand], quota: AccountQuota) -> tuple[list[MonitorSlots], Floats]:
    """Return each monitor's load, and the share of each slot's attempts that the bucket accepts."""
    length = demands[0].slots.length
    size = int((max(demand.duration for demand in demands) + DRAIN_SECONDS) / length)
    monitors = [MonitorSlots(demand, quota, size) for demand in demands]
    refill = quota.rate * length
    depth = max(quota.depth, refill)  # the tokens of a slot can be taken within it
    first = np.sum([monitor.fetches + monitor.beacons for monitor in monitors], axis=0)
    flow = SlotFlow(monitors, first, size)
    tokens, slot = depth, 0
    while slot < size:
        if slot >= flow.no_retries_from:
            skipped, tokens = _skip_unthrottled(first[slot : slot + UNTHROTTLED_SLOTS], depth, refill, tokens)
            slot += skipped
        tokens = flow.advance(slot, min(slot + THROTTLED_SLOTS, size), depth, refill, tokens)
        slot += THROTTLED_SLOTS
    return monitors, flow.passed


def _skip_unthrottled(load: Floats, depth: float, refill: float, tokens: float) -> tuple[int, float]:
    """Count the first slots without throttling, and return the tokens left after them."""
    if not load.size:
        return 0, tokens
    walk = np.concatenate(([0.0], np.cumsum(load[:-1] - refill))) + max(depth - tokens - refill, 0.0)
    missing = walk - np.minimum(np.minimum.accumulate(walk), 0.0) + load  # tokens taken and not yet refilled
    over = missing > depth
    count = int(np.argmax(over)) if over.any() else len(load)
    return count, depth - float(missing[count - 1]) if count else tokens


class SlotFlow:
    """A simulation that takes tokens slot after slot, and moves throttled attempts to the slots of their retries."""

    def __init__(self, monitors: Sequence[MonitorSlots], first: Floats, size: int) -> None:
        self.passed = np.ones(size)
        self.no_retries_from = 0  # no retry is due in this slot or later
        self._longest = max((delay for monitor in monitors for delay in monitor.delays), default=0)
        self._load = np.append(first, np.zeros(self._longest))
        self._rounds = [  # for each monitor: its first attempts, then each round of retries that may be retried
            (
                np.append(monitor.fetches, np.zeros(self._longest)),
                *(np.zeros(size + self._longest) for _ in monitor.delays[1:]),
            )
            for monitor in monitors
        ]
        self._delays = [monitor.delays for monitor in monitors]

    def advance(self, slot: int, end: int, depth: float, refill: float, tokens: float) -> float:
        """Take tokens for the slots from `slot` to before `end`; return the tokens left."""
        ahead = slice(slot, end + self._longest)  # lists, because reading numpy elements one by one is slow
        load, passed = self._load[ahead].tolist(), [1.0] * (end - slot)
        rounds = [[each[ahead].tolist() for each in attempts] for attempts in self._rounds]
        moves = [
            (*move, delay)
            for attempts, delays in zip(rounds, self._delays, strict=True)
            for *move, delay in zip(attempts, [*attempts[1:], None], delays, strict=False)
        ]
        last = -1
        for place in range(end - slot):
            tokens += refill
            if tokens > depth:
                tokens = depth
            need = load[place]
            if need <= tokens:
                tokens -= need
                continue
            passed[place] = share = tokens / need
            tokens, missing, last = 0.0, 1 - share, place
            for source, target, delay in moves:
                missed = source[place] * missing
                load[place + delay] += missed
                if target is not None:  # None: the client gives up after this retry
                    target[place + delay] += missed
        if last >= 0:
            self.passed[slot:end] = passed
            self.no_retries_from = slot + last + self._longest + 1
            self._load[ahead] = load
            for attempts, lists in zip(self._rounds, rounds, strict=True):
                for each, changed in zip(attempts[1:], lists[1:], strict=True):
                    each[ahead] = changed
        return tokens
