"""Find second tabs, returns from the back/forward cache, and prerendered pages.

Rule: in one tab a document is gone once the next one is loaded. So inputs on a page after the next page came show two
tabs; a second TTFB of 0 shows that the page came back from the back/forward cache; and a TTFB below the navigation's
first byte shows that the page was prerendered, because web-vitals then counts from a later moment.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.vitals import Loads
from loadgen.jobs.fit.reading.recorded import Bools, Recorded, mark
from loadgen.jobs.fit.support import round_share
from loadgen.jobs.fit.visits.visits import Visits, list_restored
from loadgen.rum import events as rum

FEW = 20
"""Visits with two tabs, returns, or prerendered pages that are needed to write their share."""

RARE = 0.01
"""Share of a page's loads below which loads that look prerendered are ignored."""

LATE = 2.0
"""Seconds after the next page's load from which an input shows a second tab: times are whole seconds."""

INPUTS = (rum.FID, rum.INP, rum.DOM)
CHROMIUM = frozenset({"Chrome", "Edge", "Samsung Internet", "Opera"})
"""Browsers that prerender pages."""


class Shortcuts(NamedTuple):
    """Counts of second tabs, returns and prerendered pages."""

    tabs: int  # visits that show two tabs
    visits: int  # visits that loaded several pages
    restored: int  # returns from the back/forward cache
    backs: int  # steps back that loaded the page
    ahead: dict[int, float]  # [page]: share of prerendered loads among those after a link


def find_shortcuts(recorded: Recorded, visits: Visits, loads: Loads, pages: int) -> Shortcuts:
    """Count second tabs, returns and prerendered pages."""
    restored = np.bincount(visits.of_event[list_restored(recorded, visits)], minlength=len(visits.page))
    several = np.bincount(visits.session[visits.hard], minlength=len(recorded.sessions.user)) > 1
    tabs = find_tabs(recorded, visits, loads, restored > 0)
    backs = int((visits.back & ~visits.first).sum())
    return Shortcuts(
        int(tabs.sum()), int(several.sum()), int(restored.sum()), backs, _find_ahead(recorded, visits, loads, pages)
    )


def find_tabs(recorded: Recorded, visits: Visits, loads: Loads, restored: Bools) -> Bools:
    """Find the sessions in which a page has inputs after the next page was loaded."""
    events, size = recorded.events, len(visits.page)
    shown = np.zeros(size + 1, dtype=bool)  # loaded, and neither rendered ahead nor for nothing
    shown[loads.view] = np.isfinite(loads.first_byte) & ~loads.ahead
    until = np.full(size, np.inf)
    follows = np.append(visits.session[1:] == visits.session[:-1], False) & shown[1:]
    until[follows] = visits.at[np.flatnonzero(follows) + 1]
    until[restored] = np.inf
    rows = recorded.find_rows(*INPUTS)
    view = visits.of_event[rows]
    late = (view >= 0) & (events.at[rows] > until[np.maximum(view, 0)] + LATE) if size else np.zeros(0, dtype=bool)
    return mark(len(recorded.sessions.user), events.session[rows[late]])


def _find_ahead(recorded: Recorded, visits: Visits, loads: Loads, pages: int) -> dict[int, float]:
    """Return by page the share of prerendered loads, among loads after a link in browsers that prerender."""
    able = recorded.find_words(recorded.sessions.browser, CHROMIUM)
    linked = able[loads.session] & ~loads.first & ~loads.back & (visits.loads[loads.view] == 1)
    page = visits.page[loads.view]
    whole = np.bincount(page[linked], minlength=pages)
    found = np.bincount(page[linked & loads.ahead], minlength=pages)
    told = np.flatnonzero((found >= FEW) & (found >= RARE * whole))
    return {each: round_share(found[each] / whole[each], whole[each]) for each in told.tolist()}


def add_returns(back: float, behind: float, restored: int) -> float:
    """Return the share of steps back, returns from the back/forward cache included: they leave no page view."""
    return (back * behind + restored) / max(behind + restored, 1.0)


def find_share(shortcuts: Shortcuts) -> float:
    """Return the share of visits that show two tabs among those that loaded several pages."""
    return shortcuts.tabs / max(shortcuts.visits, 1)
