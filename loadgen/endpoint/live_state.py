"""What changes while an endpoint runs, besides its store: quotas, faults, and counts of the requests not accepted."""

from __future__ import annotations

import math

import msgspec

from loadgen.endpoint.faults import FaultInjector, InjectedFault
from loadgen.endpoint.service_error import ThrottlingException
from loadgen.endpoint.settings import LiveSettings
from loadgen.model import Noun
from loadgen.rum.quotas import REQUESTS_QUOTA_CODE, TokenBucket

PUT_RUM_EVENTS = "PutRumEvents"


class RejectionCounts(Noun):
    """Answers to PutRumEvents other than 200 since the endpoint started; accepted ones are counted in the store."""

    throttled: int = 0
    refused: int = 0  # 4xx other than 429
    failed: int = 0  # 5xx, and connections that a fault dropped


class LiveState:
    """The settings in force, with the token buckets and the faults that follow from them."""

    def __init__(self, settings: LiveSettings, now: float) -> None:
        self.settings = settings
        self._buckets = _make_buckets(settings)
        self._faults = FaultInjector(settings.faults, now)
        self._counts: dict[str | None, RejectionCounts] = {}

    def change(self, settings: LiveSettings, now: float) -> None:
        """Put other settings in force; what changes begins anew: a full bucket, fault periods from now."""
        before, self.settings = self.settings, settings
        quotas = (settings.quota, settings.burst, settings.operation_quotas)
        if quotas != (before.quota, before.burst, before.operation_quotas):
            self._buckets = _make_buckets(settings)
        if settings.faults != before.faults:
            self._faults = FaultInjector(settings.faults, now)

    def draw_fault(self, operation: str, now: float) -> InjectedFault:
        """What happens to the next request of an operation."""
        return self._faults.draw_fault(operation, now)

    def take_token(self, operation: str, now: float) -> None:
        """Count a request against its operation's quota; raises ThrottlingException when that is used up."""
        bucket = self._buckets.get(operation)
        if bucket is not None and (wait := bucket.take(now)):
            quota_code = REQUESTS_QUOTA_CODE if operation == PUT_RUM_EVENTS else None
            raise ThrottlingException(max(1, math.ceil(wait)), quota_code)

    def read_counts(self, monitor_id: str | None) -> RejectionCounts:
        """Counts of one app monitor, or (None) of all requests."""
        return self._counts.get(monitor_id, RejectionCounts())

    def count_error(self, monitor_id: str | None, status: int) -> None:
        """Count a PutRumEvents request that was answered with an error; None: for an unknown app monitor."""
        kind = "throttled" if status == 429 else "failed" if status >= 500 else "refused"
        for key in {monitor_id, None}:
            counts = self.read_counts(key)
            self._counts[key] = msgspec.structs.replace(counts, **{kind: getattr(counts, kind) + 1})


def _make_buckets(settings: LiveSettings) -> dict[str, TokenBucket]:
    """The token buckets by name of the operation."""
    buckets = {name: TokenBucket(rate) for name, rate in settings.operation_quotas.items()}
    if settings.quota is not None:
        buckets[PUT_RUM_EVENTS] = TokenBucket(settings.quota, settings.burst)
    return buckets
