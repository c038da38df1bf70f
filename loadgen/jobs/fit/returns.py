"""Follow returns from the browser's back/forward cache: they leave no page view, but the next step starts there.

Rule: a second TTFB of 0 under a view shows that its page came back. From then on that page is shown, until the next
page view, or until the page viewed last is loaded again, which the client counts as the same view. Steps are told by
the numbers of views alone, as `Visits.links` counts further loads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.visits import Visits, find_views, find_views_by_number
from loadgen.rum import events as rum

APART = 1e10
"""Seconds between the sessions on one common axis of time."""

RELOAD = 2
"""A navigation event's code of a reload."""


class CacheReturns(NamedTuple):
    """Steps that the client's views do not show, because of returns; all columns have rows of Visits."""

    left: Ints  # [view]: the view whose page was shown when the next view came or the visit ended
    source: Ints  # [return]: the view before it
    link_source: Ints  # [further load after a return]: the view whose page led to it
    link_view: Ints  # [further load after a return]: the view that was loaded again


def find_restored(recorded: Recorded, visits: Visits) -> Ints:
    """Return the views that came back from the back/forward cache, once for each return."""
    rows = recorded.find_rows(rum.TTFB)
    return _list_restored(recorded, rows, find_views(recorded, visits, rows))[1]


def _list_restored(recorded: Recorded, rows: Ints, view: Ints) -> tuple[Ints, Ints]:
    """List the TTFB events that show a return from the back/forward cache, and their views."""
    events = recorded.events
    rows, view = rows[view >= 0], view[view >= 0]
    again = np.ones(len(view), dtype=bool)
    again[np.unique(view, return_index=True)[1]] = False
    chosen = again & (events.value[rows] <= 0)
    return rows[chosen], view[chosen]


def follow_returns(recorded: Recorded, visits: Visits) -> CacheReturns:
    """Find the page that was shown before each further view, load and end of a visit."""
    events, left = recorded.events, np.arange(len(visits.page))
    rows = recorded.find_rows(rum.TTFB)
    rows, view = _list_restored(recorded, rows, find_views_by_number(recorded, visits, rows))
    when = _order_on_axis(events.session[rows], events.at[rows])
    order = np.argsort(when, kind="stable")
    when, view = when[order], view[order]
    before = np.searchsorted(_order_on_axis(visits.session, visits.at), when, side="left") - 1
    usable = (before >= 0) & (view < before)
    usable &= visits.session[np.maximum(before, 0)] == visits.session[view]
    when, view, before = when[usable], view[usable], before[usable]
    left[before] = view  # of several returns the last one counts
    target, source, late = _list_links(recorded, visits, when, view)
    left[target[late]] = target[late]
    return CacheReturns(left, before, source, target)


def _order_on_axis(session: Ints, at: Floats) -> Floats:
    return session * APART + at


def _list_links(recorded: Recorded, visits: Visits, when: Floats, view: Ints) -> tuple[Ints, Ints, Bools]:
    """List the views that were loaded again after a return, the views returned to, and whether no return came later."""
    events, rows = recorded.events, recorded.loads.event
    target = find_views_by_number(recorded, visits, rows)
    rows, target = rows[target >= 0], target[target >= 0]
    again = np.append(False, target[1:] == target[:-1]) & (events.code[rows] != RELOAD)
    rows, target = rows[again], target[again]
    last = np.searchsorted(when, _order_on_axis(events.session[rows], events.at[rows]), side="right") - 1
    led = (last >= 0) & (len(when) > 0)
    led[led] = (when[last[led]] > _order_on_axis(visits.session, visits.at)[target[led]]) & (
        view[last[led]] < target[led]
    )
    target, last = target[led], last[led]
    nexts = np.append(when, np.inf)[last + 1] if len(when) else np.zeros(0)
    until = _order_on_axis(visits.session, visits.at)[np.minimum(target + 1, max(len(visits.at) - 1, 0))]
    return target, view[last], nexts > until
