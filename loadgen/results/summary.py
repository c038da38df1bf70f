"""The whole run in one frozen noun, and how it is summed up from the workers' seconds.

Rule: every event is accounted for (`Events.balanced`), and a worker's seconds may come in any order.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

from loadgen.model import Noun
from loadgen.results.histogram import Histogram
from loadgen.results.meter import Second

Verdict = Literal["passed", "failed", "invalid", "interrupted"]


class Requests(Noun):
    """HTTP requests, every attempt counted: sent = accepted + throttled + failed."""

    sent: int
    accepted: int
    throttled: int
    retried: int
    given_up: int
    failed: int


class Events(Noun):
    """Where every event went, to the unit."""

    generated: int
    not_sampled: int
    over_session_limit: int
    dropped_by_client: int
    unsent: int
    sent: int
    accepted: int
    lost: int

    @property
    def balanced(self) -> bool:
        """generated = not sampled + over the limit + dropped + unsent + sent, and sent = accepted + lost."""
        kept_back = self.not_sampled + self.over_session_limit + self.dropped_by_client + self.unsent
        return self.generated == kept_back + self.sent and self.sent == self.accepted + self.lost


class Milliseconds(Noun):
    """Quantiles of one clock in milliseconds; None when nothing was measured."""

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None
    mean: float | None

    @classmethod
    def of(cls, histogram: Histogram) -> Milliseconds:
        """The usual quantiles of a histogram."""
        p50, p90, p95, p99, top = (histogram.quantile_ms(q) for q in (0.5, 0.9, 0.95, 0.99, 1.0))
        return cls(p50, p90, p95, p99, top, histogram.mean_ms)


class Ledger(Noun):
    """What the local endpoint says it accepted; `agrees` is None when there was nobody to ask."""

    agrees: bool | None = None
    endpoint_requests: int | None = None
    endpoint_events: int | None = None


class Summary(Noun):
    """`summary.json`: stable names, one per figure of the run."""

    verdict: Verdict
    reasons: tuple[str, ...]
    scenario: str
    seed: int
    pace: str
    started_at: str  # UTC, ISO 8601: the run's zero
    seconds: float  # from the run's zero to the last answer
    sessions: int
    requests: Requests
    events: Events
    wire_bytes: int
    raw_bytes: int
    latency_ms: Milliseconds
    service_time_ms: Milliseconds
    lag_ms: Milliseconds
    errors: dict[str, int]
    workers: int
    ledger: Ledger = Ledger()


class Row(Noun):
    """One second of `timeline.csv`."""

    second: int
    sessions_started: int
    sessions_active: int
    in_flight: int
    offered: int
    sent: int
    accepted: int
    throttled: int
    failed: int
    retried: int
    given_up: int
    events_sent: int
    events_accepted: int
    events_lost: int
    wire_bytes: int
    raw_bytes: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    lag_p99_ms: float | None

    @classmethod
    def of(cls, place: int, second: Second) -> Row:
        """The row of a second that all workers have reported."""
        latency, lag = Histogram.unpack(second.latency), Histogram.unpack(second.lag)
        counts = {name: count for name, count in second.counts.items() if name in cls.__struct_fields__}
        return cls(
            second=place,
            latency_p50_ms=latency.quantile_ms(0.5),
            latency_p95_ms=latency.quantile_ms(0.95),
            latency_p99_ms=latency.quantile_ms(0.99),
            lag_p99_ms=lag.quantile_ms(0.99),
            **counts,
        )


class Tally(Noun):
    """Events that never became a request, with their reasons, and those that did."""

    sessions: int = 0
    generated: int = 0
    not_sampled: int = 0
    over_session_limit: int = 0
    dropped_by_client: int = 0
    unsent: int = 0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class Measured:
    """Sums up seconds and tallies, of one worker or of many, in bounded memory."""

    def __init__(self) -> None:
        self.latency, self.service_time, self.lag = Histogram(), Histogram(), Histogram()
        self.errors: Counter[str] = Counter()
        self.tally = Tally()
        self._totals: Counter[str] = Counter()
        self._open: dict[int, Second] = {}
        self._settled = -1

    def add(self, second: Second) -> None:
        """A worker's second; one that comes after its row was written is counted in the next row."""
        for whole, part in zip(self._clocks, (second.latency, second.service_time, second.lag), strict=True):
            whole.merge(Histogram.unpack(part))
        self.errors.update(second.errors)
        self._totals.update(second.counts)
        place = max(second.second, self._settled + 1)
        known = self._open.get(place)
        self._open[place] = second if known is None else known.plus(second)

    def account(self, tally: Tally) -> None:
        """A worker's final tally."""
        self.tally = self.tally.plus(tally)

    def settle(self, before: int) -> list[Row]:
        """The timeline's rows up to a second of the run (exclusive), each once."""
        ready = sorted(place for place in self._open if place < before)
        self._settled = max(before - 1, self._settled)
        return [Row.of(place, self._open.pop(place)) for place in ready]

    @property
    def offered(self) -> int:
        """Batches that were due so far."""
        return self._totals["offered"]

    @property
    def wire_bytes(self) -> int:
        """Bodies as sent, all attempts."""
        return self._totals["wire_bytes"]

    @property
    def raw_bytes(self) -> int:
        """Bodies before gzip, all attempts."""
        return self._totals["raw_bytes"]

    @property
    def requests(self) -> Requests:
        """The run's requests so far."""
        return Requests(*(self._totals[name] for name in Requests.__struct_fields__))

    @property
    def events(self) -> Events:
        """The run's events so far."""
        tally, totals = self.tally, self._totals
        return Events(
            generated=tally.generated,
            not_sampled=tally.not_sampled,
            over_session_limit=tally.over_session_limit,
            dropped_by_client=tally.dropped_by_client,
            unsent=tally.unsent,
            sent=totals["events_sent"],
            accepted=totals["events_accepted"],
            lost=totals["events_lost"],
        )

    @property
    def _clocks(self) -> tuple[Histogram, Histogram, Histogram]:
        return self.latency, self.service_time, self.lag
