"""Returns from the browser's back/forward cache leave no page view: what comes next follows the page returned to.

Rule: a second first byte at nought under a view says that its page came back. From then on that page is shown, until
the next page view, or until the page viewed last is loaded once more, which the client takes for the same view.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.visits import Visits, find_views
from loadgen.rum import events as rum

APART = 1e10
"""Seconds by which sessions are told apart on one axis of time."""

RELOAD = 2
"""A navigation event's code of a reload."""


class CacheReturns(NamedTuple):
    """Which pages were left for which, where the client's views do not tell; all are rows of Visits."""

    left: Ints  # of each view the one whose page was shown when the next view came, or when the visit ended
    source: Ints  # of each return the view before it
    link_source: Ints  # of each further load after a return the view whose page led to it
    link_view: Ints  # and the view that was loaded once more


def list_restored(recorded: Recorded, visits: Visits) -> tuple[Ints, Ints]:
    """The rows of EventTable that tell of a return from the back/forward cache, and the views that came back."""
    events, rows = recorded.events, recorded.find_rows(rum.TTFB)
    view = find_views(recorded, visits, rows)
    rows, view = rows[view >= 0], view[view >= 0]
    again = np.ones(len(view), dtype=bool)
    again[np.unique(view, return_index=True)[1]] = False
    chosen = again & (events.value[rows] <= 0)
    return rows[chosen], view[chosen]


def follow_returns(recorded: Recorded, visits: Visits) -> CacheReturns:
    """What was shown when visits went on."""
    events, left = recorded.events, np.arange(len(visits.page))
    rows, view = list_restored(recorded, visits)
    when = _place(events.session[rows], events.at[rows])
    order = np.argsort(when, kind="stable")
    when, view = when[order], view[order]
    before = np.searchsorted(_place(visits.session, visits.at), when, side="left") - 1
    usable = (before >= 0) & (view < before)
    usable &= visits.session[np.maximum(before, 0)] == visits.session[view]
    when, view, before = when[usable], view[usable], before[usable]
    left[before] = view  # the last of several
    target, source, late = _list_links(recorded, visits, when, view)
    left[target[late]] = target[late]
    return CacheReturns(left, before, source, target)


def _place(session: Ints, at: Floats) -> Floats:
    return session * APART + at


def _list_links(recorded: Recorded, visits: Visits, when: Floats, view: Ints) -> tuple[Ints, Ints, Bools]:
    """The views that were loaded once more after a return, the views returned to, and whether no return came later."""
    events, rows = recorded.events, recorded.loads.event
    target = find_views(recorded, visits, rows)
    rows, target = rows[target >= 0], target[target >= 0]
    again = np.append(False, target[1:] == target[:-1]) & (events.code[rows] != RELOAD)
    rows, target = rows[again], target[again]
    last = np.searchsorted(when, _place(events.session[rows], events.at[rows]), side="right") - 1
    led = (last >= 0) & (len(when) > 0)
    led[led] = (when[last[led]] > _place(visits.session, visits.at)[target[led]]) & (view[last[led]] < target[led])
    target, last = target[led], last[led]
    nexts = np.append(when, np.inf)[last + 1] if len(when) else np.zeros(0)
    until = _place(visits.session, visits.at)[np.minimum(target + 1, max(len(visits.at) - 1, 0))]
    return target, view[last], nexts > until
