"""List the files of full loads: their kinds, which other pages have too, and which came from a cache.

Rule: a file is identified by its URL. The files of a page are those in at least half of its loads; rarer files belong
to its items. Only completed loads show how many files there are. The client records the first ten images that it
notices: a page with more shows different ones in each load. A file without a size comes from a cache, unless its host
reports no size of any file. Shared files are cached more often, and sites share more or fewer of their files than a
scenario's default: so shares of cached files are given for a page that shares the default part of its files.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.vitals import LEAST
from loadgen.jobs.fit.reading.recorded import LATE_SECONDS, Bools, Floats, Ints, Recorded, pick_rows
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum
from loadgen.scenario import Client, Resources

KINDS = ("stylesheet", "script", "font", "image", "iframe", "media")
OTHER_KIND = KINDS.index("image")
"""Files of other kinds count as images: the client samples them together."""

LEAST_LOADS = 20
"""Loads of a page that are needed to write its files."""

FEWEST_FILES = 3
"""Files of a landing that are needed to measure its cache."""

USUAL = 0.5
"""Share of a page's loads from which a file belongs to the page; rarer files belong to its items."""

LIMITED, SAMPLED = (KINDS.index("image"), KINDS.index("media")), Client().resourceEventLimit
"""Kinds of files of which the client records only the first few in a load; that number."""

SEVERAL, STRAY, TWICE = 5, 0.002, 0.03
"""Loads with a number of images from which that number is no stray, and their share of all loads; share of the loads
at a limit that may seem to have more, as the event limit came before the navigation event of a second load."""

CROWDED_OUT = 0.02
"""Share of the loads from which a file belongs to a page with more images than the client records."""

BY_BROWSER = "other"
"""The initiator of the browser's own image, the favicon."""

SHARED = Resources().shared
"""Default share of a page's files that other pages have too."""

SWEPT = np.geomspace(1.0, 3600.0, 400)
"""Values in seconds that are tried for the mean time for which memory holds a file."""


class Files(NamedTuple):
    """The files of completed loads, one row for each."""

    row: Ints  # of EventTable
    view: Ints
    kind: Ints  # place in KINDS
    file: Ints  # number of the file
    usual: Bools  # the file belongs to its page, not to an item of the page
    shared: Bools  # other pages have the file too
    opaque: Bools  # the file's host never reports a size: it sends no Timing-Allow-Origin


class Caches(NamedTuple):
    """Shares of files from the cache, for pages that share the part `SHARED` of their files."""

    landings: int  # landings by a link or an address, with enough files to measure
    known: int  # landings among them by users who came earlier in the data
    of_all: float  # share of cached files on all these landings
    of_known: float  # share of cached files on the landings of known users
    of_later: float | None  # share of cached files on later loads of another page
    share: Floats  # [session]: share of cached files on its landing, as they are; NaN: unknown
    memory: float | None  # mean seconds for which the browser's memory holds an unused file


def list_files(recorded: Recorded, visits: Visits) -> Files:
    """List the files of all completed loads, and mark those that other pages have too."""
    events, rows = recorded.events, recorded.find_rows(rum.RESOURCE)
    view, pages = visits.of_event[rows], int(visits.page.max(initial=0)) + 1
    whole = visits.hard & (visits.loads == 1)
    known = (view >= 0) & whole[np.maximum(view, 0)]
    rows, view = rows[known], view[known]
    ids, file = np.unique(events.file[rows], return_inverse=True)
    loads = np.bincount(visits.page[whole], minlength=pages)
    pairs, place, often = np.unique(file * pages + visits.page[view], return_inverse=True, return_counts=True)
    kind = read_kinds(recorded)[events.key[rows]]
    crowded = find_crowded(visits, view[np.isin(kind, LIMITED)])
    several = _find_common_files(visits, view, place)
    usual = (often >= USUAL * loads[pairs % pages]) | (
        crowded[pairs % pages] & several & (often >= CROWDED_OUT * loads[pairs % pages])
    )
    usual &= ids[pairs // pages] != 0
    shared = np.bincount(pairs[usual] // pages, minlength=len(ids)) > 1
    return Files(rows, view, kind, file, usual[place], shared[file], _are_opaque(recorded, rows))


def find_crowded(visits: Visits, limited: Ints) -> Bools:
    """Find the pages with more images than the client records in a load; `limited`: [image], its view."""
    whole = np.flatnonzero(visits.hard & (visits.loads == 1))
    counts = np.bincount(limited, minlength=len(visits.page))[whole]
    full = counts == find_most_images(counts)
    loads = np.bincount(visits.page[whole], minlength=int(visits.page.max(initial=0)) + 1)
    crowded = np.bincount(visits.page[whole], weights=full, minlength=len(loads))
    return np.asarray(crowded >= np.maximum(USUAL * loads, LEAST_LOADS))


def find_most_images(counts: Ints) -> int:
    """Return how many images the client records in a load: its own limit, or the most of several loads (`counts`)."""
    loads = np.bincount(counts, minlength=SAMPLED + 1)
    beyond = loads[::-1].cumsum()[::-1] - loads  # [number]: loads with more
    strays = (beyond < max(SEVERAL, STRAY * len(counts))) | (beyond <= TWICE * loads)
    return SAMPLED + int(np.argmax(strays[SAMPLED:]))


def _find_common_files(visits: Visits, view: Ints, place: Ints) -> Bools:
    """Return for each pair of file and page whether the file belongs to no item: several paths of the page have it.

    On a page with one path every file does. `view` and `place`: [recorded file] its view, and the number of its pair.
    """
    number = int(visits.path.max(initial=0)) + 1
    pairs = np.unique(place * number + visits.path[view]) // number
    paths = np.bincount(pairs)
    page = np.zeros(len(paths), dtype=np.int64)
    page[place] = visits.page[view]
    of_page = np.bincount(np.unique(visits.page * number + visits.path) // number)
    return np.asarray((paths > 1) | (of_page[page] == 1))


def read_kinds(recorded: Recorded) -> Ints:
    """Return the kind of each recorded key; the last entry stands for no key."""
    return np.array([*map(_read_kind, recorded.keys), OTHER_KIND], dtype=np.int64)


def _read_kind(key: str) -> int:
    """Return a file's kind by type and initiator; the client calls a .woff2 of a style sheet a style sheet."""
    kind, initiator = key.split(" ")[:2] if key.count(" ") == 2 else (key, "")
    if kind == "stylesheet" and initiator == "css":
        return KINDS.index("font")
    if kind == "document":
        return KINDS.index("iframe")
    if kind == "other" and initiator in ("video", "audio"):
        return KINDS.index("media")
    return KINDS.index(kind) if kind in KINDS else OTHER_KIND


def _are_opaque(recorded: Recorded, rows: Ints) -> Bools:
    """Find the files whose host never reports a size, cached or not: it sends no Timing-Allow-Origin."""
    hosts: dict[str, int] = {}
    place = np.array([hosts.setdefault(key.rpartition(" ")[2], len(hosts)) for key in recorded.keys], dtype=np.int64)
    host = place[recorded.events.key[rows]]
    told = np.bincount(host[recorded.events.code[rows] > 0], minlength=len(hosts))
    return np.asarray((told == 0)[host])


def read_caches(recorded: Recorded, visits: Visits, known: Bools) -> Caches:
    """Measure the cached files of landings and later loads; `known`: [session], the user came earlier."""
    events, files = recorded.events, list_files(recorded, visits)
    loads = recorded.loads.event
    loaded, lasted = (visits.spread_first(loads, column[loads]) for column in (events.at, events.value / 1000))
    # A further load of the view that ended early has files but no navigation event.
    own = ~files.opaque & (events.at[files.row] <= loaded[files.view] + LATE_SECONDS)
    files = pick_rows(files, own)
    cached, view, size = events.code[files.row] == 0, files.view, len(visits.page)
    number, kept = np.bincount(view, minlength=size), np.bincount(view, weights=cached, minlength=size)
    usable = (find_first_loads(recorded, visits) == 0) & (visits.loads == 1) & (number >= FEWEST_FILES)
    usable &= loaded - visits.at <= lasted + LATE_SECONDS  # else it is the event of a further load
    landing, later = usable & visits.first, usable & ~visits.first & visits.hard
    later &= (visits.parent < 0) | (visits.page[visits.parent] != visits.page)  # a page has all files of its own

    def share(chosen: Bools) -> float:
        return _weigh_shared(cached[chosen], files.shared[chosen])

    again = landing & known[visits.session]
    of_session = np.full(len(recorded.sessions.user), np.nan)
    of_session[visits.session[landing]] = kept[landing] / number[landing]
    last = _find_last(recorded, files)
    went_on = later[view] & files.usual & (last >= 0)
    memory = _find_memory(recorded, visits, pick_rows(files, went_on & cached), last[went_on & cached])
    return Caches(int(landing.sum()), int(again.sum()), share(landing[view]), share(again[view]),
                  share(went_on) if went_on.any() else None, of_session, memory)  # fmt: skip


def _weigh_shared(cached: Bools, shared: Bools) -> float:
    """Return the share of cached files, weighted as if a page shared the part `SHARED` of its files."""
    if not len(cached):
        return 0.0
    if shared.all() or not shared.any():
        return float(cached.mean())
    return SHARED * float(cached[shared].mean()) + (1 - SHARED) * float(cached[~shared].mean())


def _find_last(recorded: Recorded, files: Files) -> Ints:
    """Return for each file the view of the visit's last load before that had it; -1: none had it."""
    key = recorded.events.session[files.row] * (int(files.file.max(initial=0)) + 1) + files.file
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(key[order][1:] == key[order][:-1])
    last = np.full(len(key), -1)
    last[order[again + 1]] = files.view[order[again]]
    return last


def _find_memory(recorded: Recorded, visits: Visits, files: Files, last: Ints) -> float | None:
    """Estimate the mean time until memory drops a file, by maximum likelihood; None: too few loads.

    A file from memory takes no time at all. Only cached files count that the page before did not have.
    """
    before = files.view - 1
    native = np.array([f" {BY_BROWSER} " in key for key in recorded.keys] + [False])[recorded.events.key[files.row]]
    told = (last < before) & visits.hard[before] & (visits.loads[before] == 1) & ~native
    if len(np.unique(files.view[told])) < LEAST:
        return None
    waited = np.maximum(visits.at[files.view[told]] - visits.at[last[told] + 1], 0.5)
    held = recorded.events.value[files.row[told]] == 0
    passed = waited / SWEPT[:, None]
    likelihood = np.where(held, -passed, np.log(-np.expm1(-passed))).sum(axis=1)
    return float(SWEPT[int(likelihood.argmax())])


def find_first_loads(recorded: Recorded, visits: Visits) -> Floats:
    """Return how each view was first loaded: 0 by a link or an address, 1 by a step back, 2 by a reload; NaN: unknown.

    A reload and a step back find their files in the cache anyway.
    """
    return visits.spread_first(recorded.loads.event, recorded.events.code[recorded.loads.event])
