"""Which events a visit's client certainly does not record, found before the events are made.

The first client session of a visit lasts at least sessionLengthSeconds from its first event. Of the events within that
time, these are left out:

- all but the first, where the session is not sampled;
- those after the first sessionEventLimit ones, because the session is full: the client's own session_start and its
  candidates (CLS and INP) only fill it sooner. Candidates are never left out, because a newer value replaces the
  waiting one.

Without cookies each load has sessions of its own, and nothing is left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from loadgen.ids import is_sampled
from loadgen.scenario import Scenario
from loadgen.traffic.draws import TICKS, Bools, Ints


class SessionLimit(NamedTuple):
    """How many events fit into a visit's first client session, for how many ticks it lasts, which share is sampled."""

    events: int
    ticks: float
    sample_rate: float

    @classmethod
    def for_scenario(cls, scenario: Scenario) -> SessionLimit:
        """The limit of a scenario's client."""
        client = scenario.client
        if not client.allowCookies:
            return NO_LIMIT
        limit = client.sessionEventLimit or sys.maxsize
        return cls(limit, client.sessionLengthSeconds * TICKS, scenario.monitor.sample_rate)

    def find_beyond(self, keys: Iterable[int], session: Ints, at: Ints, simple: Bools) -> Bools:
        """Which events the client certainly does not record.

        Args:
            keys: The sessions' keys.
            session: Of each event, its session as an index into `keys`, ascending; events in order of recording.
            at: Of each event, ticks from its session's start.
            simple: Of each event, whether it is recorded at once and is no candidate.
        """
        begin = np.searchsorted(session, session)
        before: Ints = np.cumsum(simple) - simple
        full: Bools = simple & (before - before[begin] >= self.events)
        if self.sample_rate < 1:
            unseen = np.array([not is_sampled(key, self.sample_rate) for key in keys])
            full |= unseen[session] & (np.arange(len(session)) > begin)
        return full & (at < self.ticks)


NO_LIMIT = SessionLimit(sys.maxsize, 0.0, 1.0)
