"""What visitors click and type: the causes of FID, INP, LCP's report, dom events and page changes.

Rule: an input lies in the visible time of its view; a link's click is the last input before the page it leads to.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.traffic.draws import TICKS, Bools, Ints, ticks
from loadgen.traffic.site import ANYWHERE, LINK
from loadgen.traffic.telemetry.block_draws import Scene
from loadgen.traffic.timeline import FAR_TICK

MOST_INPUTS = 30
"""Inputs of one page view, beside the clicks that the scenario names."""

TYPED = 0.15
"""Share of inputs by keyboard; an estimate."""

BY_LINK = 0.92
"""Share of page changes that follow a click in the page, not the address bar or a gesture; an estimate."""


class Inputs(NamedTuple):
    """Inputs of a block, sorted by load and moment."""

    view: Ints  # the view under which the client records them
    load: Ints
    at: Ints  # ticks from session start
    target: Ints  # index in Site.targets
    typed: Bools
    leaving: Bools  # it leads to the next page
    first: Bools  # the document's first


def inputs(scene: Scene) -> Inputs:
    """Draw every input of a block."""
    parts = [_named(scene), _anonymous(scene), _links(scene)]
    view, at, target, typed, leaving = (np.concatenate(column) for column in zip(*parts, strict=True))
    load = scene.time.load[view]
    order = np.argsort(load * FAR_TICK + at, kind="stable")
    view, load, at, target, typed, leaving = (each[order] for each in (view, load, at, target, typed, leaving))
    first = np.ones(len(load), dtype=bool)
    first[1:] = load[1:] != load[:-1]
    return Inputs(view, load, at, target, typed, leaving, first)


Part = tuple[Ints, Ints, Ints, Bools, Bools]


def _part(scene: Scene, view: Ints, uniform: np.ndarray[tuple[int], np.dtype[np.float64]], target: Ints) -> Part:
    """Inputs somewhere in the visible time of these views, none of them leaving."""
    at = scene.time.awake(view, np.floor(scene.visible[view] * uniform).astype(np.int64))
    never = np.zeros(len(view), dtype=bool)
    return view, at, target, never, never


def _named(scene: Scene) -> Part:
    """Clicks on the elements that the scenario names."""
    stream = scene.stream("clicks")
    views, targets, moments = [], [], []
    for page, target, share in scene.site.clicks:
        uniform = stream.random((2, scene.views))
        view = np.flatnonzero((scene.walk.page == page) & (uniform[0] < share))
        views.append(view)
        targets.append(np.full(len(view), target))
        moments.append(uniform[1][view])
    if not views:
        nothing = np.zeros(0, dtype=np.int64)
        return _part(scene, nothing, np.zeros(0), nothing)
    return _part(scene, np.concatenate(views), np.concatenate(moments), np.concatenate(targets))


def _anonymous(scene: Scene) -> Part:
    """Clicks and keys anywhere, at a steady rate while the page is looked at."""
    stream = scene.stream("inputs")
    rate = scene.scenario.telemetry.interactions_per_minute / 60 / TICKS
    number = np.minimum(stream.poisson(rate * scene.visible), MOST_INPUTS)
    view = np.repeat(np.arange(scene.views), number)
    uniform = stream.random((3, len(view)))
    target = np.floor(uniform[1] * ANYWHERE).astype(np.int64)
    drawn = _part(scene, view, uniform[0], target)
    return *drawn[:3], uniform[2] < TYPED, drawn[4]


def _links(scene: Scene) -> Part:
    """The clicks that lead from one page to the next; a route change's click is recorded under the new page."""
    stream = scene.stream("links")
    uniform = stream.random((2, scene.views))
    walk, time = scene.walk, scene.time
    followed = np.append(~walk.first[1:], False) & (uniform[0] < BY_LINK)
    view = np.flatnonzero(followed)
    stays = time.load[view + 1] == time.load[view]
    before = np.maximum(time.end[view] - ticks(2 + 30 * uniform[1][view]), time.looked[view])
    at = np.where(stays, time.start[np.minimum(view + 1, scene.views - 1)], before)
    known = np.ones(len(view), dtype=bool)
    return np.where(stays, view + 1, view), at, np.full(len(view), LINK), ~known, known
