"""Clients older than the service model that the endpoint reads: boto3 since 1.24, the web client since 1.0."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import pytest
from botocore.config import Config

from loadgen.endpoint import Endpoint
from loadgen.model import Request
from loadgen.rum.service_model import MODEL
from loadgen.wire.sigv4 import Signer
from tests.endpoint.conftest import KEYS, Caller, batch, event

OPERATIONS_OF_2022 = {
    "CreateAppMonitor",
    "DeleteAppMonitor",
    "GetAppMonitor",
    "GetAppMonitorData",
    "ListAppMonitors",
    "ListTagsForResource",
    "PutRumEvents",
    "TagResource",
    "UntagResource",
    "UpdateAppMonitor",
}
"""Of botocore 1.27.0 (June 2022), which boto3 1.24.0 requires."""

MEMBERS_SINCE = {
    "AppMonitor": {"CustomEvents", "DeobfuscationConfiguration", "DomainList", "Platform"},
    "AppMonitorSummary": {"Platform"},
    "CreateAppMonitorRequest": {"CustomEvents", "DeobfuscationConfiguration", "DomainList", "Platform"},
    "UpdateAppMonitorRequest": {"CustomEvents", "DeobfuscationConfiguration", "DomainList"},
    "PutRumEventsRequest": {"Alias", "SessionMetadata"},
}
"""Members that the same model lacks."""


@pytest.fixture(scope="module")
def old_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with today's service model cut back to that of botocore 1.27.0."""
    model = json.loads(gzip.decompress(files("botocore").joinpath(*MODEL).read_bytes()))
    model["operations"] = {name: one for name, one in model["operations"].items() if name in OPERATIONS_OF_2022}
    for shape, members in MEMBERS_SINCE.items():
        for member in members:
            del model["shapes"][shape]["members"][member]
    model["shapes"]["CreateAppMonitorRequest"]["required"] = ["Domain", "Name"]
    folder = tmp_path_factory.mktemp("models")
    path = folder.joinpath(*MODEL[1:]).with_suffix("")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(model))
    return folder


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(credentials=(KEYS,), quota=None) as endpoint:
        yield endpoint


@pytest.fixture
def old(endpoint: Endpoint, old_model: Path) -> Any:
    session = botocore.session.Session()
    session.register_component("data_loader", botocore.loaders.Loader(extra_search_paths=[str(old_model)]))
    return session.create_client(
        "rum",
        region_name="us-east-1",
        endpoint_url=endpoint.url,
        aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=KEYS.secret_access_key,
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
    )


def test_a_boto3_of_2022_creates_sends_and_reads_back(old: Any, endpoint: Endpoint) -> None:
    monitor_id = old.create_app_monitor(Name="shop", Domain="localhost", Tags={"team": "shop"})["Id"]
    sent = batch(3, at=time.time())
    old.put_rum_events(Id=monitor_id, **sent)
    seen = old.get_app_monitor_data(Name="shop", TimeRange={"After": 0})["Events"]
    assert {json.loads(one)["event_id"] for one in seen} == {one["id"] for one in sent["RumEvents"]}
    monitor = old.get_app_monitor(Name="shop")["AppMonitor"]
    assert (monitor["State"], monitor["Tags"]) == ("ACTIVE", {"team": "shop"})
    assert "Platform" not in monitor, "the model in use is not the old one"
    old.update_app_monitor(Name="shop", AppMonitorConfiguration={"SessionSampleRate": 0.5})
    arn = endpoint.settings.make_arn("shop")
    old.tag_resource(ResourceArn=arn, Tags={"a": "b"})
    old.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert old.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"a": "b"}
    assert [one["Name"] for one in old.list_app_monitors()["AppMonitorSummaries"]] == ["shop"]
    old.delete_app_monitor(Name="shop")


def test_its_errors_are_those_that_the_old_model_knows(old: Any) -> None:
    with pytest.raises(old.exceptions.ResourceNotFoundException):
        old.get_app_monitor(Name="none")
    with pytest.raises(old.exceptions.ValidationException):
        old.create_app_monitor(Name="x y", Domain="localhost")


WEB_CLIENTS: dict[str, tuple[str, tuple[tuple[str, str], ...], dict[str, Any]]] = {
    # what differs between them: path, headers, members of the batch
    "1.0, fetch": ("/appmonitors/{}/", (("content-type", "application/json"),), {}),
    "1.19, with tags of the monitor": (
        "/appmonitors/{}",
        (("content-type", "application/json"),),
        {"AppMonitorDetails": {"id": "x", "name": "shop", "version": "1.0.0"}},
    ),
    "1.20, with an alias": ("/appmonitors/{}", (("content-type", "application/json"),), {"Alias": "shop-1"}),
    "2.0, JSON as text": ("/appmonitors/{}", (("content-type", "text/plain;charset=UTF-8"),), {}),
    "3.2, metadata of the session": (
        "/appmonitors/{}",
        (("content-type", "application/json"), ("x-amz-user-agent", "aws-sdk-js/3")),
        {"SessionMetadata": '{"browserName":"Chrome"}'},
    ),
}


@pytest.mark.parametrize("client", WEB_CLIENTS)
@pytest.mark.parametrize("signing", ["header", "query", "none"])
def test_web_clients_of_all_versions_are_taken(client: str, signing: str) -> None:
    caller = Caller(unsigned=signing == "none")
    path, headers, members = WEB_CLIENTS[client]
    body = json.dumps(batch(RumEvents=[event(metadata='{"version":"1.0.0","pageId":"/"}')], **members)).encode()
    request = Request("POST", path.format(caller.monitor()), (("host", "127.0.0.1:8080"), *headers), body)
    signer, now = Signer(KEYS, "us-east-1"), caller.clock()
    signed = {"header": signer.sign, "query": signer.presign}.get(signing, lambda plain, _: plain)(request, now)
    assert caller.handle(signed).status == 200
    assert [one["metadata"]["pageId"] for one in caller.events()] == ["/"]


def test_the_js_sdk_sends_whole_and_fractional_times_and_nothing_else_that_is_new(caller: Caller) -> None:
    """As @aws-sdk/client-rum 3 does: a Date becomes seconds with a fraction; its own headers are signed too."""
    sdk = (("amz-sdk-invocation-id", "11111111-1111-4111-8111-111111111111"), ("amz-sdk-request", "attempt=1; max=3"))
    body = batch(RumEvents=[event(timestamp=caller.clock() - 0.123), event(timestamp=caller.clock())])
    assert caller.put(caller.monitor(), body, headers=sdk).status == 200
    assert [one["event_timestamp"] % 1000 for one in caller.events()] == [0, 877]
