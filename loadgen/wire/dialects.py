"""Batch → request in a dialect: how one kind of client encodes, signs and addresses PutRumEvents.

Rule: a dialect is one class. To add one, write a subclass of `Dialect` and name an instance of it in DIALECTS.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import Any, ClassVar

import msgspec

from loadgen.model import Batch, Headers, Noun, Request, Visitor
from loadgen.scenario import Scenario
from loadgen.wire.browser_headers import make_browser_headers
from loadgen.wire.put_rum_events import (
    MOST_VISITORS,
    Clock,
    SiteMetadata,
    compress,
    write_events,
    write_session_metadata,
)
from loadgen.wire.sigv4 import SIGNATURE_HEADERS, Signer

BEACON_LIMIT = 64_000
"""UTF-16 code units: a longer body does not fit a beacon and goes by fetch (dispatch/DataPlaneClient.ts)."""

PREFLIGHTED = SIGNATURE_HEADERS | {"content-encoding", "content-type"}
"""The headers of a fetch for which a browser needs permission (captured)."""

_JSON = msgspec.json.Encoder()


class Encoded(Noun, frozen=True):
    """A request, not yet signed, and what is measured of it."""

    request: Request
    raw_bytes: int  # the body before gzip
    beacon: bool = False  # to be presigned; False also for a page-hide batch that is too long for a beacon


class Dialect(Noun, frozen=True):
    """How one kind of client encodes, signs and addresses PutRumEvents."""

    path_end: ClassVar[str]
    """What follows the app monitor's id in the path."""

    in_browser: ClassVar[bool]
    """Whether a browser sends it, and adds headers of its own."""

    @abstractmethod
    def encode(self, batch: Batch, destination: Destination, clock: Clock) -> Encoded:
        """The request that carries a batch, unsigned."""

    def sign(self, signer: Signer, request: Request, beacon: bool, now: float) -> Request:
        """The request signed at Unix time `now`; `beacon` is that of `Encoded`."""
        return signer.sign(request, now)

    def make_preflight(self, request: Request, destination: Destination, visitor: Visitor) -> Request | None:
        """What a browser asks before it sends this request, which is signed; None where no browser sends it."""
        return None

    def address(self, destination: Destination) -> str:
        """The path of the request."""
        return f"{destination.prefix.rstrip('/')}/appmonitors/{destination.monitor_id}{self.path_end}"


class WebClient(Dialect, frozen=True):
    """As the RUM web client: SessionMetadata once per batch; a page that is hidden sends a presigned beacon."""

    path_end, in_browser = "", True

    def encode(self, batch: Batch, destination: Destination, clock: Clock) -> Encoded:
        frame = _make_frame(destination, batch.visitor)
        text = _write_body(batch, frame, write_events(batch, clock, ""), f',"SessionMetadata":"{{{frame.session}}}"')
        length = count_utf16(text)
        if batch.beacon and length <= BEACON_LIMIT:
            body = text.encode()
            return Encoded(Request("POST", frame.target, frame.beacon, body), len(body), True)
        encoded = _make_fetch(text, length, frame, destination.compression)
        return _mark_prerendering(encoded) if batch.prerendering else encoded

    def sign(self, signer: Signer, request: Request, beacon: bool, now: float) -> Request:
        return signer.presign(request, now) if beacon else signer.sign(request, now)

    def make_preflight(self, request: Request, destination: Destination, visitor: Visitor) -> Request | None:
        own = ",".join(sorted([name for name, _ in request.headers if name in PREFLIGHTED]))
        asked = (("access-control-request-method", request.method), ("access-control-request-headers", own))
        frame = _make_frame(destination, visitor)
        return Request("OPTIONS", request.target, (("host", destination.host), *asked, *frame.preflight))


class Sdk(Dialect, frozen=True):
    """As an AWS SDK writes the call: the session's metadata in every event, a slash at the end of the path."""

    path_end, in_browser = "/", False

    def encode(self, batch: Batch, destination: Destination, clock: Clock) -> Encoded:
        frame = _make_frame(destination, batch.visitor)
        text = _write_body(batch, frame, write_events(batch, clock, frame.session), "")
        return _make_fetch(text, count_utf16(text), frame, destination.compression)


DIALECTS: dict[str, Dialect] = {"web": WebClient(), "sdk": Sdk()}
"""The dialects by the names that options use."""


class Destination(Noun, frozen=True):
    """Where batches go, and what the page's configuration adds to each."""

    host: str  # as in the Host header, with port
    monitor_id: str
    domain: str
    prefix: str = ""  # path before /appmonitors, "/stage"
    version: str = "1.0.0"  # of the application
    alias: str | None = None
    site: SiteMetadata | None = None  # None: the domain alone
    compression: bool = True
    browser_headers: bool = True  # where the dialect is a browser's
    dialect: Dialect = DIALECTS["web"]

    @classmethod
    def for_scenario(cls, scenario: Scenario, monitor_id: str, host: str = "localhost", **more: Any) -> Destination:
        """Where a scenario's batches go; `more` are further fields, which override the scenario's."""
        settings = {
            "domain": scenario.monitor.domain,
            "version": scenario.monitor.version,
            "alias": scenario.client.alias,
            "site": SiteMetadata.for_scenario(scenario),
            "compression": scenario.client.compression,
            "browser_headers": scenario.client.browserHeaders,
        }
        return cls(host=host, monitor_id=monitor_id, **(settings | more))


def encode(batch: Batch, destination: Destination, clock: Clock) -> Encoded:
    """The request that carries a batch to a destination in its dialect, unsigned."""
    return destination.dialect.encode(batch, destination, clock)


def count_utf16(text: str) -> int:
    """JavaScript's `length`: characters outside the Basic Multilingual Plane count twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


class _Frame(msgspec.Struct, frozen=True, gc=False):
    """What all batches of visitors with one browser for one destination share."""

    target: str
    monitor: str
    alias: str
    session: str  # what stands in the braces of SessionMetadata
    plain: Headers
    gzip: Headers
    beacon: Headers
    preflight: Headers  # without Host, and without what it asks for


@lru_cache(maxsize=MOST_VISITORS)
def _make_frame(destination: Destination, visitor: Visitor) -> _Frame:
    """The frame of a visitor's batches: visitors with the same browser, language and attributes share it."""
    chosen_by = visitor.user_id if destination.site and destination.site.attributes else ""
    shared = msgspec.structs.replace(visitor, user_id=chosen_by, returning=False, country="")
    return _make_shared_frame(destination, shared)


@lru_cache(maxsize=MOST_VISITORS)
def _make_shared_frame(destination: Destination, visitor: Visitor) -> _Frame:
    host = ("host", destination.host)
    json = ("content-type", "application/json")
    fetch: Headers = ()
    beacon: Headers = ()
    preflight: Headers = (("origin", f"https://{destination.domain}"),)
    if destination.browser_headers and destination.dialect.in_browser:
        fetch, beacon, preflight = make_browser_headers(visitor, destination.domain)
    return _Frame(
        target=destination.dialect.address(destination),
        monitor=_JSON.encode({"id": destination.monitor_id, "version": destination.version}).decode(),
        alias="" if destination.alias is None else f',"Alias":{_JSON.encode(destination.alias).decode()}',
        session=write_session_metadata(visitor, destination.site or SiteMetadata(destination.domain)),
        plain=(host, json, *fetch),
        gzip=(host, json, ("content-encoding", "gzip"), *fetch),
        beacon=(host, ("content-type", "text/plain;charset=UTF-8"), *beacon),
        preflight=preflight,
    )


def _write_body(batch: Batch, frame: _Frame, events: str, metadata: str) -> str:
    return (
        f'{{"BatchId":"{batch.id}","AppMonitorDetails":{frame.monitor},"UserDetails":{{"userId":"{batch.user_id}",'
        f'"sessionId":"{batch.session_id}"}},"RumEvents":[{events}]{metadata}{frame.alias}}}'
    )


def _mark_prerendering(encoded: Encoded) -> Encoded:
    """The same with what Chromium says of a fetch of a page that is not shown yet, where it was seen."""
    request, headers = encoded.request, []
    for header in encoded.request.headers:
        if header[0] == "sec-ch-ua-mobile":
            headers.append(("sec-purpose", "prefetch;prerender"))
        headers.append(header)
    return msgspec.structs.replace(encoded, request=msgspec.structs.replace(request, headers=tuple(headers)))


def _make_fetch(text: str, length: int, frame: _Frame, compression: bool) -> Encoded:
    """A body that goes by fetch, with gzip when it pays."""
    body = text.encode()
    packed = compress(body, length) if compression else None
    if packed is None:
        return Encoded(Request("POST", frame.target, frame.plain, body), len(body))
    return Encoded(Request("POST", frame.target, frame.gzip, packed), len(body))
