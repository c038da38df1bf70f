"""performance_navigation and time_to_first_byte events: recorded after the load event, if the page lives so long."""

from __future__ import annotations

import numpy as np
from msgspec import UNSET

from loadgen.model import Page
from loadgen.rum.events import NAVIGATION, PAGE_VIEW, TTFB, Navigation, PageView, Ttfb, TtfbAttribution
from loadgen.traffic.block_draws import BlockDraws, Column, EventIds
from loadgen.traffic.draws import Choice, Floats, Ints, to_ticks, write_ms, write_numbers
from loadgen.wire.json_templates import PLACEHOLDER, TEXT_PLACEHOLDER, Template, escape

PAGE_ALONE = Template(PageView(TEXT_PLACEHOLDER))
LANDED = Template(
    PageView(TEXT_PLACEHOLDER, PLACEHOLDER, TEXT_PLACEHOLDER, UNSET, UNSET, TEXT_PLACEHOLDER, TEXT_PLACEHOLDER)
)
FOLLOWED = Template(
    PageView(
        TEXT_PLACEHOLDER,
        PLACEHOLDER,
        TEXT_PLACEHOLDER,
        TEXT_PLACEHOLDER,
        PLACEHOLDER,
        TEXT_PLACEHOLDER,
        TEXT_PLACEHOLDER,
    )
)


def record_page_views(draws: BlockDraws) -> Column:
    """The page views of a block."""
    rows = draws.own_views[draws.seen.new[draws.own_views]]
    cookies = draws.scenario.client.allowCookies

    def details(places: Ints) -> list[str]:
        pages = draws.find_pages(rows[places])
        return _write_with_history(pages) if cookies else PAGE_ALONE.texts([escape(page.id) for page in pages])

    return Column(PAGE_VIEW, EventIds("page_view", rows, draws.views), rows, draws.time.noticed[rows], details)


def _write_with_history(pages: list[Page]) -> list[str]:
    """What tells each page and how it was reached."""
    landings = [page for page in pages if page.parent_id is None]
    later = [(page, page.parent_id) for page in pages if page.parent_id is not None]
    landed = iter(LANDED.texts(*_write_numbers(landings), *_write_referrers(landings)))
    parents = [f"{escape(parent)}-{page.interaction - 1}" for page, parent in later]
    after = [page for page, _ in later]
    spent = [str(page.time_on_parent_ms) for page in after]
    followed = iter(FOLLOWED.texts(*_write_numbers(after), parents, spent, *_write_referrers(after)))
    return [next(landed) if page.parent_id is None else next(followed) for page in pages]


def _write_numbers(pages: list[Page]) -> tuple[list[str], list[str], list[str]]:
    """pageId, interaction and pageInteractionId."""
    paths, numbers = [escape(page.id) for page in pages], [str(page.interaction) for page in pages]
    return paths, numbers, [f"{path}-{number}" for path, number in zip(paths, numbers, strict=True)]


def _write_referrers(pages: list[Page]) -> tuple[list[str], list[str]]:
    return [escape(page.referrer) for page in pages], [escape(page.referrer_domain) for page in pages]


PROTOCOLS = ("h2", "h3", "http/1.1")
PROTOCOL = Choice([0.60, 0.35, 0.05])
"""Of the page's host, by session; an estimate."""

TYPES = ("navigate", "back_forward", "reload")  # in the order of NAVIGATE, BACK, RELOAD
LANDING_TYPE = Choice([0.94, 0.03, 0.03])
"""How a landing was reached; an estimate."""

HEADER_BYTES = 300
"""headerSize: Chromium reports transferSize − encodedBodySize, always 300."""


NAVIGATED = Template(
    Navigation(
        initiatorType="navigation",
        navigationType=TEXT_PLACEHOLDER,
        startTime=0,
        unloadEventStart=PLACEHOLDER,
        promptForUnload=0,
        redirectCount=PLACEHOLDER,
        redirectStart=0,
        redirectTime=PLACEHOLDER,
        workerStart=0,
        workerTime=0,
        fetchStart=PLACEHOLDER,
        domainLookupStart=PLACEHOLDER,
        dns=PLACEHOLDER,
        nextHopProtocol=TEXT_PLACEHOLDER,
        connectStart=PLACEHOLDER,
        connect=PLACEHOLDER,
        secureConnectionStart=PLACEHOLDER,
        tlsTime=PLACEHOLDER,
        requestStart=PLACEHOLDER,
        timeToFirstByte=PLACEHOLDER,
        responseStart=PLACEHOLDER,
        responseTime=PLACEHOLDER,
        domInteractive=PLACEHOLDER,
        domContentLoadedEventStart=PLACEHOLDER,
        domContentLoaded=PLACEHOLDER,
        domComplete=PLACEHOLDER,
        domProcessingTime=PLACEHOLDER,
        loadEventStart=PLACEHOLDER,
        loadEventTime=PLACEHOLDER,
        duration=PLACEHOLDER,
        headerSize=HEADER_BYTES,
        transferSize=PLACEHOLDER,
        compressionRatio=PLACEHOLDER,
    )
)
ANSWERED = Template(Ttfb(PLACEHOLDER, TtfbAttribution(PLACEHOLDER, 0, PLACEHOLDER, PLACEHOLDER, PLACEHOLDER)))


def draw_protocols(draws: BlockDraws) -> Ints:
    """The protocol of each session, as index in PROTOCOLS."""
    return PROTOCOL.pick(draws.stream("protocol").random(len(draws.own_sessions)))


def find_navigation_times(draws: BlockDraws) -> Ints:
    """When the navigation event of each load is recorded, in ticks from session start."""
    at: Ints = draws.time.start[draws.loading.view] + draws.loading.loaded
    return at


def record_navigation(draws: BlockDraws) -> list[Column]:
    """The navigation and TTFB events of own loads that live until their load event."""
    rows = draws.own_loads
    at = find_navigation_times(draws)[rows]
    lives = (at < draws.time.load_end[rows]) & ~draws.restored[rows]
    rows, at = rows[lives], at[lives]
    view = draws.loading.view[rows]
    return [
        Column(
            NAVIGATION,
            EventIds("navigation", rows, draws.loads),
            view,
            at,
            lambda some: _write_navigations(draws, rows[some]),
        ),
        _record_first_bytes(draws, rows, at),
        *([_record_restored(draws)] if draws.restored.any() else []),
    ]


def _record_restored(draws: BlockDraws) -> Column:
    """The TTFB of 0 that a return from the back/forward cache has."""
    rows = draws.own_loads[draws.restored[draws.own_loads]]
    return _record_first_bytes(draws, rows, draws.time.start[draws.loading.view[rows]] + draws.loading.ready[rows])


def _draw_types(draws: BlockDraws) -> Ints:
    """How each load was reached, as index in TYPES."""
    view = draws.loading.view
    landing = LANDING_TYPE.pick(draws.stream("navigation").random(draws.loads))
    return np.where(draws.walk.first[view], landing, draws.walk.kind[view])


def _write_navigations(draws: BlockDraws, rows: Ints) -> list[str]:
    load = draws.loading
    uniform = draws.stream("navigation detail").random((2, draws.loads))[:, rows]
    redirect, wait, dns, connect, tls, ttfb, response, parsed, complete = (
        each[rows]
        for each in (
            load.redirect, load.wait, load.dns, load.connect, load.tls, load.ttfb, load.response, load.parsed,
            load.complete,
        )
    )  # fmt: skip
    begun = wait + dns + connect
    unload = np.where(draws.walk.first[load.view[rows]], 0, ttfb + to_ticks(0.5 + 20 * uniform[0]))
    kinds, names = _draw_types(draws)[rows].tolist(), draw_protocols(draws)[draws.load_session[rows]].tolist()
    parsed_end, loaded = load.parsed_end[rows], load.loaded[rows]
    fetch, complete_at = write_ms(wait), write_ms(complete)
    return NAVIGATED.texts(
        [TYPES[kind] for kind in kinds], write_ms(unload), ["1" if moved else "0" for moved in redirect.tolist()],
        write_ms(redirect), fetch, fetch, write_ms(dns), [PROTOCOLS[protocol] for protocol in names],
        write_ms(wait + dns), write_ms(connect), write_ms(np.where(connect > 0, begun - tls, 0)), write_ms(tls),
        write_ms(begun), write_ms(ttfb - begun), write_ms(ttfb), write_ms(response - ttfb),
        write_ms(load.interactive[rows]), write_ms(parsed), write_ms(parsed_end - parsed), complete_at,
        write_ms(complete - response), complete_at, write_ms(loaded - complete), write_ms(loaded),
        map(str, (load.html_bytes[rows] + HEADER_BYTES).tolist()), write_numbers(np.round(2.5 + 3 * uniform[1], 4)),
    )  # fmt: skip


def _record_first_bytes(draws: BlockDraws, rows: Ints, at: Ints) -> Column:
    load = draws.loading

    def details(places: Ints) -> list[str]:
        some = rows[places]
        wait, dns, connect, ttfb = (each[some] for each in (load.wait, load.dns, load.connect, load.ttfb))
        return ANSWERED.texts(*map(write_ms, (ttfb, wait, dns, connect, ttfb - wait - dns - connect)))

    return Column(TTFB, EventIds("ttfb", rows, draws.loads), load.view[rows], at, details)


def draw_shares(stream: np.random.Generator, count: int, parts: tuple[float, ...], spread: float) -> Floats:
    """Random shares around given parts, adding up to 1: [part, row]."""
    weights = np.array(parts)[:, None] * np.exp(spread * stream.standard_normal((len(parts), count)))
    together: Floats = weights / weights.sum(axis=0)
    return together
