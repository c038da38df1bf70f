"""Which events a visit's client surely does not record, before they are made.

The first client session of a visit lasts at least sessionLengthSeconds from its first event. So of all that is noticed
so soon,

- nothing but that first event matters where the session is not sampled,
- whatever comes after as many events as sessionEventLimit allows finds the session full: the client's own
  session_start and its candidates only fill it sooner. Candidates themselves stay, because a newer value replaces the
  one that waits.

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
        """The room that a scenario's client gives."""
        client = scenario.client
        if not client.allowCookies:
            return NO_LIMIT
        limit = client.sessionEventLimit or sys.maxsize
        return cls(limit, client.sessionLengthSeconds * TICKS, scenario.monitor.sample_rate)

    def find_beyond(self, keys: Iterable[int], session: Ints, at: Ints, simple: Bools) -> Bools:
        """Which events surely find no room.

        `keys` are the sessions'; the others, shape (n,), in the order of recording: the event's session as a place
        among the keys, ascending; ticks from its start; whether it is recorded at once and no candidate.
        """
        begin = np.searchsorted(session, session)
        before: Ints = np.cumsum(simple) - simple
        full: Bools = simple & (before - before[begin] >= self.events)
        if self.sample_rate < 1:
            unseen = np.array([not is_sampled(key, self.sample_rate) for key in keys])
            full |= unseen[session] & (np.arange(len(session)) > begin)
        return full & (at < self.ticks)


NO_LIMIT = SessionLimit(sys.maxsize, 0.0, 1.0)
