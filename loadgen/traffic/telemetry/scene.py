"""All that is drawn of a block before its events: what the event families look at."""

from __future__ import annotations

from typing import cast

import numpy as np

from loadgen.model import Page
from loadgen.scenario import Scenario
from loadgen.traffic.draws import Bools, Ints, uuids
from loadgen.traffic.journey import Walk
from loadgen.traffic.population import People
from loadgen.traffic.seeds import Seeds
from loadgen.traffic.site import Site
from loadgen.traffic.telemetry.loading import Loading
from loadgen.traffic.timeline import Timeline
from loadgen.traffic.visits import Pages, Visits


class Scene:
    """A block's visitors, walks, loads and times; `own` says which sessions become objects."""

    def __init__(
        self, scenario: Scenario, site: Site, seeds: Seeds, block: int, own: Bools, people: People, walk: Walk,
        loading: Loading, time: Timeline, seen: Visits, pages: Pages,
    ) -> None:  # fmt: skip
        self.scenario, self.site, self.seeds, self.block = scenario, site, seeds, block
        self.people, self.walk, self.loading, self.time, self.seen = people, walk, loading, time, seen
        self._pages = pages
        self.own_sessions = own
        self.own_view_mask = own[walk.session]
        self.own_views: Ints = np.flatnonzero(self.own_view_mask)
        self.views = len(walk.page)
        self.loads = len(loading.view)
        self.load_session: Ints = walk.session[loading.view]
        self.own_loads: Ints = np.flatnonzero(own[self.load_session])

    def stream(self, purpose: str) -> np.random.Generator:
        """The block's random stream for one purpose."""
        return self.seeds.stream(purpose, self.block)

    def ids(self, purpose: str, rows: Ints, total: int) -> list[str]:
        """Event ids of some of a family's rows; all are drawn, so that they do not depend on who asks."""
        drawn = uuids(self.stream(f"id/{purpose}"), total)
        return drawn if len(rows) == total else [drawn[row] for row in rows.tolist()]

    def pages_of(self, views: Ints) -> list[Page]:
        """The pages of these views, which must belong to own sessions."""
        made = cast(list[Page], self._pages.made)
        return [made[view] for view in views.tolist()]
