"""Rehearse a run: draw, plan and encode its sessions without sending them, all of them or a sample of a wanted
precision; and try other client settings on its first sessions.

Rule: the effect of a setting is a factor on the first attempts of these sessions.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import numpy as np
import psutil

from loadgen import client, traffic
from loadgen.errors import LoadgenError
from loadgen.jobs.plan.batch_profile import BatchProfile, FirstAttempts, ProfileBuilder, profile_batches
from loadgen.jobs.plan.demand import MOST_SLOTS, SLOTS, Demand, choose_slot_length, extrapolate_demand, measure_demand
from loadgen.jobs.plan.double_sampling import Calibration, MeanTraits, count_fewest, count_parts
from loadgen.jobs.plan.figures import SettingEffect
from loadgen.jobs.progress import OnProgress, Ticker, track
from loadgen.model import Noun
from loadgen.planned import PlannedSession, planned
from loadgen.scenario import Scenario

MOST_REHEARSED = 20_000
"""Sessions up to which a run is rehearsed whole; of a longer run a sample is rehearsed, unless `exact` is given."""

TRIED_SESSIONS = 600  # sessions on which client settings are tried
CLOSE_ENOUGH = 1.1  # a sample is good enough if fewer than this times its sessions are wanted

START_BYTES = 32  # memory for an arrival: its start, drawn, sorted and rounded
SESSION_BYTES = 1_200  # memory for a session of about ten batches if every session is kept
LONGEST_EXACT = 5_000_000
"""Sessions that `exact` allows: three quarters of an hour at 0.5 ms a session."""


class SampleSize(Noun):
    """The size of a sample, the run that it represents, and its precision."""

    sessions: int
    run_sessions: int
    cpu_seconds: float  # to draw, plan and encode them, on one core
    walked: int = 0  # sessions of which only the traits were drawn
    intervals: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Half the 95 % intervals of the sums of requests, events and bytes as sent, relative; zero when exact."""

    @property
    def exact(self) -> bool:
        """Whether every session was planned."""
        return self.sessions == self.run_sessions


class RehearsedMonitor(NamedTuple):
    """One monitor's demand, with the sample and the profile that it was computed from."""

    scenario: Scenario
    demand: Demand
    unsampled: Demand  # the demand at sample rate 1
    sample: SampleSize
    profile: BatchProfile  # at sample rate 1
    sessions: tuple[PlannedSession, ...]  # the first few, at sample rate 1, unrecorded events included
    share: int  # one in so many blocks of sessions was rehearsed


def rehearse(scenario: Scenario, seed: int, precision: float, exact: bool, on_progress: OnProgress) -> RehearsedMonitor:
    """Compute a monitor's demand; `precision` is half the relative 95 % interval that a sample must reach.

    Raises LoadgenError if the run is too large for this machine.
    """
    refuse_too_large(scenario.name, traffic.compute_mean_rate(scenario).expected, scenario.duration, exact)
    starts = traffic.draw_starts(scenario, seed)
    rehearsal = Rehearsal(scenario, seed, len(starts), on_progress)
    share = 1 if exact or len(starts) <= MOST_REHEARSED else rehearsal.choose_share(precision)
    rehearsal.run(share)
    sample, profile = rehearsal.represent(precision)
    kept = scenario.monitor.sample_rate
    if sample.exact:
        demand = unsampled = measure_demand(scenario, profile)
        if kept != 1:
            demand = measure_demand(scenario, rehearsal.at_own_rate.build())
    else:
        demand = unsampled = extrapolate_demand(scenario, profile, starts, 1.0, seed)
        if kept != 1:
            demand = extrapolate_demand(scenario, profile, starts, kept, seed)
    first = islice(rehearsal.plan(with_unrecorded=True), TRIED_SESSIONS)
    return RehearsedMonitor(scenario, demand, unsampled, sample, profile, tuple(first), share)


def refuse_too_large(name: str, sessions: float, duration: float, exact: bool) -> None:
    """Raise a LoadgenError that names the size if this machine cannot hold the plan."""
    if choose_slot_length(duration) is None:
        longest = MOST_SLOTS * SLOTS[-1]
        raise LoadgenError(
            f"{name}: a plan of {duration / 86400:,.0f} days is too long, {longest / 86400:.0f} days fit; "
            "give a shorter --duration"
        )
    if exact and sessions > LONGEST_EXACT:
        raise LoadgenError(
            f"{name}: an exact rehearsal of {sessions:,.0f} sessions is too large, {LONGEST_EXACT:,} fit; "
            "leave --exact out and a sample will do"
        )
    wanted, there = sessions * (SESSION_BYTES if exact else START_BYTES), psutil.virtual_memory().total / 2
    if wanted > there:
        raise LoadgenError(
            f"{name}: {sessions:,.0f} sessions are too many: they take {wanted / 1e9:,.1f} GB and "
            f"{there / 1e9:,.1f} GB may be used here, enough for {there / wanted * sessions:,.0f}; "
            "give a lower --rate or a shorter --duration"
        )


class Rehearsal:
    """A rehearsal of every session of a run, or of one in `share` blocks of its sessions."""

    def __init__(self, scenario: Scenario, seed: int, run_sessions: int, on_progress: OnProgress) -> None:
        self._scenario, self._seed, self._run_sessions, self._on_progress = scenario, seed, run_sessions, on_progress
        self._share = 0  # nothing is rehearsed yet
        self._cpu_seconds = 0.0

    def plan(self, with_unrecorded: bool = False) -> Iterator[PlannedSession]:
        """Draw and plan the sessions of the present share, at sample rate 1."""
        return plan_share(self._scenario, self._seed, self._share, with_unrecorded)

    def choose_share(self, precision: float) -> int:
        """Choose n so that one in n blocks of sessions gives this precision; rehearse a small sample to find out."""
        self.run(max(self._run_sessions // count_fewest(self._run_sessions), 1))
        if self._share == 1:
            return 1
        wanted = max(
            each.choose_rehearsed(precision, self._run_sessions) for each in self._calibration.measure_spreads()
        )
        return (
            self._share if wanted < CLOSE_ENOUGH * self._profile.sessions else max(int(self._run_sessions // wanted), 1)
        )

    def run(self, share: int) -> None:
        """Rehearse one in `share` blocks of sessions, unless they were rehearsed last."""
        if share == self._share:
            return
        self._share, scenario, wanted = share, self._scenario, self._run_sessions / share
        if share > 1:
            self._on_progress(f"{scenario.name}: rehearsing about {wanted:,.0f} of {self._run_sessions:,} sessions")
        begun, kept = time.thread_time(), scenario.monitor.sample_rate
        full, self.at_own_rate = ProfileBuilder(scenario), ProfileBuilder(scenario)
        tick = Ticker(self._on_progress, f"rehearsing {scenario.name}", wanted, "sessions")
        for session, plan in track(self.plan(), tick):
            if share == 1 and kept != 1:
                self.at_own_rate.add(session, client.plan(session, scenario.client, kept))
            full.add(session, plan)
        self._profile, self._cpu_seconds = full.build(), time.thread_time() - begun
        if share > 1:
            self._calibration = self._calibrate()

    def represent(self, precision: float) -> tuple[SampleSize, BatchProfile]:
        """Return the sample's size and precision, and its profile, weighted to represent the run."""
        profile, run_sessions = self._profile, self._run_sessions
        size = SampleSize(profile.sessions, run_sessions, self._cpu_seconds)
        if size.exact:
            return size, profile
        calibration = self._calibration
        wanted = max(
            each.choose_walked(precision, profile.sessions, run_sessions) for each in calibration.measure_spreads()
        )
        walked = self._walk(max(int(run_sessions // max(wanted, profile.sessions)), 1))
        requests, events, wire_bytes = (
            each.measure_interval(profile.sessions, walked.visits, run_sessions)
            for each in calibration.measure_spreads(walked)
        )
        size = msgspec.structs.replace(size, walked=walked.visits, intervals=(requests, events, wire_bytes))
        return size, profile._replace(weights=calibration.weigh(walked))

    def _calibrate(self) -> Calibration:
        drawn = list(traffic.draw_traits(self._scenario, self._seed, (0, self._share)))
        index, traits = (np.concatenate(column) for column in zip(*drawn, strict=True))
        return Calibration(traits[np.argsort(index)], self._profile)

    def _walk(self, share: int) -> MeanTraits:
        """Draw the traits of one in `share` blocks of sessions."""
        tick = Ticker(self._on_progress, f"walking {self._scenario.name}", self._run_sessions / share, "sessions")
        drawn = traffic.draw_traits(self._scenario, self._seed, (0, share))
        parts = count_parts(self._profile.sessions)
        return MeanTraits.sum_up(track(drawn, tick, lambda block: len(block[0])), parts, self._run_sessions)


def plan_share(scenario: Scenario, seed: int, share: int, with_unrecorded: bool = False) -> Iterator[PlannedSession]:
    """Draw and plan the sessions of one in `share` blocks of the run's sessions, at sample rate 1."""
    whole = scenario.adjust(sample_rate=1.0)
    return planned(whole, seed, (0, share), with_unrecorded=with_unrecorded, is_sample=share > 1)


class ExpectedVolume(Noun):
    """Requests and events of first attempts that are due before a run's end."""

    sessions: int
    requests: int
    events: int
    exact: bool  # False: extrapolated from the first MOST_REHEARSED sessions


def estimate_volume(scenario: Scenario, seed: int) -> ExpectedVolume:
    """Estimate what a run will send: exact up to 20,000 sessions, else in proportion to the first 20,000."""
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


SETTINGS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("batchLimit", (25, 50, 100)),
    ("dispatchInterval", (2_500, 5_000, 10_000, 30_000)),
    ("compression", (False, True)),
    ("resourceEventLimit", (0, 10)),
    ("sessionEventLimit", (50, 100, 200, 0)),
)
"""Settings of aws-rum-web and values to try, their defaults included; for sessionEventLimit 0 means no limit."""


def try_settings(monitor: RehearsedMonitor, seed: int) -> tuple[SettingEffect, ...]:
    """Try each setting alone, at each value that the scenario does not have, on a monitor's first sessions."""
    unchanged = profile_batches(monitor.sessions, monitor.scenario).attempts
    return tuple(
        _try_setting(monitor, seed, unchanged, name, value)
        for name, values in SETTINGS
        for value in values
        if value != getattr(monitor.scenario.client, name)
    )


def _try_setting(
    monitor: RehearsedMonitor, seed: int, unchanged: FirstAttempts, name: str, value: float | bool
) -> SettingEffect:
    changed = monitor.scenario.client.model_copy(update={name: value})
    scenario = monitor.scenario.model_copy(update={"client": changed})
    sessions: Iterable[PlannedSession] = (
        (session, client.plan(session, changed, 1.0)) for session, _ in monitor.sessions
    )
    if name == "resourceEventLimit":  # it changes the events of page loads, so the sessions must be drawn again
        drawn = plan_share(scenario, seed, monitor.share, with_unrecorded=True)
        sessions = islice(drawn, len(monitor.sessions))
    tried = profile_batches(sessions, scenario).attempts

    def compute_factor(after: float, before: float) -> float:
        return after / before if before else 1.0

    return SettingEffect(
        name,
        value,
        compute_factor(len(tried.due), len(unchanged.due)),
        compute_factor(float(tried.events.sum()), float(unchanged.events.sum())),
        compute_factor(float(tried.wire_bytes.sum()), float(unchanged.wire_bytes.sum())),
    )
