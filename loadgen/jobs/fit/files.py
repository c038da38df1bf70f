"""The files of full loads: how many of each kind a page has, and how many of them come from the browser's cache.

Rule: a file without a size comes from the cache, unless its host tells no size of any file. Only loads that came to
their end tell how many files a page has.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.recorded import LATE_SECONDS, Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.visits import Visits, find_views
from loadgen.rum import events as rum

KINDS = ("stylesheet", "script", "font", "image", "iframe", "media")
RARE_KINDS = ("iframe", "media")
OTHER_KIND = KINDS.index("image")
"""Files of other kinds count as images: the client samples them together."""

LEAST_LOADS = 20
"""Loads of a page from which its files are told."""

FEWEST_FILES = 3
"""Files of a landing from which its cache is judged."""


def count_files(recorded: Recorded, visits: Visits, pages: int) -> tuple[dict[int, dict[str, int]], dict[str, int]]:
    """Files of a full load by kind: of each page with enough loads, and of all; only loads that came to their end."""
    events, rows = recorded.events, recorded.rows_of(rum.RESOURCE)
    view = find_views(visits, events.session[rows], events.number[rows])
    kind = _read_kinds(recorded)[events.key[rows]]
    whole = visits.hard & (visits.loads == 1)
    known = (view >= 0) & whole[np.maximum(view, 0)]
    table = np.zeros((len(visits.page), len(KINDS)), dtype=np.int64)
    np.add.at(table, (view[known], kind[known]), 1)
    found = {}
    for page in range(pages):
        own = table[whole & (visits.page == page)]
        if len(own) >= LEAST_LOADS:
            found[page] = _find_usual_files(own)
    return found, _find_usual_files(table[whole]) if whole.any() else {}


def _find_usual_files(table: Ints) -> dict[str, int]:
    """The middle number of each kind: loads that ended early have fewer, and none has more than there are."""
    numbers = np.round(np.quantile(table, 0.5, axis=0)).astype(int).tolist()
    counts = dict(zip(KINDS, numbers, strict=True)) | {"script": max(numbers[KINDS.index("script")], 1)}
    return {kind: number for kind, number in counts.items() if number or kind not in RARE_KINDS}


def _read_kinds(recorded: Recorded) -> Ints:
    """The kind of each of the recorded keys; the last row stands for none."""
    return np.array([*map(_read_kind, recorded.keys), OTHER_KIND], dtype=np.int64)


def _read_kind(key: str) -> int:
    """A file's kind by its type and initiator; the client takes .woff2 that a style sheet asks for for one itself."""
    kind, initiator = key.split(" ")[:2] if key.count(" ") == 2 else (key, "")
    if kind == "stylesheet" and initiator == "css":
        return KINDS.index("font")
    if kind == "document":
        return KINDS.index("iframe")
    if kind == "other" and initiator in ("video", "audio"):
        return KINDS.index("media")
    return KINDS.index(kind) if kind in KINDS else OTHER_KIND


class Caches(NamedTuple):
    """Shares of files that came from the cache."""

    landings: int  # that were loaded as links are, with enough files to tell
    known: int  # of these, those of users who came earlier in the data
    of_all: float  # share of cached files of all these landings
    of_known: float
    of_later: float | None  # of later loads
    share: Floats  # of each session's landing; NaN: not told


def read_caches(recorded: Recorded, visits: Visits, known: Bools) -> Caches:
    events, rows = recorded.events, recorded.rows_of(rum.RESOURCE)
    rows = rows[np.isfinite(events.code[rows]) & ~_are_opaque(recorded, rows)]
    view = find_views(visits, events.session[rows], events.number[rows])
    loaded = _spread_first_loads(recorded, visits, events.at)
    # a further load of the view that ended early has files and no navigation event
    own = (view >= 0) & (events.at[rows] <= loaded[view] + LATE_SECONDS)
    cached, view = (events.code[rows] == 0)[own], view[own]
    size = len(visits.page)
    files, kept = np.bincount(view, minlength=size), np.bincount(view, weights=cached, minlength=size)
    usable = (find_first_loads(recorded, visits) == 0) & (visits.loads == 1) & (files >= FEWEST_FILES)
    lasted = _spread_first_loads(recorded, visits, events.value) / 1000
    usable &= loaded - visits.at <= lasted + LATE_SECONDS  # else it is the event of a further load

    def share(chosen: Bools) -> float:
        return float(kept[chosen].sum() / files[chosen].sum()) if chosen.any() else 0.0

    landing, later = usable & visits.first, usable & ~visits.first & visits.hard
    again = landing & known[visits.session]
    of_session = np.full(len(recorded.sessions.user), np.nan)
    of_session[visits.session[landing]] = kept[landing] / files[landing]
    return Caches(int(landing.sum()), int(again.sum()), share(landing), share(again),
                   share(later) if later.any() else None, of_session)  # fmt: skip


def find_first_loads(recorded: Recorded, visits: Visits) -> Floats:
    """How each view was loaded for the first time: 0 as links are, 1 by a step back, 2 by a reload; NaN: not told.

    A reload and a step back have their files anyway.
    """
    return _spread_first_loads(recorded, visits, recorded.events.code)


def _spread_first_loads(recorded: Recorded, visits: Visits, column: Floats) -> Floats:
    """A column of the events, at each view's first navigation event; NaN: it has none."""
    events, rows = recorded.events, recorded.loads.event
    view = find_views(visits, events.session[rows], events.number[rows])
    found = np.full(len(visits.page), np.nan)
    known = np.flatnonzero(view >= 0)[::-1]  # the first load of a view is written last
    found[view[known]] = column[rows[known]]
    return found


def _are_opaque(recorded: Recorded, rows: Ints) -> Bools:
    """Which files come from a host that never tells a size, cached or not: it sends no Timing-Allow-Origin."""
    hosts: dict[str, int] = {}
    place = np.array([hosts.setdefault(key.rpartition(" ")[2], len(hosts)) for key in recorded.keys], dtype=np.int64)
    host = place[recorded.events.key[rows]]
    told = np.bincount(host[recorded.events.code[rows] > 0], minlength=len(hosts))
    return np.asarray((told == 0)[host])
