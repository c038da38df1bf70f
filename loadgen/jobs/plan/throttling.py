"""Simulate demands under an account's quota, the clients' retries included, and find the quota that demands need.

Rule: the bucket is the endpoint's TokenBucket, and the web client's Dispatch decides on retries. `discrete_event` asks
both for every request; `fluid` computes mean values from both. A test compares the two simulations.

Mean values ignore single requests, so `fluid` underestimates throttling by a bucket of a few tokens: by 2 points of
the requests at 3 tokens, by 14 at 2, by 40 at 1. For such a bucket the requests of a sample are scattered over their
slots and simulated one by one, unless they are too many; then the plan says that its figures are rough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from loadgen.jobs.plan.batch_profile import FirstAttempts
from loadgen.jobs.plan.demand import Demand, coarsen_slots, sum_by_second
from loadgen.jobs.plan.discrete_event import AccountQuota, Trajectory, simulate_requests
from loadgen.jobs.plan.fluid import simulate_slots

MEAN_SECONDS = 10
"""Seconds over which the load is averaged to decide whether it is above the quota."""

SHALLOW_SLOTS, SHALLOW_TOKENS = 4, 6
"""A bucket with fewer tokens than the refill of SHALLOW_SLOTS, or fewer than SHALLOW_TOKENS, is shallow: `fluid` is
then wrong by a percentage point or more."""

MOST_SCATTERED = 300_000
"""Requests that are scattered over their slots at most; each takes 3 µs for every quota that is tried."""

GUESS_PARTS = 128
"""The search for the quota needed starts at a guess from longer slots, with steps of the guess divided by this."""


def simulate_quota(demands: Sequence[Demand], quota: AccountQuota) -> Trajectory:
    """Simulate request by request if all are known, or if a shallow bucket needs it; else by slot."""
    if is_known(demands):
        return simulate_requests(demands, quota)
    if is_shallow(demands, quota) and not is_rough(demands, quota):
        return simulate_requests([scatter_attempts(demand) for demand in demands], quota)
    return simulate_slots(demands, quota)


def is_known(demands: Sequence[Demand]) -> bool:
    """Whether the demands have every single request."""
    return all(demand.attempts is not None for demand in demands)


def is_shallow(demands: Sequence[Demand], quota: AccountQuota) -> bool:
    """Whether a bucket is too small for a simulation by slots."""
    return quota.depth < max(SHALLOW_SLOTS * quota.rate * demands[0].slots.length, SHALLOW_TOKENS)


def is_rough(demands: Sequence[Demand], quota: AccountQuota) -> bool:
    """Whether a simulation by slots is rough: the bucket is shallow, but single requests are too many."""
    many = sum(int(each.slots.fetches.sum() + each.slots.beacons.sum()) for each in demands) > MOST_SCATTERED
    return not is_known(demands) and many and is_shallow(demands, quota)


def scatter_attempts(demand: Demand) -> Demand:
    """Return the demand with each slot's requests at random moments in it, and its events dealt evenly to them."""
    stream, slots = np.random.default_rng(0), demand.slots
    parts = []
    for beacon, counts, events in (
        (False, slots.fetches, slots.fetch_events),
        (True, slots.beacons, slots.beacon_events),
    ):
        slot = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(slot)) - np.repeat(np.cumsum(counts) - counts, counts)
        number, total = counts[slot], events[slot]
        share = total * (place + 1) // number - total * place // number
        no_bytes = np.zeros_like(share)
        due = (slot + stream.random(len(slot))) * slots.length
        no_preflights = np.zeros(len(slot), dtype=bool)
        parts.append(FirstAttempts(due, share, no_bytes, no_bytes, np.full(len(slot), beacon), no_preflights))
    whole = FirstAttempts(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return demand._replace(attempts=whole.sort_by_due())


def measure_recovery(demands: Sequence[Demand], trajectory: Trajectory, quota: AccountQuota) -> float | None:
    """Measure the seconds from the last moment at which first attempts exceed the quota to the last throttled request.

    Returns None if first attempts exceed the quota to the run's end.
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
    """Find the smallest whole quota, with a bucket for `burst_seconds`, that loses at most this share of events."""

    def is_enough(rate: int) -> bool:
        quota = AccountQuota(rate, max(rate * burst_seconds, 1.0), answer_seconds)
        return simulate_quota(demands, quota).outcome.lost_share <= max_loss + 1e-12

    coarse = [coarsen_slots(demand) for demand in demands]
    longer = coarse[0].slots.length - demands[0].slots.length

    def seems_enough(rate: int) -> bool:
        burst = max(rate * burst_seconds, 1.0) + rate * longer  # what a long slot's refill would overflow
        return simulate_slots(coarse, AccountQuota(rate, burst, answer_seconds)).outcome.lost_share <= max_loss

    offered = sum_by_second(demands).requests
    guess = _search_smallest(
        seems_enough, int(offered.mean() / 2), max(int(offered.max()), 1), max(int(offered.max()), 1)
    )
    step = max(guess // GUESS_PARTS, 1)
    return _search_smallest(is_enough, max(guess - step, 0), max(guess, 1), step)


def _search_smallest(is_enough: Callable[[int], bool], low: int, high: int, step: int) -> int:
    """Find the smallest whole number above 0 that is enough, from `low` to `high` or else beyond, in doubled steps."""
    while low and is_enough(low):
        low, high, step = max(low - step, 0), low, step * 2
    while not is_enough(high):
        low, high, step = high, high + step, step * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
