"""performance_resource events: the files of each full load, within it; cached ones are quick and have no size.

Rule: the client records all documents, scripts, style sheets and fonts of a load, and of images the first ones that it
notices. The browser itself fetches the favicon, after the load event.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.rum.events import RESOURCE
from loadgen.traffic.assets import STYLESHEET, Fetched
from loadgen.traffic.block_draws import FILES_WAIT, BlockDraws, Column, Details, EventIds
from loadgen.traffic.draws import Bools, Floats, Ints, to_ticks
from loadgen.traffic.journey import FAR_TICK
from loadgen.traffic.telemetry.navigation import draw_shares

LCP_PARTS = (350.0, 140.0, 230.0)
"""Load delay, load time, render delay of an image LCP in ms: medians of good sites (CrUX July 2024, Almanac 2024)."""


SWEPT_MS = 30_000.0
"""Mean ms until memory is swept of what no page uses. In the recorded visits files of the page before the last were
there after 1 to 28 s (eleven loads of twelve) and gone after more than 30 s (four of four)."""

DISK_MS = 6.0
"""Median ms to read a file from the cache on the disk, with the favicon's spread in the recorded visits."""


LOOK_MU, LOOK_SIGMA = 3.1, 0.5
"""ln ms from the unloading of the page before until the parser asks for the first file; an estimate after the recorded
visits."""

PAUSE_MU, PAUSE_SIGMA = -1.6, 1.5
"""ln ms between two requests that the parser makes, of the recorded visits."""

STYLE_MU, STYLE_SIGMA = 3.3, 0.8
"""ln ms from the last style sheet until the page is first styled; an estimate after the recorded visits."""


class Heroes(NamedTuple):
    """The image that is each load's largest element, if it is one."""

    text: Bools  # it is text after all
    delay: Ints  # ticks from first byte to its fetch
    loaded: Ints  # ticks of its fetch
    urls: list[str]
    ids: dict[int, str]  # by load: its resource event, where that is recorded before the LCP


class FileRows(NamedTuple):
    """Every file of every load of a block."""

    load: Ints
    asset: Ints  # row in Assets
    cached: Bools
    kept: Bools  # in memory, as the page before had it too: it takes no time at all


def _lay_out_files(draws: BlockDraws) -> FileRows:
    """Spread the loads' files out, and see which come from a cache.

    What the page just left had is still in memory (all of 1,087 such files in the recorded visits took 0 ms); what an
    earlier page had too, unless memory has been swept since. All else that is cached is on the disk. A new visitor's
    cache lacks what no page of the visit has had.
    """
    assets, walk, loading = draws.site.assets, draws.walk, draws.loading
    view = loading.view
    page, first = walk.page[view], walk.first[view]
    begins = assets.begins[page]
    number = assets.begins[page + 1] - begins
    load = np.repeat(np.arange(draws.loads), number)
    asset = np.arange(len(load)) + np.repeat(begins - np.cumsum(number) + number, number)
    shared, hero = assets.shared[asset], assets.hero[asset]
    cached = np.where(shared, loading.warm[load], loading.pictures[load])
    cached &= ~(hero & loading.new[load])
    same = (walk.page[view - 1] == page) & (walk.items[view - 1] == walk.items[view]).all(axis=1)
    kept = ~first[load] & np.where(hero, same[load], assets.on_page[asset, walk.page[view - 1][load]])
    others = np.flatnonzero(cached & ~kept & ~first[load])
    since = _find_ages(draws, load[others], asset[others])
    swept = to_ticks(SWEPT_MS * draws.stream("memory").standard_exponential(draws.loads))
    kept[others] = since < swept[load[others]]
    had = draws.people.returning[draws.load_session[load[others]]] | (since < FAR_TICK)
    cached[others] &= had
    return FileRows(load, asset, cached, kept & cached & ~assets.favicon[asset])


def _find_ages(draws: BlockDraws, load: Ints, asset: Ints) -> Ints:
    """Ticks from the end of the visit's last load that had a file until this one's start; FAR_TICK if none had it."""
    page, session = draws.walk.page[draws.loading.view], draws.load_session
    begun, zero = draws.time.start[draws.loading.view], session * FAR_TICK
    found = np.full(len(load), FAR_TICK)
    for index in range(draws.site.end):
        last = np.full(draws.loads, -1)
        last[1:] = np.maximum.accumulate(np.where(page == index, zero + draws.time.load_end, -1))[:-1]
        since = np.where(last >= zero, np.maximum(zero + begun - last, 0), FAR_TICK)
        found = np.where(draws.site.assets.on_page[asset, index], np.minimum(found, since[load]), found)
    return found


def record_resources(draws: BlockDraws) -> tuple[Column, Heroes]:
    """The resource events of own loads, and what LCP needs to know of the largest images."""
    rows = _lay_out_files(draws)
    delay, loaded = _draw_hero_parts(draws, rows)
    start, length = _draw_times(draws, rows, delay, loaded)
    draws.seeds.pause()
    loading, time = draws.loading, draws.time
    largest = np.flatnonzero(draws.site.assets.hero[rows.asset])
    delay[rows.load[largest]] = start[largest] - loading.ttfb[rows.load[largest]]
    noticed = np.maximum(start + length, loading.ready[rows.load]) + draws.waits[FILES_WAIT][rows.load]
    at = time.start[loading.view[rows.load]] + noticed
    fetched = draws.own_view_mask[loading.view[rows.load]] & ~draws.restored[rows.load]
    kept = np.flatnonzero(fetched & (at < time.load_end[rows.load]))
    draws.seeds.pause()
    # the client reads entries that came before it in the order of their start
    kept = kept[np.argsort(rows.load[kept] * FAR_TICK + start[kept], kind="stable")]
    draws.seeds.pause()
    kept = kept[_find_recorded(draws, rows, kept, noticed)]
    view = time.find_current(loading.view[rows.load[kept]], at[kept])
    heroes = kept[draws.site.assets.hero[rows.asset[kept]]]
    ids = draws.draw_ids("resource", heroes, len(rows.load))
    known = dict(zip(rows.load[heroes].tolist(), ids, strict=True))
    named = EventIds("resource", kept, len(rows.load))
    return Column(RESOURCE, named, view, at[kept], _write_later(draws, rows, kept, (start, length))), Heroes(
        _is_text(draws), delay, loaded, draws.hero_urls, known
    )


def _find_recorded(draws: BlockDraws, rows: FileRows, kept: Ints, noticed: Ints) -> Bools:
    """Which of these files, sorted by load, the client records: of images the first ones that it notices."""
    load = rows.load[kept]
    order = np.argsort(load * FAR_TICK + noticed[kept], kind="stable")
    limited = draws.site.assets.limited[rows.asset[kept[order]]]
    before: Ints = np.cumsum(limited) - limited
    first = np.searchsorted(load, load[order])
    recorded = np.empty(len(kept), dtype=bool)
    recorded[order] = ~limited | (before - before[first] < draws.scenario.client.resourceEventLimit)
    return recorded


def _write_later(draws: BlockDraws, rows: FileRows, kept: Ints, times: tuple[Ints, Ints]) -> Details:
    """Resource events are most of all events."""
    site, hero_urls = draws.site, draws.hero_urls

    def details(places: Ints) -> list[str]:
        some = kept[places]
        fetched = Fetched(rows.load[some], rows.asset[some], rows.cached[some], times[0][some], times[1][some])
        heroes = fetched.load[site.assets.hero[fetched.asset]]
        return site.asset_details.texts(
            draws.seeds, draws.clocks, fetched, [hero_urls[load] for load in heroes.tolist()]
        )

    return details


def _is_text(draws: BlockDraws) -> Bools:
    """Loads whose largest element is text, those of pages without images among them."""
    text: Bools = draws.loading.text | ~draws.site.pictured[draws.walk.page[draws.loading.view]]
    return text


def _draw_hero_parts(draws: BlockDraws, rows: FileRows) -> tuple[Ints, Ints]:
    """Split LCP − TTFB of image loads into delay, fetch and rendering; a cached image is there at once.

    The document waits for its images, so fetching ends before it is complete.
    """
    loading, everyone = draws.loading, np.arange(draws.loads)
    whole = np.minimum(loading.lcp, loading.complete - 1) - loading.ttfb
    parts = draw_shares(draws.stream("lcp parts"), draws.loads, LCP_PARTS, 0.5)
    delay = np.floor(np.maximum(whole, 0) * parts[0]).astype(np.int64)
    loaded = np.floor(np.maximum(whole, 0) * parts[1]).astype(np.int64)
    hero = draws.site.assets.hero[rows.asset]
    kept, cached = np.zeros(draws.loads, dtype=bool), np.zeros(draws.loads, dtype=bool)
    kept[rows.load[hero]], cached[rows.load[hero]] = rows.kept[hero], rows.cached[hero]
    loaded = np.where(kept, 0, np.where(cached, np.minimum(loaded, to_ticks(8 * parts[2])), loaded))
    return draws.clocks.coarsen(everyone, delay), draws.clocks.coarsen(everyone, loaded)


def _await_styles(
    draws: BlockDraws, stream: np.random.Generator, rows: FileRows, times: tuple[Ints, Ints], gaps: Floats
) -> Ints:
    """The starts, with those of files that style sheets name: asked for together, when the page is first styled.

    The page is painted after its style sheets have come: `times`, starts and lengths, are cut to that. Its style
    asks for images, and its layout then for fonts (43 of 43 recorded loads); images from memory come last (76 of 76).
    """
    (start, length), loading, load, assets = times, draws.loading, rows.load, draws.site.assets
    sheets = np.flatnonzero((assets.kind[rows.asset] == STYLESHEET) & ~assets.styled[rows.asset])
    latest = (loading.ttfb + (loading.fcp - loading.ttfb) * 9 // 10)[load]
    start[sheets] = np.minimum(start, latest)[sheets]
    length[sheets] = np.minimum(length[sheets], np.maximum((loading.fcp[load] - start)[sheets] * 4 // 5, 0))
    ended = loading.ttfb.copy()
    np.maximum.at(ended, load[sheets], (start + length)[sheets])
    np.maximum.at(ended, load, np.where(assets.styled[rows.asset], 0, np.minimum(start, loading.fcp[load] - 1)))
    styled = ended + to_ticks(np.exp(STYLE_MU + STYLE_SIGMA * stream.standard_normal(draws.loads)))
    styled = np.minimum(styled, np.maximum(loading.fcp - 10, ended))
    asked = np.cumsum(np.where(assets.styled[rows.asset], gaps, 0.0))
    after = np.minimum(to_ticks(asked - asked[np.searchsorted(load, load)]), 50) + 1
    at_once = assets.limited[rows.asset] & ~rows.kept
    return np.where(assets.styled[rows.asset], styled[load] + np.where(at_once, 0, after), start)


def _draw_starts(draws: BlockDraws, stream: np.random.Generator, rows: FileRows) -> tuple[Ints, Floats]:
    """When the files are asked for that the markup names, and the ms between two requests that are made together.

    The document takes over when it unloads the page before. Then the parser looks ahead and asks for files in the
    markup's order, as far as that has come.
    """
    loading, load = draws.loading, rows.load
    first = np.searchsorted(load, load)
    turn = np.arange(len(load)) - first
    gaps = np.exp(PAUSE_MU + PAUSE_SIGMA * stream.standard_normal(len(load)))
    paused = np.cumsum(gaps)
    looks = loading.unload + to_ticks(np.exp(LOOK_MU + LOOK_SIGMA * stream.standard_normal(draws.loads)))
    latest = np.maximum((loading.fcp - loading.ttfb) * 3 // 4, loading.unload + 1 - loading.ttfb)
    looks = np.minimum(looks - loading.ttfb, latest)[load]
    number = np.bincount(load, minlength=draws.loads)[load]
    came = np.floor((loading.response - loading.ttfb)[load] * turn / number).astype(np.int64)
    return loading.ttfb[load] + np.maximum(looks, came) + to_ticks(paused - paused[first]), gaps


def _draw_times(draws: BlockDraws, rows: FileRows, delay: Ints, loaded: Ints) -> tuple[Ints, Ints]:
    """Start and duration of each file, inside its load; the favicon's after it."""
    stream, loading, assets = draws.stream("resources"), draws.loading, draws.site.assets
    load = rows.load
    uniform = stream.random((2, len(load)))
    start, gaps = _draw_starts(draws, stream, rows)
    transfer = assets.size[rows.asset] * 0.008 / loading.mbit[load]
    spread = np.exp(0.8 * stream.standard_normal(len(load)))
    fetched = loading.rtt[load] * (0.8 + 1.4 * uniform[1]) + 8 * spread + transfer
    if draws.slowed is not None:
        fetched *= draws.slowed[load]
    draws.seeds.pause()
    length = np.where(rows.kept, 0, to_ticks(np.where(rows.cached, DISK_MS * spread, fetched)) + 1)
    start = _await_styles(draws, stream, rows, (start, length), gaps)
    image = assets.hero[rows.asset] & ~_is_text(draws)[load]
    # the markup names it, so the parser asks for it; from the network often later, as scripts or styles name it
    latest = np.maximum(np.minimum(loading.lcp, loading.complete - 1) - loaded, loading.ttfb)[load]
    asked = np.where(rows.cached, start, np.maximum(start, (loading.ttfb + delay)[load]))
    start = np.where(image, np.minimum(asked, latest), start)
    start = np.minimum(start, loading.complete[load] - 1)
    room = loading.complete[load] - start - 1
    length = np.where(image, loaded[load], np.minimum(length, room))
    favicon = np.flatnonzero(assets.favicon[rows.asset])
    start[favicon] = np.maximum(loading.loaded, loading.activated)[load[favicon]] + to_ticks(
        2 + 60 * uniform[0][favicon] ** 2
    )
    length[favicon] = to_ticks(np.where(rows.cached, DISK_MS * spread, fetched)[favicon]) + 1
    return draws.clocks.coarsen(load, start), draws.clocks.coarsen(load, length)
