"""Checks the signature, in a header or in the query, of any correct SigV4 client, and reports errors as AWS does.

Rule: nothing in a request is trusted before its signature matches, and each fault gives one error:

AWS's common name           RUM's wire code                        status  when
MissingAuthenticationToken  MissingAuthenticationTokenException    403     no signature at all
IncompleteSignature         IncompleteSignatureException           403     a part is missing or malformed
InvalidClientTokenId        UnrecognizedClientException            403     unknown access key, wrong session token
SignatureDoesNotMatch       InvalidSignatureException              403     wrong scope, body, secret, anything changed
RequestExpired              RequestExpired                         403     outside the clock window, presigned and late

UNSIGNED-PAYLOAD in place of the body's hash is refused: only operations that their service model marks with
`unsignedPayload` or the auth type `v4-unsigned-body` accept it, and RUM's model marks none. Services other than S3 and
Glacier answer that the signature does not match (github.com/apache/opendal-reqsign/issues/346).

Statuses and RequestExpired: CloudWatch RUM API Reference, "Common Errors". The names that end with Exception are those
that AWS's rest-json services put into x-amzn-errortype (the web client's docs/troubleshooting.md shows the first).
AccessDenied comes from policies, not from signatures: see the endpoint.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from email.utils import parsedate_tz
from functools import lru_cache
from hashlib import sha256
from typing import NoReturn
from urllib.parse import unquote

import msgspec

from loadgen.model import Request
from loadgen.wire.sigv4.canonical import (
    ALGORITHM,
    TERMINATOR,
    UNSIGNED_PAYLOAD,
    Credentials,
    cache_short,
    canonicalize_path,
    compute_signature,
    derive_key,
    encode_utf8,
    format_basic,
    join_basic,
    join_pairs,
    parse_basic,
    read_query,
    trim,
)

CLOCK_WINDOW = 900.0
"""Seconds by which client and server clocks may differ (RUM API Reference, "Common Errors", RequestExpired)."""

LONGEST_EXPIRES = 604_800
"""The most seconds for which a presigned request is valid, a week (AWS, "Add the signature to the request")."""

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)

_SIGNED_TWICE = "A request must be signed once, in one Authorization header or in the query string."
"""Two signatures are refused because a proxy between client and server might check the other one."""

_WANTED = ("Credential", "Signature", "SignedHeaders")
"""The parts that an Authorization header must have."""

Secrets = Callable[[str], Credentials | None]  # access key id → credentials; None for an unknown id


class SignatureError(Exception):
    """A missing or wrong signature, with AWS's wire `code`, HTTP `status` and `message`."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.message = message


class _Scope(msgspec.Struct, frozen=True, gc=False):
    """The part of a signature that many requests have in common: access key, credential scope and signed headers."""

    access_key_id: str
    date: str  # yyyymmdd
    region: str
    service: str
    terminator: str
    text: str  # date/region/service/terminator, as it is signed
    names: str  # SignedHeaders
    signed: tuple[str, ...]  # the names in SignedHeaders


class _Claim(msgspec.Struct, frozen=True, gc=False):
    """What a request states about its signature, read but not yet checked."""

    scope: _Scope
    signature: str
    moment: str  # yyyymmddThhmmssZ
    signed_at: float  # `moment` as Unix time
    token: str | None
    payload: str | None  # the body's hash as the client states it
    query: str  # canonical, without the signature
    expires: int | None = None  # seconds; None: the request is not presigned


def verify(request: Request, find_secret: Secrets, region: str, service: str, now: float) -> str:
    """Return the access key id whose valid signature a request has at Unix time `now`; else raise SignatureError."""
    headers = _collect_headers(request)
    query = request.target.partition("?")[2]
    if "authorization" in headers:
        if "X-Amz-Signature=" in query:
            _refuse_incomplete(_SIGNED_TWICE)
        claim = _read_header(headers, query)
    elif "X-Amz-" in query:
        claim = _read_query_claim(headers, query)
    else:
        raise SignatureError("MissingAuthenticationTokenException", 403, "Missing Authentication Token")
    _check_scope(claim, region, service)
    credentials = _find_credentials(claim, find_secret)
    _check_time(claim, now)
    _check_signature(claim, credentials, request, headers)
    return claim.scope.access_key_id


def _refuse_incomplete(message: str) -> NoReturn:
    raise SignatureError("IncompleteSignatureException", 403, message)


def _refuse_mismatch(message: str = _MISMATCH) -> NoReturn:
    raise SignatureError("InvalidSignatureException", 403, message)


def _collect_headers(request: Request) -> dict[str, str]:
    """Return header values in canonical form, by lower-case name; commas join several values of one name."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        key = name.lower()
        if key not in headers:
            headers[key] = " ".join(value.split())  # `trim` inlined, as its call takes time
        elif key == "authorization":
            _refuse_incomplete(_SIGNED_TWICE)
        else:
            headers[key] = f"{headers[key]},{trim(value)}"
    return headers


def _read_header(headers: Mapping[str, str], query: str) -> _Claim:
    text, date = headers["authorization"], headers.get("x-amz-date") or headers.get("date")
    shared, _, signature = text.rpartition(", Signature=")
    scope = _read_shared(shared) if "," not in signature else None
    if not (scope and signature and date):  # the parts have another order or no blanks, or the header is wrong
        fields = _read_fields(text.partition(" ")[2])
        if not date or not text.startswith(f"{ALGORITHM} ") or not all(map(fields.get, _WANTED)):
            _refuse_header(text.partition(" ")[0], fields, date)
        scope, signature = None, fields["Signature"]
    moment, signed_at = _read_date(date if "x-amz-date" in headers else _parse_http_date(date))
    scope = scope or _read_scope(fields["Credential"], fields["SignedHeaders"])
    token, payload = headers.get("x-amz-security-token"), headers.get("x-amz-content-sha256")
    return _Claim(scope, signature, moment, signed_at, token, payload, join_pairs(read_query(query)) if query else "")


@cache_short(256)
def _read_shared(text: str) -> _Scope | None:
    """Read algorithm, credential and signed headers of an Authorization header; None if any of them is wrong."""
    algorithm, _, rest = text.partition(" ")
    fields = _read_fields(rest)
    credential, names = fields.get("Credential", ""), fields.get("SignedHeaders")
    return _read_scope(credential, names) if algorithm == ALGORITHM and credential.count("/") > 3 and names else None


def _read_fields(text: str) -> dict[str, str]:
    """Return the parts of an Authorization header, by name."""
    return dict([part.strip().partition("=")[::2] for part in text.split(",")])


def _refuse_header(algorithm: str, fields: Mapping[str, str], date: str | None) -> NoReturn:
    missing = [f"Authorization header requires '{name}' parameter." for name in _WANTED if not fields.get(name)]
    if algorithm != ALGORITHM:
        missing.insert(0, f"Authorization header requires the algorithm '{ALGORITHM}'.")
    if not date:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    _refuse_incomplete(" ".join(missing))


def _read_query_claim(headers: Mapping[str, str], query: str) -> _Claim:
    pairs = read_query(query)
    names = [name for name, _ in pairs if name.startswith("X-Amz-")]
    fields = {name: unquote(value) for name, value in pairs}
    wanted = ("Algorithm", "Credential", "Signature", "SignedHeaders", "Date", "Expires")
    missing = [name for name in wanted if not fields.get(f"X-Amz-{name}")]
    if missing:
        _refuse_incomplete(" ".join(f"AWS query-string parameters must include 'X-Amz-{name}'." for name in missing))
    if len(names) != len(set(names)):
        _refuse_incomplete("AWS query-string parameters must not be given twice.")
    if fields["X-Amz-Algorithm"] != ALGORITHM:
        _refuse_incomplete(f"AWS query-string parameter 'X-Amz-Algorithm' must be '{ALGORITHM}'.")
    moment, signed_at = _read_date(fields["X-Amz-Date"])
    scope = _read_scope(fields["X-Amz-Credential"], fields["X-Amz-SignedHeaders"])
    payload = fields.get("X-Amz-Content-Sha256") or headers.get("x-amz-content-sha256")
    own = join_pairs([pair for pair in pairs if pair[0] != "X-Amz-Signature"])
    token, expires = fields.get("X-Amz-Security-Token"), _read_expiry(fields["X-Amz-Expires"])
    return _Claim(scope, fields["X-Amz-Signature"], moment, signed_at, token, payload, own, expires)


def _read_scope(credential: str, names: str) -> _Scope:
    parts = credential.split("/")
    if len(parts) < 5:
        _refuse_incomplete(
            "Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/{TERMINATOR}, got {len(parts)}."
        )
    date, region, service, terminator = parts[-4:]
    key, text = "/".join(parts[:-4]), "/".join(parts[-4:])
    return _Scope(key, date, region, service, terminator, text, names, tuple(names.split(";")))


def _read_expiry(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 0 < int(text) <= LONGEST_EXPIRES):
        _refuse_incomplete(f"X-Amz-Expires must be a number of seconds from 1 to {LONGEST_EXPIRES}.")
    return int(text)


@lru_cache(maxsize=1024)
def _read_date(moment: str) -> tuple[str, float]:
    """Return a date in ISO 8601 basic format unchanged and as Unix time; cached for the requests of one second."""
    try:
        return moment, float(parse_basic(moment))
    except ValueError as error:
        _refuse_incomplete(f"The date of the signature is {error}.")


def _parse_http_date(date: str) -> str:
    """Turn a Date header into ISO 8601 basic format; botocore signs it in place of X-Amz-Date if a caller set it."""
    parsed = parsedate_tz(date)
    if parsed is None:
        return date  # the date may be in basic format already; `_read_date` checks that
    try:
        return format_basic(parse_basic(join_basic(parsed[:6])) - (parsed[9] or 0))
    except ValueError as error:
        _refuse_incomplete(f"The 'Date' header is {error}.")


def _check_scope(claim: _Claim, region: str, service: str) -> None:
    scope = claim.scope
    if scope.terminator != TERMINATOR:
        _refuse_mismatch(f"Credential should be scoped with a valid terminator: '{TERMINATOR}'.")
    if scope.service != service:
        _refuse_mismatch(f"Credential should be scoped to correct service: '{service}'.")
    if scope.region != region:
        _refuse_mismatch(f"Credential should be scoped to a valid region: '{region}', not '{scope.region[:64]}'.")
    if scope.date != claim.moment[:8]:
        _refuse_mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")


def _find_credentials(claim: _Claim, find_secret: Secrets) -> Credentials:
    credentials = find_secret(claim.scope.access_key_id)
    given, wanted = claim.token or "", credentials.session_token or "" if credentials else ""
    if not credentials or ((given or wanted) and not hmac.compare_digest(encode_utf8(given), encode_utf8(wanted))):
        raise SignatureError(
            "UnrecognizedClientException", 403, "The security token included in the request is invalid."
        )
    return credentials


def _check_time(claim: _Claim, now: float) -> None:
    latest = claim.signed_at + (CLOCK_WINDOW if claim.expires is None else claim.expires)
    if latest >= now >= claim.signed_at - CLOCK_WINDOW:
        return
    minutes = abs(now - claim.signed_at) / 60
    if now > latest:
        reason = f"it is {format_basic(int(now))} here, {minutes:.0f} min. after it was signed ({claim.moment})"
        text = f"Signature expired: it was valid until {format_basic(int(latest))}, and {reason}"
        raise SignatureError("RequestExpired", 403, f"{text}. Check the client's clock.")
    here = format_basic(int(now))
    reason = f"it was signed at {claim.moment}, {minutes:.0f} min. after the time here, {here}"
    raise SignatureError("RequestExpired", 403, f"Signature not yet current: {reason}. Check the client's clock.")


def _check_signature(claim: _Claim, credentials: Credentials, request: Request, headers: Mapping[str, str]) -> None:
    payload = sha256(request.body).hexdigest()
    if claim.payload == UNSIGNED_PAYLOAD:
        _refuse_mismatch("x-amz-content-sha256 must be the SHA-256 of the body: RUM does not take UNSIGNED-PAYLOAD.")
    if claim.payload is not None and claim.payload != payload:
        _refuse_mismatch("The value of x-amz-content-sha256 is not the SHA-256 of the body.")
    scope = claim.scope
    if "host" not in scope.signed:
        _refuse_mismatch("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    try:
        lines = "".join([f"{name}:{headers[name]}\n" for name in scope.signed])
    except KeyError as absent:
        _refuse_mismatch(f"The signed header '{absent.args[0]}' is not in the request.")
    path = canonicalize_path(request.target.partition("?")[0])
    canonical = f"{request.method}\n{path}\n{claim.query}\n{lines}\n{scope.names}\n{payload}"
    key = derive_key(credentials.secret_access_key, scope.date, scope.region, scope.service)
    computed = compute_signature(key, claim.moment, scope.text, canonical)
    if not hmac.compare_digest(computed.encode(), encode_utf8(claim.signature)):
        _refuse_mismatch()
