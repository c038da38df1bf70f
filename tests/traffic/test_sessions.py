"""The same scenario and seed give the same sessions, whoever asks for which share."""

from __future__ import annotations

import hashlib
from itertools import islice, pairwise
from pathlib import Path

import msgspec
import pytest

from loadgen import traffic, wire
from loadgen.model import Batch, Session
from loadgen.scenario import Scenario, load
from tests.paths import SCENARIOS
from tests.traffic.conftest import SEED
from tests.traffic.look import events, loads, small

FINGERPRINTS = {
    "quickstart": "86eb8ef23a534724fa1249b2fd6af9f9237dfeda02a6e92b28ec7ed3fd9df372",
    "storefront": "6e89269024beced654dadf2f0f44ad905c1b92815f0bb8081fa9f6f59adcb941",
    "bad-release": "c1d5e2399d83fedc439e285b1b8201871700871654827379c778381cd0368f40",
    "global-mobile-day": "f2426c8f576be89113e0044d4c6d8d22c6e64e8d41bd3d3a5f72167067007152",
    "news-flash-crowd": "5e4671e6c0a12255dc5e35180444b8d03daaa6d69a1dd151e17874b05b7d81ba",
    "noisy-neighbour": "c5847f4388e15be4608849d16e0a12cacac2044234846d0ab0038b06a68b9c07",
    "quota-probe": "d834e5b00d2d254c9d038d6372df3f8d99045d69efaa2f8203025eb3d5fd8838",
    "saas-dashboard": "4f76f1ab624176c038db774f80c6b2a05aa31ef9d905f949e89e7c4cae5cf58b",
}
"""SHA-256 of the first 100 sessions as sent. A change here is a change of the traffic: update knowingly."""


def fingerprint(path: Path) -> str:
    scenario, digest = load(path), hashlib.sha256()
    destination = wire.Destination.for_scenario(scenario, "monitor", compression=False)
    for session in islice(traffic.draw_sessions(scenario, 1), 100):
        assert not session.beyond
        lives = [(load.at, load.ready, load.hides) for load in session.loads]
        digest.update(msgspec.json.encode((session.index, session.key, session.start, session.visitor, lives)))
        for number, each in enumerate(session.loads):
            whole = Batch("", session.index, number, session.start, "", session.visitor, "", each.events, session.start)
            digest.update(wire.encode(whole, destination, wire.Clock(0.0)).request.body)
    return digest.hexdigest()


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_first_sessions_of_a_shipped_scenario_stay_the_same(name: str) -> None:
    assert fingerprint(SCENARIOS / f"{name}.toml") == FINGERPRINTS[name]


def test_every_shipped_scenario_has_a_fingerprint() -> None:
    assert {path.stem for path in SCENARIOS.glob("*.toml")} == set(FINGERPRINTS)


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_the_shares_together_are_the_sessions_of_one(workers: int) -> None:
    scenario = small("[monitor]\ncustom_events = true", enableXRay=True, recordAllRequests=True)
    whole = list(traffic.draw_sessions(scenario, 3))
    parts = [list(traffic.draw_sessions(scenario, 3, (worker, workers))) for worker in range(workers)]
    assert all(parts)
    assert sorted((session for part in parts for session in part), key=lambda each: each.index) == whole


def test_the_shares_of_a_large_run_are_those_of_one_too(storefront: Scenario) -> None:
    scenario = storefront.adjust(duration=150)
    whole = {session.index: session for session in traffic.draw_sessions(scenario, 3)}
    parts = [
        {session.index: session for session in traffic.draw_sessions(scenario, 3, (worker, 2))} for worker in (0, 1)
    ]
    assert parts[0] | parts[1] == whole
    assert not parts[0].keys() & parts[1].keys()
    assert abs(len(parts[0]) - len(parts[1])) <= 128


def test_sessions_come_in_order_of_start(shop: list[Session]) -> None:
    assert [session.index for session in shop] == list(range(len(shop)))
    assert all(earlier.start <= later.start for earlier, later in pairwise(shop))


def test_sessions_start_when_the_arrivals_say(storefront: Scenario) -> None:
    scenario = storefront.adjust(duration=20)
    assert [session.start for session in traffic.draw_sessions(scenario, 3)] == traffic.draw_starts(
        scenario, 3
    ).tolist()


def test_another_seed_gives_other_sessions(storefront: Scenario) -> None:
    one, two = (list(traffic.draw_sessions(storefront.adjust(duration=5), seed)) for seed in (1, 2))
    assert {session.key for session in one}.isdisjoint(session.key for session in two)
    assert {event.id for event in events(one)}.isdisjoint(event.id for event in events(two))


def test_another_rate_or_duration_changes_only_when_and_how_many() -> None:
    scenarios = [small(), small().adjust(duration=35), small().adjust(rate=0.5)]
    found = [list(traffic.draw_sessions(scenario, 5)) for scenario in scenarios]
    shortest = min(map(len, found))
    one, two, three = ([(each.visitor, each.loads, each.key) for each in sessions[:shortest]] for sessions in found)
    assert one == two == three


def test_ids_are_unique(shop: list[Session]) -> None:
    ids = [event.id for event in events(shop)]
    assert len(set(ids)) == len(ids)
    assert len({session.key for session in shop}) == len(shop)


def test_a_caller_who_pauses_gets_many_turns_and_the_same_sessions() -> None:
    turns: list[None] = []
    paused = traffic.draw_sessions(small(), 5, pause=lambda: turns.append(None))
    assert list(paused) == list(traffic.draw_sessions(small(), 5))
    blocks = 2
    assert len(turns) > 50 * blocks


def test_nobody_comes_when_the_rate_is_zero() -> None:
    assert list(traffic.draw_sessions(small().adjust(rate=0.0), SEED)) == []


def test_loads_follow_one_another(shop: list[Session]) -> None:
    for session in shop:
        assert session.loads[0].at == 0
        for before, after in pairwise(session.loads):
            assert after.at <= before.hides[-1] < after.ready  # shown until the answer for the next comes
    for load_ in loads(shop):
        assert load_.at < load_.ready < load_.hides[-1]
        assert list(load_.hides) == sorted(load_.hides)
