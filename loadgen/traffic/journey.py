"""What visitors do and when: their walks over the page graph, their time on each page, and when each view happens.

Rule: a walk's rows are page views, sorted by session and step.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from loadgen.traffic.draws import TICKS, BlockSeeds, Bools, Floats, Ints, find_begins, round_off
from loadgen.traffic.loading import Loading
from loadgen.traffic.site import Site

MOST_PAGES = 100
"""The most page views of a visit; without this limit a few visits in ten thousand would be longer."""

LONGEST = 100 * 86400.0
"""The most seconds for which a visitor looks at a page or a tab stays hidden; an unbounded law might draw centuries."""

HIDDEN_MEDIAN, HIDDEN_SIGMA = 20.0, 1.0
"""Median seconds for which a tab stays hidden before its visitor comes back, and the logarithm's spread; estimates."""


WALKS_PIECE, DRAWN_STEPS = 64, 10
"""How many visitors walk between two pauses, and how many steps are drawn at once."""

NAVIGATE, BACK, RELOAD, RESTORED = 0, 1, 2, 3
"""How a visitor comes to a page: a new page, a step back, a reload, a return from the back/forward cache."""


class Walk(NamedTuple):
    """The page views of a block as columns."""

    session: Ints  # row in the block
    page: Ints  # index in Site
    kind: Ints  # NAVIGATE, BACK, RELOAD or RESTORED
    first: Bools  # whether the view is the visit's first
    items: Ints  # [view, slot]: the items behind the path's placeholders
    begins: Ints  # where each session's rows begin; the end last
    source: Ints  # the view to which a BACK or RESTORED view returns; for other kinds the view itself


class Habits(NamedTuple):
    """The visitors' habits, which shape walks besides the page graph."""

    unrest: Floats  # factor on the odds of leaving, by session
    back: float  # share of steps that go back
    reload: float  # share of steps that load the page again
    bfcache: float  # share of the steps back that the back/forward cache restores


class Dwell(NamedTuple):
    """How long visitors look at each page view, in ticks."""

    looked: Ints  # visible time after the page is ready
    switched: Ints  # ticks from the page's readiness until the visitor leaves the tab; -1: never
    hidden: Ints  # ticks for which the tab then stays hidden
    opened: Ints  # ticks from the page's readiness until the next view opens in another tab; -1: never


def draw_walk(site: Site, seeds: BlockSeeds, entry: Ints, habits: Habits) -> Walk:
    """Walk the page graph from the entries until every visitor has left.

    Visitors walk one by one, not by column: they are few and most leave soon, so a call of numpy would take longer than
    the visitors' steps.
    """
    stream, sessions = seeds.stream("journey"), len(entry)
    drawn: list[Floats] = []

    def draw_chances(session: int) -> Iterator[tuple[float, float]]:
        for number in range(MOST_PAGES // DRAWN_STEPS):
            if number == len(drawn):
                drawn.append(stream.random((DRAWN_STEPS, 2, sessions)))
            yield from drawn[number][:, :, session].tolist()

    landings = zip(entry.tolist(), habits.unrest.tolist(), map(draw_chances, range(sessions)), strict=True)
    walks = seeds.list_all((_walk_pages(site, habits, *landing) for landing in landings), WALKS_PIECE)
    lengths = list(map(len, walks))
    views = np.fromiter(chain.from_iterable(chain.from_iterable(walks)), np.int64).reshape(-1, 4)
    page, kind, origin, source = views.T.copy()
    session, begins = np.repeat(np.arange(sessions), lengths), np.cumsum([0, *lengths])
    first = np.zeros(len(page), dtype=bool)
    first[begins[:-1]] = True
    items = draw_items(site, seeds.stream("items"), page)[begins[session] + origin]
    return Walk(session, page, kind, first, items, begins, begins[session] + source)


def _walk_pages(
    site: Site, habits: Habits, page: int, unrest: float, chances: Iterator[tuple[float, float]]
) -> list[tuple[int, int, int, int]]:
    """Walk one visitor through the pages.

    Returns for each view its page, its kind, the step of the view whose items it shows, and the step of the view to
    which it returns.
    """
    here, before, views = (page, 0, 0), None, [(page, NAVIGATE, 0, 0)]
    for step, (uniform, chance) in zip(range(1, MOST_PAGES), chances, strict=False):
        target = (site.landing if step == 1 else site.step).draw(here[0], uniform, unrest)
        if target == site.end:
            break
        if before and chance < habits.back:
            is_cached = chance < habits.back * habits.bfcache and not (site.route[here[0]] or site.route[before[0]])
            views.append((before[0], RESTORED if is_cached else BACK, *before[1:]))
            before, here = here, (*before[:2], step)
        elif chance >= 1 - habits.reload:
            here = (*here[:2], step)
            views.append((here[0], RELOAD, *here[1:]))
        else:
            before, here = here, (target, step, step)
            views.append((target, NAVIGATE, step, step))
    return views


def draw_items(site: Site, stream: np.random.Generator, pages: Ints) -> Ints:
    """Draw the items behind each view's placeholders, shape (views, slots)."""
    chosen = np.zeros((len(pages), site.slots), dtype=np.int64)
    uniform = stream.random(chosen.shape)
    for index, laws in enumerate(site.popularity):
        if not laws:
            continue
        rows = np.flatnonzero(pages == index)
        for slot, law in enumerate(laws):
            chosen[rows, slot] = law.pick(uniform[rows, slot])
    return chosen


def find_new_items(walk: Walk) -> Bools:
    """Mark the views whose page and items the visit has not shown before."""
    shown = np.column_stack((walk.session, walk.page, walk.items))
    first = np.zeros(len(walk.page), dtype=bool)
    first[np.unique(shown, axis=0, return_index=True)[1]] = True
    return first


def find_unseen_images(walk: Walk, hard: Bools, shared: Ints) -> Bools:
    """Mark the full loads whose page has images that no page of the visit had before.

    Returns shape (2, loads): for images that the site's pages share, and for images of the page alone. `hard` marks the
    views that are full loads. `shared` has the number of shared images of each page; these are always the first ones.
    """
    page, session = walk.page[hard], walk.session[hard]
    number, zero = shared[page], session * (int(shared.max()) + 1)
    most = np.maximum.accumulate(zero + number)
    fresh = np.zeros(len(page), dtype=bool)
    fresh[np.unique(session * len(shared) + page, return_index=True)[1]] = True
    return np.stack((number > np.maximum(np.append(0, most[:-1]) - zero, 0), fresh))


def draw_dwell(site: Site, seeds: BlockSeeds, views: Walk, device: Ints, tab_switches: float) -> Dwell:
    """Draw how long visitors look at each view, and whether they leave the tab meanwhile."""
    stream = seeds.stream("dwell")
    count = len(views.page)
    scale, power, sigma = site.think[device[views.session], views.page].T
    waited = stream.standard_exponential(count)
    looked = scale * waited**power * np.exp(sigma * stream.standard_normal(count))
    for (owner, page), seconds in site.measured.items():
        rows = np.flatnonzero((device[views.session] == owner) & (views.page == page))
        looked[rows] = np.interp(-np.expm1(-waited[rows]), np.linspace(0, 1, len(seconds)), seconds)
    switches = stream.random(count) < tab_switches
    moment = np.where(switches, looked * stream.uniform(0.1, 0.9, count), 0.0)
    away = np.where(switches, HIDDEN_MEDIAN * np.exp(HIDDEN_SIGMA * stream.standard_normal(count)), 0.0)
    switched = np.where(switches, _to_ticks(moment), -1)
    return Dwell(_to_ticks(looked), switched, _to_ticks(away), np.full(count, -1))


def open_tabs(seeds: BlockSeeds, walk: Walk, hard: Bools, looks: Dwell, share: float) -> Dwell:
    """Let a share of the visits continue in another tab, from the first page whose link loads the next page.

    The new tab has no page to go back to, so visits that go back later stay in their first tab.
    """
    if not share:
        return looks
    uniform = seeds.stream("tabs").random((2, len(walk.begins) - 1))
    row = np.arange(len(walk.page))
    last_back = np.zeros(len(walk.begins) - 1, dtype=np.int64)
    goes_back = (walk.kind == BACK) | (walk.kind == RESTORED)
    np.maximum.at(last_back, walk.session[goes_back], row[goes_back])
    linked = np.append((hard & (walk.kind == NAVIGATE) & ~walk.first)[1:], False)
    fits = linked & (row >= last_back[walk.session]) & (looks.switched < 0) & (uniform[0][walk.session] < share)
    chosen = np.flatnonzero(fits)
    chosen = chosen[np.unique(walk.session[chosen], return_index=True)[1]]
    opened = looks.opened.copy()
    opened[chosen] = np.floor(looks.looked[chosen] * uniform[1][walk.session[chosen]])
    return looks._replace(opened=opened)


def _to_ticks(seconds: Floats) -> Ints:
    return round_off(np.minimum(seconds, LONGEST) * TICKS)


FAR_TICK = 2**45
"""More ticks than any session lasts (LONGEST × MOST_PAGES is below 111 years), so that load × FAR_TICK + tick sorts by
load first."""


class Timeline(NamedTuple):
    """When the page views and loads of a block happen, in ticks from their sessions' starts."""

    load: Ints  # the full load in whose document the view happens: a row of Loading
    start: Ints  # navigation start or route change
    noticed: Ints  # when the client records the page
    looked: Ints  # when the visitor begins to look at the page
    away: Ints  # when the visitor leaves the tab; -1: never
    back: Ints  # when the tab is shown again
    end: Ints  # when the view ends
    load_begins: Ints  # where each session's loads begin; the end last
    load_end: Ints  # when each load ends: at its last view's end, or when the next load unloads it

    def find_session_ends(self, begins: Ints) -> Ints:
        """Find when each session ends; `begins` has where each session's views begin, the end last."""
        ends: Ints = np.maximum.reduceat(self.end, begins[:-1])
        return ends

    def find_moments(self, view: Ints, after: Ints) -> Ints:
        """Find the moment when a view has been visible for `after` ticks."""
        moment = self.looked[view] + after
        away, back = self.away[view], self.back[view]
        return np.where((away >= 0) & (moment > away), moment + back - away, moment)

    def find_current(self, view: Ints, at: Ints) -> Ints:
        """Find the view that is current at a moment in the document of `view`: route changes may have replaced it."""
        key = self.load * FAR_TICK + self.start
        found: Ints = np.searchsorted(key, self.load[view] * FAR_TICK + at, side="right") - 1
        return found

    def are_alive(self, view: Ints, at: Ints) -> Bools:
        """Whether the document of each view lives at a moment."""
        ends: Bools = at < self.load_end[self.load[view]]
        return ends


def build_timeline(walk: Walk, hard: Bools, loading: Loading, draw_dwell: Dwell) -> Timeline:
    """Place the views of each session one after the other; a document lives until the next document unloads it."""
    load = np.cumsum(hard) - 1
    ready, seen = np.zeros(len(hard), dtype=np.int64), np.zeros(len(hard), dtype=np.int64)
    ready[loading.view] = loading.ready
    seen[loading.view] = np.maximum(loading.ready, loading.first_paint)
    ahead = np.zeros(len(hard), dtype=np.int64)
    ahead[loading.view] = loading.activated
    stays = draw_dwell.opened >= 0
    length = seen + np.where(stays, draw_dwell.opened, draw_dwell.looked + draw_dwell.hidden) + 1
    advance = length - np.append(ahead[1:], 0)
    before = np.cumsum(advance) - advance
    start = before - before[walk.begins[:-1]][walk.session]
    looked = start + seen
    away = np.where(draw_dwell.switched >= 0, looked + draw_dwell.switched, -1)
    away = np.where(stays, looked + draw_dwell.opened, away)
    back, end = away + draw_dwell.hidden, start + length
    back[stays] = (end[walk.begins[1:] - 1][walk.session] + 1)[stays]
    end[stays] = (back + draw_dwell.looked - draw_dwell.opened)[stays]
    last = np.append(loading.view[1:], len(hard)) - 1
    begins = find_begins(walk.session[loading.view], len(walk.begins) - 1)
    load_end, following = end[last], loading.view[1:]
    replaced = np.flatnonzero(~walk.first[following] & (load_end[:-1] == (start + ahead)[following]))
    load_end[replaced] = (start[following] + np.maximum(loading.unload, loading.took_over)[1:])[replaced]
    return Timeline(load, start, start + ready, looked, away, back, end, begins, load_end)
