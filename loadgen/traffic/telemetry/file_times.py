"""When the browser requests the files of a load, and how long they take; the document waits for them.

Rule: the parser requests the files that the markup names before it has parsed all of the markup. Style sheets come
before the first paint, scripts before DOMContentLoaded, images before the document is complete. The last file of each
kind ends at its milestone; the times of the other files are drawn. "ln" is the natural logarithm; mu and sigma are
mean and standard deviation of a time's ln.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.traffic.assets import SCRIPT, STYLESHEET
from loadgen.traffic.block_draws import BlockDraws
from loadgen.traffic.documents import FLIGHT_BYTES
from loadgen.traffic.draws import Bools, Floats, Ints, find_begins, round_down, round_off, to_ticks
from loadgen.traffic.telemetry.navigation import draw_shares

DISK_MS = 6.0
"""Median ms to read a file from the cache on the disk, with the favicon's spread in the recorded visits."""

LOOK_MU, LOOK_SIGMA, COMMITS = 3.1, 0.5, (0.25, 0.5)
"""ln ms from the unload of the page before to the parser's first request; and, with files from the cache, bounds of
that time as a part of FCP − TTFB: the page is drawn soon after it (medians of two recorded sites: 0.37 and 0.40)."""

PAUSE_MU, PAUSE_SIGMA, TURN, WAIT_SIGMA, LONGEST_PAUSE_MS = -1.95, 0.6, 0.85, 3.2, 30.0
"""ln ms between two requests that the parser makes together. Beyond TURN standard deviations the parser waits for more
of the document, and WAIT_SIGMA is the spread. Of two recorded sites, 60 and 76 % of the pauses take at most 0.2 ms, and
15 % more than 1 ms."""

HELD_MU, HELD_SIGMA = 1.25, 1.0
"""ln ms by which a document's first request to the network delays the second (medians of three recorded sites: 2.5 to
4.5 ms; 0.2 to 0.4 ms if the cache had the first file)."""

SHEET_MU, SHEET_SIGMA = -1.3, 0.5
"""ln of the time from the last style sheet from the network to the first paint, as a multiple of FCP − TTFB (two
recorded sites: 0.29 and 0.22)."""

STYLED = ((0.35, 0.65), (0.1, 0.35))
"""When the page is first styled, as a part of the time from its style sheets to the first paint: with style sheets from
the cache, and with style sheets from the network (recorded: 0.40 to 0.55, and 0.13 to 0.25)."""

FRAME_TICKS, STYLED_GAPS = 80, 3.0
"""Least ticks from the first styling to the first paint; factor on the pauses between requests of style and layout."""

FIRST_ASKED, LEAST_LOOK = 0.8, 70
"""The latest first request, as a part of the time from the first byte to domInteractive; and the least ticks from the
unload of the page before to it."""

ASKED_MU, ASKED_SIGMA = 1.3, 0.8
"""ln ms from a cached file's startTime to its requestStart; an estimate after the recorded visits."""

FAVICON_MU, FAVICON_SIGMA = 2.8, 0.85
"""ln ms from the load event to the favicon's fetch, of two recorded sites."""


class FileRows(NamedTuple):
    """All files of all loads of a block as columns."""

    load: Ints
    asset: Ints  # row in Assets
    cached: Bools
    kept: Bools  # whether the file is still in memory, as an earlier page had it: then it takes no time


def find_text_loads(draws: BlockDraws) -> Bools:
    """Mark the loads whose largest element is text, as it always is on pages without images."""
    text: Bools = draws.loading.text | ~draws.site.pictured[draws.walk.page[draws.loading.view]]
    return text


def find_lone_heroes(draws: BlockDraws, rows: FileRows) -> Bools:
    """Mark the loads whose largest image is their only image from the network that the document waits for."""
    assets, lone = draws.site.assets, np.zeros(draws.loads, dtype=bool)
    fetched, hero = assets.named[rows.asset] & ~rows.cached, assets.hero[rows.asset]
    lone[rows.load[fetched & hero]] = True
    lone[rows.load[fetched & ~hero]] = False
    return lone & ~find_text_loads(draws)


def _find_hero_ends(draws: BlockDraws, lone: Bools) -> Ints:
    """Find the latest end of each load's largest image: before its paint, and before the document is complete."""
    loading = draws.loading
    latest: Ints = np.minimum(loading.lcp, loading.complete - 1)
    return np.where(lone, np.minimum(latest, loading.pictured), latest)


def draw_hero_parts(draws: BlockDraws, rows: FileRows) -> tuple[Ints, Ints]:
    """Split LCP − TTFB of loads into parts; return the ticks of delay and of fetch, without those of rendering.

    The fetch of a cached image is short. The document waits for its images, so the fetch ends before the document is
    complete; if no other image comes from the network, it ends when the document has its last image.
    """
    loading, everyone = draws.loading, np.arange(draws.loads)
    lone = find_lone_heroes(draws, rows)
    whole = _find_hero_ends(draws, lone) - loading.ttfb
    parts = draw_shares(draws.stream("lcp parts"), draws.loads, draws.scenario.telemetry.lcp_parts, 0.5)
    parts[:2] /= np.where(lone, parts[:2].sum(axis=0), 1.0)
    delay = round_down(np.maximum(whole, 0) * parts[0])
    loaded = round_down(np.maximum(whole, 0) * parts[1])
    hero = draws.site.assets.hero[rows.asset]
    kept, cached = np.zeros(draws.loads, dtype=bool), np.zeros(draws.loads, dtype=bool)
    kept[rows.load[hero]], cached[rows.load[hero]] = rows.kept[hero], rows.cached[hero]
    loaded = np.where(kept, 0, np.where(cached, np.minimum(loaded, to_ticks(8 * parts[2])), loaded))
    return draws.clocks.coarsen(everyone, delay), draws.clocks.coarsen(everyone, loaded)


def _place_styled_files(
    draws: BlockDraws, stream: np.random.Generator, rows: FileRows, times: tuple[Ints, Ints], gaps: Floats
) -> tuple[Ints, Ints]:
    """Move style sheets before the first paint, and the files that they name to the moment of the first styling.

    `times` are start and length of each file; returns both. Styling requests images, then layout requests fonts (43 of
    43 recorded loads); images from memory come last (76 of 76). `gaps` are the ms between two requests.
    """
    (start, length), loading, load, assets = times, draws.loading, rows.load, draws.site.assets
    styled = assets.styled[rows.asset]
    sheets = np.flatnonzero((assets.kind[rows.asset] == STYLESHEET) & ~styled)
    whole = loading.fcp - loading.ttfb
    gap = np.exp(SHEET_MU + SHEET_SIGMA * stream.standard_normal(draws.loads))
    latest = loading.fcp - np.clip(round_off(whole * gap), FRAME_TICKS, np.maximum(whole - 2, 0))
    own = load[sheets]
    start[sheets] = np.minimum(start[sheets], np.maximum(latest[own] - 1, loading.ttfb[own]))
    room = np.maximum(latest[own] - start[sheets], 0)
    length[sheets] = np.where(rows.cached[sheets], np.minimum(length[sheets], room), room)
    ended, waits = loading.ttfb.copy(), np.zeros(draws.loads, dtype=np.int64)
    np.maximum.at(ended, own, (start + length)[sheets])
    np.maximum.at(ended, load, np.where(styled, 0, np.minimum(start, loading.fcp[load] - 1)))
    np.maximum.at(waits, own, (~rows.cached[sheets]).astype(np.int64))
    least, most = np.array(STYLED)[waits].T
    first = ended + round_down((loading.fcp - ended) * (least + (most - least) * stream.random(draws.loads)))
    first = np.clip(first, ended, np.maximum(loading.fcp - FRAME_TICKS, ended))
    asked = np.cumsum(np.where(styled, gaps * STYLED_GAPS, 0.0))
    after = np.minimum(to_ticks(asked - asked[find_begins(load, draws.loads)[load]]), 50) + 1
    at_once = assets.limited[rows.asset] & ~rows.kept
    return np.where(styled, first[load] + np.where(at_once, 0, after), start), length


def _draw_starts(draws: BlockDraws, stream: np.random.Generator, rows: FileRows) -> tuple[Ints, Floats]:
    """Draw when the files that the markup names are requested, and the ms between two requests made together.

    After the unload of the page before, the parser looks ahead in the part of the markup that has come, and requests
    files in the order of the markup, before it has parsed all of it.
    """
    loading, load = draws.loading, rows.load
    first = find_begins(load, draws.loads)[load]
    turn = np.arange(len(load)) - first
    normal = stream.standard_normal(len(load))
    gaps = np.exp(PAUSE_MU + PAUSE_SIGMA * normal + (WAIT_SIGMA - PAUSE_SIGMA) * np.maximum(normal - TURN, 0.0))
    gaps = np.minimum(gaps, LONGEST_PAUSE_MS)
    begins = np.flatnonzero(turn == 0)
    held = np.exp(HELD_MU + HELD_SIGMA * stream.standard_normal(draws.loads))[load[begins]]
    pauses = np.where(draws.site.assets.styled[rows.asset], 0.0, gaps)
    pauses[np.minimum(begins + 1, len(load) - 1)] += np.where(rows.cached[begins], 0.0, held)
    paused = np.cumsum(pauses)
    looks = loading.unload + to_ticks(np.exp(LOOK_MU + LOOK_SIGMA * stream.standard_normal(draws.loads)))
    parses = loading.interactive - loading.ttfb
    latest = np.minimum((loading.fcp - loading.ttfb) * 3 // 4, round_down(parses * FIRST_ASKED))
    commits = COMMITS[0] + (COMMITS[1] - COMMITS[0]) * stream.random(draws.loads)
    commits = np.where(loading.warm, round_down((loading.fcp - loading.ttfb) * commits), 0)
    looks = np.maximum(looks - loading.ttfb, commits)
    looks = np.minimum(looks, np.maximum(latest, loading.unload + LEAST_LOOK - loading.ttfb))[load]
    number, flights = np.bincount(load, minlength=draws.loads)[load], -(-loading.html_bytes // FLIGHT_BYTES)[load]
    came = (loading.response - loading.ttfb)[load] * -(-(turn + 1) * flights // number) // np.maximum(flights, 1)
    start = loading.ttfb[load] + np.maximum(looks, came) + to_ticks(paused - paused[first])
    return np.minimum(start, np.maximum(loading.interactive - 1, loading.ttfb)[load]), gaps


def _fit_lengths(draws: BlockDraws, rows: FileRows, start: Ints, length: Ints) -> Ints:
    """Stretch the lengths of files from the network so that the last file of each load ends at its milestone.

    Scripts end before DOMContentLoaded, the web client's script before the client runs, images with the last image. The
    given lengths decide how long each file takes beside the others.
    """
    loading, load, assets = draws.loading, rows.load, draws.site.assets
    script = assets.kind[rows.asset] == SCRIPT
    largest = assets.hero[rows.asset] & ~find_text_loads(draws)[load]
    until = np.where(assets.client[rows.asset] | rows.cached, loading.ready[load] - 1, loading.scripted[load])
    room = np.maximum(np.where(script, until, loading.pictured[load]) - start, 0)
    awaited = ~rows.cached & ~assets.favicon[rows.asset] & ~largest
    awaited &= script | (assets.kind[rows.asset] != STYLESHEET)
    stretch = np.full((2, draws.loads), np.inf)
    named = np.flatnonzero(awaited & ~assets.styled[rows.asset] & (room > 0))
    np.minimum.at(stretch, (script[named].astype(np.int64), load[named]), room[named] / length[named])
    factor = stretch[script.astype(np.int64), load]
    stretched = round_down(length * np.where(np.isfinite(factor), factor, 1.0))
    over = awaited & (stretched > room)
    stretched = np.where(over, room * (50 + rows.asset * 37 % 50) // 100, stretched)
    return np.where(awaited, np.maximum(stretched, 1), np.where(script, np.minimum(length, room), length))


def draw_times(draws: BlockDraws, rows: FileRows, delay: Ints, loaded: Ints) -> tuple[Ints, Ints, Ints]:
    """Draw start, duration and request of each file, in ticks from the load's start; the favicon comes after the load.

    The markup names most files; a largest image that a script or a style sheet names is requested later. `delay` and
    `loaded` are the parts of each load's largest image.
    """
    stream, loading, assets = draws.stream("resources"), draws.loading, draws.site.assets
    load = rows.load
    uniform = stream.random(len(load))
    start, gaps = _draw_starts(draws, stream, rows)
    transfer = assets.size[rows.asset] * 0.008 / loading.mbit[load]
    spread = np.exp(0.8 * stream.standard_normal(len(load)))
    fetched = loading.rtt[load] * (0.8 + 1.4 * uniform) + 8 * spread + transfer
    if draws.slowed is not None:
        fetched *= draws.slowed[load]
    draws.seeds.pause()
    length = np.where(rows.kept, 0, to_ticks(np.where(rows.cached, DISK_MS * spread, fetched)) + 1)
    start, length = _place_styled_files(draws, stream, rows, (start, length), gaps)
    length = _fit_lengths(draws, rows, start, length)
    draws.seeds.pause()
    start = np.minimum(start, loading.complete[load] - 1)
    length = np.minimum(length, loading.complete[load] - start - 1)
    asked = start.copy()
    image = np.flatnonzero(assets.hero[rows.asset] & ~find_text_loads(draws)[load])
    start[image], asked[image], ended = _ask_for_heroes(draws, rows, image, start[image], (delay, loaded))
    length[image] = ended - start[image]
    favicon = np.flatnonzero(assets.favicon[rows.asset])
    waits = np.exp(FAVICON_MU + FAVICON_SIGMA * stream.standard_normal(len(favicon)))
    start[favicon] = np.maximum(loading.loaded, loading.activated)[load[favicon]] + to_ticks(2 + waits)
    length[favicon] = to_ticks(np.where(rows.cached, DISK_MS * spread, fetched)[favicon]) + 1
    begun, ended, sent = (draws.clocks.coarsen(load, each) for each in (start, start + length, asked))
    return begun, ended - begun, sent


def _ask_for_heroes(
    draws: BlockDraws, rows: FileRows, image: Ints, start: Ints, parts: tuple[Ints, Ints]
) -> tuple[Ints, Ints, Ints]:
    """Find start, request and end of the largest images; an image from memory makes no request.

    Args:
        draws: The block.
        rows: All files.
        image: The rows of the largest images.
        start: When the parser requests each of them if the markup names it.
        parts: Delay and loading time of each load's largest image.
    """
    loading, load, stream = draws.loading, rows.load[image], draws.stream("heroes")
    delay, loaded = (each[load] for each in parts)
    lone = find_lone_heroes(draws, rows)
    until = _find_hero_ends(draws, lone)[load]
    latest = np.maximum(until - np.where(lone[load], 1, loaded), loading.ttfb[load])
    found = np.minimum(start, latest)
    soon = to_ticks(np.exp(ASKED_MU + ASKED_SIGMA * stream.standard_normal(draws.loads))[load])
    later = np.minimum(np.maximum(found + soon, loading.ttfb[load] + delay), latest)
    named = stream.random(draws.loads)[load] >= draws.scenario.telemetry.late_heroes
    begun = np.where(rows.cached[image] | named, found, np.maximum(later - soon, found))
    sent = np.where(rows.kept[image], found, np.where(rows.cached[image], np.minimum(found + soon, latest), later))
    return begun, sent, np.where(lone[load], np.maximum(until, sent), sent + loaded)
