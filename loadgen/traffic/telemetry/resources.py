"""performance_resource events: the files of each full load, within it; cached ones are quick and have no size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.rum.events import RESOURCE
from loadgen.traffic.assets import FONT, IMAGE, Fetched
from loadgen.traffic.block_draws import BlockDraws, Column, Details, EventIds
from loadgen.traffic.draws import Bools, Ints, to_ticks
from loadgen.traffic.journey import FAR_TICK
from loadgen.traffic.telemetry.navigation import draw_shares

LCP_PARTS = (350.0, 140.0, 230.0)
"""Load delay, load time, render delay of an image LCP in ms: medians of good sites (CrUX July 2024, Almanac 2024)."""


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


def _lay_out_files(draws: BlockDraws) -> FileRows:
    """Spread the loads' files out, and see which come from the cache."""
    assets, walk, view = draws.site.assets, draws.walk, draws.loading.view
    begins = assets.begins[walk.page[view]]
    number = assets.begins[walk.page[view] + 1] - begins
    load = np.repeat(np.arange(draws.loads), number)
    asset = np.arange(len(load)) + np.repeat(begins - np.cumsum(number) + number, number)
    cache = draws.scenario.telemetry.cache
    landing = np.where(draws.people.returning[draws.load_session], cache.first_page_returning, cache.first_page_new)
    share = np.where(walk.first[view], landing, cache.later_pages)[load]
    share = np.where(assets.hero[asset] & _are_new(draws)[load], 0.0, share)
    return FileRows(load, asset, draws.stream("cache").random(len(load)) < share)


def _are_new(draws: BlockDraws) -> Bools:
    """Loads of later pages whose item the visit has not seen before, so that its image is in no cache."""
    walk, view = draws.walk, draws.loading.view
    shown = np.column_stack((walk.session, walk.page, walk.items))
    first = np.zeros(draws.views, dtype=bool)
    first[np.unique(shown, axis=0, return_index=True)[1]] = True
    return first[view] & ~walk.first[view]


def record_resources(draws: BlockDraws) -> tuple[Column, Heroes]:
    """The resource events of own loads, and what LCP needs to know of the largest images."""
    rows = _lay_out_files(draws)
    delay, loaded = _draw_hero_parts(draws, rows)
    start, length = _draw_times(draws, rows, delay, loaded)
    loading, time = draws.loading, draws.time
    at = time.start[loading.view[rows.load]] + np.maximum(start + length, loading.ready[rows.load])
    fetched = draws.own_view_mask[loading.view[rows.load]] & ~draws.restored[rows.load]
    kept = np.flatnonzero(fetched & (at < time.load_end[rows.load]))
    draws.seeds.pause()
    # the client reads entries in the order of their start
    kept = kept[np.argsort(rows.load[kept] * FAR_TICK + start[kept], kind="stable")]
    view = time.find_current(loading.view[rows.load[kept]], at[kept])
    heroes = kept[draws.site.assets.hero[rows.asset[kept]]]
    ids = draws.draw_ids("resource", heroes, len(rows.load))
    known = dict(zip(rows.load[heroes].tolist(), ids, strict=True))
    named = EventIds("resource", kept, len(rows.load))
    return Column(RESOURCE, named, view, at[kept], _write_later(draws, rows, kept, (start, length))), Heroes(
        _is_text(draws), delay, loaded, draws.hero_urls, known
    )


def _write_later(draws: BlockDraws, rows: FileRows, kept: Ints, times: tuple[Ints, Ints]) -> Details:
    """Resource events are most of all events."""
    site, hero_urls = draws.site, draws.hero_urls

    def details(places: Ints) -> list[str]:
        some = kept[places]
        fetched = Fetched(rows.asset[some], rows.cached[some], times[0][some], times[1][some])
        heroes = rows.load[some][site.assets.hero[fetched.asset]]
        return site.asset_details.texts(draws.seeds, fetched, [hero_urls[load] for load in heroes.tolist()])

    return details


def _is_text(draws: BlockDraws) -> Bools:
    """Loads whose largest element is text, those of pages without images among them."""
    text: Bools = draws.loading.text | ~draws.site.pictured[draws.walk.page[draws.loading.view]]
    return text


def _draw_hero_parts(draws: BlockDraws, rows: FileRows) -> tuple[Ints, Ints]:
    """Split LCP − TTFB of image loads into delay, fetch and rendering; a cached image is there at once."""
    loading = draws.loading
    whole = loading.lcp - loading.ttfb
    parts = draw_shares(draws.stream("lcp parts"), draws.loads, LCP_PARTS, 0.5)
    delay = np.floor(whole * parts[0]).astype(np.int64)
    loaded = np.floor(whole * parts[1]).astype(np.int64)
    hero = draws.site.assets.hero[rows.asset]
    cached = np.zeros(draws.loads, dtype=bool)
    cached[rows.load[hero]] = rows.cached[hero]
    return delay, np.where(cached, np.minimum(loaded, 3), loaded)


def _draw_times(draws: BlockDraws, rows: FileRows, delay: Ints, loaded: Ints) -> tuple[Ints, Ints]:
    """Start and duration of each file, inside its load."""
    stream, loading, assets = draws.stream("resources"), draws.loading, draws.site.assets
    load, kind = rows.load, assets.kind[rows.asset]
    uniform = stream.random((3, len(load)))
    parsing = (loading.interactive - loading.ttfb)[load]
    begin = np.where(
        kind == FONT, 0.35 + 0.3 * uniform[0], np.where(kind == IMAGE, 0.1 + 0.5 * uniform[0], 0.02 + 0.1 * uniform[0])
    )
    start = loading.ttfb[load] + np.floor(parsing * begin).astype(np.int64)
    transfer = assets.size[rows.asset] * 0.008 / loading.mbit[load]
    fetched = (
        loading.rtt[load] * (0.8 + 1.4 * uniform[1]) + 8 * np.exp(0.8 * stream.standard_normal(len(load))) + transfer
    )
    if draws.slowed is not None:
        fetched *= draws.slowed[load]
    length = np.where(rows.cached, to_ticks(3 * uniform[2] ** 3), to_ticks(fetched))
    favicon = assets.favicon[rows.asset]
    rest = np.floor((loading.complete - loading.interactive)[load] * 0.5 * uniform[0]).astype(np.int64)
    start = np.where(favicon, loading.interactive[load] + rest, start)
    image = assets.hero[rows.asset] & ~_is_text(draws)[load]
    start = np.where(image, (loading.ttfb + delay)[load], start)
    room = np.maximum(loading.complete[load] - start - 1, 0)
    return start, np.where(image, loaded[load], np.minimum(length, room))
