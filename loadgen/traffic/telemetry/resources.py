"""performance_resource events: the files of each full load, within it; cached ones are quick and have no size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.rum.events import RESOURCE
from loadgen.traffic.asset_details import Fetched
from loadgen.traffic.assets import FONT, IMAGE
from loadgen.traffic.draws import Bools, Ints, ticks
from loadgen.traffic.telemetry.block_draws import Scene
from loadgen.traffic.telemetry.column import Column, Details, Named
from loadgen.traffic.telemetry.navigation import shares
from loadgen.traffic.timeline import FAR_TICK

LCP_PARTS = (350.0, 160.0, 230.0)
"""Load delay, load time, render delay of an image LCP in ms: medians of good sites (CrUX July 2024, Almanac 2024)."""


class Heroes(NamedTuple):
    """The image that is each load's largest element, if it is one."""

    text: Bools  # it is text after all
    delay: Ints  # ticks from first byte to its fetch
    loaded: Ints  # ticks of its fetch
    urls: list[str]
    ids: dict[int, str]  # by load: its resource event, where that is recorded before the LCP


class Rows(NamedTuple):
    """Every file of every load of a block."""

    load: Ints
    asset: Ints  # row in Assets
    cached: Bools


def _rows(scene: Scene) -> Rows:
    """Spread the loads' files out, and see which come from the cache."""
    assets, walk, view = scene.site.assets, scene.walk, scene.loading.view
    begins = assets.begins[walk.page[view]]
    number = assets.begins[walk.page[view] + 1] - begins
    load = np.repeat(np.arange(scene.loads), number)
    asset = np.arange(len(load)) + np.repeat(begins - np.cumsum(number) + number, number)
    cache = scene.scenario.telemetry.cache
    landing = np.where(scene.people.returning[scene.load_session], cache.first_page_returning, cache.first_page_new)
    share = np.where(walk.first[view], landing, cache.later_pages)
    return Rows(load, asset, scene.stream("cache").random(len(load)) < share[load])


def resources(scene: Scene) -> tuple[Column, Heroes]:
    """The resource events of own loads, and what LCP needs to know of the largest images."""
    rows = _rows(scene)
    delay, loaded = _hero_parts(scene, rows)
    start, length = _times(scene, rows, delay, loaded)
    loading, time = scene.loading, scene.time
    at = time.start[loading.view[rows.load]] + np.maximum(start + length, loading.ready[rows.load])
    fetched = scene.own_view_mask[loading.view[rows.load]] & ~scene.restored[rows.load]
    kept = np.flatnonzero(fetched & (at < time.load_end[rows.load]))
    scene.seeds.pause()
    # the client reads entries in the order of their start
    kept = kept[np.argsort(rows.load[kept] * FAR_TICK + start[kept], kind="stable")]
    view = time.current(loading.view[rows.load[kept]], at[kept])
    heroes = kept[scene.site.assets.hero[rows.asset[kept]]]
    ids = scene.ids("resource", heroes, len(rows.load))
    known = dict(zip(rows.load[heroes].tolist(), ids, strict=True))
    named = Named("resource", kept, len(rows.load))
    return Column(RESOURCE, named, view, at[kept], _details(scene, rows, kept, (start, length))), Heroes(
        _text(scene), delay, loaded, scene.hero_urls, known
    )


def _details(scene: Scene, rows: Rows, kept: Ints, times: tuple[Ints, Ints]) -> Details:
    """Resource events are most of all events."""
    site, hero_urls = scene.site, scene.hero_urls

    def details(places: Ints) -> list[str]:
        some = kept[places]
        fetched = Fetched(rows.asset[some], rows.cached[some], times[0][some], times[1][some])
        heroes = rows.load[some][site.assets.hero[fetched.asset]]
        return site.asset_details.texts(scene.seeds, fetched, [hero_urls[load] for load in heroes.tolist()])

    return details


def _text(scene: Scene) -> Bools:
    """Loads whose largest element is text, those of pages without images among them."""
    text: Bools = scene.loading.text | ~scene.site.pictured[scene.walk.page[scene.loading.view]]
    return text


def _hero_parts(scene: Scene, rows: Rows) -> tuple[Ints, Ints]:
    """Split LCP − TTFB of image loads into delay, fetch and rendering; a cached image is there at once."""
    loading = scene.loading
    whole = loading.lcp - loading.ttfb
    parts = shares(scene.stream("lcp parts"), scene.loads, LCP_PARTS, 0.5)
    delay = np.floor(whole * parts[0]).astype(np.int64)
    loaded = np.floor(whole * parts[1]).astype(np.int64)
    hero = scene.site.assets.hero[rows.asset]
    cached = np.zeros(scene.loads, dtype=bool)
    cached[rows.load[hero]] = rows.cached[hero]
    return delay, np.where(cached, np.minimum(loaded, 3), loaded)


def _times(scene: Scene, rows: Rows, delay: Ints, loaded: Ints) -> tuple[Ints, Ints]:
    """Start and duration of each file, inside its load."""
    stream, loading, assets = scene.stream("resources"), scene.loading, scene.site.assets
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
    if scene.slowed is not None:
        fetched *= scene.slowed[load]
    length = np.where(rows.cached, ticks(3 * uniform[2] ** 3), ticks(fetched))
    favicon = assets.favicon[rows.asset]
    rest = np.floor((loading.complete - loading.interactive)[load] * 0.5 * uniform[0]).astype(np.int64)
    start = np.where(favicon, loading.interactive[load] + rest, start)
    image = assets.hero[rows.asset] & ~_text(scene)[load]
    start = np.where(image, (loading.ttfb + delay)[load], start)
    room = np.maximum(loading.complete[load] - start - 1, 0)
    return start, np.where(image, loaded[load], np.minimum(length, room))
