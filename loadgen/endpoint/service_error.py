"""The errors that the endpoint answers with, in AWS's rest-json form.

Rule: code, HTTP status and members come from the service model. The few codes that AWS's front end gives before a
request reaches the service are in `FRONT_END_STATUSES`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.model import Response
from loadgen.rum.service_model import load_service_model

FRONT_END_STATUSES = {
    "UnknownOperationException": 404,  # a path that is no operation
    "MalformedHttpRequestException": 400,  # a body whose content encoding cannot be undone
    "RequestEntityTooLargeException": 413,
    "NotImplementedException": 501,  # a path of OTLP
}
"""HTTP statuses of the error codes that the service model does not have."""


class ServiceError(Exception):
    """An answer other than 200: AWS's error code, the message, the HTTP status and the error's other members."""

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        shape = load_service_model().errors.get(code)
        self.code = code
        self.message = message
        self.status = status or (shape.status if shape else FRONT_END_STATUSES[code])
        self.members = members
        self._retry_after = shape.retry_after if shape else None

    def make_response(self) -> Response:
        """The error as a response: the code in a header, the members in the body."""
        members = dict(self.members)
        headers = [("content-type", "application/json"), ("x-amzn-errortype", self.code)]
        if self._retry_after in members:
            headers.append(("retry-after", str(members.pop(self._retry_after))))
        body = msgspec.json.encode({"message": self.message, **members})
        return Response(self.status, tuple(headers), body)


class ValidationException(ServiceError):
    """400: an argument is wrong."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class InvalidMember(ValidationException):
    """400: a member of the input breaks a rule; the message shows `value` as it is given here."""

    def __init__(self, path: str, rule: str, value: str = "") -> None:
        super().__init__(f"Value {f'{value} ' if value else ''}at '{path}' failed to satisfy constraint: {rule}")


class ResourceNotFoundException(ServiceError):
    """404: there is no resource of this kind (AppMonitor, MetricsDestination, ...) and name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__("ResourceNotFoundException", f"{kind} not found: {name}", resourceName=name, resourceType=kind)


class ConflictException(ServiceError):
    """409: another resource has the same name or content."""

    def __init__(self, kind: str, name: str, message: str) -> None:
        super().__init__("ConflictException", message, resourceName=name, resourceType=kind)


class ThrottlingException(ServiceError):
    """429: a quota is used up for `retry_after` seconds."""

    def __init__(self, retry_after: int, quota_code: str | None = None) -> None:
        quota = {"quotaCode": quota_code} if quota_code else {}
        members: dict[str, Any] = {"retryAfterSeconds": retry_after, "serviceCode": "rum", **quota}
        super().__init__("ThrottlingException", "Rate exceeded", **members)


class InternalServerException(ServiceError):
    """500: the endpoint itself failed, or an injected fault."""

    def __init__(self, message: str = "Internal server error") -> None:
        super().__init__("InternalServerException", message)
