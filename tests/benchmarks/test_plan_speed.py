"""A plan of a million sessions beside a simple sample of the same precision, rehearsed in the same run."""

from __future__ import annotations

import time

import pytest

from loadgen import traffic
from loadgen.jobs.plan.day import spread_over_day
from loadgen.jobs.plan.double_sampling import CONFIDENCE, WALK_COST
from loadgen.jobs.plan.rehearse import RehearsedMonitor, rehearse
from loadgen.jobs.progress import ignore_progress
from loadgen.scenario import Scenario
from tests.benchmarks.ready import STOREFRONT

pytestmark = pytest.mark.bench

SESSIONS, PRECISION, SEED = 1_000_000, 0.01, 1
PART = 0.25
"""Of a simple sample's processor time; 0.15 was measured."""


def count_simple_sample(found: RehearsedMonitor) -> float:
    """How many sessions a sample without walks would take for the precision."""
    figures = (found.profile.batches_per_session, found.profile.sum_by_session(found.profile.attempts.events))
    spread = max(float(figure.std() / figure.mean()) for figure in figures)
    wanted = (CONFIDENCE * spread / PRECISION) ** 2
    return wanted / (1 + wanted / SESSIONS)


def test_a_million_sessions_to_one_percent_cost_a_part_of_a_simple_sample() -> None:
    day = spread_over_day(Scenario.load(STOREFRONT), SESSIONS)
    began = time.thread_time()
    found = rehearse(day, SEED, PRECISION, False, ignore_progress)
    spent = time.thread_time() - began
    assert max(found.sample.intervals) <= 1.05 * PRECISION
    a_session = found.sample.cpu_seconds / found.sample.sessions
    assert spent < PART * count_simple_sample(found) * a_session
    began = time.thread_time()
    walked = sum(len(index) for index, _ in traffic.draw_traits(day, SEED, (0, 60)))
    assert (time.thread_time() - began) / walked < 2 * WALK_COST * a_session
