"""The words of a judgement: another site is off, a second draw of the same is not, and few sessions say too little."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from loadgen.jobs.fit.comparison.judgement import (
    RATIO,
    FitComparison,
    FitVerdict,
    Judgement,
    SessionVisitors,
    Sides,
    count_sessions_to_tell,
    find_mean_ratio,
    find_part_of_three,
    find_variation,
    is_one_sided,
    judge,
    measure_distance,
)
from loadgen.jobs.fit.comparison.observe import Observations
from loadgen.jobs.fit.estimates.estimate import Seen, see_visits
from loadgen.jobs.fit.view import format_judgement
from loadgen.jobs.fit.visits.site import match_site
from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import record, stretch

SESSIONS = 250
OFF_BY_CHANCE = 0.15
"""Part of the figures that a second draw may have off; many of them hang on the same slow visits."""


@cache
def see_recorded() -> Seen:
    return see_visits(record(stretch(Scenario.load("quickstart"), SESSIONS), 3), 5)


@cache
def judge_against(name: str) -> Judgement:
    generated = record(stretch(Scenario.load(name), SESSIONS), 4)
    return judge(see_recorded(), see_visits(generated, 1, site=match_site(generated, see_recorded().site)))


def test_a_second_draw_of_the_same_scenario_is_not_off() -> None:
    found = judge_against("quickstart")
    assert found.count("off") <= OFF_BY_CHANCE * len(found.comparisons)
    assert found.count("close") >= 10


def test_another_site_is_off_though_none_of_its_pages_can_be_compared() -> None:
    found = judge_against("saas-dashboard")
    verdicts = {each.name: each.verdict for each in found.comparisons}
    for name in ("pages a visit", "page views", "steps", "time on a page, desktop", "LCP, desktop p75", "event mix"):
        assert verdicts[name] == "off", name
    plenty = [each for each in found.comparisons if each.recorded_count >= 100]
    assert sum(each.verdict == "off" for each in plenty) >= 0.8 * len(plenty)


def test_a_figure_that_one_side_hardly_has_is_told_by_the_observations_of_both() -> None:
    found = judge_against("saas-dashboard")
    lines = list(format_judgement(found))
    one_sided = [each for each in found.comparisons if each.verdict == "off" and np.isnan(each.distance)]
    assert one_sided
    for each in one_sided:
        assert any(each.name in line and f" {each.recorded_count:,}:{each.generated_count:,}" in line for line in lines)
    assert sum(line.startswith("n:m are the observations") for line in lines) == 1
    assert not any(line.startswith("n:m") for line in format_judgement(judge_against("quickstart")))


def make_comparison(verdict: FitVerdict, high: float, count: int) -> FitComparison:
    return FitComparison("vitals", "LCP", RATIO, 1.1, 1 / high, high, verdict, count, count)


@pytest.mark.parametrize(
    ("comparisons", "sessions"),
    [
        ([make_comparison("close", 1.05, 90)], 0),
        ([make_comparison("too little data", 1.6, 90)], 1600),  # ±60 % is four times 15 %
        ([make_comparison("too little data", float("nan"), 2)], 1000),  # 2 observations, and 20 are the least
    ],
)
def test_the_sessions_that_would_tell_are_told(comparisons: list[FitComparison], sessions: int) -> None:
    assert count_sessions_to_tell(comparisons, (100, 100)) == sessions


def test_a_person_reads_how_far_the_sessions_go() -> None:
    found = judge_against("quickstart")
    last = list(format_judgement(found))[-1]
    assert f"would be told with some {found.sessions_to_tell:,} sessions" in last
    assert len(last) <= 80


VISITS = 1000


def test_chance_is_that_of_visitors_and_not_of_their_sessions() -> None:
    """Twenty visitors with fifty sessions each speak one language each; alone, sessions would seem many."""
    visitor = np.arange(VISITS) // 50
    sides = [
        Observations(np.arange(VISITS), (np.random.default_rng(seed).random(20) < 0.5)[visitor].astype(np.float64))
        for seed in (1, 2)
    ]
    few, many = SessionVisitors(visitor, 20), SessionVisitors(np.arange(VISITS), VISITS)
    by_visitor = measure_distance(sides[0], sides[1], Sides(few, few), find_variation)
    by_session = measure_distance(sides[0], sides[1], Sides(many, many), find_variation)
    assert by_visitor.value == by_session.value
    assert by_visitor.high > 4 * by_session.high


def cover(part: float) -> float:
    """Fit a mean to one sample, generate with it, compare with another: how often is the ratio within its interval?"""
    stream, size, within = np.random.default_rng(3), 200, 0
    people = SessionVisitors(np.arange(size), size)
    for _ in range(300):
        fitted, held_out = stream.exponential(1.0, size).mean(), stream.exponential(1.0, size)
        sides = (
            Observations(np.arange(size), held_out),
            Observations(np.arange(size), stream.exponential(fitted, size)),
        )
        found = measure_distance(*sides, Sides(people, people, part), find_mean_ratio)
        within += found.low <= found.value <= found.high
    return within / 300


def test_chance_includes_that_of_the_sessions_that_were_fitted_if_others_are_compared() -> None:
    part = find_part_of_three(200, 200, 200)
    assert abs(part - 2 / 3) < 1e-9
    assert cover(part) > 0.91
    assert cover(1.0) < 0.9


@pytest.mark.parametrize(("generated", "one_sided"), [(60, False), (240, True)])
def test_a_side_with_more_sessions_has_more_observations_of_a_figure_and_is_not_one_sided(
    generated: int, one_sided: bool
) -> None:
    """Of 100 recorded sessions 15 show a figure, and of 400 generated ones 60, as many for each, or 240."""
    sides = [Observations(np.arange(count), np.ones(count)) for count in (15, generated)]
    people = Sides(SessionVisitors(np.arange(100), 100), SessionVisitors(np.arange(400), 400))
    assert is_one_sided(sides[0], sides[1], people) is one_sided
