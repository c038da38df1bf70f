"""Undo the gzip of a request's body, and decode JSON text, also text that msgspec refuses. Pure.

Rule: no body takes more memory than the limit, and an unreadable body is a ServiceError, nothing else. The names and
statuses are those of the CloudWatch RUM API Reference, "Common Errors", and of AWS's rest-json services.

Rule: JSON (RFC 8259, section 8.2) allows the escape of half a surrogate pair, which JSON.stringify writes for a string
that was cut inside an emoji. A Python text with half a pair cannot be encoded as UTF-8, so such JSON is kept as it was
received, escape by escape, and decoded only as far as needed. Each function tries msgspec first, so other text costs
nothing more.
"""

from __future__ import annotations

import json
import re
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
    """Return a request's body without its content encoding; raises BodyTooLarge above `limit` bytes."""
    encoding = (request.get_header("content-encoding") or "identity").strip().lower()
    if encoding == "gzip":
        return _gunzip(request.body, limit)
    if encoding != "identity":
        raise MalformedBody("content-encoding must be gzip or absent.")
    if len(request.body) > limit:
        raise BodyTooLarge(limit)
    return request.body


def gunzip_stored(body: bytes) -> bytes:
    """Return a stored body without gzip. It was checked when it was accepted, so it has no limit here."""
    return zlib.decompress(body, wbits=GZIP_WBITS) if body.startswith(GZIP_MAGIC) else body


def read_object(data: bytes) -> dict[str, Any]:
    """Decode a JSON object; its members are not checked yet. An empty body is an empty object."""
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


_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)")
"""One JSON escape: a whole surrogate pair, half a pair, or any other escape."""

_HALF_LENGTH = 6  # of \ud83d


class AnyObject(msgspec.Struct):
    """Any JSON object. It has no members here, so msgspec checks their syntax without building values."""


scan_object = msgspec.json.Decoder(AnyObject).decode
"""Check that a text is a JSON object; raises msgspec.DecodeError or RecursionError if not, or if it has half a pair."""


def is_object(text: str) -> bool:
    """Whether a text is a JSON object; an object nested deeper than about 1,000 levels does not count as one."""
    try:
        scan_object(drop_halves(text))
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def parse_object(text: str | None) -> dict[str, Any]:
    """Decode a text that is a JSON object. No text, and an object that is nested too deeply, give an empty dict.

    A number too large for a float becomes infinite, and half a surrogate pair stays half in the Python text.
    """
    if not text:
        return {}
    try:
        return dict(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return dict(json.loads(text, parse_int=_parse_integer))
    except RecursionError:
        return {}


def encode_members(members: dict[str, Any]) -> str:
    """Encode an object whose values may be msgspec.Raw, or texts with half a surrogate pair."""
    try:
        return msgspec.json.encode(members).decode()
    except UnicodeEncodeError:
        encoded = (f"{json.dumps(name)}:{_encode_value(value)}" for name, value in members.items())
        return f"{{{','.join(encoded)}}}"


def escape_halves(data: bytes) -> bytes:
    """Escape half surrogate pairs of a JSON text once more, so that a text inside it keeps them as escapes."""
    return _replace_halves(data.decode(), None).encode()


def drop_halves(text: str) -> str:
    """Replace half surrogate pairs in a JSON text by U+FFFD, so that msgspec can read it."""
    return _replace_halves(text, r"\ufffd")


def _replace_halves(text: str, replacement: str | None) -> str:
    def replace(found: re.Match[str]) -> str:
        escape = found[0]
        is_half = len(escape) == _HALF_LENGTH and escape[1] == "u"
        return (replacement or "\\" + escape) if is_half else escape

    return _ESCAPE.sub(replace, text)


def _encode_value(value: Any) -> str:
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    return json.dumps(value, separators=(",", ":"))


def _parse_integer(digits: str) -> int | float:
    """Read an integer; one of 20 digits or more becomes infinite: RUM keeps 64 bits, Python reads 4,300 digits."""
    return int(digits) if len(digits) < 20 else float("inf")
