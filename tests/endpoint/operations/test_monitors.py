"""App monitors and their tags."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from loadgen.endpoint import EndpointSettings
from loadgen.endpoint.service import RumService
from loadgen.endpoint.store import Store
from tests.endpoint.conftest import KEYS, Caller, batch

ARN = "arn:aws:rum:us-east-1:123456789012:appmonitor/shop"
TAGS = f"/tags/{quote(ARN, safe='')}"


def refused(caller: Caller, method: str, path: str, body: Any = None) -> tuple[int, str, str]:
    """Status, code and message of a refusal."""
    response = caller.send(method, path, body)
    return response.status, response.get_header("x-amzn-errortype") or "", json.loads(response.body)["message"]


def test_a_new_monitor_has_the_services_defaults(caller: Caller) -> None:
    monitor_id = caller.monitor()
    monitor = caller.json("GET", "/appmonitor/shop")["AppMonitor"]
    assert monitor == {
        "Name": "shop",
        "Id": monitor_id,
        "Domain": "localhost",
        "Created": "2026-11-21T19:22:42.000000Z",
        "LastModified": "2026-11-21T19:22:42.000000Z",
        "State": "CREATED",
        "Platform": "Web",
        "Tags": {},
        "AppMonitorConfiguration": {
            "IncludedPages": [],
            "ExcludedPages": [],
            "FavoritePages": [],
            "SessionSampleRate": 0.1,
            "Telemetries": [],
        },
        "DataStorage": {"CwLog": {"CwLogEnabled": False}},
        "CustomEvents": {"Status": "DISABLED"},
        "DeobfuscationConfiguration": {"JavaScriptSourceMaps": {"Status": "DISABLED"}},
    }


def test_times_are_utc_for_every_reader(caller: Caller) -> None:
    """JavaScript's Date and Python's datetime take a time without a zone for local time."""
    caller.clock.now += 0.25
    caller.monitor()
    for shown in (
        caller.json("GET", "/appmonitor/shop")["AppMonitor"],
        caller.json("POST", "/appmonitors")["AppMonitorSummaries"][0],
    ):
        for member in ("Created", "LastModified"):
            assert datetime.fromisoformat(shown[member]).timestamp() == caller.clock.now
            assert shown[member].endswith(".250000Z")


def test_a_bare_monitor_of_a_phone_has_the_same_members(caller: Caller) -> None:
    caller.json("POST", "/appmonitor", {"Name": "phone", "Platform": "Android"})
    caller.monitor()
    phone, web = (caller.json("GET", f"/appmonitor/{name}")["AppMonitor"] for name in ("phone", "shop"))
    assert phone.keys() == web.keys() - {"Domain"}
    assert phone["AppMonitorConfiguration"] == web["AppMonitorConfiguration"]


def test_everything_given_is_shown_again(caller: Caller) -> None:
    given: dict[str, Any] = {
        "DomainList": ["example.com", "*.example.com"],
        "Tags": {"team": "shop"},
        "AppMonitorConfiguration": {
            "IdentityPoolId": "us-east-1:0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d",
            "IncludedPages": ["https://example.com/shop"],
            "FavoritePages": ["/"],
            "SessionSampleRate": 1,
            "GuestRoleArn": "arn:aws:iam::123456789012:role/rum",
            "AllowCookies": True,
            "Telemetries": ["errors", "http"],
            "EnableXRay": True,
        },
        "CustomEvents": {"Status": "ENABLED"},
        "DeobfuscationConfiguration": {"JavaScriptSourceMaps": {"Status": "ENABLED", "S3Uri": "s3://maps/shop"}},
        "Platform": "Web",
    }
    caller.json("POST", "/appmonitor", {"Name": "shop", "CwLogEnabled": True, **given})
    monitor: dict[str, Any] = caller.json("GET", "/appmonitor/shop")["AppMonitor"]
    configuration = monitor.pop("AppMonitorConfiguration")
    assert configuration == {"ExcludedPages": [], **given.pop("AppMonitorConfiguration")}
    assert {name: monitor[name] for name in given} == given
    assert "Domain" not in monitor
    group = f"/aws/vendedlogs/RUMService_shop{monitor['Id'][:8]}"
    assert monitor["DataStorage"] == {"CwLog": {"CwLogEnabled": True, "CwLogGroup": group}}


def test_a_name_is_taken_once(caller: Caller) -> None:
    caller.monitor()
    status, code, message = refused(caller, "POST", "/appmonitor", {"Name": "shop", "Domain": "localhost"})
    assert (status, code) == (409, "ConflictException")
    assert "shop" in message


def test_the_limit_of_monitors_is_a_402(callers: Any) -> None:
    caller = callers(monitor_limit=2)
    for name in ("a", "b"):
        caller.monitor(name)
    body = {"Name": "c", "Domain": "localhost"}
    assert refused(caller, "POST", "/appmonitor", body)[:2] == (402, "ServiceQuotaExceededException")
    caller.send("DELETE", "/appmonitor/a")
    caller.monitor("c")


def test_twenty_monitors_are_the_default_limit() -> None:
    assert EndpointSettings().monitor_limit == 20


@pytest.mark.parametrize(
    ("given", "member"),
    [
        ({}, "domain"),
        ({"Domain": "a.com", "DomainList": ["b.com"]}, "domainList"),
        ({"Domain": "not a domain"}, "domain"),
        ({"Domain": "a.com", "AppMonitorConfiguration": {"SessionSampleRate": 2}}, "appMonitorConfiguration.sessionS"),
        ({"Domain": "a.com", "AppMonitorConfiguration": {"Telemetries": ["all"]}}, "telemetries.1.member"),
        (
            {
                "Domain": "a.com",
                "AppMonitorConfiguration": {
                    "IncludedPages": ["https://a.com/x"],
                    "ExcludedPages": ["https://a.com/y"],
                },
            },
            "includedPages",
        ),
        ({"Domain": "a.com", "Tags": {"aws:team": "x"}}, "tags.key"),
        ({"Domain": "a.com", "Tags": {"a" * n: "" for n in range(1, 52)}}, "tags"),
        (
            {"Domain": "a.com", "DeobfuscationConfiguration": {"JavaScriptSourceMaps": {"Status": "ENABLED"}}},
            "s3Uri",
        ),
        (
            {"Domain": "a.com", "DeobfuscationConfiguration": {"JavaScriptSourceMaps": {}}},
            "javaScriptSourceMaps.status",
        ),
    ],
)
def test_a_bad_monitor_is_refused_and_the_member_named(caller: Caller, given: dict[str, Any], member: str) -> None:
    status, code, message = refused(caller, "POST", "/appmonitor", {"Name": "shop", **given})
    assert (status, code) == (400, "ValidationException")
    assert f"{member}" in message


def test_only_what_is_given_changes(caller: Caller) -> None:
    configuration = {"AllowCookies": True, "ExcludedPages": ["https://a.com/x"]}
    caller.monitor(AppMonitorConfiguration=configuration, CustomEvents={"Status": "ENABLED"}, CwLogEnabled=True)
    before = caller.json("GET", "/appmonitor/shop")["AppMonitor"]
    caller.clock.now += 60
    caller.json("PATCH", "/appmonitor/shop", {"AppMonitorConfiguration": {"SessionSampleRate": 0.5}})
    after = caller.json("GET", "/appmonitor/shop")["AppMonitor"]
    assert after["LastModified"] == "2026-11-21T19:23:42.000000Z"
    assert after["AppMonitorConfiguration"] == before["AppMonitorConfiguration"] | {"SessionSampleRate": 0.5}
    unchanged = before.keys() - {"LastModified", "AppMonitorConfiguration"}
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}


def test_each_part_can_be_changed(caller: Caller) -> None:
    caller.monitor(AppMonitorConfiguration={"ExcludedPages": ["https://a.com/x"]})
    change = {
        "DomainList": ["b.com"],
        "AppMonitorConfiguration": {"IncludedPages": ["https://a.com/y"]},
        "CwLogEnabled": True,
        "CustomEvents": {"Status": "ENABLED"},
        "DeobfuscationConfiguration": {"JavaScriptSourceMaps": {"Status": "DISABLED"}},
    }
    caller.json("PATCH", "/appmonitor/shop", change)
    monitor = caller.json("GET", "/appmonitor/shop")["AppMonitor"]
    assert monitor["DomainList"] == ["b.com"]
    assert monitor["AppMonitorConfiguration"]["ExcludedPages"] == []
    assert monitor["AppMonitorConfiguration"]["IncludedPages"] == ["https://a.com/y"]
    assert monitor["DataStorage"]["CwLog"]["CwLogEnabled"]
    assert monitor["CustomEvents"] == {"Status": "ENABLED"}
    assert monitor["DeobfuscationConfiguration"] == change["DeobfuscationConfiguration"]


def test_the_first_events_make_a_monitor_active(caller: Caller) -> None:
    monitor_id = caller.monitor()
    caller.put(monitor_id, batch())
    assert caller.json("GET", "/appmonitor/shop")["AppMonitor"]["State"] == "ACTIVE"
    assert caller.json("POST", "/appmonitors")["AppMonitorSummaries"][0]["State"] == "ACTIVE"


def test_a_deleted_monitor_is_gone_and_its_name_free(caller: Caller) -> None:
    first = caller.monitor()
    caller.json("DELETE", "/appmonitor/shop")
    assert refused(caller, "GET", "/appmonitor/shop")[:2] == (404, "ResourceNotFoundException")
    assert refused(caller, "DELETE", "/appmonitor/shop")[0] == 404
    assert caller.json("POST", "/appmonitors")["AppMonitorSummaries"] == []
    assert caller.monitor() != first
    assert caller.put(first, batch()).status == 404


def test_deleting_can_take_a_while_in_which_nothing_is_collected(callers: Any) -> None:
    caller = callers(deleting_seconds=30.0)
    monitor_id = caller.monitor()
    caller.json("DELETE", "/appmonitor/shop")
    assert caller.put(monitor_id, batch()).status == 404
    assert caller.json("GET", "/appmonitor/shop")["AppMonitor"]["State"] == "DELETING"
    assert refused(caller, "POST", "/appmonitor", {"Name": "shop", "Domain": "localhost"})[0] == 409
    assert refused(caller, "PATCH", "/appmonitor/shop", {"CwLogEnabled": True})[0] == 404
    caller.clock.now += 30
    assert refused(caller, "GET", "/appmonitor/shop")[0] == 404
    caller.monitor()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_pages_of_monitors_are_complete_and_in_order(caller: Caller, size: int) -> None:
    names = [f"shop-{number}" for number in range(7)]
    for name in reversed(names):
        caller.monitor(name)
    seen: list[str] = []
    token = ""
    while True:
        page = caller.json("POST", f"/appmonitors?maxResults={size}{token}")
        seen += [summary["Name"] for summary in page["AppMonitorSummaries"]]
        if "NextToken" not in page:
            break
        token = f"&nextToken={quote(page['NextToken'])}"
    assert seen == names


@pytest.mark.parametrize("query", ["maxResults=0", "maxResults=101", "maxResults=ten", "nextToken=x", "nextToken="])
def test_wrong_paging_is_refused(caller: Caller, query: str) -> None:
    assert refused(caller, "POST", f"/appmonitors?{query}")[:2] == (400, "ValidationException")


def test_tags_are_added_replaced_and_removed(caller: Caller) -> None:
    caller.monitor(Tags={"team": "shop"})
    caller.json("POST", TAGS, {"Tags": {"team": "web", "stage": "test"}})
    assert caller.json("GET", TAGS) == {"ResourceArn": ARN, "Tags": {"team": "web", "stage": "test"}}
    caller.json("DELETE", f"{TAGS}?tagKeys=team&tagKeys=nothing")
    assert caller.json("GET", "/appmonitor/shop")["AppMonitor"]["Tags"] == {"stage": "test"}


def test_fifty_tags_are_the_most(caller: Caller) -> None:
    caller.monitor(Tags={"a" * n: "" for n in range(1, 51)})
    status, code, message = refused(caller, "POST", TAGS, {"Tags": {"b": ""}})
    assert (status, code) == (400, "ValidationException")
    assert "50" in message
    caller.json("POST", TAGS, {"Tags": {"a": "new value"}})


@pytest.mark.parametrize(
    ("arn", "status"),
    [
        ("arn:aws:rum:us-east-1:123456789012:appmonitor/other", 404),
        ("arn:aws:rum:eu-west-1:123456789012:appmonitor/shop", 404),
        ("arn:aws:rum:us-east-1:999999999999:appmonitor/shop", 404),
        ("shop", 400),
    ],
)
def test_tags_need_the_arn_of_a_monitor(caller: Caller, arn: str, status: int) -> None:
    caller.monitor()
    for method, body in (("GET", None), ("POST", {"Tags": {}}), ("DELETE", None)):
        query = "?tagKeys=a" if method == "DELETE" else ""
        assert refused(caller, method, f"/tags/{quote(arn, safe='')}{query}", body)[0] == status


@pytest.mark.parametrize("tags", [{"aws:x": "1"}, {"": "1"}, {"k" * 129: "1"}, {"k": "v" * 257}, {"k": 1}, {"k?": ""}])
def test_bad_tags_are_refused(caller: Caller, tags: dict[str, Any]) -> None:
    caller.monitor()
    assert refused(caller, "POST", TAGS, {"Tags": tags})[:2] == (400, "ValidationException")


def test_untagging_needs_keys(caller: Caller) -> None:
    caller.monitor()
    assert "tagKeys" in refused(caller, "DELETE", TAGS)[2]


def test_partitions_have_their_own_arns() -> None:
    assert EndpointSettings(region="cn-north-1").make_arn("x").startswith("arn:aws-cn:rum:cn-north-1:")
    assert EndpointSettings(region="us-gov-west-1").make_arn("x").startswith("arn:aws-us-gov:rum:")
    assert EndpointSettings(region="eu-central-1").make_arn("x").startswith("arn:aws:rum:")


def test_monitors_outlive_the_endpoint(tmp_path: Any) -> None:
    settings = EndpointSettings(credentials=(KEYS,), quota=None)
    caller = Caller()
    caller.store = Store(tmp_path / "rum.sqlite")
    caller.endpoint = RumService(settings, caller.store, caller.clock)
    monitor_id = caller.monitor(Tags={"team": "shop"})
    before = caller.json("GET", "/appmonitor/shop")
    caller.store.close()
    caller.store = Store(tmp_path / "rum.sqlite")
    caller.endpoint = RumService(settings, caller.store, caller.clock)
    assert caller.json("GET", "/appmonitor/shop") == before
    assert caller.put(monitor_id, batch()).status == 200
