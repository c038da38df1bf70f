"""Distances: a difference is one of chance where few visitors made all of it."""

from __future__ import annotations

import numpy as np

from loadgen.jobs.fit.distances import SessionVisitors, find_variation, measure_distance
from loadgen.jobs.fit.observe import Observations

SESSIONS = 1000


def test_chance_is_that_of_visitors_and_not_of_their_sessions() -> None:
    """Twenty visitors with fifty sessions each speak one language each; alone, sessions would seem many."""
    visitor = np.arange(SESSIONS) // 50
    sides = [
        Observations(np.arange(SESSIONS), (np.random.default_rng(seed).random(20) < 0.5)[visitor].astype(np.float64))
        for seed in (1, 2)
    ]
    few, many = SessionVisitors(visitor, 20), SessionVisitors(np.arange(SESSIONS), SESSIONS)
    by_visitor = measure_distance(sides[0], sides[1], (few, few), find_variation)
    by_session = measure_distance(sides[0], sides[1], (many, many), find_variation)
    assert by_visitor.value == by_session.value
    assert by_visitor.high > 4 * by_session.high
