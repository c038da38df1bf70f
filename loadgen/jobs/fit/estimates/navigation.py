"""Find what loads show beside vitals: documents and connections, second tabs, returns, and prerendered pages.

Rule: in one tab a document is gone once the next one is loaded. So inputs on a page after the next page came show two
tabs; a second TTFB of 0 shows that the page came back from the back/forward cache; and a TTFB below the navigation's
first byte shows that the page was prerendered, because web-vitals then counts from a later moment.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.vitals import FEW, LEAST, Loads
from loadgen.jobs.fit.reading.metadata import CHROMIUM
from loadgen.jobs.fit.reading.recorded import Bools, Ints, Recorded, mark
from loadgen.jobs.fit.support import round_share, round_to
from loadgen.jobs.fit.visits.visits import Visits, list_restored
from loadgen.rum import events as rum

REPEATED = 0.02
"""Share of a page's documents from which their most frequent size is that of one item."""

SHOWN = 20
"""Visits with two tabs, returns, or prerendered pages that are needed to write their share."""

RARE = 0.01
"""Share of a page's loads below which loads that look prerendered are ignored."""

LATE = 2.0
"""Seconds after the next page's load from which an input shows a second tab: times are whole seconds."""

INPUTS = (rum.FID, rum.INP, rum.DOM)


class NavigationFacts(NamedTuple):
    """Estimates over all documents; None: too few loads show it."""

    preconnected: float | None  # share of the landings that used an existing connection
    scripting: dict[str, float] | None  # members of a scenario's Scripting
    landings: int  # landings that `preconnected` was measured on
    cold: int  # loads without a cached file that `scripting` was measured on


class Shortcuts(NamedTuple):
    """Counts of second tabs, returns and prerendered pages."""

    tabs: int  # visits that show two tabs
    visits: int  # visits that loaded several pages
    restored: int  # returns from the back/forward cache
    backs: int  # steps back that loaded the page
    ahead: dict[int, float]  # [page]: share of prerendered loads among those after a link


def read_navigation(loads: Loads, cold: Bools) -> NavigationFacts:
    """Measure the connections of landings, and how long documents wait for scripts; `cold`: [view], no cached file.

    Without TLS, connections do not show. A step back has its document from the cache, so it does not count.
    """
    landed = loads.first & ~loads.back & np.isfinite(loads.tls)
    secure = landed.sum() >= LEAST and bool((loads.tls[landed] > 0).any())
    ready = loads.tls[landed] == 0
    preconnected = round_share(float(ready.mean()), len(ready)) if secure else None
    whole = loads.paint - loads.first_byte
    waited = cold[loads.view] & ~loads.ahead & np.isfinite(loads.scripts) & (whole > 0)
    scripting = None
    if waited.sum() >= LEAST:
        scripting = {}
        for name, values in (("network", loads.scripts[waited] / whole[waited]), ("ready_ms", loads.handlers[waited])):
            low, middle, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
            if middle > 0:
                scripting[name] = round_to(middle, (high - low) / sqrt(len(values)))
    return NavigationFacts(preconnected, scripting or None, len(ready), int(waited.sum()))


def find_documents(loads: Loads, page: Ints, pages: int) -> dict[int, dict[str, float]]:
    """Return the size of each page's document on the wire, in bytes, and its ratio unpacked, by page.

    The size is that of the item which most loads show, if many loads have exactly the same; else it is the median. A
    document from the cache has no size on the wire; browsers add 300 bytes to a document from the network.
    """
    found: dict[int, dict[str, float]] = {}
    sent = np.isfinite(loads.bytes) & (loads.bytes > rum.HEADER_BYTES)
    for each in range(pages):
        own = sent & (page == each)
        count = int(own.sum())
        if count < FEW:
            continue
        sizes = loads.bytes[own] - rum.HEADER_BYTES
        exact, often = np.unique(sizes, return_counts=True)
        size = float(exact[often.argmax()])
        if often.max() < REPEATED * count:
            size = round_to(float(np.median(sizes)), float(sizes.std()) / sqrt(count))
        found[each] = {"document_bytes": round(size)}
        ratios = loads.ratio[own & (loads.ratio >= 1)]
        if len(ratios) >= FEW:
            found[each]["document_ratio"] = round_to(float(np.median(ratios)), float(ratios.std()) / sqrt(len(ratios)))
    return found


def find_shortcuts(recorded: Recorded, visits: Visits, loads: Loads, pages: int) -> Shortcuts:
    """Count second tabs, returns and prerendered pages."""
    restored = np.bincount(visits.of_event[list_restored(recorded, visits)], minlength=len(visits.page))
    several = np.bincount(visits.session[visits.hard], minlength=len(recorded.sessions.user)) > 1
    tabs = find_tabs(recorded, visits, loads, restored > 0)
    backs = int((visits.back & ~visits.first).sum())
    ahead = _find_ahead(recorded, visits, loads, pages)
    return Shortcuts(int(tabs.sum()), int(several.sum()), int(restored.sum()), backs, ahead)


def find_tabs(recorded: Recorded, visits: Visits, loads: Loads, restored: Bools) -> Bools:
    """Find the sessions in which a page has inputs after the next page was loaded."""
    events, rows, size = recorded.events, recorded.find_rows(*INPUTS), len(visits.page)
    shown = mark(size + 1, loads.view[np.isfinite(loads.first_byte) & ~loads.ahead])  # not ahead, nor for nothing
    follows = np.flatnonzero(~visits.last & shown[1:] & ~restored)
    until = np.full(size + 1, np.inf)
    until[follows] = visits.at[follows + 1]
    late = events.at[rows] > until[visits.of_event[rows]] + LATE
    return mark(len(recorded.sessions.user), events.session[rows[late]])


def _find_ahead(recorded: Recorded, visits: Visits, loads: Loads, pages: int) -> dict[int, float]:
    """Return by page the share of prerendered loads, among loads after a link in browsers that prerender."""
    able = recorded.find_words(recorded.sessions.browser, CHROMIUM)
    linked = able[loads.session] & ~loads.first & ~loads.back & (visits.loads[loads.view] == 1)
    page = visits.page[loads.view]
    whole = np.bincount(page[linked], minlength=pages)
    found = np.bincount(page[linked & loads.ahead], minlength=pages)
    told = np.flatnonzero((found >= SHOWN) & (found >= RARE * whole))
    return {each: round_share(found[each] / whole[each], whole[each]) for each in told.tolist()}


def add_returns(back: float, behind: float, restored: int) -> float:
    """Return the share of steps back, returns from the back/forward cache included: they leave no page view."""
    return (back * behind + restored) / max(behind + restored, 1.0)


def find_share(shortcuts: Shortcuts) -> float:
    """Return the share of visits that show two tabs among those that loaded several pages."""
    return shortcuts.tabs / max(shortcuts.visits, 1)
