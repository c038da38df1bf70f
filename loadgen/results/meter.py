"""What one worker measures, a second at a time.

Rule: recording a result is one append; the sums and histograms of a second are made when the second is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from loadgen.model import Noun, Result
from loadgen.results.histogram import Histogram, Packed

THROTTLED = 429


class Second(Noun):
    """One worker's second of the run: what was due in it, and what was answered in it."""

    second: int = 0
    sessions_started: int = 0
    sessions_active: int = 0
    in_flight: int = 0
    offered: int = 0  # batches due
    sent: int = 0  # requests answered or given up waiting for
    accepted: int = 0
    throttled: int = 0
    failed: int = 0
    retried: int = 0  # of those sent, the second and later attempts
    given_up: int = 0  # batches that will not be tried again and were not accepted
    events_sent: int = 0  # in first attempts
    events_accepted: int = 0
    events_lost: int = 0
    wire_bytes: int = 0
    raw_bytes: int = 0
    errors: dict[str, int] = msgspec.field(default_factory=dict)
    latency: Packed = Packed()
    service_time: Packed = Packed()
    lag: Packed = Packed()

    @property
    def counts(self) -> dict[str, int]:
        """The whole numbers that add up over workers and seconds, by name."""
        return {name: getattr(self, name) for name in COUNTS}

    def plus(self, other: Second) -> Second:
        """The same second of two workers."""
        return Second(
            second=self.second,
            errors=dict(Counter(self.errors) + Counter(other.errors)),
            latency=self.latency.plus(other.latency),
            service_time=self.service_time.plus(other.service_time),
            lag=self.lag.plus(other.lag),
            **{name: count + getattr(other, name) for name, count in self.counts.items()},
        )


CLOCKS = ("latency", "service_time", "lag")
COUNTS = tuple(name for name in Second.__struct_fields__ if name not in {"second", "errors", *CLOCKS})


class Meter:
    """Collects results between two seconds."""

    def __init__(self) -> None:
        self._results: list[Result] = []
        self._offered: Counter[int] = Counter()
        self._lost_batches = 0
        self._lost_events = 0
        self.record = self._results.append

    def offer(self, second: int) -> None:
        """A batch is due in this second of the run."""
        self._offered[second] += 1

    def lose(self, events: int) -> None:
        """A batch that waited for its retry when the run was stopped."""
        self._lost_batches += 1
        self._lost_events += events

    def take(self, second: int, sessions_started: int = 0, sessions_active: int = 0, in_flight: int = 0) -> Second:
        """Everything measured since the last call, as the given second of the run."""
        results = self._results.copy()
        self._results.clear()
        due = [past for past in self._offered if past <= second]
        lost = [result for result in results if result.final and not is_accepted(result)]
        taken = Second(
            second=second,
            sessions_started=sessions_started,
            sessions_active=sessions_active,
            in_flight=in_flight,
            offered=sum(self._offered.pop(past) for past in due),
            sent=len(results),
            accepted=sum(map(is_accepted, results)),
            throttled=sum(result.status == THROTTLED for result in results),
            failed=sum(not is_accepted(result) and result.status != THROTTLED for result in results),
            retried=sum(result.attempt > 1 for result in results),
            given_up=len(lost) + self._lost_batches,
            events_sent=sum(result.events for result in results if result.attempt == 1),
            events_accepted=sum(result.events for result in results if is_accepted(result)),
            events_lost=sum(result.events for result in lost) + self._lost_events,
            wire_bytes=sum(result.wire_bytes for result in results),
            raw_bytes=sum(result.raw_bytes for result in results),
            errors=dict(Counter(result.error for result in results if result.error)),
            latency=packed(result.latency for result in results),
            service_time=packed(result.service_time for result in results),
            lag=packed(result.lag for result in results),
        )
        self._lost_batches = self._lost_events = 0
        return taken


def is_accepted(result: Result) -> bool:
    """Whether the receiver kept the batch: any 2xx."""
    return result.status is not None and 200 <= result.status < 300


def packed(durations: Iterable[float]) -> Packed:
    """Durations in seconds as a packed histogram."""
    histogram = Histogram()
    histogram.add(durations)
    return histogram.pack()
