"""Follow returns from the browser's back/forward cache: they leave no page view, but the next step starts there.

Rule: a second TTFB of 0 under a view shows that its page came back. A later view says itself which page it came from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.recorded import Bools, Ints, Recorded
from loadgen.jobs.fit.visits.visits import Visits, find_views
from loadgen.rum import events as rum


class CacheReturns(NamedTuple):
    """Steps that the client's views do not show, because of returns; all columns have rows of Visits."""

    left: Ints  # [view]: the view whose page was shown when the next view came or the visit ended
    source: Ints  # [return]: the view that was shown before it

    def choose(self, chosen: Bools) -> CacheReturns:
        """Return only the returns from the chosen views."""
        return self._replace(source=self.source[chosen[self.source]])


def find_restored(recorded: Recorded, visits: Visits) -> Ints:
    """Return the views that came back from the back/forward cache, once for each return."""
    return _list_restored(recorded, visits)[1]


def _list_restored(recorded: Recorded, visits: Visits) -> tuple[Ints, Ints]:
    """List the TTFB events that show a return from the back/forward cache, and their views."""
    rows = recorded.find_rows(rum.TTFB)
    view = find_views(recorded, visits, rows)
    rows, view = rows[view >= 0], view[view >= 0]
    again = np.ones(len(view), dtype=bool)
    again[np.unique(view, return_index=True)[1]] = False
    chosen = again & (recorded.events.value[rows] <= 0)
    return rows[chosen], view[chosen]


def follow_returns(recorded: Recorded, visits: Visits) -> CacheReturns:
    """Find the page that was shown before each return, each further view and the end of each visit."""
    rows, restored = _list_restored(recorded, visits)
    size = len(visits.page)
    shown = np.append(np.arange(size), restored)
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
