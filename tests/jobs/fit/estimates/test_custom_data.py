"""What a site adds comes back: custom events with their objects, and attributes; nobody's own value is told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import loadgen
from loadgen.jobs.fit.drafting.compose_pages import find_titles
from loadgen.jobs.fit.estimates.calls import fill_placeholders, find_calls
from loadgen.jobs.fit.estimates.client_settings import find_settings
from loadgen.jobs.fit.estimates.custom_data import (
    find_attributes,
    find_custom_events,
    find_usual_attributes,
    list_by_share,
)
from loadgen.jobs.fit.estimates.estimate import see_visits
from loadgen.jobs.fit.reading.metadata import read_attributes
from loadgen.jobs.fit.reading.recorded import Recorder
from loadgen.jobs.fit.reading.sources import read_file
from loadgen.scenario import CustomEvent, PageSpec, Scenario
from tests.jobs.fit.forms import log_events, write_lines
from tests.jobs.fit.round_trip import record, stretch, write_traffic

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


NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize("form", ["bodies", "logs"])
def test_attributes_are_written_as_the_site_has_them(form: str, tmp_path: Path) -> None:
    """In logs a page's own attributes stand among them."""
    scenario = stretch(Scenario.load("quickstart"), 200)
    client = scenario.client.model_copy(
        update={
            "sessionAttributes": {"tier": ("free", "free", "free", "gold"), "beta": (True, False)},
            "applicationAttributes": {"edition": "eu"},
        }
    )
    pages = {
        name: page.model_copy(update={"attributes": {"section": name}}) for name, page in scenario.pages.items()
    }  # fmt: skip
    bodies = list(write_traffic(scenario.model_copy(update={"client": client, "pages": pages}), 3))
    path = tmp_path / form
    if form == "logs":
        write_lines(path, log_events(bodies))
    else:
        path.write_bytes(b"\n".join(bodies))
    recorder = Recorder()
    read_file(path, recorder, lambda read, events: None)
    found = find_settings(recorder.finish(), 5).members
    assert found["applicationAttributes"] == {"edition": "eu"}
    assert list(found["sessionAttributes"]) == ["beta", "tier"]
    tiers = Counter(found["sessionAttributes"]["tier"])
    assert tiers["free"] / tiers.total() == pytest.approx(0.75, abs=0.1)
    assert set(found["sessionAttributes"]["beta"]) == {True, False}


SECTIONS = """
name = "sections"
duration = "10m"
arrivals.rate = 0.15
monitor.custom_events = true
client.sessionAttributes = { tier = ["free", "gold"] }

[pages.home]
path = "/"
attributes = { section = "start", beta = true }
to = { item = 0.7 }
exit = 0.3
events = [{ type = "seen", metadata = { teaser = "A" } }]

[pages.item]
path = "/item/{item}"
attributes = { section = "shop" }
to = { home = 0.4 }
exit = 0.6
"""


@pytest.mark.parametrize("form", ["bodies", "logs"])
def test_pages_and_custom_events_get_back_what_is_their_own(form: str, tmp_path: Path) -> None:
    bodies = list(write_traffic(Scenario.parse(SECTIONS, "sections.toml"), 3))
    path = tmp_path / form
    if form == "logs":
        write_lines(path, log_events(bodies))
    else:
        path.write_bytes(b"\n".join(bodies))
    pages = loadgen.fit(path).scenario.pages
    assert pages["home"].attributes == {"section": "start", "beta": True}
    assert pages["item"].attributes == {"section": "shop"}
    assert [event.metadata for event in pages["home"].events] == [{"teaser": "A"}]


def test_a_page_has_no_attribute_of_few_sessions_and_none_of_a_part_of_its_views() -> None:
    texts = ['{"a":"x"}', '{"a":"x","who":"ann"}', '{"a":"y"}']
    places, sessions = np.array([0] * 18 + [1, 2]), np.arange(20)
    assert find_usual_attributes(texts, places, sessions, (), 5) == {"a": "x"}
    assert find_usual_attributes(texts, places, sessions, ("a",), 5) == {}
    assert find_usual_attributes(texts, places, sessions // 5, (), 5) == {}
    assert find_usual_attributes(texts, np.where(places == 0, 0, -1)[10:], sessions[10:], (), 5) == {}


def test_what_is_one_visitors_own_is_left_out() -> None:
    texts = {f'{{"customer":"c{number}","tier":"gold","mail":"a@example.org"}}': [number] for number in range(100)}
    assert find_attributes(texts, 100, NOBODY, 5) == {"applicationAttributes": {"tier": "gold"}}
    assert find_attributes(texts, 100, frozenset({"tier"}), 5) == {}
    assert find_attributes(texts, 200, NOBODY, 5) == {}
    assert find_attributes({'{"tier":"gold"}': [7] * 100}, 100, NOBODY, 5) == {}


def test_names_of_the_client_and_values_that_are_no_scalars_are_no_attributes() -> None:
    assert read_attributes('{"title":"x","aws:client":"y","localityName":"z","list":[1],"none":null}') is None
    assert read_attributes('{"b":1,"a":true}') == '{"a":true,"b":1}'
    assert read_attributes("[1]") is read_attributes("{") is None


def test_a_list_has_each_value_as_often_as_its_share_says() -> None:
    """The list is the shortest that has the shares but for a fortieth."""
    assert list_by_share([("free", 67), ("gold", 33)], 100) == ["free", "free", "gold"]
    assert list_by_share([("free", 71), ("gold", 29)], 100) == ["free"] * 5 + ["gold"] * 2
    assert list_by_share([("a", 960), ("b", 40)], 1000) == ["a"] * 10 + ["b"]
    assert list_by_share([("a", 50), ("b", 50)], 100) == ["a", "b"]
