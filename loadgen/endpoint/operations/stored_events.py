"""Single events of stored batches: an index of their places by time, and their members as the live service gives them.

Rule of the index: events are indexed when they are read, not when they arrive, because most runs never read them. So
accepting a batch costs one row, however many events it has.

Rule of metadata (CloudWatch user guide, "Specify session-level custom attributes", and the service model's
SessionMetadata): the metadata of batch and event are merged, and the event's own value wins. A custom attribute has a
key of at most 128 characters of [A-Za-z0-9_:] that does not begin with `aws:`, and a value that is a string of at most
256 characters, a number or a boolean. An event keeps 10 custom attributes; further ones, and those with another form
of key or value, are removed, and the event stays.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from loadgen.endpoint.operations.context import Integer64
from loadgen.endpoint.operations.put_rum_events import decode_batch
from loadgen.endpoint.request_body import gunzip_stored, parse_object
from loadgen.endpoint.settings import EndpointSettings
from loadgen.endpoint.store import AppMonitor, Store
from loadgen.rum.events import RESERVED_NAMES


class EventPlace(NamedTuple):
    """The place of an event in the store. Places sort by time and then by acceptance, as their events do."""

    at: Integer64  # Unix milliseconds
    batch: Integer64  # the batch's row
    position: Integer64  # in the batch


def index_events(store: Store, monitor: AppMonitor, limit: int) -> bool:
    """Index a monitor's events that arrived since the last call; False if more batches than `limit` remain."""
    done = store.read("SELECT batch FROM indexed WHERE monitor = ?", monitor.number)
    rows = store.read(
        "SELECT number, times, dropped FROM batches WHERE monitor = ? AND number > ? ORDER BY number LIMIT ?",
        *(monitor.number, done[0][0] if done else 0, limit),
    )
    if rows:
        places = (
            (monitor.number, at, number, position)
            for number, times, dropped in rows
            for at, position in list_accepted(times, dropped)
        )
        store.write_many("INSERT INTO event_times VALUES (?, ?, ?, ?)", places)
        store.write("INSERT OR REPLACE INTO indexed VALUES (?, ?)", monitor.number, rows[-1][0])
    return len(rows) < limit


def read_places(store: Store, monitor: AppMonitor, before: EventPlace, after: int, limit: int) -> list[EventPlace]:
    """Return places of indexed events before the place `before` and not older than `after` (ms), the newest first."""
    rows = store.read(
        "SELECT at, batch, position FROM event_times WHERE monitor = ? AND at BETWEEN ? AND ?"
        " AND (at, batch, position) < (?, ?, ?) ORDER BY at DESC, batch DESC, position DESC LIMIT ?",
        *(monitor.number, after, before.at, before.at, before.batch, before.position, limit),
    )
    return [EventPlace(*row) for row in rows]


def list_accepted(times: bytes, dropped: bytes | None) -> Iterator[tuple[int, int]]:
    """Yield Unix milliseconds and position of each accepted event, from two columns of the table `batches`."""
    moments, dropped_positions = array("q", times), frozenset(msgspec.json.decode(dropped) if dropped else ())
    size = len(moments) + len(dropped_positions)
    return zip(moments, (position for position in range(size) if position not in dropped_positions), strict=True)


class EventReader:
    """A reader of an app monitor's stored events by their places; it decodes each batch once."""

    def __init__(self, store: Store, settings: EndpointSettings, monitor: AppMonitor) -> None:
        self.batches: dict[int, tuple[Any, dict[str, Any]] | None] = {}  # batch and SessionMetadata by row
        self.bytes = 0  # size of the decoded batches without gzip
        self._store = store
        self._settings = settings
        self._monitor = monitor

    def read(self, place: EventPlace) -> dict[str, Any] | None:
        """Return the event at a place with the live service's members; None if its batch has left the store."""
        if place.batch not in self.batches:
            self.batches[place.batch] = self._decode_batch(place.batch)
        batch = self.batches[place.batch]
        return self._describe_event(*batch, place) if batch else None

    def _decode_batch(self, number: int) -> tuple[Any, dict[str, Any]] | None:
        body = self._store.read_body(self._monitor, number)
        if body is None:
            return None
        data = gunzip_stored(body)
        self.bytes += len(data)
        batch = decode_batch(data)
        return batch, parse_object(batch.SessionMetadata)

    def _describe_event(self, batch: Any, session: dict[str, Any], place: EventPlace) -> dict[str, Any]:
        event = batch.RumEvents[place.position]
        metadata = merge_metadata(session, parse_object(event.metadata))
        user = {"userId": batch.UserDetails.userId, "sessionId": batch.UserDetails.sessionId}
        user = {name: value for name, value in user.items() if value is not None}
        seconds, milliseconds = divmod(place.at, 1000)
        return {
            **user,
            "application_id": self._monitor.id,
            "application_version": batch.AppMonitorDetails.version,
            "application_name": self._monitor.name,
            "event_id": event.id,
            "event_timestamp": place.at,
            "event_type": event.type,
            "event_version": _read_version(event.details),
            "log_stream": {"seconds": seconds, "nanos": milliseconds * 1_000_000},
            "batch_id": batch.BatchId,
            "metadata": metadata,
            "metadata_keys": list(metadata),
            "metadata_values": flatten_metadata(metadata),
            "event_details": msgspec.Raw(event.details.encode()),  # as it was received, number for number
            "user_details": user,
            "account_id": self._settings.account,
            "event_interaction": _format_interaction(metadata),
        }


def _format_interaction(metadata: dict[str, Any]) -> str:
    """Return the page and its number in the session, as in AWS's example: `%2F-0 &`."""
    page = str(metadata.get("pageId", "")).encode(errors="replace")
    return f"{quote(page, safe='')}-{metadata.get('interaction', 0)} &"


DEFAULT_VERSION = "1.0.0"
"""The schema version of event details that state none."""


def _read_version(details: str) -> str:
    """Return the schema version that event details state."""
    version = parse_object(details).get("version")
    return version if isinstance(version, str) else DEFAULT_VERSION


BUILT_IN = RESERVED_NAMES | {"aws:client", "aws:clientVersion", "aws:releaseId", "aws:userAgent"}
"""Names that are no custom attributes: those that are reserved and those that the web client itself sends."""

CUSTOM_LIMIT = 10
"""Custom attributes of one event (the same page of the user guide)."""

_KEY = re.compile(r"(?!aws:)[A-Za-z0-9_:]{1,128}", re.ASCII)


def merge_metadata(session: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Merge the session's metadata and an event's own into the metadata that the event keeps."""
    left = CUSTOM_LIMIT
    kept = {}
    for key, value in (session | own).items():
        if key in BUILT_IN:
            if _is_scalar(value) or (isinstance(value, list) and all(map(_is_scalar, value))):
                kept[key] = value
        elif left and _KEY.fullmatch(key) and (len(value) <= 256 if isinstance(value, str) else _is_scalar(value)):
            kept[key] = value
            left -= 1
    return kept


def _is_scalar(value: Any) -> bool:
    if isinstance(value, int):  # a boolean too
        return abs(value) < 2**63
    return isinstance(value, str) or (isinstance(value, float) and isfinite(value))


def flatten_metadata(metadata: dict[str, Any]) -> list[str]:
    """Return `metadata_values` of an event: "key=value" strings, one for each value of a list."""
    return [
        f"{key}={_format_value(value)}"
        for key, values in metadata.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
