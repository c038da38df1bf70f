"""Scenario and seed → one population: its client sessions and what each would tell RUM, as columns.

Rule: a session is recorded whole or not at all, by the client's own draw: at a rate of r, those whose draw is below r.
So the sessions recorded at a low rate are among those recorded at a higher one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from loadgen import client, traffic
from loadgen.model import Batch, Session
from loadgen.rum.events import JS_ERROR, PAGE_VIEW
from loadgen.scenario import Scenario
from loadgen.traffic import Bools, Floats, Ints
from loadgen.wire import read_vital

VITALS = ("LCP", "FCP", "TTFB", "INP", "CLS")


class Vital(NamedTuple):
    """The values of one vital, and the client session of each."""

    session: Ints
    value: Floats


class Population(NamedTuple):
    """Client sessions of the visits that were drawn; what they send at a sample rate of 1."""

    visits: int  # drawn
    expected: float  # visits of the scenario's whole run
    duration: float  # of the run, seconds
    draw: Floats  # recorded at every rate above this
    views: Ints
    events: Ints
    failed: Bools  # a JavaScript error occurred
    vitals: dict[str, Vital]

    @property
    def sessions(self) -> int:
        """Client sessions."""
        return len(self.draw)

    @property
    def sessions_per_second(self) -> float:
        """Client sessions a second of the run, on the mean."""
        return self.sessions / max(self.visits, 1) * self.expected / self.duration


class _Columns:
    """Grows session by session."""

    def __init__(self) -> None:
        self.draw: list[float] = []
        self.views: list[int] = []
        self.events: list[int] = []
        self.failed: list[bool] = []
        self.vitals: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))

    def add(self, session: Session, batches: tuple[Batch, ...]) -> None:
        """A visit's client sessions, by the ids of its batches."""
        spoken: dict[str, list[Batch]] = defaultdict(list)
        for batch in batches:
            spoken[batch.session_id].append(batch)
        number = 0
        for session_id, some in spoken.items():
            while client.session_id(session.key, number) != session_id:
                number += 1
            self._one(client.sampling_draw(session.key, number), some)

    def _one(self, draw: float, batches: list[Batch]) -> None:
        types = [event.type for batch in batches for event in batch.events]
        for batch in batches:
            for event in batch.events:
                if (vital := read_vital(event)) is not None:
                    rows, values = self.vitals[vital[0]]
                    rows.append(len(self.draw))
                    values.append(vital[1])
        self.draw.append(draw)
        self.views.append(types.count(PAGE_VIEW))
        self.events.append(len(types))
        self.failed.append(JS_ERROR in types)


def draw(scenario: Scenario, seed: int, most: int) -> Population:
    """Draw the visits of a run, or of every how many-th block of one with more than `most`."""
    expected = traffic.rate(scenario).expected
    columns, visits = _Columns(), 0
    for session in traffic.sessions(scenario, seed, (0, -(-int(expected) // most) or 1)):
        visits += 1
        columns.add(session, client.plan(session, scenario.client, 1.0).batches)
    vitals = {
        name: Vital(np.array(columns.vitals[name][0], dtype=np.int64), np.array(columns.vitals[name][1], dtype=float))
        for name in VITALS
    }
    return Population(
        visits,
        expected,
        scenario.duration,
        np.array(columns.draw),
        np.array(columns.views, dtype=np.int64),
        np.array(columns.events, dtype=np.int64),
        np.array(columns.failed, dtype=bool),
        vitals,
    )
