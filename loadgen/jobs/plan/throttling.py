"""First attempts and an account's quota → what becomes of them, the clients' retries included in the load.

Rule: the bucket is the endpoint's TokenBucket and the retry the web client's Dispatch. `discrete_event` asks both for
every request; `fluid` computes mean values from the same two. A test compares the two.

Mean values know no single requests, so `fluid` underestimates throttling by a bucket of a few tokens: by 2 points of
the requests at 3 tokens, by 14 at 2, by 40 at 1. For such a bucket the requests of a sample are scattered over their
slots and simulated one by one, unless there are too many; then the plan says that its figures are rough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from loadgen.jobs.plan.batch_profile import FirstAttempts
from loadgen.jobs.plan.demand import Demand, coarsen_slots, sum_by_second
from loadgen.jobs.plan.discrete_event import AccountQuota, Trajectory, simulate_requests
from loadgen.jobs.plan.fluid import simulate_slots

MEAN_SECONDS = 10
"""The load counts as above the quota while its mean over so many seconds is."""

SHALLOW_SLOTS, SHALLOW_TOKENS = 4, 6
"""A bucket is shallow with fewer tokens than so many slots' refill, or than so many: `fluid` is then off by a point."""

MOST_SCATTERED = 300_000
"""Requests that are scattered over their slots, at 3 µs each for every quota that is tried."""

GUESS_PARTS = 128
"""The quota needed is first sought near a guess from longer slots: up to so small a part of the guess away."""


def simulate_quota(demands: Sequence[Demand], quota: AccountQuota) -> Trajectory:
    """Simulate request by request if every one is known, or can be scattered and must be; else by slot."""
    if is_known(demands):
        return simulate_requests(demands, quota)
    if is_shallow(demands, quota) and not is_rough(demands, quota):
        return simulate_requests([scatter_attempts(demand) for demand in demands], quota)
    return simulate_slots(demands, quota)


def is_known(demands: Sequence[Demand]) -> bool:
    """Whether every request is known."""
    return all(demand.attempts is not None for demand in demands)


def is_shallow(demands: Sequence[Demand], quota: AccountQuota) -> bool:
    """Whether a bucket is too small for a slot's requests to be taken together."""
    return quota.depth < max(SHALLOW_SLOTS * quota.rate * demands[0].slots.length, SHALLOW_TOKENS)


def is_rough(demands: Sequence[Demand], quota: AccountQuota) -> bool:
    """Whether a bucket is shallow and the requests are too many to be simulated one by one."""
    many = sum(int(each.slots.fetches.sum() + each.slots.beacons.sum()) for each in demands) > MOST_SCATTERED
    return not is_known(demands) and many and is_shallow(demands, quota)


def scatter_attempts(demand: Demand) -> Demand:
    """The demand with its slots' requests at random moments within their slots, a slot's events dealt evenly."""
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
        no_preflights = np.zeros(len(slot), dtype=bool)
        parts.append(FirstAttempts(due, dealt, nothing, nothing, np.full(len(slot), beacon), no_preflights))
    whole = FirstAttempts(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return demand._replace(attempts=whole.sort_by_due())


def measure_recovery(demands: Sequence[Demand], trajectory: Trajectory, quota: AccountQuota) -> float | None:
    """Seconds from the last moment at which first attempts exceed the quota to the last throttled request.

    None: first attempts exceed the quota to the run's end.
    """
    throttled = np.flatnonzero(trajectory.attempts - trajectory.accepted > 1e-9)
    if not throttled.size:
        return 0.0
    offered = sum_by_second(demands).requests
    size = len(offered)
    mean = np.convolve(offered, np.ones(MEAN_SECONDS) / MEAN_SECONDS)[:size]
    above = np.flatnonzero(mean > quota.rate)
    last = int(above[-1]) if above.size else int(throttled[0])
    return None if last >= size - 1 else float(max(int(throttled[-1]) - last, 0))


def find_needed_quota(
    demands: Sequence[Demand], max_loss: float, burst_seconds: float, answer_seconds: float = 0.0
) -> int:
    """The smallest whole quota, with a bucket of `burst_seconds` of it, that loses at most this share of events."""

    def is_enough(rate: int) -> bool:
        quota = AccountQuota(rate, max(rate * burst_seconds, 1.0), answer_seconds)
        return simulate_quota(demands, quota).outcome.lost_share <= max_loss + 1e-12

    coarse = [coarsen_slots(demand) for demand in demands]
    longer = coarse[0].slots.length - demands[0].slots.length

    def seems_enough(rate: int) -> bool:
        burst = max(rate * burst_seconds, 1.0) + rate * longer  # what a long slot's refill would overflow
        return simulate_slots(coarse, AccountQuota(rate, burst, answer_seconds)).outcome.lost_share <= max_loss

    offered = sum_by_second(demands).requests
    guess = _search(seems_enough, int(offered.mean() / 2), max(int(offered.max()), 1), max(int(offered.max()), 1))
    step = max(guess // GUESS_PARTS, 1)
    return _search(is_enough, max(guess - step, 0), max(guess, 1), step)


def _search(is_enough: Callable[[int], bool], low: int, high: int, step: int) -> int:
    """The smallest whole number above 0 that is enough: between these or, if not, beyond, in steps that double."""
    while low and is_enough(low):
        low, high, step = max(low - step, 0), low, step * 2
    while not is_enough(high):
        low, high, step = high, high + step, step * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
