"""A block of session indices → the sessions of one share, everything drawn at once for the whole block."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple

import numpy as np

from loadgen.model import Event, Load, Session
from loadgen.rum.events import HELD_UNTIL_HIDDEN
from loadgen.scenario import Scenario, Spike
from loadgen.traffic.draws import TICKS, Bools, Floats, Ints
from loadgen.traffic.incidents import Exposure, Incidents, slowed, struck
from loadgen.traffic.journey import RELOAD, RESTORED, Habits, Walk, dwell, entries, walk
from loadgen.traffic.page_manager import Pages, Referrals, visits
from loadgen.traffic.population import Crowd, People
from loadgen.traffic.seeds import Seeds
from loadgen.traffic.session_limit import NO_LIMIT, Room
from loadgen.traffic.site import Site
from loadgen.traffic.telemetry.block_draws import Drawn, Scene
from loadgen.traffic.telemetry.column import CUSTOM_RANK, RANK, RANKS, Column
from loadgen.traffic.telemetry.columns import columns
from loadgen.traffic.telemetry.loading import Asked, Loading, Slowness, joined, load, restored, usual_lcp, warmth
from loadgen.traffic.timeline import FAR_TICK, timeline

NOWHERE = Load(0.0, 0.0, (), ())
"""Stands for a load that belongs to another share."""

PAGES_PIECE = 32
"""Sessions whose pages are made between two pauses."""


class BlockStarts(NamedTuple):
    """Which sessions of a run a block holds, and when they start; a row for each of the block's sessions."""

    number: int  # of the block, which names its random streams
    session: Ints  # Session.index; -1: the run has no such session
    start: Floats  # seconds from the run's zero

    @property
    def first(self) -> int:
        """The least Session.index in the block."""
        return int(self.session[self.session >= 0].min())

    @property
    def begin(self) -> float:
        """When its first session starts."""
        return float(self.start[self.session >= 0].min())


class Visited(NamedTuple):
    """Walks of a block, and what is known of their loads."""

    walk: Walk
    hard: Bools  # views that are full loads
    landing: Loading
    later: Asked


class Blocks:
    """Draws blocks of one scenario and seed."""

    def __init__(self, scenario: Scenario, seeds: Seeds, only_recordable: bool = False) -> None:
        self.scenario, self.seeds = scenario, seeds
        self.room = Room.of(scenario) if only_recordable else NO_LIMIT
        self.site = Site(scenario)
        self.spikes = [each for each in scenario.incidents if isinstance(each, Spike)]
        self.crowd = Crowd(scenario, self.seeds)
        self.incidents = Incidents(scenario.incidents, self.site, self.crowd)

    def sessions(self, part: BlockStarts, own: Bools) -> Iterator[Session]:
        """The own ones among the sessions of a block.

        Whole blocks are drawn: what session k does follows from seed and k alone (with a day's rhythm, also from when
        it starts: that decides the country).
        """
        scene = self.scene(part.number, part.start, own)
        loads, beyond = _loads(scene, columns(scene), self.room)
        index, keys, at = part.session.tolist(), scene.keys.tolist(), part.start.tolist()
        begins = scene.time.load_begins.tolist()
        for row in np.flatnonzero(own).tolist():
            visitor = self.crowd.visitor(scene.people, row)
            lived = slice(begins[row], begins[row + 1])
            session = Session(index[row], keys[row], at[row], visitor, tuple(loads[lived]), beyond[row])
            loads[lived] = repeat(NOWHERE, len(session.loads))  # so that no block is let go of in one go
            yield session

    def scene(self, block: int, starts: Floats, own: Bools) -> Scene:
        """Everything drawn of a block before its events."""
        scenario, site, seeds = self.scenario, self.site, self.seeds
        people = self.crowd.draw(block, starts)
        slowness = Slowness(
            seeds.stream("slowness", block), people.device, self.crowd.distance[people.country], scenario.telemetry
        )
        exposures = self.incidents.exposures(seeds, block, people)
        steps, hard, landing, asked = self._visits(block, people, slowness, exposures, starts)
        looks = dwell(site, seeds, block, steps, people.device, scenario.telemetry.tab_switches)
        loading = self._loading(block, steps, landing, asked, slowness)
        time = timeline(steps, hard, loading, looks)
        planned = at = starts[steps.session] + time.start / TICKS
        view = loading.view
        factor = slowed(exposures, steps.session[view], steps.page[view], planned[view])
        if factor is not None:
            asked = asked._replace(warmth=asked.warmth * factor[~steps.first[view]])
            loading = self._loading(block, steps, landing, asked, slowness)
            time = timeline(steps, hard, loading, looks)
            at = starts[steps.session] + time.start / TICKS
        hit = struck(exposures, seeds, block, (steps.session, steps.page, planned, at), hard & (steps.kind != RESTORED))
        seen = visits(steps, steps.first if scenario.client.allowCookies else hard)
        pages = Pages(steps, seen, time, site, Referrals(seeds.stream("referrals", block), len(own)))
        begins = steps.begins.tolist()
        for row in np.flatnonzero(own).tolist():
            pages.session(row, begins[row], begins[row + 1])
            if row % PAGES_PIECE == 0:
                seeds.pause()
        drawn = Drawn(people, slowness, steps, looks.looked, loading, time, seen, pages, hit, factor)
        return Scene(scenario, site, self.crowd, seeds, block, own, drawn)

    def _visits(
        self, block: int, people: People, slowness: Slowness, exposures: list[Exposure], starts: Floats
    ) -> Visited:
        """Walks and their landings, which load first, because a slow one drives visitors away."""
        population, telemetry = self.scenario.population, self.scenario.telemetry
        entry = entries(self.site, self.seeds, block, len(people.user))
        everyone = np.arange(len(entry))
        warm = warmth(True, people.returning)
        factor = slowed(exposures, everyone, entry, starts)
        warm = warm if factor is None else warm * factor
        asked = Asked(everyone, everyone, self.site.slowness[entry], warm, True)
        landing = load(self.seeds.stream("landing", block), telemetry, slowness, asked)
        unrest = (landing.lcp / usual_lcp(telemetry)[people.device]) ** population.impatience
        cached = population.bfcache if self.scenario.client.allowCookies else 0.0
        habits = Habits(unrest, population.back, population.reload, cached)
        steps = walk(self.site, self.seeds, block, entry, habits)
        hard = steps.first | ~self.site.route[steps.page] | (steps.kind == RELOAD)
        view = np.flatnonzero(hard & ~steps.first)
        session, page = steps.session[view], self.site.slowness[steps.page[view]]
        later = Asked(view, session, page, warmth(False, people.returning[session]), False)
        return Visited(steps, hard, landing._replace(view=steps.begins[:-1]), later)

    def _loading(self, block: int, steps: Walk, landing: Loading, asked: Asked, slowness: Slowness) -> Loading:
        """All loads: the landings, those after them, and returns from the cache, which take no time."""
        later = load(self.seeds.stream("loading", block), self.scenario.telemetry, slowness, asked)
        loading = joined(landing, later)
        back = steps.kind[loading.view] == RESTORED
        return restored(self.seeds.stream("restored", block), loading, back) if back.any() else loading


def _loads(scene: Scene, families: list[Column], room: Room) -> tuple[list[Load], list[int]]:
    """The block's own loads with their events in the order of recording, and how many each session has no room for."""
    lengths = [len(family.at) for family in families]
    at = np.concatenate([family.at for family in families])
    load_of = scene.time.load[np.concatenate([family.view for family in families])]
    rank = np.repeat([RANK.get(family.type, CUSTOM_RANK) for family in families], lengths)
    simple = np.repeat([family.type not in HELD_UNTIL_HIDDEN for family in families], lengths)
    scene.seeds.pause()
    order = np.argsort((load_of * FAR_TICK + at) * RANKS + rank, kind="stable")  # lexsort takes seven times as long
    beyond = np.zeros(len(at), dtype=bool)
    session = scene.load_session[load_of[order]]
    beyond[order] = room.lacks(scene.keys.tolist(), session, at[order], simple[order])
    made = _events(scene, families, np.split(~beyond, np.cumsum(lengths)[:-1]))
    order = order[~beyond[order]]
    place = np.cumsum(~beyond) - 1
    events = [made[index] for index in place[order].tolist()]
    edges = np.searchsorted(load_of[order], np.arange(scene.loads + 1)).tolist()
    left_out = np.bincount(scene.load_session[load_of[beyond]], minlength=len(scene.own_sessions)).tolist()
    scene.seeds.pause()
    hides = _hides(scene)
    start, ready = scene.time.start[scene.loading.view], scene.time.noticed[scene.loading.view]
    loads = [NOWHERE] * scene.loads
    starts, readies = (start / TICKS).tolist(), (ready / TICKS).tolist()
    for row in scene.own_loads.tolist():
        loads[row] = Load(starts[row], readies[row], hides[row], tuple(events[edges[row] : edges[row + 1]]))
    return loads, left_out


def _events(scene: Scene, families: list[Column], wanted: list[Bools]) -> list[Event]:
    """The wanted events of each family, one family after the other."""
    made: list[Event] = []
    for family, mask in zip(families, wanted, strict=True):
        rows = np.flatnonzero(mask)
        ids = scene.ids(family.named.purpose, family.named.row[rows], family.named.total)
        moments = (family.at[rows] / TICKS).tolist()
        pages = scene.pages_of(family.view[rows])
        made += scene.seeds.listed(map(Event, ids, moments, repeat(family.type), family.details(rows), pages))
    return made


def _hides(scene: Scene) -> list[tuple[float, ...]]:
    """When each load's page is hidden: tab switches, and its end."""
    ends = (scene.time.load_end / TICKS).tolist()
    hides: list[tuple[float, ...]] = [(end,) for end in ends]
    for view in np.flatnonzero(scene.time.away >= 0)[::-1].tolist():
        load = int(scene.time.load[view])
        hides[load] = (float(scene.time.away[view]) / TICKS, *hides[load])
    return hides
