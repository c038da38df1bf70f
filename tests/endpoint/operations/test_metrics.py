"""Metrics destinations and metric definitions."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from loadgen.rum.metric_rules import EXTENDED_METRICS, count_combinations, find_problem
from tests.endpoint.conftest import Caller
from tests.endpoint.operations.test_monitors import refused

DESTINATION = "/rummetrics/shop/metricsdestination"
METRICS = "/rummetrics/shop/metrics"
EVIDENTLY = "arn:aws:evidently:us-east-1:123456789012:project/p/experiment/e"
ROLE = "arn:aws:iam::123456789012:role/evidently"
CLOUDWATCH = {"Destination": "CloudWatch"}
CLOUDWATCH_SHOWN = {**CLOUDWATCH, "DestinationArn": "", "IamRoleArn": ""}
COUNT = {"Name": "JsErrorCount", "EventPattern": '{"event_type":["com.amazon.rum.js_error_event"]}'}


def pattern(event_type: str, **more: Any) -> str:
    return json.dumps({"event_type": [f"com.amazon.rum.{event_type}"], **more})


@pytest.fixture
def shop(caller: Caller) -> Caller:
    caller.monitor()
    caller.json("POST", DESTINATION, CLOUDWATCH)
    return caller


def test_destinations_are_made_changed_listed_and_deleted(shop: Caller) -> None:
    evidently = {"Destination": "Evidently", "DestinationArn": EVIDENTLY, "IamRoleArn": ROLE}
    shop.json("POST", DESTINATION, evidently)
    shop.json("POST", DESTINATION, evidently | {"IamRoleArn": ROLE + "2"})
    assert shop.json("GET", DESTINATION)["Destinations"] == [CLOUDWATCH_SHOWN, evidently | {"IamRoleArn": ROLE + "2"}]
    page = shop.json("GET", f"{DESTINATION}?maxResults=1")
    assert page["Destinations"] == [CLOUDWATCH_SHOWN]
    rest = shop.json("GET", f"{DESTINATION}?maxResults=1&nextToken={quote(page['NextToken'])}")
    assert [one["Destination"] for one in rest["Destinations"]] == ["Evidently"]
    shop.json("DELETE", f"{DESTINATION}?destination=Evidently&destinationArn={quote(EVIDENTLY, safe='')}")
    assert shop.json("GET", DESTINATION) == {"Destinations": [CLOUDWATCH_SHOWN]}


@pytest.mark.parametrize(
    ("given", "member"),
    [
        ({}, "destination"),
        ({"Destination": "S3"}, "destination"),
        ({"Destination": "CloudWatch", "DestinationArn": EVIDENTLY}, "destinationArn"),
        ({"Destination": "CloudWatch", "IamRoleArn": ROLE}, "iamRoleArn"),
        ({"Destination": "Evidently", "IamRoleArn": ROLE}, "destinationArn"),
        ({"Destination": "Evidently", "DestinationArn": EVIDENTLY}, "iamRoleArn"),
        ({"Destination": "Evidently", "DestinationArn": "x", "IamRoleArn": ROLE}, "destinationArn"),
    ],
)
def test_a_wrong_destination_is_refused_and_the_member_named(shop: Caller, given: dict[str, Any], member: str) -> None:
    status, code, message = refused(shop, "POST", DESTINATION, given)
    assert (status, code) == (400, "ValidationException")
    assert f"'{member}'" in message


def test_metrics_need_a_monitor_and_a_destination(caller: Caller) -> None:
    create = {"Destination": "CloudWatch", "MetricDefinitions": [COUNT]}
    assert refused(caller, "POST", METRICS, create)[:2] == (404, "ResourceNotFoundException")
    assert refused(caller, "POST", DESTINATION, CLOUDWATCH)[0] == 404
    assert refused(caller, "GET", DESTINATION)[0] == 404
    caller.monitor()
    change = {"Destination": "CloudWatch", "MetricDefinition": COUNT, "MetricDefinitionId": "x"}
    for method, path, body in [
        ("POST", METRICS, create),
        ("PATCH", METRICS, change),
        ("GET", f"{METRICS}?destination=CloudWatch", None),
        ("DELETE", f"{METRICS}?destination=CloudWatch&metricDefinitionIds=x", None),
        ("DELETE", f"{DESTINATION}?destination=CloudWatch", None),
    ]:
        assert refused(caller, method, path, body)[:2] == (404, "ResourceNotFoundException")


def create(shop: Caller, *definitions: dict[str, Any]) -> dict[str, Any]:
    answer = shop.json("POST", METRICS, {"Destination": "CloudWatch", "MetricDefinitions": definitions})
    assert isinstance(answer, dict)
    return answer


def test_good_definitions_are_kept_and_bad_ones_reported(shop: Caller) -> None:
    bad = {"Name": "JsErrorCount"}
    answer = create(shop, COUNT, bad)
    (kept,) = answer["MetricDefinitions"]
    (error,) = answer["Errors"]
    assert kept == COUNT | {"MetricDefinitionId": kept["MetricDefinitionId"]}
    assert error["MetricDefinition"] == bad
    assert error["ErrorCode"] == "ValidationException"
    assert "eventPattern" in error["ErrorMessage"]
    assert shop.json("GET", f"{METRICS}?destination=CloudWatch") == {"MetricDefinitions": [kept]}


def test_the_same_definition_again_keeps_its_id(shop: Caller) -> None:
    assert create(shop, COUNT) == create(shop, COUNT)
    assert len(shop.json("GET", f"{METRICS}?destination=CloudWatch")["MetricDefinitions"]) == 1


def custom(number: int) -> dict[str, Any]:
    return {"Name": f"metric-{number}", "Namespace": "shop"}


def test_definitions_come_in_pages_in_the_order_of_creation(shop: Caller) -> None:
    create(shop, *map(custom, range(7)))
    seen: list[str] = []
    token = ""
    for _ in range(3):
        page = shop.json("GET", f"{METRICS}?destination=CloudWatch&maxResults=3{token}")
        seen += [one["Name"] for one in page["MetricDefinitions"]]
        token = f"&nextToken={quote(page.get('NextToken', ''))}"
    assert seen == [f"metric-{number}" for number in range(7)]
    assert token == "&nextToken="


def test_unknown_ids_are_reported_and_the_others_deleted(shop: Caller) -> None:
    ids = [one["MetricDefinitionId"] for one in create(shop, *map(custom, range(3)))["MetricDefinitions"]]
    query = "&".join(f"metricDefinitionIds={one}" for one in (*ids[:2], "unknown"))
    answer = shop.json("DELETE", f"{METRICS}?destination=CloudWatch&{query}")
    assert answer["MetricDefinitionIds"] == ids[:2]
    assert [error["MetricDefinitionId"] for error in answer["Errors"]] == ["unknown"]
    left = shop.json("GET", f"{METRICS}?destination=CloudWatch")["MetricDefinitions"]
    assert [one["MetricDefinitionId"] for one in left] == ids[2:]


def test_an_update_replaces_one_definition(shop: Caller) -> None:
    first, second = create(shop, custom(1), custom(2))["MetricDefinitions"]
    change = {**CLOUDWATCH, "MetricDefinitionId": first["MetricDefinitionId"]}
    shop.json("PATCH", METRICS, {**change, "MetricDefinition": COUNT})
    left = shop.json("GET", f"{METRICS}?destination=CloudWatch")["MetricDefinitions"]
    assert left == [{"MetricDefinitionId": first["MetricDefinitionId"], **COUNT}, second]
    assert refused(shop, "PATCH", METRICS, {**change, "MetricDefinition": custom(2)})[0] == 409
    bad = refused(shop, "PATCH", METRICS, {**change, "MetricDefinition": {"Name": "x"}})
    assert bad[:2] == (400, "ValidationException")
    missing = {**CLOUDWATCH, "MetricDefinitionId": "unknown", "MetricDefinition": COUNT}
    assert refused(shop, "PATCH", METRICS, missing)[0] == 404


def test_a_call_takes_200_definitions_and_a_destination_2000(shop: Caller) -> None:
    too_many = {**CLOUDWATCH, "MetricDefinitions": [custom(n) for n in range(201)]}
    assert refused(shop, "POST", METRICS, too_many)[:2] == (400, "ValidationException")
    for begin in range(0, 2000, 200):
        create(shop, *map(custom, range(begin, begin + 200)))
    over = {**CLOUDWATCH, "MetricDefinitions": [custom(2000)]}
    assert refused(shop, "POST", METRICS, over)[:2] == (402, "ServiceQuotaExceededException")
    query = "&".join(f"metricDefinitionIds={one}" for one in range(201))
    assert refused(shop, "DELETE", f"{METRICS}?destination=CloudWatch&{query}")[0] == 400


def test_deleting_a_destination_deletes_its_definitions(shop: Caller) -> None:
    create(shop, COUNT)
    shop.json("DELETE", f"{DESTINATION}?destination=CloudWatch")
    shop.json("POST", DESTINATION, CLOUDWATCH)
    assert shop.json("GET", f"{METRICS}?destination=CloudWatch")["MetricDefinitions"] == []


NAVIGATION = "performance_navigation_event"
GOOD = [
    COUNT,
    {**COUNT, "Namespace": "AWS/RUM"},
    {
        "Name": "PerformanceNavigationDuration",
        "ValueKey": "event_details.duration",
        "UnitLabel": "Milliseconds",
        "DimensionKeys": {"metadata.browserName": "BrowserName"},
        "EventPattern": pattern(NAVIGATION, metadata={"browserName": ["Chrome", "Safari"]}),
    },
    {
        "Name": "NavigationToleratedTransaction",
        "EventPattern": pattern(NAVIGATION, event_details={"duration": [{"numeric": [">=", 2000, "<", 8000]}]}),
    },
    {
        "Name": "Http4xxCount",
        "EventPattern": pattern(
            "http_event", event_details={"response": {"status": [{"numeric": [">=", 400, "<", 500]}]}}
        ),
    },
    {"Name": "anything", "Namespace": "shop", "ValueKey": "event_details.duration"},
    {
        "Name": "anything",
        "Namespace": "shop",
        "DimensionKeys": {"metadata.country": "Country"},
        "EventPattern": '{"metadata":{"country":["DE"]}}',
    },
]
BAD = [
    ({"Name": "anything"}, "needs a namespace"),
    ({"Name": "JsErrorCount"}, "eventPattern is required"),
    ({**COUNT, "ValueKey": "event_details.duration"}, "valueKey of JsErrorCount must be null"),
    ({**COUNT, "EventPattern": pattern("http_event")}, "js_error_event"),
    ({**COUNT, "EventPattern": "["}, "must be a JSON object"),
    ({**COUNT, "EventPattern": "[" * 3000}, "must be a JSON object"),
    ({**COUNT, "EventPattern": "[]"}, "must be a JSON object"),
    ({**COUNT, "DimensionKeys": {"metadata.browserName": "BrowserName"}}, "must also be in eventPattern"),
    ({**COUNT, "DimensionKeys": {"metadata.title": "Title"}}, "cannot hold metadata.title"),
    ({"Name": "PerformanceNavigationDuration", "EventPattern": pattern(NAVIGATION)}, "event_details.duration"),
    ({"Name": "NavigationFrustratedTransaction", "EventPattern": pattern(NAVIGATION)}, "event_details.duration"),
    ({"Name": "x", "Namespace": "AWS/EC2"}, "must not start with AWS/"),
    ({"Name": "x", "Namespace": "shop", "ValueKey": "duration"}, "not a first-level key"),
    ({"Name": "x", "Namespace": "shop", "EventPattern": '{"page":["/"]}'}, "not a first-level key"),
    ({"Name": "x", "Namespace": "shop", "EventPattern": '{"event_details":{"a":[1]}}'}, "must also have event_type"),
    ({"Name": "x", "Namespace": "shop", "EventPattern": '{"event_type":["a","b"]}'}, "one value only"),
    ({"Name": "x", "Namespace": "shop", "DimensionKeys": {"metadata.a": "A"}}, "must also be in eventPattern"),
]


@pytest.mark.parametrize("definition", GOOD)
def test_definitions_as_the_documentation_shows_them_are_good(definition: dict[str, Any]) -> None:
    assert find_problem(definition) is None


@pytest.mark.parametrize(("definition", "words"), BAD)
def test_definitions_against_a_rule_are_bad(definition: dict[str, Any], words: str) -> None:
    assert words in (find_problem(definition) or "")


def test_every_extended_metric_has_a_definition_that_passes() -> None:
    for name, rule in EXTENDED_METRICS.items():
        details: dict[str, Any] = {}
        inner = details
        for key in rule.path[:-1]:
            inner = inner.setdefault(key, {})
        if rule.path:
            inner[rule.path[-1]] = [{"numeric": rule.ranges[0]}]
        event_pattern = json.dumps({"event_type": [rule.event_type], "event_details": details})
        definition = {"Name": name, "EventPattern": event_pattern}
        assert find_problem(definition | ({"ValueKey": rule.value_key} if rule.value_key else {})) is None


def test_each_combination_of_dimension_values_counts() -> None:
    definition = {
        "DimensionKeys": {"metadata.browserName": "BrowserName", "metadata.countryCode": "CountryCode"},
        "EventPattern": '{"metadata":{"browserName":["Chrome","Safari"],"countryCode":["DE","FR","US"]}}',
    }
    assert count_combinations(definition) == 6
    assert count_combinations({"Name": "x"}) == 1
