"""The rate limiter against token buckets like RUM's, on a simulated clock."""

from __future__ import annotations

import math

import pytest

from loadgen.jobs.seed.rate_limiter import RateLimiter
from loadgen.rum.quotas import TokenBucket

ROUND_TRIP = 0.02


class Simulation:
    """Requests answered after a round trip by a token bucket; what was accepted and throttled, second by second."""

    def __init__(self, limiter: RateLimiter, bucket: TokenBucket) -> None:
        self.limiter, self.bucket = limiter, bucket
        self.now = 0.0
        self.accepted = self.throttled = 0

    def run(self, until: float) -> None:
        answers: list[tuple[float, float]] = []  # when, Retry-After or 0
        while self.now < until:
            while answers and answers[0][0] <= self.now:
                _, wait = answers.pop(0)
                if wait:
                    self.throttled += 1
                    self.limiter.note_throttled(wait, self.now)
                else:
                    self.accepted += 1
                    self.limiter.note_accepted()
            if self.limiter.compute_wait(self.now) <= 0:
                self.limiter.take(self.now)
                wait = self.bucket.take(self.now + ROUND_TRIP / 2)
                answers.append((self.now + ROUND_TRIP, max(1, math.ceil(wait)) if wait else 0.0))
            self.now += 0.001


@pytest.mark.parametrize("quota", [2.0, 50.0, 300.0])
def test_a_known_quota_is_used_almost_whole_and_never_exceeded(quota: float) -> None:
    simulation = Simulation(RateLimiter(quota, 0.0), TokenBucket(quota, max(1.0, quota / 10)))
    simulation.run(60.0)
    assert simulation.throttled == 0
    assert simulation.accepted >= 0.93 * quota * 60


@pytest.mark.parametrize("quota", [5.0, 20.0, 50.0, 150.0])
def test_an_unknown_quota_is_learned_with_a_handful_of_429s(quota: float) -> None:
    simulation = Simulation(RateLimiter(None, 0.0), TokenBucket(quota))
    simulation.run(240.0)
    assert simulation.throttled <= 8
    before = simulation.accepted
    simulation.run(290.0)
    assert (simulation.accepted - before) / 50 >= 0.85 * quota


def test_what_one_run_has_learned_spares_the_next_its_429s() -> None:
    first = Simulation(RateLimiter(None, 0.0), TokenBucket(50.0))
    first.run(60.0)
    second = Simulation(RateLimiter(None, 0.0, first.limiter.learned), TokenBucket(50.0))
    second.run(60.0)
    assert second.throttled == 0
    assert second.accepted >= 0.9 * 50 * 60


def test_a_quota_that_others_use_too_is_shared_without_a_storm() -> None:
    simulation = Simulation(RateLimiter(50.0, 0.0), TokenBucket(25.0, 25.0))
    simulation.run(120.0)
    assert simulation.throttled <= 0.05 * simulation.accepted
    assert simulation.accepted >= 0.6 * 25 * 120


def test_retry_after_is_waited_for() -> None:
    limiter = RateLimiter(50.0, 0.0)
    limiter.note_throttled(7.0, 1.0)
    assert limiter.compute_wait(1.0) == pytest.approx(7.0)


def test_one_failure_costs_nothing_and_a_row_of_them_ever_more() -> None:
    limiter = RateLimiter(1000.0, 0.0)
    limiter.note_failed(0.0)
    assert limiter.compute_wait(0.0) <= 0
    waits = []
    for _ in range(12):
        limiter.note_failed(0.0)
        waits.append(limiter.compute_wait(0.0))
    assert waits[:3] == pytest.approx([0.1, 0.2, 0.4])
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(10.0)


def test_an_acceptance_ends_the_row_of_failures() -> None:
    limiter = RateLimiter(1000.0, 0.0)
    for _ in range(5):
        limiter.note_failed(0.0)
        limiter.note_accepted()
    assert limiter.compute_wait(0.0) <= 0


def test_requests_are_spaced_and_lateness_is_caught_up_a_little_only() -> None:
    limiter = RateLimiter(10 / 0.97, 0.0)
    gone = 0
    for moment in (0.0, 60.0):
        while limiter.compute_wait(moment) <= 0:
            limiter.take(moment)
            gone += 1
    assert gone == 2


def test_a_learned_quota_is_tried_a_little_higher_every_five_minutes_without_429s() -> None:
    limiter = RateLimiter(None, 0.0, learned=50.0)
    for moment, ceiling in ((300.0, 50.0), (301.0, 50.5), (600.0, 50.5), (602.0, 51.005)):
        limiter.take(moment)
        assert limiter.learned == pytest.approx(ceiling)


def test_a_quota_is_what_was_accepted_between_two_throttled_moments() -> None:
    limiter = RateLimiter(None, 0.0)
    limiter.note_throttled(None, 10.0)
    for _ in range(80):
        limiter.note_accepted()
    limiter.note_throttled(None, 10.9)  # of the same episode
    assert limiter.learned is None
    limiter.note_throttled(None, 12.0)
    assert limiter.learned == pytest.approx(0.97 * 80 / 2)
