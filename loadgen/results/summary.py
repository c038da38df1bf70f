"""`summary.json`: the verdict and the figures of a run, and how Locust's process hands them to the one that started it.

Rule: names are stable; results/README.md explains each name. The summary is handed over through an unnamed file in
memory, so it arrives even when the disk is full or gone, and nothing of the file is left, however the processes end.
"""

from __future__ import annotations

import os
import tempfile
from typing import Literal

import msgspec

from loadgen.model import Noun
from loadgen.results.histogram import Histogram
from loadgen.results.outcomes import ByOutcome, Content, Requests
from loadgen.results.quota import QuotaEstimate
from loadgen.results.records import InDoubt

HANDOVER = "LOADGEN_HANDOVER"
"""Environment variable with the descriptor of the handover file in the process that writes the summary."""

Verdict = Literal["passed", "failed", "invalid", "interrupted"]


class Events(Noun):
    """The number of events by what became of them; every event is counted."""

    generated: int
    not_sampled: int
    over_session_limit: int
    dropped_by_client: int
    switched_off: int  # part of dropped_by_client: events of pages that a 403 or 404 switched off
    unsent: int
    sent: int
    accepted: int
    lost: int

    @property
    def balanced(self) -> bool:
        """Whether generated = not sampled + over the limit + dropped + unsent + sent, and sent = accepted + lost."""
        kept_back = self.not_sampled + self.over_session_limit + self.dropped_by_client + self.unsent
        return self.generated == kept_back + self.sent and self.sent == self.accepted + self.lost


class Milliseconds(Noun):
    """Quantiles and mean of one clock in milliseconds; None when nothing was measured."""

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None
    mean: float | None

    @classmethod
    def of(cls, histogram: Histogram) -> Milliseconds:
        """Return the quantiles and the mean of a histogram."""
        p50, p90, p95, p99, top = (histogram.quantile_ms(q) for q in (0.5, 0.9, 0.95, 0.99, 1.0))
        return cls(p50, p90, p95, p99, top, histogram.mean_ms)


class PreflightSummary(Noun):
    """CORS preflights: sent = allowed + refused + unanswered. `Requests` does not count them."""

    sent: int = 0
    allowed: int = 0
    refused: int = 0
    unanswered: int = 0
    latency_ms: Milliseconds = Milliseconds(None, None, None, None, None, None)


class LedgerComparison(Noun):
    """The counts of the local endpoint's own ledger; `agrees` is None when the target keeps no ledger.

    `agrees` says whether they are the run's own counts.
    """

    agrees: bool | None = None
    endpoint_requests: int | None = None
    endpoint_events: int | None = None


class Rates(Noun):
    """Means over the run, per second: requests and events sent (throughput), and accepted (`good_…`, goodput)."""

    requests: float
    events: float
    good_requests: float
    good_events: float
    amplification: float | None  # requests per batch that was tried


class StageSummary(Noun):
    """The figures of a stage of the arrivals: of the batches whose intended moment lies in it."""

    stage: int
    start: float  # seconds from the run's zero
    end: float
    requests: Requests
    latency_ms: Milliseconds
    service_time_ms: Milliseconds
    lag_ms: Milliseconds
    outcomes: ByOutcome[Content]

    @property
    def events(self) -> Events:
        """The stage's events as far as they are known: only the events that were sent."""
        sent = self.outcomes.sent.events - self.outcomes.retried.events
        return Events(sent, 0, 0, 0, 0, 0, sent, self.outcomes.accepted.events, self.outcomes.given_up.events)


class RunMonitor(Noun):
    """An app monitor that a run sends to."""

    name: str
    id: str


class MonitorSummary(Noun):
    """The figures of one app monitor of a run; the app monitors' counts add up to the run's."""

    name: str
    id: str
    sessions: int
    requests: Requests
    events: Events
    rates: Rates
    throttled_share: float | None  # of the requests sent
    lost_share: float | None  # of the events sent
    latency_ms: Milliseconds
    service_time_ms: Milliseconds
    lag_ms: Milliseconds
    errors: dict[str, int]
    outcomes: ByOutcome[Content]
    in_doubt: InDoubt = InDoubt()
    ledger: LedgerComparison = LedgerComparison()


class ThresholdResult(Noun):
    """A threshold with the figure that was measured against it."""

    name: str  # as in the scenario, such as latency_p99_ms
    limit: float
    value: float | None  # None: nothing was measured, so the threshold counts as kept
    kept: bool
    stage: int | None = None  # the number of the stage that the threshold is for; None: for the run
    is_lowest: bool = False  # True: the figure must not be below the limit; False: not above it

    def describe_breach(self) -> str:
        """Describe the missed threshold, as a reason why the run failed."""
        where = f"stage {self.stage}: " if self.stage else ""
        side = "below" if self.is_lowest else "above"
        return f"{where}{self.name} is {self.value:g}, {side} its threshold {self.limit:g}"


class Generator(Noun):
    """The load of the generator itself; CPU in per cent of one core, summed over workers."""

    workers: int
    cpu_percent_mean: float
    cpu_percent_max: float
    rss_bytes_max: int
    clock_offsets_ms: tuple[float | None, ...] = ()  # by worker: how far its clock is ahead of ours; None: not known


class Summary(Noun):
    """The content of `summary.json`: the verdict and the figures of a run."""

    verdict: Verdict
    reasons: tuple[str, ...]
    scenario: str
    seed: int
    pace: str
    started_at: str  # UTC, ISO 8601: the run's zero
    seconds: float  # from the run's zero to its end, or to the last answer if that came later
    sessions: int
    requests: Requests
    events: Events
    rates: Rates
    latency_ms: Milliseconds
    service_time_ms: Milliseconds
    lag_ms: Milliseconds
    acceptance_ms: Milliseconds  # from an event to its acceptance
    errors: dict[str, int]  # failed requests by cause
    event_mix: dict[str, int]
    stages: tuple[StageSummary, ...]
    quota: QuotaEstimate | None
    generator: Generator
    monitors: tuple[MonitorSummary, ...]
    outcomes: ByOutcome[Content]  # the events and bytes that the requests above carried
    in_doubt: InDoubt = InDoubt()
    ledger: LedgerComparison = LedgerComparison()
    preflights: PreflightSummary = PreflightSummary()
    cut_off: bool = False
    stopped_at: float | None = None  # seconds from the run's zero to an early stop; None: the run went to its end
    lost_workers: tuple[int, ...] = ()  # their numbers, from 0
    thresholds: tuple[ThresholdResult, ...] = ()  # kept and missed
    failures: dict[str, Content] = msgspec.field(default_factory=dict)  # events and bytes of failed requests, by cause
    version: int = 1  # of this format


class Handover:
    """The receiving end of a handover; the other process must inherit `descriptor` under the same number."""

    def __init__(self) -> None:
        # A system without files in memory gives an unnamed file in its folder of temporary files.
        in_memory = os.memfd_create("loadgen-summary") if hasattr(os, "memfd_create") else None
        self._file = tempfile.TemporaryFile() if in_memory is None else os.fdopen(in_memory, "w+b")  # noqa: SIM115  # received later
        self.descriptor = self._file.fileno()

    def receive(self) -> Summary | None:
        """Read the summary that was handed over; None if the process ended before it wrote one. Call it only once."""
        with self._file as file:
            file.seek(0)
            try:
                return msgspec.json.decode(file.read(), type=Summary)
            except msgspec.DecodeError:
                return None


def hand_over(summary: Summary) -> None:
    """Hand a summary to the process that started this one, if that process set HANDOVER."""
    if given := os.environ.get(HANDOVER):
        os.pwrite(int(given), msgspec.json.encode(summary), 0)
