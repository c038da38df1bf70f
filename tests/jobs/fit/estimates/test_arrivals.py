"""Start times become the curve that they were drawn from."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.arrivals import Curve, fit_arrivals
from loadgen.scenario import Arrivals, FlashCrowd, Noise, Scenario, Stage
from loadgen.traffic import compute_mean_rate, draw_starts

MONDAY = 1_767_571_200.0  # 2026-01-05T00:00:00Z


def fit(scenario: Scenario, seed: int = 1) -> Curve:
    """The curve of the starts as the client tells them: whole seconds, a second after the visit began."""
    starts = np.floor(draw_starts(scenario, seed) + 1.5) + MONDAY
    return fit_arrivals(starts, 1.0, {str(key): value for key, value in scenario.population.countries.items()})


def test_a_constant_rate_is_constant() -> None:
    found = [fit(Scenario.load("quickstart").adjust(rate=10), seed) for seed in range(10)]
    assert sum(curve.kind == "constant" for curve in found) >= 9
    assert np.mean([curve.members["rate"] for curve in found if curve.kind == "constant"]) == pytest.approx(
        25, rel=0.05
    )


def test_ramps_are_stages_that_meet() -> None:
    found = fit(Scenario.load("storefront"))
    stages = found.members["stages"]
    assert found.kind == "stages"
    assert found.duration == 300
    assert [stage["duration"] for stage in stages] == pytest.approx([60, 180, 60], abs=12)
    assert [stage["target"] for stage in stages] == pytest.approx([40, 40, 10], rel=0.25)


def test_jumps_are_stages_of_no_length() -> None:
    found = fit(Scenario.load("quota-probe"))
    levels = [stage["target"] for stage in found.members["stages"] if stage["duration"]]
    assert levels == pytest.approx([10, 25, 40, 50, 65, 90], rel=0.08)
    assert [stage["duration"] for stage in found.members["stages"] if stage["duration"]] == [40] * 6
    assert sum(stage["duration"] == 0 for stage in found.members["stages"]) == 5


def test_noise_on_a_constant_rate_is_no_stages() -> None:
    scenario = Scenario.load("quickstart").model_copy(
        update={"arrivals": Arrivals(rate=2, noise=Noise(sd=0.3, memory=120)), "duration": 7200.0}
    )
    found = [fit(scenario, seed) for seed in range(4)]
    assert [curve.kind for curve in found] == ["constant"] * 4
    assert np.mean([curve.members["noise"]["sd"] for curve in found]) == pytest.approx(0.3, abs=0.1)
    assert Scenario.load("quickstart").arrivals.noise is None
    assert "noise" not in fit(Scenario.load("quickstart").adjust(rate=10)).members


def with_arrivals(duration: float, **members: object) -> Scenario:
    """A scenario of this length with these arrivals."""
    return Scenario.load("quickstart").model_copy(
        update={"arrivals": Arrivals.model_validate(members), "duration": duration}
    )


@pytest.mark.parametrize(
    ("rate", "at", "times", "rise", "hold", "half_life", "duration"),
    [(1, 600, 12, 30, 0, 300, 3600), (0.5, 1800, 5, 300, 1800, 1200, 14_400), (2, 0, 20, 60, 120, 900, 5400)],
)
def test_a_flash_crowd_is_one_crowd_not_many_stages(
    rate: float, at: float, times: float, rise: float, hold: float, half_life: float, duration: float
) -> None:
    crowd = FlashCrowd(at=at, times=times, rise=rise, hold=hold, half_life=half_life)
    scenario = with_arrivals(duration, rate=rate, flash_crowds=(crowd,))
    found = fit(scenario)
    assert found.kind == "crowd"
    assert found.members["rate"] == pytest.approx(rate, rel=0.1)
    (own,) = found.members["flash_crowds"]
    assert own["times"] == pytest.approx(times, rel=0.15)
    assert own["half_life"] == pytest.approx(half_life, rel=0.15)
    assert own["at"] + own["rise"] == pytest.approx(at + rise, abs=0.03 * duration)
    truth, fitted = (compute_mean_rate(each) for each in (scenario, rebuild(scenario, found)))
    edges = np.linspace(0, min(duration, found.duration), 9)
    expected, shown = (np.diff(np.interp(edges, each.times, each.cumulative)) for each in (truth, fitted))
    assert shown == pytest.approx(expected, rel=0.1)


def test_the_end_is_as_unsure_as_the_last_sessions_are_apart() -> None:
    """The mean rate would have the end within two seconds, though sessions come every four seconds by then."""
    crowd = FlashCrowd(at=600, times=40, rise=60, hold=600, half_life=300)
    found = [fit(with_arrivals(7200, rate=0.25, flash_crowds=(crowd,)), seed) for seed in range(6)]
    assert sum(curve.duration == 7200 for curve in found) >= 4


def test_a_long_straight_fall_is_no_crowd() -> None:
    stages = (
        Stage(duration=600, target=2), Stage(duration=240, target=25), Stage(duration=900, target=25),
        Stage(duration=3000, target=2),
    )  # fmt: skip
    found = [fit(with_arrivals(4740, rate=2, stages=stages), seed) for seed in range(3)]
    assert [curve.kind for curve in found] == ["stages"] * 3
    assert [curve.members["stages"][1]["duration"] for curve in found] == [240] * 3


def test_only_a_jump_between_two_stages_has_no_length() -> None:
    """However short the stages are, and however uneven the client's times; and stages at one rate are one stage."""
    draws = np.random.default_rng(1)
    for _ in range(60):
        lengths = draws.uniform(0.3, 10, draws.integers(2, 6))
        starts = [
            begin + draws.random(draws.poisson(draws.uniform(1, 60) * length)) * length
            for begin, length in zip(np.cumsum(lengths) - lengths, lengths, strict=True)
        ]
        found = fit_arrivals(MONDAY + np.round(np.concatenate([*starts, [0.0]])) - draws.exponential(0.5))
        spans = [stage["duration"] for stage in found.members.get("stages", [{"duration": found.duration}])]
        assert sum(spans) == pytest.approx(found.duration, abs=0.5)
        assert spans[0] > 0
        assert spans[-1] > 0
        assert all(max(pair) > 0 for pair in pairwise(spans))
        rates = [found.members["rate"], *(stage["target"] for stage in found.members.get("stages", []))]
        assert not [rate for rate, *later in zip(rates, rates[1:], rates[2:], strict=False) if {*later} == {rate}]


def test_a_day_is_the_rhythm_of_a_day() -> None:
    scenario = Scenario.load("global-mobile-day").adjust(rate=0.2)
    scenario = scenario.model_copy(update={"arrivals": scenario.arrivals.model_copy(update={"noise": None})})
    found = fit(scenario)
    assert found.kind == "days"
    assert found.members["day"]["starts"] == "mon 00:00"
    on_monday = scenario.arrivals.day and scenario.arrivals.day.model_copy(update={"starts": "mon 00:00"})
    truth = scenario.model_copy(update={"arrivals": scenario.arrivals.model_copy(update={"day": on_monday})})
    hours = [count_by_hour(each) for each in (truth, rebuild(scenario, found))]
    assert hours[1] == pytest.approx(hours[0], rel=0.1)


@pytest.mark.parametrize("name", ["storefront", "quota-probe", "news-flash-crowd", "bad-release"])
def test_the_fitted_curve_starts_as_many_sessions(name: str) -> None:
    scenario = Scenario.load(name)
    found = fit(scenario)
    expected, fitted = (compute_mean_rate(each).expected for each in (scenario, rebuild(scenario, found)))
    assert fitted == pytest.approx(expected, rel=max(0.03, 3 / np.sqrt(expected)))


def rebuild(scenario: Scenario, found: Curve) -> Scenario:
    """The scenario with the fitted curve."""
    raw = scenario.model_dump(exclude_unset=True, exclude={"arrivals", "incidents", "seed"})
    return Scenario.model_validate(raw | {"duration": found.duration, "arrivals": freeze(found.members)})


def count_by_hour(scenario: Scenario) -> list[float]:
    """Sessions that are expected in each two hours."""
    curve = compute_mean_rate(scenario)
    expected = np.interp(np.arange(0, 86_401, 7200.0), curve.times, curve.cumulative)
    return [float(each) for each in np.diff(expected)]


def freeze(members: dict[str, object]) -> dict[str, object]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in members.items()}


def test_the_sample_rate_multiplies() -> None:
    starts = MONDAY + np.arange(1000.0)
    assert fit_arrivals(starts, 10.0).members["rate"] == pytest.approx(10, rel=0.01)
