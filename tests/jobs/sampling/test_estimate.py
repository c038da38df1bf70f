"""The population is what the web client would record; sampled dashboards tell the truth as surely as they say.

Seeds are fixed; tolerances are stated.
"""

from __future__ import annotations

import numpy as np
import pytest

from loadgen import client, traffic
from loadgen.jobs.sampling.estimate import (
    SessionPopulation,
    VitalColumn,
    count_needed_sessions,
    draw_population,
    estimate_p75,
    estimate_share,
    estimate_total,
    find_quantile,
    measure_p75_variation,
    measure_share_variation,
)
from loadgen.scenario import Scenario

TRIALS = 300


def test_what_is_recorded_is_what_the_client_sends(storefront: Scenario) -> None:
    """In visits without expiry: an unsampled session is not renewed, so at a lower rate the next one begins sooner."""
    settings = storefront.client.model_copy(update={"sessionLengthSeconds": 1e6})
    short = storefront.adjust(duration=10).model_copy(update={"client": settings})
    drawn = draw_population(short, 7, 20_000)
    for rate in (0.05, 0.3, 1.0):
        sent = [client.plan(session, short.client, rate).batches for session in traffic.draw_sessions(short, 7)]
        events = sum(len(batch.events) for batches in sent for batch in batches)
        assert drawn.events[drawn.draw < rate].sum() == events


def test_sampling_is_within_binomial_bounds(population: SessionPopulation) -> None:
    """Sessions recorded at each rate: within three standard errors."""
    for rate in (0.01, 0.1, 0.5):
        recorded = (population.draw < rate).sum()
        assert recorded == pytest.approx(
            population.sessions * rate, abs=3 * np.sqrt(population.sessions * rate * (1 - rate))
        )


def test_of_a_long_run_a_part_is_drawn(storefront: Scenario) -> None:
    drawn = draw_population(storefront, 7, 1500)
    assert drawn.visits < 1700
    assert drawn.expected == pytest.approx(10_050)


def test_intervals_hold_the_truth_as_often_as_they_say(population: SessionPopulation) -> None:
    """300 samples at 20 %: 95 % intervals hold the truth in 91 to 99 % of them, for each figure."""
    stream, rate = np.random.default_rng(5), 0.2
    lcp = population.vitals["LCP"]
    truths = {
        "views": float(population.views.sum()),
        "errors": float(population.failed.mean()),
        "lcp": find_quantile(np.sort(lcp.value), 0.75),
    }
    held = dict.fromkeys(truths, 0)
    for _ in range(TRIALS):
        kept = stream.random(population.sessions) < rate
        found = {
            "views": estimate_total(population.views[kept], rate),
            "errors": estimate_share(population.failed[kept], rate),
            "lcp": estimate_p75(lcp, kept, rate),
        }
        for name, estimate in found.items():
            assert estimate.low is not None and estimate.high is not None
            held[name] += estimate.low <= truths[name] <= estimate.high
    assert all(0.91 < number / TRIALS < 0.99 for number in held.values()), held


def test_the_sessions_told_to_be_needed_see_the_change(population: SessionPopulation) -> None:
    """p75 LCP 25 % up, tested on logarithms in 300 pairs of samples of the size told: seen in 80 % ± 8 of them."""
    stream, change = np.random.default_rng(6), 0.25
    vital = population.vitals["LCP"]
    variation = measure_p75_variation(vital, population.sessions)
    assert variation is not None
    number = round(count_needed_sessions(variation, change, 0.8))
    error = variation.relative_error * np.sqrt(2 / number)
    rows = _rows(vital, population.sessions)
    seen = 0
    for _ in range(TRIALS):
        before, after = (
            find_quantile(np.sort(np.concatenate([rows[each] for each in stream.integers(0, len(rows), number)])), 0.75)
            for _ in range(2)
        )
        seen += abs(np.log(after * (1 + change) / before)) > 1.96 * error
    assert seen / TRIALS == pytest.approx(0.8, abs=0.08)


def _rows(vital: VitalColumn, sessions: int) -> list[np.ndarray]:
    return [vital.value[low:high] for low, high in _edges(vital, sessions)]


def _edges(vital: VitalColumn, sessions: int) -> list[tuple[int, int]]:
    ends = np.searchsorted(vital.session, np.arange(sessions + 1)).tolist()
    return list(zip(ends[:-1], ends[1:], strict=True))  # noqa: RUF007 - two columns of one array


def test_fewer_errors_take_more_sessions() -> None:
    rare, common = (measure_share_variation(np.arange(1000) < number) for number in (10, 100))
    assert rare is not None and common is not None
    assert count_needed_sessions(rare, 0.1, 0.8) > 9 * count_needed_sessions(common, 0.1, 0.8)
    assert measure_share_variation(np.zeros(10, dtype=bool)) is None
