"""How fast requests may go: a given quota, or one learned from 429s (additive increase, multiplicative decrease). Pure.

Rule: `now` is an argument, seconds of any steady clock. Requests are spaced evenly, never saved up, so that a bucket of
the same rate on the other side does not run dry. Between two throttled moments the other side's bucket was empty twice,
so what it accepted in between, per second, is its rate: that is how a quota is learned.
"""

from __future__ import annotations

SHARE = 0.97
"""Of the quota that is used; the rest is for clocks that differ and for answers that were lost."""

START = 10.0
"""Requests a second to begin with when the quota is not known; doubled every second until the first 429."""

DECREASE = 0.7
INCREASE = 1.0  # requests a second, each second, after the first 429
RAISE = 1.01  # of what was learned, every RAISE_SECONDS without a 429: a quota may have been raised
RAISE_SECONDS = 300.0
EPISODE_SECONDS = 1.0  # 429s so close together are one event: the requests were on their way, and teach nothing
SLOWEST = 0.2
LATE_SECONDS = 0.05  # lateness of the sender that may be caught up
FIRST_BACKOFF = 0.1  # seconds after the second failure in a row; doubled with each
LONGEST_BACKOFF = 10.0


class RateLimiter:
    """When the next request may go."""

    def __init__(self, quota: float | None, now: float, learned: float | None = None) -> None:
        """Keep to a given quota; else to what an earlier run has `learned`, its ceiling; else learn the quota."""
        self.ceiling = learned if quota is None else quota * SHARE
        self.rate = START if self.ceiling is None else self.ceiling
        self._given = quota is not None
        self._throttled_before = learned is not None
        self._next = now
        self._grown = now
        self._quiet_until = now  # 429s before belong to an episode that was counted
        self._raised = now
        self._episode: float | None = None
        self._accepted = 0  # since the last episode
        self._failures = 0  # in a row

    @property
    def learned(self) -> float | None:
        """The ceiling, when it was not given."""
        return None if self._given else self.ceiling

    def compute_wait(self, now: float) -> float:
        """Seconds until the next request may go; 0 or less when it may go now."""
        return self._next - now

    def take(self, now: float) -> None:
        """Spend the right to send one request now."""
        self._raise_rate(now)
        self._next = max(self._next, now - LATE_SECONDS) + 1.0 / self.rate

    def note_accepted(self) -> None:
        """A request was accepted."""
        self._accepted += 1
        self._failures = 0

    def note_throttled(self, retry_after: float | None, now: float) -> None:
        """A request was answered 429."""
        self.hold(retry_after or 1.0, now)
        if now < self._quiet_until:
            return
        self._learn(now)
        self._throttled_before = True
        self.rate = max(SLOWEST, self.rate * DECREASE)
        if self.ceiling is not None:
            self.rate = min(self.rate, self.ceiling)
        self._quiet_until = now + EPISODE_SECONDS
        self._grown = self._raised = now

    def note_failed(self, now: float) -> None:
        """A request got a 5xx or no answer: from the second in a row on wait, longer with each."""
        self._failures += 1
        if self._failures > 1:
            pause = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(self._failures - 2, 10))
            self.hold(pause, now)

    def hold(self, seconds: float, now: float) -> None:
        """Let nothing go for so long."""
        self._next = max(self._next, now + seconds)

    def _learn(self, now: float) -> None:
        since = None if self._episode is None else now - self._episode
        if since is not None and not self._given:
            self.ceiling = max(SLOWEST, SHARE * self._accepted / since)
        self._episode, self._accepted = now, 0

    def _raise_rate(self, now: float) -> None:
        """Raise the rate for the time that went by since the last 429."""
        passed = now - self._grown
        if passed < 1.0:
            return
        self._grown = now
        self.rate = self.rate + INCREASE * passed if self._throttled_before else self.rate * 2.0
        if self.ceiling is None:
            return
        if not self._given and now - self._raised > RAISE_SECONDS:
            self._raised = now
            self.ceiling *= RAISE
        self.rate = min(self.rate, self.ceiling)
