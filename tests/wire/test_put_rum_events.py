"""The body is the web client's, byte for byte; gzip, beacon and the SDK's dialect follow their rules."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.model import Event, Page
from loadgen.rum.events import (
    HTTP,
    XRAY,
    Http,
    HttpRequest,
    HttpResponse,
    Subsegment,
    TracedHttp,
    TracedRequest,
    XRayTrace,
)
from loadgen.rum.service_model import load_service_model
from loadgen.wire import Clock, Destination, encode
from loadgen.wire.json_templates import mark_time, mark_trace_id, write_details
from loadgen.wire.put_rum_events import SiteMetadata, compress
from tests.wire.batches import (
    CART,
    CLOCK,
    DESTINATION,
    EPOCH,
    HOME,
    VISITOR,
    batch,
    body_of,
    captured,
    captured_batch,
    event,
    inflate,
)

CAPTURED = captured()


def details_of(details: Any) -> str:
    """The details of an event as they stand in the body, one level of JSON taken off."""
    text: str = body_of(encode(batch(event(details)), DESTINATION, CLOCK))["RumEvents"][0]["details"]
    return text


@pytest.mark.parametrize("row", CAPTURED, ids=[row["scenario"] for row in CAPTURED])
def test_a_captured_request_is_written_again_byte_for_byte(row: dict[str, Any]) -> None:
    beacon = "?" in row["url"]
    path = row["url"].partition("?")[0]
    prefix, _, monitor = path.partition("/appmonitors/")
    headers = dict(row["headers"])
    domain = json.loads(row["body"]["SessionMetadata"])["domain"]
    there = Destination(headers["host"], monitor, domain, prefix=prefix, browser_headers=False)
    result = encode(captured_batch(row["body"], beacon), there, CLOCK)
    assert inflate(result.request).decode() == json.dumps(row["body"], ensure_ascii=False, separators=(",", ":"))
    assert result.raw_bytes == row["json_bytes"]
    assert result.request.target == path
    assert dict(result.request.headers) == headers
    assert result.beacon == beacon


def test_gzip_is_about_as_small_as_the_browser_s() -> None:
    for row in CAPTURED:
        if dict(row["headers"]).get("content-encoding"):
            result = encode(captured_batch(row["body"], False), DESTINATION, CLOCK)
            assert len(result.request.body) < 1.15 * row["wire_bytes"]


def test_keys_stand_in_the_client_s_order() -> None:
    destination = msgspec.structs.replace(DESTINATION, alias='my "alias"', site=SiteMetadata("shop", "1.2.3"))
    body = body_of(encode(batch(event({"a": 1})), destination, CLOCK))
    assert list(body) == ["BatchId", "AppMonitorDetails", "UserDetails", "RumEvents", "SessionMetadata", "Alias"]
    assert list(body["RumEvents"][0]) == ["id", "timestamp", "type", "metadata", "details"]
    assert body["AppMonitorDetails"] == {"id": DESTINATION.monitor_id, "version": "1.0.0"}
    assert body["Alias"] == 'my "alias"'
    assert list(json.loads(body["SessionMetadata"])) == [
        "browserLanguage",
        "browserName",
        "browserVersion",
        "osName",
        "deviceType",
        "platformType",
        "domain",
        "aws:releaseId",
        "version",
        "aws:client",
        "aws:clientVersion",
    ]


def test_a_browser_without_brands_sends_its_user_agent() -> None:
    visitor = msgspec.structs.replace(VISITOR, brand=False)
    destination = msgspec.structs.replace(DESTINATION, site=SiteMetadata("shop", "7"))
    metadata = json.loads(body_of(encode(batch(event({}), visitor=visitor), destination, CLOCK))["SessionMetadata"])
    assert list(metadata) == [
        "browserLanguage",
        "deviceType",
        "platformType",
        "domain",
        "aws:releaseId",
        "aws:userAgent",
        "version",
        "aws:client",
        "aws:clientVersion",
    ]
    assert (metadata["aws:userAgent"], metadata["deviceType"]) == (VISITOR.user_agent, "desktop")


@pytest.mark.parametrize(
    ("page", "cookies", "metadata"),
    [
        (HOME, True, {"title": "Home", "pageId": "/", "interaction": 0}),
        (HOME, False, {"title": "Home", "pageId": "/"}),
        (
            CART,
            True,
            {"title": CART.title, "pageId": "/cart", "interaction": 2, "parentPageId": "/", "pageTags": ["a", "b"]},
        ),
        (CART, False, {"title": CART.title, "pageId": "/cart", "pageTags": ["a", "b"]}),
    ],
)
def test_metadata_tells_the_page_and_with_cookies_the_way(page: Page, cookies: bool, metadata: dict[str, Any]) -> None:
    body = body_of(encode(batch(event({}, page=page), cookies=cookies), DESTINATION, CLOCK))
    written = json.loads(body["RumEvents"][0]["metadata"])
    assert list(written.items()) == list(metadata.items())


def test_each_event_carries_the_metadata_of_its_own_page() -> None:
    pages = [HOME, CART, HOME, CART, CART]
    events = body_of(encode(batch(*(event({}, page=page) for page in pages)), DESTINATION, CLOCK))["RumEvents"]
    assert [json.loads(each["metadata"])["pageId"] for each in events] == [page.id for page in pages]


@pytest.mark.parametrize(("at", "second"), [(0.0, 10), (0.49, 10), (0.5, 11), (1.5, 12), (2.5, 13), (2.51, 13)])
def test_timestamps_are_whole_seconds_and_halves_go_up(at: float, second: int) -> None:
    """JavaScript's Math.round, not Python's."""
    body = body_of(encode(batch(event({}, at=at)), DESTINATION, CLOCK))
    assert body["RumEvents"][0]["timestamp"] == EPOCH + second


def test_a_quicker_pace_brings_the_moments_nearer() -> None:
    body = body_of(encode(batch(event({}, at=90.0)), DESTINATION, Clock(EPOCH, pace=10.0)))
    assert body["RumEvents"][0]["timestamp"] == EPOCH + 10


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ({"a": 0.0}, '{"a":0}'),
        ({"a": 37.0, "b": -2.0, "c": 83.19999999995343}, '{"a":37,"b":-2,"c":83.19999999995343}'),
        ({"a": 100000000.0, "b": 0.5, "c": 10.05}, '{"a":100000000,"b":0.5,"c":10.05}'),
        ({"version": "1.0.0", "a": "2.0", "b": ":2.0,"}, '{"version":"1.0.0","a":"2.0","b":":2.0,"}'),
        ({"a": '"x":2.0,', "b": 'x":2.0}'}, '{"a":"\\"x\\":2.0,","b":"x\\":2.0}"}'),
        ({"a": {"b": 2.0}, "c": True, "d": None}, '{"a":{"b":2},"c":true,"d":null}'),
        ({"a": "line\nbreak", "ä": "🎈\\"}, '{"a":"line\\nbreak","ä":"🎈\\\\"}'),
        ({}, "{}"),
    ],
)
def test_details_are_written_as_json_stringify_does(details: dict[str, Any], text: str) -> None:
    assert details_of(details) == text


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), json_values, max_size=4), min_size=1, max_size=6), st.booleans())
def test_what_is_encoded_can_be_read_again(all_details: list[dict[str, Any]], beacon: bool) -> None:
    sent = batch(*(event(details, page=CART) for details in all_details), beacon=beacon)
    received = body_of(encode(sent, DESTINATION, CLOCK))
    assert [json.loads(each["details"]) for each in received["RumEvents"]] == all_details
    assert (received["BatchId"], received["UserDetails"]["sessionId"]) == (sent.id, sent.session_id)
    assert {each["type"] for each in received["RumEvents"]} == {"shop.custom"}


SEGMENT = "14e5a9ad70326b99"
BEGIN, END, TRACE_ID = mark_time(1.25), mark_time(1.5), mark_trace_id(1.25, "a" * 24)


def trace() -> XRayTrace:
    request = TracedHttp(TracedRequest("GET", True, "/api"))
    part = Subsegment("934c09c20f4d934e", "api.example", BEGIN, END, False, "remote", request)
    return XRayTrace("rum.aws.amazon.com", "AWS::RUM::AppMonitor", SEGMENT, BEGIN, TRACE_ID, END, (part,))


@pytest.mark.parametrize("pace", [1.0, 4.0])
def test_a_trace_gets_its_date_at_the_moment_of_its_event(pace: float) -> None:
    clock = Clock(EPOCH, pace)
    zero = clock.to_unix(10.0 + 1.5) - 1.5
    http = Http(HttpRequest("/api", "GET"), TRACE_ID, SEGMENT, HttpResponse(200, "OK"))
    events = (Event("x", 1.5, XRAY, write_details(trace()), HOME), Event("y", 1.5, HTTP, write_details(http), HOME))
    written = [json.loads(e["details"]) for e in body_of(encode(batch(*events), DESTINATION, clock))["RumEvents"]]
    assert written[0]["start_time"] == written[0]["subsegments"][0]["start_time"] == round(zero + 1.25, 3)
    assert written[0]["trace_id"] == written[1]["trace_id"] == f"1-{int(zero + 1.25):08x}-{'a' * 24}"


def test_what_is_encoded_keeps_the_rules_of_the_service_model() -> None:
    body = body_of(encode(batch(event({})), DESTINATION, CLOCK)) | {"Id": "00000000-0000-0000-0000-000000000000"}
    assert load_service_model().operations["PutRumEvents"].find_problems(body) == []


@pytest.mark.parametrize(("letters", "gzip"), [(94, False), (64, True)])
def test_gzip_must_save_a_fifth(letters: int, gzip: bool) -> None:
    """Random text of 94 letters holds 6.55 bits a letter, so 18 % can be saved; of 64 letters 25 %."""
    draw = random.Random(1)
    text = "".join(chr(33 + draw.randrange(letters)) for _ in range(8000))
    assert (compress(text.encode(), len(text)) is not None) == gzip


def test_the_share_saved_is_of_the_text_s_length() -> None:
    long = random.Random(2).randbytes(4000).hex().encode()
    size = len(compress(long, len(long)) or b"")
    assert compress(long, int(size / 0.8) + 1) is not None
    assert compress(long, int(size / 0.8) - 1) is None
