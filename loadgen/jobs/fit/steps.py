"""Visits → the page graph: entries, transitions, exits, and the share of steps that go back or load again.

Rule: a view's decisions are what followed it: an exit, a step, a step back, a reload, a link to itself. A view whose
session was cut (by its event limit, or by the data's end) has decided nothing. Route changes do not tell whether they
were the browser's back button: a return to the very path before is one as far as chance does not explain it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.recorded import Bools, Floats, Ints
from loadgen.jobs.fit.visits import RecordedSite, Visits

ROUNDS = 8
"""Rounds in which the share of returns by chance and that of steps back are told apart."""


class Steps(NamedTuple):
    """Counts of what followed page views."""

    entries: Floats  # sessions that landed on each page
    to: Floats  # [page, next page], without steps back
    exits: Floats  # from views that were no landing
    decisions: Floats  # of views that were no landing
    bounces: Floats  # from landings
    landings: Floats  # landings that are known to have gone on or ended
    back: float  # share of the steps of those who had a page behind them
    reload: float  # share of the steps
    steps: float  # how many steps that stands on

    @property
    def leave(self) -> Floats:
        """Probability that a visit ends after a later view of each page; NaN: never seen."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.exits / self.decisions, dtype=np.float64)


def count_steps(site: RecordedSite, visits: Visits, route: Bools) -> Steps:
    """Count what followed each view."""
    pages = len(site.names)
    going = np.flatnonzero(~visits.last[:-1] & (visits.number[1:] == visits.number[:-1] + 1))
    source, target = visits.page[going], visits.page[going + 1]
    returned = _weigh_returns(visits, route, going, pages)
    to = np.zeros((pages, pages))
    np.add.at(to, (source, target), 1 - returned)
    selfs, reloads = _count_own_loads(visits, pages)
    to[np.arange(pages), np.arange(pages)] += selfs
    behind = ~visits.first[going]
    steps = len(going) + selfs.sum() + reloads.sum()
    back = returned.sum() / max(behind.sum() + _behind(visits, selfs, reloads), 1)
    gone = np.zeros(len(visits.page), dtype=bool)
    gone[going] = True
    again = visits.reloads + visits.links
    landing = visits.first & (again == 0)  # the landing's own decision is what ended it
    stayed = visits.first & (again > 0)
    later = np.zeros(pages)
    np.add.at(later, visits.page, again - stayed)
    return Steps(
        entries=_count_pages(visits.page, visits.first, pages),
        to=to,
        exits=_count_pages(visits.page, visits.ended & ~landing, pages),
        decisions=_count_pages(visits.page, (gone | visits.ended) & ~landing, pages) + later,
        bounces=_count_pages(visits.page, visits.ended & landing, pages),
        landings=_count_pages(visits.page, ((gone | visits.ended) & landing) | stayed, pages),
        back=float(back),
        reload=float(reloads.sum() / max(steps, 1)),
        steps=float(steps),
    )


def _behind(visits: Visits, selfs: Floats, reloads: Floats) -> float:
    """How many of the own loads came with a page behind them: as many as of the views."""
    return float((selfs.sum() + reloads.sum()) * (~visits.first).mean()) if len(visits.first) else 0.0


def _count_pages(page: Ints, chosen: Bools, pages: int) -> Floats:
    return np.bincount(page[chosen], minlength=pages).astype(np.float64)


def _count_own_loads(visits: Visits, pages: int) -> tuple[Floats, Floats]:
    """Links to itself and reloads of each page, raised by the loads that ended before they were recorded."""
    hard = visits.hard.sum()
    seen = (visits.loads > 0)[visits.hard].sum()
    raised = hard / seen if seen else 1.0
    selfs, reloads = np.zeros(pages), np.zeros(pages)
    np.add.at(selfs, visits.page, visits.links * raised)
    np.add.at(reloads, visits.page, visits.reloads * raised)
    return selfs, reloads


def _weigh_returns(visits: Visits, route: Bools, going: Ints, pages: int) -> Floats:
    """Of each step, how surely it was the back button: navigation events say it, route changes leave it open."""
    target = going + 1
    sure = visits.back[target]
    told = visits.loads[target] > 0
    weight = sure.astype(np.float64)
    behind = ~visits.first[going] & (visits.session[going - 1] == visits.session[going])
    again = behind & (visits.path[target] == visits.path[np.maximum(going - 1, 0)])
    open_ = np.flatnonzero(again & ~told)
    if not len(open_):
        return weight
    source, page = visits.page[going], visits.page[target]
    popular = _find_popularity(visits)[target]
    share = weight[told & behind].mean() if (told & behind).sum() > 50 else 0.1
    for _ in range(ROUNDS):
        to = np.ones((pages, pages)) * 1e-9
        np.add.at(to, (source, page), 1 - weight)
        chance = (to / to.sum(axis=1, keepdims=True))[source, page][open_] * popular[open_]
        weight[open_] = share / (share + (1 - share) * chance)
        share = float(np.clip(weight[behind].mean(), 1e-6, 0.95)) if behind.any() else 0.0
    return weight


def _find_popularity(visits: Visits) -> Floats:
    """Of each view, the share of its path among the views of its page."""
    paths = np.bincount(visits.path)[visits.path]
    pages = np.bincount(visits.page)[visits.page]
    return np.asarray(paths / pages, dtype=np.float64)
