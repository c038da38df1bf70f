"""Fit the visits of sites without cookies, where each load is a session: which loads land, and which follow another.

Rule: a load that replaces a document of the site says when that was unloaded (`unloadEventStart`); a landing has none.
No event says which page it was, and loads are not joined to visits: the client keeps no ids so that nobody can do that.
Loads are taken to follow all pages alike, except those of the same page: the cache then has all files.
After another page it has a page's own files for few: who came before, or whose visit has shown the page. The page with
the fewest is taken for one that never follows itself. As each load is recorded alone, what this generates looks alike.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.caches import find_first_loads
from loadgen.jobs.fit.estimates.files import list_files
from loadgen.jobs.fit.estimates.population import find_returning
from loadgen.jobs.fit.estimates.shared_files import SHARED
from loadgen.jobs.fit.estimates.steps import Steps
from loadgen.jobs.fit.estimates.vitals import LEAST
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.visits.site import RecordedSite
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum

FEW, USUAL = 20, 20.0
"""Loads that follow another which must show; loads of the whole site that count beside a page's own."""

EVENLY = 0.618034
"""A step by which numbers between 0 and 1 are spread evenly."""

LEAST_EXIT, MOST_SAME, MOSTLY = 0.01, 0.95, 0.5
"""Least share of a page's ends that are exits; most loads of a page that follow the page itself; share of a load's
files from which the cache has most of them."""

ROUNDS = 6
"""Rounds in which steps and what visits have seen before are found from each other."""


class Followers(NamedTuple):
    """The loads without cookies that follow another page, by how they came; rows of Visits."""

    links: Ints
    backs: int
    reloads: int


def find_followers(recorded: Recorded, site: RecordedSite) -> Bools:
    """Find the sessions without cookies whose load follows another page of the site.

    A load that ended early does not show it; of these each page has the same share as of its other loads.
    """
    events, people = recorded.events, recorded.sessions.user
    found = np.zeros(len(people), dtype=bool)
    rows, alone = recorded.loads.event, people < 0
    found[events.session[rows[recorded.loads.unload > 0]]] = True
    if (found & alone).sum() < FEW:
        return np.zeros(len(people), dtype=bool)
    known, page = np.zeros(len(people), dtype=bool), np.full(len(people), -1)
    known[events.session[rows]] = True
    views = recorded.find_rows(rum.PAGE_VIEW)[::-1]
    page[events.session[views]] = site.of_path[events.page[views]]  # a session's first view is written last
    told = known & alone
    follow, whole = (np.bincount(page[told & each] + 1, minlength=len(site.names) + 1) for each in (found, known))
    share = (follow + USUAL * found[told].mean()) / (whole + USUAL)
    guessed = np.arange(len(people)) * EVENLY % 1 < share[page + 1]
    return np.where(known, found, guessed) & alone


def _list_followers(recorded: Recorded, visits: Visits) -> Followers:
    joined = (recorded.sessions.user < 0)[visits.session] & ~visits.first & (visits.parent < 0)
    code = find_first_loads(recorded, visits)
    backs, reloads = (joined & (code == each) for each in (1, 2))
    return Followers(np.flatnonzero(joined & ~backs & ~reloads), int(backs.sum()), int(reloads.sum()))


def add_followers(steps: Steps, recorded: Recorded, visits: Visits) -> Steps:
    """Add the steps to loads that follow another page, from the pages on which loads without cookies end."""
    followers, pages = _list_followers(recorded, visits), len(steps.entries)
    number = len(followers.links) + followers.backs + followers.reloads
    if not number:
        return steps
    alone = (recorded.sessions.user < 0)[visits.session]
    ends = np.bincount(visits.page[visits.last & alone], minlength=pages)
    targets = np.bincount(visits.page[followers.links], minlength=pages)
    files = _measure_files(recorded, visits, followers.links, pages)
    returning, repeated = find_returning(recorded, visits).share or 0.0, followers.backs + followers.reloads
    same, own = np.where(np.isfinite(files.own), 0.0, np.nan), float("nan")
    for _ in range(ROUNDS):
        to = _spread_steps(ends, targets, same)
        graph = steps.to + to
        again = repeated * graph.sum(axis=1) / max(graph.sum(), 1e-9)  # a scenario repeats a share of all steps
        stay = np.maximum(1 - (again + to.sum(axis=1)) / np.maximum(ends, 1), LEAST_EXIT)
        onward = (1 - np.nan_to_num(steps.leaving.exit * stay, nan=1.0)) / np.maximum(graph.sum(axis=1), 1e-9)
        usual = returning + (1 - returning) * _find_seen(graph * onward[:, None], steps.entries, to)
        if np.isfinite(same).any():
            own = float(min(np.nanmin(files.own / np.maximum(usual, 1e-9)), 1.0))
            same = np.clip((files.own - own * usual) / np.maximum(1 - own * usual, 1e-9), 0.0, MOST_SAME)
    whole, leaving = steps.steps + number, steps.leaving
    behind = steps.behind + number * float((~visits.first)[visits.last & alone].mean())
    shared = min(max(1 - files.lacking / max(1 - float(np.nansum(same * targets) / number), 1e-9), 0.0), 1.0)
    cached = SHARED * shared + (1 - SHARED) * own
    return steps._replace(
        to=graph,
        back=float((steps.back * steps.behind + followers.backs) / max(behind, 1)),
        behind=behind,
        reload=float((steps.reload * steps.steps + followers.reloads) / whole),
        steps=whole,
        leaving=leaving._replace(bounce=leaving.bounce * stay, exit=leaving.exit * stay),
        cached=cached if np.isfinite(cached) else None,
    )


def _spread_steps(ends: Ints, targets: Ints, same: Floats) -> Floats:
    """Return the number of steps by page and next page: the known share `same` from the page itself, others by chance.

    `ends` are the ends of loads by page, `targets` the loads that follow, by page; `same` is NaN where it is unknown.
    """
    chance = ends / max(ends.sum(), 1)
    own = np.where(np.isfinite(same), same, chance)
    others = np.tile(chance[:, None], (1, len(ends)))
    np.fill_diagonal(others, 0.0)
    whole = others.sum(axis=0)
    own, others = np.where(whole > 0, own, 1.0), others / np.maximum(whole, 1e-9)
    return np.asarray((others * (1 - own) + np.diag(own)) * targets, dtype=np.float64)


def _find_seen(chances: Floats, entries: Floats, to: Floats) -> Floats:
    """Return for each page which share of its loads after other pages come when the visit has shown the page before.

    `chances` are the probabilities of steps, `entries` the landings by page, `to` the numbers of steps that load.
    """
    seen, rest = np.zeros(len(entries)), np.eye(len(entries)) - np.minimum(chances, 0.999)
    for page in range(len(entries)):
        others = np.arange(len(entries)) != page
        came = float(to[others, page].sum())
        if came:
            reached = np.linalg.solve(rest[np.ix_(others, others)], chances[others, page])
            seen[page] = 1 - min(float(entries[others] @ reached) / came, 1.0)
    return seen


class _CachedFiles(NamedTuple):
    """Which loads that follow another page find their files in the cache."""

    own: Floats  # [page]: share of the loads that find the page's own files; NaN: unknown
    lacking: float  # share of the loads that do not find the files which pages share


def _measure_files(recorded: Recorded, visits: Visits, links: Ints, pages: int) -> _CachedFiles:
    """Measure how many loads find most of the files of each kind in the cache; `links`: [load], its view."""
    files, size = list_files(recorded, visits), len(visits.page)
    found = []
    for kind in (files.shared, ~files.shared):
        chosen = files.usual & kind & ~files.opaque
        view, cached = files.view[chosen], recorded.events.code[files.row[chosen]] == 0
        number = np.bincount(view, minlength=size)
        part = np.bincount(view, weights=cached, minlength=size) / np.maximum(number, 1)
        found.append(np.where((number > 0) & (visits.loads == 1), part > MOSTLY, np.nan)[links])
    page, told = visits.page[links], np.isfinite(found[1])
    number = np.bincount(page[told], minlength=pages)
    own = np.bincount(page[told], weights=found[1][told], minlength=pages) / np.maximum(number, 1)
    shared = found[0][np.isfinite(found[0])]
    lacking = 1 - float(shared.mean()) if len(shared) >= LEAST else float("nan")
    return _CachedFiles(np.where(number >= LEAST, own, np.nan), lacking)
