"""Connections and scripts, read off navigation events."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.calibration.calibrate import correct_shortcuts
from loadgen.jobs.fit.calibration.generated import make_steady, record_generated
from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates.estimate import Seen, see_visits
from loadgen.jobs.fit.estimates.navigation import (
    SHOWN,
    NavigationFacts,
    Shortcuts,
    add_returns,
    find_documents,
    find_share,
    find_shortcuts,
    read_navigation,
)
from loadgen.jobs.fit.estimates.page_files import find_files
from loadgen.rum.events import PAGE_VIEW
from loadgen.scenario import Scenario
from loadgen.scenario.telemetry import Scripting
from tests.jobs.fit.round_trip import record, stretch

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


def plant(sessions: int, prerender: float = 0.0, unused: float = 0.0, **people: float) -> Scenario:
    scenario = stretch(Scenario.load("quickstart"), sessions)
    pages = {
        name: page.model_copy(update={"link": page.link.model_copy(update={"prerender": prerender, "unused": unused})})
        for name, page in scenario.pages.items()
    }
    population = scenario.population.model_copy(update=people)
    return scenario.model_copy(update={"pages": pages, "population": population})


def find(scenario: Scenario) -> Shortcuts:
    seen: Seen = see_visits(record(scenario, 3), 5)
    return find_shortcuts(seen.recorded, seen.visits, seen.loads, len(seen.site.names))


def test_usual_visits_have_none_of_these() -> None:
    found = find(plant(300))
    assert (found.tabs, found.restored, found.ahead) == (0, 0, {})
    assert found.backs > SHOWN


def test_returns_from_the_cache_are_told_from_steps_that_load() -> None:
    found = find(plant(500, bfcache=0.5, back=0.4))
    assert found.restored / (found.restored + found.backs) == pytest.approx(0.5, abs=0.1)
    assert found.tabs == 0


def test_prerendered_pages_are_no_second_tabs() -> None:
    found = find(plant(500, prerender=0.5))
    assert (found.tabs, found.restored) == (0, 0)
    assert list(found.ahead.values()) == pytest.approx([0.5] * len(found.ahead), abs=0.15)
    assert found.ahead


def test_pages_that_were_prerendered_for_nothing_are_no_views() -> None:
    plain, other = (see_visits(record(plant(250, unused=share), 3), 5) for share in (0.0, 0.5))
    views = [len(each.recorded.find_rows(PAGE_VIEW)) for each in (plain, other)]
    assert views[1] > views[0] + 40
    assert len(other.visits.page) == pytest.approx(views[0], abs=6)
    assert other.steps.leaving.exit == pytest.approx(plain.steps.leaving.exit, abs=0.03)


def test_what_follows_a_return_belongs_to_the_page_that_it_shows() -> None:
    """A page that came back counts on from its own number, which a view behind it has already."""
    seen = see_visits(record(plant(400, bfcache=0.5, back=0.4), 3), 5)
    events, visits = seen.recorded.events, seen.visits
    numbers = np.stack((visits.session, events.number[visits.row]))
    assert len(np.unique(numbers, axis=1).T) < len(visits.page) - 10
    view = visits.of_event
    assert (visits.path[view[view >= 0]] == events.page[view >= 0]).all()
    assert (view >= 0).mean() > 0.99


def test_steps_back_that_left_no_page_view_count() -> None:
    assert add_returns(0.2, 80, 20) == pytest.approx(0.36)
    assert add_returns(0.0, 0, 0) == 0


def test_shares_are_moved_to_where_they_show_what_was_recorded() -> None:
    """Few second tabs show, and those that do look as if the tab had been left."""
    sides = [see_visits(record(plant(400, ahead, new_tab=share), 3), 5) for ahead, share in ((0.5, 0.6), (0.2, 0.3))]
    shown = find_share(find_shortcuts(sides[0].recorded, sides[0].visits, sides[0].loads, len(sides[0].site.names)))
    assert 0.05 < shown < 0.4
    draft = Draft("x", "y")
    draft.sections |= {"population": {"new_tab": 0.3}, "telemetry": {"tab_switches": 0.1}}
    draft.pages = {"product": {"link": {"prerender": 0.2}}, "home": {}}
    correct_shortcuts(draft, *sides)
    assert draft.sections["population"]["new_tab"] == pytest.approx(0.6, abs=0.25)
    assert draft.sections["telemetry"]["tab_switches"] > 0.1
    assert draft.pages == {"product": {"link": {"prerender": pytest.approx(0.5, abs=0.15)}}, "home": {}}
