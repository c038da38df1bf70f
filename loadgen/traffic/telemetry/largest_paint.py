"""Largest contentful paint of each full load.

Rule: the first click or key ends the search for the largest paint, and the client tells LCP when the main thread is
idle after it; or else at the moment when the page is hidden, too late for that hide's flush. So a click on a link loses
LCP where the next page comes before the idle moment, as in the traffic captured from the real client.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, cast

import numpy as np
from msgspec import UNSET

from loadgen.rum.events import LCP, Lcp, LcpAttribution
from loadgen.traffic.block_draws import BlockDraws, Column, EventIds
from loadgen.traffic.draws import Bools, Ints, to_objects
from loadgen.traffic.telemetry.input_vitals import draw_delays
from loadgen.traffic.telemetry.interactions import Inputs
from loadgen.traffic.telemetry.navigation import find_load_reports
from loadgen.traffic.telemetry.reactions import Reactions
from loadgen.traffic.telemetry.resources import Heroes
from loadgen.traffic.telemetry.vitals import find_first_hides, find_load_starts, is_measured
from loadgen.wire.json_templates import PLACEHOLDER, TEXT_PLACEHOLDER, Template, escape

TEXT_ELEMENT, IMAGE_ELEMENT = "html>body>main>h1", "html>body>main>img.hero"

IMAGE, FETCHED, NAVIGATED, AGAIN = 1, 2, 4, 8
"""What an LCP tells: an image's URL, the event of its file, that of the navigation; or that the page came back."""


def _make_template(kind: int) -> Template:
    """An LCP of one kind; each part that it may have is a placeholder of its own."""
    element = UNSET if kind == AGAIN else IMAGE_ELEMENT if kind & IMAGE else TEXT_ELEMENT
    url = TEXT_PLACEHOLDER if kind & IMAGE else UNSET
    file, entry = (TEXT_PLACEHOLDER if kind & flag else UNSET for flag in (FETCHED, NAVIGATED))
    return Template(
        Lcp(PLACEHOLDER, LcpAttribution(element, url, PLACEHOLDER, PLACEHOLDER, PLACEHOLDER, PLACEHOLDER, file, entry))
    )


TEMPLATES = {kind: _make_template(kind) for kind in (0, 1, 3, 4, 5, 7, AGAIN)}


class LargestPaints(NamedTuple):
    """The largest paints of some loads, as columns."""

    row: Ints  # the load
    painted: Ints  # ticks from its start
    text: Bools  # it is no image
    at: Ints  # when it is recorded, in ticks from session start


def find_largest_paints(draws: BlockDraws, seen: Inputs, react: Reactions) -> LargestPaints:
    """The largest paint of each load, as far as it had come when the first input or the first hide ended the search."""
    loading, start = draws.loading, find_load_starts(draws, np.arange(draws.loads))
    ended = find_first_hides(draws)
    at = ended.copy()
    opening = np.flatnonzero(seen.first)
    load = seen.load[opening]
    at[load] = np.minimum(at[load], seen.at[opening] + draw_delays(draws)[load] + react.idle[opening])
    ended[load] = np.minimum(ended[load], seen.at[opening])
    at = np.where(draws.restored, np.minimum(start + loading.lcp, draws.time.load_end - 1), at)
    early = (start + loading.largest_paint > ended) & ~draws.restored
    return LargestPaints(np.arange(draws.loads), np.where(early, loading.first_paint, loading.largest_paint), early, at)


def record_lcp(draws: BlockDraws, seen: Inputs, react: Reactions, heroes: Heroes) -> Column:
    """Largest contentful paint of the loads in browsers that measure it."""
    rows = draws.own_loads[is_measured(draws, "lcp")[draws.own_loads]]
    _, painted, early, told = find_largest_paints(draws, seen, react)
    at = told[rows]
    view = draws.time.find_current(draws.loading.view[rows], np.minimum(at, draws.time.load_end[rows] - 1))
    found = LargestPaints(rows, painted[rows], (heroes.text | early)[rows], at)
    details = partial(_write_details, draws, heroes, found)
    return Column(LCP, EventIds("lcp", rows, draws.loads), view, at, details)


def _write_details(draws: BlockDraws, heroes: Heroes, found: LargestPaints, places: Ints) -> list[str]:
    rows, painted, text, at = found.row[places], found.painted[places], found.text[places], found.at[places]
    delay, loaded = np.where(text, 0, heroes.delay[rows]), np.where(text, 0, heroes.loaded[rows])
    ttfb, zero = draws.loading.ttfb[rows], draws.loading.activated[rows]
    value, first_byte, asked, got = (
        draws.loading.count_from_activation(rows, each) for each in (painted, ttfb, ttfb + delay, ttfb + delay + loaded)
    )
    spans = ((value, zero), (first_byte, zero), (asked - first_byte, zero + first_byte), (got - asked, zero + asked),
             (value - got, zero + got))  # fmt: skip
    whole, *parts = (to_objects(draws.write_times(rows, length, since).join()) for length, since in spans)
    urls = to_objects([escape(heroes.urls[row]) for row in rows.tolist()])
    files = to_objects([heroes.ids.get(row) for row in rows.tolist()])
    entries = to_objects(draws.draw_ids("navigation", rows, draws.loads))
    fetched = np.array([each is not None for each in files], dtype=bool)
    kinds = np.where(text, 0, IMAGE + FETCHED * fetched) + NAVIGATED * (find_load_reports(draws)[0][rows] <= at)
    kinds[draws.restored[rows]] = AGAIN
    columns = [(0, whole), (IMAGE, urls), *((0, part) for part in parts), (FETCHED, files), (NAVIGATED, entries)]
    texts = to_objects([""] * len(rows))
    for kind, template in TEMPLATES.items():
        spots = np.flatnonzero(kinds == kind)
        texts[spots] = template.texts(*(column[spots].tolist() for flag, column in columns if not flag or kind & flag))
    return cast(list[str], texts.tolist())
