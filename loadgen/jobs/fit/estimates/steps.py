"""Count the page graph from visits: entries, transitions, exits, and the share of steps that go back or load again.

Rule: a view's decision is what followed it: an exit, a step, a step back, a reload, a link to itself. A view whose
session was cut (by its event limit, or by the data's end) has no decision. A route change does not show whether it was
the browser's back button: a return to the path before counts as one, with the probability that it was not chance.
Visitors differ in how readily they leave, and those who stay are seen on more pages. So the law of leaving is fitted to
complete visits; its probabilities are then those of all visitors, not of those who stayed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, mark
from loadgen.jobs.fit.visits.cuts import Decisions
from loadgen.jobs.fit.visits.site import RecordedSite
from loadgen.jobs.fit.visits.visits import CacheReturns, Visits

ROUNDS = 8
"""Rounds of an iteration that separates returns by chance from steps back."""

KINDS_OF_VISITORS, TRIES, SETTLED = 15, 400, 0.0001
"""Kinds of visitors, from the most to the least persistent; rounds of the fit at most; relative change that ends it."""

Z, WEIGHT = np.polynomial.hermite_e.hermegauss(KINDS_OF_VISITORS)
WEIGHT = WEIGHT / WEIGHT.sum()
"""Values of a normal variable that stand for kinds of visitors, and their weights."""

CELLS = 400_000
"""Visits times kinds of decisions to which the law of leaving is fitted at most."""

SURELY, SLIGHT, MOST = 8.0, 0.25, 5.0
"""What differences between visitors must explain (twice the logarithm of the likelihood); spread that does not matter;
the largest spread that a scenario can state."""


class Steps(NamedTuple):
    """Counts of what followed page views."""

    entries: Floats  # [page]: sessions that landed there
    to: Floats  # [page, next page], without steps back
    decisions: Floats  # [page]: decisions of views that were no landing
    landings: Floats  # [page]: landings with a known decision
    back: float  # share of steps back among the steps with a page behind them
    behind: float  # number of steps with a page behind them
    reload: float  # share of reloads among all steps
    steps: float  # number of all steps
    leaving: ExitRates
    cached: float | None = None  # share of cached files of later loads, where cookies do not show it


class ExitRates(NamedTuple):
    """Probabilities that a visit ends, by page, as means over all visitors; NaN: never seen."""

    persistence: float  # standard deviation of the visitors' log-odds; 0: visitors do not differ
    bounce: Floats  # [page]: after a landing
    exit: Floats  # [page]: after a later view


def count_steps(site: RecordedSite, visits: Visits, route: Bools, decisions: Decisions, returns: CacheReturns) -> Steps:
    """Count what followed each view, or followed the page that the browser had returned to in between.

    `decisions` say which steps and loads tell how readily visits end.
    """
    pages = len(site.names)
    going = np.flatnonzero(visits.parent[1:] >= 0)
    source, target = visits.page[returns.left[going]], visits.page[going + 1]
    returned = _weigh_returns(visits, going + 1, pages)
    to = np.zeros((pages, pages))
    np.add.at(to, (source, target), 1 - returned)
    seen = (visits.loads > 0)[visits.hard].sum()
    raised = visits.hard.sum() / seen if seen else 1.0  # some loads ended before they were recorded
    selfs, reloads = (raised * np.bincount(visits.page, each, pages) for each in (visits.links, visits.reloads))
    hidden = _count_hidden_steps(visits, route, to)
    unseen = hidden + selfs + reloads - np.bincount(visits.page, visits.reloads + visits.links, pages)
    selfs = selfs + hidden
    to[np.arange(pages), np.arange(pages)] += selfs
    steps = len(going) + selfs.sum() + reloads.sum()
    own = (selfs.sum() + reloads.sum()) * (~visits.first).mean() if len(visits.first) else 0.0
    behind = float((~visits.first[returns.left[going]]).sum() + own)  # own loads are behind a page as all views are
    gone = mark(len(visits.page), going)
    visits, gone, unseen = _leave_out_late(visits, gone, unseen, decisions)
    returns = returns._replace(source=returns.source[~decisions.late[returns.source]])
    stayed = visits.first & (visits.reloads > 0)
    landing = visits.first & ~stayed  # the landing's own decision is what ended it
    later = np.bincount(visits.page, visits.reloads - stayed, pages) + unseen
    later += np.bincount(visits.page[returns.source], minlength=pages)
    left = visits.page[returns.left]
    return Steps(
        entries=_count_pages(visits.page, visits.first, pages),
        to=to,
        decisions=_count_pages(left, (gone | visits.ended) & ~landing, pages) + later,
        landings=_count_pages(visits.page, ((gone | visits.ended) & landing) | stayed, pages),
        back=float(returned.sum() / max(behind, 1)),
        behind=behind,
        reload=float(reloads.sum() / max(steps + len(returns.source), 1)),
        steps=float(steps),
        leaving=fit_leaving(visits, gone, unseen, returns),
    )


def _leave_out_late(visits: Visits, gone: Bools, unseen: Floats, decisions: Decisions) -> tuple[Visits, Bools, Floats]:
    """Return visits, views with a next one, and hidden steps by page, without the decisions that do not count."""
    pages, early = len(unseen), gone & ~decisions.late
    share = _count_pages(visits.page, early, pages) / np.maximum(_count_pages(visits.page, gone, pages), 1)
    again = np.minimum(visits.reloads + visits.links, decisions.again)
    ended = visits.ended & ~decisions.late
    return visits._replace(reloads=again, links=np.zeros_like(again), ended=ended), early, unseen * share


def _count_pages(page: Ints, chosen: Bools, pages: int) -> Floats:
    return np.bincount(page[chosen], minlength=pages).astype(np.float64)


def _count_hidden_steps(visits: Visits, route: Bools, to: Floats) -> Floats:
    """Estimate the route changes to the path that is already shown, which the client does not record.

    Their number is what chance gives, relative to route changes to other paths of the same page.
    """
    views = np.bincount(visits.path)
    page = np.full(len(views), -1)
    page[visits.path] = visits.page
    of_page = np.bincount(visits.page, minlength=len(route))
    known = page >= 0
    same = np.bincount(page[known], weights=(views[known] / of_page[page[known]]) ** 2, minlength=len(route))
    return np.where(route & (same < 1), np.diag(to) * same / np.maximum(1 - same, 0.05), 0.0)


def _weigh_returns(visits: Visits, target: Ints, pages: int) -> Floats:
    """Return for each step the probability that it was a step back: known after a load, estimated for route changes.

    `target` has the views that the steps led to.
    """
    sure = visits.back[target]
    told = visits.loads[target] > 0
    weight = sure.astype(np.float64)
    from_view = visits.parent[target]
    before = visits.parent[from_view]
    behind = before >= 0
    again = behind & (visits.path[target] == visits.path[before])
    open_ = np.flatnonzero(again & ~told)
    if not len(open_):
        return weight
    source, page = visits.page[from_view], visits.page[target]
    popular = (np.bincount(visits.path)[visits.path] / np.bincount(visits.page)[visits.page])[
        target
    ]  # among its page's
    share = weight[told & behind].mean() if (told & behind).sum() > 50 else 0.1
    for _ in range(ROUNDS):
        to = np.ones((pages, pages)) * 1e-9
        np.add.at(to, (source, page), 1 - weight)
        chance = (to / to.sum(axis=1, keepdims=True))[source, page][open_] * popular[open_]
        weight[open_] = share / (share + (1 - share) * chance)
        share = float(np.clip(weight[behind].mean(), 1e-6, 0.95)) if behind.any() else 0.0
    return weight


def fit_leaving(visits: Visits, gone: Bools, hidden: Floats, returns: CacheReturns) -> ExitRates:
    """Fit how readily visits end: a probability by page, after landings and later, and how much visitors differ.

    It is a logistic regression with a normal variable for each visitor, fitted by expectation and maximization.
    `gone` marks views with a next one; `hidden` are steps by page that were not recorded, beside `returns`.
    """
    pages = len(hidden)
    stays, exits = _count_decisions(visits, gone, hidden, returns)
    total = (stays + exits).sum(axis=0)
    rates, spread = np.where(total > 0, exits.sum(axis=0) / np.maximum(total, 1e-9), np.nan), 0.0
    if len(stays):
        chosen = slice(None, None, max(round(stays.size / CELLS), 1))
        odds, found, several = _fit_odds(stays[chosen], exits[chosen], 1.0)
        *_, single = _fit_odds(stays[chosen], exits[chosen], 0.0)
        if 2 * (several - single) > SURELY and found > SLIGHT:
            spread = found
            rates = np.where(total > 0, (_find_chance(odds[:, None] + spread * Z) * WEIGHT).sum(axis=1), np.nan)
    return ExitRates(spread, rates[pages:], rates[:pages])


def _count_decisions(visits: Visits, gone: Bools, hidden: Floats, returns: CacheReturns) -> tuple[Floats, Floats]:
    """Count how often each visit stayed and left, by kind of decision: the page of a later view, then of a landing."""
    pages = len(hidden)
    again = visits.reloads + visits.links
    landed_on = visits.first & ((again > 0) | gone)
    bounced = visits.first & visits.ended & (again == 0)
    row = np.unique(visits.session, return_inverse=True)[1]
    unseen = (hidden / np.maximum(np.bincount(visits.page, minlength=pages), 1))[visits.page]
    left = visits.page[returns.left]
    stays, exits = (np.zeros((int(row.max(initial=-1)) + 1, 2 * pages)) for _ in range(2))
    np.add.at(stays, (row, visits.page), again - landed_on + unseen)
    np.add.at(stays, (row, left), gone)
    np.add.at(stays, (row[returns.source], visits.page[returns.source]), 1)
    np.add.at(stays, (row, visits.page + pages), landed_on)
    np.add.at(exits, (row, left), visits.ended & ~bounced)
    np.add.at(exits, (row, visits.page + pages), bounced)
    return stays, exits


def _find_chance(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))), dtype=np.float64)


def _fit_odds(stays: Floats, exits: Floats, spread: float) -> tuple[Floats, float, float]:
    """Fit log-odds of leaving by kind of decision for a middle visitor, and the visitors' spread around them.

    Also returns the logarithm of the likelihood. A spread of 0 stays 0.
    """
    total, left = (stays + exits).sum(axis=0), exits.sum(axis=0)
    odds = np.log((left + 0.5) / (total - left + 0.5))
    likelihood, free = 0.0, spread > 0
    for _ in range(TRIES if free else 1):
        before, chance = spread, _find_chance(odds[:, None] + spread * Z)
        logs = stays @ np.log1p(-chance) + exits @ np.log(chance) + np.log(WEIGHT)
        largest = logs.max(axis=1, keepdims=True)
        share = np.exp(logs - largest)
        likelihood = float((np.log(share.sum(axis=1)) + largest[:, 0]).sum())
        if not free:
            break
        share /= share.sum(axis=1, keepdims=True)
        odds, spread = _improve_odds(odds, spread, stays.T @ share, exits.T @ share)
        if abs(spread - before) < SETTLED * spread:
            break
    return odds, spread, likelihood


def _improve_odds(odds: Floats, spread: float, stayed: Floats, left: Floats) -> tuple[Floats, float]:
    """Improve odds and spread by a few Newton steps, given the counts of decisions by kind of visitor."""
    for _ in range(3):
        chance = _find_chance(odds[:, None] + spread * Z)
        error, weight = left - (stayed + left) * chance, (stayed + left) * chance * (1 - chance)
        odds = odds + np.clip(error.sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9), -1, 1)
        step = (error * Z).sum() / max(float((weight * Z**2).sum()), 1e-9)
        spread = float(np.clip(spread + np.clip(step, -0.5, 0.5), 1e-3, MOST))
    return odds, spread
