"""Settings of the web client are read off its traffic, and none that is the client's own is written."""

from __future__ import annotations

from typing import Any

import pytest

from loadgen.jobs.fit.client_settings import find_settings
from loadgen.scenario import Scenario
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


def test_the_recording_of_sessions_is_a_telemetry() -> None:
    scenario = stretch(Scenario.load("quickstart"), 30)
    families = (*scenario.monitor.telemetries, "interaction", "replay")
    monitor = scenario.monitor.model_copy(update={"telemetries": families})
    assert find_settings(record(scenario.model_copy(update={"monitor": monitor}), 3), 5).telemetries == families
