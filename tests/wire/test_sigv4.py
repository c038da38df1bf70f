"""What the signer sends, and which error each wrong signature gets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.model import Request
from loadgen.wire.sigv4 import Credentials, SignatureError, Signer, verify
from loadgen.wire.sigv4.canonical import format_basic, parse_basic

NOW = 1795288947.5
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "to/ken==")
LASTING = Credentials("AKIDLASTING", "another-secret")
TARGET = "/appmonitors/3f1c2d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
FETCH = Request("POST", TARGET, (("host", "127.0.0.1:8080"), ("content-type", "application/json")), b'{"a":1}')
BEACON = Request("POST", TARGET, (("host", "127.0.0.1:8080"), ("content-type", "text/plain;charset=UTF-8")), b"{}")


def known(key: str) -> Credentials | None:
    return {each.access_key_id: each for each in (KEYS, LASTING)}.get(key)


def checked(request: Request, now: float = NOW, region: str = "us-east-1", service: str = "rum") -> str:
    return verify(request, known, region, service, now)


def signed(credentials: Credentials = KEYS, region: str = "us-east-1", service: str = "rum") -> Request:
    return Signer(credentials, region, service).sign(FETCH, NOW)


def presigned(expires: int = 60) -> Request:
    return Signer(KEYS, "us-east-1").presign(BEACON, NOW, expires)


def with_header(request: Request, name: str, value: str | None) -> Request:
    """The request with a header set, or dropped when the value is None."""
    kept = tuple(pair for pair in request.headers if pair[0] != name)
    return Request(request.method, request.target, kept if value is None else (*kept, (name, value)), request.body)


def replaced(request: Request, old: str, new: str) -> Request:
    """The request with a piece of its Authorization header or of its query replaced."""
    headers = tuple((name, value.replace(old, new)) for name, value in request.headers)
    return Request(request.method, request.target.replace(old, new), headers, request.body)


@given(st.permutations(range(3)), st.text(" ", max_size=2), st.text(" ", max_size=2))
def test_the_parts_of_an_authorization_header_may_have_any_order_and_blanks(
    order: list[int], before: str, after: str
) -> None:
    request = signed()
    scheme, _, rest = (request.get_header("authorization") or "").partition(" ")
    parts = [rest.split(", ")[number] for number in order]
    text = f"{scheme} {before}{f'{after},{before}'.join(parts)}{after}"
    assert checked(with_header(request, "authorization", text)) == KEYS.access_key_id
    with pytest.raises(SignatureError):
        checked(with_header(request, "authorization", text.replace("us-east-1", "us-east-2")))


def test_a_fetch_signs_the_headers_that_the_web_client_signs() -> None:
    gzip = with_header(FETCH, "content-encoding", "gzip")
    names = "content-encoding;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token"
    assert f"SignedHeaders={names}," in (Signer(KEYS, "us-east-1").sign(gzip, NOW).get_header("authorization") or "")
    plain = Signer(LASTING, "us-east-1").sign(FETCH, NOW)
    assert "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date," in (
        plain.get_header("authorization") or ""
    )
    assert plain.get_header("x-amz-security-token") is None


def test_a_beacon_s_query_is_the_web_client_s() -> None:
    query = presigned().target.partition("?")[2]
    assert [name for name, _ in parse_qsl(query)] == [
        "X-Amz-Algorithm",
        "X-Amz-Content-Sha256",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    ]
    assert "X-Amz-Credential=AKIDEXAMPLE%2F20261121%2Fus-east-1%2Frum%2Faws4_request&" in query
    assert "&X-Amz-Expires=60&X-Amz-Security-Token=to%2Fken%3D%3D&" in query
    assert query.endswith("&X-Amz-SignedHeaders=content-type%3Bhost")
    assert presigned().headers == BEACON.headers


def test_a_presigned_request_keeps_its_own_query_in_order() -> None:
    request = Request("GET", "/tags?z=1&A=2&~=3", FETCH.headers)
    signed = Signer(KEYS, "us-east-1").presign(request, NOW)
    names = [name for name, _ in parse_qsl(signed.target.partition("?")[2])]
    assert (names[0], names[-2:]) == ("A", ["z", "~"])
    assert names == sorted(names)
    assert checked(signed) == "AKIDEXAMPLE"


def test_secrets_never_show() -> None:
    for shown in (repr(KEYS), str(KEYS), str(KEYS.__rich_repr__()), repr(Signer(KEYS, "us-east-1"))):
        assert KEYS.secret_access_key not in shown
        assert "to/ken" not in shown


def test_the_key_changes_with_the_day() -> None:
    signer = Signer(LASTING, "us-east-1")
    for day in range(3):
        now = NOW + day * 86400
        assert checked(signer.sign(FETCH, now), now) == "AKIDLASTING"


WRONG: dict[str, tuple[Callable[[], Request], str]] = {
    "no signature": (lambda: FETCH, "MissingAuthenticationTokenException"),
    "another scheme": (lambda: with_header(FETCH, "authorization", "Bearer abc"), "IncompleteSignatureException"),
    "an empty authorization": (lambda: with_header(FETCH, "authorization", ""), "IncompleteSignatureException"),
    "no credential": (lambda: replaced(signed(), "Credential=", "Cred="), "IncompleteSignatureException"),
    "no signed headers": (lambda: replaced(signed(), "SignedHeaders=", "Headers="), "IncompleteSignatureException"),
    "no signature part": (lambda: replaced(signed(), "Signature=", "Sig="), "IncompleteSignatureException"),
    "no date": (lambda: with_header(signed(), "x-amz-date", None), "IncompleteSignatureException"),
    "a date of another shape": (
        lambda: with_header(signed(), "x-amz-date", "2026-11-21T19:22:27Z"),
        "IncompleteSignatureException",
    ),
    "a date off the calendar": (
        lambda: with_header(signed(), "x-amz-date", "20261131T192227Z"),
        "IncompleteSignatureException",
    ),
    "a short credential": (lambda: replaced(signed(), "/aws4_request", ""), "IncompleteSignatureException"),
    "another algorithm": (lambda: replaced(signed(), "HMAC-SHA256", "HMAC-SHA512"), "IncompleteSignatureException"),
    "an unknown key": (lambda: signed(Credentials("AKIDOTHER", "x")), "UnrecognizedClientException"),
    "no session token": (
        lambda: signed(Credentials(KEYS.access_key_id, KEYS.secret_access_key)),
        "UnrecognizedClientException",
    ),
    "another session token": (
        lambda: signed(Credentials(KEYS.access_key_id, KEYS.secret_access_key, "other")),
        "UnrecognizedClientException",
    ),
    "a session token for a lasting key": (
        lambda: signed(Credentials(LASTING.access_key_id, LASTING.secret_access_key, "token")),
        "UnrecognizedClientException",
    ),
    "another secret": (
        lambda: signed(Credentials(KEYS.access_key_id, "other", KEYS.session_token)),
        "InvalidSignatureException",
    ),
    "another region": (lambda: signed(region="eu-west-1"), "InvalidSignatureException"),
    "another service": (lambda: signed(service="logs"), "InvalidSignatureException"),
    "another terminator": (lambda: replaced(signed(), "aws4_request", "aws5_request"), "InvalidSignatureException"),
    "another day in the scope": (lambda: replaced(signed(), "/20261121/", "/20261120/"), "InvalidSignatureException"),
    "host not signed": (lambda: replaced(signed(), "host;", ""), "InvalidSignatureException"),
    "a signed header that is not there": (
        lambda: replaced(signed(), "host;", "host;x-absent;"),
        "InvalidSignatureException",
    ),
    "another body": (
        lambda: Request("POST", TARGET, signed().headers, b"other"),
        "InvalidSignatureException",
    ),
    "the hash left open after signing": (
        lambda: with_header(signed(), "x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        "InvalidSignatureException",
    ),
    "two Authorization headers": (
        lambda: msgspec.structs.replace(
            signed(), headers=(*signed().headers, ("authorization", signed().get_header("authorization") or ""))
        ),
        "IncompleteSignatureException",
    ),
    "a second Authorization header of another kind": (
        lambda: msgspec.structs.replace(signed(), headers=(("Authorization", "Basic YTpi"), *signed().headers)),
        "IncompleteSignatureException",
    ),
    "signed in the header and in the query": (
        lambda: msgspec.structs.replace(
            presigned(), headers=(*presigned().headers, ("authorization", signed().get_header("authorization") or ""))
        ),
        "IncompleteSignatureException",
    ),
    "presigned without expiry": (
        lambda: replaced(presigned(), "X-Amz-Expires=60&", ""),
        "IncompleteSignatureException",
    ),
    "presigned without signature": (
        lambda: replaced(presigned(), "X-Amz-Signature=", "X-Amz-Sig="),
        "IncompleteSignatureException",
    ),
    "presigned twice over": (
        lambda: replaced(presigned(), "?", "?X-Amz-Date=20261121T192227Z&"),
        "IncompleteSignatureException",
    ),
    "presigned for a negative time": (
        lambda: replaced(presigned(), "Expires=60", "Expires=-60"),
        "IncompleteSignatureException",
    ),
    "presigned for more than a week": (lambda: presigned(604_801), "IncompleteSignatureException"),
    "presigned, the expiry stretched": (
        lambda: replaced(presigned(), "Expires=60", "Expires=600"),
        "InvalidSignatureException",
    ),
    "presigned, another body": (
        lambda: Request("POST", presigned().target, BEACON.headers, b"[]"),
        "InvalidSignatureException",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_wrong_thing_has_its_error(case: str) -> None:
    make, code = WRONG[case]
    with pytest.raises(SignatureError) as caught:
        checked(make())
    assert (caught.value.code, caught.value.status) == (code, 403)


@pytest.mark.parametrize(
    ("late", "code"), [(899, None), (901, "RequestExpired"), (-899, None), (-902, "RequestExpired")]
)
def test_clocks_may_differ_by_fifteen_minutes(late: float, code: str | None) -> None:
    assert outcome(signed(), NOW + late) == code


@pytest.mark.parametrize(("late", "code"), [(59, None), (61, "RequestExpired"), (-899, None), (-902, "RequestExpired")])
def test_a_presigned_request_ends_when_it_says(late: float, code: str | None) -> None:
    assert outcome(presigned(), NOW + late) == code


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (47 * 60, ("expired", "47 min. after it was signed", "Check the client's clock")),
        (-47 * 60, ("not yet current", "47 min. after the time here", "Check the client's clock")),
    ],
)
def test_a_skewed_clock_is_told_with_the_minutes(late: float, words: tuple[str, ...]) -> None:
    for request in (signed(), presigned()):
        with pytest.raises(SignatureError) as caught:
            checked(request, NOW + late)
        assert all(word in caught.value.message for word in words)


def test_a_wrong_region_is_told_with_the_right_one() -> None:
    for region in ("eu-west-1", "x" * 5000):
        elsewhere = signed(region=region)
        with pytest.raises(SignatureError, match="valid region: 'us-east-1', not '") as caught:
            checked(elsewhere)
        assert region[:64] in caught.value.message
        assert len(caught.value.message) < 200


ODD_TEXT = st.text(max_size=40) | st.sampled_from(["%", "%zz", "\ud800", "=", ",,", "a=b,c", "AWS4-HMAC-SHA256 "])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_hostile_request_gets_an_error_and_nothing_else(data: st.DataObject) -> None:
    request = data.draw(st.sampled_from([signed(), presigned()]))
    spot = data.draw(st.integers(0, len(request.target)))
    target = request.target[:spot] + data.draw(ODD_TEXT) + request.target[spot + data.draw(st.integers(1, 30)) :]
    headers = tuple((name, data.draw(st.just(value) | ODD_TEXT)) for name, value in request.headers)
    assert outcome(Request(request.method, target, headers, request.body), NOW) in {
        None,
        "MissingAuthenticationTokenException",
        "IncompleteSignatureException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "RequestExpired",
    }


def outcome(request: Request, now: float) -> str | None:
    try:
        checked(request, now)
    except SignatureError as error:
        return error.code
    return None


@given(st.integers(0, 4_102_444_800))
def test_a_second_survives_its_basic_format(second: int) -> None:
    assert format_basic(second) == f"{datetime.fromtimestamp(second, UTC):%Y%m%dT%H%M%SZ}"
    assert parse_basic(format_basic(second)) == second


@pytest.mark.parametrize(
    "moment",
    [
        "20260229T000000Z",
        "20261301T000000Z",
        "20260001T000000Z",
        "20260100T000000Z",
        "19690101T000000Z",
        "20260101T240000Z",
        "20260101T006000Z",
        "20260101T000060Z",
        "20260101T000000",
        "٢0260101T000000Z",
    ],
)
def test_what_is_not_a_moment_is_refused(moment: str) -> None:
    with pytest.raises(ValueError, match="not "):
        parse_basic(moment)


@pytest.mark.parametrize("date", ["Sat, 99 Nov 2026 19:22:27 GMT", "0", "Sat, 21 Nov 99999999 19:22:27 GMT", "Nov"])
def test_a_date_header_that_is_none_is_incomplete(date: str) -> None:
    request = with_header(with_header(signed(), "x-amz-date", None), "date", date)
    assert outcome(request, NOW) == "IncompleteSignatureException"
