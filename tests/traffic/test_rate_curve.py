"""Sessions start as a Poisson process along the scenario's curve."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from loadgen.scenario import Arrivals, Day, FlashCrowd, Noise, Stage
from loadgen.traffic.draws import Seeds
from loadgen.traffic.rate_curve import RateCurve, compute_rate_curve, draw_starts
from tests.traffic.look import small

RAMP = Arrivals(
    rate=2.0,
    stages=(
        Stage(duration=100.0, target=10.0),
        Stage(duration=50.0, target=10.0),
        Stage(duration=0.0, target=1.0),
        Stage(duration=50.0, target=1.0),
    ),
)


def compute_curve(arrivals: Arrivals, duration: float) -> RateCurve:
    """The mean rate of a scenario with these arrivals, so many seconds long."""
    return compute_rate_curve(small().model_copy(update={"arrivals": arrivals, "duration": duration}))


def test_the_expected_number_is_the_area_under_the_curve() -> None:
    assert compute_curve(RAMP, 200).expected == pytest.approx(600 + 500 + 50)
    assert compute_curve(RAMP, 250).expected == pytest.approx(600 + 500 + 100)
    assert compute_curve(RAMP, 50).expected == pytest.approx(50 * (2 + 6) / 2)
    assert compute_curve(Arrivals(), 60).expected == pytest.approx(60)


def test_the_inverse_finds_the_time_of_each_count() -> None:
    rate = compute_curve(RAMP, 200)
    for time, count in ((0, 0), (100, 600), (125, 850), (150, 1100), (175, 1125), (200, 1150)):
        assert rate.find_times(np.array([float(count)]))[0] == pytest.approx(time, abs=1e-6)
    assert rate.find_times(np.array([2 * 50 + 0.08 / 2 * 50**2]))[0] == pytest.approx(50)


def test_a_jump_has_no_session_in_it() -> None:
    found = draw_starts(compute_curve(RAMP, 200).scale(100), Seeds(1))
    before, after = ((found > low).sum() - (found > high).sum() for low, high in ((140, 150), (150, 160)))
    assert before / after == pytest.approx(10, rel=0.1)


def test_starts_follow_the_curve() -> None:
    """Kolmogorov–Smirnov at 0.1 % after the time change by the cumulative rate, where the starts are uniform."""
    rate = compute_curve(RAMP, 200).scale(20)
    found = draw_starts(rate, Seeds(2))
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
    found = draw_starts(compute_curve(Arrivals(rate=20.0), 2000), Seeds(3))
    counts = np.histogram(found, bins=2000, range=(0, 2000))[0]
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.1)
    assert len(found) == pytest.approx(40_000, abs=3 * 200)


def test_a_flash_crowd_rises_holds_and_halves() -> None:
    crowd = FlashCrowd(at=600.0, times=8.0, rise=300.0, hold=600.0, half_life=1800.0)
    rate = compute_curve(Arrivals(rate=10.0, flash_crowds=(crowd,)), 7200)
    seen = np.interp([0, 600, 750, 900, 1400, 1500, 3300, 5100], rate.times, rate.rates)
    assert seen == pytest.approx([10, 10, 45, 80, 80, 80, 45, 27.5], rel=0.01)


def test_a_sudden_crowd_is_there_at_once() -> None:
    rate = compute_curve(Arrivals(rate=1.0, flash_crowds=(FlashCrowd(at=50.0, times=3.0, rise=0.0),)), 100)
    assert rate.expected == pytest.approx(50 + 3 * 50, abs=0.01)


def test_a_day_rises_and_falls_in_local_time() -> None:
    """Japan's evening peak, 20:00, is 11:00 UTC; peak to trough is the stated ratio; the mean stays."""
    day = Day(starts="mon 00:00", ratio=4.0, countries={"JP": 1.0})
    rate = compute_curve(Arrivals(rate=10.0, day=day), 86400)
    assert rate.times[np.argmax(rate.rates)] / 3600 == pytest.approx(11, abs=0.3)
    assert rate.rates.max() / rate.rates.min() == pytest.approx(4, rel=0.01)
    assert rate.expected == pytest.approx(864_000, rel=0.01)


def test_countries_in_different_zones_level_the_day() -> None:
    mixed = compute_curve(Arrivals(rate=10.0, day=Day(countries={"JP": 1.0, "US": 1.0, "GB": 1.0})), 86400)
    assert mixed.rates.max() / mixed.rates.min() < 2.2


def test_weekends_differ() -> None:
    day = Day(starts="fri 00:00", weekend=0.5, countries={"GB": 1.0})
    rate = compute_curve(Arrivals(rate=1.0, day=day), 2 * 86400)
    friday = RateCurve(rate.times[rate.times <= 86400], rate.rates[rate.times <= 86400]).expected
    assert (rate.expected - friday) / friday == pytest.approx(0.5, rel=0.02)


def test_noise_keeps_the_mean_and_spreads_the_counts() -> None:
    """Hourly counts of 400 hours: dispersed beyond Poisson, mean within 5 %."""
    noise = Noise(sd=0.2, memory=600.0)
    found = draw_starts(compute_curve(Arrivals(rate=1.0, noise=noise), 400 * 3600), Seeds(4))
    counts = np.histogram(found, bins=2400)[0]
    assert counts.mean() == pytest.approx(600, rel=0.05)
    assert counts.var() / counts.mean() > 5


def test_no_rate_no_sessions() -> None:
    assert len(draw_starts(compute_curve(Arrivals(rate=0.0), 100), Seeds(1))) == 0
    ramp = Arrivals(stages=(Stage(duration=10.0, target=0.0), Stage(duration=10.0, target=5.0)))
    assert draw_starts(compute_curve(ramp, 20), Seeds(1)).min() > 10
