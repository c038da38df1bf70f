"""GetAppMonitorData: the stored events as JSON strings, with the members and in the order of the live service.

Rule: members and order are those of AWS's own example (aws-cli, examples/rum/get-app-monitor-data.rst): the newest
event first. A token holds the place of the last event and the end of the time range, so it stays valid while events
arrive. One call reads a bounded amount; a page may therefore be short, or empty with a token, as AWS's paging allows.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from loadgen.endpoint.operations.context import PAGE_SIZE, Integer64, Members, OperationContext, make_token, read_token
from loadgen.endpoint.operations.stored_events import EventPlace, EventReader, index_events, read_places
from loadgen.endpoint.request_body import encode_members
from loadgen.endpoint.service_error import InvalidMember
from loadgen.endpoint.store import AppMonitor

FIELDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "Browser": lambda event: event["metadata"].get("browserName"),
    "Device": lambda event: event["metadata"].get("deviceType"),
    "Country": lambda event: event["metadata"].get("countryCode"),
    "Page": lambda event: event["metadata"].get("pageId"),
    "OS": lambda event: event["metadata"].get("osName"),
    "EventType": lambda event: event["event_type"],
}
"""The member of an event that each filter compares, by the filter's name."""

INVERT = "Invert"

BATCHES_PER_CALL = 256
BYTES_PER_CALL = 8 * 1024 * 1024
"""Batches and bytes that one call decodes at most, so that a query over much data does not delay other clients."""

INDEXED_PER_CALL = 10_000
"""Batches whose event times one call adds to the store's index; they take about 0.2 s."""

Filters = list[tuple[str, frozenset[str]]]


class _Cursor(msgspec.Struct, frozen=True):
    """The position of a token: where a page ends."""

    last: EventPlace  # the next page has the events before this place
    before: Integer64  # end of the time range, Unix milliseconds


def get(context: OperationContext, given: Members) -> Members:
    """GetAppMonitorData: one page of events, with a token if events remain."""
    monitor = context.find_monitor(given["Name"])
    after, before = given["TimeRange"]["After"], given["TimeRange"].get("Before")
    if before is not None and before < after:
        raise InvalidMember("timeRange.before", "Member must not be less than after")
    query = blake2b(msgspec.json.encode([monitor.id, after, before, given.get("Filters")]), digest_size=8).hexdigest()
    end = int(context.now * 1000) if before is None else before
    cursor = _Cursor(EventPlace(end, 2**63 - 1, 0), end)
    if given.get("NextToken"):
        cursor = read_token(given["NextToken"], query, _Cursor)
    oldest = max(after, int((context.now - context.settings.retention) * 1000))
    filters = _read_filters(given.get("Filters") or [])
    page = _Page(context, monitor, given.get("MaxResults") or PAGE_SIZE)
    rest = page.read(cursor.last, oldest, filters)
    token = {"NextToken": make_token(query, _Cursor(rest, cursor.before))} if rest else {}
    return {"Events": page.events, **token}


class _Page:
    """One page of events while it is being filled."""

    def __init__(self, context: OperationContext, monitor: AppMonitor, size: int) -> None:
        self.events: list[str] = []
        self._store = context.store
        self._monitor = monitor
        self._size = size
        self._reader = EventReader(context.store, context.settings, monitor)

    def read(self, last: EventPlace, oldest: int, filters: Filters) -> EventPlace | None:
        """Fill the page with events before `last`; return the place of the last event read, None at the end of all."""
        if not index_events(self._store, self._monitor, INDEXED_PER_CALL):
            return last
        while True:
            places = read_places(self._store, self._monitor, last, oldest, self._size + 1)
            for place in places:
                if len(self.events) == self._size or self._is_exhausted(place):
                    return last
                event = self._reader.read(place)
                if event is not None and _passes_filters(event, filters):
                    self.events.append(encode_members(event))
                last = place
            if len(places) <= self._size:
                return None

    def _is_exhausted(self, place: EventPlace) -> bool:
        """Whether the event's batch would be one more than a call may decode."""
        known = self._reader.batches
        return place.batch not in known and (len(known) == BATCHES_PER_CALL or self._reader.bytes > BYTES_PER_CALL)


def _read_filters(given: list[dict[str, Any]]) -> Filters:
    """Return each filter's name and values; raises ValidationException for a name that the service does not know."""
    for number, filter_ in enumerate(given, 1):
        if (name := filter_.get("Name")) not in FIELDS and name != INVERT:
            rule = f"Member must satisfy enum value set: [{', '.join([*FIELDS, INVERT])}]"
            raise InvalidMember(f"filters.{number}.member.name", rule, f"'{name}'")
    return [(filter_["Name"], frozenset(filter_.get("Values") or ())) for filter_ in given]


def _passes_filters(event: dict[str, Any], filters: Filters) -> bool:
    """Whether an event passes all filters: its field has one of the values; for Invert, no field has any of them."""
    for name, values in filters:
        fields = FIELDS.values() if name == INVERT else (FIELDS[name],)
        if any(_is_one_of(field(event), values) for field in fields) == (name == INVERT):
            return False
    return True


def _is_one_of(value: Any, values: frozenset[str]) -> bool:
    """Whether an event's member is one of a filter's values; a number or a list never is."""
    return isinstance(value, str) and value in values
