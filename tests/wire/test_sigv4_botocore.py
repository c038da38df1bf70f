"""botocore's signers as oracle, both ways: what we sign it signs alike, and what it signs we accept."""

from __future__ import annotations

import datetime
import random
import re
import string
from collections.abc import Iterator
from contextlib import AbstractContextManager
from unittest.mock import patch

import botocore.auth
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from loadgen.model import Request
from loadgen.wire.sigv4 import Credentials, SignatureError, Signer, verify

REGION = "eu-central-1"
ROUNDS = 1000
SAFE = string.ascii_letters + string.digits + "-._~"
ODD = SAFE + " !\"#$%&'()*+,/:;<=>?@[]^`{|}éሴ🎈"


def random_requests(seed: int) -> Iterator[tuple[Request, Credentials, float]]:
    """Random but sendable requests: raw targets are percent-encoded, header values are printable."""
    draw = random.Random(seed)

    def text(letters: str, most: int) -> str:
        return "".join(draw.choices(letters, k=draw.randint(0, most)))

    def encoded(letters: str, most: int) -> str:
        return "".join(c if c in SAFE else "".join(f"%{b:02X}" for b in c.encode()) for c in text(letters, most))

    for _ in range(ROUNDS):
        path = "/" + "/".join(encoded(ODD, 6) for _ in range(draw.randint(0, 4)))
        query = "&".join(f"{encoded(ODD, 5)}q={encoded(ODD, 8)}" for _ in range(draw.randint(0, 3)))
        headers = [("host", f"{text(SAFE, 8)}h:{draw.randint(1, 65535)}")]
        if draw.random() < 0.8:
            headers.append(("content-type", draw.choice(("application/json", "text/plain;charset=UTF-8", "a  b"))))
        if draw.random() < 0.4:
            headers.append(("content-encoding", "gzip"))
        token = draw.choice((None, "token", "a+b/c==" * draw.randint(1, 9)))
        request = Request(
            draw.choice(("POST", "GET", "DELETE", "PATCH")),
            path + (f"?{query}" if query else ""),
            tuple(draw.sample(headers, len(headers))),
            draw.randbytes(draw.randint(0, 300)),
        )
        credentials = Credentials(f"AKID{text(string.ascii_uppercase, 12)}", text(SAFE + "/+", 40), token)
        yield request, credentials, float(draw.randint(10**9, 2 * 10**9)) + draw.random()


def as_boto(request: Request) -> AWSRequest:
    url = f"http://{request.get_header('host')}{request.target}"
    return AWSRequest(request.method, url, dict(request.headers), request.body)


def boto_credentials(credentials: Credentials) -> BotoCredentials:
    return BotoCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)


def at(now: float) -> AbstractContextManager[object]:
    """botocore's clock, stopped."""
    moment = datetime.datetime.fromtimestamp(int(now), datetime.UTC)
    return patch.object(botocore.auth, "get_current_datetime", lambda: moment)


def test_what_we_sign_botocore_signs_alike() -> None:
    for request, credentials, now in random_requests(1):
        signed = Signer(credentials, REGION).sign(request, now)
        boto = as_boto(request)
        boto.headers["X-Amz-Content-SHA256"] = signed.get_header("x-amz-content-sha256")
        with at(now):
            botocore.auth.SigV4Auth(boto_credentials(credentials), "rum", REGION).add_auth(boto)
        assert signed.get_header("authorization") == boto.headers["Authorization"]
        assert signed.get_header("x-amz-date") == boto.headers["X-Amz-Date"]
        assert signed.body == request.body


def test_what_botocore_signs_is_accepted() -> None:
    for request, credentials, now in random_requests(2):
        boto = as_boto(request)
        with at(now):
            botocore.auth.SigV4Auth(boto_credentials(credentials), "rum", REGION).add_auth(boto)
        headers = tuple((name.lower(), value) for name, value in boto.headers.items())
        received = Request(request.method, request.target, headers, request.body)
        assert accepted(received, credentials, now)


def test_what_botocore_presigns_is_accepted() -> None:
    for request, credentials, now in random_requests(3):
        boto = as_boto(request)
        boto.data = None  # botocore folds form data into the query and signs the rest as an empty body
        with at(now):
            botocore.auth.SigV4QueryAuth(boto_credentials(credentials), "rum", REGION, expires=60).add_auth(boto)
        target = boto.url.removeprefix(f"http://{request.get_header('host')}")
        headers = tuple((name.lower(), value) for name, value in boto.headers.items())
        assert accepted(Request(request.method, target, headers), credentials, now + 59)


def test_an_unsigned_payload_is_refused_though_the_signature_fits() -> None:
    """No operation of RUM's service model is marked with `unsignedPayload` or `v4-unsigned-body`."""
    for request, credentials, now in random_requests(7):
        boto = as_boto(request)
        boto.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
        with at(now):
            botocore.auth.SigV4Auth(boto_credentials(credentials), "rum", REGION).add_auth(boto)
        headers = tuple((name.lower(), value) for name, value in boto.headers.items())
        for body in (b"any body", request.body):
            with pytest.raises(SignatureError, match="UNSIGNED-PAYLOAD"):
                accepted(Request(request.method, request.target, headers, body), credentials, now)


def test_the_service_model_marks_no_operation_as_taking_an_unsigned_payload() -> None:
    model = botocore.session.get_session().get_service_model("rum")
    operations = [model.operation_model(name) for name in model.operation_names]
    assert {operation.auth_type for operation in operations} <= {None, "v4"}
    assert not any(operation.unsigned_payload for operation in operations)


def test_a_date_header_stands_in_for_the_amz_date() -> None:
    for request, credentials, now in random_requests(8):
        boto = as_boto(request)
        boto.headers["Date"] = "Mon, 09 Sep 2011 23:36:00 GMT"  # botocore writes its own date over it
        with at(now):
            botocore.auth.SigV4Auth(boto_credentials(credentials), "rum", REGION).add_auth(boto)
        headers = tuple((name.lower(), value) for name, value in boto.headers.items())
        assert "X-Amz-Date" not in boto.headers
        assert accepted(Request(request.method, request.target, headers, request.body), credentials, now)


def test_what_we_sign_is_accepted_in_both_forms() -> None:
    for request, credentials, now in random_requests(4):
        signer = Signer(credentials, REGION)
        assert accepted(signer.sign(request, now), credentials, now)
        assert accepted(signer.presign(request, now), credentials, now + 59)


def test_a_request_signed_again_is_signed_afresh() -> None:
    for request, credentials, now in random_requests(5):
        signer = Signer(credentials, REGION)
        assert signer.sign(signer.sign(request, now), now + 5000) == signer.sign(request, now + 5000)


def test_one_change_anywhere_in_a_signed_request_is_refused() -> None:
    draw = random.Random(6)
    for request, credentials, now in random_requests(6):
        signer = Signer(credentials, REGION)

        def find(_: str, known: Credentials = credentials) -> Credentials:
            return known

        for signed in (signer.sign(request, now), signer.presign(request, now)):
            with pytest.raises(SignatureError):
                verify(spoiled(signed, draw), find, REGION, "rum", now)


def spoiled(request: Request, draw: random.Random) -> Request:
    """The request with one thing changed that its signature covers."""
    what = draw.choice(("method", "target", "header", "body"))
    method, target, headers, body = request.method, request.target, list(request.headers), request.body
    if what == "method":
        method += "X"
    elif what == "target":
        spots = [match.start() for match in re.finditer(r"(?<!%)(?<!%.)[A-Za-z0-9]", target)]
        spot = draw.choice(spots) if spots else len(target)
        target = target[:spot] + ("0" if target[spot : spot + 1] != "0" else "1") + target[spot + 1 :]
    elif what == "header":
        spot = draw.randrange(len(headers))
        name, value = headers[spot]
        headers[spot] = (name, value[:-1] + ("0" if value[-1] != "0" else "1"))
    elif body:
        spot = draw.randrange(len(body))
        body = body[:spot] + bytes([body[spot] ^ (1 << draw.randrange(8))]) + body[spot + 1 :]
    else:
        body = b"x"
    return Request(method, target, tuple(headers), body)


def accepted(request: Request, credentials: Credentials, now: float) -> bool:
    key = credentials.access_key_id
    return verify(request, lambda asked: credentials if asked == key else None, REGION, "rum", now) == key
