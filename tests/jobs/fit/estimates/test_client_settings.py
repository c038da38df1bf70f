"""Settings of the web client are read off its traffic, and none that is the client's own is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.client_settings import find_pile, find_settings
from loadgen.jobs.fit.estimates.estimate import see_visits
from loadgen.jobs.fit.estimates.page_files import find_files
from loadgen.scenario import Resources, Scenario
from tests.jobs.fit.round_trip import record, stretch

NOTHING: dict[str, Any] = {}

CASES: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({}, NOTHING),
    ({"dispatchInterval": 12_000}, {"dispatchInterval": 12_000}),
    ({"batchLimit": 15}, {"batchLimit": 15}),
    ({"batchLimit": 15, "sessionEventLimit": 30}, {"batchLimit": 15, "sessionEventLimit": 30}),
    ({"sessionEventLimit": 60, "recordResourceUrl": False}, {"sessionEventLimit": 60, "recordResourceUrl": False}),
    ({"enableXRay": True, "timeToInteractive": True}, {"enableXRay": True, "timeToInteractive": True}),
    ({"recordAllRequests": True, "installed": "cdn"}, {"recordAllRequests": True, "installed": "cdn"}),
    ({"allowCookies": False, "releaseId": "r7"}, {"allowCookies": False, "releaseId": "r7"}),
)


@pytest.mark.parametrize(("planted", "found"), CASES, ids=[", ".join(planted) or "nothing" for planted, _ in CASES])
def test_a_planted_setting_is_found_and_no_other(planted: dict[str, Any], found: dict[str, Any]) -> None:
    scenario = stretch(Scenario.load("quickstart"), 250)
    client = scenario.client.model_copy(update=planted)
    settings = find_settings(record(scenario.model_copy(update={"client": client}), 3), 5)
    assert settings.members == found
    assert settings.telemetries[:1] == ("errors",)


@pytest.mark.parametrize(("images", "limit", "told"), [(25, 40, 25), (30, 18, 18), (8, 40, None), (14, 10, None)])
def test_the_client_records_as_many_images_as_loads_show(images: int, limit: int, told: int | None) -> None:
    scenario = stretch(Scenario.load("quickstart"), 150)
    client = scenario.client.model_copy(update={"resourceEventLimit": limit, "recordResourceUrl": False})
    pages = {name: page.model_copy(update={"resources": Resources(image=images)})
             for name, page in scenario.pages.items()}  # fmt: skip
    recorded = record(scenario.model_copy(update={"client": client, "pages": pages}), 3)
    assert find_settings(recorded, 5).members.get("resourceEventLimit") == told
    seen = see_visits(recorded, 5)
    found = find_files(recorded, seen.visits, len(seen.site.names))
    assert found.usual["image"] == pytest.approx(min(images, limit), abs=2)
    assert "shared" not in found.usual  # without URLs no page shows which files others have


def test_the_recording_of_sessions_is_a_telemetry() -> None:
    scenario = stretch(Scenario.load("quickstart"), 30)
    families = (*scenario.monitor.telemetries, "interaction", "replay")
    monitor = scenario.monitor.model_copy(update={"telemetries": families})
    assert find_settings(record(scenario.model_copy(update={"monitor": monitor}), 3), 5).telemetries == families


def test_a_limit_is_seen_though_most_sessions_that_come_to_it_lack_their_last_events() -> None:
    """Sessions of a shop with large pages: 54 of 20,000 had 300 events, 94 had 299, none more."""
    usual = np.arange(10, 280).repeat(70)
    tail = np.repeat([283, 286, 290, 293, 294, 295, 296, 297, 298, 299, 300], [1, 2, 1, 3, 4, 3, 29, 48, 76, 94, 54])
    assert find_pile(np.concatenate((usual, tail)), 200) == 300
    assert find_pile(np.concatenate((usual, tail[tail < 296])), 200) == 0


def test_a_session_or_two_beyond_a_limit_do_not_hide_it() -> None:
    """A portal of games: 1,117 of 2,166 sessions had 100 events, one had 101."""
    counts = np.concatenate((np.arange(1, 100).repeat(10), np.full(1117, 100), [101]))
    assert find_pile(counts, 200) == 100
    assert find_pile(counts[counts != 100], 200) == 200


@pytest.mark.parametrize(("form", "path"), [("HASH", "/#/{product}"), ("PATH_AND_HASH", "/app#/{product}")])
def test_a_site_that_routes_by_what_is_behind_the_hash_says_so(form: str, path: str) -> None:
    scenario = stretch(Scenario.load("quickstart"), 60)
    pages = {**scenario.pages, "product": scenario.pages["product"].model_copy(update={"path": path})}
    client = scenario.client.model_copy(update={"pageIdFormat": form})
    recorded = record(scenario.model_copy(update={"client": client, "pages": pages}), 3)
    assert find_settings(recorded, 5).members["pageIdFormat"] == form
