"""A scenario and a population that several tests look at."""

from __future__ import annotations

import pytest

from loadgen.jobs.sampling.estimate import SessionPopulation, draw_population
from loadgen.scenario import Scenario
from tests.paths import SCENARIOS

STOREFRONT = SCENARIOS / "storefront.toml"


@pytest.fixture(scope="package")
def storefront() -> Scenario:
    return Scenario.load(STOREFRONT)


@pytest.fixture(scope="package")
def population(storefront: Scenario) -> SessionPopulation:
    return draw_population(storefront.adjust(duration=90), 7, 20_000)
