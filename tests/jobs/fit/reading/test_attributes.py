"""What a site adds to its sessions' metadata is read from bodies and logs; nobody's own value is told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import loadgen
from loadgen.jobs.fit.estimates.client_settings import find_settings
from loadgen.jobs.fit.reading.attributes import find_attributes, find_usual_attributes, list_by_share, read_attributes
from loadgen.jobs.fit.reading.recorded import Recorder
from loadgen.jobs.fit.reading.sources import read_file
from loadgen.scenario import Scenario
from tests.jobs.fit.forms import log_events, write_lines
from tests.jobs.fit.round_trip import stretch, write_traffic

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
