"""What a site adds to the metadata of its sessions, pages and events."""

from __future__ import annotations

import json
from typing import Any

from loadgen import client, traffic, wire
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL

MORE = """
[client]
releaseId = "rel-7"
installed = "cdn"
sessionAttributes = { tier = ["free", "gold"], beta = true, build = 3 }
applicationAttributes = { team = "web" }
[monitor]
custom_events = true
"""


def bodies(text: str) -> list[dict[str, Any]]:
    scenario: Scenario = Scenario.parse(text, "small.toml")
    target = wire.Destination.for_scenario(scenario, "m", compression=False)
    return [
        json.loads(wire.encode(batch, target, wire.Clock(0.0)).request.body)
        for session in traffic.draw_sessions(scenario, SEED)
        for batch in client.plan(session, scenario.client, 1.0).batches
    ]


def test_attributes_stand_where_the_client_puts_them_and_a_visitor_keeps_them() -> None:
    """Behind the release id, before the version, first the session's and then the application's (as captured)."""
    found: dict[str, set[str]] = {}
    for body in bodies(SMALL + MORE):
        told = json.loads(body["SessionMetadata"])
        names = list(told)
        assert names[names.index("aws:releaseId") + 1 :][:4] == ["tier", "beta", "build", "team"]
        assert (told["beta"], told["build"], told["team"], told["aws:client"]) == (True, 3, "web", "arw-script")
        found.setdefault(body["UserDetails"]["userId"], set()).add(told["tier"])
    assert all(len(tiers) == 1 for tiers in found.values())
    assert {tier for tiers in found.values() for tier in tiers} == {"free", "gold"}


def test_pages_and_custom_events_have_metadata_of_their_own() -> None:
    shown = 'events = [{ type = "shown", details = { sku = "{item}", tags = ["a"] }'
    text = SMALL.replace(shown, f'attributes = {{ template = "T1" }}\n{shown}, metadata = {{ campaign = "autumn" }}')
    seen = set()
    for event in (event for body in bodies(text + MORE) for event in body["RumEvents"]):
        names = list(json.loads(event["metadata"]))
        item = json.loads(event["metadata"])["pageId"].startswith("/item/")
        assert ("template" in names) == item and names[0] == ("template" if item else "title")
        assert ("campaign" in names) == (event["type"] == "shown")
        seen.add(event["type"])
    assert "shown" in seen


def test_a_site_that_routes_behind_the_hash_counts_its_pages_as_it_says() -> None:
    for id_format, expected in (("PATH", {"/"}), ("HASH", {"#/", "#/item"}), ("PATH_AND_HASH", {"/#/", "/#/item"})):
        text = SMALL.replace('path = "/"', 'path = "/#/"').replace('path = "/item/{item}"', 'path = "/#/item"')
        text = text.replace('title = "{item}"', "").replace("GET /api/{item}", "GET /api/a").replace("{item}", "x")
        found = bodies(f'{text}\n[client]\npageIdFormat = "{id_format}"')
        events = [event for body in found for event in body["RumEvents"]]
        assert {json.loads(event["metadata"])["pageId"] for event in events} == expected
        views = [json.loads(event["details"]) for event in events if event["type"].endswith("page_view_event")]
        assert not any("#" in view["referrer"] for view in views)
