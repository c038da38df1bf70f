"""Ground truth: which visits each incident hits, and when. It is kept on this side and never sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

import numpy as np

from loadgen.model import Noun
from loadgen.scenario import Incident, Scenario, Spike
from loadgen.traffic.arrivals import ArrivalsLaw, make_arrivals_law, merge_blocks
from loadgen.traffic.block import BlockStarts
from loadgen.traffic.block_draws import BlockDraws
from loadgen.traffic.draws import TICKS, Bools, find_begins
from loadgen.traffic.population import Crowd, People
from loadgen.traffic.rate_curve import compute_strength
from loadgen.traffic.seeds import BLOCK


class IncidentHit(Noun):
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


def find_hits(scenario: Scenario, seed: int, until: float = inf) -> Iterator[IncidentHit]:
    """Every visit that an incident of the scenario hits before run time `until` (seconds), in order of visits."""
    if not scenario.incidents:
        return
    law = make_arrivals_law(scenario, seed)
    yield from merge_blocks(_find_block_hits(law, until), lambda hit: hit.session)


def _find_block_hits(law: ArrivalsLaw, until: float) -> Iterator[tuple[int, Iterable[IncidentHit]]]:
    """The hits of each block that begins before the last incident is over."""
    over = min(max(incident.end for incident in law.scenario.incidents), until)
    none = np.zeros(BLOCK, dtype=bool)
    for part in law.split_starts():
        if part.begin >= over:
            return
        draws = law.blocks.draw(part.number, part.start, none)
        yield (
            part.first,
            [*_find_view_hits(draws, part, until), *_find_spike_hits(draws, law.blocks.spikes, part, until)],
        )


def _find_view_hits(draws: BlockDraws, part: BlockStarts, until: float) -> Iterator[IncidentHit]:
    """The incidents that hit page views."""
    for incident, views in draws.struck:
        session = draws.walk.session[views]
        moments = (draws.time.start[views] / TICKS).tolist()
        edges = find_begins(session, BLOCK).tolist()
        for row in np.unique(session[part.session[session] >= 0]).tolist():
            start, its = float(part.start[row]), moments[edges[row] : edges[row + 1]]
            if begun := [moment for moment in its if start + moment < until]:
                yield _make_hit(draws, incident, part, row, begun)


def _find_spike_hits(draws: BlockDraws, spikes: list[Spike], part: BlockStarts, until: float) -> Iterator[IncidentHit]:
    """All visits that start during a spike in its countries: extra visits cannot be told from usual ones."""
    for spike in spikes:
        came = _is_from(spike, draws.people, draws.crowd) & (compute_strength(spike, part.start) > 0)
        for row in np.flatnonzero(came & (part.start < until) & (part.session >= 0)).tolist():
            yield _make_hit(draws, spike, part, row, [0.0])


def _is_from(spike: Spike, people: People, crowd: Crowd) -> Bools:
    part = np.array([not spike.countries or name in spike.countries for name in crowd.countries])
    here: Bools = part[people.country]
    return here


def _make_hit(draws: BlockDraws, incident: Incident, part: BlockStarts, row: int, moments: list[float]) -> IncidentHit:
    start = float(part.start[row])
    since, until = (round(start + moment, 6) for moment in (moments[0], moments[-1]))
    key, user = int(draws.keys[row]), draws.people.user[row]
    return IncidentHit(
        incident.name, str(incident.kind), int(part.session[row]), key, user, start, since, until, len(moments)
    )
