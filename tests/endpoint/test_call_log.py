"""The log of calls: what became of each PutRumEvents call, why, and counts a second."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from loadgen.endpoint.call_log import BODY_BYTES, CALLS, OLDER_PROBLEMS, REFUSALS, CallLog, PutCall
from loadgen.endpoint.faults import Faults
from loadgen.model import Request
from tests.endpoint.conftest import NOW, Caller, batch, event


def test_an_accepted_call_is_logged_with_its_monitor_events_and_size(caller: Caller) -> None:
    monitor = caller.monitor()
    body = json.dumps(batch(3)).encode()
    caller.put(monitor, body)
    (call,) = caller.endpoint.calls.calls
    assert (call.status, call.monitor, call.events, call.dropped) == (200, monitor, 3, 0)
    assert (call.body_bytes, call.at, call.number) == (len(body), NOW, 1)
    assert call.milliseconds > 0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (event(timestamp=int(NOW) - 31 * 86_400), "its timestamp is older than 30 d"),
        (event(type="my.checkout"), "custom events are disabled for this app monitor (CustomEvents)"),
        (event(details=json.dumps({"text": "x" * 7000})), "details and metadata have"),
    ],
)
def test_a_dropped_event_is_logged_with_the_rule_that_it_broke(caller: Caller, bad: Any, reason: str) -> None:
    body = batch() | {"RumEvents": [event(), bad]}
    caller.put(caller.monitor(), body)
    (call,) = caller.endpoint.calls.calls
    assert (call.status, call.events, call.dropped) == (200, 1, 1)
    (dropped,) = call.dropped_events
    assert (dropped.position, dropped.type) == (1, bad["type"])
    assert dropped.reason.startswith(reason)


def test_an_ill_named_custom_event_is_logged_as_dropped(caller: Caller) -> None:
    monitor = caller.monitor(CustomEvents={"Status": "ENABLED"})
    caller.put(monitor, batch() | {"RumEvents": [event(type="my checkout")]})
    (call,) = caller.endpoint.calls.calls
    assert "letters, digits" in call.dropped_events[0].reason


def test_a_refused_call_is_logged_with_the_whole_message_and_its_body(caller: Caller) -> None:
    body = json.dumps(batch() | {"RumEvents": [event(id="no uuid")]}).encode()
    caller.put(caller.monitor(), body)
    (refusal,) = caller.endpoint.calls.refusals
    assert (refusal.call.status, refusal.call.code) == (400, "ValidationException")
    assert "'rumEvents.1.member.id'" in refusal.call.message
    assert (refusal.body, refusal.peer) == (body, "127.0.0.1")
    assert caller.endpoint.calls.find_refusal(1) is refusal


def test_what_a_stranger_names_is_cut(caller: Caller) -> None:
    caller.put("x" * 5000, b"{" + b" " * BODY_BYTES)
    (refusal,) = caller.endpoint.calls.refusals
    assert len(refusal.call.monitor) == len(refusal.call.target) == 200
    assert refusal.body is None


@pytest.mark.parametrize("path", ["/wrong/place", "/v1/rum"])
def test_a_post_to_no_operation_is_logged_as_refused(caller: Caller, path: str) -> None:
    caller.send("POST", path, batch())
    caller.send("GET", path)
    (call,) = caller.endpoint.calls.calls
    assert (call.target, call.monitor) == (path, "")
    assert call.code in ("UnknownOperationException", "NotImplementedException")


def test_throttled_and_failed_calls_are_counted_a_second(callers: Callable[..., Caller]) -> None:
    caller = callers(quota=1.0, burst=2.0)
    monitor = caller.monitor()
    for _ in range(3):
        caller.put(monitor, batch(2))
    caller.clock.now += 1
    caller.put("unknown", batch())
    caller.put(monitor, batch())
    first, second = caller.endpoint.calls.seconds
    assert (first.accepted, first.throttled, first.events, first.refused) == (2, 1, 4, 0)
    assert (second.refused, second.throttled) == (1, 1)
    assert not [each for each in caller.endpoint.calls.refusals if each.call.status == 429]


def test_an_injected_fault_shows_in_the_log(callers: Callable[..., Caller]) -> None:
    caller = callers(faults=Faults(drops=1.0))
    caller.put(caller.monitor(), batch())
    (call,) = caller.endpoint.calls.calls
    assert (call.status, call.dropped_connection) == (500, True)


def test_calls_of_a_commit_that_failed_are_failed(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = caller.monitor()
    caller.put(monitor, batch())

    def fail() -> None:
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setattr(caller.store, "commit", fail)
    assert caller.put(monitor, batch()).status == 500
    assert [call.status for call in caller.endpoint.calls.calls] == [200, 500]
    assert "disk full" in caller.endpoint.calls.calls[1].message


def test_the_log_is_bounded() -> None:
    log = CallLog()
    for second in range(CALLS + 10):
        call = PutCall(float(second), "/", 0, status=400)
        log.add(call)
        log.note_refusal(call, Request("POST", "/", ()), "127.0.0.1")
    assert (len(log.calls), len(log.refusals), len(log.seconds)) == (CALLS, REFUSALS, 900)
    assert log.number == CALLS + 10


@pytest.mark.parametrize("kind", ["refused", "dropped"])
def test_a_problem_is_remembered_however_many_accepted_calls_follow(caller: Caller, kind: str) -> None:
    monitor = caller.monitor()
    caller.put(monitor, batch())
    bad = {"id": "no uuid"} if kind == "refused" else {"timestamp": 1}
    caller.put(monitor, batch() | {"RumEvents": [event(**bad)]})
    log = caller.endpoint.calls
    for _ in range(CALLS):
        log.add(PutCall(NOW, "/", 0, status=200))
    shown = caller.json("GET", "/_loadgen/calls")
    assert [call["number"] for call in shown["calls"]] == [2, *range(3, CALLS + 3)]
    assert caller.json("GET", "/_loadgen/calls?after=2")["calls"][0]["number"] == 3
    for _ in range(CALLS):
        log.add(PutCall(NOW, "/", 0, status=429))
    assert [call.number for call in log.list_after(0)][:2] == [2, CALLS + 3], "a quota's refusals are no problem"


def test_problems_that_are_remembered_are_bounded(caller: Caller) -> None:
    log = CallLog()
    for _ in range(2 * CALLS):
        log.add(PutCall(NOW, "/", 0, status=400))
    assert [call.number for call in log.list_after(0)] == [*range(CALLS - OLDER_PROBLEMS + 1, 2 * CALLS + 1)]


@pytest.mark.parametrize("after", ["-1", "x", "9" * 5000, "1e3"])
def test_a_number_that_is_none_is_refused(caller: Caller, after: str) -> None:
    assert "Member must be a number" in caller.json("GET", f"/_loadgen/calls?after={after}", status=400)["message"]
