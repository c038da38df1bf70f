"""The search for the highest request rate that keeps the conditions: climb, bracket, bisect, confirm. Pure.

Rule: one window proves nothing. The search measures both ends of the bracket again before it accepts them, and at each
rate the majority of windows decides. A window in which the generator itself was late says nothing about the target.

A full token bucket lets requests pass above the quota until it is empty. So after the first throttled window the search
primes each further window: it first empties the bucket, at the highest rate that was throttled. It forgets the windows
that kept the conditions without priming.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal, NoReturn

import msgspec

from loadgen.causes import explain_shortage
from loadgen.errors import LoadgenError
from loadgen.model import Noun

LAG_MS = 100.0
"""The p99 of the schedule lag in milliseconds above which a window measures the generator, not the target."""

BUSY = 0.9
"""The cores in use above which the generator, one process on one core, has no time to spare."""

OFFERED = 0.97
"""The share of a window's requests that the generator must have sent in time."""

ANSWERED = 0.97
"""The share of a window's requests that must be answered within it; with less, the target's queue grows."""

MOST_VOTES = 5  # most windows at one rate
MOST_REPEATS = 2  # most repetitions of a window in which the generator was late

Cause = Literal["throttled", "failed", "slow", "behind", "generator", "ceiling"]


class RateWindow(Noun):
    """The figures of one window at a rate. Shares are shares of its requests."""

    rate: float  # requests per second that were planned
    offered: float  # requests sent per second
    accepted: float  # requests accepted per second, by the moment of the answer
    throttled_share: float
    failed_share: float
    answered_share: float
    p50_ms: float | None
    p99_ms: float | None
    lag_p99_ms: float
    primed: bool = False
    sent_share: float = 1.0  # sent before the window's end
    saturated: bool = False  # True: at some moment every sender was waiting for an answer
    loop_lag_p99_ms: float = 0.0  # how late the generator's own event loop was
    cpu: float = 0.0  # cores that the generator used
    shortage: str | None = None  # cause if the generator's machine ran out of something
    error: str | None = None  # the most frequent error of the failed requests


Measure = Callable[[float, float | None], RateWindow]
"""Holds a rate (first argument) and returns its window. Second argument: the rate at which to empty the target's token
bucket before; None: do not."""


class Conditions(Noun, kw_only=True):
    """The conditions that a rate must keep: most shares of throttled and failed requests, most p99 latency."""

    most_throttled: float = 0.001
    most_failed: float = 0.001
    most_p99_ms: float | None = None

    def find_broken(self, window: RateWindow) -> Cause | None:
        """Return the first condition that a window breaks; None if it keeps all."""
        if is_generator_late(window):
            return "generator"
        if window.throttled_share > self.most_throttled:
            return "throttled"
        if window.failed_share > self.most_failed:
            return "failed"
        if self.most_p99_ms is not None and window.p99_ms is not None and window.p99_ms > self.most_p99_ms:
            return "slow"
        return "behind" if window.answered_share < ANSWERED else None


def is_generator_late(window: RateWindow) -> bool:
    """Return whether a window says nothing about the target, because the generator was late.

    Late requests are the target's fault only if every sender was waiting for the target, the generator's event loop ran
    on time, and its process had time to spare.
    """
    if window.shortage is not None or window.loop_lag_p99_ms > LAG_MS or window.cpu > BUSY:
        return True
    return not window.saturated and (window.sent_share < OFFERED or window.lag_p99_ms > LAG_MS)


class SearchStep(Noun):
    """A window and the condition that it broke; None: it kept all."""

    window: RateWindow
    broken_by: Cause | None


class Limit(Noun):
    """The result of a search; rates in requests per second."""

    rate: float  # the highest that keeps the conditions
    below: float | None  # the lowest rate that does not keep them; None: no such rate was found
    cause: Cause  # the condition that breaks there
    confirmed: bool  # True: both rates were decided by a majority of windows
    steps: tuple[SearchStep, ...]
    interrupted: bool = False
    broken_off: str = ""  # why the search could not go on; "": it could

    @property
    def own(self) -> bool:
        """Whether this is the limit of the generator or of the search, not of the target."""
        return self.cause in ("generator", "ceiling")


class SearchRange(Noun, kw_only=True):
    """The range and precision of a search. Rates in requests per second."""

    start: float = 10.0
    ceiling: float = math.inf  # no higher rate is tried
    floor: float = 0.5  # a lower rate is not tried
    precision: float = 0.05
    most_windows: int = 40


OnStep = Callable[[SearchStep], None]


def search_limit(
    measure: Measure, conditions: Conditions, where: SearchRange, on_step: OnStep = lambda step: None
) -> Limit:
    """Search for the limit, to the precision of `where` if its windows suffice; call `on_step` after each window.

    Raises LoadgenError when no rate keeps the conditions.
    """
    return Bisection(measure, conditions, where, on_step).run()


def find_limit_so_far(steps: Sequence[SearchStep], conditions: Conditions, where: SearchRange) -> Limit | None:
    """Return the limit that the steps of an unfinished search show; None if no rate is known to keep the conditions."""
    windows = (step.window for step in steps)
    search = Bisection(lambda *_: next(windows), conditions, where, lambda step: None)
    with suppress(StopIteration):  # the same windows lead to the same rates
        search.run()
    return msgspec.structs.replace(search.build_limit(False), interrupted=True) if search.low else None


class Bisection:
    """The state of a search: its steps, and for each rate the condition that each window broke (None: it kept all)."""

    def __init__(self, measure: Measure, conditions: Conditions, where: SearchRange, on_step: OnStep) -> None:
        self._measure, self._conditions, self._where = measure, conditions, where
        self._on_step = on_step
        self._steps: list[SearchStep] = []
        self._votes: dict[float, list[Cause | None]] = {}

    def run(self) -> Limit:
        """Try rates until both ends of a narrow bracket are confirmed."""
        confirmed = False
        while len(self._steps) < self._where.most_windows:
            rate = self._choose_rate()
            if rate is None:
                confirmed = True
                break
            self._try_rate(rate)
        return self.build_limit(confirmed)

    @property
    def low(self) -> float:
        """The highest rate that keeps the conditions and lies below all that break them; 0 if no rate is known."""
        return max((rate for rate, votes in self._votes.items() if is_kept(votes) and rate < self.high), default=0.0)

    @property
    def high(self) -> float:
        """The lowest rate that breaks the conditions; infinite if no rate is known."""
        return min((rate for rate, votes in self._votes.items() if not is_kept(votes)), default=math.inf)

    def _choose_rate(self) -> float | None:
        """Return the rate to measure next; None when the bracket is narrow and confirmed."""
        low, high, where = self.low, self.high, self._where
        if high == math.inf:
            return self._climb(low)
        if low == 0.0:
            if high / 2 < where.floor:
                self._raise_refusal(high, "lower rates are not tried; allow more, or look at the target")
            return high / 2
        if high > low * (1 + where.precision):
            return math.sqrt(low * high)
        return next((rate for rate in (low, high) if self._is_undecided(rate)), None)

    def _climb(self, low: float) -> float | None:
        if low == 0.0:
            return min(self._where.start, self._where.ceiling)
        if low < self._where.ceiling:
            return min(low * 2, self._where.ceiling)
        return low if self._is_undecided(low) else None

    def _is_undecided(self, rate: float) -> bool:
        """Return whether a rate was measured only once, or its windows are tied."""
        votes = self._votes[rate]
        kept = sum(vote is None for vote in votes)
        return len(votes) < MOST_VOTES and abs(2 * kept - len(votes)) < 2

    def _try_rate(self, rate: float) -> None:
        broken_by = self._hold(rate)
        for _ in range(MOST_REPEATS):
            if broken_by == "generator":
                broken_by = self._hold(rate)
        if broken_by == "throttled" and self._choose_priming_rate() is None:
            self._votes = {each: votes for each, votes in self._votes.items() if not is_kept(votes)}
        self._votes.setdefault(rate, []).append(broken_by)

    def _hold(self, rate: float) -> Cause | None:
        window = self._measure(rate, self._choose_priming_rate())
        broken_by = self._conditions.find_broken(window)
        self._steps.append(SearchStep(window, broken_by))
        self._on_step(self._steps[-1])
        return broken_by

    def _choose_priming_rate(self) -> float | None:
        """Return the highest rate that was throttled; None before the first throttled window."""
        return max((rate for rate, votes in self._votes.items() if "throttled" in votes), default=None)

    def build_limit(self, confirmed: bool) -> Limit:
        """Return the limit that is known by now. LoadgenError: no rate is known to keep the conditions."""
        low, high = self.low, self.high
        if low == 0.0:
            self._raise_refusal(
                high, f"no lower rate is known to keep them after {len(self._steps)} windows; allow more"
            )
        if high == math.inf:
            return Limit(low, None, "ceiling", confirmed, tuple(self._steps))
        return Limit(low, high, find_most_frequent_cause(self._votes[high]), confirmed, tuple(self._steps))

    def _raise_refusal(self, high: float, why: str) -> NoReturn:
        """Raise the LoadgenError that says what breaks at `high`, and `why` no lower rate is known."""
        last, cause = self._steps[-1].window, find_most_frequent_cause(self._votes[high])
        if last.shortage is not None:
            raise LoadgenError(f"{explain_shortage(last.shortage)}, even at {high:g} requests a second")
        if cause == "generator":
            raise LoadgenError(
                f"the generator was late even at {high:g} requests a second, which says nothing about the target; "
                "is this machine busy with something else?"
            )
        mostly = f" ({last.error})" if last.error else ""
        shares = f"{last.throttled_share:.1%} throttled, {last.failed_share:.1%} failed{mostly}"
        raise LoadgenError(
            f"no rate keeps the conditions: {high:g} requests a second break them ({cause}: "
            f"{shares}, p99 {last.p99_ms or 0:,.0f} ms), and {why}"
        )


def is_kept(votes: list[Cause | None]) -> bool:
    """Return whether most windows kept the conditions; a tie counts as broken until it is resolved."""
    return 2 * sum(vote is None for vote in votes) > len(votes)


def find_most_frequent_cause(votes: list[Cause | None]) -> Cause:
    """Return the condition that windows at a rate broke most often."""
    causes = [vote for vote in votes if vote is not None]
    return max(causes, key=causes.count)
