"""Sessions → what they send, without its content: when, how many events, how many bytes.

Rule: everything comes from `client.plan` and `wire.encode`, the code that a run sends with; here it is only counted.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from loadgen import client, wire
from loadgen.model import Batch, Session
from loadgen.scenario import Client, Scenario
from loadgen.traffic import Bools, Floats, Ints

EPOCH = 1_767_225_600.0
"""2026-01-01 in Unix time: where a rehearsal's clock stands unless a run's own is given."""

MONITOR_ID = "00000000-0000-4000-8000-000000000000"

Weigh = Callable[[Batch], tuple[int, int]]
"""A batch's body in bytes: before gzip, and as sent."""


class Shapes(NamedTuple):
    """Batches as columns, those of one session behind each other; one more entry of `begins` marks the end."""

    starts: Floats  # of each session, seconds from the run's zero
    begins: Ints  # each session's first row
    tallies: Ints  # [session]: generated, not sampled, over the session limit, dropped by the client
    due: Floats  # of each batch, seconds from the run's zero
    events: Ints
    raw_bytes: Ints
    wire_bytes: Ints
    beacon: Bools
    visit: Ints  # number of the client session within its visit: sampling draws once for each

    @property
    def sessions(self) -> int:
        """How many sessions were rehearsed."""
        return len(self.starts)

    @property
    def sizes(self) -> Ints:
        """Batches of each session."""
        return np.diff(self.begins)

    def per_session(self, column: Ints) -> Floats:
        """A column of the batches, summed by session."""
        summed = np.concatenate(([0], np.cumsum(column)))
        return np.diff(summed[self.begins]).astype(np.float64)


def weigher(scenario: Scenario, monitor_id: str = MONITOR_ID, epoch: float = EPOCH, pace: float = 1.0) -> Weigh:
    """Encodes batches as a run of the scenario does; the same monitor and clock give the same bytes, gzip included.

    Another monitor or clock leaves the bytes before gzip as they are (but for traces, which hold decimal times).
    """
    destination = wire.Destination.of(scenario, monitor_id)
    clock = wire.Clock(epoch, pace)

    def weigh(batch: Batch) -> tuple[int, int]:
        encoded = wire.encode(batch, destination, clock)
        return encoded.raw_bytes, len(encoded.request.body)

    return weigh


class Rehearsal:
    """Collects the shapes of sessions one after the other, in flat arrays."""

    def __init__(self, settings: Client, sample_rate: float, weigh: Weigh) -> None:
        self._settings, self._sample_rate, self._weigh = settings, sample_rate, weigh
        self._starts, self._due = array("d"), array("d")
        self._begins, self._tallies, self._figures = array("q", [0]), array("q"), array("i")

    def add(self, session: Session) -> None:
        """Let the web client plan a session, and note what it means to send."""
        plan = client.plan(session, self._settings, self._sample_rate)
        visits: dict[str, int] = {}
        for batch in plan.batches:
            raw_bytes, wire_bytes = self._weigh(batch)
            visit = visits.setdefault(batch.session_id, len(visits))
            self._due.append(batch.due)
            self._figures.extend((len(batch.events), raw_bytes, wire_bytes, batch.beacon, visit))
        tally = plan.tally
        self._starts.append(session.start)
        self._begins.append(len(self._due))
        self._tallies.extend((tally.generated, tally.not_sampled, tally.over_session_limit, tally.dropped_by_client))

    def shapes(self) -> Shapes:
        """What was collected."""
        figures = np.array(self._figures, dtype=np.int64).reshape(-1, 5).T
        return Shapes(
            starts=np.array(self._starts),
            begins=np.array(self._begins, dtype=np.int64),
            tallies=np.array(self._tallies, dtype=np.int64).reshape(-1, 4),
            due=np.array(self._due),
            events=figures[0],
            raw_bytes=figures[1],
            wire_bytes=figures[2],
            beacon=figures[3].astype(bool),
            visit=figures[4],
        )


def shapes(sessions: Iterable[Session], settings: Client, sample_rate: float, weigh: Weigh) -> Shapes:
    """What these sessions send."""
    rehearsal = Rehearsal(settings, sample_rate, weigh)
    for session in sessions:
        rehearsal.add(session)
    return rehearsal.shapes()


def noted(sessions: Iterable[Session], *rehearsals: Rehearsal) -> Iterator[Session]:
    """The same sessions, each rehearsed on its way past."""
    for session in sessions:
        for rehearsal in rehearsals:
            rehearsal.add(session)
        yield session
