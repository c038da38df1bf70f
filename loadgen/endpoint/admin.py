"""The endpoint's own routes under /_loadgen/, for loopback peers only: the ledger, quotas and faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from loadgen.endpoint.service_error import ServiceError, ValidationException
from loadgen.endpoint.settings import LiveSettings
from loadgen.model import Noun, Request, Response

if TYPE_CHECKING:
    from loadgen.endpoint.service import RumService

PREFIX = "/_loadgen/"


class Count(Noun):
    """Answers to PutRumEvents that were no 200, since the endpoint started; accepted ones are counted in the store."""

    throttled: int = 0
    refused: int = 0  # 4xx other than 429
    failed: int = 0  # 5xx, and connections dropped by a fault
    dropped_events: int = 0  # of accepted batches


def answer(endpoint: RumService, request: Request, loopback: bool) -> Response:
    """Answer an admin request. A browser's page never gets in: it sends an Origin."""
    if not loopback or request.header("origin") is not None:
        raise ServiceError("AccessDeniedException", "The admin routes are for programs on this machine only")
    path, _, query = request.target.partition("?")
    match request.method, path.removeprefix(PREFIX):
        case "GET", "ledger":
            return _json(_ledger(endpoint, query))
        case "GET", "settings":
            return _json(endpoint.controls)
        case "PUT", "settings":
            endpoint.control(_controls(endpoint, request.body))
            return _json(endpoint.controls)
        case _:
            raise ServiceError("UnknownOperationException", f"No admin route {request.method} {path[:200]}")


def _json(value: Any) -> Response:
    return Response(200, (("content-type", "application/json"),), msgspec.json.encode(value))


def _ledger(endpoint: RumService, query: str) -> dict[str, Any]:
    wanted = parse_qs(query).get("monitor", [None])[-1]
    monitor = endpoint.store.ever(wanted) if wanted else None
    if wanted and monitor is None:
        raise ServiceError("ResourceNotFoundException", f"No app monitor with the id {wanted}", resourceName=wanted)
    requests, events = endpoint.store.accepted(monitor)
    count = endpoint.count(wanted)
    return {
        "requests": {
            "accepted": requests,
            "throttled": count.throttled,
            "refused": count.refused,
            "failed": count.failed,
        },
        "events": {"accepted": events, "dropped": count.dropped_events},
    }


def _controls(endpoint: RumService, body: bytes) -> LiveSettings:
    """The controls with the given members changed."""
    try:
        given = msgspec.json.decode(body, type=dict[str, Any])
        controls = msgspec.convert(msgspec.to_builtins(endpoint.controls) | given, LiveSettings)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ValidationException(f"The settings are not understood: {wrong}") from wrong
    for name, rate in (("quota", controls.quota), ("burst", controls.burst), *controls.operation_quotas.items()):
        if rate is not None and rate < 0:
            raise ValidationException(
                f"Value '{rate}' at '{name}' failed to satisfy constraint: Member must not be less than 0"
            )
    return controls
