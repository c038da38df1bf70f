"""Counts and histograms of a set of records: of a run, a stage, or a second."""

from __future__ import annotations

from collections import Counter

import numpy as np

from loadgen.results import records as record
from loadgen.results.histogram import Histogram
from loadgen.results.records import Records


class Figures:
    """Adds records up, in any order."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.latency, self.service_time, self.lag = Histogram(), Histogram(), Histogram()
        self.acceptance = Histogram()  # from an event to its acceptance

    def add(self, batch: Records) -> None:
        """Add records, shape (n,)."""
        if not len(batch):
            return
        ok, refused = record.accepted(batch), record.throttled(batch)
        first, lost = batch["attempt"] == 1, batch["final"] & ~ok
        events, failed = batch["events"], ~ok & ~refused
        unanswered = (batch["status"] == record.NO_ANSWER) & (batch["error"] != b"refused")  # may have arrived
        self.counts.update(
            sent=len(batch),
            accepted=int(ok.sum()),
            throttled=int(refused.sum()),
            failed=int(failed.sum()),
            retried=int((~first).sum()),
            recovered=int((ok & ~first).sum()),
            given_up=int(lost.sum()),
            events_sent=int(events[first].sum()),
            events_accepted=int(events[ok].sum()),
            events_lost=int(events[lost].sum()),
            wire_bytes=int(batch["wire_bytes"].sum()),
            raw_bytes=int(batch["raw_bytes"].sum()),
            accepted_wire_bytes=int(batch["wire_bytes"][ok].sum()),
            accepted_raw_bytes=int(batch["raw_bytes"][ok].sum()),
            unanswered=int(unanswered.sum()),
            events_unanswered=int(events[unanswered].sum()),
        )
        causes, times = np.unique(batch["error"][failed], return_counts=True)
        self.errors.update({cause.decode(): int(n) for cause, n in zip(causes.tolist(), times, strict=True)})
        self._time(batch, ok)

    def _time(self, batch: Records, ok: np.typing.NDArray[np.bool_]) -> None:
        latency = batch["finished"] - batch["intended"]
        self.latency.add(latency)
        self.service_time.add(batch["finished"] - batch["started"])
        self.lag.add(batch["started"] - batch["intended"])
        self.acceptance.add((latency + batch["waited"])[ok], batch["events"][ok])

    @property
    def clocks(self) -> tuple[Histogram, Histogram, Histogram, Histogram]:
        """Latency, service time, lag, and the time from event to acceptance."""
        return self.latency, self.service_time, self.lag, self.acceptance
