"""First attempts and an account's quota → what becomes of them, with the clients' retries fed back into the load.

Rule: the bucket is the endpoint's TokenBucket and the retry the client's Dispatch. Request by request they are asked
for each; by slot the mean is drawn from the same two. A test holds the two ways together.

A slot's mean knows no single requests, so a bucket of a few tokens looks too kind in it: by 2 points of the requests
throttled at 3 tokens, by 14 at 2, by 40 at 1. Requests of a sample are scattered over their slots for such a bucket,
and asked for one by one, unless they are too many; then the plan says that it is rough.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadgen.jobs.plan.demand import Attempts, Demand, together
from loadgen.jobs.plan.discrete_event import one_by_one
from loadgen.jobs.plan.fluid import by_slot
from loadgen.jobs.plan.outcome import Course, Quota

CALM_SECONDS = 10
"""The load counts as above the quota while its mean over so many seconds is."""


SLOTS_DEEP, TOKENS_DEEP = 4, 6
"""A bucket is shallow below so many slots' tokens or so many at all: slots and single requests differ by a point."""

SCATTERED_UP_TO = 300_000
"""Requests that are scattered over their slots, at 3 µs each for every quota that is tried."""


def course(demands: Sequence[Demand], quota: Quota) -> Course:
    """Request by request when every one is known, or can be made up and must be; else by slot."""
    if all(demand.attempts is not None for demand in demands):
        return one_by_one(demands, quota)
    if shallow(demands, quota) and not rough(demands, quota):
        return one_by_one([scattered(demand) for demand in demands], quota)
    return by_slot(demands, quota)


def shallow(demands: Sequence[Demand], quota: Quota) -> bool:
    """Whether a bucket is too small for what comes within a slot to be taken together."""
    return quota.depth < max(SLOTS_DEEP * quota.rate * demands[0].slots.length, TOKENS_DEEP)


def rough(demands: Sequence[Demand], quota: Quota) -> bool:
    """Whether a bucket is shallow, and the requests are too many to be looked at one by one."""
    known = all(demand.attempts is not None for demand in demands)
    many = sum(int(each.slots.fetches.sum() + each.slots.beacons.sum()) for each in demands) > SCATTERED_UP_TO
    return not known and many and shallow(demands, quota)


def scattered(demand: Demand) -> Demand:
    """The demand with attempts made up from its slots, each somewhere in its slot, the slot's events dealt evenly."""
    stream, slots = np.random.default_rng(0), demand.slots
    parts = []
    for beacon, counts, events in (
        (False, slots.fetches, slots.fetch_events),
        (True, slots.beacons, slots.beacon_events),
    ):
        slot = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(slot)) - np.repeat(np.cumsum(counts) - counts, counts)
        of, total = counts[slot], events[slot]
        dealt = total * (place + 1) // of - total * place // of
        nothing = np.zeros_like(dealt)
        due = (slot + stream.random(len(slot))) * slots.length
        parts.append(Attempts(due, dealt, nothing, nothing, np.full(len(slot), beacon)))
    return demand._replace(attempts=Attempts(*(np.concatenate(column) for column in zip(*parts, strict=True))).sorted())


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
