"""Find where the files of full loads come from: the network, the cache on the disk, or the browser's memory.

Rule: a file without a size comes from a cache, unless its host reports no size of any file. Shared files are cached
more often, and sites share more or fewer of their files than a scenario's default: so shares of cached files are given
for a page that shares the default part of its files.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.files import BY_BROWSER, FEWEST_FILES, Files, list_files
from loadgen.jobs.fit.estimates.shared_files import SHARED
from loadgen.jobs.fit.estimates.vitals import LEAST
from loadgen.jobs.fit.reading.recorded import LATE_SECONDS, Bools, Floats, Ints, Recorded, pick_rows
from loadgen.jobs.fit.visits.visits import Visits

SWEPT = np.geomspace(1.0, 3600.0, 400)
"""Values in seconds that are tried for the mean time for which memory holds a file."""


class Caches(NamedTuple):
    """Shares of files from the cache, for pages that share the part `SHARED` of their files."""

    landings: int  # landings by a link or an address, with enough files to measure
    known: int  # landings among them by users who came earlier in the data
    of_all: float  # share of cached files on all these landings
    of_known: float  # share of cached files on the landings of known users
    of_later: float | None  # share of cached files on later loads of another page
    share: Floats  # [session]: share of cached files on its landing, as they are; NaN: unknown
    memory: float | None  # mean seconds for which the browser's memory holds an unused file


def read_caches(recorded: Recorded, visits: Visits, known: Bools) -> Caches:
    """Measure the cached files of landings and later loads; `known`: [session], the user came earlier."""
    events, files = recorded.events, list_files(recorded, visits)
    loaded = _spread_first_loads(recorded, visits, events.at)
    # A further load of the view that ended early has files but no navigation event.
    own = ~files.opaque & (events.at[files.row] <= loaded[files.view] + LATE_SECONDS)
    files = pick_rows(files, own)
    cached, view, size = events.code[files.row] == 0, files.view, len(visits.page)
    number, kept = np.bincount(view, minlength=size), np.bincount(view, weights=cached, minlength=size)
    usable = (find_first_loads(recorded, visits) == 0) & (visits.loads == 1) & (number >= FEWEST_FILES)
    lasted = _spread_first_loads(recorded, visits, events.value) / 1000
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
    return _spread_first_loads(recorded, visits, recorded.events.code)


def _spread_first_loads(recorded: Recorded, visits: Visits, column: Floats) -> Floats:
    """Return a column of the events at each view's first navigation event; NaN: the view has none."""
    rows = recorded.loads.event
    return visits.spread_first(rows, column[rows])
