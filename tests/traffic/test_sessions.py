"""The same scenario and seed give the same sessions, whoever asks for which share."""

from __future__ import annotations

import hashlib
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadgen import traffic, wire
from loadgen.model import Batch, Session
from loadgen.rum.events import XRAY
from loadgen.scenario import Scenario, load
from tests.paths import SCENARIOS
from tests.traffic.conftest import SEED
from tests.traffic.look import SeenSession, events, loads, seen, small

FINGERPRINTS = {
    "quickstart": "4457a38f1d7dde1853bd16cf17b84db277fb4dfd11fa6200424efb00a5ef8836",
    "storefront": "72aa756c792d25e41069f916d66cd42c07290913deb9361d6fd4952fafff0f99",
    "bad-release": "0da51e54a71e82630240478e210266e648667fcb4d29fee7526c592b0bc1afda",
    "global-mobile-day": "0bcc5833c0256546fa292563598c8c5ab237566bec1c80f83f28c483fde2c3f9",
    "news-flash-crowd": "aea710ca863a2a5cd51e5627863396d0660851e80f27ddfe4d045beebfea8dd4",
    "noisy-neighbour": "0f3a1ba2af5c305a511fb019f76ceab28ce368b6fa02ce670e0f27fcdbb33047",
    "quota-probe": "4e5e687e6560562c56b6f03537116e4daa833f5dfdb5637655267e00b1f65d5c",
    "saas-dashboard": "4ce5ecd08623b56dc596185c587e5f03851a287d7bf807c8496c7ee8ad9be74d",
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


def list_ids(sessions: list[SeenSession]) -> set[object]:
    """What the sessions, their users, events and traces are known by."""
    known = {name for session in sessions for name in (session.key, session.visitor.user_id)}
    return known | {event.id for event in events(sessions)} | {trace.details.id for trace in events(sessions, XRAY)}


@pytest.mark.parametrize("other", [{"name": "other"}, {"monitor": small().monitor.named("other")}])
def test_scenarios_and_app_monitors_have_no_ids_in_common_under_one_seed(other: dict[str, Any]) -> None:
    """A store that takes events with an id that it knows for copies would lose the second one's."""
    scenario = small(enableXRay=True)
    one, two = (list_ids(list(seen(each, SEED))) for each in (scenario, scenario.model_copy(update=other)))
    assert one and two and one.isdisjoint(two)


def test_the_app_monitor_s_name_changes_ids_alone() -> None:
    one, two = (
        list(traffic.draw_sessions(small().model_copy(update={"monitor": small().monitor.named(name)}), SEED))
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
