"""Ground truth: which visits each incident has hit, and when. Nothing of it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import msgspec
import numpy as np

from loadgen.model import Noun
from loadgen.scenario import Scenario
from loadgen.scenario.incidents import Incident, Spike
from loadgen.traffic import closed
from loadgen.traffic.block import Blocks
from loadgen.traffic.draws import TICKS, Bools, Floats
from loadgen.traffic.population import Crowd, People
from loadgen.traffic.seeds import BLOCK
from loadgen.traffic.start_times import starts
from loadgen.traffic.surges import strength
from loadgen.traffic.telemetry.block_draws import Scene


class Hit(Noun):
    """One visit that an incident has hit; times are seconds from the run's zero."""

    incident: str
    kind: str
    session: int  # Session.index
    key: int  # Session.key
    user_id: str
    start: float
    first: float  # when the first page view or load that it hit began
    last: float
    views: int  # page views or loads that it hit; for a spike the visit itself, 1


def hits(scenario: Scenario, seed: int, until: float = inf) -> Iterator[Hit]:
    """Every visit that an incident of the scenario hits, in order of visits, as far as the run came, `until`."""
    if not scenario.incidents:
        return
    if scenario.arrivals.visitors is not None:
        yield from _of_a_closed_population(scenario, seed, scenario.arrivals.visitors, until)
        return
    blocks, begin = Blocks(scenario, seed), starts(scenario, seed)
    blocks.crowd.begun = begin
    over = min(max(incident.end for incident in scenario.incidents), until)
    nobody = np.zeros(BLOCK, dtype=bool)
    for block, first in enumerate(range(0, int(np.searchsorted(begin, over)), BLOCK)):
        part = begin[first : first + BLOCK]
        scene = blocks.scene(block, np.pad(part, (0, BLOCK - len(part)), mode="edge"), nobody)
        found = [*_of_views(scene, part, first, until), *_of_spikes(scene, blocks.spikes, part, first, until)]
        yield from sorted(found, key=lambda hit: hit.session)


def _of_a_closed_population(scenario: Scenario, seed: int, visitors: int, until: float) -> Iterator[Hit]:
    """The same for visits that are not drawn in the order of their start."""
    blocks = Blocks(scenario, seed)
    known = closed.visits(blocks, visitors, scenario.duration)
    found: list[Hit] = []
    for number in np.unique(known.block).tolist():
        ranks = np.flatnonzero(known.block == number)
        begin, rank_of = np.full(BLOCK, scenario.duration), np.full(BLOCK, -1)
        begin[known.row[ranks]], rank_of[known.row[ranks]] = known.start[ranks], ranks
        scene = blocks.scene(number, begin, np.zeros(BLOCK, dtype=bool))
        hit = (each for each in _of_views(scene, begin, 0, until) if rank_of[each.session] >= 0)
        found += [msgspec.structs.replace(each, session=int(rank_of[each.session])) for each in hit]
    yield from sorted(found, key=lambda hit: hit.session)


def _of_views(scene: Scene, begin: Floats, first: int, until: float) -> Iterator[Hit]:
    """The incidents that hit page views."""
    for incident, views in scene.struck:
        session = scene.walk.session[views]
        moments = (scene.time.start[views] / TICKS).tolist()
        edges = np.searchsorted(session, np.arange(len(begin) + 1)).tolist()
        for row in np.unique(session[session < len(begin)]).tolist():
            start, its = float(begin[row]), moments[edges[row] : edges[row + 1]]
            if begun := [moment for moment in its if start + moment < until]:
                yield _hit(scene, incident, (row, first), start, begun)


def _of_spikes(scene: Scene, spikes: list[Spike], begin: Floats, first: int, until: float) -> Iterator[Hit]:
    """Who came while a spike was on, from where it was; nobody can tell those from the usual ones."""
    for spike in spikes:
        came = _from(spike, scene.people, scene.crowd)[: len(begin)] & (strength(spike, begin) > 0) & (begin < until)
        for row in np.flatnonzero(came).tolist():
            yield _hit(scene, spike, (row, first), float(begin[row]), [0.0])


def _from(spike: Spike, people: People, crowd: Crowd) -> Bools:
    part = np.array([not spike.countries or name in spike.countries for name in crowd.countries])
    here: Bools = part[people.country]
    return here


def _hit(scene: Scene, incident: Incident, place: tuple[int, int], start: float, moments: list[float]) -> Hit:
    row, first = place
    since, until = (round(start + moment, 6) for moment in (moments[0], moments[-1]))
    key, user = int(scene.keys[row]), scene.people.user[row]
    return Hit(incident.name, str(incident.kind), first + row, key, user, start, since, until, len(moments))
