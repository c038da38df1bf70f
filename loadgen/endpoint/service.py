"""Request → Response: the whole endpoint without sockets.

Rule of order: route → faults → size → signature → quota → input → rules of the service. As on AWS, a request is
authenticated before it is throttled, so that strangers cannot use up an account's quota; a request that is refused for
its content has used its token.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import msgspec

from loadgen.endpoint.admin import PREFIX, answer_admin_request
from loadgen.endpoint.call_log import CallLog, PutCall
from loadgen.endpoint.faults import NO_FAULT, InjectedFault
from loadgen.endpoint.operations import OPERATIONS
from loadgen.endpoint.operations.context import OperationContext
from loadgen.endpoint.operations.put_rum_events import allows_unsigned
from loadgen.endpoint.request_body import BodyTooLarge
from loadgen.endpoint.service_error import InternalServerException, ServiceError, ThrottlingException
from loadgen.endpoint.settings import EndpointSettings, LiveState
from loadgen.endpoint.store import Store, expire
from loadgen.ids import format_uuid4
from loadgen.model import Noun, Request, Response
from loadgen.rum.quotas import REQUESTS_QUOTA_CODE
from loadgen.rum.service_model import PUT_RUM_EVENTS, Operation, find_operation, load_service_model
from loadgen.wire.sigv4 import Credentials, SignatureError, verify

SERVICE = "rum"
EXPOSED_HEADERS = "x-amzn-RequestId,x-amzn-ErrorType,Retry-After,Date"
_JSON = ("content-type", "application/json")
_LOG = logging.getLogger(__name__)


class Reply(Noun):
    """A response with the fault that delays it or drops its connection."""

    response: Response
    fault: InjectedFault = NO_FAULT
    call: PutCall | None = None  # the logged call of a PutRumEvents request


class Arrival(Noun):
    """A request as the server received it."""

    request: Request
    path: str  # the request's target without its query
    peer: str  # IP address
    oversize: bool  # the body was too large to be read
    now: float  # Unix time


class RumService:
    """The CloudWatch RUM API of one account and Region over one store. `clock` gives Unix time."""

    def __init__(self, settings: EndpointSettings, store: Store, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.state = LiveState(settings.live, clock())
        self.calls = CallLog()
        self._answer_count = 0
        self._request_id = format_uuid4(os.urandom(16).hex())[:24]  # a random UUID, whose last 12 digits count
        self._credentials: dict[str, Credentials] = {key.access_key_id: key for key in settings.credentials}
        if not settings.read_only:
            expire(store, clock(), settings.retention)
            store.commit()

    def name_monitor(self, monitor_id: str) -> str:
        """Return the name of the app monitor with this id, or the id itself if there is no such monitor."""
        monitor = self.store.find_active(monitor_id)
        return monitor.name if monitor else monitor_id

    def perform_for_console(self, name: str, labels: dict[str, str], given: dict[str, Any]) -> dict[str, Any]:
        """Perform a control-plane operation for the console, which sends no signature; commit and return its output."""
        operation = load_service_model().operations[name]
        request = Request(operation.method, "/", (), msgspec.json.encode(given))
        context = OperationContext(self.settings, self.store, self.clock(), request, "127.0.0.1")
        output = OPERATIONS[name](context, operation, labels)
        self.commit()
        return output

    def commit(self) -> None:
        """Make the writes of all requests answered so far durable; raises sqlite3.Error."""
        self.store.commit()
        self.calls.mark_committed()

    def reply(self, request: Request, peer: str = "127.0.0.1", oversize: bool = False) -> Reply:
        """Answer a request from IP address `peer`; its writes are durable only after the store's next commit.

        `oversize` says that the body was too large to be read.
        """
        origin, calls_before = request.get_header("origin"), self.calls.number
        arrival = Arrival(request, request.target.partition("?")[0], peer, oversize, self.clock())
        fault = NO_FAULT
        try:
            if arrival.path.startswith(PREFIX):
                state, store, calls = self.state, self.store, self.calls
                return Reply(answer_admin_request(request, peer, state, store, calls, arrival.now))
            if self.settings.read_only:
                raise ServiceError("UnknownOperationException", "This is the console of a store: see /_loadgen/")
            if request.method == "OPTIONS":
                return Reply(self._add_common_headers(self._answer_preflight(arrival, origin), origin))
            operation, labels = self._find_operation(arrival)
            fault = self.state.faults.draw_fault(operation.name, arrival.now)
            if operation.name == PUT_RUM_EVENTS:
                response = self._put_events(operation, labels, arrival, fault)
            else:
                response = self._perform(operation, labels, arrival, fault)
        except ServiceError as error:
            response = error.make_response()
        except Exception as wrong:
            response = self._report_internal_error(wrong)
        call = self.calls.calls[-1] if self.calls.number > calls_before else None
        return Reply(self._add_common_headers(response, origin), fault, call)

    def _find_operation(self, arrival: Arrival) -> tuple[Operation, dict[str, str]]:
        """Return a request's operation and path labels; a POST to an unknown path is logged as a refused call."""
        method, path = arrival.request.method, arrival.path
        if found := find_operation(method, path):
            return found
        error = _make_route_error(method, path)
        if method == "POST":
            self._log_call(PutCall(arrival.now, path, len(arrival.request.body)), arrival, error)
        raise error

    def _put_events(
        self, operation: Operation, labels: dict[str, str], arrival: Arrival, fault: InjectedFault
    ) -> Response:
        """Answer PutRumEvents and log the call with its outcome."""
        began = time.perf_counter()
        call = PutCall(arrival.now, arrival.path, _measure_body(arrival.request), monitor=labels["Id"])
        if fault is not NO_FAULT:
            call.delay, call.dropped_connection = fault.delay, bool(fault.drop)
        error: ServiceError | None = None
        try:
            response = self._perform(operation, labels, arrival, fault, call)
            call.status = response.status
            return response
        except ServiceError as raised:
            error = raised
            monitor = self.store.find_ever(labels["Id"])
            self.state.count_error(monitor.id if monitor else None, error.status)
            raise
        finally:
            call.milliseconds = (time.perf_counter() - began) * 1000
            self._log_call(call, arrival, error)

    def _log_call(self, call: PutCall, arrival: Arrival, error: ServiceError | None) -> None:
        if error is not None:
            call.status, call.code, call.message = error.status, error.code, error.message
        self.calls.add(call)
        if call.is_refused:
            self.calls.note_refusal(call, arrival.request, arrival.peer)

    def report_failed_commit(self, wrong: sqlite3.Error) -> Response:
        """Return the answer to each request whose commit failed, and mark the calls since the last commit as failed."""
        _LOG.error("the store cannot be written: %s", wrong)
        error = InternalServerException("The store cannot keep what was sent")
        self.calls.fail_uncommitted(error.code, f"{error.message}: {wrong}")
        return self._add_common_headers(error.make_response(), None)

    def _report_internal_error(self, wrong: Exception) -> Response:
        """Answer 500 after an unexpected exception and log its traceback; an SQLite error also fails the commit."""
        _LOG.error("internal error", exc_info=wrong)
        if isinstance(wrong, sqlite3.Error):
            self.store.spoil()
        return InternalServerException().make_response()

    def _perform(
        self,
        operation: Operation,
        labels: dict[str, str],
        arrival: Arrival,
        fault: InjectedFault,
        call: PutCall | None = None,
    ) -> Response:
        """Check fault, size, signature and quota, in this order; then perform the operation.

        `call` is the log entry of a PutRumEvents request.
        """
        request, now = arrival.request, arrival.now
        if fault.drop == "before":
            raise InternalServerException
        if fault.status is not None:
            _raise_injected_error(fault.status)
        if arrival.oversize or len(request.body) > self.settings.max_body_bytes:
            raise BodyTooLarge(self.settings.max_body_bytes)
        is_optional = call is not None and allows_unsigned(self.settings, self.store, labels["Id"])
        key = self._verify(request, is_optional, now)
        self.state.take_token(operation.name, now)
        context = OperationContext(self.settings, self.store, now, request, arrival.peer, key, call)
        return Response(200, (_JSON,), msgspec.json.encode(OPERATIONS[operation.name](context, operation, labels)))

    def _verify(self, request: Request, optional: bool, now: float) -> str | None:
        """Return the access key id that signed; None for an unsigned request where a signature is optional."""
        if optional and request.get_header("authorization") is None and "X-Amz-" not in request.target:
            return None
        try:
            return verify(request, self._credentials.get, self.settings.region, SERVICE, now)
        except SignatureError as wrong:
            raise ServiceError(wrong.code, wrong.message, wrong.status) from wrong

    # Headers of every answer

    def _add_common_headers(self, response: Response, origin: str | None) -> Response:
        self._answer_count += 1
        headers = (*response.headers, ("x-amzn-requestid", f"{self._request_id}{self._answer_count:012x}"))
        allowed = self.settings.cors_origins
        if origin is not None and ("*" in allowed or origin in allowed):
            headers += (
                ("access-control-allow-origin", "*" if "*" in allowed else origin),
                ("access-control-expose-headers", EXPOSED_HEADERS),
            )
        return Response(response.status, headers, response.body)

    def _answer_preflight(self, arrival: Arrival, origin: str | None) -> Response:
        """Answer a CORS preflight. If its origin is refused, log it as a call: the browser sends no other."""
        request, allowed = arrival.request, self.settings.cors_origins
        if origin is not None and not {"*", origin} & set(allowed):
            refusal = ServiceError(
                "OriginNotAllowed", f"--cors-origin lets in {', '.join(allowed)}, not {origin[:200]}", 403
            )
            self._log_call(PutCall(arrival.now, arrival.path, 0), arrival, refusal)
            raise refusal
        headers = [
            ("access-control-allow-methods", "GET,POST,PUT,PATCH,DELETE,OPTIONS"),
            ("access-control-allow-headers", request.get_header("access-control-request-headers") or "*"),
            ("access-control-max-age", "7200"),
        ]
        if request.get_header("access-control-request-private-network") == "true":
            headers.append(("access-control-allow-private-network", "true"))
        return Response(200, tuple(headers))


def _measure_body(request: Request) -> int:
    """Return the body's bytes on the wire; if it was too large to be read, the size that the client stated."""
    if request.body:
        return len(request.body)
    stated = request.get_header("content-length") or ""
    return int(stated) if stated.isdecimal() and len(stated) < 16 else 0


OTLP_PREFIX = "/v1/"
"""Where OpenTelemetry's exporters send (OTLP specification, "OTLP/HTTP": /v1/traces, /v1/logs, /v1/metrics); those of
mobile RUM send to /v1/rum (CloudWatch user guide, "Set up a mobile application to use CloudWatch RUM"). RUM's own API
has no such path."""


def _make_route_error(method: str, path: str) -> ServiceError:
    """Return the error for a method and path that belong to no operation."""
    if path.startswith(OTLP_PREFIX):
        return ServiceError(
            "NotImplementedException",
            "OTLP is not supported: this endpoint takes the PutRumEvents requests of RUM's web client, "
            "not the OpenTelemetry data of mobile applications (platforms Android and iOS)",
        )
    return ServiceError("UnknownOperationException", f"No operation has the route {method} {path[:200]}")


def _raise_injected_error(status: int) -> None:
    """Raise the error of an injected status."""
    match status:
        case 403:
            raise ServiceError("AccessDeniedException", "Denied by an injected fault")
        case 404:
            raise ServiceError("ResourceNotFoundException", "Not found by an injected fault", resourceName="fault")
        case 429:
            raise ThrottlingException(1, REQUESTS_QUOTA_CODE)
        case _:
            raise InternalServerException("Failed by an injected fault")
