"""The same scenario and seed give the same sessions, whoever asks for which share."""

from __future__ import annotations

import hashlib
from itertools import islice, pairwise
from pathlib import Path

import msgspec
import pytest

from loadgen import traffic
from loadgen.model import Session
from loadgen.scenario import Scenario, load
from tests.traffic.conftest import SCENARIOS, SEED
from tests.traffic.look import events, loads, small

FINGERPRINTS = {
    "quickstart": "4be8c9fa8074586c74e37b2fa61c7aafef3d52fb4ddb4d053c313b31e69408cb",
    "storefront": "938e485104fc3c36e7ed5b5b86215616b0d688fc1adc24f281b1d0cb7871e0e4",
    "bad-release": "9f042127f7ac749103e947a1065728c036b9158c2e2c8d226f712fd7147548ad",
    "global-mobile-day": "56edd559a329e3797d1b2b25b01ec2d353af27cbb2b923c217f2506ed0a63f63",
    "news-flash-crowd": "ef154eb666f25d89a3954a23cf8a2d417e36b2a7920d84b0b54a2bc326332b8b",
    "noisy-neighbour": "0f0af5c9facf3dbaaf9c2aedacfbd0d2afea9afbaab1a520beb3f72e93784f12",
    "quota-probe": "2e8d4306076211961992b264fe940496fe6fcc97b08ff21e23340a8ea54d87af",
    "saas-dashboard": "afb1aa52a227fb00c951937d9b211cb38403c3ea5466ba0a386c09dd4d4b169c",
}
"""SHA-256 of the first 100 sessions as JSON. A change here is a change of the traffic: update knowingly."""


def fingerprint(path: Path) -> str:
    first = list(islice(traffic.sessions(load(path), 1), 100))
    assert not any(session.beyond for session in first)
    shown = [{name: value for name, value in msgspec.to_builtins(each).items() if name != "beyond"} for each in first]
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_first_sessions_of_a_shipped_scenario_stay_the_same(name: str) -> None:
    assert fingerprint(SCENARIOS / f"{name}.toml") == FINGERPRINTS[name]


def test_every_shipped_scenario_has_a_fingerprint() -> None:
    assert {path.stem for path in SCENARIOS.glob("*.toml")} == set(FINGERPRINTS)


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_the_shares_together_are_the_sessions_of_one(workers: int) -> None:
    scenario = small("[monitor]\ncustom_events = true", enableXRay=True, recordAllRequests=True)
    whole = list(traffic.sessions(scenario, 3))
    parts = [list(traffic.sessions(scenario, 3, (worker, workers))) for worker in range(workers)]
    assert all(parts)
    assert sorted((session for part in parts for session in part), key=lambda each: each.index) == whole


def test_the_shares_of_a_large_run_are_those_of_one_too(storefront: Scenario) -> None:
    scenario = storefront.adjusted(duration=150)
    whole = {session.index: session for session in traffic.sessions(scenario, 3)}
    parts = [{session.index: session for session in traffic.sessions(scenario, 3, (worker, 2))} for worker in (0, 1)]
    assert parts[0] | parts[1] == whole
    assert not parts[0].keys() & parts[1].keys()
    assert abs(len(parts[0]) - len(parts[1])) <= 128


def test_sessions_come_in_order_of_start(shop: list[Session]) -> None:
    assert [session.index for session in shop] == list(range(len(shop)))
    assert all(earlier.start <= later.start for earlier, later in pairwise(shop))


def test_sessions_start_when_the_arrivals_say(storefront: Scenario) -> None:
    scenario = storefront.adjusted(duration=20)
    assert [session.start for session in traffic.sessions(scenario, 3)] == traffic.starts(scenario, 3).tolist()


def test_another_seed_gives_other_sessions(storefront: Scenario) -> None:
    one, two = (list(traffic.sessions(storefront.adjusted(duration=5), seed)) for seed in (1, 2))
    assert {session.key for session in one}.isdisjoint(session.key for session in two)
    assert {event.id for event in events(one)}.isdisjoint(event.id for event in events(two))


def test_another_rate_or_duration_changes_only_when_and_how_many() -> None:
    scenarios = [small(), small().adjusted(duration=35), small().adjusted(rate=0.5)]
    found = [list(traffic.sessions(scenario, 5)) for scenario in scenarios]
    shortest = min(map(len, found))
    one, two, three = ([(each.visitor, each.loads, each.key) for each in sessions[:shortest]] for sessions in found)
    assert one == two == three


def test_ids_are_unique(shop: list[Session]) -> None:
    ids = [event.id for event in events(shop)]
    assert len(set(ids)) == len(ids)
    assert len({session.key for session in shop}) == len(shop)


def test_a_caller_who_pauses_gets_many_turns_and_the_same_sessions() -> None:
    turns = []
    paused = traffic.sessions(small(), 5, pause=lambda: turns.append(None))
    assert list(paused) == list(traffic.sessions(small(), 5))
    blocks = 2
    assert len(turns) > 50 * blocks


def test_nobody_comes_when_the_rate_is_zero() -> None:
    assert list(traffic.sessions(small().adjusted(rate=0.0), SEED)) == []


def test_loads_follow_one_another(shop: list[Session]) -> None:
    for session in shop:
        assert session.loads[0].at == 0
        for before, after in pairwise(session.loads):
            assert before.hides[-1] == after.at
    for load_ in loads(shop):
        assert load_.at < load_.ready < load_.hides[-1]
        assert list(load_.hides) == sorted(load_.hides)
