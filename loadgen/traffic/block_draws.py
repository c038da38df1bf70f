"""BlockDraws: all that is drawn of a block before its events. Column: the events that an event family makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from loadgen.model import Page
from loadgen.rum import events
from loadgen.scenario import Scenario
from loadgen.traffic.browser_clocks import BrowserClocks, Span
from loadgen.traffic.draws import TICKS, BlockSeeds, Bools, Floats, Ints, draw_uuids, round_down, to_objects
from loadgen.traffic.incidents import StruckViews
from loadgen.traffic.journey import RESTORED, Timeline, Walk
from loadgen.traffic.loading import Loading, Slowness, read_by_device
from loadgen.traffic.page_manager import PageNumbers
from loadgen.traffic.population import Crowd, People
from loadgen.traffic.site import Site
from loadgen.wire.json_templates import Halves, write_details

RANK = {
    events.PAGE_VIEW: 0, events.RESOURCE: 1, events.FCP: 2, events.NAVIGATION: 3, events.TTFB: 4, events.XRAY: 5,
    events.HTTP: 6, events.JS_ERROR: 7, events.DOM: 8, events.FID: 10, events.LCP: 11, events.CLS: 12, events.INP: 13,
    events.REPLAY: 14,
}  # fmt: skip
"""The order of events that the client records in the same tick; custom events follow the click that causes them."""
CUSTOM_RANK = 9
RANKS = 16
"""A power of two above all ranks."""


WAITS = (1.5, 1.0)
LOADED_WAIT, FILES_WAIT = range(2)
"""Mean milliseconds for which a callback waits until the main thread is free: the callbacks that follow the load event,
and the observers of files. Estimates."""

WriteDetails = Callable[[Ints], Sequence[str]]
"""A function that writes the details of events, given by ascending positions in a column; no other is written."""


class EventIds(NamedTuple):
    """The ids of a column's events: event i has id number `row[i]` of the `total` ids drawn for one purpose."""

    purpose: str
    row: Ints
    total: int


class Column(NamedTuple):
    """Events of one type as columns, in no order."""

    type: str  # full name
    ids: EventIds
    view: Ints  # the page view under which the client records each event
    at: Ints  # ticks from session start
    write_details: WriteDetails
    metadata: str = ""  # the same for each event: further members, each behind a comma


def take_texts(texts: Sequence[str]) -> WriteDetails:
    """Return the function that writes details which are text already."""
    return lambda places: [texts[place] for place in places.tolist()]


def write_each(make: Callable[[int], Any]) -> WriteDetails:
    """Return the function that writes details one by one; `make` returns the struct or object of a position."""
    return lambda places: [write_details(make(place)) for place in places.tolist()]


@dataclass
class BlockDraws:
    """A block's visitors, walks, loads and times, and the scenario and streams from which events are drawn."""

    scenario: Scenario
    site: Site
    crowd: Crowd
    seeds: BlockSeeds
    own_sessions: Bools  # which sessions belong to this worker and become objects
    people: People
    slowness: Slowness
    walk: Walk
    visible: Ints  # ticks for which the visitor looks at each view
    loading: Loading
    time: Timeline
    seen: PageNumbers
    clocks: BrowserClocks
    pages: list[Page | None]
    struck: list[StruckViews]
    slowed: Floats | None  # factor on the times of each load's files; None: no outage

    def __post_init__(self) -> None:
        self.views, self.loads = len(self.walk.page), len(self.loading.view)
        self.load_session: Ints = self.walk.session[self.loading.view]
        self.load_start: Ints = self.time.start[self.loading.view]
        # whether the browser's back/forward cache restored each load
        self.restored: Bools = self.walk.kind[self.loading.view] == RESTORED
        self.own_view_mask: Bools = self.own_sessions[self.walk.session]
        self.own_views: Ints = np.flatnonzero(self.own_view_mask)
        self.own_loads: Ints = np.flatnonzero(self.own_sessions[self.load_session])
        self._page = to_objects(self.pages)

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """The key of each session, 64 bits."""
        return self.seeds.id_stream("key").integers(0, 2**64, len(self.own_sessions), dtype=np.uint64)

    @cached_property
    def waits(self) -> Ints:
        """Ticks for which callbacks wait until the main thread is free, shape (len(WAITS), loads)."""
        means = np.array(WAITS)[:, None] * TICKS / 1000
        return round_down(means * self.stream("waits").standard_exponential((len(WAITS), self.loads)))

    @cached_property
    def hero_urls(self) -> list[str]:
        """The URL of the largest image of each load's first page."""
        pages, items = self.walk.page[self.loading.view].tolist(), self.walk.items[self.loading.view].tolist()
        return [self.site.find_hero_url(page, tuple(chosen)) for page, chosen in zip(pages, items, strict=True)]

    def stream(self, purpose: str) -> np.random.Generator:
        """Return the block's random stream for one purpose."""
        return self.seeds.stream(purpose)

    def draw_ids(self, purpose: str, rows: Ints, total: int) -> list[str]:
        """Draw the event ids of some of `total` rows; all are drawn, so that no id depends on which rows are given."""
        return draw_uuids(self.seeds.id_stream(f"id/{purpose}"), total, rows, self.seeds.pause)

    def write_times(self, load: Ints, *spans: Span) -> list[Halves]:
        """Write a column of times for each span, as the browsers of the loads write them."""
        self.seeds.pause()
        return self.clocks.write(load, spans)

    def place_moments(self, view: Ints, part: Floats) -> Ints:
        """Return for each view the moment, in ticks, when `part` of the view's visible time is over."""
        return self.time.find_moments(view, round_down(self.visible[view] * part))

    def read_vitals(self, *names: str) -> list[Floats]:
        """Return each named parameter of the scenario's vitals for each load, by the load's device."""
        device = self.people.device[self.load_session]
        return [read_by_device(self.scenario.telemetry, name)[device] for name in names]

    def list_alive(self, at: Ints) -> Ints:
        """Return the own loads whose documents live at the moment that `at` has for each load of the block."""
        return self.own_loads[(at < self.time.load_end)[self.own_loads]]

    def find_pages(self, views: Ints) -> list[Page]:
        """Return the pages of views, which must belong to own sessions."""
        return cast(list[Page], self._page[views].tolist())
