"""List recorded events as visits: the pages that each session saw, their order and loads.

Rule: a row is a page view as the client counts them. A reload and a link to the page itself, which the client counts as
the same page, are further loads of the same view. An event belongs to the last view of its page, by path and number,
before it: a page that came back from the browser's cache, and one in a tab of its own, count on from their own number,
so two views of a session may have one number. Without cookies the client numbers no pages, and the path alone tells.
Returns from the browser's back/forward cache leave no page view, but the next step starts there: a second TTFB of 0
under a view shows that its page came back. A later view says itself which page it came from.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded, mark
from loadgen.jobs.fit.visits.site import RecordedSite
from loadgen.rum import events as rum

LOADED, SHOWN = (rum.NAVIGATION, rum.RESOURCE, rum.FCP, rum.TTFB), (rum.TTFB, rum.FCP, rum.LCP, rum.FID, rum.CLS)
"""Events that only a full load has; events that only a page which was shown has."""

ROUTE_PART = 0.3
"""A page is reached by route changes if fewer than this share of its later views load it."""


class Cuts(NamedTuple):
    """How sessions are incomplete, by row of SessionTable."""

    begins: Bools  # the visit's start is missing: before the data, or in an earlier session
    full: Bools  # the session reached its event limit
    open: Bools  # the session may go on after the end of the data
    continued: Bools  # another session of the same user continues it


class Visits(NamedTuple):
    """Page views, sorted by session and time; -1 and NaN: unknown."""

    session: Ints
    path: Ints  # place in Recorded.pages
    page: Ints  # place in RecordedSite
    at: Floats  # Unix seconds
    row: Ints  # of EventTable
    parent: Ints  # the view of the page before
    first: Bools  # the session's first view, and its landing
    last: Bools  # the session's last view
    spent: Floats  # milliseconds until the view that it led to, by the client's clock; without cookies by whole seconds
    loads: Ints  # navigation events of the view
    reloads: Ints  # navigation events that are reloads
    links: Ints  # navigation events that are neither the first nor a reload: links to the page itself
    back: Bools  # the view was reached by the browser's back button
    hard: Bools  # the view loaded its document, as without cookies every session's first view did
    ended: Bools  # the visit is known to have ended with this view
    of_event: Ints  # [row of EventTable]: the event's view

    def mark(self, rows: Ints) -> Bools:
        """Return which views have any of the events in `rows`."""
        return mark(len(self.page), self.of_event[rows])

    def choose(self, chosen: Bools) -> Visits:
        """Return the chosen views alone; the events of others have none."""
        number = np.append(np.where(chosen, np.cumsum(chosen) - 1, -1), -1)
        columns: list[Any] = [*(column[chosen] for column in self[:-1]), number[self.of_event]]
        return Visits(*columns)

    def spread_first(self, rows: Ints, values: Floats) -> Floats:
        """Return for each view the first of the values of its events in `rows`; NaN: it has none."""
        found, view = np.full(len(self.page), np.nan), self.of_event[rows]
        known = np.flatnonzero(view >= 0)[::-1]  # the first of a view is written last
        found[view[known]] = values[known]
        return found


class CacheReturns(NamedTuple):
    """Steps that the client's views do not show, because of returns; all columns have rows of Visits."""

    left: Ints  # [view]: the view whose page was shown when the next view came or the visit ended
    source: Ints  # [return]: the view that was shown before it


def list_visits(recorded: Recorded, site: RecordedSite, cuts: Cuts) -> Visits:
    """List all page views on the pages of the site."""
    events, row = recorded.events, recorded.find_rows(rum.PAGE_VIEW)
    row = row[site.of_path[events.page[row]] >= 0]
    row = row[~_are_unused(recorded, row)]
    session, path, of_event = events.session[row], events.page[row], _find_views(recorded, row)
    first = _find_begins(session)
    last = np.append(first[1:], True)[: len(row)]
    parent = _find_parents(recorded, row)
    led = np.flatnonzero(parent[1:] == np.arange(len(row) - 1))  # not after a return from the browser's cache
    spent = np.full(len(row), np.nan)
    clock = events.code[row[led + 1]]
    spent[led] = np.where(np.isnan(clock), 1000 * (events.at[row[led + 1]] - events.at[row[led]]), clock)
    landing = first & ~cuts.begins[session]
    alone = (recorded.sessions.user < 0)[session]
    loaded = mark(len(row), of_event[recorded.find_rows(*LOADED)])
    loads = _find_loads(recorded, of_event, first)
    ended = last & ~(cuts.full | cuts.open | cuts.continued)[session]
    return Visits(session, path, site.of_path[path], events.at[row], row, parent, landing, last, spent,
                  *loads, landing | (first & alone) | loaded, ended, of_event)  # fmt: skip


def _find_begins(column: Ints) -> Bools:
    """Return which rows of a sorted column are the first with their value."""
    return np.append(True, column[1:] != column[:-1])[: len(column)]


def _find_views(recorded: Recorded, row: Ints) -> Ints:
    """Return for each event its view's place among the page views in `row`; -1: unknown."""
    return _find_latest(recorded, row, np.arange(len(recorded.events.at)), recorded.events.number, recorded.events.page)


def _find_parents(recorded: Recorded, row: Ints) -> Ints:
    """Return for each page view the view of the page before, as the client tells it; without cookies by time."""
    events, place, first = recorded.events, np.arange(len(row)), _find_begins(recorded.events.session[row])
    found = _find_latest(recorded, row, row, events.number[row] - 1, events.parent[row])
    follows = ~first & ((events.number[row] < 0) | (np.diff(events.number[row], prepend=0) == 1))
    found = np.where(events.parent[row] < 0, np.where(follows, place - 1, -1), found)
    return np.where(found < place, found, -1)


def _find_latest(recorded: Recorded, row: Ints, rows: Ints, number: Ints, path: Ints) -> Ints:
    """Return the last page view with this number and path before each event of `rows`, else the first one after it.

    `row`: event rows of page views; `rows`: event rows. The result are places in `row`; -1: there is no such view.
    """
    events, size = recorded.events, len(recorded.pages) + 1
    known, group = np.unique(make_view_keys(recorded, row), return_inverse=True)
    wanted = (_combine(events.session[rows], number) * size) + path
    own = np.searchsorted(known, wanted)
    told = (path >= 0) & (np.append(known, -1)[own] == wanted)
    order = np.lexsort((events.at[row], group))
    begin = events.at.min(initial=np.inf)
    whole = events.at.max(initial=begin) - begin + 1
    moments = group[order] * whole + events.at[row[order]] - begin
    place = np.searchsorted(moments, own * whole + events.at[rows] - begin, side="right") - 1
    place = np.maximum(place, np.searchsorted(group[order], own))
    return np.where(told, np.append(order, -1)[place], -1)


def make_view_keys(recorded: Recorded, rows: Ints) -> Ints:
    """Combine session, page number and path of each event row into one number."""
    events = recorded.events
    return _combine(events.session[rows], events.number[rows]) * (len(recorded.pages) + 1) + events.page[rows]


def _combine(session: Ints, number: Ints) -> Ints:
    """Combine session and page number into one number."""
    return session * 4096 + np.minimum(number + 1, 4095)


def _are_unused(recorded: Recorded, row: Ints) -> Bools:
    """Return for each page view whether its document was prerendered but never shown: then it is no view of a visit.

    Such a document records its navigation, but no TTFB and no paint; or the next page view comes from the same page.
    """
    view = _find_views(recorded, row)
    shown, loaded, whole = (mark(len(row), view[recorded.find_rows(*names)])
                            for names in (SHOWN, (rum.NAVIGATION,), LOADED))  # fmt: skip
    parent = _find_parents(recorded, row)
    aside = (parent >= 0) & (np.append(parent[1:], -1) == parent)
    unused = ~shown & (parent >= 0) & (loaded | (aside & whole))
    return np.asarray(unused & shown.any())  # data without vitals show nothing


def _find_loads(recorded: Recorded, of_event: Ints, first: Bools) -> tuple[Ints, Ints, Ints, Bools]:
    """Return for each view its navigation events, reloads, links to itself, and whether its first load was a step back.

    A session's first load may itself be a reload, of a page that was open before; it does not count as one.
    """
    rows = recorded.loads.event
    place, code, size = of_event[rows], recorded.events.code[rows], len(first)
    order = np.argsort(place, kind="stable")
    order = order[place[order] >= 0]
    place, code = place[order], code[order]
    again = ~_find_begins(place)
    loads = np.bincount(place, minlength=size)
    reloads = np.bincount(place[(code == 2) & (again | ~first[place])], minlength=size)
    links = np.bincount(place[again & (code != 2)], minlength=size)
    back = np.bincount(place[~again & (code == 1)], minlength=size) > 0
    return loads, reloads, links, back


def find_routes(site: RecordedSite, visits: Visits) -> Bools:
    """Find the pages that are reached by route changes: most of their later views have no load of their own."""
    later = ~visits.first
    seen = np.bincount(visits.page[later], minlength=len(site.names))
    loaded = np.bincount(visits.page[later & visits.hard], minlength=len(site.names))
    return (seen > 0) & (loaded < ROUTE_PART * seen)


def list_restored(recorded: Recorded, visits: Visits) -> Ints:
    """Return the TTFB events that show a return from the back/forward cache."""
    rows = recorded.find_rows(rum.TTFB)
    rows = rows[visits.of_event[rows] >= 0]
    again = np.ones(len(rows), dtype=bool)
    again[np.unique(visits.of_event[rows], return_index=True)[1]] = False
    return rows[again & (recorded.events.value[rows] <= 0)]


def follow_returns(recorded: Recorded, visits: Visits) -> CacheReturns:
    """Find the page that was shown before each return, each further view and the end of each visit."""
    rows = list_restored(recorded, visits)
    size = len(visits.page)
    shown = np.append(np.arange(size), visits.of_event[rows])
    session, at = visits.session[shown], np.append(visits.at, recorded.events.at[rows])
    order = np.lexsort((np.arange(len(shown)) < size, at, session))  # in one second a return comes first
    session, shown = session[order], shown[order]
    before = np.append(-1, np.where(session[1:] == session[:-1], shown[:-1], -1))
    source = before[(order >= size) & (before >= 0) & (before != shown)]
    left = np.arange(size)
    left[visits.last] = shown[np.append(session[1:] != session[:-1], True)[: len(shown)]]
    onward = np.flatnonzero(visits.parent[1:] >= 0)
    left[onward] = visits.parent[onward + 1]
    return CacheReturns(left, source)
