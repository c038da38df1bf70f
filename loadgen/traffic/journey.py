"""What visitors do: walks over the page graph, all sessions of a block step by step together, and how long they look.

Rule: a walk's rows are page views, sorted by session and step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.traffic.draws import TICKS, Bools, Floats, Ints, within
from loadgen.traffic.seeds import Seeds
from loadgen.traffic.site import Site

MOST_PAGES = 100
"""A walk is cut here; the law of surfing leaves a few in ten thousand beyond."""

HIDDEN_MEDIAN, HIDDEN_SIGMA = 20.0, 1.0
"""Seconds for which a tab stays hidden before its visitor comes back; an estimate."""


class Walk(NamedTuple):
    """Page views of a block."""

    session: Ints  # row in the block
    page: Ints  # index in Site
    first: Bools  # the visit's first page
    items: Ints  # [view, slot]: the items behind the path's placeholders
    begins: Ints  # where each session's rows begin; one more marks the end


class Dwell(NamedTuple):
    """How long each page view is looked at, in ticks."""

    looked: Ints  # visible time after the page is ready
    switched: Ints  # the tab is left so long after the page is ready; -1 for never
    hidden: Ints  # and for so long


def walk(site: Site, seeds: Seeds, block: int, sessions: int) -> Walk:
    """Walk the page graph until every session has left."""
    stream = seeds.stream("journey", block)
    active = np.arange(sessions)
    page = site.entry.pick(stream.random(sessions))
    steps_session, steps_page = [active], [page]
    for step in range(1, MOST_PAGES):
        law = site.landing if step == 1 else site.step
        page = law.pick(stream.random(sessions)[active], page)
        going = page != site.end
        active, page = active[going], page[going]
        if not active.size:
            break
        steps_session.append(active)
        steps_page.append(page)
    session, pages = np.concatenate(steps_session), np.concatenate(steps_page)
    order = np.argsort(session, kind="stable")
    session, pages = session[order], pages[order]
    begins = within(session, sessions)
    first = np.zeros(len(session), dtype=bool)
    first[begins[:-1]] = True
    return Walk(session, pages, first, _items(site, seeds, block, pages), begins)


def _items(site: Site, seeds: Seeds, block: int, pages: Ints) -> Ints:
    """Choose the items behind each view's placeholders."""
    chosen = np.zeros((len(pages), site.slots), dtype=np.int64)
    uniform = seeds.stream("items", block).random(chosen.shape)
    for index, laws in enumerate(site.popularity):
        if not laws:
            continue
        rows = np.flatnonzero(pages == index)
        for slot, law in enumerate(laws):
            chosen[rows, slot] = law.pick(uniform[rows, slot])
    return chosen


def dwell(site: Site, seeds: Seeds, block: int, views: Walk, device: Ints, tab_switches: float) -> Dwell:
    """Draw how long each view is looked at, and whether the tab is left meanwhile."""
    stream = seeds.stream("dwell", block)
    count = len(views.page)
    scale, power, sigma = site.think[device[views.session], views.page].T
    looked = scale * stream.standard_exponential(count) ** power * np.exp(sigma * stream.standard_normal(count))
    switches = stream.random(count) < tab_switches
    moment = np.where(switches, looked * stream.uniform(0.1, 0.9, count), 0.0)
    away = np.where(switches, HIDDEN_MEDIAN * np.exp(HIDDEN_SIGMA * stream.standard_normal(count)), 0.0)
    return Dwell(_whole(looked), np.where(switches, _whole(moment), -1), _whole(away))


def _whole(seconds: Floats) -> Ints:
    return np.rint(seconds * TICKS).astype(np.int64)
