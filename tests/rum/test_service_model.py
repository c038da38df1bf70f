"""Routes and inputs come from the service model; botocore's own serializer is the oracle."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import botocore.loaders
import msgspec
import pytest
from botocore.model import ServiceModel, Shape
from botocore.serialize import create_serializer

from loadgen.endpoint.operations import OPERATIONS
from loadgen.rum.service_model import find_operation, load_service_model

MODEL = ServiceModel(botocore.loaders.Loader().load_service_model("rum", "service-2"), "rum")


def sample(shape: Shape) -> Any:
    """Some value of a shape, its constraints left aside."""
    match shape.type_name:
        case "structure":
            return {name: sample(member) for name, member in shape.members.items()}
        case "list":
            return [sample(shape.member), sample(shape.member)]
        case "map":
            return {"key": sample(shape.value)}
        case "string":
            return "a b/c#%é"
        case "boolean":
            return True
        case "timestamp":
            return 1_700_000_000
    return 7


@pytest.mark.parametrize("name", MODEL.operation_names)
def test_what_botocore_sends_is_read_as_it_was_meant(name: str) -> None:
    operation = MODEL.operation_model(name)
    given = sample(operation.input_shape)
    sent = create_serializer("rest-json", include_validation=False).serialize_to_request(given, operation)
    path = sent["url_path"].partition("?")[0]
    found = find_operation(sent["method"], path)
    assert found is not None
    own, labels = found
    assert own.name == name
    query = urlencode(sent["query_string"] or {}, doseq=True)
    body = msgspec.json.decode(sent["body"]) if sent["body"] else {}
    assert own.read_input(labels, query, body) == given


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_trailing_slash_makes_no_difference(slash: str) -> None:
    for method, path, name in [
        ("POST", "/appmonitors/x", "PutRumEvents"),
        ("POST", "/appmonitors", "ListAppMonitors"),
        ("POST", "/appmonitor", "CreateAppMonitor"),
    ]:
        found = find_operation(method, path + slash)
        assert found is not None
        assert found[0].name == name


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/appmonitors/x"),
        ("POST", "/appmonitors/x/y"),
        ("PUT", "/appmonitor"),
        ("BREW", "/tags/x"),
    ],
)
def test_what_is_no_operation_has_no_route(method: str, path: str) -> None:
    assert find_operation(method, path) is None


def test_every_operation_of_the_model_is_served() -> None:
    assert OPERATIONS.keys() | {"PutRumEvents"} == set(MODEL.operation_names) == load_service_model().operations.keys()
    assert len(load_service_model().operations) == 20


def test_every_error_of_the_model_has_its_status() -> None:
    for shape in MODEL.error_shapes:
        assert load_service_model().errors[shape.name].status == shape.metadata["error"]["httpStatusCode"]
