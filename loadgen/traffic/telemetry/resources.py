"""performance_resource events: the files of each full load, within it; cached ones are quick and have no size.

Rule: the client records all documents, scripts, style sheets and fonts of a load, and of images the first ones that it
notices. The browser itself fetches the favicon, after the load event.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.rum.events import RESOURCE
from loadgen.traffic.assets import FONT, IMAGE, Fetched
from loadgen.traffic.block_draws import FILES_WAIT, BlockDraws, Column, Details, EventIds
from loadgen.traffic.draws import Bools, Ints, to_ticks
from loadgen.traffic.journey import FAR_TICK, NAVIGATE
from loadgen.traffic.telemetry.navigation import draw_shares

LCP_PARTS = (350.0, 140.0, 230.0)
"""Load delay, load time, render delay of an image LCP in ms: medians of good sites (CrUX July 2024, Almanac 2024)."""


DISK_MS = 6.0
"""Median ms to read a file from the cache on the disk, with the favicon's spread in the recorded visits."""


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
    kept: Bools  # by the document's process, from the page before: it takes no time at all


def _lay_out_files(draws: BlockDraws) -> FileRows:
    """Spread the loads' files out, and see which come from a cache.

    The process of a document keeps what the page before fetched too; other files of the cache are on the disk.
    """
    assets, walk, loading = draws.site.assets, draws.walk, draws.loading
    view = loading.view
    begins = assets.begins[walk.page[view]]
    number = assets.begins[walk.page[view] + 1] - begins
    load = np.repeat(np.arange(draws.loads), number)
    asset = np.arange(len(load)) + np.repeat(begins - np.cumsum(number) + number, number)
    shared = assets.shared[asset]
    cached = np.where(shared, loading.warm[load], loading.pictures[load])
    cached &= ~(assets.hero[asset] & loading.new[load])
    again = walk.kind[view] != NAVIGATE
    kept = cached & (shared | again[load]) & ~walk.first[view][load] & ~assets.favicon[asset]
    return FileRows(load, asset, cached, kept)


def record_resources(draws: BlockDraws) -> tuple[Column, Heroes]:
    """The resource events of own loads, and what LCP needs to know of the largest images."""
    rows = _lay_out_files(draws)
    delay, loaded = _draw_hero_parts(draws, rows)
    start, length = _draw_times(draws, rows, delay, loaded)
    draws.seeds.pause()
    loading, time = draws.loading, draws.time
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


def _draw_times(draws: BlockDraws, rows: FileRows, delay: Ints, loaded: Ints) -> tuple[Ints, Ints]:
    """Start and duration of each file, inside its load; the favicon's after it."""
    stream, loading, assets = draws.stream("resources"), draws.loading, draws.site.assets
    load, kind = rows.load, assets.kind[rows.asset]
    uniform = stream.random((2, len(load)))
    parsing = (loading.interactive - loading.ttfb)[load]
    begin = np.where(
        kind == FONT, 0.35 + 0.3 * uniform[0], np.where(kind == IMAGE, 0.1 + 0.5 * uniform[0], 0.02 + 0.1 * uniform[0])
    )
    start = loading.ttfb[load] + np.floor(parsing * begin).astype(np.int64)
    transfer = assets.size[rows.asset] * 0.008 / loading.mbit[load]
    spread = np.exp(0.8 * stream.standard_normal(len(load)))
    fetched = loading.rtt[load] * (0.8 + 1.4 * uniform[1]) + 8 * spread + transfer
    if draws.slowed is not None:
        fetched *= draws.slowed[load]
    draws.seeds.pause()
    length = np.where(rows.kept, 0, to_ticks(np.where(rows.cached, DISK_MS * spread, fetched)) + 1)
    image = assets.hero[rows.asset] & ~_is_text(draws)[load]
    start = np.where(image, (loading.ttfb + delay)[load], start)
    room = np.maximum(loading.complete[load] - start - 1, 0)
    length = np.where(image, loaded[load], np.minimum(length, room))
    favicon = np.flatnonzero(assets.favicon[rows.asset])
    start[favicon] = loading.loaded[load[favicon]] + to_ticks(2 + 60 * uniform[0][favicon] ** 2)
    length[favicon] = to_ticks(np.where(rows.cached, DISK_MS * spread, fetched)[favicon]) + 1
    return draws.clocks.coarsen(load, start), draws.clocks.coarsen(load, length)
