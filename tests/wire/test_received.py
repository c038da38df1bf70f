"""What the endpoint reads is bounded, and anything unreadable is one WireError."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.model import Request
from loadgen.wire import WireError, decode, inflate

CALL: dict[str, Any] = {
    "BatchId": "19eeaeee-a582-4430-809f-3a3b1dfbfd04",
    "AppMonitorDetails": {"id": "m", "version": "1.0.0"},
    "UserDetails": {"userId": "u", "sessionId": "s"},
    "RumEvents": [{"id": "i", "timestamp": 1700000000.678, "type": "t", "details": "{}"}],
}
BODY = json.dumps(CALL).encode()
PACKED = gzip.compress(BODY, mtime=0)


def request(body: bytes, encoding: str | None = None) -> Request:
    headers = () if encoding is None else (("content-encoding", encoding),)
    return Request("POST", "/appmonitors/m", headers, body)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " gzip "])
def test_gzip_is_taken_off(encoding: str) -> None:
    assert inflate(request(PACKED, encoding)) == BODY
    assert decode(request(PACKED, encoding)).RumEvents[0].timestamp == 1700000000.678


@pytest.mark.parametrize("encoding", [None, "", "identity"])
def test_a_plain_body_stays(encoding: str | None) -> None:
    assert inflate(request(BODY, encoding)) == BODY


BAD: dict[str, tuple[bytes, str | None, str]] = {
    "not gzip": (BODY, "gzip", "MalformedHttpRequestException"),
    "empty": (b"", "gzip", "MalformedHttpRequestException"),
    "truncated": (PACKED[:-1], "gzip", "MalformedHttpRequestException"),
    "truncated in the middle": (PACKED[: len(PACKED) // 2], "gzip", "MalformedHttpRequestException"),
    "trailing bytes": (PACKED + b"x", "gzip", "MalformedHttpRequestException"),
    "two members": (PACKED * 2, "gzip", "MalformedHttpRequestException"),
    "a wrong checksum": (PACKED[:-8] + bytes(8), "gzip", "MalformedHttpRequestException"),
    "another encoding": (BODY, "br", "MalformedHttpRequestException"),
    "a bomb": (gzip.compress(bytes(50_000_000)), "gzip", "RequestEntityTooLargeException"),
    "too large": (bytes(10_000_001), None, "RequestEntityTooLargeException"),
    "not JSON": (b"{", None, "SerializationException"),
    "not UTF-8": (BODY.replace(b'"u"', b'"\xff"'), None, "SerializationException"),
    "a list": (b"[]", None, "SerializationException"),
    "a member missing": (json.dumps(CALL | {"RumEvents": None}).encode(), None, "SerializationException"),
    "details not a string": (BODY.replace(b'"{}"', b"{}"), None, "SerializationException"),
    "very deep": (b'{"x":' * 100_000, None, "SerializationException"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_body_that_cannot_be_read_is_a_wire_error(case: str) -> None:
    body, encoding, code = BAD[case]
    with pytest.raises(WireError) as caught:
        decode(request(body, encoding))
    assert caught.value.code == code
    assert caught.value.status == (413 if code.startswith("RequestEntity") else 400)


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_the_limit_is_exact(encoding: str | None) -> None:
    sent = request(PACKED if encoding else BODY, encoding)
    assert inflate(sent, len(BODY)) == BODY
    with pytest.raises(WireError, match="RequestEntityTooLarge"):
        inflate(sent, len(BODY) - 1)


@given(st.binary(max_size=200), st.sampled_from([None, "gzip"]), st.integers(0, len(PACKED)))
def test_any_bytes_are_a_call_or_a_wire_error(noise: bytes, encoding: str | None, spot: int) -> None:
    try:
        decode(request(PACKED[:spot] + noise + PACKED[spot + 1 :], encoding))
    except WireError as error:
        assert error.status in {400, 413}
