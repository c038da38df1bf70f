"""Pages that come without a load of their own, or beside each other: second tabs, back/forward cache, prerendering.

Rule: a document is gone when the next one is there. So inputs in a page after the next one came tell of two tabs; a
second first byte at nought tells that the page came back from the browser's cache; and one that web-vitals counts from
later on than the navigation's tells that the page was rendered ahead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.recorded import Bools, Ints, Recorded
from loadgen.jobs.fit.support import round_share
from loadgen.jobs.fit.visits import Visits, find_views
from loadgen.jobs.fit.vitals import Loads
from loadgen.rum import events as rum

FEW = 20
"""Visits with two tabs, returns, or prerendered pages from which their share is told."""

RARE = 0.01
"""Share of a page's loads below which those that look prerendered are not."""

LATE = 2.0
"""Seconds; times are whole ones, and the client takes its time."""

INPUTS = (rum.FID, rum.INP, rum.DOM)
CHROMIUM = frozenset({"Chrome", "Edge", "Samsung Internet", "Opera"})
"""Browsers that render pages ahead."""


class Shortcuts(NamedTuple):
    """What visits have of these."""

    tabs: int  # visits with two tabs
    visits: int  # that loaded several pages
    restored: int  # returns from the back/forward cache
    backs: int  # steps back that loaded the page
    ahead: dict[int, float]  # by page: share of prerendered loads of those that links led to


def find_shortcuts(recorded: Recorded, visits: Visits, loads: Loads, pages: int) -> Shortcuts:
    """Count them."""
    restored = _count_returns(recorded, visits)
    several = np.bincount(visits.session[visits.hard], minlength=len(recorded.sessions.user)) > 1
    tabs = find_tabs(recorded, visits, loads, restored > 0)
    backs = int((visits.back & ~visits.first).sum())
    return Shortcuts(
        int(tabs.sum()), int(several.sum()), int(restored.sum()), backs, _find_ahead(recorded, visits, loads, pages)
    )


def find_tabs(recorded: Recorded, visits: Visits, loads: Loads, restored: Bools) -> Bools:
    """The sessions in which a page has inputs after the next one was loaded."""
    events, size = recorded.events, len(visits.page)
    shown = np.zeros(size + 1, dtype=bool)  # loaded, and neither rendered ahead nor for nothing
    shown[loads.view] = np.isfinite(loads.first_byte) & ~loads.ahead
    until = np.full(size, np.inf)
    follows = np.append(visits.session[1:] == visits.session[:-1], False) & shown[1:]
    until[follows] = visits.at[np.flatnonzero(follows) + 1]
    until[restored] = np.inf
    rows = np.flatnonzero(np.isin(events.type, [recorded.find_type(name) for name in INPUTS]))
    view = find_views(recorded, visits, rows)
    late = (view >= 0) & (events.at[rows] > until[np.maximum(view, 0)] + LATE) if size else np.zeros(0, dtype=bool)
    found = np.zeros(len(recorded.sessions.user), dtype=bool)
    found[events.session[rows[late]]] = True
    return found


def _count_returns(recorded: Recorded, visits: Visits) -> Ints:
    """How often each view came back from the browser's back/forward cache."""
    events, rows = recorded.events, recorded.find_rows(rum.TTFB)
    view = find_views(recorded, visits, rows)
    rows, view = rows[view >= 0], view[view >= 0]
    again = np.ones(len(view), dtype=bool)
    again[np.unique(view, return_index=True)[1]] = False
    return np.bincount(view[again & (events.value[rows] <= 0)], minlength=len(visits.page))


def _find_ahead(recorded: Recorded, visits: Visits, loads: Loads, pages: int) -> dict[int, float]:
    """Of the loads that a link led to, in browsers that render ahead, those that were there before the click."""
    able = np.array([word in CHROMIUM for word in recorded.words] + [False])[recorded.sessions.browser]
    linked = able[loads.session] & ~loads.first & ~loads.back & (visits.loads[loads.view] == 1)
    page = visits.page[loads.view]
    whole = np.bincount(page[linked], minlength=pages)
    found = np.bincount(page[linked & loads.ahead], minlength=pages)
    told = np.flatnonzero((found >= FEW) & (found >= RARE * whole))
    return {each: round_share(found[each] / whole[each], whole[each]) for each in told.tolist()}


def add_returns(back: float, behind: float, restored: int) -> float:
    """The share of steps back, those included that left no page view."""
    return (back * behind + restored) / max(behind + restored, 1.0)


def find_share(shortcuts: Shortcuts) -> float:
    """Share of the visits that loaded several pages in which two tabs show."""
    return shortcuts.tabs / max(shortcuts.visits, 1)
