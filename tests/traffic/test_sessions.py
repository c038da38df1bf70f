"""The same scenario and seed give the same sessions, whoever asks for which share."""

from __future__ import annotations

import hashlib
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from loadgen import traffic, wire
from loadgen.model import Batch, Session
from loadgen.rum.events import XRAY
from loadgen.scenario import Arrivals, Scenario
from tests.paths import SCENARIOS
from tests.traffic.conftest import SEED
from tests.traffic.look import SeenSession, events, loads, seen, small

FINGERPRINTS = {
    "quickstart": "853c3589b0da4484092f7b49b2ac9a825681e1451a951fc48a4fe515b9840431",
    "storefront": "3aaf0c3d96576587adf6891d437005d7b2808eed3835f218b97c43fe19cd6a6a",
    "bad-release": "acb22fd89560575e339b15dc53d7520bb4eaf05df325db3fcdf81691eda7c73a",
    "global-mobile-day": "22ca01155efd4636dbe743e0f0e1c79597d0b441d89e174ebcb3b22a16feb697",
    "news-flash-crowd": "27515931945d1489bf8c55fbb044e5b944c033a1dd89d3a6cee76bee5ebb450a",
    "noisy-neighbour": "09034e426483b8e8ac820d23270ed4ec53daf703c2f1975cfb6616c3228f63ed",
    "quota-probe": "3ee9c40cef0bfb49d0c4db1278ad3b5cae583de15760631572c16abcf3e60574",
    "saas-dashboard": "6576540653fc38ec5b30e8d465e9fee6d0c7914b5f4d58d3b2e219174596df3e",
}
"""SHA-256 of the first 100 sessions as sent. A change here is a change of the traffic: update knowingly."""


CROWD = small().model_copy(update={"arrivals": Arrivals(visitors=40, pause=10)})
BACK = small().model_copy(update={"population": small().population.model_copy(update={"back": 0.4, "bfcache": 0.8})})


def fingerprint(path: Path) -> str:
    scenario, digest = Scenario.load(path), hashlib.sha256()
    destination = wire.Destination.for_scenario(scenario, "monitor", compression=False)
    for session in islice(traffic.draw_sessions(scenario, 1), 100):
        assert not session.omitted_events
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


def list_ids(sessions: list[SeenSession]) -> set[object]:
    """What the sessions, their users, events and traces are known by."""
    known = {name for session in sessions for name in (session.key, session.visitor.user_id)}
    return known | {event.id for event in events(sessions)} | {trace.details.id for trace in events(sessions, XRAY)}


@pytest.mark.parametrize("other", [{"name": "other"}, {"monitor": small().monitor.rename("other")}])
def test_scenarios_and_app_monitors_have_no_ids_in_common_under_one_seed(other: dict[str, Any]) -> None:
    """A store that takes events with an id that it knows for copies would lose the second one's."""
    scenario = small(enableXRay=True)
    one, two = (list_ids(list(seen(each, SEED))) for each in (scenario, scenario.model_copy(update=other)))
    assert one and two and one.isdisjoint(two)


def test_the_app_monitor_s_name_changes_ids_alone() -> None:
    one, two = (
        list(traffic.draw_sessions(small().model_copy(update={"monitor": small().monitor.rename(name)}), SEED))
        for name in ("one", "two")
    )
    for first, second in zip(one, two, strict=True):
        assert first.start == second.start
        assert [(each.type, each.at, each.page) for each in events([first])] == [
            (each.type, each.at, each.page) for each in events([second])
        ]


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


@pytest.mark.parametrize("scenario", [small(), CROWD, BACK], ids=["open", "closed", "back"])
def test_traits_are_those_of_the_sessions(scenario: Scenario) -> None:
    share = (1, 3)
    sessions = {session.index: session for session in traffic.draw_sessions(scenario, 5, share)}
    drawn = list(traffic.draw_traits(scenario, 5, share))
    index, traits = (np.concatenate(column) for column in zip(*drawn, strict=True))
    assert sorted(index.tolist()) == sorted(sessions)
    pages = len(scenario.pages)
    views = traits[:, : 3 * pages].reshape(-1, pages, 3).sum(axis=1)
    _, loads, restored = views.T
    assert (loads + restored).tolist() == [len(sessions[each].loads) for each in index.tolist()]
    returning = [sessions[each].visitor.returning for each in index.tolist()]
    assert any(np.array_equal(column, returning) for column in traits.T)
    if scenario is BACK:
        assert restored.sum() > 0
