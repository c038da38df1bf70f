"""GetAppMonitorData: the kept events as JSON strings with RUM's keys.

Rule: events come in the order of acceptance, which never changes, so that a token (row, position, end of the time
range) stays good however many events arrive. One call reads a bounded number of batches; a page may therefore be
short, or empty with a token, as AWS's own paging allows.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec

from loadgen.endpoint.metadata import flatten_metadata, merge_metadata, parse_metadata
from loadgen.endpoint.operations.context import PAGE_SIZE, Members, OperationContext, make_token, read_token
from loadgen.endpoint.operations.put_rum_events import decode_stored_batch
from loadgen.endpoint.request_body import GZIP_WBITS
from loadgen.endpoint.service_error import ValidationException
from loadgen.endpoint.store import AppMonitor, StoredBatch

FIELDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "Browser": lambda event: event["metadata"].get("browserName"),
    "Device": lambda event: event["metadata"].get("deviceType"),
    "Country": lambda event: event["metadata"].get("countryCode"),
    "Page": lambda event: event["metadata"].get("pageId"),
    "OS": lambda event: event["metadata"].get("osName"),
    "EventType": lambda event: event["event_type"],
}
"""What each filter looks at."""

INVERT = "Invert"

BATCHES_PER_CALL = 256
"""Read at most in one context, so that a query over much data does not keep other clients waiting."""

Wanted = Callable[[dict[str, Any]], bool]


class _Place(msgspec.Struct, frozen=True):
    """Where a page ends: the next event's batch and position, and the time range's end."""

    row: int
    position: int
    before: int


def get(context: OperationContext, given: Members) -> Members:
    """GetAppMonitorData."""
    monitor = context.find_monitor(given["Name"])
    after, before = given["TimeRange"]["After"], given["TimeRange"].get("Before")
    if before is not None and before < after:
        raise ValidationException(
            "Value at 'timeRange.before' failed to satisfy constraint: Member must not be less than after"
        )
    query = blake2b(msgspec.json.encode([monitor.id, after, before, given.get("Filters")]), digest_size=8).hexdigest()
    start = _Place(0, 0, int(context.now * 1000) if before is None else before)
    if given.get("NextToken"):
        start = read_token(given["NextToken"], query, _Place)
    oldest = max(after, int((context.now - context.settings.retention) * 1000))
    events, place = _page(context, monitor, start, oldest, _wanted(given.get("Filters") or []), given.get("MaxResults"))
    return {"Events": events} | ({"NextToken": make_token(query, place)} if place else {})


def _page(
    context: OperationContext, monitor: AppMonitor, start: _Place, after: int, wanted: Wanted, size: int | None
) -> tuple[list[str], _Place | None]:
    """One page, and where the next begins."""
    events: list[str] = []
    room = size or PAGE_SIZE
    for count, batch in enumerate(context.store.read_batches(monitor, start.row, after, start.before)):
        if count == BATCHES_PER_CALL:
            return events, _Place(batch.number, 0, start.before)
        skip = start.position if batch.number == start.row else 0
        for position, event in unfolded(monitor, batch, skip):
            if after <= event["event_timestamp"] <= start.before and wanted(event):
                if len(events) == room:
                    return events, _Place(batch.number, position, start.before)
                events.append(msgspec.json.encode(event).decode())
    return events, None


def _wanted(filters: list[dict[str, Any]]) -> Wanted:
    """All filters together: values of one filter are alternatives, filters must all hold."""
    tests = [_test(number, one) for number, one in enumerate(filters, 1)]
    return lambda event: all(test(event) for test in tests)


def _test(number: int, one: dict[str, Any]) -> Wanted:
    name, values = one.get("Name"), frozenset(one.get("Values") or ())
    if name == INVERT:
        return lambda event: not any(field(event) in values for field in FIELDS.values())
    if name not in FIELDS:
        names = ", ".join([*FIELDS, INVERT])
        raise ValidationException(
            f"Value '{name}' at 'filters.{number}.member.name' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{names}]"
        )
    field = FIELDS[name]
    return lambda event: field(event) in values


def unfolded(monitor: AppMonitor, kept: StoredBatch, skip: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """The accepted events of a batch from position `skip` on, with RUM's keys."""
    batch = decode_stored_batch(zlib.decompress(kept.body, wbits=GZIP_WBITS) if kept.zipped else kept.body)
    session = parse_metadata(batch.SessionMetadata)
    user = {"sessionId": batch.UserDetails.sessionId, "userId": batch.UserDetails.userId}
    for position, event in enumerate(batch.RumEvents):
        if position < skip or position in kept.dropped:
            continue
        metadata = merge_metadata(session, parse_metadata(event.metadata))
        at = round(event.timestamp * 1000)
        yield (
            position,
            {
                "event_timestamp": at,
                "event_type": event.type,
                "event_id": event.id,
                "event_version": _version(event.details),
                "log_stream": f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%dT%H}",
                "application_id": monitor.id,
                "application_version": batch.AppMonitorDetails.version,
                "metadata": metadata,
                "metadata_values": flatten_metadata(metadata),
                "user_details": {key: value for key, value in user.items() if value is not None},
                "event_details": msgspec.Raw(event.details.encode()),  # as it came, number for number
            },
        )


class _Versioned(msgspec.Struct):
    version: str = "1.0.0"


_versioned = msgspec.json.Decoder(_Versioned)


def _version(details: str) -> str:
    """The schema version that details state."""
    try:
        return _versioned.decode(details).version
    except (msgspec.ValidationError, RecursionError):
        return _Versioned().version
