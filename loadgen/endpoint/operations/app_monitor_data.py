"""GetAppMonitorData: the kept events as JSON strings, with the members and in the order of the live service.

Rule: members and order are those of AWS's own example (aws-cli, examples/rum/get-app-monitor-data.rst): the newest
event first. A token holds the place of the last event and the end of the time range, so that it stays good however many
events arrive. One call reads a bounded amount; a page may therefore be short, or empty with a token, as AWS's paging
allows.

Rule of metadata (CloudWatch user guide, "Specify session-level custom attributes", and the service model's
SessionMetadata): the batch's and the event's own are merged, and the event's own value wins. A custom attribute has a
key of at most 128 characters of [A-Za-z0-9_:] that does not begin with `aws:`, and a value that is a string of at most
256 characters, a number or a boolean. An event keeps 10 of them; ill-named, ill-typed and surplus ones are removed, and
the event stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from math import isfinite
from typing import Any
from urllib.parse import quote

import msgspec

from loadgen.endpoint.event_index import EventPlace, Integer64, index_events, read_places
from loadgen.endpoint.operations.context import PAGE_SIZE, Members, OperationContext, make_token, read_token
from loadgen.endpoint.operations.put_rum_events import decode_batch
from loadgen.endpoint.request_body import encode_members, gunzip_stored, parse_object
from loadgen.endpoint.service_error import ValidationException
from loadgen.endpoint.settings import EndpointSettings
from loadgen.endpoint.store import AppMonitor

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
BYTES_PER_CALL = 8 * 1024 * 1024
"""Decoded in one call at most, so that a query over much data does not keep other clients waiting."""

INDEXED_PER_CALL = 10_000
"""Batches whose times one call puts into the store's index: about 0.2 s."""

DEFAULT_VERSION = "1.0.0"
"""The schema version of details that state none."""

Matches = Callable[[dict[str, Any]], bool]


class _Cursor(msgspec.Struct, frozen=True):
    """Where a page ends."""

    last: EventPlace  # the next page begins below
    before: Integer64  # the time range's end


def get(context: OperationContext, given: Members) -> Members:
    """GetAppMonitorData."""
    monitor = context.find_monitor(given["Name"])
    after, before = given["TimeRange"]["After"], given["TimeRange"].get("Before")
    if before is not None and before < after:
        raise ValidationException(
            "Value at 'timeRange.before' failed to satisfy constraint: Member must not be less than after"
        )
    query = blake2b(msgspec.json.encode([monitor.id, after, before, given.get("Filters")]), digest_size=8).hexdigest()
    end = int(context.now * 1000) if before is None else before
    cursor = _Cursor(EventPlace(end, 2**63 - 1, 0), end)
    if given.get("NextToken"):
        cursor = read_token(given["NextToken"], query, _Cursor)
    oldest = max(after, int((context.now - context.settings.retention) * 1000))
    matches = _compile_filters(given.get("Filters") or [])
    page = _Page(context, monitor, given.get("MaxResults") or PAGE_SIZE)
    rest = page.read(cursor.last, oldest, matches)
    token = {"NextToken": make_token(query, _Cursor(rest, cursor.before))} if rest else {}
    return {"Events": page.events, **token}


class _Page:
    """One page of events as it is read."""

    def __init__(self, context: OperationContext, monitor: AppMonitor, size: int) -> None:
        self.events: list[str] = []
        self._context = context
        self._monitor = monitor
        self._size = size
        self._batches: dict[int, DecodedBatch] = {}
        self._bytes = 0

    def read(self, last: EventPlace, oldest: int, matches: Matches) -> EventPlace | None:
        """Fill the page with events below a place; where the next page begins, None when there is none."""
        store = self._context.store
        if not index_events(store, self._monitor, INDEXED_PER_CALL):
            return last
        while True:
            places = read_places(store, self._monitor, last, oldest, self._size + 1)
            for place in places:
                if len(self.events) == self._size or self._is_exhausted(place):
                    return last
                event = self._load_batch(place).unfold(place, self._context.settings, self._monitor)
                if matches(event):
                    self.events.append(encode_members(event))
                last = place
            if len(places) <= self._size:
                return None

    def _is_exhausted(self, place: EventPlace) -> bool:
        """Whether one more batch would be more than a call may read."""
        full = len(self._batches) == BATCHES_PER_CALL or self._bytes > BYTES_PER_CALL
        return full and place.batch not in self._batches

    def _load_batch(self, place: EventPlace) -> DecodedBatch:
        found = self._batches.get(place.batch)
        if found is None:
            data = gunzip_stored(self._context.store.read_batch(place.batch))
            self._bytes += len(data)
            found = self._batches[place.batch] = DecodedBatch(data)
        return found


class DecodedBatch:
    """A kept batch, decoded once for all its events of one page."""

    def __init__(self, data: bytes) -> None:
        self._batch = decode_batch(data)
        self._session = parse_object(self._batch.SessionMetadata)

    def unfold(self, place: EventPlace, settings: EndpointSettings, monitor: AppMonitor) -> dict[str, Any]:
        """One event with the members of the live service."""
        batch, event = self._batch, self._batch.RumEvents[place.position]
        metadata = merge_metadata(self._session, parse_object(event.metadata))
        user = {"userId": batch.UserDetails.userId, "sessionId": batch.UserDetails.sessionId}
        user = {name: value for name, value in user.items() if value is not None}
        seconds, milliseconds = divmod(place.at, 1000)
        return {
            **user,
            "application_id": monitor.id,
            "application_version": batch.AppMonitorDetails.version,
            "application_name": monitor.name,
            "event_id": event.id,
            "event_timestamp": place.at,
            "event_type": event.type,
            "event_version": _read_version(event.details),
            "log_stream": {"seconds": seconds, "nanos": milliseconds * 1_000_000},
            "batch_id": batch.BatchId,
            "metadata": metadata,
            "metadata_keys": list(metadata),
            "metadata_values": flatten_metadata(metadata),
            "event_details": msgspec.Raw(event.details.encode()),  # as it came, number for number
            "user_details": user,
            "account_id": settings.account,
            "event_interaction": _format_interaction(metadata),
        }


def _format_interaction(metadata: dict[str, Any]) -> str:
    """The page and its number in the session, as in AWS's example: `%2F-0 &`."""
    page = str(metadata.get("pageId", "")).encode(errors="replace")
    return f"{quote(page, safe='')}-{metadata.get('interaction', 0)} &"


def _compile_filters(filters: list[dict[str, Any]]) -> Matches:
    """All filters together: values of one filter are alternatives, filters must all hold."""
    tests = [_compile_filter(number, one) for number, one in enumerate(filters, 1)]
    return lambda event: all(test(event) for test in tests)


def _compile_filter(number: int, one: dict[str, Any]) -> Matches:
    name, values = one.get("Name"), frozenset(one.get("Values") or ())
    if name == INVERT:
        return lambda event: not any(_is_one_of(field(event), values) for field in FIELDS.values())
    if name not in FIELDS:
        names = ", ".join([*FIELDS, INVERT])
        raise ValidationException(
            f"Value '{name}' at 'filters.{number}.member.name' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{names}]"
        )
    field = FIELDS[name]
    return lambda event: _is_one_of(field(event), values)


def _is_one_of(value: Any, values: frozenset[str]) -> bool:
    """Whether a member is one of a filter's values; a number or a list never is."""
    return isinstance(value, str) and value in values


class _Versioned(msgspec.Struct):
    version: str = DEFAULT_VERSION


_decode_version = msgspec.json.Decoder(_Versioned).decode


def _read_version(details: str) -> str:
    """The schema version that details state."""
    try:
        return _decode_version(details).version
    except (msgspec.DecodeError, RecursionError):
        version = parse_object(details).get("version")
        return version if isinstance(version, str) else DEFAULT_VERSION


BUILT_IN = frozenset(
    """
    browserLanguage browserName browserVersion countryCode deviceType domain interaction osName osVersion pageId
    pageTags pageTitle pageUrl parentPageId platformType referrerUrl subdivisionCode title url version
    aws:client aws:clientVersion aws:releaseId aws:userAgent
    """.split()  # noqa: SIM905  a list of 25 quoted names would fill a screen
)
"""Names that are no custom attributes: the user guide's reserved names and those that the web client sends itself."""

CUSTOM_LIMIT = 10
"""Custom attributes of one event (the same page of the user guide)."""

_KEY = re.compile(r"(?!aws:)[A-Za-z0-9_:]{1,128}", re.ASCII)


def merge_metadata(session: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The metadata of one event: the session's and its own."""
    left = CUSTOM_LIMIT
    kept = {}
    for key, value in (session | own).items():
        if key in BUILT_IN:
            if _is_scalar(value) or (isinstance(value, list) and all(map(_is_scalar, value))):
                kept[key] = value
        elif left and _KEY.fullmatch(key) and _is_custom_value(value):
            kept[key] = value
            left -= 1
    return kept


def _is_custom_value(value: Any) -> bool:
    return len(value) <= 256 if isinstance(value, str) else _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, int):  # a boolean too
        return abs(value) < 2**63
    return isinstance(value, str) or (isinstance(value, float) and isfinite(value))


def flatten_metadata(metadata: dict[str, Any]) -> list[str]:
    """The `metadata_values` of an event that is read back: "key=value" strings, a list's values one by one."""
    return [
        f"{key}={_format_value(value)}"
        for key, values in metadata.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
