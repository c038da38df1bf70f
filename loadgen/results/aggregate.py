"""Sums of the workers' reports: one report a worker and second, added in any order, in bounded memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from loadgen.results import records as record
from loadgen.results.histogram import Floats, Histogram
from loadgen.results.meter import EventCounts, IntervalReport, PreflightResult
from loadgen.results.outcomes import Metrics, Outcomes
from loadgen.results.quota import MOST_MOMENTS, QuotaEstimate, estimate_quota
from loadgen.results.records import Records
from loadgen.results.summary import Milliseconds, PreflightSummary

LEVELS = ("sessions_active", "in_flight", "cpu_percent", "rss_bytes")
COUNTS = ("sessions_started", "preflights", "preflights_refused")
KEPT_MOMENTS = 2 * MOST_MOMENTS  # acceptances and refusals kept for the estimate of the quota, 8 bytes each


class OpenSecond:
    """A second of the run that is not yet written: counts add up, of a worker's levels the latest value counts."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.monitors: defaultdict[int, Outcomes] = defaultdict(Outcomes.of)  # by app monitor; empty with one
        self.sessions_started = self.preflights = self.preflights_refused = 0
        self.levels: dict[int, dict[str, float]] = {}  # by worker

    @property
    def gauges(self) -> dict[str, float]:
        """The latest levels, summed over workers, and the counts of started sessions, preflights and refused ones."""
        levels = {name: sum(each[name] for each in self.levels.values()) for name in LEVELS}
        counts = {name: getattr(self, name) for name in COUNTS}
        return counts | levels


class PreflightMetrics:
    """Counts and latency of the CORS preflights of a run so far."""

    def __init__(self) -> None:
        self.sent = self._allowed = self._answered = 0
        self._latency = Histogram()

    def add(self, results: Iterable[PreflightResult]) -> None:
        """Add finished preflights."""
        finished = list(results)
        self.sent += len(finished)
        self._allowed += sum(each.allowed for each in finished)
        self._answered += sum(each.answered for each in finished)
        self._latency.add(np.array([each.latency for each in finished]))

    def sum_up(self) -> PreflightSummary:
        """Return the preflights' figures for a run's summary."""
        refused, unanswered = self._answered - self._allowed, self.sent - self._answered
        return PreflightSummary(self.sent, self._allowed, refused, unanswered, Milliseconds.of(self._latency))


class Aggregate:
    """The sums of a run so far: of the whole run, of each stage and app monitor, and of each second not yet written.

    `stage_ends` are the ends of the arrivals' stages in seconds from the run's zero, ascending; `names` are the names
    of the app monitors.
    """

    def __init__(self, stage_ends: tuple[float, ...] = (), names: tuple[str, ...] = ("",)) -> None:
        self.metrics = Metrics()
        self.names = names
        self.monitors = [self.metrics] if len(names) == 1 else [Metrics() for _ in names]
        self.stages = [Metrics() for _ in stage_ends]
        self.stage_ends = stage_ends
        self.event_mix: Counter[str] = Counter()
        self.cpu_percent: list[float] = []
        self.rss_bytes_max = 0
        self.preflights = PreflightMetrics()
        self.last_answer = 0.0
        self.shortages: Counter[str] = Counter()  # batches that a worker's machine could not send, by cause
        self.foreign_answer = ""  # the first answer that was not RUM's, described for people; "": none
        self._tallies: dict[int, tuple[EventCounts, ...]] = {}  # by worker, one for each app monitor
        self._last_seconds: dict[int, int] = {}
        self._open: defaultdict[int, OpenSecond] = defaultdict(OpenSecond)
        self._settled = -1
        self._accepted: list[Floats] = []
        self._refused: list[Floats] = []
        self._moments = 0

    def add(self, report: IntervalReport) -> None:
        """Add a worker's report of a second. If that second is already written, the next open one takes its counts."""
        second = self._find_open(report.second)
        second.sessions_started += report.sessions_started
        second.preflights += len(report.preflights)
        second.preflights_refused += sum(not each.allowed for each in report.preflights)
        second.levels[report.worker] = {name: getattr(report, name) for name in LEVELS}
        self._add_offered(report, second)
        self.event_mix.update(report.event_mix)
        self.shortages.update(report.shortages)
        self.preflights.add(report.preflights)
        self.foreign_answer = self.foreign_answer or report.foreign_answer
        if report.tallies:
            self.account(report.worker, *report.tallies)
        self._last_seconds[report.worker] = max(report.second, self._last_seconds.get(report.worker, 0))
        self.add_records(record.unpack_records(report.records))

    def add_records(self, batch: Records) -> None:
        """Add records of any worker and any seconds, shape (n,)."""
        if not len(batch):
            return
        self.metrics.add(batch)
        self.last_answer = max(self.last_answer, float(batch["finished"].max()))
        self._keep_moments(batch)
        for second, part in split(batch, batch["finished"].astype(np.int64)):
            self._add_to_second(self._find_open(second), part)
        if len(self.monitors) > 1:
            for monitor, part in split(batch, batch["monitor"]):
                self.monitors[monitor].add(part)
        if self.stages:
            stages = np.searchsorted(self.stage_ends, batch["intended"], side="right")
            # A batch that was due after the last stage counts in that stage.
            for stage, part in split(batch, np.minimum(stages, len(self.stages) - 1)):
                self.stages[stage].add(part)

    def account(self, worker: int, *tallies: EventCounts) -> None:
        """Keep a worker's event counts since the run's zero, one for each app monitor, in place of its earlier ones."""
        self._tallies[worker] = tallies

    def find_progress(self, worker: int) -> tuple[int, int | None]:
        """Return how many sessions a worker had drawn at its last report, and that report's second; None: no report."""
        drawn = sum(tally.sessions for tally in self._tallies.get(worker, ()))
        return drawn, self._last_seconds.get(worker)

    @property
    def tally(self) -> EventCounts:
        """The event counts of all workers and app monitors."""
        return sum(self.tallies, EventCounts())

    @property
    def tallies(self) -> tuple[EventCounts, ...]:
        """The event counts of all workers, one for each app monitor."""
        nothing = [EventCounts()] * len(self.monitors)
        return tuple(sum(each, EventCounts()) for each in zip(nothing, *self._tallies.values(), strict=True))

    def settle(self, before: int) -> list[tuple[int, OpenSecond]]:
        """Close the seconds of the run before `before`; return those that were still open, in order."""
        ready = sorted(second for second in self._open if second < before)
        self._settled = max(self._settled, before - 1)
        settled = [(second, self._open.pop(second)) for second in ready]
        for _, closed in settled:
            self.cpu_percent.append(closed.gauges["cpu_percent"])
            self.rss_bytes_max = max(self.rss_bytes_max, int(closed.gauges["rss_bytes"]))
        return settled

    def estimate_quota(self) -> QuotaEstimate | None:
        """Estimate the target's token bucket from its 429s; None when there were too few."""
        if not self._accepted or not self._refused:
            return None
        slow, quick = (self.metrics.service_time.quantile_ms(share) or 0.0 for share in (0.9, 0.1))
        scatter = (slow - quick) / 2 / 1000
        return estimate_quota(np.concatenate(self._accepted), np.concatenate(self._refused), scatter)

    def _find_open(self, second: int) -> OpenSecond:
        return self._open[max(second, self._settled + 1)]

    def _add_offered(self, report: IntervalReport, second: OpenSecond) -> None:
        self.metrics.offer(report.offered)
        second.metrics.offer(report.offered)
        for stage, offered in zip(self.stages, report.offered_by_stage, strict=False):
            stage.offer(offered)
        if len(self.monitors) > 1:
            for monitor, offered in enumerate(report.offered_by_monitor):
                self.monitors[monitor].offer(offered)
                second.monitors[monitor] += Outcomes.of(offered=offered)

    def _keep_moments(self, batch: Records) -> None:
        if self._moments > KEPT_MOMENTS:
            return
        self._moments += len(batch)
        middle = (batch["started"] + batch["finished"]) / 2  # about when the target decided
        self._accepted.append(middle[record.is_accepted(batch)])
        self._refused.append(middle[record.is_throttled(batch)])

    def _add_to_second(self, second: OpenSecond, batch: Records) -> None:
        second.metrics.add(batch)
        if len(self.monitors) > 1:
            for monitor, part in split(batch, batch["monitor"]):
                second.monitors[monitor] += Outcomes.count(part)


def split(batch: Records, keys: NDArray[np.integer]) -> list[tuple[int, Records]]:
    """Split records by their keys, shape (n,): return (key, records) pairs, ascending by key."""
    return [(key, batch[keys == key]) for key in np.unique(keys).tolist()]
