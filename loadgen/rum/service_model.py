"""The service model of CloudWatch RUM as data: operations, their routes and inputs, and the errors they may give.

Rule: nothing about the API is typed by hand that botocore's model (rum, 2018-05-10) says. Only its JSON is read; no
botocore client is made.
"""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from loadgen.model import Noun
from loadgen.rum.validation import Check, checker

MODEL = ("data", "rum", "2018-05-10", "service-2.json.gz")
"""Where botocore keeps the model."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


class Place(Noun):
    """Where one input member travels: in the path, in the query, or in the JSON body."""

    member: str
    wire_name: str
    kind: str  # the shape's type: string, integer, list, ...


class Operation(Noun):
    """One operation: its route and how its input is read and checked."""

    name: str
    method: str
    segments: tuple[str, ...]  # of the path; "{Name}" stands for a label
    query: tuple[Place, ...]
    body: tuple[Place, ...]
    check: Check

    def labels(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The path's labels by member name, or None when the path is another operation's."""
        found = {}
        for own, given in zip(self.segments, segments, strict=True):
            if own.startswith("{"):
                found[own[1:-1]] = unquote(given, errors="replace")
            elif own != given:
                return None
        return found

    def arguments(self, labels: dict[str, str], query: str, body: dict[str, Any]) -> dict[str, Any]:
        """All input members that were given, by their model names, not yet checked; null counts as not given."""
        given: dict[str, Any] = dict(labels)
        if self.query and query:
            pairs = parse_qs(query, keep_blank_values=True)
            given |= {
                place.member: _of_query(place, pairs[place.wire_name])
                for place in self.query
                if place.wire_name in pairs
            }
        for place in self.body:
            if (value := body.get(place.wire_name)) is not None:
                given[place.member] = without_nulls(value)
        return given


class Fault(Noun):
    """One modelled error: its HTTP status and its members."""

    status: int
    members: tuple[str, ...]
    header: str | None  # the member that travels as Retry-After


class Service(Noun):
    """The whole API."""

    operations: dict[str, Operation]
    faults: dict[str, Fault]
    shapes: dict[str, Any]  # the model's own


def without_nulls(value: Any) -> Any:
    """The same without members that are null: AWS takes them as not given."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _of_query(place: Place, values: list[str]) -> Any:
    """A query value as JSON would give it; what is no whole number stays text, and the check refuses it."""
    if place.kind == "list":
        return values
    if place.kind == "integer" and _WHOLE.fullmatch(values[-1]):
        return int(values[-1])
    return values[-1]


@lru_cache(maxsize=1)
def service() -> Service:
    """The compiled model; read once per process."""
    path = files("botocore").joinpath(*MODEL)
    model = msgspec.json.decode(gzip.decompress(path.read_bytes()))
    shapes = model["shapes"]
    return Service(
        operations={name: _operation(name, raw, shapes) for name, raw in model["operations"].items()},
        faults={name: _fault(shape) for name, shape in shapes.items() if shape.get("exception")},
        shapes=shapes,
    )


@lru_cache(maxsize=4096)
def route(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation of a request line and the path's labels; a trailing slash makes no difference."""
    segments = tuple(path[1:].removesuffix("/").split("/"))
    for operation in service().operations.values():
        if operation.method == method and len(operation.segments) == len(segments):
            labels = operation.labels(segments)
            if labels is not None:
                return operation, labels
    return None


def _operation(name: str, raw: dict[str, Any], shapes: dict[str, Any]) -> Operation:
    input_shape = raw["input"]["shape"]
    members = shapes[input_shape]["members"]

    def places(location: str | None) -> tuple[Place, ...]:
        return tuple(
            Place(member, ref.get("locationName", member), shapes[ref["shape"]]["type"])
            for member, ref in members.items()
            if ref.get("location") == location
        )

    return Operation(
        name=name,
        method=raw["http"]["method"],
        segments=tuple(raw["http"]["requestUri"].strip("/").split("/")),
        query=places("querystring"),
        body=places(None),
        check=checker(shapes, input_shape),
    )


def _fault(shape: dict[str, Any]) -> Fault:
    members = shape["members"]
    return Fault(
        status=shape["error"]["httpStatusCode"],
        members=tuple(name for name, ref in members.items() if "location" not in ref),
        header=next((name for name, ref in members.items() if ref.get("location") == "header"), None),
    )
