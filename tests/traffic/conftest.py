"""Sessions that several tests look at, made once."""

from __future__ import annotations

import pytest

from loadgen import traffic
from loadgen.model import Session
from loadgen.scenario import Scenario
from tests.paths import SCENARIOS
from tests.traffic.look import SeenSession, readable, seen

SEED = 20261121


@pytest.fixture(scope="session")
def storefront() -> Scenario:
    return Scenario.load(SCENARIOS / "storefront.toml")


@pytest.fixture(scope="session")
def written_shop(storefront: Scenario) -> list[Session]:
    """Some 1,300 sessions of the storefront, with every kind of event."""
    client = storefront.client.model_copy(update={"enableXRay": True})
    scenario = storefront.adjust(duration=60).model_copy(update={"client": client})
    return list(traffic.draw_sessions(scenario, SEED))


@pytest.fixture(scope="session")
def shop(written_shop: list[Session]) -> list[SeenSession]:
    """The same, the details of their events as nouns."""
    return list(map(readable, written_shop))


@pytest.fixture(scope="session")
def crowd(storefront: Scenario) -> list[SeenSession]:
    """Some 7,000 sessions of the storefront, for statistics."""
    return list(seen(storefront.adjust(duration=200), SEED))
