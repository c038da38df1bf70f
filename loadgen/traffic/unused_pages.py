"""Pages that the browser renders for visitors who then go elsewhere: prerendered, and thrown away.

Rule: such a document begins while a page is shown that links to it, and ends when that page is left. It is never
hidden, since it was never shown: what its client has not sent by then is lost. Its client tells of the page view, of
files, calls and the navigation; web-vitals and visitors tell nothing. Its page counts as the one behind the page that
is shown, whose own later events write the cookie anew, so that the next page counts as if there had been no other.

Recorded with aws-rum-web 3.2.1 in Chromium 156: two pages that were prerendered for 13 s and not shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadgen.model import Page
from loadgen.traffic.block_draws import BlockColumns, BlockDraws, Sources
from loadgen.traffic.browser_clocks import BrowserClocks
from loadgen.traffic.draws import Bools, Ints, find_begins
from loadgen.traffic.journey import FAR_TICK, NAVIGATE, Timeline, Walk
from loadgen.traffic.loading import (
    Loading,
    WantedLoads,
    draw_loads,
    find_cache_factor,
    join_loads,
    measure_loads,
    pick_loads,
)
from loadgen.traffic.page_manager import PageNumbers

OF_VISITORS = frozenset({"protocol"})
"""Streams of what a visitor's documents have in common."""

StartClocks = Callable[[Ints], BrowserClocks]
"""The sessions of some loads → their clocks."""


class UnusedDraws(BlockDraws):
    """The unused documents of a block: each is a view and a load behind a copy of the view that it belongs to."""

    def __init__(self, draws: BlockDraws, columns: BlockColumns) -> None:
        super().__init__(Sources(draws.scenario, draws.site, draws.crowd, draws.seeds), draws.number,
                         draws.own_sessions, columns)  # fmt: skip
        lives = self.time.noticed < self.time.load_end
        self.own_view_mask &= lives & (np.arange(self.views) % 2 == 1)
        self.own_views = self.own_loads = np.flatnonzero(self.own_view_mask)

    def stream(self, purpose: str) -> np.random.Generator:
        """The unused documents' own random stream for one purpose."""
        return super().stream(purpose if purpose in OF_VISITORS else f"unused/{purpose}")

    def id_stream(self, purpose: str) -> np.random.Generator:
        """Their own stream of ids."""
        return super().id_stream(f"unused/{purpose}")


def draw_unused(draws: BlockDraws, start_clocks: StartClocks) -> UnusedDraws | None:
    """Draw which pages are rendered for nothing; None if none is."""
    view, page = _choose_pages(draws)
    if not view.size:
        return None
    walk = _walk(draws, view, page)
    clocks = start_clocks(walk.session)
    loading = measure_loads(_load(draws, view, walk), clocks, np.zeros(len(walk.page), dtype=bool))
    time, number = _place(draws, view, walk, loading), np.arange(len(walk.page))
    new = number % 2 == 1
    columns = BlockColumns(
        draws.people, draws.slowness, walk, np.zeros(len(new), dtype=np.int64), loading, time,
        PageNumbers(new, number, number, number), clocks, _make_pages(draws, view, walk, time), [], None,
    )  # fmt: skip
    return UnusedDraws(draws, columns)


def _choose_pages(draws: BlockDraws) -> tuple[Ints, Ints]:
    """The views while which a page is rendered for nothing, and that page."""
    site, walk = draws.site, draws.walk
    chosen = np.full(draws.views, -1)
    able = draws.crowd.can_prerender(draws.people)[walk.session] & (draws.time.away < 0)
    next_page = np.append(np.where(walk.first[1:], -1, walk.page[1:]), -1)
    stream = draws.stream("unused")
    for page in np.flatnonzero(site.unused).tolist():
        links = np.array([each.to.get(site.names[page], 0.0) > 0 for each in site.pages])[walk.page]
        wanted = able & links & (next_page != page) & (walk.page != page) & (chosen < 0)
        chosen[wanted & (stream.random(draws.views) < site.unused[page])] = page
    view = np.flatnonzero(chosen >= 0)
    return view, chosen[view]


def _walk(draws: BlockDraws, view: Ints, page: Ints) -> Walk:
    """Each view, and behind it the page that is rendered for nothing, with any of its items."""
    walk, site = draws.walk, draws.site
    uniform = draws.stream("unused items").random((len(view), site.slots))
    items = np.zeros(uniform.shape, dtype=np.int64)
    for row, its in enumerate(page.tolist()):
        for slot, law in enumerate(site.popularity[its]):
            items[row, slot] = law.pick(uniform[row, slot : slot + 1])[0]
    session = np.repeat(walk.session[view], 2)
    both = np.zeros(len(session), dtype=np.int64)
    return Walk(
        session, _alternate(walk.page[view], page), both + NAVIGATE, both > 0, _alternate(walk.items[view], items),
        find_begins(session, len(draws.own_sessions)), np.arange(len(session)),
    )  # fmt: skip


def _alternate(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Rows of both in turn."""
    return np.stack((first, second), axis=1).reshape(-1, *first.shape[1:])


def _load(draws: BlockDraws, view: Ints, walk: Walk) -> Loading:
    """The loads, every other one that of the page that is shown."""
    unused, session = np.arange(1, len(walk.page), 2), walk.session[1::2]
    of, count = walk.page[unused], len(unused)
    cached = np.full(count, draws.scenario.telemetry.cache.later_pages)
    new: Bools = np.array([bool(laws) for laws in draws.site.popularity])[of]
    wanted = WantedLoads(
        unused, session, draws.site.slowness[of], draws.site.html_kb[of],
        find_cache_factor(False, draws.people.returning[session]), False, np.zeros(count, dtype=bool), cached, new,
    )  # fmt: skip
    drawn = draw_loads(draws.stream("unused loading"), draws.scenario.telemetry, draws.slowness, wanted)
    shown = pick_loads(draws.loading, draws.time.load[view])._replace(view=unused - 1)
    return join_loads(shown, drawn._replace(activated=np.full(count, FAR_TICK)))


def _place(draws: BlockDraws, view: Ints, walk: Walk, loading: Loading) -> Timeline:
    """When the documents begin: at once, or at any time while the page before is looked at, whose end is theirs too."""
    time = draws.time
    at_once = np.array([page.link.eagerness == "immediate" for page in draws.site.pages])[walk.page[1::2]]
    waited = np.floor(draws.visible[view] * draws.stream("unused begin").random(len(view))).astype(np.int64)
    begun, end = time.looked[view] + np.where(at_once, 0, waited), time.end[view]
    never, rows = np.full(len(walk.page), -1), np.arange(len(walk.page))
    return Timeline(
        load=rows,
        start=_alternate(time.start[view], begun),
        noticed=_alternate(time.noticed[view], begun + loading.ready[1::2]),
        looked=_alternate(time.looked[view], end),
        away=never,
        back=never,
        end=_alternate(end, end),
        load_begins=walk.begins,
        load_end=_alternate(time.load_end[time.load[view]], end),
    )


def _make_pages(draws: BlockDraws, view: Ints, walk: Walk, time: Timeline) -> list[Page | None]:
    """The pages of own sessions' unused documents, each counted as the one behind the page that is shown."""
    made: list[Page | None] = [None] * len(walk.page)
    for place in np.flatnonzero(draws.own_view_mask[view]).tolist():
        row, before = 2 * place + 1, draws.find_pages(view[place : place + 1])[0]
        page, items = int(walk.page[row]), tuple(walk.items[row].tolist())
        path, title = draws.site.texts(page, items)
        referrer = draws.site.find_url(int(walk.page[row - 1]), tuple(walk.items[row - 1].tolist()))
        spent = int(time.noticed[row] - time.noticed[row - 1]) // 10
        made[row] = Page(
            path, title, before.interaction + 1, before.id, referrer, draws.site.domain, spent,
            draws.site.pages[page].tags, draws.site.attributes[page],
        )  # fmt: skip
    return made
