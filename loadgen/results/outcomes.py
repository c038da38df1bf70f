"""What became of requests: counts by outcome and unit, the causes of failures, and the histograms of the clocks.

Rule: every attempt counts, so sent = accepted + throttled + failed in each unit; offered and given up count each batch
once. The same code sums during a run, at its end, and after a crash.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from loadgen.causes import FOREIGN, OWN, may_have_arrived
from loadgen.model import Noun, Volume
from loadgen.results import records as record
from loadgen.results.histogram import Histogram
from loadgen.results.records import Records

COUNTED = ("sent", "accepted", "throttled", "failed", "retried", "recovered", "given_up")
"""The outcomes that are counted from the records; `offered` comes from the workers' reports."""

UNITS = Volume.__struct_fields__

Amount = TypeVar("Amount")
Other = TypeVar("Other")


class ByOutcome(Noun, Generic[Amount]):
    """An amount by outcome; every attempt counts, so sent = accepted + throttled + failed."""

    offered: Amount  # batches due
    sent: Amount
    accepted: Amount
    throttled: Amount
    failed: Amount
    retried: Amount  # second and later attempts
    recovered: Amount  # accepted by a retry
    given_up: Amount  # batches that were tried and never accepted

    def measure(self, read: Callable[[Amount], Other]) -> dict[str, Other]:
        """Apply `read` to each amount; return the results by outcome."""
        return {name: read(getattr(self, name)) for name in self.__struct_fields__}


class Content(Noun):
    """What requests carried: the events and bytes of a volume, without its number of requests."""

    events: int
    wire_bytes: int
    raw_bytes: int

    @classmethod
    def of(cls, volume: Volume) -> Content:
        """Return the content of a volume."""
        return cls(volume.events, volume.wire_bytes, volume.raw_bytes)


class Requests(ByOutcome[int]):
    """The number of HTTP requests, or of batches, by outcome."""

    @property
    def amplification(self) -> float | None:
        """Requests per batch that was tried; None when no batch was tried."""
        batches = self.sent - self.retried
        return self.sent / batches if batches else None


class Outcomes(ByOutcome[Volume]):
    """Volumes by outcome: counts by outcome and unit."""

    @classmethod
    def of(cls, **volumes: Volume) -> Outcomes:
        """Return the given volumes by outcome; the volumes of the other outcomes are 0."""
        return cls(**dict.fromkeys(cls.__struct_fields__, Volume()) | volumes)

    def __add__(self, other: Outcomes) -> Outcomes:
        return Outcomes(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))

    @classmethod
    def count(cls, batch: Records) -> Outcomes:
        """Count records by outcome; `offered` stays 0."""
        ok, refused, again = record.is_accepted(batch), record.is_throttled(batch), batch["attempt"] > 1
        kinds = (np.ones(len(batch), bool), ok, refused, ~ok & ~refused, again, ok & again, batch["final"] & ~ok)
        sums = (np.stack(kinds).astype(np.int64) @ measure_volumes(batch)).tolist()
        return cls.of(**{outcome: Volume(*row) for outcome, row in zip(COUNTED, sums, strict=True)})

    @property
    def tried(self) -> Volume:
        """The batches that were sent at least once."""
        return self.sent - self.retried

    @property
    def requests(self) -> Requests:
        """The number of requests, or of batches, by outcome."""
        return Requests(**self.measure(lambda volume: volume.requests))

    @property
    def contents(self) -> ByOutcome[Content]:
        """The events and bytes of the requests, by outcome."""
        return ByOutcome(**self.measure(Content.of))

    def flatten(self) -> dict[str, int]:
        """Return all counts by name: throttled, throttled_events, throttled_wire_bytes and so on."""
        return {
            name_count(outcome, unit): getattr(getattr(self, outcome), unit)
            for outcome in self.__struct_fields__
            for unit in UNITS
        }


MOST_CAUSES = 200
"""The most causes of failure that are counted one by one. Some causes are named by the target, which may send a new
name with each answer; the limit bounds the memory."""

OTHERS = "other errors"
"""The cause under which all causes beyond MOST_CAUSES are counted."""


class Metrics:
    """Outcomes, failures and clocks of a run, a stage, an app monitor or a second; records come in any order."""

    def __init__(self) -> None:
        self.outcomes = Outcomes.of()
        self.unanswered = Volume()  # requests that may have been accepted: no answer came, or one that was not RUM's
        self.failures: defaultdict[str, Volume] = defaultdict(Volume)  # by cause
        self.latency, self.service_time, self.lag = Histogram(), Histogram(), Histogram()
        self.acceptance = Histogram()  # from an event to its acceptance

    def add(self, batch: Records) -> None:
        """Add records, shape (n,)."""
        if not len(batch):
            return
        self.outcomes += Outcomes.count(batch)
        ok = record.is_accepted(batch)
        self._add_failures(batch[~ok & ~record.is_throttled(batch)])
        self._add_clocks(batch, ok)

    def offer(self, batches: Volume) -> None:
        """Add batches that were due."""
        self.outcomes += Outcomes.of(offered=batches)

    def _add_failures(self, failed: Records) -> None:
        if not len(failed):
            return
        causes, places = np.unique(failed["error"], return_inverse=True)
        volumes = measure_volumes(failed)
        sums = np.zeros((len(causes), len(UNITS)), np.int64)
        np.add.at(sums, places, volumes)
        for cause, row in zip(causes.tolist(), sums.tolist(), strict=True):
            self.failures[self._group(cause.decode())] += Volume(*row)
        foreign = np.array([cause.startswith(FOREIGN.encode()) for cause in causes.tolist()], bool)[places]
        arrived = np.array([may_have_arrived(cause.decode()) for cause in causes.tolist()], bool)[places]
        unanswered = ((failed["status"] == record.NO_ANSWER) & arrived) | foreign
        self.unanswered += Volume(*volumes[unanswered].sum(axis=0).tolist())

    def _group(self, cause: str) -> str:
        """Return the cause under which a failure is counted: its own, or a common one if there are too many causes."""
        if cause in self.failures or len(self.failures) < MOST_CAUSES or cause.startswith(OWN):
            return cause
        return f"{FOREIGN}{OTHERS}" if cause.startswith(FOREIGN) else OTHERS

    def _add_clocks(self, batch: Records, ok: NDArray[np.bool_]) -> None:
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
    def clocks(self) -> dict[str, Histogram]:
        """All clocks, by name."""
        return {name: getattr(self, name) for name in ("latency", "service_time", "lag", "acceptance")}


def name_count(outcome: str, unit: str) -> str:
    """Return the name of a count: throttled (for requests), throttled_events, throttled_wire_bytes."""
    return outcome if unit == "requests" else f"{outcome}_{unit}"


def measure_volumes(batch: Records) -> NDArray[np.int64]:
    """Return each record's amount in every unit, shape (n, len(UNITS))."""
    columns = (np.ones(len(batch)), batch["events"], batch["wire_bytes"], batch["raw_bytes"])
    return np.stack(columns, axis=1).astype(np.int64)
