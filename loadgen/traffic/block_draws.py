"""What is drawn of a block before its events, which the event families read; and the columns that they give."""

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
"""Order of events that the client records in the same tick; custom events come after the click that causes them."""
CUSTOM_RANK = 9
RANKS = 16
"""A power of two above all ranks."""


WAITS = (1.5, 1.0)
LOADED_WAIT, FILES_WAIT = range(2)
"""Mean milliseconds for which a callback of a load waits until the main thread is free: what follows the load event,
and the observers of files. Estimates."""

Details = Callable[[Ints], Sequence[str]]
"""The details of some of a column's places, ascending: details that are not wanted are not written."""


class EventIds(NamedTuple):
    """Which ids a column's events get: `row` of the `total` ids that are drawn for one purpose."""

    purpose: str
    row: Ints
    total: int


class Column(NamedTuple):
    """Events of one type, in no order; `at` in ticks from session start."""

    type: str  # in full
    ids: EventIds
    view: Ints  # under which the client records each
    at: Ints
    details: Details
    metadata: str = ""  # of each event alone, members that begin with a comma


def take_texts(texts: Sequence[str]) -> Details:
    """Details that are text already, by place."""
    return lambda places: [texts[place] for place in places.tolist()]


def write_each(make: Callable[[int], Any]) -> Details:
    """Details that are written one by one; `make` gives the struct or the object at a place."""
    return lambda places: [write_details(make(place)) for place in places.tolist()]


@dataclass
class BlockDraws:
    """A block's visitors, walks, loads and times, and what they are drawn from."""

    scenario: Scenario
    site: Site
    crowd: Crowd
    seeds: BlockSeeds
    own_sessions: Bools  # which sessions become objects
    people: People
    slowness: Slowness
    walk: Walk
    visible: Ints  # ticks for which each view is looked at
    loading: Loading
    time: Timeline
    seen: PageNumbers
    clocks: BrowserClocks
    pages: list[Page | None]
    struck: list[StruckViews]
    slowed: Floats | None  # factor on the files' times of each load; None: no outage

    def __post_init__(self) -> None:
        self.views, self.loads = len(self.walk.page), len(self.loading.view)
        self.load_session: Ints = self.walk.session[self.loading.view]
        self.load_start: Ints = self.time.start[self.loading.view]
        # loads that the browser's back/forward cache brought back
        self.restored: Bools = self.walk.kind[self.loading.view] == RESTORED
        self.own_view_mask: Bools = self.own_sessions[self.walk.session]
        self.own_views: Ints = np.flatnonzero(self.own_view_mask)
        self.own_loads: Ints = np.flatnonzero(self.own_sessions[self.load_session])
        self._page = to_objects(self.pages)

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """The sessions' keys, 64 bits each."""
        return self.id_stream("key").integers(0, 2**64, len(self.own_sessions), dtype=np.uint64)

    @cached_property
    def waits(self) -> Ints:
        """Ticks for which callbacks of each load wait until the main thread is free: [callback, load]."""
        means = np.array(WAITS)[:, None] * TICKS / 1000
        return round_down(means * self.stream("waits").standard_exponential((len(WAITS), self.loads)))

    @cached_property
    def hero_urls(self) -> list[str]:
        """The largest image of each load's first page."""
        pages, items = self.walk.page[self.loading.view].tolist(), self.walk.items[self.loading.view].tolist()
        return [self.site.hero_url(page, tuple(chosen)) for page, chosen in zip(pages, items, strict=True)]

    def stream(self, purpose: str) -> np.random.Generator:
        """The block's random stream for one purpose."""
        return self.seeds.stream(purpose)

    def id_stream(self, purpose: str) -> np.random.Generator:
        """The block's stream of ids for one purpose."""
        return self.seeds.id_stream(purpose)

    def draw_ids(self, purpose: str, rows: Ints, total: int) -> list[str]:
        """Event ids of some rows of a family; all rows are drawn, so that an id does not depend on the others."""
        return draw_uuids(self.id_stream(f"id/{purpose}"), total, rows, self.seeds.pause)

    def write_times(self, load: Ints, *spans: Span) -> list[Halves]:
        """A column of times for each span, as the loads' browsers write them."""
        self.seeds.pause()
        return self.clocks.write(load, spans)

    def place_moments(self, view: Ints, part: Floats) -> Ints:
        """Moments in these views, each when so great a part of the view's visible time is over."""
        return self.time.find_moments(view, round_down(self.visible[view] * part))

    def read_vitals(self, *names: str) -> list[Floats]:
        """Parameters of the scenario's vitals for each load, by its device."""
        device = self.people.device[self.load_session]
        return [read_by_device(self.scenario.telemetry, name)[device] for name in names]

    def list_alive(self, at: Ints) -> Ints:
        """The own loads whose documents live at a moment of theirs; `at` has one for each load of the block."""
        return self.own_loads[(at < self.time.load_end)[self.own_loads]]

    def find_pages(self, views: Ints) -> list[Page]:
        """The pages of these views, which must belong to own sessions."""
        return cast(list[Page], self._page[views].tolist())
