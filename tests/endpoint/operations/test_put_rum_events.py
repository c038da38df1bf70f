"""PutRumEvents: what is kept, what is dropped, what is refused."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.endpoint import EndpointSettings
from loadgen.endpoint.operations.put_rum_events import are_ids
from loadgen.endpoint.operations.stored_events import flatten_metadata, merge_metadata
from loadgen.model import Request
from loadgen.rum.service_model import load_service_model
from loadgen.wire.sigv4 import Signer
from tests.endpoint.conftest import KEYS, NOW, Caller, batch, event

GZIP = (("content-encoding", "gzip"),)


def refused(caller: Caller, body: Any, monitor: str | None = None, **how: Any) -> tuple[int, str, str]:
    response = caller.put(monitor or caller.monitor(), body, **how)
    return response.status, response.get_header("x-amzn-errortype") or "", json.loads(response.body)["message"]


def ledger(caller: Caller, monitor: str = "") -> dict[str, Any]:
    query = f"?monitor={monitor}" if monitor else ""
    return dict(json.loads(caller.send("GET", f"/_loadgen/ledger{query}", sign=False).body))


@pytest.mark.parametrize("slash", ["", "/"])
def test_both_paths_are_taken(caller: Caller, slash: str) -> None:
    response = caller.send("POST", f"/appmonitors/{caller.monitor()}{slash}", batch())
    assert (response.status, response.body) == (200, b"{}")
    assert response.get_header("x-amzn-requestid")


def test_a_beacon_is_plain_text_with_its_signature_in_the_query(caller: Caller) -> None:
    headers = (("host", "127.0.0.1:8080"), ("content-type", "text/plain;charset=UTF-8"))
    request = Request("POST", f"/appmonitors/{caller.monitor()}", headers, json.dumps(batch()).encode())
    assert caller.handle(Signer(KEYS, "us-east-1").presign(request, caller.clock())).status == 200
    assert len(caller.events()) == 2


def test_a_gzip_body_is_taken(caller: Caller) -> None:
    monitor = caller.monitor()
    assert caller.put(monitor, gzip.compress(json.dumps(batch()).encode()), headers=GZIP).status == 200
    assert len(caller.events()) == 2


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (gzip.compress(json.dumps(batch()).encode())[:-5], GZIP, 400),
        (json.dumps(batch()).encode(), GZIP, 400),
        (b"", GZIP, 400),
        (gzip.compress(json.dumps(batch()).encode()), (), 400),
        (gzip.compress(b" " * 50_000_000), GZIP, 413),
        (zlib.compress(json.dumps(batch()).encode()), (("content-encoding", "deflate"),), 400),
        (json.dumps(batch()).encode("utf-16"), (), 400),
        (b" " * (1024 * 1024 + 1), (), 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    caller: Caller, body: bytes, headers: tuple[tuple[str, str], ...], status: int
) -> None:
    assert refused(caller, body, headers=headers)[0] == status


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "'batchId'"),
        (b"[]", "must be a JSON object"),
        (b"{", "not valid JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"BatchId": "\xff"}', "not valid JSON"),
        (batch() | {"BatchId": None}, "'batchId'"),
        (batch() | {"RumEvents": {}}, "'rumEvents'"),
        (batch() | {"UserDetails": {"sessionId": "x"}}, "'userDetails.sessionId'"),
        (batch(RumEvents=[event(id=7)]), "'rumEvents.1.member.id'"),
        (batch(RumEvents=[event(), event(id="0000000000000-0000-4000-800-00000000")]), "'rumEvents.2.member.id'"),
        (batch() | {"BatchId": "g" * 36}, "'batchId'"),
        (batch() | {"UserDetails": {"userId": "é" * 36}}, "'userDetails.userId'"),
        (batch(RumEvents=[event(), event(details={})]), "'rumEvents.2.member.details'"),
        (batch(RumEvents=[event(details="no json")]), "'rumEvents.1.member.details'"),
        (batch(RumEvents=[event(details="[]")]), "'rumEvents.1.member.details'"),
        (batch(RumEvents=[event(metadata="1")]), "'rumEvents.1.member.metadata'"),
        (batch(RumEvents=[event(details="[" * 5000)]), "'rumEvents.1.member.details'"),
        (batch(SessionMetadata="x"), "'sessionMetadata'"),
        (batch(Alias="x" * 256), "'alias'"),
        (batch(RumEvents=[event(timestamp=NOW * 1000)]), "'rumEvents.1.member.timestamp'"),
        (batch(101), "'rumEvents'"),
    ],
)
def test_a_bad_batch_is_refused_whole_and_the_member_named(caller: Caller, body: Any, words: str) -> None:
    monitor = caller.monitor()
    status, code, message = refused(caller, body, monitor)
    assert (status, code) == (400, "ValidationException")
    assert words in message
    assert ledger(caller, monitor)["requests"] == {"accepted": 0, "throttled": 0, "refused": 1, "failed": 0}


@given(st.lists(st.text("0aF-g\n\u0660é", min_size=36, max_size=36) | st.uuids().map(str), max_size=3))
def test_ids_are_checked_together_as_one_by_one(ids: list[str]) -> None:
    shapes = load_service_model().shapes
    members = [shape for name, shape in shapes.items() if name.startswith(("PutRumEvents", "UserDetails", "RumEvent"))]
    (pattern,) = {shape["pattern"] for shape in members if "pattern" in shape}
    assert are_ids([None, *ids]) == all(re.fullmatch(pattern, one) for one in ids)


def test_an_unknown_monitor_is_a_404_and_an_id_that_is_none_a_400(caller: Caller) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    assert refused(caller, batch(), unknown)[:2] == (404, "ResourceNotFoundException")
    assert refused(caller, batch(), "shop")[:2] == (400, "ValidationException")


def test_a_batch_may_be_empty_and_members_unknown(caller: Caller) -> None:
    assert caller.put(caller.monitor(), batch(0) | {"Future": [1]}).status == 200


def test_custom_events_are_kept_only_where_they_are_enabled(caller: Caller) -> None:
    body = batch(RumEvents=[event(), event(type="my.checkout_1-done")])
    caller.put(caller.monitor("off"), body)
    caller.put(caller.monitor("on", CustomEvents={"Status": "ENABLED"}), body)
    assert [one["event_type"] for one in caller.events("off")] == ["com.amazon.rum.page_view_event"]
    assert [one["event_type"] for one in caller.events("on")][:1] == ["my.checkout_1-done"]


@pytest.mark.parametrize("kind", ["", "my event", "x" * 257, "ümlaut", "a/b"])
def test_an_ill_named_custom_event_is_dropped(caller: Caller, kind: str) -> None:
    monitor = caller.monitor(CustomEvents={"Status": "ENABLED"})
    assert caller.put(monitor, batch(RumEvents=[event(type=kind)])).status == 200
    assert ledger(caller, monitor)["events"] == {"accepted": 0, "dropped": 1}


def sized(size: int, letter: str = "x", **more: Any) -> dict[str, Any]:
    """An event whose details and metadata have so many letters together."""
    details = '{"a":"%s"}' % (letter * (size - len('{"a":""}') - 2))
    return event(details=details, metadata="{}", **more)


def test_an_event_above_6_kilobytes_is_dropped_alone(caller: Caller) -> None:
    monitor = caller.monitor()
    too_large = [sized(6 * 1024 + 1), sized(3 * 1024 + 6, "ü"), sized(1545, "😀")]
    body = batch(RumEvents=[event(), *too_large, sized(6 * 1024)])
    assert caller.put(monitor, body).status == 200
    kept = [one["event_id"] for one in caller.events()]
    assert kept == [body["RumEvents"][4]["id"], body["RumEvents"][0]["id"]]
    assert ledger(caller, monitor)["events"] == {"accepted": 2, "dropped": 3}


def test_a_session_replay_may_be_larger(caller: Caller) -> None:
    caller.put(caller.monitor(), batch(RumEvents=[sized(13_000, type="com.amazon.rum.rrweb_event")]))
    assert len(caller.events()) == 1


def test_events_older_than_retention_are_dropped(caller: Caller) -> None:
    day = 86_400
    body = batch(RumEvents=[event(timestamp=NOW - 31 * day), event(timestamp=NOW - 29 * day), event(timestamp=-1)])
    caller.put(caller.monitor(), body)
    assert [one["event_id"] for one in caller.events()] == [body["RumEvents"][1]["id"]]


def test_the_quota_answers_429_with_the_time_to_wait(callers: Any) -> None:
    caller = callers(quota=2.0)
    monitor = caller.monitor()
    answers = [caller.put(monitor, batch()) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    last = answers[-1]
    assert last.get_header("x-amzn-errortype") == "ThrottlingException"
    assert last.get_header("retry-after") == "1"
    assert json.loads(last.body) == {"message": "Rate exceeded", "serviceCode": "rum", "quotaCode": "L-35851224"}
    caller.clock.now += 0.5
    assert caller.put(monitor, batch()).status == 200
    assert ledger(caller, monitor)["requests"] == {"accepted": 3, "throttled": 1, "refused": 0, "failed": 0}


def test_fifty_requests_a_second_are_the_default_quota_of_all_monitors_together() -> None:
    caller = Caller(quota=EndpointSettings().quota)
    monitors = [caller.monitor("a"), caller.monitor("b")]
    statuses = [caller.put(monitors[number % 2], batch(1)).status for number in range(51)]
    assert statuses == [200] * 50 + [429]


def test_strangers_cannot_use_up_the_quota(callers: Any) -> None:
    caller = callers(quota=1.0)
    monitor = caller.monitor()
    assert {caller.put(monitor, batch(), sign=False).status for _ in range(5)} == {403}
    assert caller.put(monitor, batch()).status == 200


def test_quota_and_burst_can_be_changed_while_it_runs(caller: Caller) -> None:
    monitor = caller.monitor()
    caller.send("PUT", "/_loadgen/settings", {"quota": 1, "burst": 2}, sign=False)
    assert [caller.put(monitor, batch()).status for _ in range(3)] == [200, 200, 429]
    answer = caller.send("PUT", "/_loadgen/settings", {"quota": None}, sign=False)
    assert json.loads(answer.body)["quota"] is None
    assert caller.put(monitor, batch()).status == 200


def test_the_control_plane_can_have_quotas_of_its_own(callers: Any) -> None:
    caller = callers(operation_quotas={"GetAppMonitor": 1.0})
    caller.monitor()
    statuses = [caller.send("GET", "/appmonitor/shop").status for _ in range(2)]
    assert statuses == [200, 429]
    assert caller.send("POST", "/appmonitors").status == 200


@pytest.mark.parametrize(
    "change",
    [{"quota": -1}, {"quota": "x"}, {"other": 1}, {"faults": {"errors": 2}}, [], {"operation_quotas": {"x": -1}}],
)
def test_wrong_settings_are_refused_and_change_nothing(caller: Caller, change: Any) -> None:
    before = caller.send("GET", "/_loadgen/settings", sign=False).body
    assert caller.send("PUT", "/_loadgen/settings", change, sign=False).status == 400
    assert caller.send("GET", "/_loadgen/settings", sign=False).body == before


def test_the_admin_routes_are_for_programs_of_this_machine(caller: Caller) -> None:
    request = Request("GET", "/_loadgen/ledger", ())
    assert caller.endpoint.reply(request, peer="127.0.0.1").response.status == 200
    assert caller.endpoint.reply(request, peer="10.0.0.1").response.status == 403
    assert caller.endpoint.reply(request, peer="").response.status == 403
    assert caller.send("POST", "/_loadgen/ledger", sign=False).status == 404
    assert caller.send("GET", "/_loadgen/ledger?monitor=unknown", sign=False).status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((("host", "127.0.0.1:8000"),), 200),
        ((("host", "localhost:8000"),), 200),
        ((("host", "rum.localhost"),), 200),
        ((("host", "[::1]:8000"),), 200),
        ((("host", "[::ffff:127.0.0.1]:8000"),), 200),
        ((("host", "LOCALHOST"), ("sec-fetch-site", "none")), 200),
        ((("host", "evil.example:8000"),), 403),
        ((("host", "127.0.0.1.evil.example"),), 403),
        ((("host", "127.0.0.1"), ("host", "evil.example")), 403),
        ((("host", "10.0.0.1:8000"),), 403),
        ((("host", "[::1"),), 403),
        ((("host", ""),), 403),
        ((("host", "127.0.0.1"), ("origin", "http://evil.example")), 403),
        ((("host", "127.0.0.1"), ("sec-fetch-site", "cross-site")), 403),
        ((("host", "127.0.0.1"), ("sec-fetch-site", "same-origin")), 403),
    ],
)
@pytest.mark.parametrize("target", ["/_loadgen/ledger", "/_loadgen/settings"])
def test_no_page_reads_the_admin_routes_not_even_under_a_rebound_name(
    caller: Caller, headers: tuple[tuple[str, str], ...], status: int, target: str
) -> None:
    reply = caller.endpoint.reply(Request("GET", target, headers), peer="127.0.0.1")
    assert reply.response.status == status


@pytest.mark.parametrize("peer", ["::1", "127.0.0.8", "::ffff:127.0.0.1"])
def test_each_way_of_writing_a_loopback_address_is_this_machine(caller: Caller, peer: str) -> None:
    assert caller.endpoint.reply(Request("GET", "/_loadgen/ledger", ()), peer).response.status == 200


def test_the_ledger_counts_each_monitor_and_all(caller: Caller) -> None:
    first, second = caller.monitor("a"), caller.monitor("b")
    caller.put(first, batch(3))
    caller.put(second, batch(4))
    caller.put(second, {})
    assert ledger(caller, first)["events"]["accepted"] == 3
    assert ledger(caller, second)["requests"] == {"accepted": 1, "throttled": 0, "refused": 1, "failed": 0}
    assert ledger(caller)["requests"]["accepted"] == 2
    caller.json("DELETE", "/appmonitor/a")
    assert ledger(caller, first)["events"]["accepted"] == 3


# Attributes


def test_an_events_own_attribute_wins() -> None:
    assert merge_metadata({"a": 1, "b": 2}, {"b": 3}) == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("plan", "gold", True),
        ("a:b_1", 1.5, True),
        ("flag", True, True),
        ("k" * 128, "", True),
        ("plan", "x" * 256, True),
        ("aws:releaseId", "1.2", True),
        ("pageTags", ["a", "b"], True),
        ("title", "x" * 300, True),
        ("k" * 129, "", False),
        ("", "", False),
        ("a b", "", False),
        ("ümlaut", "", False),
        ("aws:other", "", False),
        ("plan", "x" * 257, False),
        ("plan", ["gold"], False),
        ("plan", {"a": 1}, False),
        ("plan", None, False),
    ],
)
def test_ill_named_and_ill_typed_attributes_are_removed(key: str, value: Any, kept: bool) -> None:
    assert (key in merge_metadata({"domain": "localhost"}, {key: value})) == kept


def test_ten_custom_attributes_stay_beside_the_clients_own() -> None:
    custom = {f"key{number}": number for number in range(12)}
    whole = merge_metadata({"browserName": "Chrome", "domain": "localhost"}, {"pageId": "/", **custom})
    assert [key for key in whole if key in custom] == [f"key{number}" for number in range(10)]
    assert {"browserName", "domain", "pageId"} <= whole.keys()


def test_attributes_are_also_listed_as_key_and_value() -> None:
    metadata = {"pageId": "/a=b", "interaction": 2, "ok": True, "pageTags": ["x", "y"]}
    assert flatten_metadata(metadata) == ["pageId=/a=b", "interaction=2", "ok=true", "pageTags=x", "pageTags=y"]


def test_removed_attributes_leave_the_event_in_place(caller: Caller) -> None:
    metadata = json.dumps({"pageId": "/", "bad key": 1, **{f"k{n}": n for n in range(11)}})
    caller.put(
        caller.monitor(), batch(RumEvents=[event(metadata=metadata)], SessionMetadata='{"browserName":"Chrome"}')
    )
    (kept,) = caller.events()
    assert kept["metadata"] == {"browserName": "Chrome", "pageId": "/", **{f"k{n}": n for n in range(10)}}


@pytest.mark.parametrize("path", ["/v1/rum", "/v1/traces", "/v1/logs", "/v1/metrics", "/v1/rum?x=1", "/v1/rum/"])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-protobuf"])
def test_otlp_of_phones_is_said_to_be_not_supported(caller: Caller, path: str, content_type: str) -> None:
    headers = (("content-type", content_type),)
    for sign in (False, True):
        response = caller.send("POST", path, b'{"resourceLogs":[]}', headers=headers, sign=sign)
        assert (response.status, response.get_header("x-amzn-errortype")) == (501, "NotImplementedException")
        assert "OTLP is not supported" in json.loads(response.body)["message"]
    assert ledger(caller)["requests"]["refused"] == 0
