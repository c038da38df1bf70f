"""Request → PutRumEvents: what the endpoint reads, bounded in every direction.

Rule: nothing a client sends makes this room use more memory than `limit`, or raise anything but WireError. The names
and statuses are those of the CloudWatch RUM API Reference, "Common Errors", and of AWS's rest-json services.
"""

from __future__ import annotations

import zlib

import msgspec
from msgspec import UNSET, UnsetType

from loadgen.model import Noun, Request

MAX_INFLATED = 10_000_000
"""Bytes. No limit is published; a full batch of 100 events of 6 KB is 0.6 MB (rum-service facts, section 2)."""

GZIP_WINDOW = 31  # zlib's wbits for a gzip header and the largest window


class WireError(Exception):
    """A body that cannot be read: AWS's wire `code`, its HTTP `status` and `message`."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.message = message


class AppMonitorDetails(Noun, frozen=True):
    """Which monitor, and which version of the application."""

    id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    version: str | UnsetType = UNSET


class UserDetails(Noun, frozen=True):
    """Whose events: one user and one session per batch."""

    userId: str | UnsetType = UNSET
    sessionId: str | UnsetType = UNSET


class RumEvent(Noun, frozen=True):
    """One event; `metadata` and `details` are JSON in a string, `timestamp` is Unix seconds."""

    id: str
    timestamp: int | float
    type: str
    details: str
    metadata: str | UnsetType = UNSET


class PutRumEvents(Noun, frozen=True):
    """The body of a PutRumEvents call, in the service model's own names."""

    BatchId: str
    AppMonitorDetails: AppMonitorDetails
    UserDetails: UserDetails
    RumEvents: list[RumEvent]
    SessionMetadata: str | UnsetType = UNSET
    Alias: str | UnsetType = UNSET


_DECODER = msgspec.json.Decoder(PutRumEvents)


def decode(request: Request, max_inflated: int = MAX_INFLATED) -> PutRumEvents:
    """The call that a request carries; unknown members are passed over. Raises WireError."""
    body = inflate(request, max_inflated)
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError("SerializationException", 400, str(error)) from error


def inflate(request: Request, limit: int = MAX_INFLATED) -> bytes:
    """The body without its content encoding, at most `limit` bytes of it. Raises WireError."""
    encoding = (request.header("content-encoding") or "identity").strip().lower()
    if encoding == "gzip":
        return _gunzip(request.body, limit)
    if encoding != "identity":
        raise WireError("MalformedHttpRequestException", 400, "content-encoding must be gzip or absent.")
    if len(request.body) > limit:
        raise _too_large(limit)
    return request.body


def _gunzip(body: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(GZIP_WINDOW)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise WireError("MalformedHttpRequestException", 400, f"The body is not gzip: {error}.") from error
    if len(plain) > limit:
        raise _too_large(limit)
    if not stream.eof:
        raise WireError("MalformedHttpRequestException", 400, "The gzip body ends too early.")
    if stream.unused_data:
        raise WireError("MalformedHttpRequestException", 400, "Something follows the end of the gzip body.")
    return plain


def _too_large(limit: int) -> WireError:
    return WireError("RequestEntityTooLargeException", 413, f"The body is larger than {limit} bytes.")
