"""A small scenario to rehearse, and demands made by hand."""

from __future__ import annotations

import numpy as np

from loadgen.jobs.plan.batch_profile import BatchProfile, FirstAttempts, profile_batches
from loadgen.jobs.plan.demand import Demand, measure_demand
from loadgen.planned import planned
from loadgen.scenario import Client, Scenario

TEXT = """
name = "shop"
duration = "60s"
arrivals.rate = 4

[pages.home]
path = "/"
to = { product = 0.6 }
exit = 0.4

[pages.product]
path = "/product/{product}"
to = { product = 0.4 }
exit = 0.6
"""
SHOP = Scenario.parse(TEXT, "shop.toml")


def rehearsed(scenario: Scenario = SHOP, seed: int = 1) -> BatchProfile:
    """Every session of a scenario."""
    return profile_batches(planned(scenario, seed), scenario)


def demand_of(scenario: Scenario = SHOP, seed: int = 1) -> Demand:
    """The exact demand of a scenario."""
    return measure_demand(scenario, rehearsed(scenario, seed))


def handmade(due: list[float], duration: float = 60.0, beacon: bool = False, client: Client | None = None) -> Demand:
    """One event in each of some batches."""
    made, moments = handmade_profile(len(due)), np.array(due, dtype=np.float64)
    attempts = made.attempts._replace(due=moments, beacon=np.full(len(due), beacon))
    scenario = SHOP.model_copy(update={"client": client or Client(), "duration": duration})
    return measure_demand(scenario, made._replace(starts=moments, attempts=attempts))


def handmade_profile(count: int) -> BatchProfile:
    """Sessions with one batch of one event each, all due at once."""
    ones, never = np.ones(count, dtype=np.int64), np.zeros(count, dtype=bool)
    return BatchProfile(
        starts=np.zeros(count),
        begins=np.arange(count + 1),
        counts=np.zeros((count, 4), dtype=np.int64),
        attempts=FirstAttempts(np.zeros(count), ones, ones, ones, beacon=never, preflight=never),
        client_session=np.zeros(count, dtype=np.int64),
    )
