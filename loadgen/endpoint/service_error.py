"""What the endpoint says no with: an error of the service model, in AWS's rest-json shape.

Rule: code, HTTP status and members come from the service model; the few codes that AWS's front door adds before the
service is reached are in `FRONT_DOOR`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.model import Response
from loadgen.rum.service_model import service

FRONT_DOOR = {"UnknownOperationException": 404, "RequestEntityTooLargeException": 413}
"""Codes outside the model and their statuses: a path that is no operation, a body that is too large."""


class Refusal(Exception):
    """An answer other than 200: AWS's error code, the HTTP status, the message and the error's other members."""

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        fault = service().faults.get(code)
        self.code = code
        self.message = message
        self.status = status or (fault.status if fault else FRONT_DOOR[code])
        self.members = members

    def response(self) -> Response:
        """The error in rest-json: the code in a header, the members in the body, Retry-After where it is modelled."""
        fault = service().faults.get(self.code)
        members = dict(self.members)
        headers = [("content-type", "application/json"), ("x-amzn-errortype", self.code)]
        if fault and fault.header in members:
            headers.append(("retry-after", str(members.pop(fault.header))))
        body = msgspec.json.encode({"message": self.message, **members})
        return Response(self.status, tuple(headers), body)


def invalid(message: str) -> Refusal:
    """400: an argument is wrong."""
    return Refusal("ValidationException", message)


def not_found(kind: str, name: str) -> Refusal:
    """404: `kind` is AppMonitor, MetricsDestination, ..."""
    return Refusal("ResourceNotFoundException", f"{kind} not found: {name}", resourceName=name, resourceType=kind)


def conflict(kind: str, name: str, message: str) -> Refusal:
    """409: the name is taken."""
    return Refusal("ConflictException", message, resourceName=name, resourceType=kind)


def throttled(retry_after: int, quota_code: str | None = None) -> Refusal:
    """429: a quota is used up for `retry_after` seconds."""
    codes: dict[str, Any] = {"serviceCode": "rum"} | ({"quotaCode": quota_code} if quota_code else {})
    return Refusal("ThrottlingException", "Rate exceeded", retryAfterSeconds=retry_after, **codes)


def broken(message: str = "Internal server error") -> Refusal:
    """500."""
    return Refusal("InternalServerException", message)
