"""measure(rate) → the highest request rate that keeps the conditions: climb, bracket, bisect, confirm. Pure.

Rule: one window proves nothing. Both ends of the bracket are measured again before they are believed, and windows that
disagree are outvoted. A window in which the generator itself was late says nothing about the target.

A deep token bucket hides a rate above the quota until it is empty. So once something was throttled, windows are primed:
the bucket is emptied first, at the highest rate that was throttled, and what passed unprimed is forgotten.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

import msgspec

from loadgen.errors import LoadgenError
from loadgen.model import Noun

LAG_MS = 100.0
"""p99 of the schedule lag above which a window is the generator's, not the target's."""

BUSY = 0.9
"""Cores above which the generator, one process on one core, is at its end."""

OFFERED = 0.97
"""Share of a window's requests that the generator must have sent in time."""

ANSWERED = 0.97
"""Share of a window's requests that must be answered within it: less means that work piles up."""

VOTES = 5  # windows at one rate at most
PATIENCE = 2  # further windows while the generator is late

Cause = Literal["throttled", "failed", "slow", "behind", "generator", "ceiling"]


class Window(Noun):
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


Measure = Callable[[float, float | None], Window]
"""Hold a rate, and say what happened once it was settled; the second number: a rate to empty a bucket at before."""


class Conditions(Noun, kw_only=True):
    """What a rate must keep."""

    most_throttled: float = 0.001
    most_failed: float = 0.001
    most_p99_ms: float | None = None

    def broken_by(self, window: Window) -> Cause | None:
        """What a window breaks first; None when it keeps everything."""
        if generator_was_late(window):
            return "generator"
        if window.throttled_share > self.most_throttled:
            return "throttled"
        if window.failed_share > self.most_failed:
            return "failed"
        if self.most_p99_ms is not None and window.p99_ms is not None and window.p99_ms > self.most_p99_ms:
            return "slow"
        return "behind" if window.answered_share < ANSWERED else None


def generator_was_late(window: Window) -> bool:
    """Whether a window says nothing about the target.

    Requests that are sent late are the target's fault only if every sender was waiting for it, while the generator's
    own loop ran on time and its process had time to spare.
    """
    if window.loop_lag_p99_ms > LAG_MS or window.cpu > BUSY:
        return True
    return not window.saturated and (window.sent_share < OFFERED or window.lag_p99_ms > LAG_MS)


class Step(Noun):
    """A window and what was made of it."""

    window: Window
    broken_by: Cause | None


class Limit(Noun):
    """What was found."""

    rate: float  # the highest that keeps the conditions
    below: float | None  # the lowest that does not; None: none was found
    cause: Cause  # what breaks there
    confirmed: bool  # whether both were measured twice and agreed, or were voted on
    steps: tuple[Step, ...]
    interrupted: bool = False

    @property
    def own(self) -> bool:
        """Whether the generator's limit was met, and not the target's."""
        return self.cause in ("generator", "ceiling")


class Range(Noun, kw_only=True):
    """Where and how finely to search. Rates in requests a second."""

    start: float = 10.0
    ceiling: float = math.inf  # what the generator can reach
    floor: float = 0.5  # a lower rate is not tried
    precision: float = 0.05
    most_windows: int = 40


Tell = Callable[[Step], None]


def find_limit(measure: Measure, conditions: Conditions, where: Range, tell: Tell = lambda step: None) -> Limit:
    """The limit, within the precision as far as the windows allow; each step is told when it is done."""
    return Search(measure, conditions, where, tell).run()


def so_far(steps: Sequence[Step], conditions: Conditions, where: Range) -> Limit | None:
    """What the windows of a search that was interrupted tell; None when no rate is known to keep the conditions."""
    windows = (step.window for step in steps)
    search = Search(lambda *_: next(windows), conditions, where, lambda step: None)
    with suppress(StopIteration):  # the same windows lead the same way
        search.run()
    return msgspec.structs.replace(search.limit(False), interrupted=True) if search.low else None


class Search:
    """The state of a search: votes at each rate."""

    def __init__(self, measure: Measure, conditions: Conditions, where: Range, tell: Tell) -> None:
        self._measure, self._conditions, self._where, self._tell = measure, conditions, where, tell
        self._steps: list[Step] = []
        self._votes: dict[float, list[Cause | None]] = {}

    def run(self) -> Limit:
        """Try rates until both ends of a narrow bracket are confirmed."""
        confirmed = False
        while len(self._steps) < self._where.most_windows:
            rate = self._next()
            if rate is None:
                confirmed = True
                break
            self._try(rate)
        return self.limit(confirmed)

    @property
    def low(self) -> float:
        """The highest rate below all broken ones that keeps the conditions; 0 when none is known."""
        return max((rate for rate, votes in self._votes.items() if _kept(votes) and rate < self.high), default=0.0)

    @property
    def high(self) -> float:
        """The lowest rate that breaks them, infinite when none is known."""
        return min((rate for rate, votes in self._votes.items() if not _kept(votes)), default=math.inf)

    def _next(self) -> float | None:
        """The rate to measure next; None when the bracket is narrow and confirmed."""
        low, high, where = self.low, self.high, self._where
        if high == math.inf:
            return self._climb(low)
        if low == 0.0:
            if high / 2 < where.floor:
                self._refuse(high)
            return high / 2
        if high > low * (1 + where.precision):
            return math.sqrt(low * high)
        return next((rate for rate in (low, high) if self._doubtful(rate)), None)

    def _climb(self, low: float) -> float | None:
        if low == 0.0:
            return min(self._where.start, self._where.ceiling)
        if low < self._where.ceiling:
            return min(low * 2, self._where.ceiling)
        return low if self._doubtful(low) else None

    def _doubtful(self, rate: float) -> bool:
        """Whether a rate was measured once only, or is still tied."""
        votes = self._votes[rate]
        kept = sum(vote is None for vote in votes)
        return len(votes) < VOTES and abs(2 * kept - len(votes)) < 2

    def _try(self, rate: float) -> None:
        broken_by = self._hold(rate)
        for _ in range(PATIENCE):
            if broken_by == "generator":
                broken_by = self._hold(rate)
        if broken_by == "throttled" and not self._throttled():
            self._votes = {each: votes for each, votes in self._votes.items() if not _kept(votes)}
        self._votes.setdefault(rate, []).append(broken_by)

    def _hold(self, rate: float) -> Cause | None:
        window = self._measure(rate, self._priming())
        broken_by = self._conditions.broken_by(window)
        self._steps.append(Step(window, broken_by))
        self._tell(self._steps[-1])
        return broken_by

    def _throttled(self) -> list[float]:
        return [rate for rate, votes in self._votes.items() if "throttled" in votes]

    def _priming(self) -> float | None:
        throttled = self._throttled()
        return max(throttled, default=None)

    def limit(self, confirmed: bool) -> Limit:
        """What is known by now."""
        low, high = self.low, self.high
        if low == 0.0:
            self._refuse(high)
        if high == math.inf:
            return Limit(low, None, "ceiling", confirmed, tuple(self._steps))
        return Limit(low, high, _cause(self._votes[high]), confirmed, tuple(self._steps))

    def _refuse(self, high: float) -> None:
        last = self._steps[-1].window
        if _cause(self._votes[high]) == "generator":
            raise LoadgenError(
                f"the generator was late even at {high:g} requests a second, which says nothing of the target; "
                "is this machine busy with something else?"
            )
        raise LoadgenError(
            f"no rate keeps the conditions: {high:g} requests a second break them ({_cause(self._votes[high])}: "
            f"{last.throttled_share:.1%} throttled, {last.failed_share:.1%} failed, p99 {last.p99_ms or 0:,.0f} ms), "
            "and lower ones are not tried; allow more, or look at the target"
        )


def _kept(votes: list[Cause | None]) -> bool:
    """Whether most windows kept the conditions; a tie counts as broken until it is resolved."""
    return 2 * sum(vote is None for vote in votes) > len(votes)


def _cause(votes: list[Cause | None]) -> Cause:
    causes = [vote for vote in votes if vote is not None]
    return max(causes, key=causes.count)
