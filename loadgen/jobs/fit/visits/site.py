"""Find the pages of the recorded site: templates of paths, split where paths lead to different pages.

Rule: the views that follow a path show how it behaves. Paths such as /form/step-1, -2 and -3 that lead to different
pages are pages of their own, but only if their names are made of words and a few of them have nearly all views of the
template; ids, numbers and tokens stay folded.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.recorded import Floats, Ints, Recorded
from loadgen.jobs.fit.support import holds_secret
from loadgen.jobs.fit.visits.page_templates import (
    PageTemplate,
    fold_paths,
    is_item,
    list_examples,
    list_values,
    name_pages,
)
from loadgen.rum import events as rum

OTHER, OTHER_PATH = "other", "/other"
MOST_PAGES = 60
"""Pages that are distinguished at most; all rarer pages become one."""

MOST_STEPS, MANY_VIEWS, NEARLY_ALL = 20, 200, 0.8
"""Paths of a template that may be split off at most, views of each at least, and their share of all views at least."""

UNLIKE, BY_CHANCE = 0.15, 0.4
"""Total variation by which the followers of a path must differ from those of the other paths; and the part of it that
chance adds, times the root of followers over views (each of k equal shares of n has a mean error of 0.8 (k n)^-½)."""


class RecordedSite(NamedTuple):
    """The pages of the recorded site."""

    names: tuple[str, ...]
    templates: tuple[PageTemplate, ...]
    of_path: Ints  # [place in Recorded.pages]: the path's page; -1: too rare to be written
    dropped: int  # page views on pages that are too rare even together


def fold_pages(recorded: Recorded, at_least: int, patterns: Sequence[str] = ()) -> RecordedSite:
    """Find the pages of the site; pages that fewer than `at_least` visitors saw become the page `other`."""
    views = recorded.find_rows(rum.PAGE_VIEW)
    path, session = recorded.events.page[views], recorded.events.session[views]
    views_of = np.bincount(path[path >= 0], minlength=len(recorded.pages))
    weights = {int(place): int(views_of[place]) for place in np.flatnonzero(views_of)}
    templates = split_unlike(fold_paths(recorded.pages, weights, patterns), recorded.pages, path, session, patterns)
    of_path = _place_paths(templates, len(recorded.pages))
    visitor = recorded.sessions.visitor[session]
    common = _count_visitors(path, visitor, len(recorded.pages)) >= at_least
    seen = _count_visitors(of_path[path], visitor, len(templates))
    kept = [place for place, count in enumerate(seen.tolist()) if count >= at_least][:MOST_PAGES]
    number = np.full(len(templates) + 1, len(kept))
    number[kept] = np.arange(len(kept))
    number[-1] = -1
    page = number[of_path]
    rare = np.unique(visitor[page[path] == len(kept)])
    names = name_pages([templates[place].path for place in kept])
    chosen = []
    for template in (templates[place] for place in kept):
        told = [recorded.pages[each] for each in template.members if common[each]]
        chosen.append(template._replace(examples=list_examples(template.path, told)))
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


def _place_paths(templates: Sequence[PageTemplate], paths: int) -> Ints:
    """Return for each path the number of its template; -1: it has none."""
    of_path = np.full(paths + 1, -1)
    for place, template in enumerate(templates):
        of_path[list(template.members)] = place
    return of_path


def _count_visitors(page: Ints, visitor: Ints, pages: int) -> Ints:
    """Count the visitors who saw each page."""
    known = page >= 0
    pairs = np.unique(visitor[known] * pages + page[known])
    return np.bincount(pairs % pages, minlength=pages) if pages else np.zeros(0, dtype=np.int64)


def split_unlike(
    templates: Sequence[PageTemplate], paths: Sequence[str], path: Ints, session: Ints, kept: Container[str]
) -> list[PageTemplate]:
    """Return the templates, with a template of its own for each path that leads to other pages than the rest.

    `path` and `session`: [page view], sorted by session and time. Templates in `kept` are not split.
    """
    views = np.bincount(path[path >= 0], minlength=len(paths))
    follows = np.append((session[1:] == session[:-1]) & (path[1:] >= 0), False)
    following = np.where(follows, np.roll(path, -1), -1)
    of_path = _place_paths(templates, len(paths))
    found: list[PageTemplate] = []
    for template in templates:
        own = [] if template.path in kept else list_candidates(template, paths, views)
        unlike = find_unlike(own, path, following, of_path) if own else []
        found += [PageTemplate(paths[each], (each,)) for each in unlike]
        if len(unlike) < len(template.members):
            left = tuple(each for each in template.members if each not in unlike)
            found.append(template._replace(members=left))
    return found


def list_candidates(template: PageTemplate, paths: Sequence[str], views: Ints) -> list[int]:
    """Return the paths of a template that may be split off; none if they have not nearly all of its views."""
    members = [each for each in template.members if views[each] >= MANY_VIEWS]
    told = sum(int(views[each]) for each in members) >= NEARLY_ALL * views[list(template.members)].sum()
    names = [name for each in members for name in list_values(template.path, paths[each])]
    if not 2 <= len(members) <= MOST_STEPS or not told or any(is_item(each) or holds_secret(each) for each in names):
        return []
    return members


def find_unlike(own: list[int], path: Ints, following: Ints, of_path: Ints) -> list[int]:
    """Return the paths that are followed by other pages than the rest, the most different first.

    If only one path is left, all paths are returned.
    """
    place = np.full(len(of_path), -1)
    place[own] = np.arange(len(own))
    ours = place[path] >= 0
    after = np.where(place[following] >= 0, place[following], len(own) + 1 + of_path[following])
    table = np.zeros((len(own), int(after.max(initial=0)) + 1))
    np.add.at(table, (place[path[ours]], after[ours]), 1)
    unlike: list[int] = []
    left = list(range(len(own)))
    while len(left) > 1:
        others = table[left].sum(axis=0)
        excess = [_measure_excess(table[row], others - table[row]) for row in left]
        if max(excess) <= 0:
            break
        unlike.append(left.pop(int(np.argmax(excess))))
    return own if len(left) == 1 else [own[row] for row in unlike]


def _measure_excess(mine: Floats, others: Floats) -> float:
    """Return by how much the followers of a path differ beyond UNLIKE and chance."""
    views = min(mine.sum(), others.sum())
    followers = int(((mine + others) > 0).sum())
    apart = np.abs(mine / max(mine.sum(), 1) - others / max(others.sum(), 1)).sum() / 2
    return float(apart - UNLIKE - BY_CHANCE * np.sqrt(followers / max(views, 1)))
