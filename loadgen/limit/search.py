"""measure(rate) → the highest request rate that keeps the conditions: climb, bracket, bisect, confirm. Pure.

Rule: one window proves nothing. The search measures both ends of the bracket again before it believes them, and a
majority of windows decides at each rate. A window in which the generator itself was late says nothing of the target.

A full token bucket lets requests pass above the quota until it is empty. So after the first throttled window the search
primes each further one: it empties the bucket first, at the highest rate that was throttled, and it forgets the windows
that passed without priming.
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
"""p99 of the schedule lag above which a window is the generator's, not the target's."""

BUSY = 0.9
"""Cores above which the generator, one process on one core, has no time to spare."""

OFFERED = 0.97
"""Share of a window's requests that the generator must have sent in time."""

ANSWERED = 0.97
"""Share of a window's requests that must be answered within it: with less, the target's queue grows."""

MOST_VOTES = 5  # windows at one rate
MOST_REPEATS = 2  # further windows while the generator is late

Cause = Literal["throttled", "failed", "slow", "behind", "generator", "ceiling"]


class RateWindow(Noun):
    """What one hold at a rate measured. Shares are of the requests sent in it."""

    rate: float  # asked for, requests a second
    offered: float  # sent, a second
    accepted: float  # a second, of whatever was answered in the window
    throttled_share: float
    failed_share: float
    answered_share: float
    p50_ms: float | None
    p99_ms: float | None
    lag_p99_ms: float
    primed: bool = False
    sent_share: float = 1.0  # before the window's end
    saturated: bool = False  # every sender was waiting for an answer
    loop_lag_p99_ms: float = 0.0  # by which the generator's own loop was late, whatever it sent
    cpu: float = 0.0  # cores that the generator used
    shortage: str | None = None  # what the generator's machine ran out of
    error: str | None = None  # the most frequent of those that failed


Measure = Callable[[float, float | None], RateWindow]
"""Holds a rate and returns the window after it settled. The second number: first empty the bucket at this rate."""


class Conditions(Noun, kw_only=True):
    """What a rate must keep."""

    most_throttled: float = 0.001
    most_failed: float = 0.001
    most_p99_ms: float | None = None

    def find_broken(self, window: RateWindow) -> Cause | None:
        """What a window breaks first; None when it keeps everything."""
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
    """Whether a window says nothing about the target.

    Requests that are sent late are the target's fault only if every sender was waiting for it, while the generator's
    own loop ran on time and its process had time to spare.
    """
    if window.shortage is not None or window.loop_lag_p99_ms > LAG_MS or window.cpu > BUSY:
        return True
    return not window.saturated and (window.sent_share < OFFERED or window.lag_p99_ms > LAG_MS)


class SearchStep(Noun):
    """A window and its verdict."""

    window: RateWindow
    broken_by: Cause | None


class Limit(Noun):
    """What a search found; rates in requests a second."""

    rate: float  # the highest that keeps the conditions
    below: float | None  # the lowest that does not; None: none was found
    cause: Cause  # what breaks there
    confirmed: bool  # both rates have a majority of windows
    steps: tuple[SearchStep, ...]
    interrupted: bool = False
    broken_off: str = ""  # why the search could not go on

    @property
    def own(self) -> bool:
        """Whether this is the limit of the generator or of the search, not of the target."""
        return self.cause in ("generator", "ceiling")


class SearchRange(Noun, kw_only=True):
    """Where and how finely to search. Rates in requests a second."""

    start: float = 10.0
    ceiling: float = math.inf  # what the generator can reach
    floor: float = 0.5  # a lower rate is not tried
    precision: float = 0.05
    most_windows: int = 40


OnStep = Callable[[SearchStep], None]


def search_limit(
    measure: Measure, conditions: Conditions, where: SearchRange, on_step: OnStep = lambda step: None
) -> Limit:
    """The limit, within the precision as far as the windows allow; calls `on_step` after each window.

    Raises LoadgenError when no rate keeps the conditions.
    """
    return Bisection(measure, conditions, where, on_step).run()


def limit_so_far(steps: Sequence[SearchStep], conditions: Conditions, where: SearchRange) -> Limit | None:
    """What the steps of a search that did not end show; None when no rate is known to keep the conditions."""
    windows = (step.window for step in steps)
    search = Bisection(lambda *_: next(windows), conditions, where, lambda step: None)
    with suppress(StopIteration):  # the same windows lead the same way
        search.run()
    return msgspec.structs.replace(search.limit(False), interrupted=True) if search.low else None


class Bisection:
    """The state of a search: its steps, and at each rate what every window broke (None: nothing)."""

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
        return self.limit(confirmed)

    @property
    def low(self) -> float:
        """The highest rate below all broken ones that keeps the conditions; 0 when none is known."""
        return max((rate for rate, votes in self._votes.items() if is_kept(votes) and rate < self.high), default=0.0)

    @property
    def high(self) -> float:
        """The lowest rate that breaks them, infinite when none is known."""
        return min((rate for rate, votes in self._votes.items() if not is_kept(votes)), default=math.inf)

    def _choose_rate(self) -> float | None:
        """The rate to measure next; None when the bracket is narrow and confirmed."""
        low, high, where = self.low, self.high, self._where
        if high == math.inf:
            return self._climb(low)
        if low == 0.0:
            if high / 2 < where.floor:
                self._raise_refusal(high, "lower ones are not tried; allow more, or look at the target")
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
        """Whether a rate was measured only once, or its windows are tied."""
        votes = self._votes[rate]
        kept = sum(vote is None for vote in votes)
        return len(votes) < MOST_VOTES and abs(2 * kept - len(votes)) < 2

    def _try_rate(self, rate: float) -> None:
        broken_by = self._hold(rate)
        for _ in range(MOST_REPEATS):
            if broken_by == "generator":
                broken_by = self._hold(rate)
        if broken_by == "throttled" and not self._throttled_rates():
            self._votes = {each: votes for each, votes in self._votes.items() if not is_kept(votes)}
        self._votes.setdefault(rate, []).append(broken_by)

    def _hold(self, rate: float) -> Cause | None:
        window = self._measure(rate, self._priming_rate())
        broken_by = self._conditions.find_broken(window)
        self._steps.append(SearchStep(window, broken_by))
        self._on_step(self._steps[-1])
        return broken_by

    def _throttled_rates(self) -> list[float]:
        return [rate for rate, votes in self._votes.items() if "throttled" in votes]

    def _priming_rate(self) -> float | None:
        throttled = self._throttled_rates()
        return max(throttled, default=None)

    def limit(self, confirmed: bool) -> Limit:
        """What is known by now."""
        low, high = self.low, self.high
        if low == 0.0:
            self._raise_refusal(
                high, f"no lower one is known to keep them after {len(self._steps)} windows; allow more"
            )
        if high == math.inf:
            return Limit(low, None, "ceiling", confirmed, tuple(self._steps))
        return Limit(low, high, find_most_frequent_cause(self._votes[high]), confirmed, tuple(self._steps))

    def _raise_refusal(self, high: float, why: str) -> NoReturn:
        """Say that no rate is known to keep the conditions: what breaks at `high`, and why no lower one is known."""
        last, cause = self._steps[-1].window, find_most_frequent_cause(self._votes[high])
        if last.shortage is not None:
            raise LoadgenError(f"{explain_shortage(last.shortage)}, even at {high:g} requests a second")
        if cause == "generator":
            raise LoadgenError(
                f"the generator was late even at {high:g} requests a second, which says nothing of the target; "
                "is this machine busy with something else?"
            )
        mostly = f" ({last.error})" if last.error else ""
        shares = f"{last.throttled_share:.1%} throttled, {last.failed_share:.1%} failed{mostly}"
        raise LoadgenError(
            f"no rate keeps the conditions: {high:g} requests a second break them ({cause}: "
            f"{shares}, p99 {last.p99_ms or 0:,.0f} ms), and {why}"
        )


def is_kept(votes: list[Cause | None]) -> bool:
    """Whether most windows kept the conditions; a tie counts as broken until it is resolved."""
    return 2 * sum(vote is None for vote in votes) > len(votes)


def find_most_frequent_cause(votes: list[Cause | None]) -> Cause:
    """What most windows at a rate broke, of those that broke something."""
    causes = [vote for vote in votes if vote is not None]
    return max(causes, key=causes.count)
