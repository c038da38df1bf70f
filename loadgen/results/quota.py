"""Estimates the target's token bucket from the moments of its acceptances and refusals (429).

Rule: at a refusal the bucket held less than one token, at an acceptance at least one. From a refusal on, as long as
refusals follow so closely that the bucket was never full, its level is the tokens it gained minus the requests it
accepted. The estimate is the rate that contradicts the outcomes least; its interval is the rates that contradict them
hardly more. The bucket's size is the most requests that were ever accepted above that rate.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from loadgen.model import Noun
from loadgen.results.histogram import Floats

LEAST_REFUSALS = 5
MOST_MOMENTS = 50_000  # enough for a rate to a thousandth; more moments only take time
LONGEST_GAP = 1.0  # seconds between refusals in which a bucket of a second's tokens cannot have filled up
STEPS = 40  # of a bisection: to a part of 10^12
LEAST_DOUBT = 0.002  # of the rate
SCATTER_DOUBT = 0.05
"""Doubt as a share of the rate, for each second by which answer times scatter: the moment of an answer is not the
moment of the decision. In 96 simulated minutes at 20, 50 and 300 requests a second, the rate was off by 0.002 at most
with up to 50 ms of scatter, and by 0.007 with 220 ms."""
TOLERANCE = 2.0  # squared tokens of contradiction, in all, that the noise of clocks explains


class QuotaEstimate(Noun):
    """An estimated token bucket: `rate` in requests per second, its interval `low` to `high`, `burst` in requests."""

    rate: float
    low: float
    high: float
    burst: float


def estimate_quota(accepted_at: Floats, refused_at: Floats, scatter: float = 0.0) -> QuotaEstimate | None:
    """Estimate the bucket from the moments of acceptances and refusals, in seconds; None with too few refusals.

    `scatter` is the number of seconds by which these moments may differ from the target's decisions.
    """
    accepted, refused = take_earliest(np.sort(accepted_at), np.sort(refused_at))
    if len(refused) < LEAST_REFUSALS or not len(accepted) or refused[0] == refused[-1]:
        return None
    chains = _Chains(accepted, refused)
    if not chains.taken.any():
        return None
    highest = 2 * chains.crude_rate
    rate = find_edge(lambda each: chains.measure_slope(each) < 0, 0.0, highest)  # the contradiction is convex
    bound = chains.measure_contradiction(rate) * 1.1 + TOLERANCE
    edges = (find_edge(lambda each: chains.measure_contradiction(each) <= bound, rate, end) for end in (0.0, highest))
    doubt = LEAST_DOUBT + SCATTER_DOUBT * scatter
    low, high = min(next(edges), rate * (1 - doubt)), max(next(edges), rate * (1 + doubt))
    return QuotaEstimate(*(round(float(figure), 3) for figure in (rate, low, high, find_burst(accepted, rate))))


def take_earliest(accepted: Floats, refused: Floats) -> tuple[Floats, Floats]:
    """Return the earliest MOST_MOMENTS moments of both arrays together."""
    if len(accepted) + len(refused) <= MOST_MOMENTS:
        return accepted, refused
    last = np.partition(np.concatenate([accepted, refused]), MOST_MOMENTS)[MOST_MOMENTS]
    return accepted[accepted < last], refused[refused < last]


class _Chains:
    """The outcomes that lie in spans of close refusals.

    Each outcome has the seconds (`elapsed`) and the acceptances (`since`) from the start of its span, shape (n,).
    """

    def __init__(self, accepted: Floats, refused: Floats) -> None:
        begins = np.concatenate(([True], np.diff(refused) > LONGEST_GAP))
        starts, ends = refused[begins], refused[np.append(begins[1:], True)]
        at = np.concatenate([accepted, refused])
        order = np.argsort(at, kind="stable")
        at, self.taken = at[order], order < len(accepted)
        chain = np.clip(np.searchsorted(starts, at, side="right") - 1, 0, None)
        inside = (at >= starts[chain]) & (at <= ends[chain])
        before: NDArray[np.int64] = np.cumsum(self.taken) - self.taken
        first = np.searchsorted(at, starts, side="left")
        since: NDArray[np.int64] = before - before[np.minimum(first, len(at) - 1)][chain]
        self.elapsed, self.since, self.taken = (at - starts[chain])[inside], since[inside], self.taken[inside]
        length = float((ends - starts).sum())
        self.crude_rate = float(self.taken.sum() + len(starts)) / length if length > 0 else 0.0

    def measure_contradiction(self, rate: float) -> float:
        """Return the squared tokens by which the outcomes contradict a rate.

        The level at the start of a span is known to half a token only; that much is allowed for.
        """
        return float(np.square(self._measure_excess(rate)).sum())

    def measure_slope(self, rate: float) -> float:
        """Return half the derivative of `measure_contradiction` at a rate."""
        return float((self._measure_excess(rate) * np.where(self.taken, -self.elapsed, self.elapsed)).sum())

    def _measure_excess(self, rate: float) -> Floats:
        level = 0.5 + rate * self.elapsed - self.since
        excess: Floats = np.maximum(np.where(self.taken, 0.5 - level, level - 1.5), 0.0)
        return excess


def find_burst(accepted: Floats, rate: float) -> float:
    """Return the most requests that were accepted above the rate from any moment on."""
    before = np.arange(len(accepted)) - rate * accepted  # just before each acceptance
    return float(np.max(before + 1 - np.minimum.accumulate(before)))


def find_edge(holds: Callable[[float], bool], inside: float, outside: float) -> float:
    """Find by bisection where a condition that holds at `inside` ceases to hold, towards `outside`."""
    if holds(outside):
        return outside
    for _ in range(STEPS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return inside
