"""Pages that the browser renders before the visitor comes to them (speculation rules; only Chromium does it).

Rule: a prerendered document is a load that begins while the page before is still shown. The web client starts in it,
records its page view and dispatches. The document is activated when the visitor clicks: then the first frame comes, and
web-vitals counts TTFB, FCP and LCP from that moment, at least 0. (A first byte that comes later counts too.)

An unused document, to which the visitor does not come (`draw_unused`), ends when the visitor leaves the page that links
to it. As it was never shown it is never hidden: events that its client has not sent by then are lost. Its client
records the page view, files, calls and the navigation; web-vitals and inputs give no events. The client counts its page
as the next page after the page that is shown. Later events of the shown page write the cookie anew, so the page after
it is counted as if there had been no unused page.

Measured with aws-rum-web 3.2.1 in Chromium 156, on pages that were activated 0.1, 4.8 and 6.9 s after their beginning,
and on two pages that were prerendered for 13 s and not shown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadgen.model import Page
from loadgen.traffic.block_draws import BlockDraws
from loadgen.traffic.browser_clocks import BrowserClocks
from loadgen.traffic.draws import TICKS, BlockSeeds, Bools, Ints, find_begins, round_down, to_ticks
from loadgen.traffic.journey import FAR_TICK, NAVIGATE, Dwell, Timeline, Walk, draw_items
from loadgen.traffic.loading import LATER, Loading, WantedLoads, draw_loads, join_loads, measure_loads, pick_loads
from loadgen.traffic.page_manager import PageNumbers
from loadgen.traffic.site import Site

LEADS = {"immediate": np.inf, "eager": 0.8, "moderate": 0.5, "conservative": 0.09}
"""Median seconds from the beginning of prerendering to the click. The browser begins when the page with the link is
there, when the pointer comes to the link, when it has rested there for 200 ms, or when it is pressed. Estimates, except
the first."""

LEAD_SIGMA = 0.6
"""Spread (ln) of the time from the beginning of prerendering to the click; an estimate."""

FRAME_MS, HIDDEN_MS = (20.0, 80.0), (2.0, 25.0)
"""Least and most ms from the click to the first frame (63 and 70 were measured), and to the hide of the page before."""


def draw_leads(site: Site, seeds: BlockSeeds, walk: Walk, able: Bools, looks: Dwell) -> Ints:
    """Draw for how many ticks each view's document is prerendered before the visitor comes to it; 0: not prerendered.

    `able` marks the views that are full loads in browsers that can prerender.
    """
    leads = np.zeros(len(able), dtype=np.int64)
    if not site.prerendered.any():
        return leads
    stream = seeds.stream("prerendered")
    uniform, normal = stream.random(len(able)), stream.standard_normal(len(able))
    wanted = able & (walk.kind == NAVIGATE) & ~walk.first & (uniform < site.prerendered[walk.page])
    row = np.flatnonzero(wanted)
    row = row[looks.opened[row - 1] < 0]  # a link that opens another tab is not prerendered
    median = np.array([LEADS[page.link.eagerness] for page in site.pages])[walk.page[row]]
    shown = looks.looked[row - 1] - np.maximum(looks.switched[row - 1], 0)
    leads[row] = round_down(np.minimum(median * np.exp(LEAD_SIGMA * normal[row]) * TICKS, shown))
    return leads


def activate_loads(stream: np.random.Generator, loading: Loading, leads: Ints) -> Loading:
    """Turn the loads with a lead into prerendered loads, which are activated, and show a frame, after their lead."""
    ahead, uniform = leads > 0, stream.random((2, len(leads)))
    frame, hidden = (
        np.where(ahead, leads + to_ticks(least + (most - least) * each), 0)
        for (least, most), each in zip((FRAME_MS, HIDDEN_MS), uniform, strict=True)
    )
    return loading._replace(activated=leads, frame=frame, took_over=hidden)


def draw_unused(draws: BlockDraws) -> BlockDraws | None:
    """Draw the unused documents of a block: pages that are prerendered but never shown; None if there are none.

    In the returned draws, each odd row of views and loads is an unused document, and the even row before it is a copy
    of the view that is shown meanwhile.
    """
    view, page = _choose_pages(draws)
    if not view.size:
        return None
    walk = _build_walk(draws, view, page)
    blink, number = draws.crowd.are_chromium(draws.people), np.arange(len(walk.page))
    clocks = BrowserClocks(draws.stream("clocks"), walk.session, blink, draws.scenario.telemetry)
    loading = measure_loads(_draw_loads(draws, view, walk), clocks, np.zeros(len(number), dtype=bool))
    time, is_unused = _build_timeline(draws, view, walk, loading), number % 2 == 1
    unused = replace(
        draws, walk=walk, visible=np.zeros(len(number), dtype=np.int64), loading=loading, time=time,
        seen=PageNumbers(is_unused, number, number, number), clocks=clocks, pages=_make_pages(draws, view, walk, time),
        struck=[], slowed=None, seeds=draws.seeds.with_prefix("unused/"),
    )  # fmt: skip
    unused.own_view_mask &= is_unused & (time.noticed < time.load_end)
    unused.own_views = unused.own_loads = np.flatnonzero(unused.own_view_mask)
    return unused


def _choose_pages(draws: BlockDraws) -> tuple[Ints, Ints]:
    """Choose the views during which a page is prerendered but not shown; return these views and the pages."""
    site, walk = draws.site, draws.walk
    chosen = np.full(draws.views, -1)
    can_prerender = draws.crowd.can_prerender(draws.people)[walk.session] & (draws.time.away < 0)
    next_page = np.append(np.where(walk.first[1:], -1, walk.page[1:]), -1)
    stream = draws.stream("unused")
    for page in np.flatnonzero(site.unused).tolist():
        links = np.array([each.to.get(site.names[page], 0.0) > 0 for each in site.pages])[walk.page]
        wanted = can_prerender & links & (next_page != page) & (walk.page != page) & (chosen < 0)
        chosen[wanted & (stream.random(draws.views) < site.unused[page])] = page
    view = np.flatnonzero(chosen >= 0)
    return view, chosen[view]


def _build_walk(draws: BlockDraws, view: Ints, page: Ints) -> Walk:
    """Build a walk of each view in turn with the unused page that belongs to it, for which items are drawn."""
    walk, items = draws.walk, draw_items(draws.site, draws.stream("unused items"), page)
    session = np.repeat(walk.session[view], 2)
    both = np.zeros(len(session), dtype=np.int64)
    return Walk(
        session, _alternate(walk.page[view], page), both + NAVIGATE, both > 0, _alternate(walk.items[view], items),
        find_begins(session, len(draws.own_sessions)), np.arange(len(session)),
    )  # fmt: skip


def _alternate(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Join two arrays so that their rows alternate."""
    return np.stack((first, second), axis=1).reshape(-1, *first.shape[1:])


def _draw_loads(draws: BlockDraws, view: Ints, walk: Walk) -> Loading:
    """Draw the loads of unused documents; they alternate with the loads of the pages that are shown."""
    unused, session = np.arange(1, len(walk.page), 2), walk.session[1::2]
    page, count = walk.page[unused], len(unused)
    cached = np.full(count, draws.scenario.telemetry.cache.later_pages)
    new: Bools = np.array([bool(laws) for laws in draws.site.popularity])[page]
    shared, before, returning = draws.site.assets.images[0], walk.page[unused - 1], draws.people.returning[session]
    lacking = np.stack((shared[page] > shared[before], page != before, new)) & ~returning
    stored = np.zeros(count, dtype=bool)
    wanted = WantedLoads(unused, session, page, np.full(count, LATER), False, stored, cached, new, lacking)
    drawn = draw_loads(draws.stream("unused loading"), draws.site, draws.scenario.telemetry, draws.slowness, wanted)
    shown = pick_loads(draws.loading, draws.time.load[view])._replace(view=unused - 1)
    return join_loads(shown, drawn._replace(activated=np.full(count, FAR_TICK)))


def _build_timeline(draws: BlockDraws, view: Ints, walk: Walk, loading: Loading) -> Timeline:
    """Place the unused documents in time.

    They begin at once, or at any time while the visitor looks at the page before, and end with that page.
    """
    time = draws.time
    at_once = np.array([page.link.eagerness == "immediate" for page in draws.site.pages])[walk.page[1::2]]
    waited = round_down(draws.visible[view] * draws.stream("unused begin").random(len(view)))
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
    """Make the pages of own sessions' unused documents, each numbered as the page after the one that is shown."""
    made: list[Page | None] = [None] * len(walk.page)
    for place in np.flatnonzero(draws.own_view_mask[view]).tolist():
        row, before = 2 * place + 1, draws.find_pages(view[place : place + 1])[0]
        page, items = int(walk.page[row]), tuple(walk.items[row].tolist())
        path, title = draws.site.write_path_and_title(page, items)
        referrer = draws.site.find_url(int(walk.page[row - 1]), tuple(walk.items[row - 1].tolist()))
        spent = int(time.noticed[row] - time.noticed[row - 1]) // 10
        made[row] = Page(
            path, title, before.interaction + 1, before.id, referrer, draws.site.domain, spent,
            draws.site.pages[page].tags, draws.site.attributes[page],
        )  # fmt: skip
    return made
