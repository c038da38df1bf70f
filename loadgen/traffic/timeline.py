"""When each page view of a visit begins and ends, in ticks from the session's start."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.traffic.draws import Bools, Ints, within
from loadgen.traffic.journey import Dwell, Walk
from loadgen.traffic.telemetry.loading import Loading

FAR_TICK = 2**45
"""More ticks than any session lasts, 111 years: keeps the loads apart in one sorted key (see journey.LONGEST)."""


class Timeline(NamedTuple):
    """Page views of a block on their sessions' clocks."""

    load: Ints  # the full load in whose document the view lies: row of Loading
    start: Ints  # navigation start or route change
    noticed: Ints  # the client records the page
    looked: Ints  # the visitor sees it: thinking starts
    away: Ints  # the tab is left; -1 for never
    back: Ints  # and shown again
    end: Ints
    load_begins: Ints  # where each session's loads begin; one more marks the end
    load_end: Ints  # of each load

    def awake(self, view: Ints, after: Ints) -> Ints:
        """The moment at which a view has been visible for so many ticks."""
        moment = self.looked[view] + after
        away, back = self.away[view], self.back[view]
        return np.where((away >= 0) & (moment > away), moment + back - away, moment)

    def current(self, view: Ints, at: Ints) -> Ints:
        """The view that is current at a moment in the document of `view`: route changes may have come between."""
        key = self.load * FAR_TICK + self.start
        found: Ints = np.searchsorted(key, self.load[view] * FAR_TICK + at, side="right") - 1
        return found

    def alive(self, view: Ints, at: Ints) -> Bools:
        """Whether the document of a view still lives."""
        ends: Bools = at < self.load_end[self.load[view]]
        return ends


def timeline(walk: Walk, hard: Bools, loading: Loading, dwell: Dwell) -> Timeline:
    """Put views one after the other."""
    load = np.cumsum(hard) - 1
    ready, seen = np.zeros(len(hard), dtype=np.int64), np.zeros(len(hard), dtype=np.int64)
    ready[loading.view] = loading.ready
    seen[loading.view] = np.maximum(loading.ready, loading.fcp)
    length = seen + dwell.looked + dwell.hidden + 1
    total = np.cumsum(length)
    before = total - length
    start = before - before[walk.begins[:-1]][walk.session]
    looked = start + seen
    away = np.where(dwell.switched >= 0, looked + dwell.switched, -1)
    end = start + length
    last = np.append(loading.view[1:], len(hard)) - 1
    begins = within(walk.session[loading.view], len(walk.begins) - 1)
    return Timeline(load, start, start + ready, looked, away, away + dwell.hidden, end, begins, end[last])
