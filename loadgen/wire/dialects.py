"""Batch → Request in a dialect: the way in which one kind of client encodes, signs and addresses PutRumEvents.

Rule: a dialect is one class. To add one, write a subclass of `Dialect`, put an instance of it into DIALECTS, and add
its name to `options.DialectName`.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import msgspec

from loadgen.model import Batch, Headers, Noun, Request, Visitor
from loadgen.options import DialectName
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

if TYPE_CHECKING:  # the endpoint checks signatures, and needs no scenario
    from loadgen.scenario import Scenario

BEACON_LIMIT = 64_000
"""The longest body of a beacon, in UTF-16 code units; a longer one is sent by fetch (dispatch/DataPlaneClient.ts)."""

PREFLIGHTED = SIGNATURE_HEADERS | {"content-encoding", "content-type"}
"""The headers of a fetch for which a browser needs permission (captured)."""

_JSON = msgspec.json.Encoder()


class Encoded(Noun, frozen=True):
    """A request that is not yet signed, and the size of its plain body."""

    request: Request
    raw_bytes: int  # the body before gzip
    beacon: bool = False  # whether a beacon sends it, so that it is presigned; False for a body above BEACON_LIMIT


class Dialect(Noun, frozen=True):
    """One kind of client: how it encodes, signs and addresses PutRumEvents."""

    path_end: ClassVar[str]
    """The end of the path, behind the app monitor's id."""

    in_browser: ClassVar[bool]
    """Whether a browser sends the requests, and adds headers."""

    @abstractmethod
    def encode(self, batch: Batch, destination: Destination, clock: Clock) -> Encoded:
        """Encode a batch as an unsigned request."""

    def sign(self, signer: Signer, request: Request, beacon: bool, now: float) -> Request:
        """Sign a request at Unix time `now`; `beacon` is `Encoded.beacon`."""
        return signer.sign(request, now)

    def make_preflight(self, request: Request, destination: Destination, visitor: Visitor) -> Request | None:
        """Make the CORS preflight that a browser sends before a signed request; None if no browser sends it."""
        return None

    def address(self, destination: Destination) -> str:
        """Return the request's path."""
        return f"{destination.prefix.rstrip('/')}/appmonitors/{destination.monitor_id}{self.path_end}"


class WebClient(Dialect, frozen=True):
    """The RUM web client: it sends SessionMetadata once per batch, and a presigned beacon when the page is hidden."""

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
    """An AWS SDK: it sends the session's metadata in every event, and a slash at the end of the path."""

    path_end, in_browser = "/", False

    def encode(self, batch: Batch, destination: Destination, clock: Clock) -> Encoded:
        frame = _make_frame(destination, batch.visitor)
        text = _write_body(batch, frame, write_events(batch, clock, frame.session), "")
        return _make_fetch(text, count_utf16(text), frame, destination.compression)


DIALECTS: dict[DialectName, Dialect] = {"web": WebClient(), "sdk": Sdk()}
"""The dialects, by the names that the option `--dialect` takes."""


class Destination(Noun, frozen=True):
    """The app monitor that batches are sent to, its host, and what the page's configuration adds to each batch."""

    host: str  # as in the Host header, with port
    monitor_id: str
    domain: str
    prefix: str = ""  # path before /appmonitors, "/stage"
    version: str = "1.0.0"  # of the application
    alias: str | None = None
    site: SiteMetadata | None = None  # None: the domain alone
    compression: bool = True
    browser_headers: bool = True  # counts only if a browser sends the dialect's requests
    dialect: Dialect = DIALECTS["web"]

    @classmethod
    def for_scenario(
        cls, scenario: Scenario, monitor_id: str, url: str = "http://localhost", **more: Any
    ) -> Destination:
        """Make the destination of a scenario's batches; `more` are further fields, which override the scenario's.

        `url` is that of the data plane, with the path before /appmonitors.
        """
        to = urlsplit(url)
        settings = {
            "host": to.netloc,
            "prefix": to.path,
            "domain": scenario.monitor.domain,
            "version": scenario.monitor.version,
            "alias": scenario.client.alias,
            "site": SiteMetadata.for_scenario(scenario),
            "compression": scenario.client.compression,
            "browser_headers": scenario.client.browserHeaders,
        }
        return cls(monitor_id=monitor_id, **(settings | more))


def encode(batch: Batch, destination: Destination, clock: Clock) -> Encoded:
    """Encode a batch as an unsigned request to a destination, in the destination's dialect."""
    return destination.dialect.encode(batch, destination, clock)


def count_utf16(text: str) -> int:
    """Count a text's UTF-16 code units, as JavaScript's `length` does: some characters, such as emoji, count twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


class _Frame(msgspec.Struct, frozen=True, gc=False):
    """The parts that all batches of visitors with equal browsers have in common, for one destination."""

    target: str
    monitor: str  # JSON of AppMonitorDetails
    alias: str  # the JSON member Alias behind a comma, or ""
    session: str  # the members of SessionMetadata
    plain: Headers  # of a fetch without gzip
    gzip: Headers  # of a fetch with gzip
    beacon: Headers
    preflight: Headers  # without Host, and without the headers that say what the preflight asks for


@lru_cache(maxsize=MOST_VISITORS)
def _make_frame(destination: Destination, visitor: Visitor) -> _Frame:
    """Make the frame of a visitor's batches; visitors with equal browser, language and attributes share a frame."""
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
    """Add the header that Chromium sends with a fetch of a prerendered page, at the place where it was captured."""
    request, headers = encoded.request, []
    for header in encoded.request.headers:
        if header[0] == "sec-ch-ua-mobile":
            headers.append(("sec-purpose", "prefetch;prerender"))
        headers.append(header)
    return msgspec.structs.replace(encoded, request=msgspec.structs.replace(request, headers=tuple(headers)))


def _make_fetch(text: str, length: int, frame: _Frame, compression: bool) -> Encoded:
    """Make the fetch that sends a body, with gzip if the client would compress it."""
    body = text.encode()
    packed = compress(body, length) if compression else None
    if packed is None:
        return Encoded(Request("POST", frame.target, frame.plain, body), len(body))
    return Encoded(Request("POST", frame.target, frame.gzip, packed), len(body))
