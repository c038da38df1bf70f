"""Find how recorded sessions are incomplete: where the data begin and end, and where the client's event limit cut them.

Rule: an event that counts for the limit is lost if its page closes before it is sent. So a session that the limit cut
may have fewer events than the limit, by about one for each document.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded
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


class Cuts(NamedTuple):
    """How sessions are incomplete, by row of SessionTable."""

    begins: Bools  # the visit's start is missing: before the data, or in an earlier session
    full: Bools  # the session reached its event limit
    open: Bools  # the session may go on after the end of the data
    continued: Bools  # another session of the same user continues it


def find_cuts(recorded: Recorded, limit: int) -> Cuts:
    """Find how sessions are incomplete; `limit` is the client's event limit of a session, 0: none."""
    events, count = recorded.events, len(recorded.sessions.user)
    first, last = find_spans(recorded)
    starts = recorded.find_rows(rum.SESSION_START)
    started = np.full(count, not len(starts))  # an export of some event types may lack session starts
    started[events.session[starts]] = True
    views = recorded.find_rows(rum.PAGE_VIEW)
    landed = np.zeros(count, dtype=bool)
    landed[events.session[views[events.number[views] <= 0]]] = True
    end = last.max(initial=0.0)
    near = min(CUT_SECONDS, CUT_PART * (end - first.min(initial=end)))
    begins = ~(started & landed)
    return Cuts(begins, find_full(recorded, limit), last > end - near, _find_continued(recorded, begins, first))


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


def _find_continued(recorded: Recorded, begins: Bools, first: Floats) -> Bools:
    """Find the sessions whose user's next session has no start of its own."""
    user = recorded.sessions.user
    order = np.lexsort((first, user))
    follows = (user[order][1:] == user[order][:-1]) & (user[order][1:] >= 0) & begins[order][1:]
    found = np.zeros(len(user), dtype=bool)
    found[order[:-1][follows]] = True
    return found


def find_spans(recorded: Recorded) -> tuple[Floats, Floats]:
    """Return the times of each session's first and last event, in Unix seconds."""
    events, count = recorded.events, len(recorded.sessions.user)
    first, last = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(first, events.session, events.at)
    np.maximum.at(last, events.session, events.at)
    return first, last
