"""Scenario and seed → one population of client sessions and what each would tell RUM, as columns.

Rule: the web client records a session whole or not at all, by one random draw: at sample rate r, those whose draw is
below r. So the sessions recorded at a low rate are among those recorded at a higher one. One exception is left out: an
unsampled session ends sessionLengthSeconds after its begin, whatever happens in it, and a longer visit draws again.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from loadgen import client, traffic
from loadgen.jobs.progress import OnProgress, Ticker, ignore_progress, track
from loadgen.model import Batch, Session
from loadgen.planned import planned
from loadgen.rum.events import JS_ERROR, PAGE_VIEW
from loadgen.scenario import Scenario
from loadgen.traffic import Bools, Floats, Ints
from loadgen.wire import read_vital

VITALS = ("LCP", "FCP", "TTFB", "INP", "CLS")


class VitalColumn(NamedTuple):
    """The values of one web vital, and the client session of each."""

    session: Ints
    value: Floats


class SessionPopulation(NamedTuple):
    """Client sessions of the visits that were drawn; what they send at sample rate 1."""

    visits: int  # drawn
    expected: float  # visits of the scenario's whole run
    duration: float  # of the run, seconds
    draw: Floats  # a session is recorded at every rate above its draw
    views: Ints
    events: Ints
    failed: Bools  # whether a JavaScript error occurred
    vitals: dict[str, VitalColumn]

    @property
    def sessions(self) -> int:
        """Number of client sessions."""
        return len(self.draw)

    @property
    def sessions_per_second(self) -> float:
        """Client sessions per second of the run, on average."""
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
        """Add a visit's client sessions, which the ids of its batches tell apart."""
        by_id: dict[str, list[Batch]] = defaultdict(list)
        for batch in batches:
            by_id[batch.session_id].append(batch)
        number = 0
        for session_id, own in by_id.items():
            while client.make_session_id(session.key, number) != session_id:
                number += 1
            self._add_one(client.draw_sampling(session.key, number), own)

    def _add_one(self, draw: float, batches: list[Batch]) -> None:
        events = [event for batch in batches for event in batch.events]
        types = [event.type for event in events]
        for event in events:
            if (vital := read_vital(event)) is not None:
                rows, values = self.vitals[vital[0]]
                rows.append(len(self.draw))
                values.append(vital[1])
        self.draw.append(draw)
        self.views.append(types.count(PAGE_VIEW))
        self.events.append(len(types))
        self.failed.append(JS_ERROR in types)


def draw_population(
    scenario: Scenario, seed: int, most: int, on_progress: OnProgress = ignore_progress
) -> SessionPopulation:
    """Draw the visits of a run; of one with more than `most`, every n-th block of them."""
    expected = traffic.compute_mean_rate(scenario).expected
    columns, visits = _Columns(), 0
    share = -(-int(expected) // most) or 1
    tick = Ticker(on_progress, f"drawing {scenario.name}", expected / share, "visits")
    for session, plan in track(planned(scenario.adjust(sample_rate=1.0), seed, (0, share)), tick):
        visits += 1
        columns.add(session, plan.batches)
    vitals = {
        name: VitalColumn(
            np.array(columns.vitals[name][0], dtype=np.int64), np.array(columns.vitals[name][1], dtype=float)
        )
        for name in VITALS
    }
    return SessionPopulation(
        visits,
        expected,
        scenario.duration,
        np.array(columns.draw),
        np.array(columns.views, dtype=np.int64),
        np.array(columns.events, dtype=np.int64),
        np.array(columns.failed, dtype=bool),
        vitals,
    )
