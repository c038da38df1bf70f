"""Keep the client's event limit, which ends the recording of a session, from biasing what its page views show.

Rule: a view during which the limit came has more events, and is looked at longer, than others, so leaving out such
views would leave the short and quiet ones. What a view brings is therefore counted on views that began with room: with
so few events of the session before them that the limit came during hardly any of them. That depends on the past alone,
so it says nothing of the view itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.visits.cuts import LOST, LOST_PART, find_full, find_least_full, is_limited
from loadgen.jobs.fit.visits.visits import Visits, find_views, spread_first

APART, RELOAD = 1e10, 2
"""Seconds between the sessions on one common axis of time; a navigation event's code of a reload."""

WITH_A_STEP = 4
"""Events that a step brings with it before the next page is recorded, beyond one: clicks on its link, FID, LCP, INP."""

MOST_CUT, FEWEST = 0.02, 30
"""Share of the views with room that the limit may cut; views with room that a page needs to be estimated from them."""


class CutTimes(NamedTuple):
    """Times on pages under an event limit: one row for each view with a known time or a known least time."""

    view: Ints  # row of Visits
    seconds: Floats
    known: Bools  # False: the limit came after `seconds`, and the page was still looked at
    weight: Floats


class Decisions(NamedTuple):
    """What visitors did before the limit came near: columns have rows of Visits."""

    late: Bools  # the view ended when the limit was near, or the limit came during it
    again: Ints  # further loads of the view that began before the limit was near


def find_decisions(recorded: Recorded, visits: Visits, limit: int) -> Decisions:
    """Find the decisions that count. The others would be steps alone, as an end near the limit looks like a cut.

    A step counts by the events before it, without those that come with it, because an end has none of these.
    """
    events, rows = recorded.events, recorded.loads.event
    begins = np.searchsorted(events.session, visits.session)
    view = find_views(recorded, visits, rows)

    def is_near(views: Ints, until: Ints) -> Bools:
        until = np.maximum(until, begins[views])
        least = find_least_full(recorded, limit, begins[views], until) - WITH_A_STEP
        return np.asarray(until - begins[views] >= least)

    def find_row(views: Ints, at: Floats) -> Ints:
        axis, wanted = events.session * APART + events.at, visits.session[views] * APART + np.floor(at)
        return np.searchsorted(axis, wanted)

    ready = np.nan_to_num(spread_first(visits, view, recorded.loads.interactive)) / 1000
    stepped = np.flatnonzero(~visits.last)
    late = is_near(np.arange(len(begins)), np.searchsorted(events.session, visits.session, side="right"))
    late[stepped] = is_near(stepped, find_row(stepped, visits.at[stepped + 1] - ready[stepped + 1]))
    order = np.argsort(view, kind="stable")
    order = order[view[order] >= 0]
    rows, view = rows[order], view[order]
    further = np.append(-1, view)[: len(view)] == view
    further |= (events.code[rows] == RELOAD) & ~visits.first[view]
    rows, view = rows[further], view[further]
    early = ~is_near(view, find_row(view, events.at[rows] - events.value[rows] / 1000))
    return Decisions(late, np.bincount(view[early], minlength=len(visits.page)))


def find_roomy(recorded: Recorded, visits: Visits, limit: int) -> Bools:
    """Return which views are estimated from: those that began with room if the limit cuts many sessions.

    Otherwise, and on a page with few of them, these are the views that the limit did not cut.
    """
    before = visits.row - np.searchsorted(recorded.events.session, visits.session)
    cut = visits.last & find_full(recorded, limit)[visits.session]
    order = np.lexsort((before, visits.page))
    page = visits.page[order]
    place = np.arange(len(order)) - np.searchsorted(page, page) + 1
    cuts = np.cumsum(cut[order])
    own = cuts - np.append(0, cuts)[np.searchsorted(page, page)]
    fits = (own <= MOST_CUT * place) & (place >= FEWEST)
    most = np.full(int(page.max(initial=-1)) + 1, -1)
    np.maximum.at(most, page[fits], before[order][fits])
    whole = ~cut | (np.bincount(visits.page[~cut], minlength=len(most)) < FEWEST)[visits.page]
    if not is_limited(recorded, limit):
        return whole
    return np.where((most >= 0)[visits.page], before <= most[visits.page], whole)


def list_cut_times(recorded: Recorded, visits: Visits, limit: int, seconds: Floats, painted: Floats) -> CutTimes:
    """List the known times on pages, and the least times of views during which the limit came.

    `seconds`: [view] the time on the page, NaN: unknown; `painted`: [view] seconds from its recording to its paint.

    The limit is taken to be a little lower than it is: then the events with which a page ends do not decide whether its
    time is known. A cut view weighs as much as views of its page that do have a time in the end: others are left out,
    because they ended with a visit or a reload.
    """
    events, least = recorded.events, int(limit - min(LOST, LOST_PART * limit))
    begins = np.searchsorted(events.session, np.arange(len(recorded.sessions.user)))
    number = np.bincount(events.session, minlength=len(begins))
    reached = np.where(number >= least, events.at[np.minimum(begins + least - 1, len(events.at) - 1)], np.inf)
    rest = reached[visits.session] - visits.at
    timed = np.isfinite(seconds)
    left = np.where(visits.last, np.where(visits.ended, 0.0, np.inf), np.floor(painted + np.where(timed, seconds, 0.0)))
    decided = (rest >= 0) & (left <= rest)
    known = decided & timed
    cut = (rest >= 0) & ~decided & (visits.loads <= 1) & np.isfinite(rest)
    pages = int(visits.page.max(initial=-1)) + 1
    share = np.bincount(visits.page, known, pages) / np.maximum(np.bincount(visits.page, decided, pages), 1)
    view = np.flatnonzero(known | cut)
    times = np.where(known, seconds, np.maximum(rest - painted, 0.05))
    return CutTimes(view, times[view], known[view], np.where(known, 1.0, share[visits.page])[view])


def spread_evenly(times: CutTimes, chosen: Bools) -> Floats:
    """Return as many times as are known of the chosen rows, spread as all of them are (Kaplan and Meier 1958)."""
    order = np.flatnonzero(chosen)
    order = order[np.lexsort((~times.known[order], times.seconds[order]))]
    known, weight = times.known[order], times.weight[order]
    at_risk = weight[::-1].cumsum()[::-1]
    passed = 1 - np.cumprod(1 - np.where(known, weight / at_risk, 0.0))
    number = int(known.sum())
    share = (np.arange(number) + 0.5) / max(number, 1)
    return times.seconds[order][known][np.minimum(np.searchsorted(passed[known], share), number - 1)]
