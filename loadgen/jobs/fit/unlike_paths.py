"""Paths that have the form of one template and lead elsewhere are pages of their own: /form/step-1, -2 and -3.

Rule: what follows a path tells how it behaves. Only names of words are set free, and only where a few of them make up
nearly all views of the template; ids, numbers and tokens stay folded.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np

from loadgen.jobs.fit.page_templates import PageTemplate, is_item, list_values
from loadgen.jobs.fit.recorded import Floats, Ints
from loadgen.jobs.fit.support import holds_secret

MOST_STEPS, MANY_VIEWS, NEARLY_ALL = 20, 200, 0.8
"""Paths of a template that may be pages of their own, their views at least, and the part of all views that they are."""

UNLIKE, BY_CHANCE = 0.15, 0.4
"""Part of what follows a path that must be other than after its fellows; and what chance adds, in roots of the number
of followers over that of views (the mean of a total variation; each of k equal shares of n is off by 0.8 (k n)^-½)."""


def split_unlike(
    templates: Sequence[PageTemplate], paths: Sequence[str], path: Ints, session: Ints, kept: Container[str]
) -> list[PageTemplate]:
    """The templates, with paths of their own for those that lead elsewhere than their fellows.

    `path` and `session` are of each page view, sorted by session and time. Templates in `kept` stay as they are.
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
        found += [PageTemplate("/" + paths[each].strip("/"), (each,)) for each in unlike]
        if len(unlike) < len(template.members):
            left = tuple(each for each in template.members if each not in unlike)
            found.append(template._replace(members=left))
    return found


def list_candidates(template: PageTemplate, paths: Sequence[str], views: Ints) -> list[int]:
    """The paths of a template that may be pages of their own; none where they are not nearly all of it."""
    members = [each for each in template.members if views[each] >= MANY_VIEWS]
    told = sum(int(views[each]) for each in members) >= NEARLY_ALL * views[list(template.members)].sum()
    names = [name for each in members for name in list_values(template.path, paths[each])]
    if not 2 <= len(members) <= MOST_STEPS or not told or any(is_item(each) or holds_secret(each) for each in names):
        return []
    return members


def find_unlike(own: list[int], path: Ints, following: Ints, of_path: Ints) -> list[int]:
    """Those of these paths after which other pages follow than after their fellows, the most unlike first.

    All of them, if one alone is left.
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
    """By how much what follows differs more than pages that are alike do."""
    views = min(mine.sum(), others.sum())
    followers = int(((mine + others) > 0).sum())
    apart = np.abs(mine / max(mine.sum(), 1) - others / max(others.sum(), 1)).sum() / 2
    return float(apart - UNLIKE - BY_CHANCE * np.sqrt(followers / max(views, 1)))
