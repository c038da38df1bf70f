"""Calls by XMLHttpRequest, to other hosts, given up, and traced in W3C's form: each as the web client records it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from loadgen import traffic
from loadgen.rum.events import HTTP, XRAY
from loadgen.scenario import Scenario
from loadgen.wire.json_templates import date_details
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL, events, seen, small

ABSOLUTE = "https://api.example.com/v1/cart?lang=en"


def calls(telemetry: str, client: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Type and details of each http and X-Ray event of a site that calls by XMLHttpRequest and to another host."""
    api = f'api = [{{ path = "/api/a", via = "xhr" }}, "GET {ABSOLUTE}"]'
    text = SMALL.replace('api = ["GET /api/{item}", "POST /api/cart"]', api)
    scenario = Scenario.parse(
        f"{text}\n[telemetry.api]\n{telemetry}\n[client]\nenableXRay = true\n{client}", "small.toml"
    )
    found = []
    for event in events(traffic.draw_sessions(scenario, SEED)):
        if event.type in (HTTP, XRAY):
            found.append((event.type, json.loads(date_details(event.details, 1.8e9).replace('\\"', '"'))))
    return found


def keys(found: dict[str, Any]) -> list[str]:
    return list(found)


@pytest.mark.parametrize(
    ("telemetry", "xhr", "fetch"),
    [
        ('failures = { "500" = 1.0 }\nnetwork = 0', "response", "response"),
        ("failures = {}\nnetwork = 1.0", "XMLHttpRequest error", "TypeError"),
        ("aborted = 1.0", "XMLHttpRequest abort", "AbortError"),
    ],
)
def test_a_failed_call_has_the_members_of_its_way_in_their_order(telemetry: str, xhr: str, fetch: str) -> None:
    found = [details for kind, details in calls(telemetry) if kind == HTTP]
    for details in found:
        way = "xhr" if details["request"]["url"] == "/api/a" else "fetch"
        outcome = "response" if "response" in details else "error"
        ids = ["trace_id", "segment_id"]
        expected = [outcome, *ids] if way == "xhr" else [*ids, outcome]
        assert keys(details) == ["version", "request", *expected]
        assert keys(details["request"]) == (["method", "url"] if way == "xhr" else ["url", "method"])
        assert ("response" if outcome == "response" else details["error"]["type"]) == (xhr if way == "xhr" else fetch)
    assert {details["request"]["url"] for details in found} == {"/api/a", ABSOLUTE}


def test_a_trace_names_the_host_that_was_called_and_what_failed() -> None:
    for kind, details in calls("aborted = 1.0"):
        if kind == XRAY:
            call = details["subsegments"][0]
            xhr = call["http"]["request"]["url"] == "/api/a"
            assert call["name"] == ("shop.example.com" if xhr else "api.example.com")
            assert ("error" in call, "fault" in details) == (xhr, not xhr)
            assert "error" not in details  # an abort of XMLHttpRequest marks the call alone
            [cause] = call["cause"]["exceptions"]
            assert (cause == {"type": "XMLHttpRequest abort"}) == xhr  # and tells its name without a message
            assert keys(call)[-2:] == ["error" if xhr else "fault", "cause"]


@pytest.mark.parametrize("zero", [1.8e9, 1.8e9 + 0.0004, 1.8e9 + 0.9996])
def test_a_trace_id_tells_the_second_in_which_its_trace_starts(zero: float) -> None:
    """Both are whole milliseconds of one clock, also right before a new second."""
    for event in events(traffic.draw_sessions(small(enableXRay=True), SEED), XRAY):
        told = json.loads(date_details(event.details, zero).replace('\\"', '"'))
        assert int(told["trace_id"].split("-")[1], 16) == int(told["start_time"])
        assert told["start_time"] == round(told["start_time"], 3) <= told["end_time"]


def test_w3c_trace_ids_have_32_digits() -> None:
    found = [details["trace_id"] for _, details in calls('failures = { "500" = 1.0 }', "enableW3CTraceId = true")]
    assert found and all(re.fullmatch("[0-9a-f]{32}", each) for each in found)


def test_a_call_that_always_fails_does_and_leaves_the_others_alone() -> None:
    api = 'api = [{ path = "/api/a", failures = { "503" = 1 } }, "GET /api/b"]'
    text = SMALL.replace('api = ["GET /api/{item}", "POST /api/cart"]', api)
    scenario = Scenario.parse(f"{text}\n[telemetry.api]\nfailures = {{}}\nnetwork = 0", "small.toml")
    made = [event.details for event in events(seen(scenario, SEED), HTTP)]
    assert {(each.request.url, each.response.status) for each in made} == {("/api/a", 503)}
