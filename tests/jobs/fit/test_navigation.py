"""Connections and scripts, read off navigation events."""

from __future__ import annotations

import pytest

from loadgen.jobs.fit.calibrate import make_steady, record_generated
from loadgen.jobs.fit.estimate import see_visits
from loadgen.jobs.fit.files import find_files
from loadgen.jobs.fit.navigation import NavigationFacts, read_navigation
from loadgen.scenario import Scenario, Scripting

SESSIONS = 600


def read_shop(**telemetry: object) -> NavigationFacts:
    scenario = Scenario.load("quickstart")
    changed = scenario.model_copy(update={"telemetry": scenario.telemetry.model_copy(update=telemetry)})
    seen = see_visits(record_generated(make_steady(changed, SESSIONS), SESSIONS, 5), 5)
    return read_navigation(seen.loads, find_files(seen.recorded, seen.visits, len(seen.site.names)).cold)


def test_connections_that_were_there_and_what_scripts_cost_are_told() -> None:
    found = read_shop(preconnected=0.7, scripting=Scripting(network=2.0, ready_ms=20.0))
    assert found.preconnected == pytest.approx(0.7, abs=0.08)
    assert found.scripting is not None
    assert found.scripting["network"] == pytest.approx(2.0, rel=0.15)
    assert found.scripting["ready_ms"] == pytest.approx(20, rel=0.3)
    assert found.cold > 100
