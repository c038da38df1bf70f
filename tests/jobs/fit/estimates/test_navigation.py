"""Connections and scripts, read off navigation events."""

from __future__ import annotations

import pytest

from loadgen.jobs.fit.calibration.calibrate import make_steady, record_generated
from loadgen.jobs.fit.estimates.estimate import see_visits
from loadgen.jobs.fit.estimates.files import find_files
from loadgen.jobs.fit.estimates.navigation import NavigationFacts, find_documents, read_navigation
from loadgen.scenario import Scenario
from loadgen.scenario.telemetry import Scripting

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


def test_a_document_has_the_size_of_the_item_that_most_loads_show() -> None:
    """Items differ in size, and a scenario states that of the first one."""
    scenario = Scenario.load("quickstart")
    stated = {name: page.model_copy(update={"document_bytes": 31_234}) for name, page in scenario.pages.items()}
    seen = see_visits(record_generated(make_steady(scenario.model_copy(update={"pages": stated}), 300), 300, 5), 5)
    page = seen.visits.page[seen.loads.view]
    found = find_documents(seen.loads, page, len(seen.site.names))
    items = [name for name, each in zip(seen.site.names, seen.site.templates, strict=True) if "{" in each.path]
    sizes = {seen.site.names[each]: members["document_bytes"] for each, members in found.items()}
    assert items and sizes.keys() >= set(items)
    assert set(sizes.values()) == {31_234}
