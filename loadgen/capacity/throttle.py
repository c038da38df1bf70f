"""First attempts and an account's quota → what becomes of them, with the clients' retries fed back into the load.

Rule: the bucket is the endpoint's TokenBucket and the retry the client's Dispatch. Request by request they are asked
for each; by slot the mean is drawn from the same two. A test holds the two ways together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadgen.capacity.by_slot import by_slot
from loadgen.capacity.demand import Demand, together
from loadgen.capacity.fate import Course, Quota
from loadgen.capacity.one_by_one import one_by_one

CALM_SECONDS = 10
"""The load counts as above the quota while its mean over so many seconds is."""


def course(demands: Sequence[Demand], quota: Quota) -> Course:
    """Request by request when every one is known, else by slot."""
    if all(demand.attempts is not None for demand in demands):
        return one_by_one(demands, quota)
    return by_slot(demands, quota)


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
