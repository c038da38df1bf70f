"""The estimate of the quota against token buckets whose rate and burst are known."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.endpoint.quota import TokenBucket
from loadgen.results.quota import estimate


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
    found = estimate(accepted, refused)
    assert found is not None
    assert found.rate == pytest.approx(rate, rel=0.05)
    assert found.low <= found.rate <= found.high


@pytest.mark.parametrize("bursts", [1.0, 3.0])
def test_the_burst_is_found_when_a_full_bucket_was_drained(bursts: float) -> None:
    accepted, refused = throttled(50.0, 50.0 * bursts, 150.0, 60, seed=2)
    found = estimate(accepted, refused)
    assert found is not None
    assert found.burst == pytest.approx(50.0 * bursts, rel=0.15)


def test_the_interval_holds_the_rate_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(60):
        accepted, refused = throttled(50.0, 50.0, 70.0, 40, seed)
        found = estimate(accepted, refused)
        assert found is not None
        held += found.low <= 50.0 <= found.high
    assert held >= 50


def test_too_few_refusals_say_nothing() -> None:
    assert estimate(np.arange(1000) / 50, np.array([3.0, 7.0])) is None
    assert estimate(np.arange(1000) / 50, np.array([])) is None


def test_a_target_that_refuses_everything_has_no_quota_to_estimate() -> None:
    assert estimate(np.array([]), np.arange(100) / 50) is None
