"""The body of a request: unzipped within bounds, or refused in words. Pure."""

from __future__ import annotations

import zlib

from loadgen.endpoint.refusal import Refusal, invalid
from loadgen.model import Request


def content(request: Request, limit: int) -> tuple[bytes, bool]:
    """The JSON bytes of a body and whether it came zipped; at most `limit` bytes."""
    encoding = (request.header("content-encoding") or "identity").strip().lower()
    if encoding == "gzip":
        return inflated(request.body, limit), True
    if encoding not in ("identity", ""):
        raise invalid(
            f"Value '{encoding[:100]}' at 'Content-Encoding' failed to satisfy constraint: Member must be gzip"
        )
    if len(request.body) > limit:
        raise too_large(limit)
    return request.body, False


def too_large(limit: int) -> Refusal:
    """413."""
    return Refusal("RequestEntityTooLargeException", f"The request body is larger than {limit} bytes")


def inflated(data: bytes, limit: int) -> bytes:
    """Unzip; never holds more than `limit` bytes, whatever a bomb says."""
    parts = []
    left = limit
    while data:
        unzip = zlib.decompressobj(31)
        try:
            part = unzip.decompress(data, left + 1)
        except zlib.error as wrong:
            raise invalid(f"The request body is not valid gzip: {wrong}") from wrong
        left -= len(part)
        if left < 0:
            raise too_large(limit)
        if not unzip.eof:
            raise invalid("The request body is not valid gzip: it ends too early")
        parts.append(part)
        data = unzip.unused_data
    return b"".join(parts)
