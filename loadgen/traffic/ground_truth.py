"""Ground truth: which visits each incident has hit, and when. Nothing of it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

import numpy as np

from loadgen.model import Noun
from loadgen.scenario import Incident, Scenario, Spike
from loadgen.traffic.arrivals import ArrivalsLaw, arrivals_law, in_order
from loadgen.traffic.block import BlockStarts
from loadgen.traffic.draws import TICKS, Bools, within
from loadgen.traffic.population import Crowd, People
from loadgen.traffic.seeds import BLOCK
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
    law = arrivals_law(scenario, seed)
    yield from in_order(_blocks_of_hits(law, until), lambda hit: hit.session)


def _blocks_of_hits(law: ArrivalsLaw, until: float) -> Iterator[tuple[int, Iterable[Hit]]]:
    """The hits of each block that begins before the last incident is over."""
    over = min(max(incident.end for incident in law.scenario.incidents), until)
    nobody = np.zeros(BLOCK, dtype=bool)
    for part in law.split_starts():
        if part.begin >= over:
            return
        scene = law.blocks.scene(part.number, part.start, nobody)
        yield part.first, [*_of_views(scene, part, until), *_of_spikes(scene, law.blocks.spikes, part, until)]


def _of_views(scene: Scene, part: BlockStarts, until: float) -> Iterator[Hit]:
    """The incidents that hit page views."""
    for incident, views in scene.struck:
        session = scene.walk.session[views]
        moments = (scene.time.start[views] / TICKS).tolist()
        edges = within(session, BLOCK).tolist()
        for row in np.unique(session[part.session[session] >= 0]).tolist():
            start, its = float(part.start[row]), moments[edges[row] : edges[row + 1]]
            if begun := [moment for moment in its if start + moment < until]:
                yield _hit(scene, incident, part, row, begun)


def _of_spikes(scene: Scene, spikes: list[Spike], part: BlockStarts, until: float) -> Iterator[Hit]:
    """Who came while a spike was on, from where it was; nobody can tell those from the usual ones."""
    for spike in spikes:
        came = _from(spike, scene.people, scene.crowd) & (strength(spike, part.start) > 0)
        for row in np.flatnonzero(came & (part.start < until) & (part.session >= 0)).tolist():
            yield _hit(scene, spike, part, row, [0.0])


def _from(spike: Spike, people: People, crowd: Crowd) -> Bools:
    part = np.array([not spike.countries or name in spike.countries for name in crowd.countries])
    here: Bools = part[people.country]
    return here


def _hit(scene: Scene, incident: Incident, part: BlockStarts, row: int, moments: list[float]) -> Hit:
    start = float(part.start[row])
    since, until = (round(start + moment, 6) for moment in (moments[0], moments[-1]))
    key, user = int(scene.keys[row]), scene.people.user[row]
    return Hit(incident.name, str(incident.kind), int(part.session[row]), key, user, start, since, until, len(moments))
