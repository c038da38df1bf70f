"""page_view events; performance_navigation and time_to_first_byte events, recorded after the load event.

Rule: the load event starts two tasks: the observer that records the navigation, and the timer that records TTFB. A busy
main thread runs the observer first, an idle one the timer.
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import pairwise

import numpy as np
from msgspec import UNSET

from loadgen.model import Page
from loadgen.rum.events import HEADER_BYTES, NAVIGATION, PAGE_VIEW, PROTOCOLS, TTFB, Navigation, PageView, Ttfb
from loadgen.traffic.block_draws import LOADED_WAIT, BlockDraws, Column, EventIds
from loadgen.traffic.draws import Choice, Floats, Ints, write_number
from loadgen.traffic.loading import pick_loads
from loadgen.wire.json_templates import TEXT_PLACEHOLDER, Template, escape

PAGE_ALONE = Template(PageView(TEXT_PLACEHOLDER))
LANDED = Template.for_type(PageView, parentPageInteractionId=UNSET, timeOnParentPage=UNSET)
FOLLOWED = Template.for_type(PageView)


def record_page_views(draws: BlockDraws) -> Column:
    """Record the page views of a block's own sessions."""
    rows = draws.own_views[draws.seen.new[draws.own_views]]
    cookies = draws.scenario.client.allowCookies

    def write_texts(places: Ints) -> list[str]:
        pages = draws.find_pages(rows[places])
        return _write_with_history(pages) if cookies else PAGE_ALONE.write_all([escape(page.id) for page in pages])

    return Column(PAGE_VIEW, EventIds("page_view", rows, draws.views), rows, draws.time.noticed[rows], write_texts)


def _write_with_history(pages: list[Page]) -> list[str]:
    """Write the details of page views with interaction, parent page and referrer, as the client does with cookies."""
    landings = [page for page in pages if page.parent_id is None]
    later = [(page, page.parent_id) for page in pages if page.parent_id is not None]
    landed = iter(LANDED.write_all(*_write_numbers(landings), *_write_referrers(landings)))
    parents = [f"{escape(parent)}-{page.interaction - 1}" for page, parent in later]
    after = [page for page, _ in later]
    spent = [str(page.time_on_parent_ms) for page in after]
    followed = iter(FOLLOWED.write_all(*_write_numbers(after), parents, spent, *_write_referrers(after)))
    return [next(landed) if page.parent_id is None else next(followed) for page in pages]


def _write_numbers(pages: list[Page]) -> tuple[list[str], list[str], list[str]]:
    """Write pageId, interaction and pageInteractionId of each page."""
    paths, numbers = [escape(page.id) for page in pages], [str(page.interaction) for page in pages]
    return paths, numbers, [f"{path}-{number}" for path, number in zip(paths, numbers, strict=True)]


def _write_referrers(pages: list[Page]) -> tuple[list[str], list[str]]:
    return [escape(page.referrer) for page in pages], [escape(page.referrer_domain) for page in pages]


PROTOCOL = Choice([0.60, 0.35, 0.05])
"""Shares of PROTOCOLS for the page's host, drawn by session; an estimate."""

TYPES = ("navigate", "back_forward", "reload")  # in the order of NAVIGATE, BACK, RELOAD

ITEM_SIZES = np.append(1.0, np.exp(0.1 * np.random.default_rng(0).standard_normal(63)))
"""Factors on a document's size by the items that it shows, 1 for no items; an estimate."""

_write_ratio = lru_cache(maxsize=65536)(write_number)  # a page has few ratios, and the text of one takes 0.4 µs

NAVIGATED = Template.for_type(
    Navigation, initiatorType="navigation", startTime=0, promptForUnload=0, redirectStart=0, workerStart=0,
    workerTime=0, navigationTimingLevel=2,
)  # fmt: skip
ANSWERED = Template.for_type(Ttfb)


def draw_protocols(draws: BlockDraws) -> Ints:
    """Draw the protocol of each session, an index in PROTOCOLS; prerendered documents draw the same one."""
    spoken = draws.scenario.telemetry.protocol
    if spoken is not None:
        return np.full(len(draws.own_sessions), PROTOCOLS.index(spoken))
    return PROTOCOL.pick(draws.seeds.with_prefix("").stream("protocol").random(len(draws.own_sessions)))


BUSY_MS, CALMS_MS, TIMER_FIRST = 5.0, 30.0, (0.4, 0.92)
"""Until BUSY_MS after DOMContentLoaded the main thread is busy, and a load event runs the navigation's observer before
TTFB's timer. The thread becomes idle after a mean of CALMS_MS more. Then TIMER_FIRST is the share of loads in which the
timer runs first: with scripts from the network, which are still being compiled, and with scripts from the cache. Of 427
loads of two recorded sites the navigation came first in 97 % of those within 5 ms; later in 54 to 88 % with scripts
from the network, and in 3 to 46 % with scripts from the cache."""


def find_load_reports(draws: BlockDraws) -> tuple[Ints, Ints]:
    """Find when the navigation and the TTFB event of each load are recorded, in ticks from session start.

    They are one tick apart, because the client records nothing between them.
    """
    loading = draws.loading
    at = draws.load_start + loading.loaded + draws.waits[LOADED_WAIT]
    idle = np.maximum((loading.complete - loading.parsed_end) / 10 - BUSY_MS, 0.0)
    calm = -np.expm1(-idle / CALMS_MS) * np.array(TIMER_FIRST)[loading.warm.astype(np.int64)]
    timer_first = draws.stream("timer").random(draws.loads) < calm
    return at + timer_first, at + ~timer_first


def record_navigation(draws: BlockDraws) -> list[Column]:
    """Record the navigation and TTFB events of own loads that live until their load event."""
    at, _ = find_load_reports(draws)
    rows = draws.list_alive(at)
    rows = rows[~draws.restored[rows]]
    named, write_texts = EventIds("navigation", rows, draws.loads), partial(_write_navigations, draws, rows)
    return [Column(NAVIGATION, named, draws.loading.view[rows], at[rows], write_texts), _record_ttfb(draws)]


def _record_ttfb(draws: BlockDraws) -> Column:
    """Record TTFB after the load event; a return from the back/forward cache has a TTFB of 0 at once."""
    loading = draws.loading
    reported = np.maximum(find_load_reports(draws)[1], draws.load_start + loading.activated)
    at = np.where(draws.restored, draws.load_start + loading.ready, reported)
    rows = draws.list_alive(at)
    write_texts = partial(_write_first_bytes, draws, rows)
    return Column(TTFB, EventIds("ttfb", rows, draws.loads), loading.view[rows], at[rows], write_texts)


def _write_first_bytes(draws: BlockDraws, among: Ints, places: Ints) -> list[str]:
    rows = among[places]
    load = pick_loads(draws.loading, rows)
    connect = load.lookup + load.dns
    moments = (load.wait, load.lookup, connect, connect + load.connect, load.ttfb)
    zero, counted = load.activated, [load.count_from_activation(each) for each in moments]
    steps = [(after - before, zero + before) for before, after in pairwise([np.zeros_like(zero), *counted])]
    spans = [(counted[-1], zero), *steps]
    return ANSWERED.write_all(*draws.write_times(rows, *spans))


def _write_navigations(draws: BlockDraws, among: Ints, places: Ints) -> list[str]:
    rows = among[places]
    load = pick_loads(draws.loading, rows)
    view, lookup, tls, request, ttfb, response, parsed, begun = (
        load.view, load.lookup, load.tls, load.request, load.ttfb, load.response, load.parsed, load.load,
    )  # fmt: skip
    connect = lookup + load.dns
    connected = connect + load.connect
    # a page that enters the back/forward cache, or that a prerendered page replaces, is not unloaded (Chromium 156)
    unloads = ~draws.walk.first[view] & (load.activated == 0) & (draws.site.bfcache == 0)
    unload = np.where(unloads, load.unload, 0)
    kinds, names = draws.walk.kind[view].tolist(), draw_protocols(draws)[draws.load_session[rows]].tolist()
    size = np.rint(load.html_bytes * ITEM_SIZES[draws.walk.items[view].sum(axis=1) % len(ITEM_SIZES)])
    unpacked = np.rint(size * draws.site.unpacked[draws.walk.page[view]])
    unloaded, *opened = draws.write_times(
        rows, (unload, 0), (load.redirect, 0), (load.wait, 0), (lookup, 0), (load.dns, lookup)
    )
    times = draws.write_times(
        rows, (connect, 0), (connected - connect, connect), (np.where(tls > 0, connected - tls, 0), 0),
        (tls, connected - tls), (request, 0), (ttfb - request, request), (ttfb, 0), (response - ttfb, ttfb),
        (load.interactive, 0), (parsed, 0), (load.parsed_end - parsed, parsed), (load.complete, 0),
        (begun - response, response), (begun, 0), (load.loaded - begun, begun), (load.loaded, 0),
    )  # fmt: skip
    texts = NAVIGATED.iterate(
        [TYPES[kind] for kind in kinds], unloaded, ["1" if moved else "0" for moved in load.redirect.tolist()], *opened,
        ["" if kept else PROTOCOLS[name] for name, kept in zip(names, load.stored.tolist(), strict=True)], *times,
        ["0" if kept else str(HEADER_BYTES) for kept in load.stored.tolist()],
        map(str, np.where(load.stored, 0, size + HEADER_BYTES).astype(int).tolist()),
        map(_write_ratio, (unpacked / size).tolist()),
    )  # fmt: skip
    return draws.seeds.list_all(texts)


def draw_shares(stream: np.random.Generator, count: int, parts: tuple[float, ...], spread: float) -> Floats:
    """Draw random shares around given parts, shape (parts, rows); the shares of a row add up to 1."""
    weights = np.array(parts)[:, None] * np.exp(spread * stream.standard_normal((len(parts), count)))
    together: Floats = weights / weights.sum(axis=0)
    return together
