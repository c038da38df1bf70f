"""The body of a request, without gzip and as JSON. Pure.

Rule: no body takes more memory than the limit, and an unreadable body is a ServiceError, nothing else. The names and
statuses are those of the CloudWatch RUM API Reference, "Common Errors", and of AWS's rest-json services.
"""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from loadgen.endpoint.service_error import ServiceError, ValidationException
from loadgen.model import Request

GZIP_WBITS = 31
"""zlib's wbits for a gzip header and the largest window."""

GZIP_MAGIC = b"\x1f\x8b"
"""How gzip data begins (RFC 1952); JSON never does."""


class MalformedBody(ServiceError):
    """400: a body whose content encoding cannot be undone."""

    def __init__(self, message: str) -> None:
        super().__init__("MalformedHttpRequestException", message)


class BodyTooLarge(ServiceError):
    """413: a body of more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__("RequestEntityTooLargeException", f"The request body is larger than {limit} bytes")


def inflate(request: Request, limit: int) -> bytes:
    """The body without its content encoding, at most `limit` bytes."""
    encoding = (request.header("content-encoding") or "identity").strip().lower()
    if encoding == "gzip":
        return _gunzip(request.body, limit)
    if encoding != "identity":
        raise MalformedBody("content-encoding must be gzip or absent.")
    if len(request.body) > limit:
        raise BodyTooLarge(limit)
    return request.body


def gunzip_stored(body: bytes) -> bytes:
    """A body that was accepted before, without gzip."""
    return zlib.decompress(body, wbits=GZIP_WBITS) if body.startswith(GZIP_MAGIC) else body


def read_object(data: bytes) -> dict[str, Any]:
    """Decode a JSON object, not yet checked; an empty body is an empty object."""
    try:
        body = msgspec.json.decode(data) if data else {}
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise ValidationException(f"The request body is not valid JSON: {wrong}") from wrong
    except RecursionError as wrong:
        raise ValidationException("The request body is nested too deeply") from wrong
    if not isinstance(body, dict):
        raise ValidationException("The request body must be a JSON object")
    return body


def _gunzip(body: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(GZIP_WBITS)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise MalformedBody(f"The body is not gzip: {error}.") from error
    if len(plain) > limit:
        raise BodyTooLarge(limit)
    if not stream.eof:
        raise MalformedBody("The gzip body ends too early.")
    if stream.unused_data:
        raise MalformedBody("Something follows the end of the gzip body.")
    return plain
