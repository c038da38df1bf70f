"""Batch → PutRumEvents request, byte for byte as the RUM web client writes it (dispatch/DataPlaneClient.ts).

Rule: what repeats is rendered once. `metadata`, `details` and `SessionMetadata` are JSON inside JSON strings; a page's
metadata and a visitor's SessionMetadata are kept as they stand in the body, and most details come written from traffic.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import msgspec

from loadgen.ids import NIL_UUID
from loadgen.model import Batch, Noun, Page, Request, Visitor
from loadgen.rum.events import Http, XRayTrace
from loadgen.scenario import Scenario
from loadgen.wire.compression import compressed
from loadgen.wire.json_templates import escaped, written

CLIENT_VERSION = "3.2.1"
"""aws-rum-web, the version whose traffic was captured."""

CLIENT = "arw-module"
"""How the client was installed: from npm (utils/constants.ts: the CDN's script says arw-script)."""

BEACON_LIMIT = 64_000
"""UTF-16 code units: a longer body does not fit a beacon and goes by fetch (dispatch/DataPlaneClient.ts)."""

_JSON = msgspec.json.Encoder()


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


class _Frame(msgspec.Struct, frozen=True, gc=False):
    """What all batches for one destination share."""

    target: str
    monitor: str
    alias: str
    plain: tuple[tuple[str, str], ...]
    gzip: tuple[tuple[str, str], ...]
    beacon: tuple[tuple[str, str], ...]


def encode(batch: Batch, destination: Destination, clock: Clock) -> Encoded:
    """The request that carries a batch: fetch, with gzip when it pays, or beacon; unsigned."""
    frame = _frame(destination)
    web = destination.dialect == "web"
    session = _session_metadata(batch.visitor, destination.domain, destination.release_id)
    events = _events(batch, clock, "" if web else session)
    metadata = f',"SessionMetadata":"{{{session}}}"' if web else ""
    text = (
        f'{{"BatchId":"{batch.id}","AppMonitorDetails":{frame.monitor},"UserDetails":{{"userId":"{batch.user_id}",'
        f'"sessionId":"{batch.session_id}"}},"RumEvents":[{events}]{metadata}{frame.alias}}}'
    )
    body, length = text.encode(), utf16_length(text)
    if web and batch.beacon and length <= BEACON_LIMIT:
        return Encoded(Request("POST", frame.target, frame.beacon, body), len(body), True)
    packed = compressed(body, length) if destination.compression else None
    if packed is None:
        return Encoded(Request("POST", frame.target, frame.plain, body), len(body))
    return Encoded(Request("POST", frame.target, frame.gzip, packed), len(body))


def utf16_length(text: str) -> int:
    """JavaScript's `length`: characters outside the Basic Multilingual Plane count twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _events(batch: Batch, clock: Clock, session: str) -> str:
    """The elements of RumEvents; `session` is metadata to be merged into each event's (SDK dialect)."""
    cookies = batch.user_id != NIL_UUID
    epoch, pace, start = clock.epoch, clock.pace, batch.start
    page: Page | None = None
    metadata = ""
    elements = []
    for event in batch.events:
        if event.page is not page:
            page = event.page
            metadata = _page_metadata(page, cookies, session)
        details: Any = event.details
        if details.__class__ is not str:
            details = _written(details, clock.unix(start + event.at) - event.at)
        moment = int(epoch + (start + event.at) / pace + 0.5)  # JavaScript's Math.round rounds halves up
        elements.append(
            f'{{"id":"{event.id}","timestamp":{moment},"type":"{event.type}",'
            f'"metadata":"{{{metadata}}}","details":"{details}"}}'
        )
    return ",".join(elements)


def _written(details: Any, zero: float) -> str:
    """Details of a session that starts at Unix time `zero` as text."""
    return written(details.dated(zero) if isinstance(details, (XRayTrace, Http)) else details)


@lru_cache(maxsize=4096)
def _page_metadata(page: Page, cookies: bool, session: str) -> str:
    """What stands in the braces of `metadata` for every event under a page, in the order of sessions/PageManager.ts."""
    fields: dict[str, Any] = {"title": page.title, "pageId": page.id}
    if cookies:
        fields["interaction"] = page.interaction
        if page.parent_id is not None:
            fields["parentPageId"] = page.parent_id
    if page.tags:
        fields["pageTags"] = page.tags
    own = _inside(fields)
    return f"{session},{own}" if session else own


@lru_cache(maxsize=4096)
def _session_metadata(visitor: Visitor, domain: str, release_id: str | None) -> str:
    """What stands in the braces of `SessionMetadata`: sessions/SessionManager.ts, then event-cache/EventCache.ts."""
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
    return _inside(fields)


def _inside(fields: dict[str, Any]) -> str:
    """What stands between the braces of JSON inside a JSON string."""
    return escaped(_JSON.encode(fields).decode())[1:-1]


@lru_cache(maxsize=64)
def _frame(destination: Destination) -> _Frame:
    host = ("host", destination.host)
    json = ("content-type", "application/json")
    slash = "" if destination.dialect == "web" else "/"
    return _Frame(
        target=f"{destination.prefix.rstrip('/')}/appmonitors/{destination.monitor_id}{slash}",
        monitor=_JSON.encode({"id": destination.monitor_id, "version": destination.version}).decode(),
        alias="" if destination.alias is None else f',"Alias":{_JSON.encode(destination.alias).decode()}',
        plain=(host, json),
        gzip=(host, json, ("content-encoding", "gzip")),
        beacon=(host, ("content-type", "text/plain;charset=UTF-8")),
    )
