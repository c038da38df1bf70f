"""Request → Response: the whole endpoint without sockets.

Rule of order: route → faults → size → signature → quota → input → rules of the service. A real service authenticates
before it throttles, so that strangers cannot use up an account's quota; a request that is refused for its content has
used its token.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import os
import sqlite3
import time
from collections.abc import Callable

import msgspec

from loadgen.endpoint import admin
from loadgen.endpoint.faults import NO_FAULT, FaultInjector, InjectedFault
from loadgen.endpoint.operations import OPERATIONS, put_rum_events
from loadgen.endpoint.operations.context import OperationContext
from loadgen.endpoint.policy import RequestContext, is_allowed
from loadgen.endpoint.service_error import (
    InternalServerException,
    ResourceNotFoundException,
    ServiceError,
    ThrottlingException,
    ValidationException,
)
from loadgen.endpoint.settings import EndpointSettings, LiveSettings
from loadgen.endpoint.store import AppMonitor, Store
from loadgen.ids import uuid4_of
from loadgen.model import Noun, Request, Response
from loadgen.rum.quotas import TokenBucket
from loadgen.rum.service_model import Operation, find_operation, load_service_model
from loadgen.rum.validation import format_message
from loadgen.wire import WireError, inflate
from loadgen.wire.sigv4 import Credentials, SignatureError, verify

SERVICE = "rum"
PUT = "PutRumEvents"
QUOTA_CODE = "L-35851224"
"""Service Quotas: ingestion rate."""

EXPOSED = "x-amzn-RequestId,x-amzn-ErrorType,Retry-After"
_JSON = ("content-type", "application/json")
_LOG = logging.getLogger(__name__)


class Answer(Noun):
    """A response and what faults do to its way back."""

    response: Response
    blow: InjectedFault = NO_FAULT


class Visit(Noun):
    """One request on its way in."""

    request: Request
    peer: str  # IP address
    blow: InjectedFault
    oversize: bool


class RumService:
    """The CloudWatch RUM API of one account and Region over one store."""

    def __init__(self, settings: EndpointSettings, store: Store, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self._credentials: dict[str, Credentials] = {one.access_key_id: one for one in settings.credentials}
        self._counts: dict[str | None, admin.Count] = {}
        self.controls = settings.controls
        self._buckets = _buckets(self.controls)
        self._faults = FaultInjector(self.controls.faults, clock())
        store.expire(int((clock() - settings.retention) * 1000))
        store.commit()

    # Controls and counts

    def control(self, controls: LiveSettings) -> None:
        """Set quotas and faults; what changes begins anew: a full bucket, periods from now."""
        before, self.controls = self.controls, controls
        if (controls.quota, controls.burst, controls.operation_quotas) != (
            before.quota,
            before.burst,
            before.operation_quotas,
        ):
            self._buckets = _buckets(controls)
        if controls.faults != before.faults:
            self._faults = FaultInjector(controls.faults, self.clock())

    def count(self, monitor_id: str | None) -> admin.Count:
        """Answers that were no 200, of one monitor or (None) of all."""
        return self._counts.get(monitor_id, admin.Count())

    def _note(self, monitor_id: str, **more: int) -> None:
        known = self.store.ever(monitor_id) is not None
        for key in (monitor_id, None) if known else (None,):
            count = self.count(key)
            changes = {name: getattr(count, name) + number for name, number in more.items()}
            self._counts[key] = msgspec.structs.replace(count, **changes)

    # The door

    def handle(self, request: Request) -> Response:
        """Answer a request and commit; a Send. Delays and drops of faults show on a socket only."""
        answer = self.answer(request)
        try:
            self.store.commit()
        except sqlite3.Error as wrong:
            return self.not_kept(wrong)
        return answer.response

    def answer(self, request: Request, peer: str = "127.0.0.1", oversize: bool = False) -> Answer:
        """Answer a request; what it wrote is durable only after the store's next commit.

        `oversize` says that the body was too large to be read.
        """
        origin = request.header("origin")
        blow = NO_FAULT
        try:
            if request.target.startswith(admin.PREFIX):
                return Answer(admin.answer(self, request, _loopback(peer)))
            if request.method == "OPTIONS":
                return Answer(self._finished(self._preflight(request), origin))
            operation, labels = self._routed(request)
            blow = self._faults.next(operation.name, self.clock())
            visit = Visit(request, peer, blow, oversize or len(request.body) > self.settings.max_body_bytes)
            response = self._decided(operation, labels, visit)
        except ServiceError as refusal:
            response = refusal.response()
        except Exception as wrong:
            response = self._failed(wrong)
        return Answer(self._finished(response, origin), blow)

    def _failed(self, wrong: Exception) -> Response:
        """A mistake of the endpoint itself: the client gets a 500, the log the traceback, the store nothing."""
        _LOG.error("internal error", exc_info=wrong)
        if isinstance(wrong, sqlite3.Error):
            self.store.spoil()
        return InternalServerException().response()

    def not_kept(self, wrong: sqlite3.Error) -> Response:
        """The answer to every request of a commit that failed."""
        _LOG.error("the store cannot keep: %s", wrong)
        return self._finished(InternalServerException("The store cannot keep what was sent").response(), None)

    def _routed(self, request: Request) -> tuple[Operation, dict[str, str]]:
        path = request.target.partition("?")[0]
        found = find_operation(request.method, path)
        if found is None:
            raise ServiceError("UnknownOperationException", f"No operation has the route {request.method} {path[:200]}")
        return found

    def _decided(self, operation: Operation, labels: dict[str, str], visit: Visit) -> Response:
        if operation.name != PUT:
            return self._controlled(operation, labels, visit)
        monitor_id = labels["Id"]
        if visit.blow.drop == "before":
            self._note(monitor_id, failed=1)
            return InternalServerException().response()
        try:
            intake = self._put(monitor_id, visit)
        except ServiceError as refusal:
            kind = {429: "throttled"}.get(refusal.status, "failed" if refusal.status >= 500 else "refused")
            self._note(monitor_id, **{kind: 1})
            raise
        if intake.dropped:
            self._note(monitor_id, dropped_events=intake.dropped)
        return Response(200, (_JSON,), b"{}")

    # The two planes

    def _put(self, monitor_id: str, visit: Visit) -> put_rum_events.Intake:
        self._admit(visit)
        monitor = self.store.by_id(monitor_id)
        request = visit.request
        key = self._signed(request, optional=self.settings.unsigned or bool(monitor and monitor.policy))
        self._throttle(PUT, QUOTA_CODE)
        if monitor is None:
            self._check_id(monitor_id)
            raise ResourceNotFoundException("AppMonitor", monitor_id)
        batch = put_rum_events.read_batch(self._plain(request), self.settings)
        if monitor.policy is not None:
            self._authorise(monitor, RequestContext(key, visit.peer, request, batch.Alias, self.settings.account))
        return put_rum_events.keep(self.store, self.settings, monitor, batch, request, self.clock())

    def _controlled(self, operation: Operation, labels: dict[str, str], visit: Visit) -> Response:
        self._admit(visit)
        request = visit.request
        self._signed(request)
        self._throttle(operation.name)
        body = put_rum_events.read_object(self._plain(request)) if operation.body else {}
        given = operation.read_input(labels, request.target.partition("?")[2], body)
        problems: list[str] = []
        operation.check(given, "", problems)
        if problems:
            raise ValidationException(format_message(problems))
        with self.store.attempt():
            result = OPERATIONS[operation.name](OperationContext(self.settings, self.store, self.clock()), given)
        return Response(200, (_JSON,), msgspec.json.encode(result))

    def _admit(self, visit: Visit) -> None:
        """What is decided before anything of the request is believed: faults and size."""
        _strike(visit.blow)
        if visit.oversize:
            limit = self.settings.max_body_bytes
            raise ServiceError("RequestEntityTooLargeException", f"The request body is larger than {limit} bytes")

    def _plain(self, request: Request) -> bytes:
        """The body without gzip."""
        try:
            return inflate(request, self.settings.max_inflated_bytes)
        except WireError as wrong:
            raise ServiceError(wrong.code, wrong.message, wrong.status) from wrong

    def _signed(self, request: Request, optional: bool = False) -> str | None:
        """The access key that signed; None for an unsigned request where that is allowed."""
        if optional and request.header("authorization") is None and "X-Amz-" not in request.target:
            return None
        try:
            return verify(request, self._credentials.get, self.settings.region, SERVICE, self.clock())
        except SignatureError as wrong:
            raise ServiceError(wrong.code, wrong.message, wrong.status) from wrong

    def _throttle(self, operation: str, quota_code: str | None = None) -> None:
        bucket = self._buckets.get(operation)
        if bucket is not None and (wait := bucket.take(self.clock())):
            raise ThrottlingException(max(1, math.ceil(wait)), quota_code)

    def _check_id(self, monitor_id: str) -> None:
        problems: list[str] = []
        load_service_model().operations[PUT].check({"Id": monitor_id}, "", problems)
        wrong = [line for line in problems if "at 'id'" in line]
        if wrong:
            raise ValidationException(format_message(wrong))

    def _authorise(self, monitor: AppMonitor, asker: RequestContext) -> None:
        assert monitor.policy is not None
        if not is_allowed(monitor.policy, self.settings.arn(monitor.name), asker) and not (
            asker.key is None and self.settings.unsigned
        ):
            raise ServiceError(
                "AccessDeniedException",
                f"The resource policy of app monitor {monitor.name} does not allow rum:PutRumEvents for this request",
            )

    # Headers of every answer

    def _finished(self, response: Response, origin: str | None) -> Response:
        headers = (*response.headers, ("x-amzn-requestid", uuid4_of(os.urandom(16).hex())))
        allowed = self.settings.cors_origins
        if origin is not None and ("*" in allowed or origin in allowed):
            headers += (
                ("access-control-allow-origin", "*" if "*" in allowed else origin),
                ("access-control-expose-headers", EXPOSED),
            )
        return Response(response.status, headers, response.body)

    def _preflight(self, request: Request) -> Response:
        """What a browser asks before it sends: everything this API has is allowed."""
        headers = [
            ("access-control-allow-methods", "GET,POST,PUT,PATCH,DELETE,OPTIONS"),
            ("access-control-allow-headers", request.header("access-control-request-headers") or "*"),
            ("access-control-max-age", "7200"),
        ]
        if request.header("access-control-request-private-network") == "true":
            headers.append(("access-control-allow-private-network", "true"))
        return Response(200, tuple(headers))


def _buckets(controls: LiveSettings) -> dict[str, TokenBucket]:
    """The token buckets by name of the operation."""
    buckets = {name: TokenBucket(rate) for name, rate in controls.operation_quotas.items()}
    if controls.quota is not None:
        buckets[PUT] = TokenBucket(controls.quota, controls.burst)
    return buckets


def _strike(blow: InjectedFault) -> None:
    """Answer with the fault's status instead of looking at the request."""
    match blow.status:
        case None:
            return
        case 403:
            raise ServiceError("AccessDeniedException", "Denied by an injected fault")
        case 404:
            raise ServiceError("ResourceNotFoundException", "Not found by an injected fault", resourceName="fault")
        case 429:
            raise ThrottlingException(1, QUOTA_CODE)
        case _:
            raise InternalServerException("Failed by an injected fault")


def _loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
