"""The batch profile: the batches of planned sessions without their content (due time, events and bytes of each).

Rule: batches come from `planned` and their bytes from `wire.encode`, the code that a run sends with. This module only
counts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from loadgen import client, wire
from loadgen.model import Session
from loadgen.planned import UNSENT_MONITOR_ID, PlannedSession
from loadgen.scenario import Scenario
from loadgen.traffic import Bools, Floats, Ints

CLOCK = wire.Clock(1_767_225_600.0)
"""The clock of encoded bodies: the run's zero is 2026-01-01. A run with the same clock and app monitor has the same
bytes, gzip included. With others the size before gzip is the same, except for trace events, which contain decimal
times."""


class FirstAttempts(NamedTuple):
    """First attempts at batches, as columns of one row for each batch."""

    due: Floats  # seconds from the run's zero
    events: Ints
    raw_bytes: Ints
    wire_bytes: Ints
    beacon: Bools
    preflight: Bools  # the browser sends a CORS preflight first

    def select(self, kept: Bools | Ints) -> FirstAttempts:
        """Return the rows that a mask or an array of row numbers selects."""
        due, events, raw_bytes, wire_bytes, beacon, preflight = self
        return FirstAttempts(due[kept], events[kept], raw_bytes[kept], wire_bytes[kept], beacon[kept], preflight[kept])

    def sort_by_due(self) -> FirstAttempts:
        """Return the rows in the order of their due times."""
        return self.select(np.argsort(self.due, kind="stable"))


class BatchProfile(NamedTuple):
    """The batches of many sessions, ordered by session."""

    starts: Floats  # start of each session, in seconds from the run's zero
    begins: Ints  # first row of each session, and one more entry: the number of rows
    counts: Ints  # [session]: generated, not sampled, over the session limit, dropped by the client
    attempts: FirstAttempts  # one row for each batch
    client_session: Ints  # [batch]: number of its client session within the visit; each is sampled by its own draw
    weights: Floats | None = None  # [session]: weight in a sample, 1 on average; None: all are 1

    @property
    def sessions(self) -> int:
        """Number of sessions."""
        return len(self.starts)

    @property
    def batches_per_session(self) -> Ints:
        """Number of batches of each session."""
        return np.diff(self.begins)

    def sum_by_session(self, column: Ints) -> Floats:
        """Return the sums of a column of the batches by session."""
        summed = np.concatenate(([0], np.cumsum(column)))
        return np.diff(summed[self.begins]).astype(np.float64)


class ProfileBuilder:
    """A builder of a batch profile, session by session, in flat arrays."""

    def __init__(self, scenario: Scenario) -> None:
        self._destination = wire.Destination.for_scenario(scenario, UNSENT_MONITOR_ID)
        self._settings = scenario.client
        self._starts, self._due = array("d"), array("d")
        self._begins, self._counts, self._figures = array("q", [0]), array("q"), array("i")

    def add(self, session: Session, plan: client.Plan) -> None:
        """Add the batches of a session, as its plan has them."""
        client_sessions: dict[str, int] = {}
        preflights = client.Preflights(session.visitor, self._settings)
        for batch in plan.batches:
            encoded = wire.encode(batch, self._destination, CLOCK)
            asks = preflights.must_ask(batch.due, encoded.beacon)
            number = client_sessions.setdefault(batch.session_id, len(client_sessions))
            self._due.append(batch.due)
            sizes = (len(batch.events), encoded.raw_bytes, len(encoded.request.body))
            self._figures.extend((*sizes, batch.beacon, asks, number))
        counts = plan.counts
        self._starts.append(session.start)
        self._begins.append(len(self._due))
        self._counts.extend((counts.generated, counts.not_sampled, counts.over_session_limit, counts.dropped_by_client))

    def build(self) -> BatchProfile:
        """Return the profile of the sessions added so far."""
        events, raw, wired, beacon, preflight, number = np.array(self._figures, dtype=np.int64).reshape(-1, 6).T
        return BatchProfile(
            starts=np.array(self._starts),
            begins=np.array(self._begins, dtype=np.int64),
            counts=np.array(self._counts, dtype=np.int64).reshape(-1, 4),
            attempts=FirstAttempts(
                np.array(self._due), events, raw, wired, beacon.astype(bool), preflight.astype(bool)
            ),
            client_session=number,
        )


def profile_batches(sessions: Iterable[PlannedSession], scenario: Scenario) -> BatchProfile:
    """Return the profile of these sessions, as the scenario's client sends them."""
    builder = ProfileBuilder(scenario)
    for session, plan in sessions:
        builder.add(session, plan)
    return builder.build()
