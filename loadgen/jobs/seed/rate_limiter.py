"""Limit the rate of requests to a given quota, or to one learned from 429s. Pure.

A rate is learned by additive increase and multiplicative decrease.

Rule: `now` is an argument, in seconds of any steady clock. Requests are spaced evenly, and unused time is not saved up,
so that the service's token bucket of the same rate does not run dry. A 429 shows that the service's bucket is empty, so
the requests accepted between two 429s, per second, are its rate: that is how a quota is learned.
"""

from __future__ import annotations

SHARE = 0.97
"""Share of the quota that is used; the rest allows for clocks that differ and for lost answers."""

START = 10.0
"""Requests a second at first if the quota is unknown; the rate doubles every second until the first 429."""

DECREASE = 0.7  # factor on the rate after a 429
INCREASE = 1.0  # requests a second, each second, after the first 429
RAISE = 1.01  # factor on the learned ceiling every RAISE_SECONDS without a 429: the quota may have been raised
RAISE_SECONDS = 300.0
EPISODE_SECONDS = 1.0  # later 429s within this time are ignored: their requests had already been sent
SLOWEST = 0.2  # requests a second
LATE_SECONDS = 0.05  # delay of the sender that may be caught up
FIRST_BACKOFF = 0.1  # seconds after the second failure in a row; doubled with each further one
LONGEST_BACKOFF = 10.0


class RateLimiter:
    """A limiter that decides when the next request may be sent."""

    def __init__(self, quota: float | None, now: float, learned: float | None = None) -> None:
        """Keep to `quota` if given, else to the ceiling that an earlier run has `learned`, else learn the quota."""
        self.ceiling = learned if quota is None else quota * SHARE
        self.rate = START if self.ceiling is None else self.ceiling
        self._given = quota is not None
        self._throttled_before = learned is not None
        self._next = now
        self._grown_at = now
        self._quiet_until = now  # 429s before this time belong to an episode that was counted
        self._raised_at = now
        self._episode: float | None = None  # time of the last 429 that began an episode
        self._accepted = 0  # requests since the last episode began
        self._failures = 0  # in a row

    @property
    def learned(self) -> float | None:
        """The learned ceiling, in requests a second; None if the quota was given or nothing was learned yet."""
        return None if self._given else self.ceiling

    def compute_wait(self, now: float) -> float:
        """Return the seconds until the next request may be sent; 0 or less means now."""
        return self._next - now

    def take(self, now: float) -> None:
        """Spend the right to send one request now."""
        self._raise_rate(now)
        self._next = max(self._next, now - LATE_SECONDS) + 1.0 / self.rate

    def note_accepted(self) -> None:
        """Record that a request was accepted."""
        self._accepted += 1
        self._failures = 0

    def note_throttled(self, retry_after: float | None, now: float) -> None:
        """Record that a request was answered 429: pause, slow down, and learn the ceiling."""
        self.hold(retry_after or 1.0, now)
        if now < self._quiet_until:
            return
        self._learn(now)
        self._throttled_before = True
        self.rate = max(SLOWEST, self.rate * DECREASE)
        if self.ceiling is not None:
            self.rate = min(self.rate, self.ceiling)
        self._quiet_until = now + EPISODE_SECONDS
        self._grown_at = self._raised_at = now

    def note_failed(self, now: float) -> None:
        """Record a 5xx or a missing answer; from the second in a row on, pause for longer each time."""
        self._failures += 1
        if self._failures > 1:
            pause = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(self._failures - 2, 10))
            self.hold(pause, now)

    def hold(self, seconds: float, now: float) -> None:
        """Let no request go for `seconds`."""
        self._next = max(self._next, now + seconds)

    def _learn(self, now: float) -> None:
        since = None if self._episode is None else now - self._episode
        if since is not None and not self._given:
            self.ceiling = max(SLOWEST, SHARE * self._accepted / since)
        self._episode, self._accepted = now, 0

    def _raise_rate(self, now: float) -> None:
        """Raise the rate once a second since the last 429, up to the ceiling; raise a learned ceiling, too."""
        passed = now - self._grown_at
        if passed < 1.0:
            return
        self._grown_at = now
        self.rate = self.rate + INCREASE * passed if self._throttled_before else self.rate * 2.0
        if self.ceiling is None:
            return
        if not self._given and now - self._raised_at > RAISE_SECONDS:
            self._raised_at = now
            self.ceiling *= RAISE
        self.rate = min(self.rate, self.ceiling)
