"""Fit the visits of sites without cookies, where each load is a session: which loads land, and which follow another.

Rule: a load that replaces a document of the site says when that was unloaded (`unloadEventStart`); a landing has none.
No event says which page it was, and loads are not joined to visits: the client keeps no ids so that nobody can do that.
What the cache has of their files shows which of them follow a document of the same page, or of pages that have some
files in common (`documents_before`). As each load is recorded alone, what this generates looks alike.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.documents_before import Evidence, count_documents, find_graph
from loadgen.jobs.fit.estimates.files import find_first_loads, list_files
from loadgen.jobs.fit.estimates.follower_files import find_kept, measure_files, measure_shared_files
from loadgen.jobs.fit.estimates.population import find_returning
from loadgen.jobs.fit.estimates.steps import Steps
from loadgen.jobs.fit.reading.recorded import Bools, Ints, Recorded
from loadgen.jobs.fit.visits.site import RecordedSite
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum

FEW, USUAL = 20, 20.0
"""Loads that follow another which must show; loads of the whole site that count beside a page's own."""

EVENLY = 0.618034
"""A step by which numbers between 0 and 1 are spread evenly."""


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
    alone, begins = (recorded.sessions.user < 0)[visits.session], np.roll(visits.last, 1)
    page, last = visits.page[begins & alone], visits.last & alone
    documents, files = count_documents(page, visits.page[last], pages), list_files(recorded, visits)
    graph, cached = find_graph(Evidence(
        steps,
        documents,
        targets=np.bincount(visits.page[followers.links], minlength=pages),
        repeated=followers.backs + followers.reloads,
        returning=find_returning(recorded, visits).share or 0.0,
        kept=find_kept(recorded, visits),
        files=measure_files(recorded, visits, files, followers.links, pages),
        shared=measure_shared_files(recorded, visits, files, followers.links, pages),
    ))  # fmt: skip
    behind = ~visits.first[last]
    part = np.bincount(page, behind, pages) / np.maximum(documents.sum(axis=1), 1)
    with_one_behind = steps.behind + float(
        graph.after.sum(axis=1) @ part + followers.backs + followers.reloads * behind.mean()
    )
    whole, leaving = steps.steps + number, steps.leaving
    return steps._replace(
        to=steps.to + graph.to,
        back=float((steps.back * steps.behind + followers.backs) / max(with_one_behind, 1)),
        behind=with_one_behind,
        reload=float((steps.reload * steps.steps + followers.reloads) / whole),
        steps=whole,
        leaving=leaving._replace(bounce=leaving.bounce * graph.stay, exit=leaving.exit * graph.stay),
        cached=cached if np.isfinite(cached) else None,
    )
