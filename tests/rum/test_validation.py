"""Checks by the shapes of the service model, and types compiled from them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.rum.service_model import load_service_model
from loadgen.rum.validation import compile_type, find_problems, format_message
from tests.endpoint.conftest import batch, event
from tests.rum.test_service_model import MODEL, sample

SHAPES = load_service_model().shapes
PUT = msgspec.json.Decoder(compile_type(SHAPES, "PutRumEventsRequest"))


def problems(shape: str, value: Any) -> list[str]:
    return find_problems(SHAPES, shape, value, "x")


@pytest.mark.parametrize(
    ("shape", "value", "constraint"),
    [
        ("AppMonitorName", 7, "Member must be a string"),
        ("AppMonitorName", "", "Member must have length greater than or equal to 1"),
        ("AppMonitorName", "x" * 256, "Member must have length less than or equal to 255"),
        ("AppMonitorName", ".x", "Member must satisfy regular expression pattern"),
        ("AppMonitorName", "a b", "Member must satisfy regular expression pattern"),
        ("AppMonitorName", "a\n", "Member must satisfy regular expression pattern"),
        ("MetricDestination", "S3", "Member must satisfy enum value set: [CloudWatch, Evidently]"),
        ("SessionSampleRate", 1.1, "Member must have value less than or equal to 1"),
        ("SessionSampleRate", "1", "Member must be a number"),
        ("SessionSampleRate", True, "Member must be a number"),
        ("MaxResultsInteger", 0, "Member must have value greater than or equal to 1"),
        ("MaxResultsInteger", 1.5, "Member must be an integer"),
        ("QueryTimestamp", 2**63, "Member must fit a long"),
        ("Boolean", 1, "Member must be a boolean"),
        ("AppMonitorDomainList", [], "Member must have length greater than or equal to 1"),
        ("AppMonitorDomainList", ["localhost"] * 6, "Member must have length less than or equal to 5"),
        ("Telemetries", "errors", "Member must be an array"),
        ("Telemetries", ["errors", "all"], "at 'x.2.member' failed"),
        ("TagMap", {"aws:x": "1"}, "at 'x.key' failed"),
        ("TagMap", {"a": "v" * 257}, "at 'x.a.value' failed"),
        ("TimeRange", {}, "Value null at 'x.after' failed to satisfy constraint: Member must not be null"),
        ("TimeRange", [], "Member must be an object"),
        ("CustomEvents", {"Status": "ON"}, "at 'x.status' failed"),
    ],
)
def test_a_problem_names_the_member_and_the_constraint(shape: str, value: Any, constraint: str) -> None:
    (line,) = problems(shape, value)
    assert constraint in line


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ("AppMonitorDomain", "localhost"),
        ("AppMonitorDomain", "example.com"),
        ("AppMonitorDomain", "*.example.com"),
        ("AppMonitorDomain", "example.*"),
        ("AppMonitorDomain", "192.168.0.1"),
        ("AppMonitorName", "shop_1.main#x"),
        ("Url", "https://example.com/a?b=c"),
        ("Arn", "arn:aws:iam::123456789012:role/rum"),
        ("TagKey", "team:shop/1"),
        ("IdentityPoolId", "us-east-1:0a1b2c3d-4e5f"),
        ("CustomEvents", {"Status": None, "Unknown": 1}),
    ],
)
def test_what_the_model_allows_passes(shape: str, value: Any) -> None:
    assert problems(shape, value) == []


@pytest.mark.parametrize("domain", ["", "a", "exa mple.com", "-x.com", "a..com", "localhost.", "256.1.1.1.1"])
def test_what_is_no_domain_is_refused(domain: str) -> None:
    assert problems("AppMonitorDomain", domain)


def test_all_problems_are_told_at_once_and_many_are_counted() -> None:
    bad = {"Name": "", "Domain": "x y", "CwLogEnabled": "yes"}
    found = find_problems(SHAPES, "CreateAppMonitorRequest", bad)
    assert len(found) == 3
    assert format_message(found).startswith("3 validation errors detected: Value '' at 'name'")
    assert format_message(["x"] * 12).endswith("; and 2 more")


def test_a_long_value_is_cut_in_the_message() -> None:
    (line,) = problems("AppMonitorName", "x" * 5000)
    assert len(line) < 300


def test_every_shape_of_the_model_is_checked_down_to_its_last_member() -> None:
    for name in SHAPES:
        assert all("failed to satisfy" in line for line in problems(name, sample(MODEL.shape_for(name))))
        assert problems(name, object())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
UUIDS = st.uuids().map(str) | st.just("A" * 36)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": UUIDS | JSON,
        "timestamp": st.floats(0, 2e9) | st.integers(0, 2**40) | JSON,
        "type": st.text(max_size=9) | JSON,
        "details": st.just("{}") | JSON,
        "metadata": st.just("{}") | JSON,
    },
)
BATCHES = st.fixed_dictionaries(
    {},
    optional={
        "BatchId": UUIDS | JSON,
        "AppMonitorDetails": st.just({"id": "x"}) | JSON,
        "UserDetails": st.fixed_dictionaries({}, optional={"userId": UUIDS | JSON, "sessionId": UUIDS}) | JSON,
        "RumEvents": st.lists(EVENTS, max_size=2) | JSON,
        "Alias": st.text(max_size=300) | JSON,
        "SessionMetadata": JSON,
        "Unknown": JSON,
    },
)


def accepted(body: Any) -> tuple[bool, list[str]]:
    """What the fast type and the slow check each say."""
    found = find_problems(SHAPES, "PutRumEventsRequest", {**body, "Id": str(uuid.uuid4())})
    try:
        PUT.decode(json.dumps(body))
    except msgspec.DecodeError:
        return False, found
    return True, found


@given(BATCHES)
def test_the_fast_type_says_yes_when_and_only_when_the_check_does(body: dict[str, Any]) -> None:
    fast, found = accepted(body)
    assert fast == (found == [])


@pytest.mark.parametrize("changed", [{}, {"Alias": "a"}, {"SessionMetadata": "{}"}, {"RumEvents": []}, {"Alias": None}])
def test_good_batches_pass_both(changed: dict[str, Any]) -> None:
    assert accepted(batch() | changed) == (True, [])


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"BatchId": "x"}, "batchId"),
        ({"BatchId": None}, "batchId"),
        ({"RumEvents": [event(id=str(uuid.uuid4()) + "\n")]}, "rumEvents.1.member.id"),
        ({"RumEvents": [event(), event(timestamp="now")]}, "rumEvents.2.member.timestamp"),
        ({"UserDetails": {"userId": "me"}}, "userDetails.userId"),
        ({"Alias": ""}, "alias"),
    ],
)
def test_bad_batches_fail_both_and_are_named(changed: dict[str, Any], path: str) -> None:
    fast, found = accepted(batch() | changed)
    assert not fast
    assert all(f"at '{path}'" in line for line in found)
