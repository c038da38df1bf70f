"""A block of session indices → the sessions of one share; a block is drawn at once, as columns of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple

import numpy as np

from loadgen.model import Session
from loadgen.scenario import Scenario
from loadgen.traffic.block_draws import BlockDraws
from loadgen.traffic.browser_clocks import BrowserClocks
from loadgen.traffic.build_loads import NO_LIMIT, NOWHERE, SessionLimit, build_loads, build_unused
from loadgen.traffic.draws import BLOCK, TICKS, BlockSeeds, Bools, Choice, Floats, Ints, Seeds
from loadgen.traffic.incidents import Exposure, Incidents, find_slowdown, find_struck_views
from loadgen.traffic.journey import (
    BACK,
    NAVIGATE,
    RELOAD,
    RESTORED,
    Dwell,
    Habits,
    Timeline,
    Walk,
    build_timeline,
    draw_dwell,
    draw_walk,
    find_new_items,
    find_unseen_images,
    open_tabs,
)
from loadgen.traffic.loading import (
    LANDING,
    LANDING_AGAIN,
    LATER,
    Loading,
    Slowness,
    WantedLoads,
    compute_usual_lcp,
    draw_loads,
    join_loads,
    measure_loads,
    restore_loads,
)
from loadgen.traffic.page_manager import PageMaker, draw_referrers, number_pages
from loadgen.traffic.population import Crowd, People
from loadgen.traffic.prerendering import activate_loads, draw_leads
from loadgen.traffic.site import Site
from loadgen.traffic.telemetry import record_events


class BlockStarts(NamedTuple):
    """The sessions of a block and their starts, a row for each session."""

    number: int  # the block's number, a part of the names of its random streams
    session: Ints  # Session.index; -1: the run has no session for this row
    start: Floats  # seconds from the run's zero

    @property
    def first(self) -> int:
        """The least Session.index in the block."""
        return int(self.session[self.session >= 0].min())

    @property
    def begin(self) -> float:
        """When the block's first session starts, in seconds from the run's zero."""
        return float(self.start[self.session >= 0].min())


NOBODY = np.zeros(BLOCK, dtype=bool)
"""A mask of a block's sessions that marks none."""


class BlockWalks(NamedTuple):
    """A block's visitors and walks, drawn before the loads after the landings."""

    people: People
    slowness: Slowness
    exposures: list[Exposure]
    walk: Walk
    hard: Bools  # which views are full loads
    landing: Loading  # the loads of the landings
    later: WantedLoads  # the loads that are still to be drawn
    looks: Dwell


class Blocks:
    """All blocks of sessions of one scenario and seed; a block is drawn when it is asked for."""

    def __init__(
        self, scenario: Scenario, seeds: Seeds, only_recordable: bool = False, is_sample: bool = False
    ) -> None:
        self.scenario, self.seeds = scenario, seeds
        self.limit = SessionLimit.for_scenario(scenario) if only_recordable else NO_LIMIT
        self.site = Site(scenario)
        self.crowd = Crowd(scenario, self.seeds)
        self.crowd.returns.is_sample = is_sample
        self.incidents = Incidents(scenario.incidents, self.site, self.crowd)

    def build_sessions(self, part: BlockStarts, own: Bools) -> Iterator[Session]:
        """Build the sessions of a block that `own` marks.

        The whole block is drawn, so that the seed and a session's index alone decide what the session does. (With a
        rhythm of days the session's start matters too, because the start decides the country.)
        """
        draws = self.draw(part.number, part.start, own)
        loads, omitted = build_loads(draws, record_events(draws), self.limit)
        unused = build_unused(draws)
        index, keys, at = part.session.tolist(), draws.keys.tolist(), part.start.tolist()
        begins = draws.time.load_begins.tolist()
        for row in np.flatnonzero(own).tolist():
            visitor = self.crowd.make_visitor(draws.people, row)
            rows = slice(begins[row], begins[row + 1])
            visited = tuple(loads[rows])
            loads[rows] = repeat(NOWHERE, len(visited))  # frees the memory of a block's loads session by session
            if row in unused:
                visited = tuple(sorted((*visited, *unused[row]), key=lambda load: load.at))
            session = Session(index[row], keys[row], at[row], visitor, visited, omitted[row])
            self.seeds.pause()
            yield session

    def walk(self, block: int, starts: Floats) -> BlockWalks:
        """Draw a block's visitors, their walks and how long they look at each page, but not the later loads."""
        scenario, site, seeds = self.scenario, self.site, BlockSeeds(self.seeds, block)
        people = self.crowd.draw(block, starts)
        slowness = Slowness(
            seeds.stream("slowness"), people.device, self.crowd.distance[people.country], scenario.telemetry
        )
        exposures = self.incidents.draw_exposures(seeds, people)
        walk, hard, landing = self._walk_visits(seeds, people, slowness, exposures, starts)
        looks = draw_dwell(site, seeds, walk, people.device, scenario.telemetry.tab_switches)
        looks = open_tabs(seeds, walk, hard, looks, scenario.population.new_tab)
        later = self._list_later_loads(people, walk, hard)
        return BlockWalks(people, slowness, exposures, walk, hard, landing, later, looks)

    def draw(self, block: int, starts: Floats, own: Bools = NOBODY) -> BlockDraws:
        """Draw a block: its visitors, walks, loads and times, without its events; pages alone of sessions of `own`."""
        scenario, site, seeds = self.scenario, self.site, BlockSeeds(self.seeds, block)
        drawn = self.walk(block, starts)
        people, walk, hard = drawn.people, drawn.walk, drawn.hard
        blink = self.crowd.are_chromium(people)
        clocks = BrowserClocks(seeds.stream("clocks"), walk.session[hard], blink, scenario.telemetry)
        can_prerender = hard & self.crowd.can_prerender(people)[walk.session]
        leads = draw_leads(site, seeds, walk, can_prerender, drawn.looks)[hard]
        loading, time = self._place_loads(seeds, drawn, leads, clocks)
        planned = at = starts[walk.session] + time.start / TICKS
        view = loading.view
        factor = find_slowdown(drawn.exposures, walk.session[view], walk.page[view], planned[view])
        if factor is not None:
            later = drawn.later._replace(cache_factor=drawn.later.cache_factor * factor[~walk.first[view]])
            loading, time = self._place_loads(seeds, drawn._replace(later=later), leads, clocks)
            at = starts[walk.session] + time.start / TICKS
        people = self.crowd.separate(block, people, starts + time.find_session_ends(walk.begins) / TICKS)
        strikes = hard & (walk.kind != RESTORED)
        hit = find_struck_views(drawn.exposures, seeds, walk, planned, at, strikes)
        seen = number_pages(walk, walk.first if scenario.client.allowCookies else hard)
        browsers, direct = self.crowd.name_browsers(people), scenario.population.direct
        referrers = draw_referrers(seeds.stream("referrals"), browsers, direct)
        pages = PageMaker(walk, seen, time, site, referrers)
        pages.make_sessions(np.flatnonzero(own), walk.begins, seeds.pause)
        return BlockDraws(
            scenario, site, self.crowd, seeds, own, people, drawn.slowness, walk, drawn.looks.looked, loading,
            time, seen, clocks, pages.made, hit, factor,
        )  # fmt: skip

    def _walk_visits(
        self, seeds: BlockSeeds, people: People, slowness: Slowness, exposures: list[Exposure], starts: Floats
    ) -> tuple[Walk, Bools, Loading]:
        """Draw the landing loads first, then the walks; return the walks, which views are full loads, and the landings.

        The order matters because visitors leave more often after a slow landing.
        """
        population, telemetry = self.scenario.population, self.scenario.telemetry
        entry = self.site.entry.pick(seeds.stream("entry").random(len(people.user)))
        everyone = np.arange(len(entry))
        warm = np.where(people.returning, LANDING_AGAIN, LANDING)
        factor = find_slowdown(exposures, everyone, entry, starts)
        warm = warm if factor is None else warm * factor
        again = population.reopened / 2
        kind = Choice([1 - 2 * again, again, again]).pick(seeds.stream("landing kind").random(len(entry)))
        cached = np.where(people.returning, telemetry.cache.first_page_returning, telemetry.cache.first_page_new)
        cached = np.where(kind == NAVIGATE, cached, 1.0)
        known = np.zeros(len(entry), dtype=bool)
        lacking = np.zeros((len(self.site.assets.images), len(entry)), dtype=bool)
        asked = WantedLoads(everyone, everyone, entry, warm, True, kind == BACK, cached, known, lacking)
        landing = draw_loads(seeds.stream("landing"), self.site, telemetry, slowness, asked)
        unrest = (landing.lcp / compute_usual_lcp(telemetry)[people.device]) ** population.impatience
        if population.persistence:
            apart = seeds.stream("persistence").standard_normal(len(entry))
            unrest = unrest * np.exp(population.persistence * apart)
        bfcache = population.bfcache if self.scenario.client.allowCookies else 0.0
        habits = Habits(unrest, population.back, population.reload, bfcache)
        steps = draw_walk(self.site, seeds, entry, habits)
        steps.kind[steps.begins[:-1]] = kind
        hard = steps.first | ~self.site.route[steps.page] | (steps.kind == RELOAD)
        return steps, hard, landing._replace(view=steps.begins[:-1])

    def _list_later_loads(self, people: People, steps: Walk, hard: Bools) -> WantedLoads:
        """List the full loads after the landings."""
        view = np.flatnonzero(hard & ~steps.first)
        session, page, kind = steps.session[view], steps.page[view], steps.kind[view]
        is_known = (steps.page[view - 1] == page) | (kind != NAVIGATE)
        cached = np.where(is_known, 1.0, self.scenario.telemetry.cache.later_pages)
        unseen = find_unseen_images(steps, hard, self.site.assets.images[0])[:, ~steps.first[hard]]
        new, factor = find_new_items(steps)[view], np.full(len(view), LATER)
        lacking = np.stack((*unseen, new)) & ~people.returning[session]
        return WantedLoads(view, session, page, factor, False, kind == BACK, cached, new, lacking)

    def _place_loads(
        self, seeds: BlockSeeds, drawn: BlockWalks, leads: Ints, clocks: BrowserClocks
    ) -> tuple[Loading, Timeline]:
        """Draw all later loads and returns from the back/forward cache, and place all views in time.

        A return takes no time. `leads` has for each load the ticks for which it is prerendered.
        """
        later = draw_loads(seeds.stream("loading"), self.site, self.scenario.telemetry, drawn.slowness, drawn.later)
        loading = join_loads(drawn.landing, later)
        back = drawn.walk.kind[loading.view] == RESTORED
        if back.any():
            loading = restore_loads(seeds.stream("restored"), loading, back)
        if leads.any():
            loading = activate_loads(seeds.stream("activated"), loading, leads)
        loading = measure_loads(loading, clocks, back)
        return loading, build_timeline(drawn.walk, drawn.hard, loading, drawn.looks)
