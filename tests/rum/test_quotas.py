"""The token bucket, by tables and properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.rum.quotas import TokenBucket


def test_a_full_bucket_lets_a_burst_through_and_no_more() -> None:
    bucket = TokenBucket(rate=50, burst=50)
    assert [bucket.take(0.0) for _ in range(50)] == [0.0] * 50
    assert bucket.take(0.0) == pytest.approx(0.02)


def test_the_wait_that_was_told_is_enough() -> None:
    bucket = TokenBucket(rate=4, burst=1)
    bucket.take(10.0)
    wait = bucket.take(10.1)
    assert bucket.take(10.1 + wait) == 0.0


def test_without_a_burst_a_second_of_the_rate_is_one() -> None:
    assert TokenBucket(rate=7).burst == 7


def test_a_rate_below_one_still_lets_single_requests_through() -> None:
    bucket = TokenBucket(rate=0.5)
    assert bucket.take(0.0) == 0.0
    assert bucket.take(1.0) > 0
    assert bucket.take(2.0) == 0.0


def test_a_rate_of_zero_lets_its_burst_through_and_then_nothing() -> None:
    bucket = TokenBucket(rate=0, burst=1)
    assert bucket.take(0.0) == 0.0
    assert bucket.take(1e9) > 0


def test_a_clock_that_steps_back_gives_no_tokens_away() -> None:
    bucket = TokenBucket(rate=1, burst=1)
    assert bucket.take(100.0) == 0.0
    assert bucket.take(50.0) > 0


@given(
    st.floats(0.1, 1000),
    st.floats(1, 100),
    st.lists(st.floats(0, 10), min_size=1, max_size=200),
)
def test_never_more_pass_than_burst_and_rate_allow(rate: float, burst: float, gaps: list[float]) -> None:
    bucket = TokenBucket(rate, burst)
    now = 0.0
    passed = 0
    for gap in gaps:
        now += gap
        passed += bucket.take(now) == 0.0
    assert passed <= burst + rate * now + 1e-6
