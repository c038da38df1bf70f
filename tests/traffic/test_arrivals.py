"""Sessions start as a Poisson process along the scenario's curve."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from loadgen.scenario.arrivals import Arrivals, Stage
from loadgen.traffic.arrivals import curve, starts
from loadgen.traffic.seeds import Seeds

RAMP = Arrivals(
    rate=2.0,
    stages=(
        Stage(duration=100.0, target=10.0),
        Stage(duration=50.0, target=10.0),
        Stage(duration=0.0, target=1.0),
        Stage(duration=50.0, target=1.0),
    ),
)


def test_the_expected_number_is_the_area_under_the_curve() -> None:
    assert curve(RAMP, 200).expected == pytest.approx(600 + 500 + 50)
    assert curve(RAMP, 250).expected == pytest.approx(600 + 500 + 100)
    assert curve(RAMP, 50).expected == pytest.approx(50 * (2 + 6) / 2)
    assert curve(Arrivals(), 60).expected == pytest.approx(60)


def test_the_inverse_finds_the_time_of_each_count() -> None:
    rate = curve(RAMP, 200)
    for time, count in ((0, 0), (100, 600), (125, 850), (150, 1100), (175, 1125), (200, 1150)):
        assert rate.when(np.array([float(count)]))[0] == pytest.approx(time, abs=1e-6)
    assert rate.when(np.array([2 * 50 + 0.08 / 2 * 50**2]))[0] == pytest.approx(50)


def test_a_jump_has_no_session_in_it() -> None:
    found = starts(curve(RAMP, 200).scaled(100), Seeds(1))
    before, after = ((found > low).sum() - (found > high).sum() for low, high in ((140, 150), (150, 160)))
    assert before / after == pytest.approx(10, rel=0.1)


def test_starts_follow_the_curve() -> None:
    """Kolmogorov–Smirnov at 0.1 % after the time change by the cumulative rate, where the starts are uniform."""
    rate = curve(RAMP, 200).scaled(20)
    found = starts(rate, Seeds(2))
    assert np.all(np.diff(found) >= 0)
    position = np.interp(found, rate.times + np.arange(len(rate.times)) * 1e-9, rate.cumulative)
    exact = np.array([position_of(rate.times, rate.rates, rate.cumulative, time) for time in found])
    assert stats.kstest(exact / rate.expected, "uniform").pvalue > 0.001
    assert len(position) == len(exact)


def position_of(times: np.ndarray, rates: np.ndarray, cumulative: np.ndarray, time: float) -> float:
    """The cumulative rate at a time, by hand."""
    line = max(index for index in range(len(times) - 1) if times[index] <= time)
    length = times[line + 1] - times[line]
    slope = (rates[line + 1] - rates[line]) / length if length else 0.0
    rest = time - times[line]
    return float(cumulative[line] + rates[line] * rest + slope * rest**2 / 2)


def test_counts_of_equal_times_are_dispersed_as_poisson() -> None:
    """Variance over mean of 2,000 counts: 1 within 10 %, three times its standard error."""
    found = starts(curve(Arrivals(rate=20.0), 2000), Seeds(3))
    counts = np.histogram(found, bins=2000, range=(0, 2000))[0]
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.1)
    assert len(found) == pytest.approx(40_000, abs=3 * 200)


def test_no_rate_no_sessions() -> None:
    assert len(starts(curve(Arrivals(rate=0.0), 100), Seeds(1))) == 0
    ramp = Arrivals(stages=(Stage(duration=10.0, target=0.0), Stage(duration=10.0, target=5.0)))
    assert starts(curve(ramp, 20), Seeds(1)).min() > 10
