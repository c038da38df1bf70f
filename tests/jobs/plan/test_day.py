"""A day keeps what happens once in a scenario, or says that it does not; a run is divided by what its length shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.plan import plan
from loadgen.jobs.plan.day import divide_run, spread_over_day
from loadgen.jobs.sampling import sampling
from loadgen.scenario import Arrivals, Day, Scenario, Stage
from loadgen.traffic import compute_mean_rate
from loadgen.traffic.rate_curve import compute_rate_curve
from tests.jobs.plan.shop import SHOP, TEXT

BRITISH = "population.countries = { GB = 1.0 }\n"
SPIKE = """
[[incidents]]
kind = "spike"
name = "newsletter"
at = 20
length = 1200
times = 6

[[incidents]]
kind = "error"
name = "release"
at = 10
length = 300
"""


def british(more: str = "", arrivals: str = "arrivals.rate = 4") -> Scenario:
    text = TEXT.replace("arrivals.rate = 4", arrivals).replace('duration = "60s"', 'duration = "1h"')
    return Scenario.parse(BRITISH + text + more, "shop.toml")


@pytest.mark.parametrize("visits", [1_000, 3_000_000])
def test_a_day_holds_the_visits_asked_for(visits: int) -> None:
    day = spread_over_day(SHOP, visits, 4.0)
    assert day.duration == 86_400
    assert compute_rate_curve(day).expected == pytest.approx(visits)


def test_a_day_of_more_visits_leaves_the_neighbours_at_their_rate() -> None:
    both = Scenario.parse(TEXT + '\n[[neighbours]]\nmonitor.name = "noisy"\narrivals.rate = 8\n', "shop.toml")
    assert spread_over_day(both, 1_000.0, 4.0).monitors[1].arrivals.rate == 8


@pytest.mark.parametrize("ratio", [None, 4.0, 12.0])
def test_a_day_has_the_rhythm_of_its_visitors_country(ratio: float | None) -> None:
    british = SHOP.model_copy(update={"population": SHOP.population.model_copy(update={"countries": {"GB": 1.0}})})
    rate = compute_rate_curve(spread_over_day(british, 1_000, ratio))
    assert rate.times[rate.rates.argmax()] == pytest.approx(20 * 3600, abs=3600)
    assert rate.rates.max() / rate.rates.min() == pytest.approx(ratio or 4.0, rel=0.05)


def test_a_scenario_of_a_day_keeps_its_own_curve() -> None:
    own = Arrivals(rate=1.0, stages=(Stage(duration=43_200.0, target=9.0), Stage(duration=43_200.0, target=1.0)))
    day = spread_over_day(SHOP.model_copy(update={"arrivals": own, "duration": 86_400.0}), 1_000, 4.0)
    assert [stage.target / day.arrivals.start_rate for stage in day.arrivals.stages] == pytest.approx([9, 1])


def test_a_day_without_arrivals_is_refused() -> None:
    nobody: Scenario = SHOP.model_copy(update={"arrivals": Arrivals(rate=0.0), "duration": 86_400.0})
    with pytest.raises(LoadgenError, match="no session starts"):
        spread_over_day(nobody, 1_000, 4.0)


def test_a_spike_stands_in_the_busiest_hour_at_its_own_height_and_length() -> None:
    said: list[str] = []
    day = spread_over_day(british(SPIKE), 100_000, on_progress=said.append)
    plain = spread_over_day(british(), 100_000)
    assert compute_mean_rate(day).expected == pytest.approx(100_000)
    curve, without = compute_mean_rate(day), compute_mean_rate(plain)
    highest = float(curve.times[curve.rates.argmax()])
    assert 20 * 3600 <= highest <= 20 * 3600 + 20 + 1200
    ordinary = without.rates.max() * compute_mean_rate(day).rates[0] / without.rates[0]
    assert curve.rates.max() == pytest.approx(6 * ordinary, rel=0.05)
    assert [each.at - 20 * 3600 for each in day.incidents] == [20, 10]
    assert said == ["note: kept in the day, at their own lengths: release at 20:00, newsletter at 20:00"]


def test_what_would_go_on_after_midnight_begins_earlier() -> None:
    long = SPIKE.replace("length = 1200", f"length = {6 * 3600}")
    (spike, _) = spread_over_day(british(long), 1000).incidents
    assert spike.end == 86_400


def test_a_flash_crowd_is_moved_like_an_incident() -> None:
    crowd = "arrivals = { rate = 4, flash_crowds = [{ at = 60, times = 10 }] }"
    said: list[str] = []
    day = spread_over_day(british(arrivals=crowd), 1000, on_progress=said.append)
    assert [each.at for each in day.arrivals.flash_crowds] == [20 * 3600 + 60]
    assert said == ["note: kept in the day, at their own lengths: flash crowd at 20:01"]


@pytest.mark.parametrize(
    ("arrivals", "said"),
    [
        ('arrivals.stages = [{ duration = "10m", target = 20 }]', "shop's stages are left out: the day's visitors"),
        ("arrivals.visitors = 30", "shop's closed population is left out: the day's visits are given as a number"),
    ],
)
def test_what_a_day_has_no_place_for_is_told_with_the_reason(arrivals: str, said: str) -> None:
    notes: list[str] = []
    spread_over_day(british(arrivals=arrivals), 1000, on_progress=notes.append)
    assert any(said in note for note in notes)


def test_incidents_after_the_first_day_of_a_long_scenario_are_told() -> None:
    notes: list[str] = []
    week = SHOP.adjust(duration=7 * 86_400.0)
    late = Scenario.parse(TEXT.replace("60s", "7d") + SPIKE.replace("at = 20", "at = 100000"), "shop.toml")
    assert compute_mean_rate(spread_over_day(week, 1000, 8.0, notes.append)).expected == pytest.approx(1000)
    assert notes == ["note: --peak-to-trough is left out: shop lasts a day and keeps its own curve"]
    spread_over_day(late, 1000, on_progress=notes.append)
    assert "begin later: newsletter" in notes[-1]


def test_a_plan_of_a_day_shows_the_spike_in_its_hour() -> None:
    calm, spiky = (plan(british(more), sessions_per_day=2000, seed=1, rates=(1.0,)) for more in ("", SPIKE))
    assert calm.windows[20].name == "20:00"
    assert spiky.windows[20].requests.mean > 2 * calm.windows[20].requests.mean
    assert spiky.windows[19].requests.mean < 1.2 * calm.windows[19].requests.mean


def test_sampling_looks_at_a_day_of_so_many_visits() -> None:
    found = sampling(british(), sessions_per_day=500, seed=1)
    assert found.of == pytest.approx(500)
    assert found.over == 86_400


def test_a_duration_that_is_asked_for_reaches_a_late_incident(tmp_path: Path) -> None:
    file = tmp_path / "late.toml"
    file.write_text(
        TEXT.replace('duration = "60s"\n', "").replace("rate = 4", "rate = 0.01")
        + SPIKE.replace("at = 20", "at = 90000")
    )
    assert plan(file, duration=2 * 86_400.0, rates=(1.0,), seed=1).duration == 2 * 86_400
    with pytest.raises(LoadgenError, match=r'or a duration such as "2d" in the file'):
        plan(file, seed=1)


def test_neighbours_with_a_curve_of_their_own_are_told_to_keep_it() -> None:
    text = '\n[[neighbours]]\nmonitor.name = "campaign"\narrivals.stages = [{ duration = "20s", target = 60 }]\n'
    notes: list[str] = []
    spread_over_day(british(text), 1000, on_progress=notes.append)
    assert notes == ["note: the arrivals of campaign go on as written, from the day's start"]


def test_hours_are_named_by_the_day_of_the_scenario() -> None:
    late = Arrivals(rate=1.0, day=Day(starts="fri 22:00"))
    found = divide_run(SHOP.model_copy(update={"arrivals": late, "duration": 86_400.0}))
    assert [name for name, _, _ in found[:4]] == ["22:00", "23:00", "00:00", "01:00"]


@pytest.mark.parametrize(
    ("duration", "count", "first"), [(60.0, 1, "whole run"), (86_400.0, 24, "00:00"), (7 * 86_400.0, 7, "day 1")]
)
def test_windows_follow_the_length(duration: float, count: int, first: str) -> None:
    found = divide_run(SHOP.adjust(duration=duration))
    assert (len(found), found[0][0]) == (count, first)
    assert found[-1][2] == duration


def test_stages_name_their_windows() -> None:
    stages = (Stage(duration=30.0, target=40.0), Stage(duration=60.0, target=40.0))
    found = divide_run(SHOP.model_copy(update={"arrivals": Arrivals(rate=5.0, stages=stages), "duration": 100.0}))
    assert [name for name, _, _ in found] == ["5 → 40/s", "hold 40/s", "hold 40/s"]
    assert [end for _, _, end in found] == [30, 90, 100]
