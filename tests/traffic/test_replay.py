"""Session replay: off unless asked for, and then of the sizes and the cadence of the recordings that were captured."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from loadgen import traffic
from loadgen.model import Event, Session
from loadgen.rum.events import REPLAY
from loadgen.scenario import Scenario
from loadgen.wire.json_templates import date_details
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL, events, kinds, small

ON = '[monitor]\ntelemetries = ["errors", "performance", "http", "interaction", "replay"]'


@pytest.fixture(scope="module")
def replayed() -> Scenario:
    return small(ON)


@pytest.fixture(scope="module")
def visits(replayed: Scenario) -> list[Session]:
    return list(traffic.draw_sessions(replayed, SEED))


def read_recording(event: Event) -> dict[str, Any]:
    """The details at Unix time zero."""
    text = date_details(event.details, 0.0).replace('\\"', '"').replace("\\\\", "\\")
    found: dict[str, Any] = json.loads(text)
    return found


def test_sessions_are_not_recorded_unless_asked() -> None:
    assert REPLAY not in kinds(traffic.draw_sessions(small(), SEED))


def test_a_document_begins_with_its_whole_tree(visits: list[Session]) -> None:
    """Meta and FullSnapshot; 5 to 13 kB as captured."""
    for load in (load for session in visits for load in session.loads):
        recorded = [event for event in load.events if event.type == REPLAY]
        if recorded:
            first = read_recording(recorded[0])
            assert [entry["type"] for entry in first["events"][:2]] == [4, 2]
            assert 5_000 < len(json.dumps(first["events"][:2], separators=(",", ":"))) < 13_000
            assert all(entry["type"] == 3 for event in recorded[1:] for entry in read_recording(event)["events"])


def test_the_tree_tells_the_whole_address_of_its_document() -> None:
    text = f"{SMALL}{ON}".replace('"/item/{item}"', '"/item/{item}#/shown/{item}"')
    visits = traffic.draw_sessions(Scenario.parse(text, "small.toml").adjust(duration=4), SEED)
    found = [read_recording(event)["events"][0] for event in events(visits, REPLAY) if "/item/" in event.page.id]
    addresses = {entry["data"]["href"] for entry in found if entry["type"] == 4}
    assert addresses
    assert all(re.fullmatch(r"https://shop.example.com/item/([\w-]+)#/shown/\1", address) for address in addresses)


def test_five_seconds_or_fifty_entries_make_an_event(visits: list[Session]) -> None:
    for load in (load for session in visits for load in session.loads):
        recorded = [event for event in load.events if event.type == REPLAY]
        assert all(after.at - before.at > 4.999 for before, after in pairwise(recorded[:-1]))
        for event in recorded:
            told = read_recording(event)
            times = [entry["timestamp"] for entry in told["events"]]
            assert times == sorted(times) and times[-1] <= event.at * 1000 + 1
            assert told["eventCount"] == len(told["events"]) <= 51
            assert event.at * 1000 - times[0] <= 5001


def test_workers_share_the_recordings(replayed: Scenario, visits: list[Session]) -> None:
    parts = [session for worker in (0, 1) for session in traffic.draw_sessions(replayed, SEED, (worker, 2))]
    assert sorted(parts, key=lambda each: each.index) == visits


def test_a_recording_changes_nothing_else(visits: list[Session]) -> None:
    without = small(ON.replace(', "replay"', ""))
    plain = [event for event in events(visits) if event.type != REPLAY]
    assert plain == list(events(traffic.draw_sessions(without, SEED)))


def test_other_work_gets_a_turn_while_recordings_are_written(replayed: Scenario, visits: list[Session]) -> None:
    """They are long: one turn for 25 of them, so that a worker goes on sending meanwhile."""

    def count_turns(scenario: Scenario) -> int:
        turns: list[None] = []
        list(traffic.draw_sessions(scenario, SEED, pause=lambda: turns.append(None)))
        return len(turns)

    without = small(ON.replace(', "replay"', ""))
    assert count_turns(replayed) - count_turns(without) >= len(list(events(visits, REPLAY))) // 25
