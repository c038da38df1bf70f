"""Scenario and seed → Demand: all sessions of a run rehearsed, or as many as the wanted precision takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from loadgen import traffic
from loadgen.jobs.plan.batch_profile import Rehearsal, Shapes, weigher
from loadgen.jobs.plan.demand import Demand, sampled, whole
from loadgen.jobs.plan.machine import refuse_too_large
from loadgen.model import Noun, Session
from loadgen.scenario import Scenario
from loadgen.traffic import BLOCK, BLOCKS_EACH, Floats

ALL_UP_TO = 20_000
"""Sessions that are always rehearsed, all of them; more are sampled unless `exact` is asked for."""

PILOT = BLOCKS_EACH * BLOCK
"""Sessions that tell how many a sample takes; a smaller one would not be shared out by whole blocks, so all would be
drawn for it."""

LOOKED_AT = 600  # sessions that are kept to try client settings on
CONFIDENCE = 1.96  # 95 %

Say = Callable[[str], None]


class Draw(Noun):
    """How many sessions stand for how many."""

    sessions: int
    of: int
    cpu_seconds: float  # to draw, plan and encode them, on one core

    @property
    def exact(self) -> bool:
        """Whether every session was rehearsed."""
        return self.sessions == self.of


class Rehearsed(NamedTuple):
    """One monitor's demand, and what it was drawn from."""

    scenario: Scenario
    demand: Demand
    unsampled: Demand  # the same at sample rate 1
    draw: Draw
    shapes: Shapes  # at sample rate 1
    sessions: tuple[Session, ...]  # the first few
    share: int  # one of how many blocks was rehearsed

    @property
    def interval(self) -> tuple[float, float]:
        """Half the 95 % interval of the totals of requests and events, relative; zero when exact."""
        return intervals(self.shapes, self.draw.of)


def rehearse(scenario: Scenario, seed: int, precision: float, exact: bool, say: Say) -> Rehearsed:
    """A monitor's demand; `precision` is the relative half-width of the 95 % interval that a sample must reach."""
    refuse_too_large(scenario.name, traffic.rate(scenario).expected, scenario.duration, exact)
    at = traffic.starts(scenario, seed)
    share = 1 if exact or len(at) <= ALL_UP_TO else _share(scenario, seed, len(at), precision)
    if share > 1:
        say(f"{scenario.name}: rehearsing about {len(at) // share:,} of {len(at):,} sessions")
    begun = time.process_time()
    own, full = (Rehearsal(scenario.client, kept, weigher(scenario)) for kept in (scenario.monitor.sample_rate, 1.0))
    rehearsals = [full] if share > 1 or scenario.monitor.sample_rate == 1 else [own, full]
    for session in _drawn(scenario, seed, share):
        for rehearsal in rehearsals:
            rehearsal.add(session)
    first = tuple(islice(traffic.sessions(scenario, seed, (0, share)), LOOKED_AT))
    return _gathered(scenario, seed, at, rehearsals, begun, first, share)


def _gathered(
    scenario: Scenario,
    seed: int,
    at: Floats,
    rehearsals: list[Rehearsal],
    begun: float,
    first: tuple[Session, ...],
    share: int,
) -> Rehearsed:
    shapes = rehearsals[-1].shapes()
    draw = Draw(shapes.sessions, len(at), time.process_time() - begun)
    name, client, duration = scenario.monitor.name, scenario.client, scenario.duration
    if draw.exact:
        unsampled = whole(name, client, duration, shapes)
        demand = unsampled if len(rehearsals) == 1 else whole(name, client, duration, rehearsals[0].shapes())
    else:
        kept = scenario.monitor.sample_rate
        unsampled = sampled(name, client, duration, shapes, at, 1.0, seed)
        demand = unsampled if kept == 1 else sampled(name, client, duration, shapes, at, kept, seed)
    return Rehearsed(scenario, demand, unsampled, draw, shapes, first, share)


def _drawn(scenario: Scenario, seed: int, share: int) -> Iterator[Session]:
    """The sessions of a share with all that is recorded of them at any sample rate."""
    return traffic.sessions(scenario.adjusted(sample_rate=1.0), seed, (0, share), only_recordable=True)


def _share(scenario: Scenario, seed: int, sessions: int, precision: float) -> int:
    """Every how many-th block of sessions makes a sample of the precision."""
    pilot = Rehearsal(scenario.client, 1.0, lambda batch: (0, 0))
    for session in _drawn(scenario, seed, max(sessions // PILOT, 1)):
        pilot.add(session)
    shapes = pilot.shapes()
    alone = max(intervals(shapes, 10**12)) * math.sqrt(shapes.sessions)  # the interval of a single session
    wanted = max((alone / precision) ** 2, PILOT)
    wanted = wanted / (1 + wanted / sessions)  # a sample of a good part of all is better than that
    return max(int(sessions // max(wanted, PILOT)), 1)


def intervals(shapes: Shapes, of: int) -> tuple[float, float]:
    """Half the 95 % interval of requests and events a session, relative to their means."""
    left = math.sqrt(max(1 - shapes.sessions / of, 0.0)) if of else 0.0
    found = []
    for figure in (shapes.sizes.astype(float), shapes.per_session(shapes.events)):
        mean = float(figure.mean()) if len(figure) else 0.0
        found.append(CONFIDENCE * float(figure.std()) / math.sqrt(len(figure)) / mean * left if mean else 0.0)
    return found[0], found[1]
