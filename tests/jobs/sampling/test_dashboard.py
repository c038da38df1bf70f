"""What a dashboard shows at each rate, and which rate shows a change."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.sampling import SamplingOptions
from loadgen.jobs.sampling.dashboard import compare_rates, list_lines
from loadgen.jobs.sampling.estimate import find_quantile
from loadgen.jobs.sampling.population import SessionPopulation


def test_at_a_rate_of_one_the_dashboard_is_the_truth(population: SessionPopulation) -> None:
    truth = compare_rates("x", 7, population, SamplingOptions(rates=(1.0,))).dashboards[0]
    assert truth.sessions.low == truth.sessions.value == truth.sessions.high == population.sessions
    lcp = truth.p75["LCP"]
    assert lcp.low == lcp.value == lcp.high == find_quantile(np.sort(population.vitals["LCP"].value), 0.75)


def test_a_longer_period_needs_a_lower_rate(population: SessionPopulation) -> None:
    short, long = (
        {
            effect.figure: effect.rate
            for effect in compare_rates("x", 7, population, SamplingOptions(rates=(0.1,), over=over)).detectable_effects
        }
        for over in (3600.0, 86400.0)
    )
    assert short["p75 LCP"] == pytest.approx(24 * (long["p75 LCP"] or 0))


@pytest.mark.parametrize("over", [10.0, 1234.0, 86_400.0])
def test_the_report_fits_a_terminal_of_80_columns(population: SessionPopulation, over: float) -> None:
    lines = list(list_lines(compare_rates("global-mobile-day", 7, population, SamplingOptions(over=over))))
    assert max(map(len, lines)) <= 80
    assert any("even rate 1 needs" in line for line in lines) == (over == 10.0)
