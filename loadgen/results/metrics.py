"""Counts and histograms of a set of records: of a run, a stage, or a second."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from loadgen.results import records as record
from loadgen.results.histogram import Histogram
from loadgen.results.meter import Volume
from loadgen.results.outcomes import UNITS, amounts, counted
from loadgen.results.records import Records


class Metrics:
    """Adds records up, in any order."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.failures: defaultdict[str, Volume] = defaultdict(Volume)  # by cause
        self.latency, self.service_time, self.lag = Histogram(), Histogram(), Histogram()
        self.acceptance = Histogram()  # from an event to its acceptance

    def add(self, batch: Records) -> None:
        """Add records, shape (n,)."""
        if not len(batch):
            return
        self.counts.update(counts_of(batch))
        ok = record.accepted(batch)
        self._fail(batch[~ok & ~record.throttled(batch)])
        self._time(batch, ok)

    def _fail(self, failed: Records) -> None:
        causes, places = np.unique(failed["error"], return_inverse=True)
        sums = np.zeros((len(causes), len(UNITS)), np.int64)
        np.add.at(sums, places, amounts(failed))
        for cause, row in zip(causes.tolist(), sums.tolist(), strict=True):
            name = cause.decode()
            self.failures[name] = self.failures[name].plus(Volume(*row))

    def _time(self, batch: Records, ok: np.typing.NDArray[np.bool_]) -> None:
        latency = batch["finished"] - batch["intended"]
        self.latency.add(latency)
        self.service_time.add(batch["finished"] - batch["started"])
        self.lag.add(batch["started"] - batch["intended"])
        self.acceptance.add((latency + batch["waited"])[ok], batch["events"][ok])

    @property
    def errors(self) -> Counter[str]:
        """Failed requests by cause."""
        return Counter({cause: failed.requests for cause, failed in self.failures.items()})

    @property
    def clocks(self) -> tuple[Histogram, Histogram, Histogram, Histogram]:
        """Latency, service time, lag, and the time from event to acceptance."""
        return self.latency, self.service_time, self.lag, self.acceptance


def counts_of(batch: Records) -> Counter[str]:
    """Records added up by outcome and unit, and in the names of the summary."""
    counts = counted(batch)
    unanswered = (batch["status"] == record.NO_ANSWER) & (batch["error"] != b"refused")  # may have arrived
    counts.update(
        events_sent=counts["sent_events"] - counts["retried_events"],  # in first attempts
        events_accepted=counts["accepted_events"],
        events_lost=counts["given_up_events"],
        wire_bytes=counts["sent_wire_bytes"],
        raw_bytes=counts["sent_raw_bytes"],
        unanswered=int(unanswered.sum()),
        events_unanswered=int(batch["events"][unanswered].sum()),
    )
    return counts
