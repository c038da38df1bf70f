"""Stored batches → rows of numbers, one row for each event. The console's figures are computed from these rows.

Rule: a row holds numbers alone. Each text (a page, a browser, a message, a session) is replaced by its number in
`Words`, which keeps each text once and cuts it to a bounded length; so a hostile name costs no more than any other.
Members that the views do not count (stacks, attributions, ids of events) stay in the store and are read when shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite, nan
from typing import Any, Protocol

import msgspec

from loadgen.endpoint.operations.put_rum_events import decode_batch
from loadgen.endpoint.operations.stored_events import list_accepted, merge_metadata
from loadgen.endpoint.request_body import drop_halves, gunzip_stored, parse_object
from loadgen.rum.events import CLS, DOM, FCP, FID, HTTP, INP, JS_ERROR, LCP, NAVIGATION, PAGE_VIEW, RESOURCE, TTFB

COLUMNS: dict[str, str] = {
    "monitor": "INTEGER",  # AppMonitor.number
    "batch": "BIGINT",  # the batch's row in the store
    "place": "INTEGER",  # the event's position in the batch
    "ms": "BIGINT",  # Unix milliseconds
    "type": "INTEGER",  # from here to country: numbers of words
    "session": "INTEGER",
    "visitor": "INTEGER",
    "page": "INTEGER",
    "browser": "INTEGER",
    "os": "INTEGER",
    "device": "INTEGER",
    "country": "INTEGER",
    "turn": "INTEGER",  # metadata.interaction: the page's number in the session
    "name": "INTEGER",  # word: message of an error, URL of a request or resource, element of a DOM event
    "kind": "INTEGER",  # word: type of an error or DOM event, method of a request, file type of a resource
    "status": "INTEGER",  # of an HTTP request; 0: no response; -1: another type of event
    "value": "DOUBLE",  # vitals: the value; page loads and resources: milliseconds; NaN: another type of event
}
"""The table's columns with their types, in the order of a row."""

DIMENSIONS = {
    "page": "pageId",
    "browser": "browserName",
    "os": "osName",
    "device": "deviceType",
    "country": "countryCode",
}
"""The columns that GetAppMonitorData can filter by, with the member of metadata that fills each."""

TYPES = (PAGE_VIEW, NAVIGATION, RESOURCE, LCP, FID, CLS, INP, FCP, TTFB, JS_ERROR, HTTP, DOM)
"""Event types whose details are read. Each has the same word number in every table."""

TYPE_WORDS = {name: number for number, name in enumerate(TYPES, 1)}
NO_WORD = 0
"""The number of the empty text: the event has no such text."""

WORD_CHARACTERS = 512
MOST_WORDS = 2_000_000
"""Different texts at most; further ones are all counted as `OVERFLOW`."""

OVERFLOW = "(more different names than the console tells apart)"

NO_RESPONSE = 0
NO_STATUS = -1

Facts = tuple[int, int, int, float]
"""The last four columns of an event's row, which come from its details: name, kind, status, value."""

NO_FACTS: Facts = (NO_WORD, NO_WORD, NO_STATUS, nan)

_HALVES = re.compile("[\ud800-\udfff]")
"""Half surrogate pairs, which cannot be encoded as UTF-8 in an answer."""

StoredRow = tuple[int, int, bytes, bytes | None, bytes]
"""number, monitor, times, dropped, body: a row of the store's table of batches."""

Row = tuple[Any, ...]


class Words:
    """A numbering of texts: each text by its number, and each number by its text."""

    def __init__(self) -> None:
        self.texts: list[str] = ["", *TYPES, OVERFLOW]
        self._numbers = {text: number for number, text in enumerate(self.texts)}

    def add(self, text: str) -> int:
        """Return the number of a text; a new text gets a new number."""
        number = self._numbers.get(text)
        if number is None:
            cut = _HALVES.sub("\ufffd", text[:WORD_CHARACTERS])
            number = self._numbers.get(cut)
            if number is None:
                if len(self.texts) >= MOST_WORDS:
                    return len(TYPES) + 1
                number = self._numbers[cut] = len(self.texts)
                self.texts.append(cut)
        return number

    def find(self, text: str) -> int | None:
        """Return the number of a text; None for an unknown text."""
        return self._numbers.get(text[:WORD_CHARACTERS])

    def find_containing(self, part: str) -> list[int]:
        """Return the numbers of the texts that contain `part`, in upper or lower case."""
        part = part.lower()
        return [number for number, text in enumerate(self.texts) if part in text.lower()]


def read_rows(stored: StoredRow, words: Words) -> list[Row]:
    """Return the rows of the accepted events in one batch."""
    number, monitor, times, dropped, body = stored
    batch = decode_batch(gunzip_stored(body))
    session_metadata = parse_object(batch.SessionMetadata)
    session, visitor = words.add(batch.UserDetails.sessionId or ""), words.add(batch.UserDetails.userId or "")
    known: dict[str | None, tuple[int, ...]] = {}  # most events of a batch have the same metadata
    rows = []
    for ms, place in list_accepted(times, dropped):
        event = batch.RumEvents[place]
        dimensions = known.get(event.metadata)
        if dimensions is None:
            dimensions = known[event.metadata] = _read_dimensions(session_metadata, event.metadata, words)
        facts = _read_facts(event.type, event.details, words)
        kind = words.add(event.type)
        rows.append((monitor, number, place, ms, kind, session, visitor, *dimensions, *facts))
    return rows


def _read_dimensions(session: dict[str, Any], own: str | None, words: Words) -> tuple[int, ...]:
    """Return page, browser, OS, device, country and turn. A value that is no text counts as missing, as for RUM."""
    metadata = merge_metadata(session, parse_object(own))
    values = (metadata.get(name) for name in DIMENSIONS.values())
    turn = metadata.get("interaction")
    counts = isinstance(turn, int) and not isinstance(turn, bool) and 0 <= turn < 2**31
    numbers = (words.add(value) if isinstance(value, str) else NO_WORD for value in values)
    return (*numbers, int(turn or 0) if counts else 0)


# Details: for each kind of event, a struct of the members that are counted. If a member has another type than the web
# client gives it, the event counts without its details.


def _read_facts(event_type: str, details: str, words: Words) -> Facts:
    decode = DECODERS.get(event_type)
    if decode is None:
        return NO_FACTS
    try:
        return decode(details).list_facts(words)
    except (msgspec.DecodeError, RecursionError):
        if "\\u" not in details:
            return NO_FACTS
    try:
        return decode(drop_halves(details)).list_facts(words)
    except (msgspec.DecodeError, RecursionError):
        return NO_FACTS


class _Details(Protocol):
    def list_facts(self, words: Words) -> Facts:
        """Return the numbers that the console counts."""


class _VitalDetails(msgspec.Struct, frozen=True, gc=False):
    value: float = nan

    def list_facts(self, words: Words) -> Facts:
        return NO_WORD, NO_WORD, NO_STATUS, self.value if isfinite(self.value) else nan


class _NavigationDetails(msgspec.Struct, frozen=True, gc=False):
    duration: float = nan

    def list_facts(self, words: Words) -> Facts:
        return NO_WORD, NO_WORD, NO_STATUS, self.duration


class _ResourceDetails(msgspec.Struct, frozen=True, gc=False):
    duration: float = nan
    fileType: str = ""
    targetUrl: str = ""

    def list_facts(self, words: Words) -> Facts:
        return words.add(strip_query(self.targetUrl)), words.add(self.fileType), NO_STATUS, self.duration


class _ErrorDetails(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    message: str = ""

    def list_facts(self, words: Words) -> Facts:
        return words.add(self.message), words.add(self.type), NO_STATUS, nan


class _HttpRequest(msgspec.Struct, frozen=True, gc=False):
    url: str = ""
    method: str = ""


class _HttpResponse(msgspec.Struct, frozen=True, gc=False):
    status: int = NO_RESPONSE


class _HttpDetails(msgspec.Struct, frozen=True, gc=False):
    request: _HttpRequest = _HttpRequest()
    response: _HttpResponse = _HttpResponse()

    def list_facts(self, words: Words) -> Facts:
        url, status = strip_query(self.request.url), self.response.status
        return words.add(url), words.add(self.request.method), status if 0 <= status < 1000 else NO_RESPONSE, nan


class _DomDetails(msgspec.Struct, frozen=True, gc=False):
    event: str = ""
    cssLocator: str = ""
    element: str = ""

    def list_facts(self, words: Words) -> Facts:
        return words.add(self.cssLocator or self.element), words.add(self.event), NO_STATUS, nan


DECODERS: dict[str, Callable[[str], _Details]] = {
    **dict.fromkeys((LCP, FID, CLS, INP, FCP, TTFB), msgspec.json.Decoder(_VitalDetails).decode),
    NAVIGATION: msgspec.json.Decoder(_NavigationDetails).decode,
    RESOURCE: msgspec.json.Decoder(_ResourceDetails).decode,
    JS_ERROR: msgspec.json.Decoder(_ErrorDetails).decode,
    HTTP: msgspec.json.Decoder(_HttpDetails).decode,
    DOM: msgspec.json.Decoder(_DomDetails).decode,
}
"""Decoders of the details that are counted, by event type."""


def strip_query(url: str) -> str:
    """Return a URL without its query and fragment, so that calls to one URL form one group."""
    return url.partition("?")[0].partition("#")[0]
