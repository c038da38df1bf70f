"""Quotas, limits and the price of CloudWatch RUM, each with its source, and the token bucket that applies a quota.

Sources: [quotas] the CloudWatch user guide, "CloudWatch RUM quotas", and Service Quotas (service code `rum`); [model]
botocore's service model rum 2018-05-10; [client] aws-rum-web's documentation, docs/reference/api.md and
docs/configuration.md.
"""

from __future__ import annotations

REQUESTS_PER_SECOND = 50.0
"""PutRumEvents requests a second per account and Region, adjustable [quotas]. The guide also writes "events"; a client
that stays below 50 requests a second with one event each keeps both readings."""

REQUESTS_QUOTA_CODE = "L-35851224"
"""Service Quotas code of `REQUESTS_PER_SECOND`."""

APP_MONITORS = 20
"""App monitors per account and Region, adjustable [quotas, code L-3FB7EA17]."""

RETENTION_SECONDS = 30 * 86_400.0
"""RUM keeps events for 30 days [model, DataStorage]."""

EVENTS_PER_BATCH = 100
"""The default of the web client's `batchLimit` [client]; AWS publishes no limit of its own."""

EVENT_BYTES = 6 * 1024
"""The largest event, metadata included; RUM drops larger events without an error [client]."""

RESOURCE_TAGS = 50
"""Most tags of one resource [model, TagResource]."""

POLICY_BYTES = 4096
"""The largest document of a resource policy [model, PutResourcePolicy]."""

DEFINITIONS_PER_CALL = 200
"""Most metric definitions in one BatchCreate or BatchDelete call [model]."""

DEFINITIONS_PER_DESTINATION = 2000
"""Most metric definitions in one destination; each combination of dimension values counts [model]."""

DOLLARS_PER_EVENT = 1e-5
"""$1 per 100,000 events (https://aws.amazon.com/cloudwatch/pricing/, RUM; no volume tiers were found)."""


class TokenBucket:
    """A quota: it admits `burst` requests at once, and is refilled at `rate` a second. It reads no clock."""

    def __init__(self, rate: float, burst: float | None = None) -> None:
        self.rate = rate
        self.burst = max(rate, 1.0) if burst is None else burst
        self._tokens = self.burst
        self._at: float | None = None

    def take(self, now: float) -> float:
        """Take a token at time `now` (seconds of any steady clock) and return 0.0, or the seconds until one is there.

        A bucket without refill that is empty returns an hour.
        """
        if self._at is not None and now > self._at:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self.rate if self.rate else 3600.0
