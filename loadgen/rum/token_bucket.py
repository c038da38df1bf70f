"""A token bucket: so many requests a second on average, so many at once. Pure: `now` is an argument."""

from __future__ import annotations


class TokenBucket:
    """Holds up to `burst` tokens, refilled at `rate` a second; a request takes one.

    RUM's default: 50 PutRumEvents requests a second per account and Region, adjustable (Service Quotas L-35851224).
    """

    def __init__(self, rate: float, burst: float | None = None) -> None:
        self.rate = rate
        self.burst = max(rate, 1.0) if burst is None else burst
        self._tokens = self.burst
        self._at: float | None = None

    def take(self, now: float) -> float:
        """0.0 when the request may pass at time `now` (seconds of any steady clock), else seconds until one may."""
        if self._at is not None and now > self._at:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self.rate if self.rate else 3600.0
