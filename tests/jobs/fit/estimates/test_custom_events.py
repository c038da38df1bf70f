"""Custom events come back with their objects, and with those inside; a page's items are known in them."""

from __future__ import annotations

from typing import Any

import pytest

from loadgen.jobs.fit.drafting.compose_pages import find_titles
from loadgen.jobs.fit.estimates.calls import fill_placeholders, find_calls
from loadgen.jobs.fit.estimates.custom_events import find_custom_events
from loadgen.jobs.fit.estimates.estimate import see_visits
from loadgen.scenario import CustomEvent, PageSpec, Scenario
from tests.jobs.fit.round_trip import record, stretch

SITE = """
name = "news"
monitor.custom_events = true
[pages.story]
path = "/story/{story}.html"
title = "{story} - News"
exit = 1
api = ["GET /api/notes/{story}.json"]
"""


def fit_details(details: dict[str, Any]) -> dict[str, Any]:
    """The object of a custom event in a fit."""
    scenario = stretch(Scenario.parse(SITE, "news"), 40)
    events = (CustomEvent(type="seen", details=details),)
    pages: dict[str, PageSpec] = {"story": scenario.pages["story"].model_copy(update={"events": events})}
    seen = see_visits(record(scenario.model_copy(update={"pages": pages}), 3), 5)
    found = find_custom_events(seen.recorded, seen.site, seen.visits, seen.walked, 5)
    return dict(found[0][0].get("details", {}))


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ({"depth": 75, "ad": {"slot": "top", "size": [300, 250], "seen": True}}, None),
        ({"cart": {"shop": {"currency": "EUR", "items": [{"kind": "shoe"}]}}}, None),
        ({"story": "{story}", "again": {"story": "{story}"}}, None),
        ({"who": {"mail": "ann@example.org", "plan": "gold"}}, {"who": {"plan": "gold"}}),
        ({"list": ["ok", "4111111111111111"], "ann@example.org": {"a": 1}}, {}),
        ({"huge": 1e300, "large": 10**40, "deep": {"sum": 123_456}}, {"deep": {"sum": 123_000}}),
        ({"long": "one two " * 40, "longer": "three four " * 30}, None),
    ],
)
def test_objects_within_objects_are_read(planted: dict[str, Any], found: dict[str, Any] | None) -> None:
    assert fit_details(planted) == (planted if found is None else found)


def test_items_of_paths_with_an_ending_are_known_in_titles_and_calls() -> None:
    seen = see_visits(record(stretch(Scenario.parse(SITE, "news"), 80), 3), 5)
    assert [each.path for each in seen.site.templates] == ["/story/{story}.html"]
    assert find_titles(seen.recorded, seen.site, seen.visits, seen.route, 5) == {0: "{story} - News"}
    calls = find_calls(seen.recorded, seen.site, seen.visits, seen.walked, 1)
    assert {call["path"] for call in calls.pages.get(0, [])} <= {"/api/notes/{story}.json"}
    assert fill_placeholders("/api/notes/red-shoe.json", "/api/notes/{note}.json", {"red-shoe": "{a}"}) == (
        "/api/notes/{a}.json"
    )
    assert fill_placeholders("/api/notes/17.json", "/api/notes/{note}.json", {}) == "/api/notes/0.json"
    assert fill_placeholders("/api/notes/17/", "/api/notes/{note}/", {"17": "{a}"}) == "/api/notes/{a}/"
    assert fill_placeholders("/m/red-shoe.m3u8", "/m/{m}", {"red-shoe": "{a}"}) == "/m/{a}.m3u8"
