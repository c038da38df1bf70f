"""performance_resource events: the files of each full load; files from the cache are quick and have no size.

Rule: the client records all documents, scripts, style sheets and fonts of a load, but only the first images that it
notices. The browser itself fetches the favicon, after the load event.
"""

from __future__ import annotations

from functools import partial
from itertools import repeat
from typing import NamedTuple

import numpy as np

from loadgen.rum.events import RESOURCE
from loadgen.traffic.assets import FRAME
from loadgen.traffic.block_draws import FILES_WAIT, BlockDraws, Column, EventIds
from loadgen.traffic.draws import Bools, Ints, find_begins, to_ticks
from loadgen.traffic.journey import FAR_TICK
from loadgen.traffic.telemetry.file_times import FileRows, draw_hero_parts, draw_times, find_text_loads


class Heroes(NamedTuple):
    """The largest image of each load."""

    text: Bools  # whether the load's largest element is text, not this image
    delay: Ints  # ticks from the first byte to the image's request
    loaded: Ints  # ticks from the request to the image's end
    urls: list[str]
    ids: dict[int, str]  # by load: the id of the image's resource event, if the client records one


def _lay_out_files(draws: BlockDraws) -> FileRows:
    """List the files of all loads, and decide which come from the memory or the disk cache.

    A file of the page just left is still in memory (all of 1,087 such files in the recorded visits took 0 ms). So is a
    file of an earlier page, unless the browser has swept its memory since. Other cached files are on the disk. A new
    visitor's cache lacks the files that no page of the visit has had.
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
    swept = to_ticks(
        1000 * draws.scenario.telemetry.cache.memory_seconds * draws.stream("memory").standard_exponential(draws.loads)
    )
    kept[others] = since < swept[load[others]]
    had = draws.people.returning[draws.load_session[load[others]]] | (since < FAR_TICK)
    cached[others] &= had
    return FileRows(load, asset, cached, kept & cached & ~assets.favicon[asset] & (assets.kind[asset] != FRAME))


def _find_ages(draws: BlockDraws, load: Ints, asset: Ints) -> Ints:
    """Find the ticks from the end of the visit's last load with a file to the start of this load; FAR_TICK: none."""
    assets, page, zero = draws.site.assets, draws.walk.page[draws.loading.view], draws.load_session * FAR_TICK
    begun = zero + draws.load_start
    last = np.full((draws.site.end, draws.loads), -1)  # [page, load]: when the page's last load before ended
    last[page[:-1], np.arange(1, draws.loads)] = (zero + draws.time.load_end)[:-1]
    np.maximum.accumulate(last, axis=1, out=last)
    since = np.where(last >= zero, np.maximum(begun - last, 0), FAR_TICK)
    ages = np.stack([since[its].min(axis=0) for its in assets.page_sets])
    return ages[assets.page_set[asset], load]


def record_resources(draws: BlockDraws) -> tuple[Column, Heroes]:
    """Record the resource events of own loads; return them, and the largest images, for LCP."""
    rows = _lay_out_files(draws)
    delay, loaded = draw_hero_parts(draws, rows)
    start, length, asked = draw_times(draws, rows, delay, loaded)
    draws.seeds.pause()
    loading, time = draws.loading, draws.time
    largest = np.flatnonzero(draws.site.assets.hero[rows.asset])
    delay[rows.load[largest]] = asked[largest] - loading.ttfb[rows.load[largest]]
    loaded[rows.load[largest]] = (start + length - asked)[largest]
    noticed = np.maximum(start + length, loading.ready[rows.load]) + draws.waits[FILES_WAIT][rows.load]
    at = draws.load_start[rows.load] + noticed
    fetched = draws.own_view_mask[loading.view[rows.load]] & ~draws.restored[rows.load]
    kept = np.flatnonzero(fetched & (at < time.load_end[rows.load]))
    draws.seeds.pause()
    # the client reads the entries of files that came before it in the order of their starts
    kept = kept[np.argsort(rows.load[kept] * FAR_TICK + start[kept], kind="stable")]
    draws.seeds.pause()
    kept = kept[_find_recorded(draws, rows, kept, noticed)]
    view = time.find_current(loading.view[rows.load[kept]], at[kept])
    heroes = kept[draws.site.assets.hero[rows.asset[kept]]]
    ids = draws.draw_ids("resource", heroes, len(rows.load))
    known = dict(zip(rows.load[heroes].tolist(), ids, strict=True))
    named = EventIds("resource", kept, len(rows.load))
    write_texts = partial(_write_files, draws, rows, kept, (start, length))
    column = Column(RESOURCE, named, view, at[kept], write_texts)
    return column, Heroes(find_text_loads(draws), delay, loaded, draws.hero_urls, known)


def _find_recorded(draws: BlockDraws, rows: FileRows, kept: Ints, noticed: Ints) -> Bools:
    """Mark the files, of those sorted by load, that the client records: of images only the first that it notices."""
    load = rows.load[kept]
    order = np.argsort(load * FAR_TICK + noticed[kept], kind="stable")
    limited = draws.site.assets.limited[rows.asset[kept[order]]]
    before: Ints = np.cumsum(limited) - limited
    first = find_begins(load, draws.loads)[load]
    recorded = np.empty(len(kept), dtype=bool)
    recorded[order] = ~limited | (before - before[first] < draws.scenario.client.resourceEventLimit)
    return recorded


def _write_files(draws: BlockDraws, rows: FileRows, kept: Ints, times: tuple[Ints, Ints], places: Ints) -> list[str]:
    """Write the details of resource events, in few calls of numpy, as most events of a visit are resource events."""
    some = kept[places]
    load, asset, (start, length) = rows.load[some], rows.asset[some], (each[some] for each in times)
    heroes = np.flatnonzero(draws.site.assets.hero[asset])
    urls = [draws.hero_urls[each] for each in load[heroes].tolist()]
    heads, middle, tails = draws.site.asset_details.pick_pieces(asset, rows.cached[some], heroes, urls)
    begun, took = draws.write_times(load, (start, 0), (length, start))
    draws.seeds.pause()
    parts = zip(heads, *begun, repeat(middle), *took, tails, strict=False)
    return draws.seeds.list_all(map("".join, parts))
