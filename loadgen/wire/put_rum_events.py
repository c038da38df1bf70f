"""Batch → PutRumEvents request, byte for byte as the RUM web client writes it (dispatch/DataPlaneClient.ts).

Rule: what repeats is rendered once. `metadata`, `details` and `SessionMetadata` are JSON inside JSON strings; a page's
metadata and a visitor's SessionMetadata are kept as they stand in the body, the details of a batch are written in one
pass. Numbers are written as JSON.stringify does: 37.0 as 37.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from loadgen.events import Http, XRayTrace
from loadgen.ids import NIL_UUID
from loadgen.model import Batch, Event, Noun, Page, Request, Visitor
from loadgen.scenario import Scenario
from loadgen.wire.compression import compressed

CLIENT_VERSION = "3.2.1"
"""aws-rum-web, the version whose traffic was captured."""

CLIENT = "arw-module"
"""How the client was installed: from npm (utils/constants.ts: the CDN's script says arw-script)."""

BEACON_LIMIT = 64_000
"""UTF-16 code units: a longer body does not fit a beacon and goes by fetch (dispatch/DataPlaneClient.ts)."""

DATED = frozenset({XRayTrace, Http})
"""Details whose times or trace ids count from the session's start until they are encoded."""

_JSON = msgspec.json.Encoder()

_KEYED = "|".join(rf'(?<=\w":{sign}\d{{{digits}}}\.0)' for sign in ("", "-") for digits in range(1, 13))
_MAYBE_WHOLE = re.compile(rb"\.0[,}]")
_POINT_ZERO = re.compile(rf"\.0(?=[,}}])(?:{_KEYED})".encode())
"""The `.0` of an integral number that is the value of a key.

A quote behind a word character ends a key (one inside a string has a backslash before it, one that begins a string has
none of both), so text is never touched. The literal comes first because `re` then skips through the text quickly.
"""


class Destination(Noun, frozen=True):
    """Where batches go, and what the page's configuration adds to each."""

    host: str  # as in the Host header, with port
    monitor_id: str
    domain: str
    prefix: str = ""  # path before /appmonitors, "/stage"
    version: str = "1.0.0"  # of the application
    alias: str | None = None
    release_id: str | None = None
    compression: bool = True
    dialect: Literal["web", "sdk"] = "web"

    @classmethod
    def of(cls, scenario: Scenario, monitor_id: str, host: str = "localhost", **more: Any) -> Destination:
        """Where a scenario's batches go; `more` are further fields, over what the scenario says."""
        settings = {
            "domain": scenario.monitor.domain,
            "version": scenario.monitor.version,
            "alias": scenario.client.alias,
            "release_id": scenario.client.releaseId,
            "compression": scenario.client.compression,
        }
        return cls(host=host, monitor_id=monitor_id, **(settings | more))


class Clock(Noun, frozen=True):
    """How run seconds become Unix time: `pace` run seconds pass in one real second."""

    epoch: float  # Unix time of the run's zero
    pace: float = 1.0

    def unix(self, t: float) -> float:
        """Unix time of the moment `t` seconds from the run's zero."""
        return self.epoch + t / self.pace


class Encoded(Noun, frozen=True):
    """A request, not yet signed, and what is measured of it."""

    request: Request
    raw_bytes: int  # the body before gzip
    beacon: bool = False  # to be presigned; False also for a page-hide batch that is too long for a beacon


class _User(msgspec.Struct, frozen=True, gc=False):
    userId: str
    sessionId: str


class _Event(msgspec.Struct, frozen=True, gc=False):
    id: str
    timestamp: int
    type: str
    metadata: Raw
    details: str


class _Body(msgspec.Struct, frozen=True, gc=False):
    """The body in the client's order of keys."""

    BatchId: str
    AppMonitorDetails: Raw
    UserDetails: _User
    RumEvents: list[_Event]
    SessionMetadata: Raw | UnsetType
    Alias: str | UnsetType


class _Frame(msgspec.Struct, frozen=True, gc=False):
    """What all batches for one destination share."""

    target: str
    monitor: Raw
    plain: tuple[tuple[str, str], ...]
    gzip: tuple[tuple[str, str], ...]
    beacon: tuple[tuple[str, str], ...]


def encode(batch: Batch, destination: Destination, clock: Clock) -> Encoded:
    """The request that carries a batch: fetch, with gzip when it pays, or beacon; unsigned."""
    frame = _frame(destination)
    web = destination.dialect == "web"
    session = _session_metadata(batch.visitor, destination.domain, destination.release_id)
    body = _JSON.encode(
        _Body(
            batch.id,
            frame.monitor,
            _User(batch.user_id, batch.session_id),
            _events(batch, clock, b"" if web else session),
            Raw(session) if web else UNSET,
            UNSET if destination.alias is None else destination.alias,
        )
    )
    length = len(body) if body.isascii() else utf16_length(body.decode())
    if web and batch.beacon and length <= BEACON_LIMIT:
        return Encoded(Request("POST", frame.target, frame.beacon, body), len(body), True)
    packed = compressed(body, length) if destination.compression else None
    if packed is None:
        return Encoded(Request("POST", frame.target, frame.plain, body), len(body))
    return Encoded(Request("POST", frame.target, frame.gzip, packed), len(body))


def utf16_length(text: str) -> int:
    """JavaScript's `length`: characters outside the Basic Multilingual Plane count twice."""
    return len(text.encode("utf-16-le")) // 2


def _events(batch: Batch, clock: Clock, session: bytes) -> list[_Event]:
    """The elements of RumEvents; `session` is metadata to be merged into each event's (SDK dialect)."""
    cookies = batch.user_id != NIL_UUID
    epoch, pace, start = clock.epoch, clock.pace, batch.start
    page: Page | None = None
    metadata = Raw(b"")
    written = []
    for event, details in zip(batch.events, _details(batch.events, start, clock), strict=False):
        if event.page is not page:
            page = event.page
            metadata = _page_metadata(page, cookies, session)
        # JavaScript's Math.round rounds halves up
        written.append(_Event(event.id, int(epoch + (start + event.at) / pace + 0.5), event.type, metadata, details))
    return written


def _details(events: tuple[Event, ...], start: float, clock: Clock) -> list[str]:
    """The details of each event as JSON, and an empty piece behind the last."""
    details: list[Any] = [event.details for event in events]
    if not DATED.isdisjoint(map(type, details)):
        for spot, event in enumerate(events):
            if isinstance(event.details, (XRayTrace, Http)):
                details[spot] = event.details.dated(clock.unix(start + event.at) - event.at)
    lines = _JSON.encode_lines(details)
    if _MAYBE_WHOLE.search(lines):
        lines = _POINT_ZERO.sub(b"", lines)
    # inside JSON a line break is always escaped, so the breaks part the events
    return lines.decode().split("\n")


@lru_cache(maxsize=4096)
def _page_metadata(page: Page, cookies: bool, session: bytes) -> Raw:
    """`metadata` of every event under a page, in the order of sessions/PageManager.ts."""
    fields: dict[str, Any] = {"title": page.title, "pageId": page.id}
    if cookies:
        fields["interaction"] = page.interaction
        if page.parent_id is not None:
            fields["parentPageId"] = page.parent_id
    if page.tags:
        fields["pageTags"] = page.tags
    own = _quoted(fields)
    # "{…}" and "{…}" become "{…,…}"
    return Raw(session[:-2] + b"," + own[2:] if session else own)


@lru_cache(maxsize=4096)
def _session_metadata(visitor: Visitor, domain: str, release_id: str | None) -> bytes:
    """`SessionMetadata`, in the order of sessions/SessionManager.ts and event-cache/EventCache.ts."""
    fields: dict[str, Any] = {"browserLanguage": visitor.language}
    if visitor.brand:
        fields |= {
            "browserName": visitor.browser_name,
            "browserVersion": visitor.browser_version,
            "osName": visitor.os_name,
        }
    # without navigator.userAgentData the client takes every device for a desktop
    fields["deviceType"] = visitor.device_type if visitor.brand else "desktop"
    fields |= {"platformType": "web", "domain": domain}
    if release_id is not None:
        fields["aws:releaseId"] = release_id
    if not visitor.brand:
        fields["aws:userAgent"] = visitor.user_agent
    fields |= {"version": "1.0.0", "aws:client": CLIENT, "aws:clientVersion": CLIENT_VERSION}
    return _quoted(fields)


def _quoted(fields: dict[str, Any]) -> bytes:
    """JSON inside a JSON string, quotes included."""
    return _JSON.encode(_JSON.encode(fields).decode())


@lru_cache(maxsize=64)
def _frame(destination: Destination) -> _Frame:
    host = ("host", destination.host)
    json = ("content-type", "application/json")
    slash = "" if destination.dialect == "web" else "/"
    return _Frame(
        target=f"{destination.prefix.rstrip('/')}/appmonitors/{destination.monitor_id}{slash}",
        monitor=Raw(_JSON.encode({"id": destination.monitor_id, "version": destination.version})),
        plain=(host, json),
        gzip=(host, json, ("content-encoding", "gzip")),
        beacon=(host, ("content-type", "text/plain;charset=UTF-8")),
    )
