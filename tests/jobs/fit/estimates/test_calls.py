"""A call is told with the host that it goes to, unless that is the pages' or somebody's own."""

from __future__ import annotations

import pytest

from loadgen.jobs.fit.estimates.calls import find_calls, split_origin
from loadgen.jobs.fit.estimates.estimate import see_visits
from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import record

SEARCH = """
name = "search"
duration = "1m"
monitor.domain = "shop.example.com"
client.recordAllRequests = true
arrivals.rate = 0.5

[pages.search]
path = "/search"
exit = 1
api = ["GET /api/cart", "GET https://find.example.com/v2/q?text=hat", "GET https://shop.example.com/api/me"]
"""


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://find.example.com/v2", "https://find.example.com"),
        ("https://shop.example.com:8443/v2", ""),  # the pages' own
        ("https://10.1.2.33/v2", ""),  # an address
        ("https://0f8fad5bd9cb469fa16570867728950e.example.com/v2", ""),  # an id
        ("https://Ünter.example/v2", ""),
        ("wss://find.example.com/v2", ""),
        ("/v2", ""),
    ],
)
def test_a_call_s_host_is_told_where_it_is_another_than_the_pages_and_nobody_s_own(url: str, origin: str) -> None:
    assert split_origin(url, {"shop.example.com"}) == (origin, "/v2")


def test_a_call_to_another_host_keeps_that_host() -> None:
    seen = see_visits(record(Scenario.parse(SEARCH, "search.toml"), 3), 5)
    found = find_calls(seen.recorded, seen.site, seen.visits, seen.walked, 5)
    assert {call["path"] for call in found.pages[0]} == {"/api/cart", "https://find.example.com/v2/q", "/api/me"}
