"""Batch → request in a dialect: how one kind of client encodes, signs and addresses PutRumEvents.

Rule: a dialect is one class. To add one, write a subclass of `Dialect` and name an instance of it in DIALECTS.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import Any, ClassVar

import msgspec

from loadgen.model import Batch, Noun, Request
from loadgen.scenario import Scenario
from loadgen.wire.put_rum_events import Clock, compress, write_events, write_session_metadata
from loadgen.wire.sigv4 import Signer

BEACON_LIMIT = 64_000
"""UTF-16 code units: a longer body does not fit a beacon and goes by fetch (dispatch/DataPlaneClient.ts)."""

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

    @abstractmethod
    def encode(self, batch: Batch, destination: Destination, clock: Clock) -> Encoded:
        """The request that carries a batch, unsigned."""

    def sign(self, signer: Signer, request: Request, beacon: bool, now: float) -> Request:
        """The request signed at Unix time `now`; `beacon` is that of `Encoded`."""
        return signer.sign(request, now)

    def address(self, destination: Destination) -> str:
        """The path of the request."""
        return f"{destination.prefix.rstrip('/')}/appmonitors/{destination.monitor_id}{self.path_end}"


class WebClient(Dialect, frozen=True):
    """As the RUM web client: SessionMetadata once per batch; a page that is hidden sends a presigned beacon."""

    path_end = ""

    def encode(self, batch: Batch, destination: Destination, clock: Clock) -> Encoded:
        frame = _make_frame(destination)
        session = write_session_metadata(batch.visitor, destination.domain, destination.release_id)
        text = _write_body(batch, frame, write_events(batch, clock, ""), f',"SessionMetadata":"{{{session}}}"')
        length = count_utf16(text)
        if batch.beacon and length <= BEACON_LIMIT:
            body = text.encode()
            return Encoded(Request("POST", frame.target, frame.beacon, body), len(body), True)
        return _make_fetch(text, length, frame, destination.compression)

    def sign(self, signer: Signer, request: Request, beacon: bool, now: float) -> Request:
        return signer.presign(request, now) if beacon else signer.sign(request, now)


class Sdk(Dialect, frozen=True):
    """As an AWS SDK writes the call: the session's metadata in every event, a slash at the end of the path."""

    path_end = "/"

    def encode(self, batch: Batch, destination: Destination, clock: Clock) -> Encoded:
        frame = _make_frame(destination)
        session = write_session_metadata(batch.visitor, destination.domain, destination.release_id)
        text = _write_body(batch, frame, write_events(batch, clock, session), "")
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
    release_id: str | None = None
    compression: bool = True
    dialect: Dialect = DIALECTS["web"]

    @classmethod
    def for_scenario(cls, scenario: Scenario, monitor_id: str, host: str = "localhost", **more: Any) -> Destination:
        """Where a scenario's batches go; `more` are further fields, which override the scenario's."""
        settings = {
            "domain": scenario.monitor.domain,
            "version": scenario.monitor.version,
            "alias": scenario.client.alias,
            "release_id": scenario.client.releaseId,
            "compression": scenario.client.compression,
        }
        return cls(host=host, monitor_id=monitor_id, **(settings | more))


def encode(batch: Batch, destination: Destination, clock: Clock) -> Encoded:
    """The request that carries a batch to a destination in its dialect, unsigned."""
    return destination.dialect.encode(batch, destination, clock)


def count_utf16(text: str) -> int:
    """JavaScript's `length`: characters outside the Basic Multilingual Plane count twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


class _Frame(msgspec.Struct, frozen=True, gc=False):
    """What all batches for one destination share."""

    target: str
    monitor: str
    alias: str
    plain: tuple[tuple[str, str], ...]
    gzip: tuple[tuple[str, str], ...]
    beacon: tuple[tuple[str, str], ...]


@lru_cache(maxsize=64)
def _make_frame(destination: Destination) -> _Frame:
    host = ("host", destination.host)
    json = ("content-type", "application/json")
    return _Frame(
        target=destination.dialect.address(destination),
        monitor=_JSON.encode({"id": destination.monitor_id, "version": destination.version}).decode(),
        alias="" if destination.alias is None else f',"Alias":{_JSON.encode(destination.alias).decode()}',
        plain=(host, json),
        gzip=(host, json, ("content-encoding", "gzip")),
        beacon=(host, ("content-type", "text/plain;charset=UTF-8")),
    )


def _write_body(batch: Batch, frame: _Frame, events: str, metadata: str) -> str:
    return (
        f'{{"BatchId":"{batch.id}","AppMonitorDetails":{frame.monitor},"UserDetails":{{"userId":"{batch.user_id}",'
        f'"sessionId":"{batch.session_id}"}},"RumEvents":[{events}]{metadata}{frame.alias}}}'
    )


def _make_fetch(text: str, length: int, frame: _Frame, compression: bool) -> Encoded:
    """A body that goes by fetch, with gzip when it pays."""
    body = text.encode()
    packed = compress(body, length) if compression else None
    if packed is None:
        return Encoded(Request("POST", frame.target, frame.plain, body), len(body))
    return Encoded(Request("POST", frame.target, frame.gzip, packed), len(body))
