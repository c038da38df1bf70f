"""Distances: a difference is one of chance where few visitors made all of it."""

from __future__ import annotations

import numpy as np

from loadgen.jobs.fit.comparison.distances import (
    SessionVisitors,
    Sides,
    find_mean_ratio,
    find_part_of_three,
    find_variation,
    measure_distance,
)
from loadgen.jobs.fit.comparison.observe import Observations

SESSIONS = 1000


def test_chance_is_that_of_visitors_and_not_of_their_sessions() -> None:
    """Twenty visitors with fifty sessions each speak one language each; alone, sessions would seem many."""
    visitor = np.arange(SESSIONS) // 50
    sides = [
        Observations(np.arange(SESSIONS), (np.random.default_rng(seed).random(20) < 0.5)[visitor].astype(np.float64))
        for seed in (1, 2)
    ]
    few, many = SessionVisitors(visitor, 20), SessionVisitors(np.arange(SESSIONS), SESSIONS)
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
