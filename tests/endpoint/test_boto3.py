"""An unmodified boto3 client is served as by AWS: all 20 operations and the errors of each."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from loadgen.endpoint import Endpoint, EndpointSettings, Faults
from loadgen.endpoint.faults import FaultPeriod
from loadgen.model import Request
from loadgen.wire.sigv4 import Signer
from tests.endpoint.conftest import KEYS, batch, client_of

METHODS = {
    name: method for method, name in boto3.client("rum", region_name="us-east-1").meta.method_to_api_mapping.items()
}
MODEL = boto3.client("rum", region_name="us-east-1").meta.service_model
ACCOUNT_ARN = "arn:aws:rum:us-east-1:123456789012:appmonitor/"
COUNT = {"Name": "JsErrorCount", "EventPattern": '{"event_type":["com.amazon.rum.js_error_event"]}'}


def fresh() -> str:
    return f"shop-{uuid.uuid4()}"


def policy(shop: str) -> str:
    allow = {"Effect": "Allow", "Principal": "*", "Action": "rum:PutRumEvents", "Resource": ACCOUNT_ARN + shop}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


def error_of(call: Any, **arguments: Any) -> dict[str, Any]:
    """What boto3 makes of a refusal; its class must be the modelled one."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = dict(caught.value.response)
    assert type(caught.value).__name__ == response["Error"]["Code"]
    return response


@pytest.fixture
def shop(rum: Any) -> Iterator[str]:
    name = fresh()
    rum.create_app_monitor(Name=name, Domain="localhost")
    yield name
    rum.delete_app_monitor(Name=name)


def test_an_app_monitors_life(rum: Any) -> None:
    name = fresh()
    monitor_id = rum.create_app_monitor(Name=name, Domain="localhost", Tags={"team": "shop"})["Id"]
    monitor = rum.get_app_monitor(Name=name)["AppMonitor"]
    assert (monitor["Id"], monitor["Tags"], monitor["State"]) == (monitor_id, {"team": "shop"}, "CREATED")
    listed = [one for page in rum.get_paginator("list_app_monitors").paginate() for one in page["AppMonitorSummaries"]]
    assert monitor_id in [one["Id"] for one in listed]
    rum.update_app_monitor(Name=name, CwLogEnabled=True)
    assert rum.get_app_monitor(Name=name)["AppMonitor"]["DataStorage"]["CwLog"]["CwLogEnabled"]
    rum.delete_app_monitor(Name=name)
    error = error_of(rum.get_app_monitor, Name=name)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert (error["resourceName"], error["resourceType"]) == (name, "AppMonitor")


def test_tags_come_and_go(rum: Any, shop: str) -> None:
    arn = ACCOUNT_ARN + shop
    rum.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    rum.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert rum.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"b": "2"}


def test_what_is_put_can_be_read_back(rum: Any, shop: str) -> None:
    monitor_id = rum.get_app_monitor(Name=shop)["AppMonitor"]["Id"]
    sent = []
    for _ in range(3):
        body = batch(50, at=time.time(), SessionMetadata='{"browserName":"Chrome"}')
        sent += [event["id"] for event in body["RumEvents"]]
        answer = rum.put_rum_events(Id=monitor_id, **body)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    paginator = rum.get_paginator("get_app_monitor_data")
    window = {"After": int(time.time() * 1000) - 60_000, "Before": int(time.time() * 1000) + 60_000}
    chrome = [{"Name": "Browser", "Values": ["Chrome"]}]
    pages = paginator.paginate(Name=shop, TimeRange=window, Filters=chrome)
    assert [json.loads(event)["event_id"] for page in pages for event in page["Events"]] == sent[::-1]


def test_metrics_go_to_a_destination(rum: Any, shop: str) -> None:
    where = {"AppMonitorName": shop, "Destination": "CloudWatch"}
    rum.put_rum_metrics_destination(**where)
    assert rum.list_rum_metrics_destinations(AppMonitorName=shop)["Destinations"] == [
        {"Destination": "CloudWatch", "DestinationArn": "", "IamRoleArn": ""}
    ]
    made = rum.batch_create_rum_metric_definitions(**where, MetricDefinitions=[COUNT, {"Name": "x"}])
    assert [error["ErrorCode"] for error in made["Errors"]] == ["ValidationException"]
    (definition,) = made["MetricDefinitions"]
    definition_id = definition["MetricDefinitionId"]
    rum.update_rum_metric_definition(
        **where, MetricDefinitionId=definition_id, MetricDefinition={"Name": "y", "Namespace": "shop"}
    )
    pages = rum.get_paginator("batch_get_rum_metric_definitions").paginate(**where)
    assert [one["Name"] for page in pages for one in page["MetricDefinitions"]] == ["y"]
    gone = rum.batch_delete_rum_metric_definitions(**where, MetricDefinitionIds=[definition_id, "unknown"])
    assert gone["MetricDefinitionIds"] == [definition_id]
    assert [error["MetricDefinitionId"] for error in gone["Errors"]] == ["unknown"]
    rum.delete_rum_metrics_destination(**where)
    assert rum.list_rum_metrics_destinations(AppMonitorName=shop)["Destinations"] == []


def test_a_policy_comes_and_goes(rum: Any, shop: str) -> None:
    put = rum.put_resource_policy(Name=shop, PolicyDocument=policy(shop))
    assert rum.get_resource_policy(Name=shop)["PolicyDocument"] == policy(shop)
    gone = rum.delete_resource_policy(Name=shop, PolicyRevisionId=put["PolicyRevisionId"])
    assert gone["PolicyRevisionId"] == put["PolicyRevisionId"]


# Errors

EVIDENTLY = "arn:aws:evidently:us-east-1:123456789012:project/p/experiment/e"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
WHERE = {"AppMonitorName": "unknown", "Destination": "CloudWatch"}
PUT = {"Id": UNKNOWN_ID, **batch(1)}

CALLS: dict[str, dict[str, Any]] = {
    "BatchCreateRumMetricDefinitions": {**WHERE, "MetricDefinitions": [COUNT]},
    "BatchDeleteRumMetricDefinitions": {**WHERE, "MetricDefinitionIds": ["x"]},
    "BatchGetRumMetricDefinitions": WHERE,
    "CreateAppMonitor": {"Name": "made-by-test", "Domain": "localhost"},
    "DeleteAppMonitor": {"Name": "unknown"},
    "DeleteResourcePolicy": {"Name": "unknown"},
    "DeleteRumMetricsDestination": WHERE,
    "GetAppMonitor": {"Name": "unknown"},
    "GetAppMonitorData": {"Name": "unknown", "TimeRange": {"After": 0}},
    "GetResourcePolicy": {"Name": "unknown"},
    "ListAppMonitors": {},
    "ListRumMetricsDestinations": {"AppMonitorName": "unknown"},
    "ListTagsForResource": {"ResourceArn": ACCOUNT_ARN + "unknown"},
    "PutResourcePolicy": {"Name": "unknown", "PolicyDocument": "{}"},
    "PutRumEvents": PUT,
    "PutRumMetricsDestination": WHERE,
    "TagResource": {"ResourceArn": ACCOUNT_ARN + "unknown", "Tags": {}},
    "UntagResource": {"ResourceArn": ACCOUNT_ARN + "unknown", "TagKeys": ["a"]},
    "UpdateAppMonitor": {"Name": "unknown"},
    "UpdateRumMetricDefinition": {**WHERE, "MetricDefinitionId": "x", "MetricDefinition": COUNT},
}
"""A good call of every operation, to a monitor that does not exist."""

INVALID: dict[str, dict[str, Any]] = {
    name: {**call, "Name": "no name!"} if "Name" in call else {**call, "AppMonitorName": "no name!"}
    for name, call in CALLS.items()
    if "Name" in call or "AppMonitorName" in call
} | {
    "ListAppMonitors": {"NextToken": "no token"},
    "ListTagsForResource": {"ResourceArn": "no arn"},
    "PutRumEvents": {**PUT, "Id": "x" * 36},
    "TagResource": {"ResourceArn": "no arn", "Tags": {}},
    "UntagResource": {"ResourceArn": "no arn", "TagKeys": []},
}
"""The same, made wrong in a way that boto3 itself lets through."""


def test_every_operation_is_tried() -> None:
    assert CALLS.keys() == INVALID.keys() == METHODS.keys()


@pytest.mark.parametrize("name", sorted(CALLS.keys() - {"CreateAppMonitor", "ListAppMonitors"}))
def test_an_unknown_monitor_is_resource_not_found(rum: Any, name: str) -> None:
    error = error_of(getattr(rum, METHODS[name]), **CALLS[name])
    assert error["Error"]["Code"] == "ResourceNotFoundException"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert error["resourceName"]


@pytest.mark.parametrize("name", sorted(INVALID))
def test_a_wrong_argument_is_a_validation_exception(rum: Any, name: str) -> None:
    error = error_of(getattr(rum, METHODS[name]), **INVALID[name])
    assert error["Error"]["Code"] == "ValidationException"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert " at '" in error["Error"]["Message"]


@pytest.fixture(scope="module", params=[403, 429, 500])
def broken(request: pytest.FixtureRequest) -> Iterator[tuple[int, Any]]:
    """A client of an endpoint that fails every call with one status."""
    always = Faults(periods=(FaultPeriod(request.param, 0, 1e9),), operations=())
    with Endpoint(EndpointSettings(credentials=(KEYS,), faults=always)) as endpoint:
        yield request.param, client_of(endpoint)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_denied_throttled_and_broken_look_as_from_the_service(broken: tuple[int, Any], name: str) -> None:
    status, client = broken
    code = {403: "AccessDeniedException", 429: "ThrottlingException", 500: "InternalServerException"}[status]
    with pytest.raises(ClientError) as caught:
        getattr(client, METHODS[name])(**CALLS[name])
    response = caught.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    if code in [shape.name for shape in MODEL.operation_model(name).error_shapes]:
        assert type(caught.value).__name__ == code
        if status == 429:
            assert (response["retryAfterSeconds"], response["serviceCode"]) == (1, "rum")


def test_a_name_twice_is_a_conflict(rum: Any, shop: str) -> None:
    error = error_of(rum.create_app_monitor, Name=shop, Domain="localhost")
    assert (error["Error"]["Code"], error["resourceName"]) == ("ConflictException", shop)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_the_same_definition_twice_is_a_conflict(rum: Any, shop: str) -> None:
    where = {"AppMonitorName": shop, "Destination": "CloudWatch"}
    rum.put_rum_metrics_destination(**where)
    definitions = [COUNT, {"Name": "y", "Namespace": "shop"}]
    made = rum.batch_create_rum_metric_definitions(**where, MetricDefinitions=definitions)["MetricDefinitions"]
    other = made[1]["MetricDefinitionId"]
    error = error_of(rum.update_rum_metric_definition, **where, MetricDefinitionId=other, MetricDefinition=COUNT)
    assert error["Error"]["Code"] == "ConflictException"


def test_quotas_of_things_are_a_402(rum: Any, shop: str) -> None:
    with Endpoint(EndpointSettings(credentials=(KEYS,), monitor_limit=0)) as endpoint:
        error = error_of(client_of(endpoint).create_app_monitor, Name="shop", Domain="localhost")
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 402
    where = {"AppMonitorName": shop, "Destination": "CloudWatch"}
    rum.put_rum_metrics_destination(**where)
    wide = {"metadata": {"browserName": [str(n) for n in range(50)], "deviceType": [str(n) for n in range(41)]}}
    keys = {"metadata.browserName": "BrowserName", "metadata.deviceType": "DeviceType"}
    event_pattern = json.dumps(json.loads(COUNT["EventPattern"]) | wide)
    definition = {"Name": "JsErrorCount", "EventPattern": event_pattern, "DimensionKeys": keys}
    error = error_of(rum.batch_create_rum_metric_definitions, **where, MetricDefinitions=[definition])
    assert error["Error"]["Code"] == "ServiceQuotaExceededException"
    rum.batch_create_rum_metric_definitions(**where, MetricDefinitions=[COUNT])
    listed = rum.batch_get_rum_metric_definitions(**where)["MetricDefinitions"]
    change = {"MetricDefinitionId": listed[0]["MetricDefinitionId"], "MetricDefinition": definition}
    error = error_of(rum.update_rum_metric_definition, **where, **change)
    assert error["Error"]["Code"] == "ServiceQuotaExceededException"


def test_policies_have_errors_of_their_own(rum: Any, shop: str) -> None:
    for call in (rum.get_resource_policy, rum.delete_resource_policy):
        assert error_of(call, Name=shop)["Error"]["Code"] == "PolicyNotFoundException"
    malformed = error_of(rum.put_resource_policy, Name=shop, PolicyDocument="{}")
    assert malformed["Error"]["Code"] == "MalformedPolicyDocumentException"
    large = error_of(rum.put_resource_policy, Name=shop, PolicyDocument=" " * 4097)
    assert large["Error"]["Code"] == "PolicySizeLimitExceededException"
    rum.put_resource_policy(Name=shop, PolicyDocument=policy(shop))
    late = {"Name": shop, "PolicyRevisionId": "old"}
    for error in (
        error_of(rum.put_resource_policy, **late, PolicyDocument=policy(shop)),
        error_of(rum.delete_resource_policy, **late),
    ):
        assert error["Error"]["Code"] == "InvalidPolicyRevisionIdException"


def test_evidently_needs_its_arn(rum: Any, shop: str) -> None:
    where = {"AppMonitorName": shop, "Destination": "Evidently"}
    error = error_of(rum.put_rum_metrics_destination, **where)
    assert "'destinationArn'" in error["Error"]["Message"]
    error = error_of(rum.put_rum_metrics_destination, **where, DestinationArn=EVIDENTLY)
    assert "'iamRoleArn'" in error["Error"]["Message"]


def test_boto3_retries_what_is_throttled_and_gets_through() -> None:
    quick = Config(inject_host_prefix=False, retries={"total_max_attempts": 5, "mode": "standard"})
    with Endpoint(EndpointSettings(credentials=(KEYS,), quota=5.0, burst=1.0)) as endpoint:
        client = client_of(endpoint, config=quick)
        monitor_id = client.create_app_monitor(Name="shop", Domain="localhost")["Id"]
        answers = [client.put_rum_events(Id=monitor_id, **batch(1, at=time.time())) for _ in range(3)]
    assert sum(answer["ResponseMetadata"]["RetryAttempts"] for answer in answers) >= 1


def test_the_host_prefix_of_the_data_plane_is_taken(running: Endpoint, rum: Any, shop: str) -> None:
    monitor_id = rum.get_app_monitor(Name=shop)["AppMonitor"]["Id"]
    address = urlsplit(running.url).netloc
    headers = (("host", f"dataplane.{address}"), ("content-type", "application/json"))
    body = json.dumps(batch(1, at=time.time())).encode()
    signed = Signer(KEYS, "us-east-1").sign(Request("POST", f"/appmonitors/{monitor_id}/", headers, body), time.time())
    connection = http.client.HTTPConnection(address)
    connection.request(signed.method, signed.target, signed.body, dict(signed.headers))
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIDUNKNOWN"}, "UnrecognizedClientException"),
        ({"aws_session_token": "unknown"}, "UnrecognizedClientException"),
        ({"region_name": "eu-west-1"}, "InvalidSignatureException"),
    ],
)
def test_wrong_credentials_are_told(running: Endpoint, wrong: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        client_of(running, **wrong).list_app_monitors()
    assert caught.value.response["Error"]["Code"] == code
