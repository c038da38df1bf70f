"""The service model of CloudWatch RUM as data: operations, their routes and inputs, and the errors they may give.

Rule: all of it is read from botocore's model (rum, 2018-05-10), nothing is typed by hand. Only the model's JSON file is
read; botocore itself is not imported.
"""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from loadgen.rum.validation import find_problems

MODEL = ("data", "rum", "2018-05-10", "service-2.json.gz")
"""Where botocore keeps the model, below its package folder."""

PUT_RUM_EVENTS = "PutRumEvents"
PUT_ACTION = "rum:PutRumEvents"
"""The data plane's one operation, and its name in a resource policy."""

POLICY_VERSIONS = ("2012-10-17", "2008-10-17")
"""The versions of IAM's policy language, the present one first (IAM user guide, "JSON policy elements: Version")."""

WEB = "Web"
"""The platform of app monitors that accept PutRumEvents; those for Android and iOS take OTLP."""

EXCLUSIVE_PAGES = {"IncludedPages": "ExcludedPages", "ExcludedPages": "IncludedPages"}
"""A monitor has one of the two lists: setting one clears the other (the model, AppMonitorConfiguration)."""

LONGEST_CACHED = 512
"""The longest path, in characters, whose operation is cached: long paths from strangers must not fill the memory."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


class InputMember(msgspec.Struct, frozen=True, gc=False):
    """One member of an operation's input that a request carries in the query or in the JSON body."""

    name: str
    wire_name: str
    kind: str  # the shape's type: string, integer, list, ...


class Operation(msgspec.Struct, frozen=True, gc=False):
    """One operation: its route, and how its input is read and checked."""

    name: str
    method: str
    segments: tuple[str, ...]  # of the path; "{Name}" stands for a label
    query: tuple[InputMember, ...]
    body: tuple[InputMember, ...]
    input_shape: str  # its name in the model

    def match_path(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return the labels of a path, by member name; None if the path belongs to another operation."""
        labels = {}
        for own, given in zip(self.segments, segments, strict=True):
            if own.startswith("{"):
                labels[own[1:-1]] = unquote(given, errors="replace")
            elif own != given:
                return None
        return labels

    def read_input(self, labels: dict[str, str], query: str, body: dict[str, Any]) -> dict[str, Any]:
        """Read the input members of a request, by their model names and unchecked; a null counts as absent."""
        given: dict[str, Any] = dict(labels)
        if self.query and query:
            pairs = parse_qs(query, keep_blank_values=True)
            given |= {
                member.name: _read_query_value(member, pairs[member.wire_name])
                for member in self.query
                if member.wire_name in pairs
            }
        for member in self.body:
            if (value := body.get(member.wire_name)) is not None:
                given[member.name] = drop_nulls(value)
        return given

    def find_problems(self, given: dict[str, Any]) -> list[str]:
        """Check input members, by their model names; return a line for each problem, as in a ValidationException."""
        return find_problems(load_service_model().shapes, self.input_shape, given)


class ErrorShape(msgspec.Struct, frozen=True, gc=False):
    """One error that the model defines."""

    status: int  # HTTP
    retry_after: str | None  # the member that the header Retry-After carries


class ServiceModel(msgspec.Struct, frozen=True, gc=False):
    """The whole model, compiled."""

    operations: dict[str, Operation]
    errors: dict[str, ErrorShape]
    shapes: dict[str, Any]  # the model's JSON, by shape name


def drop_nulls(value: Any) -> Any:
    """Remove null members from objects, at any depth: AWS treats them as absent."""
    if isinstance(value, dict):
        return {key: drop_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [drop_nulls(item) for item in value]
    return value


def _read_query_value(member: InputMember, values: list[str]) -> Any:
    """Convert a query value to what JSON would give. Text that should be a whole number but is none stays text."""
    if member.kind == "list":
        return values
    if member.kind == "integer" and _WHOLE.fullmatch(values[-1]):
        return int(values[-1])
    return values[-1]


@lru_cache(maxsize=1)
def load_service_model() -> ServiceModel:
    """Read and compile botocore's model, once per process."""
    path = files("botocore").joinpath(*MODEL)
    model = msgspec.json.decode(gzip.decompress(path.read_bytes()))
    shapes = model["shapes"]
    return ServiceModel(
        operations={name: _read_operation(name, raw, shapes) for name, raw in model["operations"].items()},
        errors={name: _read_error(shape) for name, shape in shapes.items() if shape.get("exception")},
        shapes=shapes,
    )


def find_operation(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Find the operation of a request line and the path's labels; a trailing slash makes no difference."""
    if len(path) <= LONGEST_CACHED:
        return _find_known_operation(method, path)
    return _match_operation(method, path)


def _match_operation(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    segments = tuple(path[1:].removesuffix("/").split("/"))
    for operation in load_service_model().operations.values():
        if operation.method == method and len(operation.segments) == len(segments):
            labels = operation.match_path(segments)
            if labels is not None:
                return operation, labels
    return None


_find_known_operation = lru_cache(maxsize=4096)(_match_operation)


def _read_operation(name: str, raw: dict[str, Any], shapes: dict[str, Any]) -> Operation:
    input_shape = raw["input"]["shape"]
    members = shapes[input_shape]["members"]

    def list_members(location: str | None) -> tuple[InputMember, ...]:
        return tuple(
            InputMember(name, ref.get("locationName", name), shapes[ref["shape"]]["type"])
            for name, ref in members.items()
            if ref.get("location") == location
        )

    return Operation(
        name=name,
        method=raw["http"]["method"],
        segments=tuple(raw["http"]["requestUri"].strip("/").split("/")),
        query=list_members("querystring"),
        body=list_members(None),
        input_shape=input_shape,
    )


def _read_error(shape: dict[str, Any]) -> ErrorShape:
    in_header = [name for name, ref in shape["members"].items() if ref.get("location") == "header"]
    return ErrorShape(shape["error"]["httpStatusCode"], in_header[0] if in_header else None)
