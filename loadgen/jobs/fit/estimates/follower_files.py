"""Measure which loads without cookies find files of their page in the cache or the browser's memory.

Rule: memory holds the files of the document that a load replaces, and those of earlier ones for a short time. So the
page's own files show in memory whether that document was of the same page, and files that several pages have show
whether it was of one of these pages.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.dwell import add_parting_clicks, measure_dwells
from loadgen.jobs.fit.estimates.files import BY_BROWSER, OTHER_KIND, Files
from loadgen.jobs.fit.estimates.vitals import LEAST
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded, pick_rows
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum
from loadgen.scenario import Telemetry

MOSTLY = 0.5
"""Share of a load's files from which the cache has most of them."""

KEPT = 0.4
"""Part of the views after which memory still has the files of the page before, where times on pages do not show it."""


class CachedFiles(NamedTuple):
    """Which loads that follow another document find most of their files in the cache."""

    own: Floats  # [page]: share of the loads that find the page's own files in a cache; NaN: unknown
    held: Floats  # [page]: share of the loads that find them in the browser's memory
    lacking: float  # share of the loads that do not find the files which pages share


class SharedFiles(NamedTuple):
    """Files that several pages have, but not all: memory has them after a document of one of these pages."""

    sets: Bools  # [set, page]: the pages that have the files
    held: Floats  # [set, page]: share of the loads, of those with cached files, that find them in memory; NaN: unknown


def measure_files(recorded: Recorded, visits: Visits, files: Files, links: Ints, pages: int) -> CachedFiles:
    """Measure how many loads find most of the files of each kind in the cache; `links`: [load], its view.

    The largest image is left out: a cache has it only if the visit has shown the page's item.
    """
    events = recorded.events
    largest = np.isin(events.file[files.row], events.file[recorded.find_rows(rum.LCP)])
    files = pick_rows(files, files.usual & ~files.opaque & ~(largest & (files.kind == OTHER_KIND)))
    cached, memory = _find_sources(recorded, files)
    page, alone = visits.page[links], ~files.shared
    own, held = (_find_mostly(visits, files.view[alone], kept[alone])[links] for kept in (cached, memory))
    shared = _find_mostly(visits, files.view[files.shared], cached[files.shared])[links]
    shared = shared[np.isfinite(shared)]
    lacking = 1 - float(shared.mean()) if len(shared) >= LEAST else float("nan")
    return CachedFiles(_average(own, page, pages), _average(held, page, pages), lacking)


def measure_shared_files(recorded: Recorded, visits: Visits, files: Files, links: Ints, pages: int) -> SharedFiles:
    """Measure how many loads find in memory the files that several pages have, but not all; `links`: [load], its view.

    Loads that do not find the files of all pages in a cache show nothing, and are left out. So is the browser's own
    image, which is never in memory.
    """
    native = np.array([f" {BY_BROWSER} " in key for key in recorded.keys] + [False])[recorded.events.key[files.row]]
    loaded = np.unique(visits.page[files.view])
    files = pick_rows(files, files.usual & files.shared & ~files.opaque & ~native)
    on_page = np.zeros((int(files.file.max(initial=0)) + 1, pages), dtype=bool)
    on_page[files.file, visits.page[files.view]] = True
    sets, place = np.unique(on_page, axis=0, return_inverse=True)
    place, everywhere = place.ravel()[files.file], np.asarray(sets[:, loaded].all(axis=1))
    cached, memory = _find_sources(recorded, files)
    common = everywhere[place]
    warm = _find_mostly(visits, files.view[common], cached[common])[links]
    some = np.flatnonzero(sets.any(axis=1) & ~everywhere)
    held = np.full((len(some), pages), np.nan)
    for number, part in zip(some.tolist(), held, strict=True):
        own = place == number
        found = _find_mostly(visits, files.view[own], memory[own])[links]
        part[:] = _average(np.where(warm == 0, np.nan, found), visits.page[links], pages)
    return SharedFiles(sets[some], held)


def _find_sources(recorded: Recorded, files: Files) -> tuple[Bools, Bools]:
    """Find which files come from a cache, and which of them from memory, which takes no time."""
    cached = recorded.events.code[files.row] == 0
    return cached, cached & (recorded.events.value[files.row] == 0)


def _find_mostly(visits: Visits, view: Ints, kept: Bools) -> Floats:
    """Return 1 for each view whose files are mostly kept, else 0; NaN: it has none, or was loaded several times."""
    number = np.bincount(view, minlength=len(visits.page))
    part = np.bincount(view, kept, len(visits.page)) / np.maximum(number, 1)
    return np.where((number > 0) & (visits.loads == 1), part > MOSTLY, np.nan)


def _average(found: Floats, page: Ints, pages: int) -> Floats:
    """Return the mean of each page over the loads that are known; NaN: there are too few."""
    told = np.isfinite(found)
    number = np.bincount(page[told], minlength=pages)
    return np.where(number >= LEAST, np.bincount(page[told], found[told], pages) / np.maximum(number, 1), np.nan)


def find_kept(recorded: Recorded, visits: Visits) -> float:
    """Estimate the part of the views after which memory still has the files of the page before."""
    times = measure_dwells(recorded, visits)
    seconds = add_parting_clicks(times, recorded, visits).seconds
    memory = Telemetry().cache.memory_seconds
    return float(np.exp(-seconds / memory).mean()) if len(seconds) >= LEAST else KEPT
