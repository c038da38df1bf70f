"""Signs as the RUM web client does: header form for fetch, presigned query for the page-hide beacon.

Rule: what stays the same is rendered once. A request's method, target and headers repeat from batch to batch, so their
part of the canonical request is kept (`_Form`); date, scope and key are kept for their second (`_Moment`). Per request
only the body, the canonical request and the string to sign are hashed.
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
"""The request's own headers that the web client signs, as far as they are present (dispatch/signing.ts, captured)."""

SIGNATURE_HEADERS = frozenset({"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})
"""Headers that signing sets; what an earlier signing left is dropped."""

PRESIGN_SECONDS = 60
"""Life of a presigned beacon (dispatch/signing.ts)."""


OWN = "X-Amz-"
"""What the names of the signature's query parameters begin with; such parameters of an earlier signing are dropped."""


class _Form(msgspec.Struct, frozen=True):
    """The canonical request around what changes, for one method, target and set of headers."""

    headers: Headers  # those that go out besides the signature's own
    path: str  # as on the request line, without the query
    head: str  # header form: up to the payload hash; presigned: up to the signature's query parameters
    tail: str  # header form: after the date; presigned: after the signature's query parameters
    names: str  # SignedHeaders
    after: str = ""  # presigned: the target's own parameters that sort behind X-Amz-
    before: str = ""  # and those that sort before it


class _Moment(msgspec.Struct, frozen=True):
    """One second of signing."""

    second: int
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
        self._moment = self._moment_at(0)
        self._form = lru_cache(maxsize=8192)(self._header_form)
        self._query = lru_cache(maxsize=8192)(self._query_form)
        token = credentials.session_token
        self._token_headers = (("x-amz-security-token", token),) if token else ()
        self._token_query = f"&X-Amz-Security-Token={percent_encode(token)}" if token else ""

    def sign(self, request: Request, now: float) -> Request:
        """The request with an Authorization header, signed at Unix time `now`."""
        form = self._form(request.method, request.target, request.headers)
        moment = self._at(now)
        payload = sha256(request.body).hexdigest()
        mark = compute_signature(
            moment.key,
            moment.date,
            moment.scope,
            f"{form.head}{payload}\nx-amz-date:{moment.date}\n{form.tail}{payload}",
        )
        authorization = f"{ALGORITHM} Credential={moment.access}, SignedHeaders={form.names}, Signature={mark}"
        headers = (
            *form.headers,
            ("x-amz-content-sha256", payload),
            ("x-amz-date", moment.date),
            *self._token_headers,
            ("authorization", authorization),
        )
        return Request(request.method, request.target, headers, request.body)

    def presign(self, request: Request, now: float, expires: int = PRESIGN_SECONDS) -> Request:
        """The request with its signature in the query, valid for `expires` seconds from Unix time `now`."""
        form = self._query(request.method, request.target, request.headers)
        moment = self._at(now)
        payload = sha256(request.body).hexdigest()
        start = (
            f"{form.before}X-Amz-Algorithm={ALGORITHM}&X-Amz-Content-Sha256={payload}"
            f"&X-Amz-Credential={moment.access_encoded}&X-Amz-Date={moment.date}&X-Amz-Expires={expires}{self._token_query}"
        )
        end = f"&X-Amz-SignedHeaders={form.names}{form.after}"
        mark = compute_signature(
            moment.key, moment.date, moment.scope, f"{form.head}{start}{end}\n{form.tail}{payload}"
        )
        target = f"{form.path}?{start}&X-Amz-Signature={mark}{end}"
        return Request(request.method, target, form.headers, request.body)

    def _at(self, now: float) -> _Moment:
        """The kept second, made anew when another begins."""
        moment = self._moment
        if moment.second != int(now):
            moment = self._moment = self._moment_at(int(now))
        return moment

    def _moment_at(self, second: int) -> _Moment:
        date = format_basic(second)
        scope = f"{date[:8]}/{self._region}/{self._service}/{TERMINATOR}"
        key = derive_key(self._credentials.secret_access_key, date[:8], self._region, self._service)
        access = f"{self._credentials.access_key_id}/{scope}"
        return _Moment(second, date, scope, key, access, percent_encode(access))

    def _header_form(self, method: str, target: str, headers: Headers) -> _Form:
        kept, signed = _divide(headers)
        path, _, query = target.partition("?")
        own = "".join(f"{name}:{value}\n" for name, value in self._token_headers)
        names = [name for name, _ in signed] + ["x-amz-content-sha256", "x-amz-date"]
        names += [name for name, _ in self._token_headers]
        return _Form(
            headers=kept,
            path=path,
            head=f"{method}\n{canonicalize_path(path)}\n{join_pairs(read_query(query))}\n{_write_lines(signed)}"
            "x-amz-content-sha256:",
            tail=f"{own}\n{';'.join(names)}\n",
            names=";".join(names),
        )

    def _query_form(self, method: str, target: str, headers: Headers) -> _Form:
        kept, signed = _divide(headers)
        path, _, query = target.partition("?")
        names = ";".join(name for name, _ in signed)
        own = [pair for pair in read_query(query) if not pair[0].startswith(OWN)]
        return _Form(
            headers=kept,
            path=path,
            head=f"{method}\n{canonicalize_path(path)}\n",
            tail=f"{_write_lines(signed)}\n{names}\n",
            names=percent_encode(names),
            before="".join(f"{name}={value}&" for name, value in own if name < OWN),
            after="".join(f"&{name}={value}" for name, value in own if name > OWN),
        )


def _divide(headers: Headers) -> tuple[Headers, Headers]:
    """The headers to send besides the signature's own, and those among them that are signed, in canonical form."""
    kept = tuple(pair for pair in headers if pair[0] not in SIGNATURE_HEADERS)
    signed = tuple(sorted((name, trim(value)) for name, value in kept if name in SIGNED))
    return kept, signed


def _write_lines(headers: Headers) -> str:
    return "".join(f"{name}:{value}\n" for name, value in headers)
