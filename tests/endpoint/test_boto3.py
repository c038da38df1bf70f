"""An unmodified boto3 client is served as by AWS."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.endpoint.conftest import batch


def name() -> str:
    return f"shop-{uuid.uuid4()}"


def refusal(call: Any, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return dict(caught.value.response)


def test_what_is_put_can_be_read_back(rum: Any) -> None:
    shop = name()
    created = rum.create_app_monitor(Name=shop, Domain="localhost")
    body = batch(3, at=time.time())
    rum.put_rum_events(Id=created["Id"], **body)
    data = rum.get_app_monitor_data(Name=shop, TimeRange={"After": 0, "Before": 2**53})
    read = [json.loads(event)["event_id"] for event in data["Events"]]
    assert read == [event["id"] for event in body["RumEvents"]]


def test_a_deleted_monitor_takes_no_events(rum: Any) -> None:
    shop = name()
    monitor_id = rum.create_app_monitor(Name=shop, Domain="localhost")["Id"]
    rum.delete_app_monitor(Name=shop)
    error = refusal(rum.put_rum_events, Id=monitor_id, **batch(at=time.time()))
    assert error["Error"]["Code"] == "ResourceNotFoundException"
    assert error["resourceName"] == monitor_id
