"""The console follows the store: what comes later, what leaves, what a stranger wrote; and what comes in, live."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.endpoint.console import columns, console_table
from loadgen.endpoint.console.columns import OVERFLOW, WORD_CHARACTERS
from loadgen.endpoint.console.ingestion import find_member
from loadgen.endpoint.service import RumService
from loadgen.endpoint.store import Store
from loadgen.model import Response
from tests.endpoint.conftest import KEYS, NOW, Caller, batch, event
from tests.endpoint.console.looking import Looker
from tests.endpoint.sockets import ask

MS = int(NOW * 1000)
ALL = {"from": 0, "to": MS * 2}

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "\u202egnp.exe\u2066",
    "\x00\x07\x1b[31mred",
    "a" * 900,
    "'); DROP TABLE events; --",
    "\ud83d half a pair",
    "%s {0} ${x}",
    "",
]


def put_page(caller: Caller, monitor: str, name: str) -> None:
    metadata = json.dumps({"pageId": name, "browserName": name, "countryCode": name})
    details = json.dumps({"version": "1.0.0", "type": "Error", "message": name})
    bad = event(type="com.amazon.rum.js_error_event", metadata=metadata, details=details)
    body = batch() | {"RumEvents": [event(metadata=metadata), bad]}
    assert caller.put(monitor, body).status == 200


def test_what_comes_later_is_read_too(looker: Looker) -> None:
    caller = looker.caller
    monitor = caller.monitor()
    seen = []
    for count in (1, 2, 3):
        caller.put(monitor, batch(count))
        seen.append(looker.view("overview", monitor=monitor, **ALL)["now"]["events"])
    assert seen == [1, 3, 6]


def test_the_version_of_what_is_shown_changes_with_all_of_it(looker: Looker) -> None:
    caller = looker.caller
    read = partial(looker.view, "status")
    versions = [read()["version"]]
    monitor = caller.monitor()
    metrics = {"Destination": "CloudWatch"}
    steps: tuple[Callable[[], Response], ...] = (
        lambda: caller.put(monitor, batch()),
        lambda: caller.send("PATCH", "/appmonitor/shop", {"Domain": "other.example"}),
        lambda: caller.send("POST", "/rummetrics/shop/metricsdestination", metrics),
        lambda: caller.send("DELETE", "/rummetrics/shop/metricsdestination?destination=CloudWatch"),
        lambda: caller.send("DELETE", "/appmonitor/shop"),
    )
    for work in steps:
        versions.append(read()["version"])
        assert work().status == 200
    versions.append(read()["version"])
    assert len(set(versions)) == len(versions)
    assert read()["version"] == versions[-1], "and with nothing else"


def test_another_endpoint_with_the_same_counts_has_another_version(callers: Callable[..., Caller]) -> None:
    versions = set()
    for _ in range(2):
        looker = Looker(callers())
        looker.caller.put(looker.caller.monitor(), batch())
        versions.add(looker.view("status")["version"])
        looker.close()
    assert len(versions) == 2


def test_monitors_do_not_mix(looker: Looker) -> None:
    first, second = looker.caller.monitor("one"), looker.caller.monitor("two")
    looker.caller.put(first, batch(3))
    looker.caller.put(second, batch(4))
    assert looker.view("overview", monitor=second, **ALL)["now"]["events"] == 4


def test_dropped_events_are_not_counted(looker: Looker) -> None:
    monitor = looker.caller.monitor()
    events = [event(type="my.own"), event(), event(timestamp=1), event()]
    looker.caller.put(monitor, batch() | {"RumEvents": events})
    shown = looker.view("events", monitor=monitor, **ALL)["events"]
    assert [each["event"]["event_id"] for each in shown] == [events[3]["id"], events[1]["id"]]


def test_batches_that_leave_the_store_leave_the_console(callers: Callable[..., Caller]) -> None:
    looker = Looker(callers(max_memory_bytes=20_000))
    monitor = looker.caller.monitor()
    for _ in range(100):
        looker.caller.put(monitor, batch(2))
        looker.status()
    kept = looker.caller.store.read("SELECT sum(events) FROM batches")[0][0]
    assert kept < 200
    assert looker.view("overview", monitor=monitor, **ALL)["now"]["events"] == kept
    looker.close()


def test_the_table_is_bounded(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_table, "MOST_EVENTS", 50)
    monitor = looker.caller.monitor()
    for _ in range(40):
        looker.caller.put(monitor, batch(2))
        looker.status()
    status = looker.status()
    assert status["cut"] and status["events"] <= 50
    assert looker.view("overview", monitor=monitor, **ALL)["now"]["events"] == status["events"]


def test_the_number_of_names_is_bounded(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MOST_WORDS", 30)
    monitor = looker.caller.monitor()
    for number in range(30):
        put_page(looker.caller, monitor, f"/{number}")
    rows = looker.view("pages", monitor=monitor, **ALL)["rows"]
    assert len(rows) < 30
    assert {row["name"]: row["views"] for row in rows}[OVERFLOW] == 30 - (len(rows) - 1)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_counted_like_another(looker: Looker, name: str) -> None:
    monitor = looker.caller.monitor()
    put_page(looker.caller, monitor, "/")
    put_page(looker.caller, monitor, name)
    shown = name.replace("\ud83d", "\ufffd")[:WORD_CHARACTERS]
    rows = looker.view("pages", monitor=monitor, **ALL)["rows"]
    assert {row["name"]: row["errors"] for row in rows} == {"/": 1, shown: 1}
    assert {row["message"] for row in looker.view("errors", monitor=monitor, **ALL)["rows"]} == {"/", shown}
    if shown:
        found = looker.view("events", monitor=monitor, page=shown, **ALL)["events"]
        assert len(found) == 2
        assert {each["event"]["metadata"]["pageId"] for each in found} == {name}


@pytest.mark.parametrize(
    "details",
    [
        '{"value":"much"}',
        '{"value":1e999}',
        '{"value":null}',
        "{}",
        '{"value":' + "[" * 900 + "]" * 900 + "}",
        '{"duration":{},"request":[],"message":7}',
    ],
)
@pytest.mark.parametrize("kind", ["largest_contentful_paint", "performance_navigation", "http", "js_error"])
def test_odd_details_harm_no_view(looker: Looker, kind: str, details: str) -> None:
    monitor = looker.caller.monitor()
    odd = event(type=f"com.amazon.rum.{kind}_event", details=details, metadata='{"pageId":["/"],"browserName":5}')
    assert looker.caller.put(monitor, batch() | {"RumEvents": [odd]}).status == 200
    for view in ("overview", "pages", "vitals", "clients", "errors", "http", "journey", "sessions", "events"):
        looker.view(view, monitor=monitor, **ALL)
    assert looker.view("overview", monitor=monitor, **ALL)["now"]["events"] == 1


def test_monitors_are_shown_with_what_hangs_on_them(looker: Looker) -> None:
    caller = looker.caller
    monitor = caller.monitor("shop", Tags={"team": "web"})
    caller.put(monitor, batch(3) | {"RumEvents": [event(), event(timestamp=NOW - 60), event(type="own")]})
    caller.put(monitor, {})
    destination = {"Destination": "CloudWatch"}
    caller.json("POST", "/rummetrics/shop/metricsdestination", destination)
    pattern = '{"event_type":["com.amazon.rum.js_error_event"]}'
    definition = {"Name": "JsErrorCount", "EventPattern": pattern}
    caller.json("POST", "/rummetrics/shop/metrics", destination | {"MetricDefinitions": [definition]})
    (shown,) = looker.view("monitors")
    assert shown["monitor"]["State"] == "ACTIVE"
    assert shown["monitor"]["Tags"] == {"team": "web"}
    assert (shown["requests"], shown["events"], shown["dropped"]) == (1, 2, 1)
    assert (shown["first"], shown["last"]) == (MS - 60_000, MS)
    assert shown["rejected"]["refused"] == 1
    assert shown["metrics"][0]["definitions"][0]["Name"] == "JsErrorCount"
    assert shown["policy"] is None


# What comes in


def test_calls_are_shown_with_what_became_of_them(looker: Looker) -> None:
    monitor = looker.caller.monitor()
    looker.caller.put(monitor, batch(2))
    looker.caller.put(monitor, batch() | {"RumEvents": [event(type="own")]})
    looker.caller.put(str(uuid.uuid4()), batch())
    shown = looker.view("ingestion")
    assert [call["status"] for call in shown["calls"]] == [404, 200, 200]
    assert shown["calls"][1]["dropped_events"][0]["reason"].startswith("custom events are disabled")
    assert shown["calls"][0]["code"] == "ResourceNotFoundException"
    assert looker.view("ingestion", after=2)["calls"][0]["number"] == 3
    assert shown["seconds"][-1]["refused"] == 1
    assert shown["settings"]["quota"] is None


@pytest.mark.parametrize("pack", [False, True])
def test_a_refusal_is_shown_with_its_body_and_the_offending_members(looker: Looker, pack: bool) -> None:
    bad = batch() | {"RumEvents": [event(), event(id="no uuid", details="[1]")]}
    body = json.dumps(bad).encode()
    headers = (("content-encoding", "gzip"),) if pack else ()
    looker.caller.put(looker.caller.monitor(), gzip.compress(body) if pack else body, headers=headers)
    number = looker.view("ingestion")["refusals"][0]["call"]["number"]
    shown = looker.view("refusal", number=number)
    assert shown["call"]["code"] == "ValidationException"
    assert {"path": "rumEvents.2.member.id", "value": "no uuid"} in shown["members"]
    assert json.loads(shown["body"]) == bad
    looker.view("refusal", 404, number=number + 1)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("rumEvents.1.member.id", 7),
        ("batchId", "b"),
        ("rumEvents.2.member.id", None),
        ("rumEvents.x", None),
        ("a.b.c", None),
    ],
)
def test_a_member_is_found_by_the_path_of_the_message(path: str, value: Any) -> None:
    assert find_member('{"BatchId":"b","RumEvents":[{"id":7}]}', path) == value


def test_a_refused_body_that_is_no_text_is_shown_as_far_as_it_goes(looker: Looker) -> None:
    looker.caller.put(looker.caller.monitor(), b"\xff\x00{", headers=(("content-encoding", "gzip"),))
    number = looker.view("ingestion")["number"]
    assert looker.view("refusal", number=number)["body"] == "(no gzip data: ff 00 7b)"


# A store of another time


def test_a_store_of_another_time_is_looked_at_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rum.sqlite"
    store = Store(path)
    old = RumService(EndpointSettings(credentials=(KEYS,)), store, clock=lambda: NOW - 400 * 86_400)
    caller = Caller()
    caller.store, caller.endpoint, caller.clock.now = store, old, NOW - 400 * 86_400
    monitor = caller.monitor()
    assert caller.put(monitor, batch(3, at=caller.clock())).status == 200
    store.close()
    with Endpoint(EndpointSettings(credentials=(KEYS,), read_only=True), path) as endpoint:
        body = ask(endpoint, "GET", f"/_loadgen/api/overview?monitor={monitor}&from=0&to={MS}")[1]
        assert json.loads(body)["now"]["events"] == 3
        assert json.loads(ask(endpoint, "GET", "/_loadgen/api/status")[1])["live"] is False
        assert ask(endpoint, "POST", f"/appmonitors/{monitor}", batch())[0] == 404
        assert ask(endpoint, "POST", "/appmonitors")[0] == 404
    store = Store(path)
    assert store.count_accepted(None)[:2] == (1, 3)
    store.close()
