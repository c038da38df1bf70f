"""Sampled dashboards tell the truth as surely as they say. Seeds are fixed; tolerances are stated."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from loadgen import client, traffic
from loadgen.cli import commands
from loadgen.errors import LoadgenError
from loadgen.jobs.sampling import SamplingOptions, sampling
from loadgen.jobs.sampling.dashboard import compare_rates
from loadgen.jobs.sampling.estimate import (
    count_needed_sessions,
    estimate_p75,
    estimate_share,
    estimate_total,
    find_quantile,
    measure_p75_variation,
    measure_share_variation,
)
from loadgen.jobs.sampling.population import SessionPopulation, VitalColumn, draw_population
from loadgen.scenario import Scenario, load
from tests.paths import SCENARIOS

STOREFRONT = SCENARIOS / "storefront.toml"
TRIALS = 300


@pytest.fixture(scope="module")
def storefront() -> Scenario:
    return load(STOREFRONT)


@pytest.fixture(scope="module")
def population(storefront: Scenario) -> SessionPopulation:
    return draw_population(storefront.adjust(duration=90), 7, 20_000)


def test_what_is_recorded_is_what_the_client_sends(storefront: Scenario) -> None:
    short = storefront.adjust(duration=10)
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


def test_at_a_rate_of_one_the_dashboard_is_the_truth(population: SessionPopulation) -> None:
    truth = compare_rates("x", 7, population, SamplingOptions(rates=(1.0,))).dashboards[0]
    assert truth.sessions.low == truth.sessions.value == truth.sessions.high == population.sessions
    lcp = truth.p75["LCP"]
    assert lcp.low == lcp.value == lcp.high == find_quantile(np.sort(population.vitals["LCP"].value), 0.75)


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


def test_a_longer_period_needs_a_lower_rate(population: SessionPopulation) -> None:
    short, long = (
        {
            effect.figure: effect.rate
            for effect in compare_rates("x", 7, population, SamplingOptions(rates=(0.1,), over=over)).detectable_effects
        }
        for over in (3600.0, 86400.0)
    )
    assert short["p75 LCP"] == pytest.approx(24 * (long["p75 LCP"] or 0))


def test_of_a_long_run_a_part_is_drawn(storefront: Scenario) -> None:
    drawn = draw_population(storefront, 7, 1500)
    assert drawn.visits < 1700
    assert drawn.expected == pytest.approx(10_050)


def test_the_command_prints_a_table_or_json() -> None:
    given = ["sampling", str(STOREFRONT), "--rates", "0.01,0.1,1", "--duration", "20s", "--over", "1d"]
    table = CliRunner().invoke(commands, given)
    assert table.exit_code == 0, table.output
    assert all(len(line) <= 82 for line in table.output.splitlines()[2:])
    assert "p75 LCP" in table.output and "to see a change of +10% with 80% power" in table.output
    told = json.loads(CliRunner().invoke(commands, [*given, "--json"]).output)
    assert [board["rate"] for board in told["dashboards"]] == [0.01, 0.1, 1]
    assert told["dashboards"][2]["sessions"]["value"] == told["truth"]["recorded"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rates": (0.1, 2.0)}, "rates (--rates): 2.0 is out of range; write a number of at most 1"),
        ({"power": 1.0}, "power (--power): 1.0 is out of range; write a number of at most 0.99"),
        ({"sessions": 1}, "sessions (--sessions): 1 is out of range; write a number of at least 100"),
        ({"change": "a lot"}, "change (--change): 'a lot' is no valid value; write a number"),
        ({"rat": 1}, "there is no option rat; the options are rates, change"),
    ],
)
def test_options_are_checked_in_words(options: dict[str, Any], said: str) -> None:
    with pytest.raises(LoadgenError) as refused:
        sampling(STOREFRONT, **options)
    assert said in str(refused.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["change", "rate", "over", "price"])
def test_a_number_that_is_not_finite_is_refused(name: str, value: float) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(LoadgenError, match=rf"{name} \(--{name}\): -?(nan|inf) is out of range; write a finite number"):
        sampling(STOREFRONT, **given)
