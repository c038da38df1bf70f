"""What is left out because nobody would see it changes nothing of what is seen."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from loadgen import client, traffic
from loadgen.model import Session
from loadgen.scenario import Scenario
from tests.paths import SCENARIOS
from tests.traffic.conftest import SEED
from tests.traffic.look import events

SETTINGS: list[dict[str, Any]] = [
    {},
    {"sessionEventLimit": 40},
    {"sessionEventLimit": 0},
    {"sessionEventLimit": 30, "sessionLengthSeconds": 45},
    {"sessionEventLimit": 40, "allowCookies": False},
]


def with_client(scenario: Scenario, settings: dict[str, Any]) -> Scenario:
    return scenario.model_copy(update={"client": scenario.client.model_copy(update=settings)})


def drawn(scenario: Scenario, *, only_recordable: bool, number: int = 60) -> list[Session]:
    return list(islice(traffic.draw_sessions(scenario, SEED, only_recordable=only_recordable), number))


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_scenarios_plans_are_the_same_to_the_last_count(path: Path) -> None:
    agree(Scenario.load(path).adjust(sample_rate=0.7))


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_the_plans_are_the_same_whatever_the_clients_settings(
    storefront: Scenario, rate: float, settings: dict[str, Any]
) -> None:
    agree(with_client(storefront.adjust(sample_rate=rate), settings))


def agree(scenario: Scenario) -> None:
    rate = scenario.monitor.sample_rate
    whole, fewer = (drawn(scenario, only_recordable=only) for only in (False, True))
    assert len(whole) == len(fewer) > 0
    for one, other in zip(whole, fewer, strict=True):
        assert client.plan(one, scenario.client, rate) == client.plan(other, scenario.client, rate)


def test_the_events_of_long_visits_beyond_the_limit_are_not_made(storefront: Scenario) -> None:
    scenario = with_client(storefront, {"sessionEventLimit": 200})
    whole, fewer = (drawn(scenario, only_recordable=only) for only in (False, True))
    left_out = sum(session.omitted_events for session in fewer)
    assert sum(1 for _ in events(whole)) == sum(1 for _ in events(fewer)) + left_out
    over = sum(client.plan(each, scenario.client, 1.0).counts.over_session_limit for each in whole)
    assert 0.5 * over < left_out <= over


def test_of_a_visit_that_is_not_sampled_one_event_is_made(storefront: Scenario) -> None:
    scenario = with_client(storefront.adjust(sample_rate=0.0), {"sessionLengthSeconds": 1e9})
    for session in drawn(scenario, only_recordable=True):
        assert sum(1 for _ in events([session])) == 1


def test_nothing_is_left_out_unless_asked(storefront: Scenario) -> None:
    scenario = with_client(storefront.adjust(sample_rate=0.0), {"sessionEventLimit": 5})
    assert not any(session.omitted_events for session in drawn(scenario, only_recordable=False))
