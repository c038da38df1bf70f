"""List recorded events as visits: the pages that each session saw, their order and loads.

Rule: a row is a page view as the client counts them. A reload and a link to the page itself, which the client counts as
the same page, are further loads of the same view. An event belongs to the last view of its page, by path and number,
before it: a page that came back from the browser's cache, and one in a tab of its own, count on from their own number,
so two views of a session may have one number. Without cookies the client numbers no pages, and the path alone tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.visits.cuts import Cuts
from loadgen.jobs.fit.visits.page_templates import PageTemplate, fold_paths, list_examples, name_pages
from loadgen.jobs.fit.visits.unlike_paths import split_unlike
from loadgen.rum import events as rum

OTHER, OTHER_PATH = "other", "/other"
MOST_PAGES = 60
"""Pages that are distinguished at most; all rarer pages become one."""

LOADED = (rum.NAVIGATION, rum.RESOURCE, rum.FCP, rum.TTFB)
"""Events that only a full load has."""

ROUTE_PART = 0.3
"""A page is reached by route changes if fewer than this share of its later views load it."""


class RecordedSite(NamedTuple):
    """The pages of the recorded site."""

    names: tuple[str, ...]
    templates: tuple[PageTemplate, ...]
    of_path: Ints  # [place in Recorded.pages]: the path's page; -1: too rare to be written
    dropped: int  # page views on pages that are too rare even together


class Visits(NamedTuple):
    """Page views, sorted by session and time; -1 and NaN: unknown."""

    session: Ints
    path: Ints  # place in Recorded.pages
    page: Ints  # place in RecordedSite
    at: Floats  # Unix seconds
    row: Ints  # of EventTable
    parent: Ints  # the view of the page before
    first: Bools  # the session's first view, and its landing
    last: Bools  # the session's last view
    spent: Floats  # milliseconds until the view that it led to, by the client's clock; without cookies by whole seconds
    loads: Ints  # navigation events of the view
    reloads: Ints  # navigation events that are reloads
    links: Ints  # navigation events that are neither the first nor a reload: links to the page itself
    back: Bools  # the view was reached by the browser's back button
    hard: Bools  # the view loaded its document, as without cookies every session's first view did
    ended: Bools  # the visit is known to have ended with this view


def fold_pages(recorded: Recorded, at_least: int, patterns: Sequence[str] = ()) -> RecordedSite:
    """Find the pages of the site; pages that fewer than `at_least` visitors saw become the page `other`."""
    views = recorded.find_rows(rum.PAGE_VIEW)
    path, session = recorded.events.page[views], recorded.events.session[views]
    views_of = np.bincount(path[path >= 0], minlength=len(recorded.pages))
    weights = {int(place): int(views_of[place]) for place in np.flatnonzero(views_of)}
    templates = split_unlike(fold_paths(recorded.pages, weights, patterns), recorded.pages, path, session, patterns)
    of_path = np.full(len(recorded.pages) + 1, -1)
    for place, template in enumerate(templates):
        of_path[list(template.members)] = place
    visitor = recorded.sessions.visitor[session]
    common = _count_visitors(path, visitor, len(recorded.pages)) >= at_least
    seen = _count_visitors(of_path[path], visitor, len(templates))
    kept = [place for place, count in enumerate(seen.tolist()) if count >= at_least][:MOST_PAGES]
    number = np.full(len(templates) + 1, len(kept))
    number[kept] = np.arange(len(kept))
    number[-1] = -1
    page = number[of_path]
    rare = np.unique(visitor[page[path] == len(kept)])
    names, chosen = name_pages([templates[place].path for place in kept]), [
        templates[place]._replace(examples=list_examples(
            templates[place].path, [recorded.pages[each] for each in templates[place].members if common[each]]))
        for place in kept
    ]  # fmt: skip
    dropped = 0
    if len(rare) >= at_least:
        names.append(OTHER if OTHER not in names else "other-pages")
        chosen.append(PageTemplate(OTHER_PATH, tuple(np.flatnonzero(page[:-1] == len(kept)).tolist())))
    else:
        dropped = int((page[path] == len(kept)).sum())
        page = np.where(page == len(kept), -1, page)
    return RecordedSite(tuple(names), tuple(chosen), page, dropped)


def match_site(recorded: Recorded, site: RecordedSite) -> RecordedSite:
    """Return the pages of `site` with the paths of other traffic of the same site."""
    known = [template.path for template in site.templates]
    place = {path: number for number, path in enumerate(known)}
    of_path = np.full(len(recorded.pages) + 1, -1)
    plain = sorted(known, key=lambda path: path.count("{"))
    for template in fold_paths(recorded.pages, dict.fromkeys(range(len(recorded.pages)), 1), plain):
        of_path[list(template.members)] = place.get(template.path, place.get(OTHER_PATH, -1))
    return site._replace(of_path=of_path)


def _count_visitors(page: Ints, visitor: Ints, pages: int) -> Ints:
    """Count the visitors who saw each page."""
    known = page >= 0
    pairs = np.unique(visitor[known] * pages + page[known])
    return np.bincount(pairs % pages, minlength=pages) if pages else np.zeros(0, dtype=np.int64)


def list_visits(recorded: Recorded, site: RecordedSite, cuts: Cuts) -> Visits:
    """List all page views on the pages of the site."""
    events = recorded.events
    row = recorded.find_rows(rum.PAGE_VIEW)
    row = row[site.of_path[events.page[row]] >= 0]
    row = row[~_are_unused(recorded, row)]
    session, path = events.session[row], events.page[row]
    first = np.ones(len(row), dtype=bool)
    first[1:] = session[1:] != session[:-1]
    last = np.append(first[1:], True)[: len(row)]
    parent = _find_parents(recorded, row, first)
    led = np.flatnonzero(parent[1:] == np.arange(len(row) - 1))  # not after a return from the browser's cache
    spent = np.full(len(row), np.nan)
    clock = events.code[row[led + 1]]
    spent[led] = np.where(np.isnan(clock), 1000 * (events.at[row[led + 1]] - events.at[row[led]]), clock)
    landing = first & ~cuts.begins[session]
    loads, reloads, links, back = _find_loads(recorded, row, first)
    alone = (recorded.sessions.user < 0)[session]
    ended = last & ~(cuts.full | cuts.open | cuts.continued)[session]
    return Visits(session, path, site.of_path[path], events.at[row], row, parent, landing, last, spent, loads, reloads,
                  links, back, landing | (first & alone) | _are_loaded(recorded, row), ended)  # fmt: skip


def find_views(recorded: Recorded, visits: Visits, rows: Ints) -> Ints:
    """Return for each event row the row of its view in `visits`; -1: unknown."""
    return _find_pages(recorded, visits.row, rows)


def _find_pages(recorded: Recorded, row: Ints, rows: Ints) -> Ints:
    """Return for each event of `rows` its view's place among the page views in `row`; -1: unknown."""
    events = recorded.events
    return _find_latest(recorded, row, rows, events.number[rows], events.page[rows])


def _find_parents(recorded: Recorded, row: Ints, first: Bools) -> Ints:
    """Return for each page view the view of the page before, as the client tells it; without cookies by time."""
    events, place = recorded.events, np.arange(len(row))
    found = _find_latest(recorded, row, row, events.number[row] - 1, events.parent[row])
    follows = ~first & ((events.number[row] < 0) | (np.diff(events.number[row], prepend=0) == 1))
    found = np.where(events.parent[row] < 0, np.where(follows, place - 1, -1), found)
    return np.where(found < place, found, -1)


def _find_latest(recorded: Recorded, row: Ints, rows: Ints, number: Ints, path: Ints) -> Ints:
    """Return the last page view with this number and path before each event of `rows`, else the first one after it.

    `row`: event rows of page views; `rows`: event rows. The result are places in `row`; -1: there is no such view.
    """
    events, size = recorded.events, len(recorded.pages) + 1
    known, group = np.unique(make_view_keys(recorded, row), return_inverse=True)
    wanted = (_combine(events.session[rows], number) * size) + path
    own = np.searchsorted(known, wanted)
    told = (path >= 0) & (np.append(known, -1)[own] == wanted)
    order = np.lexsort((events.at[row], group))
    begin = events.at.min(initial=np.inf)
    whole = events.at.max(initial=begin) - begin + 1
    moments = group[order] * whole + events.at[row[order]] - begin
    place = np.searchsorted(moments, own * whole + events.at[rows] - begin, side="right") - 1
    place = np.maximum(place, np.searchsorted(group[order], own))
    return np.where(told, np.append(order, -1)[place], -1)


def make_view_keys(recorded: Recorded, rows: Ints) -> Ints:
    """Combine session, page number and path of each event row into one number."""
    events = recorded.events
    return _combine(events.session[rows], events.number[rows]) * (len(recorded.pages) + 1) + events.page[rows]


def _combine(session: Ints, number: Ints) -> Ints:
    """Combine session and page number into one number."""
    return session * 4096 + np.minimum(number + 1, 4095)


def spread_first(visits: Visits, view: Ints, values: Floats) -> Floats:
    """Return for each view the first of its values; NaN: it has none. `view`: [value] row of the view, -1: none."""
    found = np.full(len(visits.page), np.nan)
    known = np.flatnonzero(view >= 0)[::-1]  # the first of a view is written last
    found[view[known]] = values[known]
    return found


def _are_loaded(recorded: Recorded, row: Ints) -> Bools:
    """Return for each page view whether events of a load were recorded under it."""
    rows = np.flatnonzero(np.isin(recorded.events.type, [recorded.find_type(name) for name in LOADED]))
    return np.isin(np.arange(len(row)), _find_pages(recorded, row, rows))


def _are_unused(recorded: Recorded, row: Ints) -> Bools:
    """Return for each page view whether its document was prerendered but never shown: then it is no view of a visit.

    Such a document records its navigation, but no TTFB and no paint; or the next page view comes from the same page.
    """
    shown, loaded = (
        np.isin(np.arange(len(row)), _find_pages(recorded, row, np.flatnonzero(np.isin(recorded.events.type, wanted))))
        for wanted in (
            [recorded.find_type(name) for name in (rum.TTFB, rum.FCP, rum.LCP, rum.FID, rum.CLS)],
            [recorded.find_type(rum.NAVIGATION)],
        )
    )
    session = recorded.events.session[row]
    parent = _find_parents(recorded, row, np.append(True, session[1:] != session[:-1])[: len(row)])
    aside = (parent >= 0) & (np.append(parent[1:], -1) == parent)
    unused = ~shown & (parent >= 0) & (loaded | (aside & _are_loaded(recorded, row)))
    return np.asarray(unused & shown.any())  # data without vitals show nothing


def _find_loads(recorded: Recorded, row: Ints, first: Bools) -> tuple[Ints, Ints, Ints, Bools]:
    """Return for each view its navigation events, reloads, links to itself, and whether its first load was a step back.

    A session's first load may itself be a reload, of a page that was open before; it does not count as one.
    """
    rows = recorded.loads.event
    place, code, size = _find_pages(recorded, row, rows), recorded.events.code[rows], len(row)
    order = np.argsort(place, kind="stable")
    order = order[place[order] >= 0]
    place, code = place[order], code[order]
    again = np.zeros(len(place), dtype=bool)
    again[1:] = place[1:] == place[:-1]
    loads = np.bincount(place, minlength=size)
    reloads = np.bincount(place[(code == 2) & (again | ~first[place])], minlength=size)
    links = np.bincount(place[again & (code != 2)], minlength=size)
    back = np.bincount(place[~again & (code == 1)], minlength=size) > 0
    return loads, reloads, links, back


def find_routes(site: RecordedSite, visits: Visits) -> Bools:
    """Find the pages that are reached by route changes: most of their later views have no load of their own."""
    later = ~visits.first
    seen = np.bincount(visits.page[later], minlength=len(site.names))
    loaded = np.bincount(visits.page[later & visits.hard], minlength=len(site.names))
    return (seen > 0) & (loaded < ROUTE_PART * seen)
