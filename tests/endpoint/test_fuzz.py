"""Bad input never makes a 500 or a hang: every operation, with whatever hypothesis thinks of."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadgen.endpoint import Endpoint
from loadgen.model import Request
from loadgen.rum.service_model import load_service_model
from tests.endpoint.conftest import NOW, Caller, batch
from tests.endpoint.sockets import ask, dial, read_all

SHAPES = load_service_model().shapes
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        ["", "shop", "CloudWatch", "Evidently", "\x00", "\ud800", "x" * 5000, "é" * 300, 2**64, -1, 1e308]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
GOOD_STRINGS = {
    "AppMonitorName": st.sampled_from(["shop", "shop", "shop", "other", "a.b#c"]),
    "Arn": st.just("arn:aws:rum:us-east-1:123456789012:appmonitor/shop"),
    "IamRoleArn": st.just("arn:aws:iam::123456789012:role/x"),
    "DestinationArn": st.just("arn:aws:evidently:us-east-1:123456789012:project/p"),
    "AppMonitorDomain": st.sampled_from(["localhost", "*.example.com"]),
    "DeobfuscationS3Uri": st.just("s3://maps/shop"),
    "IdentityPoolId": st.just("us-east-1:0a1b"),
    "JsonValue": st.sampled_from(
        ['{"pageId":"/"}', "{}", '{"a":{"b":null}}', '{"version":[1]}', '{"a b":[],"browserName":7}', "[]", "{"]
    ),
    "EventPattern": st.sampled_from(
        ['{"event_type":["com.amazon.rum.js_error_event"]}', '{"metadata":[]}', '{"metadata":{"pageId":[]}}', "[{}]"]
    ),
    "MetricName": st.sampled_from(["JsErrorCount", "Http4xxCount", "mine"]),
    "Namespace": st.sampled_from(["AWS/RUM", "mine"]),
    "QueryFilterKey": st.sampled_from(["Browser", "Page", "Invert", "EventType"]),
    "Url": st.just("https://example.com/x"),
    "TagKey": st.sampled_from(["team", "stage"]),
    "DimensionKey": st.sampled_from(["metadata.pageId", "a.b.c", "metadata"]),
    "DimensionName": st.sampled_from(["PageId", "Other"]),
}


def of(name: str) -> st.SearchStrategy[Any]:
    """Good values of a shape."""
    shape = SHAPES[name]
    match shape["type"]:
        case "structure":
            members = {member: of(ref["shape"]) for member, ref in shape["members"].items()}
            needed = {member: members.pop(member) for member in shape.get("required", ())}
            return st.fixed_dictionaries(needed, optional=members)
        case "list":
            return st.lists(of(shape["member"]["shape"]), min_size=shape.get("min", 0), max_size=3)
        case "map":
            return st.dictionaries(of(shape["key"]["shape"]), of(shape["value"]["shape"]), max_size=3)
        case "boolean":
            return st.booleans()
        case "timestamp":
            return st.sampled_from([NOW, int(NOW), NOW - 1.5, 0]) | st.floats(0, 2e9)
        case "string":
            return of_string(name, shape)
    top = {"integer": 2**31 - 1, "long": 2**63 - 1, "double": 1}[shape["type"]]
    low, high = shape.get("min", -top), shape.get("max", top)
    return st.floats(low, high) if shape["type"] == "double" else st.integers(low, high)


def of_string(name: str, shape: dict[str, Any]) -> st.SearchStrategy[str]:
    if "enum" in shape:
        return st.sampled_from(shape["enum"])
    if shape.get("min") == 36:
        return st.uuids().map(str)
    return GOOD_STRINGS.get(name, st.text(min_size=shape.get("min", 0), max_size=20))


@st.composite
def whole(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Input of an operation: good, or with anything at all in one or two places."""
    value: dict[str, Any] = draw(of(f"{name}Request"))
    for _ in range(draw(st.integers(0, 2))):
        value = damaged(draw, value)
    return value


def damaged(draw: st.DrawFn, value: Any) -> Any:
    """The same with one place, somewhere in the tree, gone or anything."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not keys:
        return draw(ANYTHING)
    key = draw(st.sampled_from(keys))
    copy = value.copy()
    match draw(st.sampled_from(["deeper", "deeper", "anything", "gone"])):
        case "deeper":
            copy[key] = damaged(draw, copy[key])
        case "anything":
            copy[key] = draw(ANYTHING)
        case _:
            del copy[key]
    return copy


@pytest.fixture(scope="module")
def shop() -> Caller:
    caller = Caller(monitor_limit=10_000)
    caller.monitor("shop", CustomEvents={"Status": "ENABLED"})
    caller.json("POST", "/rummetrics/shop/metricsdestination", {"Destination": "CloudWatch"})
    return caller


def text(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value)
    return shown.encode("utf-8", "replace").decode()


def request_of(name: str, given_: dict[str, Any], monitor_id: str) -> tuple[str, str, bytes]:
    """Method, target and body that carry an input, however wrong."""
    operation = load_service_model().operations[name]
    segments = []
    for segment in operation.segments:
        if segment.startswith("{"):
            value = given_.get(segment[1:-1])
            good_id = name == "PutRumEvents" and isinstance(value, str)
            segments.append(monitor_id if good_id else quote(text(value), safe=""))
        else:
            segments.append(segment)
    pairs: list[tuple[str, str]] = []
    for place in operation.query:
        value = given_.get(place.name)
        if value is not None:
            pairs += [(place.wire_name, text(one)) for one in (value if isinstance(value, list) else [value])]
    body = {place.wire_name: given_[place.name] for place in operation.body if place.name in given_}
    query = f"?{urlencode(pairs)}" if pairs else ""
    return operation.method, f"/{'/'.join(segments)}{query}", json.dumps(body).encode() if operation.body else b""


@pytest.mark.parametrize("name", sorted(load_service_model().operations))
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_no_input_of_an_operation_breaks_it(shop: Caller, name: str, data: st.DataObject) -> None:
    monitor = shop.store.find_named("shop")
    if monitor is None or monitor.deleted is not None:
        shop.monitor("shop", CustomEvents={"Status": "ENABLED"})
        shop.json("POST", "/rummetrics/shop/metricsdestination", {"Destination": "CloudWatch"})
        monitor = shop.store.find_named("shop")
    assert monitor is not None
    given_ = data.draw(whole(name))
    method, target, body = request_of(name, given_ if isinstance(given_, dict) else {}, monitor.id)
    response = shop.send(method, target, body)
    assert response.status < 500, response.body
    if response.status != 200:
        assert response.get_header("x-amzn-errortype")
        assert json.loads(response.body)["message"]


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "BREW"]),
    target=st.text(st.characters(codec="latin-1", exclude_characters=" "), max_size=60).map(lambda path: "/" + path),
    body=st.binary(max_size=200),
    sign=st.booleans(),
)
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
def test_no_request_line_breaks_it(shop: Caller, method: str, target: str, body: bytes, sign: bool) -> None:
    assert shop.send(method, target, body, sign=sign).status < 500


@given(
    body=st.binary(max_size=300) | st.binary(max_size=100).map(gzip.compress) | st.just(gzip.compress(b"{}" * 10**6)),
    encoding=st.sampled_from(["gzip", "GZIP", "deflate", "br", "identity", "", "gzip, gzip", "x" * 500]),
    cut=st.integers(0, 40),
)
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
def test_no_encoding_breaks_it(shop: Caller, body: bytes, encoding: str, cut: int) -> None:
    monitor = next(one.id for one in shop.store.list_monitors() if one.deleted is None)
    response = shop.put(monitor, body[: len(body) - cut], headers=(("content-encoding", encoding),))
    assert 400 <= response.status < 500


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                ["authorization", "x-amz-date", "x-amz-content-sha256", "host", "date", "origin", "x-amz-x"]
            ),
            st.text(st.characters(codec="latin-1"), max_size=80)
            | st.just(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/rum/aws4_request, SignedHeaders=host,"
            ),
        ),
        max_size=6,
    ),
    query=st.text(max_size=60) | st.just("X-Amz-Credential=%ff&X-Amz-Date=20261121T192242Z&X-Amz-Expires=1e9"),
)
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
def test_no_signature_breaks_it(shop: Caller, headers: list[tuple[str, str]], query: str) -> None:
    target = "/appmonitors?" + query.encode("utf-8", "replace").decode("latin-1")
    assert 400 <= shop.handle(Request("POST", target, tuple(headers), b"{}")).status < 500


def test_a_bomb_is_not_unpacked(shop: Caller) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()
    monitor = next(one.id for one in shop.store.list_monitors() if one.deleted is None)
    assert shop.put(monitor, bomb, headers=(("content-encoding", "gzip"),)).status == 413


@given(
    junk=st.binary(min_size=1, max_size=400) | st.text(max_size=200).map(lambda head: f"GET {head}\r\n\r\n".encode())
)
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
def test_no_bytes_on_a_socket_break_it(running: Endpoint, junk: bytes) -> None:
    with dial(running) as connection:
        connection.sendall(junk + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
    assert not answer.startswith(b"HTTP/1.1 5")
    assert running.is_alive()


def test_after_all_this_a_good_batch_is_kept(running: Endpoint, shop: Caller) -> None:
    monitor = next(one.id for one in shop.store.list_monitors() if one.deleted is None)
    assert shop.put(monitor, batch()).status == 200
    assert ask(running, "POST", "/appmonitors")[0] == 200
