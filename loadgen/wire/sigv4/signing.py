"""Signs requests as the RUM web client does: in a header for a fetch, in the query for a page-hide beacon (presigned).

Rule: constant parts are rendered once. Method, target and headers repeat from batch to batch, so their part of the
canonical request is cached (`_CanonicalParts`); date, scope and key are cached for a second (`_Moment`). For each
request only the body, the canonical request and the string to sign are hashed.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

import msgspec

from loadgen.model import Headers, Request
from loadgen.wire.sigv4.canonical import (
    ALGORITHM,
    TERMINATOR,
    Credentials,
    SigningKey,
    canonicalize_path,
    compute_signature,
    derive_key,
    format_basic,
    join_pairs,
    percent_encode,
    read_query,
    trim,
)

SIGNED = ("content-encoding", "content-type", "host")
"""The headers that the web client signs if a request has them (dispatch/signing.ts, captured)."""

SIGNATURE_HEADERS = frozenset({"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})
"""The headers that signing sets; those of an earlier signing are dropped."""

PRESIGN_SECONDS = 60
"""Seconds for which a presigned beacon is valid (dispatch/signing.ts)."""


PARAMETER_PREFIX = "X-Amz-"
"""The prefix of the signature's query parameters; such parameters of an earlier signing are dropped."""


class _CanonicalParts(msgspec.Struct, frozen=True):
    """The constant parts of the canonical request, for one method, target and set of headers."""

    headers: Headers  # the headers to send, without those of the signature
    path: str  # as on the request line, without the query
    head: str  # signed in a header: up to the payload hash; presigned: up to the signature's query parameters
    tail: str  # signed in a header: after the date; presigned: after the signature's query parameters
    names: str  # SignedHeaders
    after: str = ""  # presigned: the target's own query parameters that sort behind X-Amz-
    before: str = ""  # presigned: the target's own query parameters that sort before X-Amz-


class _Moment(msgspec.Struct, frozen=True):
    """The parts of a signature that are constant for a second."""

    second: int  # Unix time
    date: str  # yyyymmddThhmmssZ
    scope: str
    key: SigningKey
    access: str  # access key id and scope
    access_encoded: str


class Signer:
    """Signs requests with one set of credentials for one region and service."""

    def __init__(self, credentials: Credentials, region: str, service: str = "rum") -> None:
        self._credentials = credentials
        self._region = region
        self._service = service
        self._moment = self._make_moment(0)
        self._header_parts = lru_cache(maxsize=8192)(self._make_header_parts)
        self._query_parts = lru_cache(maxsize=8192)(self._make_query_parts)
        token = credentials.session_token
        self._token_headers = (("x-amz-security-token", token),) if token else ()
        self._token_query = f"&X-Amz-Security-Token={percent_encode(token)}" if token else ""

    def sign(self, request: Request, now: float) -> Request:
        """Return the request with an Authorization header, signed at Unix time `now`."""
        parts = self._header_parts(request.method, request.target, request.headers)
        moment = self._get_moment(now)
        payload = sha256(request.body).hexdigest()
        signature = compute_signature(
            moment.key,
            moment.date,
            moment.scope,
            f"{parts.head}{payload}\nx-amz-date:{moment.date}\n{parts.tail}{payload}",
        )
        authorization = f"{ALGORITHM} Credential={moment.access}, SignedHeaders={parts.names}, Signature={signature}"
        headers = (
            *parts.headers,
            ("x-amz-content-sha256", payload),
            ("x-amz-date", moment.date),
            *self._token_headers,
            ("authorization", authorization),
        )
        return Request(request.method, request.target, headers, request.body)

    def presign(self, request: Request, now: float, expires: int = PRESIGN_SECONDS) -> Request:
        """Return the request with a signature in its query, valid for `expires` seconds from Unix time `now`."""
        parts = self._query_parts(request.method, request.target, request.headers)
        moment = self._get_moment(now)
        payload = sha256(request.body).hexdigest()
        start = (
            f"{parts.before}X-Amz-Algorithm={ALGORITHM}&X-Amz-Content-Sha256={payload}"
            f"&X-Amz-Credential={moment.access_encoded}&X-Amz-Date={moment.date}&X-Amz-Expires={expires}{self._token_query}"
        )
        end = f"&X-Amz-SignedHeaders={parts.names}{parts.after}"
        signature = compute_signature(
            moment.key, moment.date, moment.scope, f"{parts.head}{start}{end}\n{parts.tail}{payload}"
        )
        target = f"{parts.path}?{start}&X-Amz-Signature={signature}{end}"
        return Request(request.method, target, parts.headers, request.body)

    def _get_moment(self, now: float) -> _Moment:
        """Return the parts for the second of `now`: those of the request before, unless a new second has begun."""
        moment = self._moment
        if moment.second != int(now):
            moment = self._moment = self._make_moment(int(now))
        return moment

    def _make_moment(self, second: int) -> _Moment:
        date = format_basic(second)
        scope = f"{date[:8]}/{self._region}/{self._service}/{TERMINATOR}"
        key = derive_key(self._credentials.secret_access_key, date[:8], self._region, self._service)
        access = f"{self._credentials.access_key_id}/{scope}"
        return _Moment(second, date, scope, key, access, percent_encode(access))

    def _make_header_parts(self, method: str, target: str, headers: Headers) -> _CanonicalParts:
        sent, signed = _select_headers(headers)
        path, _, query = target.partition("?")
        own = "".join(f"{name}:{value}\n" for name, value in self._token_headers)
        names = [name for name, _ in signed] + ["x-amz-content-sha256", "x-amz-date"]
        names += [name for name, _ in self._token_headers]
        return _CanonicalParts(
            headers=sent,
            path=path,
            head=f"{method}\n{canonicalize_path(path)}\n{join_pairs(read_query(query))}\n{_write_lines(signed)}"
            "x-amz-content-sha256:",
            tail=f"{own}\n{';'.join(names)}\n",
            names=";".join(names),
        )

    def _make_query_parts(self, method: str, target: str, headers: Headers) -> _CanonicalParts:
        sent, signed = _select_headers(headers)
        path, _, query = target.partition("?")
        names = ";".join(name for name, _ in signed)
        own = [pair for pair in read_query(query) if not pair[0].startswith(PARAMETER_PREFIX)]
        return _CanonicalParts(
            headers=sent,
            path=path,
            head=f"{method}\n{canonicalize_path(path)}\n",
            tail=f"{_write_lines(signed)}\n{names}\n",
            names=percent_encode(names),
            before="".join(f"{name}={value}&" for name, value in own if name < PARAMETER_PREFIX),
            after="".join(f"&{name}={value}" for name, value in own if name > PARAMETER_PREFIX),
        )


def _select_headers(headers: Headers) -> tuple[Headers, Headers]:
    """Return the headers to send, without those of a signature, and the signed ones among them in canonical form."""
    sent = tuple(pair for pair in headers if pair[0] not in SIGNATURE_HEADERS)
    signed = tuple(sorted((name, trim(value)) for name, value in sent if name in SIGNED))
    return sent, signed


def _write_lines(headers: Headers) -> str:
    return "".join(f"{name}:{value}\n" for name, value in headers)
