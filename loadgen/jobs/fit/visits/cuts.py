"""Find how recorded sessions are incomplete: where the data begin and end, and where the client's event limit cut them.

Rule: an event that counts for the limit is lost if its page closes before it is sent. So a session that the limit cut
may have fewer events than the limit, by about one for each document. A view during which the limit came has more
events, and is looked at longer, than others, so leaving out such views would leave the short and quiet ones. What a
view brings is therefore counted on views that began with room: with so few events of the session before them that the
limit came during hardly any of them. That depends on the past alone, so it says nothing of the view itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded, mark
from loadgen.jobs.fit.visits.visits import Cuts, Visits
from loadgen.rum import events as rum

CUT_SECONDS, CUT_PART = 300.0, 0.05
"""A session may go on after the data if its last event is this near to their end (seconds, and share of their span)."""

LOST, LOST_PART = 10, 0.2
"""A session that its event limit cut has at most this many events less than the limit, and at most this share of it.
Of 720 generated sessions that a limit of 50 cut, 714 lack at most one event for each document that was left, and of 951
that a limit of 100 cut all but one."""

MANY = 0.08
"""Share of the sessions that the limit cuts from which times on pages and counts per view are corrected for it.
Fewer bias them by less than the error of matching with all events, which are fewer sessions."""


APART, RELOAD = 1e10, 2
"""Seconds between the sessions on one common axis of time; a navigation event's code of a reload."""

WITH_A_STEP = 4
"""Events that a step brings with it before the next page is recorded, beyond one: clicks on its link, FID, LCP, INP."""

MOST_CUT, FEWEST = 0.02, 30
"""Share of the views with room that the limit may cut; views with room that a page needs to be estimated from them."""


class Decisions(NamedTuple):
    """What visitors did before the limit came near: columns have rows of Visits."""

    late: Bools  # the view ended when the limit was near, or the limit came during it
    again: Ints  # further loads of the view that began before the limit was near


def find_cuts(recorded: Recorded, limit: int) -> Cuts:
    """Find how sessions are incomplete; `limit` is the client's event limit of a session, 0: none."""
    events, count = recorded.events, len(recorded.sessions.user)
    first, last = find_spans(recorded)
    starts, views = recorded.find_rows(rum.SESSION_START), recorded.find_rows(rum.PAGE_VIEW)
    started = mark(count, events.session[starts]) | (not len(starts))  # an export may lack session starts
    begins = ~(started & mark(count, events.session[views[events.number[views] <= 0]]))
    end = last.max(initial=0.0)
    near = min(CUT_SECONDS, CUT_PART * (end - first.min(initial=end)))
    order, again = follow_users(recorded)
    continued = mark(count, order[np.flatnonzero(again & begins[order]) - 1])
    return Cuts(begins, find_full(recorded, limit), last > end - near, continued)


def find_least_full(recorded: Recorded, limit: int, begins: Ints, ends: Ints) -> Floats:
    """Return the number of events from which a limit may have cut sessions of which these rows were recorded.

    Infinite without a limit (0). `begins` and `ends`: rows of EventTable, the second one excluded.
    """
    if not limit:
        return np.full(len(begins), np.inf)
    loads = np.append(0, np.cumsum(recorded.events.type == recorded.find_type(rum.NAVIGATION)))
    lost: Floats = np.minimum(loads[ends] - loads[begins] + 1.0, min(LOST, LOST_PART * limit))
    return limit - lost


def find_full(recorded: Recorded, limit: int) -> Bools:
    """Return which sessions the event limit cut."""
    edges = np.searchsorted(recorded.events.session, np.arange(len(recorded.sessions.user) + 1))
    begins, ends = edges[:-1], edges[1:]
    return np.asarray(ends - begins >= find_least_full(recorded, limit, begins, ends))


def is_limited(recorded: Recorded, limit: int) -> bool:
    """Whether the event limit cuts so many sessions that it must be corrected for."""
    full = find_full(recorded, limit)
    return bool(len(full) and full.mean() >= MANY)


def follow_users(recorded: Recorded) -> tuple[Ints, Bools]:
    """Return the sessions by user and time, and which of them follow another one of the same user."""
    user = recorded.sessions.user
    order = np.lexsort((find_spans(recorded)[0], user))
    again = np.append(False, (user[order][1:] == user[order][:-1]) & (user[order][1:] >= 0))
    return order, again[: len(order)]


def find_spans(recorded: Recorded) -> tuple[Floats, Floats]:
    """Return the times of each session's first and last event, in Unix seconds."""
    return span_groups(recorded.events.session, recorded.events.at, len(recorded.sessions.user))


def span_groups(group: Ints, at: Floats, groups: int) -> tuple[Floats, Floats]:
    """Return the first and the last time of each group; infinite: it has none."""
    first, last = np.full(groups, np.inf), np.full(groups, -np.inf)
    np.minimum.at(first, group, at)
    np.maximum.at(last, group, at)
    return first, last


def find_decisions(recorded: Recorded, visits: Visits, limit: int) -> Decisions:
    """Find the decisions that count. The others would be steps alone, as an end near the limit looks like a cut.

    A step counts by the events before it, without those that come with it, because an end has none of these.
    """
    events, rows = recorded.events, recorded.loads.event
    begins = np.searchsorted(events.session, visits.session)

    def is_near(views: Ints, until: Ints) -> Bools:
        until = np.maximum(until, begins[views])
        least = find_least_full(recorded, limit, begins[views], until) - WITH_A_STEP
        return np.asarray(until - begins[views] >= least)

    def find_row(views: Ints, at: Floats) -> Ints:
        axis, wanted = events.session * APART + events.at, visits.session[views] * APART + np.floor(at)
        return np.searchsorted(axis, wanted)

    ready = np.nan_to_num(visits.spread_first(rows, recorded.loads.interactive)) / 1000
    stepped = np.flatnonzero(~visits.last)
    late = is_near(np.arange(len(begins)), np.searchsorted(events.session, visits.session, side="right"))
    late[stepped] = is_near(stepped, find_row(stepped, visits.at[stepped + 1] - ready[stepped + 1]))
    rows = rows[np.argsort(visits.of_event[rows], kind="stable")]
    rows = rows[visits.of_event[rows] >= 0]
    view = visits.of_event[rows]
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
