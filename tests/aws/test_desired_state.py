"""Applying a scenario takes away nothing that the scenario does not name, whatever is there and whatever it wants."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadgen.aws import Account, apply_changes, make_call, plan_changes, read_state
from loadgen.aws.desired_state import STATED_BY
from loadgen.errors import ControlError
from loadgen.scenario import Scenario

DOMAINS = [f"{name}.example.com" for name in ("shop", "www", "checkout", "blog")]
URLS = [f"https://shop.example.com/{name}" for name in ("a", "b")]
LISTS = ("Telemetries", "IncludedPages", "ExcludedPages", "FavoritePages")
ROLE = "arn:aws:iam::123456789012:role/{}"
MAPS = {"JavaScriptSourceMaps": {"Status": "ENABLED", "S3Uri": "s3://maps/one"}}
PAGES: dict[str, Any] = {"home": {"path": "/", "exit": 1.0}}


def subsets(values: list[str], least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), unique=True, min_size=least)


def members(**each: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these members, each there or not."""
    return st.fixed_dictionaries({}, optional=each)


def either(one: str, other: str) -> st.SearchStrategy[dict[str, Any]]:
    """One of two members that exclude each other, or neither."""
    return st.sampled_from([one, other]).flatmap(lambda name: members(**{name: subsets(URLS)}))


def joined(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda found: {name: value for each in found for name, value in each.items()})


CONFIGURATION = joined(
    either("IncludedPages", "ExcludedPages"),
    members(
        Telemetries=subsets(["errors", "http"]),
        FavoritePages=subsets(URLS),
        SessionSampleRate=st.sampled_from([0.1, 1.0]),
        IdentityPoolId=st.just("us-east-1:0a"),
        AllowCookies=st.booleans(),
        EnableXRay=st.booleans(),
        GuestRoleArn=st.just(ROLE.format("there")),
    ),
)
EXISTING = members(
    AppMonitorConfiguration=CONFIGURATION,
    CustomEvents=st.sampled_from([{"Status": "ENABLED"}, {"Status": "DISABLED"}]),
    CwLogEnabled=st.booleans(),
    DeobfuscationConfiguration=st.just(MAPS),
    Tags=st.just({"team": "web"}),
)
DOMAIN = st.one_of(
    st.just({}),
    members(domain=st.sampled_from(DOMAINS)),
    subsets(DOMAINS, 1).map(lambda every: {"domain": every[0], "domains": tuple(every)}),
)
PAGE_LISTS = members(included_pages=subsets(URLS).map(tuple), excluded_pages=subsets(URLS).map(tuple)).filter(
    lambda lists: not all(lists.get(name) for name in ("included_pages", "excluded_pages"))
)
OTHERS = members(
    sample_rate=st.sampled_from([0.1, 1.0]),
    telemetries=subsets(["errors", "performance", "http", "interaction"]).map(tuple),
    custom_events=st.booleans(),
    logs=st.booleans(),
    tags=st.just({"stage": "demo"}),
    guest_role=st.just(ROLE.format("wanted")),
    favorite_pages=subsets(URLS).map(tuple),
    identity_pool=st.just("us-east-1:0b"),
    source_maps=st.sampled_from(["", "s3://maps/one", "s3://maps/two"]),
    metrics=subsets(["JsErrorCount", "SessionCount"]).map(lambda names: tuple({"name": name} for name in names)),
    policy=st.sampled_from([(), ({"effect": "Deny"},)]),
)
WANTED = joined(DOMAIN, PAGE_LISTS, OTHERS)
CLIENT = members(allowCookies=st.booleans(), enableXRay=st.booleans())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(existing=EXISTING, domains=subsets(DOMAINS, 1), hung=st.booleans(), section=WANTED, client=CLIENT)
def test_apply_removes_nothing_that_the_scenario_does_not_name(
    account: Account,
    existing: dict[str, Any],
    domains: list[str],
    hung: bool,
    section: dict[str, Any],
    client: dict[str, Any],
) -> None:
    name = f"demo-{uuid4()}"
    make_call(account, "CreateAppMonitor", {"Name": name, "DomainList": domains, **existing})
    if hung:
        hang_something_on(account, name)
    monitor = {"name": name, **section}
    wanted = Scenario.model_validate({"name": "x", "pages": PAGES, "monitor": monitor, "client": client})
    before = flatten(account, name)
    if clears_a_list_in_silence(before, section):
        with pytest.raises(ControlError, match="RUM holds either included or excluded pages"):
            plan_changes(account, wanted)
        return
    calls = plan_changes(account, wanted)
    apply_changes(account, calls)
    after = flatten(account, name)
    stated = section.keys() | client.keys()
    for member in before:
        lost = set(before[member]) - set(after[member])
        assert not lost or FIELDS[member] in stated, f"{member} lost {lost}"
        if member not in SINGLE and lost:
            assert [call for call in calls if call.takes_away], f"{member} lost {lost} without a word"
    assert plan_changes(account, wanted) == []


def clears_a_list_in_silence(before: dict[str, list[str]], section: dict[str, Any]) -> bool:
    """Whether RUM would clear included or excluded pages, of which the scenario says nothing, for the other's sake."""
    both = (("included_pages", "ExcludedPages"), ("excluded_pages", "IncludedPages"))
    return any(section.get(mine) and before[member] and STATED_BY[member] not in section for mine, member in both)


SINGLE = {name for name in STATED_BY if name not in LISTS} - {"CustomEvents", "DeobfuscationConfiguration"}
FIELDS = {**STATED_BY, "DomainList": "domains", "Tags": "tags", "metrics": "metrics", "policy": "policy"}


def hang_something_on(account: Account, name: str) -> None:
    """A metric definition and a policy, as somebody else may have made them."""
    where = {"AppMonitorName": name, "Destination": "CloudWatch"}
    make_call(account, "PutRumMetricsDestination", where)
    metric = {"Name": "JsErrorCount", "EventPattern": '{"event_type":["com.amazon.rum.js_error_event"]}'}
    make_call(account, "BatchCreateRumMetricDefinitions", {**where, "MetricDefinitions": [metric]})
    statement = {"Effect": "Allow", "Principal": "*", "Action": "rum:PutRumEvents", "Resource": account.build_arn(name)}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    make_call(account, "PutResourcePolicy", {"Name": name, "PolicyDocument": document})


def flatten(account: Account, name: str) -> dict[str, list[str]]:
    """Every value of every member that the API reads back."""
    found = read_state(account, name)
    monitor = found.monitor or {}
    configuration = monitor["AppMonitorConfiguration"]
    values: dict[str, list[str]] = {
        member: configuration.get(member) or []
        for member in (*LISTS, "SessionSampleRate", "IdentityPoolId", "GuestRoleArn")
    }
    flat = {key: value if isinstance(value, list) else [str(value)] for key, value in values.items()}
    maps = monitor.get("DeobfuscationConfiguration", {}).get("JavaScriptSourceMaps", {})
    return {
        **flat,
        "AllowCookies": [str(configuration.get("AllowCookies"))],
        "EnableXRay": [str(configuration.get("EnableXRay"))],
        "CustomEvents": ["accepted"] if monitor["CustomEvents"]["Status"] == "ENABLED" else [],
        "CwLogEnabled": [str(monitor["DataStorage"]["CwLog"]["CwLogEnabled"])],
        "DeobfuscationConfiguration": [maps["S3Uri"]] if maps.get("S3Uri") else [],
        "DomainList": monitor.get("DomainList") or [monitor["Domain"]],
        "Tags": [f"{key}={value}" for key, value in monitor.get("Tags", {}).items()],
        "metrics": [each["Name"] for listed in found.definitions.values() for each in listed],
        "policy": [found.policy["PolicyDocument"]] if found.policy else [],
    }
