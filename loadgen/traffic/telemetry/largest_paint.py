"""Largest contentful paint of each full load.

Rule: LCP is recorded at the first click or key, else at the moment when the page is hidden, too late for that hide's
flush, as in the real client (web-client facts, section 5).
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, cast

import numpy as np
from msgspec import UNSET

from loadgen.rum.events import LCP, Lcp, LcpAttribution
from loadgen.traffic.draws import Bools, Ints, objects, told
from loadgen.traffic.telemetry.block_draws import Scene
from loadgen.traffic.telemetry.column import Column, Named
from loadgen.traffic.telemetry.inputs import Inputs
from loadgen.traffic.telemetry.navigation import recorded
from loadgen.traffic.telemetry.resources import Heroes
from loadgen.traffic.telemetry.vitals import measured, start_of
from loadgen.wire.json_templates import PLACEHOLDER, TEXT_PLACEHOLDER, Template, escape

TEXT_ELEMENT, IMAGE_ELEMENT = "html>body>main>h1", "html>body>main>img.hero"

IMAGE, FETCHED, NAVIGATED, AGAIN = 1, 2, 4, 8
"""What an LCP tells: an image's URL, the event of its file, that of the navigation; or that the page came back."""


def _form(kind: int) -> Template:
    """An LCP of one kind; each thing it may tell has a gap of its own."""
    element = UNSET if kind == AGAIN else IMAGE_ELEMENT if kind & IMAGE else TEXT_ELEMENT
    url = TEXT_PLACEHOLDER if kind & IMAGE else UNSET
    file, entry = (TEXT_PLACEHOLDER if kind & flag else UNSET for flag in (FETCHED, NAVIGATED))
    return Template(
        Lcp(PLACEHOLDER, LcpAttribution(element, url, PLACEHOLDER, PLACEHOLDER, PLACEHOLDER, PLACEHOLDER, file, entry))
    )


FORMS = {kind: _form(kind) for kind in (0, 1, 3, 4, 5, 7, AGAIN)}


class Found(NamedTuple):
    """The largest paints of a block, as columns."""

    row: Ints  # the load
    value: Ints  # ticks from its start
    text: Bools
    at: Ints  # when it is recorded, in ticks from session start


def first_hide(scene: Scene) -> Ints:
    """When each load's page is hidden for the first time."""
    first = scene.time.load_end.copy()
    views = np.flatnonzero(scene.time.away >= 0)
    np.minimum.at(first, scene.time.load[views], scene.time.away[views])
    return first


def lcp(scene: Scene, seen: Inputs, heroes: Heroes) -> Column:
    """Largest contentful paint, as far as it had come when the first input or the first hide ended the search."""
    loading, start = scene.loading, start_of(scene, np.arange(scene.loads))
    at = first_hide(scene)
    opening = np.flatnonzero(seen.first)
    at[seen.load[opening]] = np.minimum(at[seen.load[opening]], seen.at[opening])
    at = np.where(scene.restored, np.minimum(start + loading.lcp, scene.time.load_end - 1), at)
    rows = scene.own_loads[measured(scene, "lcp")[scene.own_loads]]
    early = start[rows] + loading.lcp[rows] > at[rows]
    text = heroes.text[rows] | early
    value = np.where(early, loading.fcp[rows], loading.lcp[rows])
    view = scene.time.current(loading.view[rows], np.minimum(at[rows], scene.time.load_end[rows] - 1))
    found = Found(rows, value, text, at[rows])
    details = partial(_details, scene, heroes, found)
    return Column(LCP, Named("lcp", rows, scene.loads), view, at[rows], details)


def _details(scene: Scene, heroes: Heroes, found: Found, places: Ints) -> list[str]:
    rows, value, text, at = found.row[places], found.value[places], found.text[places], found.at[places]
    first_byte = scene.loading.ttfb[rows]
    delay, loaded = np.where(text, 0, heroes.delay[rows]), np.where(text, 0, heroes.loaded[rows])
    times = (value, first_byte, delay, loaded, value - first_byte - delay - loaded)
    whole, *parts = (objects(told(each)) for each in times)
    urls = objects([escape(heroes.urls[row]) for row in rows.tolist()])
    files = objects([heroes.ids.get(row) for row in rows.tolist()])
    entries = objects(scene.ids("navigation", rows, scene.loads))
    fetched = np.array([each is not None for each in files], dtype=bool)
    kinds = np.where(text, 0, IMAGE + FETCHED * fetched) + NAVIGATED * (recorded(scene)[rows] <= at)
    kinds[scene.restored[rows]] = AGAIN
    gaps = [(0, whole), (IMAGE, urls), *((0, part) for part in parts), (FETCHED, files), (NAVIGATED, entries)]
    texts = objects([""] * len(rows))
    for kind, form in FORMS.items():
        spots = np.flatnonzero(kinds == kind)
        texts[spots] = form.texts(*(column[spots].tolist() for flag, column in gaps if not flag or kind & flag))
    return cast(list[str], texts.tolist())
