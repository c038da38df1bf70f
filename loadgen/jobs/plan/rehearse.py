"""Scenario and seed → what a run sends, without sending it: every session planned, or a sample of a wanted
precision."""

from __future__ import annotations

import math
import time
from itertools import islice
from typing import NamedTuple

from loadgen import client, traffic
from loadgen.jobs.plan.batch_profile import BatchProfile, ProfileBuilder, make_batch_measure, profile_batches
from loadgen.jobs.plan.demand import Demand, extrapolate_demand, measure_demand
from loadgen.jobs.plan.machine import refuse_too_large
from loadgen.jobs.progress import OnProgress, Ticker, track
from loadgen.model import Noun
from loadgen.planned import PlannedSession, planned
from loadgen.scenario import Scenario
from loadgen.traffic import BLOCK, BLOCKS_EACH

MOST_REHEARSED = 20_000
"""Runs with up to so many sessions are rehearsed whole; of longer ones a sample is, unless `exact` is asked for."""

PILOT = BLOCKS_EACH * BLOCK
"""Sessions from which the sample's size is computed. A smaller sample would not consist of whole blocks of sessions, so
that all sessions would be drawn for it."""

TRIED_SESSIONS = 600  # sessions that are kept to try client settings on
CONFIDENCE = 1.96  # standard deviations of a two-sided interval of 95 %


class SampleSize(Noun):
    """How many sessions stand for how many."""

    sessions: int
    of: int
    cpu_seconds: float  # to draw, plan and encode them, on one core

    @property
    def exact(self) -> bool:
        """Whether every session was planned."""
        return self.sessions == self.of


class RehearsedMonitor(NamedTuple):
    """One monitor's demand, and what it was made from."""

    scenario: Scenario
    demand: Demand
    unsampled: Demand  # the same at sample rate 1
    sample: SampleSize
    profile: BatchProfile  # at sample rate 1
    sessions: tuple[PlannedSession, ...]  # the first few, at sample rate 1, unrecorded events included
    share: int  # one of so many blocks of sessions was planned

    @property
    def interval(self) -> tuple[float, float]:
        """Half the 95 % interval of the totals of requests and events, relative; zero when exact."""
        return estimate_intervals(self.profile, self.sample.of)


def rehearse(scenario: Scenario, seed: int, precision: float, exact: bool, on_progress: OnProgress) -> RehearsedMonitor:
    """A monitor's demand; `precision` is half the 95 % interval, relative, that a sample must reach.

    Raises LoadgenError if the run is too large for this machine.
    """
    refuse_too_large(scenario.name, traffic.compute_mean_rate(scenario).expected, scenario.duration, exact)
    starts = traffic.draw_starts(scenario, seed)
    share = (
        1
        if exact or len(starts) <= MOST_REHEARSED
        else _choose_share(scenario, seed, len(starts), precision, on_progress)
    )
    if share > 1:
        on_progress(f"{scenario.name}: rehearsing about {len(starts) // share:,} of {len(starts):,} sessions")
    begun = time.process_time()
    kept = scenario.monitor.sample_rate
    full, own = (ProfileBuilder(make_batch_measure(scenario), scenario.client) for _ in range(2))
    tick = Ticker(on_progress, f"rehearsing {scenario.name}", len(starts) / share, "sessions")
    for session, plan in track(planned(record_all(scenario), seed, (0, share)), tick):
        if share == 1 and kept != 1:
            own.add(session, client.plan(session, scenario.client, kept))
        full.add(session, plan)
    profile = full.build()
    sample = SampleSize(profile.sessions, len(starts), time.process_time() - begun)
    if sample.exact:
        demand = unsampled = measure_demand(scenario, profile)
        if share == 1 and kept != 1:
            demand = measure_demand(scenario, own.build())
    else:
        demand = unsampled = extrapolate_demand(scenario, profile, starts, 1.0, seed)
        if kept != 1:
            demand = extrapolate_demand(scenario, profile, starts, kept, seed)
    first = islice(planned(record_all(scenario), seed, (0, share), with_unrecorded=True), TRIED_SESSIONS)
    return RehearsedMonitor(scenario, demand, unsampled, sample, profile, tuple(first), share)


def record_all(scenario: Scenario) -> Scenario:
    """The scenario at sample rate 1."""
    return scenario.adjust(sample_rate=1.0)


def _choose_share(scenario: Scenario, seed: int, sessions: int, precision: float, on_progress: OnProgress) -> int:
    """The n for which one of n blocks of sessions makes a sample of the precision."""
    pilot = planned(record_all(scenario), seed, (0, max(sessions // PILOT, 1)))
    tick = Ticker(on_progress, f"sampling {scenario.name}", PILOT, "sessions")
    profile = profile_batches(track(pilot, tick), lambda batch: (0, 0, batch.beacon), scenario.client)
    one_session = max(estimate_intervals(profile, 10**12)) * math.sqrt(profile.sessions)
    wanted = max((one_session / precision) ** 2, PILOT)
    wanted = wanted / (1 + wanted / sessions)  # the finite population correction
    return max(int(sessions // max(wanted, PILOT)), 1)


def estimate_intervals(profile: BatchProfile, of: int) -> tuple[float, float]:
    """Half the 95 % interval of requests and events a session, relative to their means; `of`: sessions of the run."""
    left = math.sqrt(max(1 - profile.sessions / of, 0.0)) if of else 0.0
    found = []
    for figure in (profile.batches_per_session.astype(float), profile.sum_by_session(profile.events)):
        mean = float(figure.mean()) if len(figure) else 0.0
        found.append(CONFIDENCE * float(figure.std()) / math.sqrt(len(figure)) / mean * left if mean else 0.0)
    return found[0], found[1]


class ExpectedVolume(Noun):
    """Requests and events of first attempts that are due before a run's end."""

    sessions: int
    requests: int
    events: int
    exact: bool  # False: extrapolated from the first sessions


def estimate_volume(scenario: Scenario, seed: int) -> ExpectedVolume:
    """What a run will send: exact up to 20,000 sessions, extrapolated in proportion from the first ones above."""
    requests = events = sessions = 0
    remaining = planned(scenario, seed)
    for _, plan in islice(remaining, MOST_REHEARSED):
        sessions += 1
        for batch in plan.batches:
            if batch.due < scenario.duration:
                requests += 1
                events += len(batch.events)
    if next(remaining, None) is None:
        return ExpectedVolume(sessions, requests, events, True)
    total = traffic.compute_mean_rate(scenario).expected
    return ExpectedVolume(round(total), round(requests * total / sessions), round(events * total / sessions), False)
