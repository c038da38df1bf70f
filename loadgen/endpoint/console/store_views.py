"""Views that read the store itself: app monitors with their settings and counts, and single events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from loadgen.endpoint.operations.metrics import read_destinations
from loadgen.endpoint.operations.monitors import describe_monitor
from loadgen.endpoint.operations.policies import RequestContext, is_allowed
from loadgen.endpoint.operations.stored_events import EventPlace, EventReader
from loadgen.endpoint.request_body import encode_members
from loadgen.endpoint.service import RumService
from loadgen.endpoint.service_error import ValidationException
from loadgen.endpoint.settings import EndpointSettings
from loadgen.endpoint.store import AppMonitor, Store
from loadgen.model import Noun, Request
from loadgen.rum.service_model import PUT_ACTION

MOST_DEFINITIONS = 200
"""Metric definitions that are listed for a destination at most."""

MOST_BYTES = 16 * 1024 * 1024
"""Bytes of batches that are decoded for one answer at most: the endpoint's other clients wait meanwhile."""

Spans = dict[int, tuple[int, int]]
"""Times of each monitor's first and last event in Unix milliseconds, by AppMonitor.number."""


def list_monitors(service: RumService, spans: Spans) -> list[dict[str, Any]]:
    """Return all monitors that are not deleted, by name, each with its settings, counts, metrics and policy."""
    present = [monitor for monitor in service.store.list_monitors() if monitor.deleted is None]
    return [_describe(monitor, service, spans) for monitor in present]


def _describe(monitor: AppMonitor, service: RumService, spans: Spans) -> dict[str, Any]:
    store = service.store
    requests, events, dropped = store.count_accepted(monitor)
    first, last = spans.get(monitor.number, (None, None))
    return {
        "monitor": describe_monitor(monitor),
        "region": service.settings.region,
        "unsigned": takes_unsigned(monitor, service.settings),
        "requests": requests,
        "events": events,
        "dropped": dropped,
        "rejected": service.state.read_counts(monitor.id),
        "first": first,
        "last": last,
        "policy": monitor.policy,
        "metrics": [
            {
                "destination": target.destination,
                "arn": target.arn,
                "role": role,
                "count": len(definitions := target.read_definitions(store)),
                "definitions": [definition.content for definition in definitions[:MOST_DEFINITIONS]],
            }
            for target, role in read_destinations(store, monitor)
        ],
    }


def takes_unsigned(monitor: AppMonitor, settings: EndpointSettings) -> bool:
    """Whether a page on this machine may send to a monitor without credentials."""
    asked = RequestContext(None, "127.0.0.1", Request("POST", "/", ()), None, settings.account)
    return settings.unsigned or bool(
        monitor.policy and is_allowed(monitor.policy, settings.make_arn(monitor.name), asked)
    )


class NewMonitor(Noun, forbid_unknown_fields=True):
    """What the console's form asks for: a new app monitor."""

    name: str
    domain: str = "localhost"


def create_monitor(service: RumService, body: bytes) -> dict[str, Any]:
    """Create an app monitor that takes custom events and unsigned requests of pages; return its name and id."""
    try:
        wanted = msgspec.json.decode(body, type=NewMonitor)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ValidationException(f"The app monitor is not understood: {wrong}") from wrong
    given = {"Name": wanted.name, "Domain": wanted.domain, "CustomEvents": {"Status": "ENABLED"}}
    created = service.perform_for_console("CreateAppMonitor", {}, given)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": PUT_ACTION,
        "Resource": service.settings.make_arn(wanted.name),
    }
    policy = msgspec.json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()
    service.perform_for_console("PutResourcePolicy", {"Name": wanted.name}, {"PolicyDocument": policy})
    return {"name": wanted.name, "id": created["Id"]}


def read_events(
    store: Store, settings: EndpointSettings, monitor: AppMonitor, places: Sequence[EventPlace]
) -> tuple[list[dict[str, Any]], bool]:
    """Return the events at these places, as GetAppMonitorData gives them, and whether all of them were read.

    Events of a batch that has left the store meanwhile are left out.
    """
    reader = EventReader(store, settings, monitor)
    found: list[dict[str, Any]] = []
    for place in places:
        if place.batch not in reader.batches and reader.bytes > MOST_BYTES:
            return found, False
        if event := reader.read(place):
            raw = msgspec.Raw(encode_members(event).encode())
            found.append({"batch": place.batch, "place": place.position, "ms": place.at, "event": raw})
    return found, True
