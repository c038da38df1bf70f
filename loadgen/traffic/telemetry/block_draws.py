"""All that is drawn of a block before its events: what the event families look at."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from loadgen.model import Page
from loadgen.scenario import Scenario
from loadgen.traffic.draws import Bools, Floats, Ints, objects, uuids
from loadgen.traffic.incidents import Struck
from loadgen.traffic.journey import RESTORED, Walk
from loadgen.traffic.page_manager import Pages, Visits
from loadgen.traffic.population import Crowd, People
from loadgen.traffic.seeds import Seeds
from loadgen.traffic.site import Site
from loadgen.traffic.telemetry.loading import Loading, Slowness
from loadgen.traffic.timeline import Timeline


class Drawn(NamedTuple):
    """What a block holds before its events."""

    people: People
    slowness: Slowness
    walk: Walk
    visible: Ints  # ticks for which each view is looked at
    loading: Loading
    time: Timeline
    seen: Visits
    pages: Pages
    struck: list[Struck]
    slowed: Floats | None  # factor on the files' times of each load; None: no outage


class Scene:
    """A block's visitors, walks, loads and times; `own` says which sessions become objects."""

    def __init__(
        self, scenario: Scenario, site: Site, crowd: Crowd, seeds: Seeds, block: int, own: Bools, drawn: Drawn
    ) -> None:
        self.scenario, self.site, self.crowd, self.seeds, self.block = scenario, site, crowd, seeds, block
        self.people, self.slowness, self.walk, self.visible, self.loading, self.time, self.seen = drawn[:7]
        self.struck, self.slowed = drawn.struck, drawn.slowed
        self._page = objects(drawn.pages.made)
        self.own_sessions = own
        self.own_view_mask: Bools = own[self.walk.session]
        self.own_views: Ints = np.flatnonzero(self.own_view_mask)
        self.views = len(self.walk.page)
        self.loads = len(self.loading.view)
        self.restored: Bools = (
            self.walk.kind[self.loading.view] == RESTORED
        )  # loads that the browser's cache brought back
        self.load_session: Ints = self.walk.session[self.loading.view]
        self.own_loads: Ints = np.flatnonzero(own[self.load_session])

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """The sessions' keys, 64 bits each."""
        return self.stream("key").integers(0, 2**64, len(self.own_sessions), dtype=np.uint64)

    @cached_property
    def hero_urls(self) -> list[str]:
        """The largest image of each load's first page."""
        pages, items = self.walk.page[self.loading.view].tolist(), self.walk.items[self.loading.view].tolist()
        return [self.site.hero_url(page, tuple(chosen)) for page, chosen in zip(pages, items, strict=True)]

    def stream(self, purpose: str) -> np.random.Generator:
        """The block's random stream for one purpose."""
        return self.seeds.stream(purpose, self.block)

    def ids(self, purpose: str, rows: Ints, total: int) -> list[str]:
        """Event ids of some of a family's rows; all are drawn, so that they do not depend on who asks."""
        return uuids(self.stream(f"id/{purpose}"), total, rows, self.seeds.pause)

    def pages_of(self, views: Ints) -> list[Page]:
        """The pages of these views, which must belong to own sessions."""
        return cast(list[Page], self._page[views].tolist())
