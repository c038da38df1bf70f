"""A body is read within its limit, and an unreadable one is one ServiceError."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.endpoint.operations.put_rum_events import read_batch
from loadgen.endpoint.request_body import inflate, read_object
from loadgen.endpoint.service_error import ServiceError
from loadgen.endpoint.settings import EndpointSettings
from loadgen.model import Request
from tests.endpoint.conftest import batch

LIMIT = 10_000_000
BODY = json.dumps(batch(1, at=1700000000.678)).encode()
PACKED = gzip.compress(BODY, mtime=0)


def request(body: bytes, encoding: str | None = None) -> Request:
    headers = () if encoding is None else (("content-encoding", encoding),)
    return Request("POST", "/appmonitors/m", headers, body)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " gzip "])
def test_gzip_is_undone(encoding: str) -> None:
    assert inflate(request(PACKED, encoding), LIMIT) == BODY
    assert read_batch(inflate(request(PACKED, encoding), LIMIT), EndpointSettings()).RumEvents[0].timestamp == (
        1700000000.678
    )


@pytest.mark.parametrize("encoding", [None, "", "identity"])
def test_a_plain_body_stays(encoding: str | None) -> None:
    assert inflate(request(BODY, encoding), LIMIT) == BODY


BAD_ENCODING: dict[str, tuple[bytes, str | None, str]] = {
    "not gzip": (BODY, "gzip", "MalformedHttpRequestException"),
    "empty": (b"", "gzip", "MalformedHttpRequestException"),
    "truncated": (PACKED[:-1], "gzip", "MalformedHttpRequestException"),
    "truncated in the middle": (PACKED[: len(PACKED) // 2], "gzip", "MalformedHttpRequestException"),
    "trailing bytes": (PACKED + b"x", "gzip", "MalformedHttpRequestException"),
    "two members": (PACKED * 2, "gzip", "MalformedHttpRequestException"),
    "a wrong checksum": (PACKED[:-8] + bytes(8), "gzip", "MalformedHttpRequestException"),
    "another encoding": (BODY, "br", "MalformedHttpRequestException"),
    "a bomb": (gzip.compress(bytes(50_000_000)), "gzip", "RequestEntityTooLargeException"),
    "too large": (bytes(LIMIT + 1), None, "RequestEntityTooLargeException"),
}


@pytest.mark.parametrize("case", BAD_ENCODING)
def test_a_body_whose_encoding_cannot_be_undone_is_told_by_its_code(case: str) -> None:
    body, encoding, code = BAD_ENCODING[case]
    with pytest.raises(ServiceError) as caught:
        inflate(request(body, encoding), LIMIT)
    assert caught.value.code == code
    assert caught.value.status == (413 if code.startswith("RequestEntity") else 400)


BAD_JSON = {
    "not JSON": b"{",
    "not UTF-8": BODY.replace(b'"1.0.0"', b'"\xff"', 1),
    "a list": b"[]",
    "a member missing": json.dumps(batch() | {"RumEvents": None}).encode(),
    "details not a string": json.dumps(batch() | {"RumEvents": [{"details": {}}]}).encode(),
    "very deep": b'{"x":' * 100_000,
}


@pytest.mark.parametrize("case", BAD_JSON)
def test_a_body_that_is_no_batch_is_a_validation_exception(case: str) -> None:
    with pytest.raises(ServiceError) as caught:
        read_batch(BAD_JSON[case], EndpointSettings())
    assert (caught.value.code, caught.value.status) == ("ValidationException", 400)


@pytest.mark.parametrize("body", [b"[]", b"{", b'"text"', b'{"x":' * 100_000])
def test_a_body_that_is_no_object_is_a_validation_exception(body: bytes) -> None:
    with pytest.raises(ServiceError, match="ValidationException"):
        read_object(body)


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_the_limit_is_exact(encoding: str | None) -> None:
    sent = request(PACKED if encoding else BODY, encoding)
    assert inflate(sent, len(BODY)) == BODY
    with pytest.raises(ServiceError, match="RequestEntityTooLarge"):
        inflate(sent, len(BODY) - 1)


@given(st.binary(max_size=200), st.sampled_from([None, "gzip"]), st.integers(0, len(PACKED)))
def test_any_bytes_are_a_batch_or_a_service_error(noise: bytes, encoding: str | None, spot: int) -> None:
    sent = request(PACKED[:spot] + noise + PACKED[spot + 1 :], encoding)
    try:
        read_batch(inflate(sent, LIMIT), EndpointSettings())
    except ServiceError as error:
        assert error.status in {400, 413}
