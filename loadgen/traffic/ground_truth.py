"""What a scenario does, in figures: the visits that each incident hits (never sent), and averages of its visits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from typing import NamedTuple

import numpy as np

from loadgen.model import Noun
from loadgen.scenario import Incident, Scenario
from loadgen.traffic.arrivals import ArrivalsLaw, make_arrivals_law, merge_blocks
from loadgen.traffic.block import BlockStarts
from loadgen.traffic.block_draws import BlockDraws
from loadgen.traffic.draws import BLOCK, TICKS, find_begins
from loadgen.traffic.population import DEVICES
from loadgen.traffic.rate_curve import compute_strength, list_spikes


class IncidentHit(Noun):
    """One visit that an incident hits; times are seconds from the run's zero."""

    incident: str
    kind: str
    session: int  # Session.index
    key: int  # Session.key
    user_id: str
    start: float
    first: float  # when the first page view or load that is hit begins
    last: float  # when the last one begins
    views: int  # number of page views or loads that are hit; 1 for a spike, which hits the visit as a whole


def find_hits(scenario: Scenario, seed: int, until: float = inf) -> Iterator[IncidentHit]:
    """Yield each visit that an incident of the scenario hits before run second `until`, in order of visits."""
    if not scenario.incidents:
        return
    law = make_arrivals_law(scenario, seed)
    yield from merge_blocks(_find_block_hits(law, until), lambda hit: hit.session)


def _find_block_hits(law: ArrivalsLaw, until: float) -> Iterator[tuple[int, Iterable[IncidentHit]]]:
    """Yield the hits of each block that begins before the last incident is over."""
    over = min(max(incident.end for incident in law.scenario.incidents), until)
    for part in law.split_starts():
        if part.begin >= over:
            return
        draws = law.blocks.draw(part.number, part.start)
        yield part.first, [*_find_view_hits(draws, part, until), *_find_spike_hits(draws, part, until)]


def _find_view_hits(draws: BlockDraws, part: BlockStarts, until: float) -> Iterator[IncidentHit]:
    """Yield the hits of incidents that hit page views."""
    for incident, views in draws.struck:
        session = draws.walk.session[views]
        moments = (draws.time.start[views] / TICKS).tolist()
        edges = find_begins(session, BLOCK).tolist()
        for row in np.unique(session[part.session[session] >= 0]).tolist():
            start, of_session = float(part.start[row]), moments[edges[row] : edges[row + 1]]
            if begun := [moment for moment in of_session if start + moment < until]:
                yield _make_hit(draws, incident, part, row, begun)


def _find_spike_hits(draws: BlockDraws, part: BlockStarts, until: float) -> Iterator[IncidentHit]:
    """Yield all visits that start during a spike in its countries: extra and usual visits cannot be distinguished."""
    for spike in list_spikes(draws.scenario):
        hit = np.array([not spike.countries or name in spike.countries for name in draws.crowd.countries])
        came = hit[draws.people.country] & (compute_strength(spike, part.start) > 0)
        for row in np.flatnonzero(came & (part.start < until) & (part.session >= 0)).tolist():
            yield _make_hit(draws, spike, part, row, [0.0])


def _make_hit(draws: BlockDraws, incident: Incident, part: BlockStarts, row: int, moments: list[float]) -> IncidentHit:
    start = float(part.start[row])
    since, until = (round(start + moment, 6) for moment in (moments[0], moments[-1]))
    key, user = int(draws.keys[row]), draws.people.user[row]
    return IncidentHit(
        incident.name, str(incident.kind), int(part.session[row]), key, user, start, since, until, len(moments)
    )


SAMPLE_BLOCKS = 40
"""Blocks of sessions in the sample; the bounce rate's standard error is then 0.7 percentage points."""


GOLDEN = 0.618033988749895
"""The golden ratio's fraction, whose multiples modulo 1 fill an interval evenly."""


class Description(NamedTuple):
    """Figures of a scenario's visits; all but the first two are measured on a drawn sample."""

    sessions: float  # expected in the run
    peak_rate: float  # highest mean rate of arrivals, sessions per second
    bounce: float  # share of visits with one page view
    pages: float  # mean page views of a visit
    pages_median: float
    seconds: float  # mean length of a visit
    seconds_median: float
    returning: float
    devices: dict[str, float]  # shares of visits
    views: dict[str, float]  # share of page views of each page


def describe(scenario: Scenario) -> Description:
    """Draw a sample of a scenario's visits and measure it; a scenario always gives the same figures."""
    law = make_arrivals_law(scenario)
    blocks, rate, count = law.blocks, law.mean_curve, law.count_sample_blocks(SAMPLE_BLOCKS)
    spread = np.asarray(np.arange(count * BLOCK) * GOLDEN % 1, dtype=np.float64)  # covers days and nights evenly
    starts = rate.find_times(spread * rate.expected).reshape(count, BLOCK)
    samples = [blocks.draw(block, starts[block]) for block in range(count)]
    pages = np.concatenate([np.bincount(each.walk.session[each.seen.new], minlength=BLOCK) for each in samples])
    seconds = np.concatenate([sample.time.find_session_ends(sample.walk.begins) for sample in samples]) / TICKS
    devices = np.bincount(np.concatenate([sample.people.device for sample in samples]), minlength=len(DEVICES))
    views = np.bincount(
        np.concatenate([sample.walk.page[sample.seen.new] for sample in samples]), minlength=blocks.site.end
    )
    return Description(
        sessions=rate.expected,
        peak_rate=float(rate.rates.max()),
        bounce=float((pages == 1).mean()),
        pages=float(pages.mean()),
        pages_median=float(np.median(pages)),
        seconds=float(seconds.mean()),
        seconds_median=float(np.median(seconds)),
        returning=float(np.concatenate([sample.people.returning for sample in samples]).mean()),
        devices=dict(zip(DEVICES, (devices / devices.sum()).tolist(), strict=True)),
        views=dict(zip(blocks.site.names, (views / views.sum()).tolist(), strict=True)),
    )
