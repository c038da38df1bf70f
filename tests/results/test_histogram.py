"""Our histogram against the HdrHistogram library, and merging without loss."""

from __future__ import annotations

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from loadgen.results.histogram import HIGHEST_US, Histogram

SECONDS = st.floats(0, 3600)


def of(seconds: list[float]) -> Histogram:
    histogram = Histogram()
    histogram.add(np.array(seconds))
    return histogram


@pytest.mark.parametrize("q", [0.0, 0.5, 0.9, 0.95, 0.99, 0.999])
def test_quantiles_are_those_of_the_hdrhistogram_library(q: float) -> None:
    seconds = np.exp(np.random.default_rng(5).normal(-6, 2, 50_000)).clip(0, 3600)
    theirs = HdrHistogram(1, HIGHEST_US, 3)
    for value in np.rint(seconds * 1e6).astype(int):
        theirs.record_value(int(value))
    assert of(seconds.tolist()).quantile_ms(q) == theirs.get_value_at_percentile(q * 100) / 1000


@given(st.lists(SECONDS, min_size=1, max_size=200))
def test_a_quantile_is_within_a_thousandth_of_the_value_it_stands_for(seconds: list[float]) -> None:
    exact = sorted(round(second * 1e6) / 1000 for second in seconds)
    median = exact[(len(exact) + 1) // 2 - 1]
    assert of(seconds).quantile_ms(0.5) == pytest.approx(median, rel=1e-3, abs=1e-3)


@given(st.lists(SECONDS, max_size=100), st.lists(SECONDS, max_size=100))
def test_adding_in_parts_loses_nothing(some: list[float], others: list[float]) -> None:
    whole, parts = of(some + others), of(some)
    parts.add(np.array(others))
    assert parts.counts.tolist() == whole.counts.tolist()
    assert (parts.total_us, parts.max_us) == (whole.total_us, whole.max_us)


@given(st.lists(st.tuples(SECONDS, st.integers(1, 5)), min_size=1, max_size=50))
def test_a_weight_counts_a_duration_so_many_times(weighted: list[tuple[float, int]]) -> None:
    weighed = Histogram()
    weighed.add(np.array([second for second, _ in weighted]), np.array([times for _, times in weighted]))
    repeated = of([second for second, times in weighted for _ in range(times)])
    assert weighed.counts.tolist() == repeated.counts.tolist()
    assert weighed.total_us == repeated.total_us


def test_a_histogram_of_nothing_has_no_quantiles() -> None:
    assert of([]).quantile_ms(0.5) is None
    assert of([]).mean_ms is None


def test_the_ends_of_the_range_are_kept() -> None:
    histogram = of([0.0, 3600.0, 7200.0])
    assert histogram.quantile_ms(0.0) == 0.0
    assert histogram.quantile_ms(1.0) == HIGHEST_US / 1000
    assert histogram.count == 3
