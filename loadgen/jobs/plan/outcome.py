"""An account's quota, and what becomes of requests under it."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

from loadgen.model import Noun
from loadgen.rum.quotas import TokenBucket
from loadgen.traffic import Floats


class AccountQuota(NamedTuple):
    """An account's quota for PutRumEvents: a token bucket."""

    rate: float  # requests a second
    burst: float | None = None  # requests at once; None: as many as the rate allows in a second
    answer_seconds: float = 0.0  # from a request to its answer, on average

    @property
    def depth(self) -> float:
        """Tokens that the full bucket holds."""
        return TokenBucket(self.rate, self.burst).burst


class MonitorOutcome(Noun):
    """What became of one monitor's requests, every attempt counted; of `simulate_slots` the figures are means."""

    attempts: float = 0
    accepted: float = 0
    throttled: float = 0
    retried: float = 0
    given_up: float = 0  # batches
    events: float = 0  # of first attempts
    events_lost: float = 0

    @property
    def throttled_share(self) -> float:
        """Of all attempts."""
        return self.throttled / self.attempts if self.attempts else 0.0

    @property
    def lost_share(self) -> float:
        """Of the events in first attempts."""
        return self.events_lost / self.events if self.events else 0.0

    def plus(self, other: MonitorOutcome) -> MonitorOutcome:
        """Both together."""
        return MonitorOutcome(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class Trajectory(NamedTuple):
    """What became of all monitors' requests, and when."""

    outcomes: tuple[MonitorOutcome, ...]  # by monitor
    attempts: Floats  # in each second, retries included
    accepted: Floats

    @property
    def outcome(self) -> MonitorOutcome:
        """All monitors together."""
        return reduce(MonitorOutcome.plus, self.outcomes)
