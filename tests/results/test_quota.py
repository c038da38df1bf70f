"""The estimate of the quota against token buckets whose rate and burst are known."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.results.quota import _Chains, estimate_quota, find_burst
from loadgen.rum.quotas import TokenBucket


def throttled(rate: float, burst: float, offered: float, seconds: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Poisson arrivals at a bucket; when it accepted and when it refused."""
    draw = np.random.default_rng(seed)
    moments = np.cumsum(draw.exponential(1 / offered, int(offered * seconds)))
    bucket = TokenBucket(rate, burst)
    taken = np.array([bucket.take(float(moment)) == 0 for moment in moments])
    return moments[taken], moments[~taken]


@pytest.mark.parametrize("rate", [20.0, 50.0, 300.0])
@pytest.mark.parametrize("bursts", [1.0, 5.0])
@pytest.mark.parametrize("overload", [1.1, 2.0, 6.0])
def test_the_rate_is_found_within_five_per_cent(rate: float, bursts: float, overload: float) -> None:
    accepted, refused = throttled(rate, rate * bursts, rate * overload, 120, seed=7)
    found = estimate_quota(accepted, refused)
    assert found is not None
    assert found.rate == pytest.approx(rate, rel=0.05)
    assert found.low <= found.rate <= found.high


@pytest.mark.parametrize("bursts", [1.0, 3.0])
def test_the_burst_is_found_when_a_full_bucket_was_drained(bursts: float) -> None:
    accepted, refused = throttled(50.0, 50.0 * bursts, 150.0, 60, seed=2)
    found = estimate_quota(accepted, refused)
    assert found is not None
    assert found.burst == pytest.approx(50.0 * bursts, rel=0.15)


def test_the_interval_holds_the_rate_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(60):
        accepted, refused = throttled(50.0, 50.0, 70.0, 40, seed)
        found = estimate_quota(accepted, refused)
        assert found is not None
        held += found.low <= 50.0 <= found.high
    assert held >= 50


@pytest.mark.parametrize("answer_time", [0.01, 0.05, 0.2])
def test_the_interval_holds_the_rate_also_when_answers_take_their_time(answer_time: float) -> None:
    held = 0
    for seed in range(30):
        accepted, refused = throttled(50.0, 50.0, 80.0, 40, seed)
        draw = np.random.default_rng(seed)
        accepted, refused = (
            at + draw.exponential(answer_time, len(at)) * (0.5 - draw.random(len(at))) for at in (accepted, refused)
        )
        found = estimate_quota(accepted, refused, answer_time)
        assert found is not None
        held += found.low <= 50.0 <= found.high
    assert held >= 27


def test_too_few_refusals_say_nothing() -> None:
    assert estimate_quota(np.arange(1000) / 50, np.array([3.0, 7.0])) is None
    assert estimate_quota(np.arange(1000) / 50, np.array([])) is None


def test_a_target_that_refuses_everything_has_no_quota_to_estimate() -> None:
    assert estimate_quota(np.array([]), np.arange(100) / 50) is None


def test_five_refusals_are_the_fewest_that_say_something() -> None:
    accepted, refused = throttled(50.0, 50.0, 70.0, 20, seed=3)
    assert estimate_quota(accepted, refused[:4]) is None
    assert estimate_quota(accepted[accepted < refused[5]], refused[:5]) is not None


def test_a_bucket_that_filled_up_between_two_crowds_does_not_spoil_the_estimate() -> None:
    """Twelve times 60 requests a second for 3 s, then 2 a second for 5 s, at 20 a second."""
    draw, bucket = np.random.default_rng(1), TokenBucket(20.0, 20.0)
    crowds = [8 * place + np.sort(draw.random(180)) * 3 for place in range(12)]
    between = [8 * place + 3 + np.sort(draw.random(10)) * 5 for place in range(12)]
    moments = np.sort(np.concatenate(crowds + between))
    taken = np.array([bucket.take(float(moment)) == 0 for moment in moments])
    found = estimate_quota(moments[taken], moments[~taken])
    assert found is not None
    assert found.rate == pytest.approx(20.0, rel=0.02)


def test_a_true_rate_contradicts_nothing() -> None:
    for seed in range(10):
        chains = _Chains(*throttled(50.0, 50.0, 70.0, 40, seed))
        assert chains.measure_contradiction(50.0) == 0.0
        assert chains.measure_contradiction(48.0) > 0.0 < chains.measure_contradiction(52.0)


def test_a_burst_counts_the_first_of_its_requests_too() -> None:
    assert find_burst(np.zeros(7), 1.0) == 7
    assert find_burst(np.array([0.0, 0.0, 1.0, 1.0, 1.0]), 1.0) == 4


def test_the_interval_stays_narrow_when_answers_scatter() -> None:
    draw = np.random.default_rng(0)
    accepted, refused = (each + draw.exponential(0.05, len(each)) for each in throttled(50.0, 50.0, 70.0, 40, 0))
    found = estimate_quota(accepted, refused)
    assert found is not None
    assert (found.high - found.low) / found.rate < 0.006
