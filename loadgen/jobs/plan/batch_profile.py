"""Planned sessions → their batches without content: when each is due, how many events and bytes it has.

Rule: batches come from `planned` and their bytes from `wire.encode`, the code that a run sends with. This module
counts.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from loadgen import client, wire
from loadgen.model import Batch, Session
from loadgen.planned import UNSENT_MONITOR_ID, PlannedSession
from loadgen.scenario import Scenario
from loadgen.traffic import Bools, Floats, Ints

EPOCH = 1_767_225_600.0
"""2026-01-01 in Unix time: the time of the run's zero in encoded bodies, unless a run's own is given."""

MeasureBatch = Callable[[Batch], tuple[int, int, bool]]
"""A batch's body in bytes, before gzip and as sent, and whether it goes as a beacon."""


class FirstAttempts(NamedTuple):
    """First attempts at batches, as columns."""

    due: Floats  # seconds from the run's zero
    events: Ints
    raw_bytes: Ints
    wire_bytes: Ints
    beacon: Bools
    preflight: Bools  # the browser asks for permission first

    def select(self, kept: Bools | Ints) -> FirstAttempts:
        """Some of the rows."""
        due, events, raw_bytes, wire_bytes, beacon, preflight = self
        return FirstAttempts(due[kept], events[kept], raw_bytes[kept], wire_bytes[kept], beacon[kept], preflight[kept])

    def sort_by_due(self) -> FirstAttempts:
        """The rows in the order of their due times."""
        return self.select(np.argsort(self.due, kind="stable"))


class BatchProfile(NamedTuple):
    """Batches of sessions, ordered by session; `begins` has one entry more than there are sessions."""

    starts: Floats  # of each session, seconds from the run's zero
    begins: Ints  # each session's first row
    tallies: Ints  # [session]: generated, not sampled, over the session limit, dropped by the client
    attempts: FirstAttempts  # a row each batch
    client_session: Ints  # of each batch, its number within the visit: the client samples each by a draw of its own
    weights: Floats | None = None  # of sessions that stand for more, 1 on average; None: all alike

    @property
    def sessions(self) -> int:
        """Number of sessions."""
        return len(self.starts)

    @property
    def batches_per_session(self) -> Ints:
        """Number of batches of each session."""
        return np.diff(self.begins)

    def sum_by_session(self, column: Ints) -> Floats:
        """A column of the batches, summed by session."""
        summed = np.concatenate(([0], np.cumsum(column)))
        return np.diff(summed[self.begins]).astype(np.float64)


def make_batch_measure(scenario: Scenario, monitor_id: str = UNSENT_MONITOR_ID, epoch: float = EPOCH) -> MeasureBatch:
    """A function that encodes batches as a run does, and returns the size of their bodies and whether each is a beacon.

    The same monitor and clock give the same bytes, gzip included. Another monitor or clock leaves the size before gzip
    as it is, except for trace events, which contain decimal times.
    """
    destination = wire.Destination.for_scenario(scenario, monitor_id)
    clock = wire.Clock(epoch)

    def measure(batch: Batch) -> tuple[int, int, bool]:
        encoded = wire.encode(batch, destination, clock)
        return encoded.raw_bytes, len(encoded.request.body), encoded.beacon

    return measure


class ProfileBuilder:
    """Collects the batches of a scenario's sessions one after the other, in flat arrays."""

    def __init__(self, scenario: Scenario, measure: MeasureBatch | None = None) -> None:
        self._measure, self._settings = measure or make_batch_measure(scenario), scenario.client
        self._starts, self._due = array("d"), array("d")
        self._begins, self._tallies, self._figures = array("q", [0]), array("q"), array("i")

    def add(self, session: Session, plan: client.Plan) -> None:
        """Add a session's batches."""
        client_sessions: dict[str, int] = {}
        preflights = client.Preflights(session.visitor, self._settings)
        for batch in plan.batches:
            raw_bytes, wire_bytes, beacon = self._measure(batch)
            asks = preflights.must_ask(batch.due, beacon)
            number = client_sessions.setdefault(batch.session_id, len(client_sessions))
            self._due.append(batch.due)
            self._figures.extend((len(batch.events), raw_bytes, wire_bytes, batch.beacon, asks, number))
        tally = plan.tally
        self._starts.append(session.start)
        self._begins.append(len(self._due))
        self._tallies.extend((tally.generated, tally.not_sampled, tally.over_session_limit, tally.dropped_by_client))

    def build(self) -> BatchProfile:
        """The batches so far."""
        events, raw, wired, beacon, preflight, number = np.array(self._figures, dtype=np.int64).reshape(-1, 6).T
        return BatchProfile(
            starts=np.array(self._starts),
            begins=np.array(self._begins, dtype=np.int64),
            tallies=np.array(self._tallies, dtype=np.int64).reshape(-1, 4),
            attempts=FirstAttempts(
                np.array(self._due), events, raw, wired, beacon.astype(bool), preflight.astype(bool)
            ),
            client_session=number,
        )


def profile_batches(
    sessions: Iterable[PlannedSession], scenario: Scenario, measure: MeasureBatch | None = None
) -> BatchProfile:
    """The batches of these sessions, as the scenario's client sends them."""
    builder = ProfileBuilder(scenario, measure)
    for session, plan in sessions:
        builder.add(session, plan)
    return builder.build()
