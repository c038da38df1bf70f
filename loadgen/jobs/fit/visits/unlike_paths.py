"""Split templates whose paths lead to different pages, such as /form/step-1, -2 and -3, into pages of their own.

Rule: the views that follow a path show how it behaves. Only paths with names made of words are split off, and only if
a few of them have nearly all views of the template; ids, numbers and tokens stay folded.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np

from loadgen.jobs.fit.reading.recorded import Floats, Ints
from loadgen.jobs.fit.support import holds_secret
from loadgen.jobs.fit.visits.page_templates import PageTemplate, is_item, list_values

MOST_STEPS, MANY_VIEWS, NEARLY_ALL = 20, 200, 0.8
"""Paths of a template that may be split off at most, views of each at least, and their share of all views at least."""

UNLIKE, BY_CHANCE = 0.15, 0.4
"""Total variation by which the followers of a path must differ from those of the other paths; and the part of it that
chance adds, times the root of followers over views (each of k equal shares of n has a mean error of 0.8 (k n)^-½)."""


def split_unlike(
    templates: Sequence[PageTemplate], paths: Sequence[str], path: Ints, session: Ints, kept: Container[str]
) -> list[PageTemplate]:
    """Return the templates, with a template of its own for each path that leads to other pages than the rest.

    `path` and `session`: [page view], sorted by session and time. Templates in `kept` are not split.
    """
    views = np.bincount(path[path >= 0], minlength=len(paths))
    follows = np.append((session[1:] == session[:-1]) & (path[1:] >= 0), False)
    following = np.where(follows, np.roll(path, -1), -1)
    of_path = np.full(len(paths) + 1, -1)
    for place, template in enumerate(templates):
        of_path[list(template.members)] = place
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
        excess = [
            _measure_excess(table[row], table[[each for each in left if each != row]].sum(axis=0)) for row in left
        ]
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
