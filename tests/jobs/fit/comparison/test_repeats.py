"""The traffic of a comparison: several seeds where sessions are few, so that no seed's chance calls a figure off."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from loadgen.jobs.fit import judge_scenario
from loadgen.jobs.fit.calibration.generated import record_generated
from loadgen.jobs.fit.comparison.repeats import (
    ENOUGH_EVENTS,
    MOST_GENERATED,
    MOST_REPEATS,
    RepeatedTraffic,
    count_repeats,
)
from loadgen.jobs.fit.estimates.estimate import see_visits
from loadgen.jobs.progress import ignore_progress
from loadgen.scenario import Scenario
from loadgen.verb_options import FitOptions
from tests.jobs.fit.round_trip import stretch

SESSIONS, EVENTS = 60, 3000
START = datetime(2026, 1, 1, 12, tzinfo=UTC)

SLOW, NOTICED = 2000, 0.05
"""Sessions with which seed 0 has slow networks and machines by 3.0 and 2.4 standard deviations; the part of the figures
that chance may call off."""


def load_lean() -> Scenario:
    """Load the quickstart without files, calls and clicks, whose events are few."""
    scenario = Scenario.load("quickstart")
    resources = scenario.telemetry.resources.model_copy(update={"image": 0, "stylesheet": 0, "script": 1, "font": 0})
    telemetry = scenario.telemetry.model_copy(update={"resources": resources})
    monitor = scenario.monitor.model_copy(update={"telemetries": ("performance",)})
    return scenario.model_copy(update={"telemetry": telemetry, "monitor": monitor})


@pytest.mark.parametrize(
    ("sessions", "events", "repeats"),
    [
        (60, 3000, MOST_REPEATS),
        (2000, ENOUGH_EVENTS // 3 + 1, 3),
        (8000, ENOUGH_EVENTS // 2 + 1, 2),
        (20_000, ENOUGH_EVENTS, 1),
        (MOST_GENERATED // 2, ENOUGH_EVENTS // 4, 2),
        (MOST_GENERATED, 1, 1),
        (0, 0, MOST_REPEATS),
    ],
)
def test_few_sessions_are_generated_with_several_seeds_and_many_with_one(
    sessions: int, events: int, repeats: int
) -> None:
    assert count_repeats(sessions, events) == repeats


def test_each_seed_gives_the_traffic_of_the_whole_time_to_visitors_of_its_own() -> None:
    scenario = stretch(load_lean(), SESSIONS)
    repeats = RepeatedTraffic(scenario, SESSIONS, EVENTS, 5)
    recorded = repeats.record(START.isoformat(), ignore_count)
    assert (
        len(recorded.sessions.user) == sum(repeats.sessions.values()) == pytest.approx(MOST_REPEATS * SESSIONS, rel=0.2)
    )
    assert recorded.counts.duplicates == 0
    first = recorded.events.at[np.unique(recorded.events.session, return_index=True)[1]] - START.timestamp()
    assert np.median(first) == pytest.approx(scenario.duration / 2, rel=0.2)


def test_comparisons_with_seeds_near_each_other_share_no_seed() -> None:
    scenario = stretch(load_lean(), SESSIONS)
    seeds = [seed for first in range(10) for seed in RepeatedTraffic(scenario, SESSIONS, EVENTS, first).sessions]
    assert len(set(seeds)) == len(seeds) == 10 * MOST_REPEATS
    assert set(range(10)) <= set(seeds)


def test_the_slow_visitors_of_seed_0_call_nothing_of_loadgens_own_traffic_off() -> None:
    """With seed 0 alone 6 of 46 figures are off: that seed's first visitors are slow by chance."""
    scenario = stretch(load_lean(), SLOW)
    reference = see_visits(record_generated(scenario, SLOW, 3), 5)
    judgement = judge_scenario(scenario, reference, FitOptions(), 0, ignore_progress)
    vitals = [each for each in judgement.comparisons if each.name.startswith(("LCP", "FCP", "TTFB"))]
    assert len([each for each in vitals if each.verdict != "too little data"]) >= 10
    assert sum(each.verdict == "off" for each in judgement.comparisons) <= NOTICED * len(judgement.comparisons)


def ignore_count(count: int) -> None:
    """Do nothing with the number of events."""
