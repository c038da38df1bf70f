"""Signatures at the endpoint's door: each wrong thing gets its own error, in header and in query form."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from loadgen.model import Request
from loadgen.wire.sigv4 import Credentials, Signer
from tests.endpoint.conftest import KEYS, Caller, batch

TOKEN = Credentials("ASIAEXAMPLE", "temporary", "session-token")
HEADERS = (("host", "127.0.0.1:8080"), ("content-type", "application/json"))


@pytest.fixture
def shop() -> Caller:
    caller = Caller(credentials=(KEYS, TOKEN))
    caller.monitor()
    return caller


def request(shop: Caller, **more: Any) -> Request:
    monitor = shop.store.list_monitors()[0].id
    return msgspec.structs.replace(
        Request("POST", f"/appmonitors/{monitor}", HEADERS, json.dumps(batch()).encode()), **more
    )


def answer(shop: Caller, signed: Request) -> tuple[int, str | None]:
    response = shop.handle(signed)
    return response.status, response.get_header("x-amzn-errortype")


def sign(shop: Caller, form: str, keys: Credentials = KEYS, region: str = "us-east-1", service: str = "rum") -> Request:
    signer = Signer(keys, region, service)
    now = shop.clock()
    return signer.sign(request(shop), now) if form == "header" else signer.presign(request(shop), now)


FORMS = pytest.mark.parametrize("form", ["header", "query"])


@FORMS
@pytest.mark.parametrize("keys", [KEYS, TOKEN])
def test_a_good_signature_passes(shop: Caller, form: str, keys: Credentials) -> None:
    assert answer(shop, sign(shop, form, keys)) == (200, None)


@FORMS
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"keys": Credentials("AKIDUNKNOWN", "x")}, "UnrecognizedClientException"),
        ({"keys": Credentials(TOKEN.access_key_id, TOKEN.secret_access_key)}, "UnrecognizedClientException"),
        ({"keys": Credentials(TOKEN.access_key_id, TOKEN.secret_access_key, "x")}, "UnrecognizedClientException"),
        ({"keys": Credentials(KEYS.access_key_id, "wrong secret")}, "InvalidSignatureException"),
        ({"region": "eu-west-1"}, "InvalidSignatureException"),
        ({"service": "logs"}, "InvalidSignatureException"),
    ],
)
def test_each_wrong_thing_has_its_error(shop: Caller, form: str, wrong: dict[str, Any], code: str) -> None:
    assert answer(shop, sign(shop, form, **wrong)) == (403, code)


@FORMS
def test_one_changed_byte_of_the_body_is_noticed(shop: Caller, form: str) -> None:
    signed = sign(shop, form)
    changed = msgspec.structs.replace(signed, body=signed.body.replace(b"Shop", b"Shot", 1))
    assert answer(shop, changed) == (403, "InvalidSignatureException")


@pytest.mark.parametrize(("form", "seconds"), [("header", 901), ("header", -901), ("query", 61), ("query", -901)])
def test_outside_the_clock_window_a_request_has_expired(shop: Caller, form: str, seconds: float) -> None:
    signed = sign(shop, form)
    shop.clock.now += seconds
    assert answer(shop, signed) == (403, "RequestExpired")


def test_an_unsigned_request_misses_its_token(shop: Caller) -> None:
    assert answer(shop, request(shop)) == (403, "MissingAuthenticationTokenException")


def test_half_a_signature_is_incomplete(shop: Caller) -> None:
    headers = (
        *HEADERS,
        ("authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/rum/aws4_request"),
    )
    assert answer(shop, request(shop, headers=headers)) == (403, "IncompleteSignatureException")


@pytest.mark.parametrize("path", ["/appmonitor/shop", "/appmonitor/shop/policy", "/tags/x"])
def test_the_control_plane_is_signed_too(shop: Caller, path: str) -> None:
    assert answer(shop, Request("GET", path, HEADERS)) == (403, "MissingAuthenticationTokenException")


def test_no_answer_shows_a_secret(shop: Caller) -> None:
    for wrong in ({"region": "eu-west-1"}, {"keys": Credentials(KEYS.access_key_id, "x")}):
        body = shop.handle(sign(shop, "header", **wrong)).body
        assert KEYS.secret_access_key.encode() not in body
    assert KEYS.secret_access_key not in repr(shop.settings)


@pytest.mark.parametrize("settings", [{}, {"unsigned": True}])
def test_a_second_authorization_header_is_refused(settings: dict[str, Any]) -> None:
    caller = Caller(**settings)
    caller.monitor()
    signed = sign(caller, "header")
    for second in (("authorization", "Basic YTpi"), ("authorization", signed.get_header("authorization") or "")):
        twice = msgspec.structs.replace(signed, headers=(*signed.headers, second))
        assert answer(caller, twice) == (403, "IncompleteSignatureException")
    assert answer(caller, signed) == (200, None)
