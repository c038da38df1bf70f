"""Kept batches → rows of numbers, one row an event: what the console computes with.

Rule: a row holds numbers alone. Each text (a page, a browser, a message, a session) is replaced by its number in
`Words`, which keeps it once and cut to a bounded length; so a hostile name costs no more than another one. What the
views do not count (stacks, attributions, ids of events) stays in the store and is read from there when it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite, nan
from typing import Any

import msgspec

from loadgen.endpoint.operations.put_rum_events import decode_batch
from loadgen.endpoint.operations.stored_events import list_accepted, merge_metadata
from loadgen.endpoint.request_body import drop_halves, gunzip_stored, parse_object
from loadgen.rum.events import CLS, DOM, FCP, FID, HTTP, INP, JS_ERROR, LCP, NAVIGATION, PAGE_VIEW, RESOURCE, TTFB

COLUMNS: dict[str, str] = {
    "monitor": "INTEGER",  # AppMonitor.number
    "batch": "BIGINT",  # its row in the store
    "place": "INTEGER",  # position in the batch
    "ms": "BIGINT",  # Unix milliseconds
    "type": "INTEGER",  # this and the next are numbers of words
    "session": "INTEGER",
    "visitor": "INTEGER",
    "page": "INTEGER",
    "browser": "INTEGER",
    "os": "INTEGER",
    "device": "INTEGER",
    "country": "INTEGER",
    "turn": "INTEGER",  # metadata.interaction: the page's number in the session
    "name": "INTEGER",  # word: message of an error, URL of a request or a resource
    "kind": "INTEGER",  # word: type of an error, method of a request, file type of a resource
    "status": "INTEGER",  # of an HTTP request; 0: no response came; -1: another event
    "value": "DOUBLE",  # vitals: the value; page loads and resources: milliseconds; NaN: another event
}
"""The table's columns with their types, in the order of a row."""

DIMENSIONS = {
    "page": "pageId",
    "browser": "browserName",
    "os": "osName",
    "device": "deviceType",
    "country": "countryCode",
}
"""Columns of what GetAppMonitorData can filter by, with the metadata that fills them."""

TYPES = (PAGE_VIEW, NAVIGATION, RESOURCE, LCP, FID, CLS, INP, FCP, TTFB, JS_ERROR, HTTP, DOM)
"""Event types whose details are read; each has the same word number everywhere."""

TYPE_WORDS = {name: number for number, name in enumerate(TYPES, 1)}
NO_WORD = 0
"""The number of the empty text: no such metadata."""

WORD_CHARACTERS = 512
MOST_WORDS = 2_000_000
"""With more different texts, new ones are all counted as `OVERFLOW`."""

OVERFLOW = "(more different names than the console tells apart)"

NO_RESPONSE = 0
NO_STATUS = -1

Facts = tuple[int, int, int, float]
"""name, kind, status, value."""

NO_FACTS: Facts = (NO_WORD, NO_WORD, NO_STATUS, nan)

_HALVES = re.compile("[\ud800-\udfff]")
"""Half surrogate pairs, which no answer could carry."""

StoredRow = tuple[int, int, bytes, bytes | None, bytes]
"""number, monitor, times, dropped, body: a row of the store's table of batches."""

Row = tuple[Any, ...]


class Words:
    """Texts by number and numbers by text."""

    def __init__(self) -> None:
        self.texts: list[str] = ["", *TYPES, OVERFLOW]
        self._numbers = {text: number for number, text in enumerate(self.texts)}

    def add(self, text: str) -> int:
        """The number of a text, a new one for a new text."""
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
        """The number of a text that is known."""
        return self._numbers.get(text[:WORD_CHARACTERS])

    def find_containing(self, part: str) -> list[int]:
        """The numbers of the texts that contain a part, whatever its case."""
        part = part.lower()
        return [number for number, text in enumerate(self.texts) if part in text.lower()]


def read_rows(stored: StoredRow, words: Words) -> list[Row]:
    """The rows of the accepted events of one batch."""
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
    """Page, browser, OS, device, country and turn. As for RUM's filters, a value that is no text is none."""
    metadata = merge_metadata(session, parse_object(own))
    values = (metadata.get(name) for name in DIMENSIONS.values())
    turn = metadata.get("interaction")
    counts = isinstance(turn, int) and not isinstance(turn, bool) and 0 <= turn < 2**31
    numbers = (words.add(value) if isinstance(value, str) else NO_WORD for value in values)
    return (*numbers, int(turn or 0) if counts else 0)


# Details: a struct of the members that are counted for each kind of event type. A member of another type than the web
# client's makes the whole event one without facts.


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


class _Details(msgspec.Struct, frozen=True, gc=False):
    def list_facts(self, words: Words) -> Facts:
        raise NotImplementedError


class _Valued(_Details, frozen=True):
    value: float = nan

    def list_facts(self, words: Words) -> Facts:
        return NO_WORD, NO_WORD, NO_STATUS, self.value if isfinite(self.value) else nan


class _Timed(_Details, frozen=True):
    duration: float = nan

    def list_facts(self, words: Words) -> Facts:
        return NO_WORD, NO_WORD, NO_STATUS, self.duration


class _Fetched(_Details, frozen=True):
    duration: float = nan
    fileType: str = ""
    targetUrl: str = ""

    def list_facts(self, words: Words) -> Facts:
        return words.add(strip_query(self.targetUrl)), words.add(self.fileType), NO_STATUS, self.duration


class _Failed(_Details, frozen=True):
    type: str = ""
    message: str = ""

    def list_facts(self, words: Words) -> Facts:
        return words.add(self.message), words.add(self.type), NO_STATUS, nan


class _Asked(msgspec.Struct, frozen=True, gc=False):
    url: str = ""
    method: str = ""


class _Answered(msgspec.Struct, frozen=True, gc=False):
    status: int = NO_RESPONSE


class _Exchange(_Details, frozen=True):
    request: _Asked = _Asked()
    response: _Answered = _Answered()

    def list_facts(self, words: Words) -> Facts:
        url, status = strip_query(self.request.url), self.response.status
        return words.add(url), words.add(self.request.method), status if 0 <= status < 1000 else NO_RESPONSE, nan


class _Touched(_Details, frozen=True):
    event: str = ""
    cssLocator: str = ""
    element: str = ""

    def list_facts(self, words: Words) -> Facts:
        return words.add(self.cssLocator or self.element), words.add(self.event), NO_STATUS, nan


DECODERS: dict[str, Callable[[str], _Details]] = {
    **dict.fromkeys((LCP, FID, CLS, INP, FCP, TTFB), msgspec.json.Decoder(_Valued).decode),
    NAVIGATION: msgspec.json.Decoder(_Timed).decode,
    RESOURCE: msgspec.json.Decoder(_Fetched).decode,
    JS_ERROR: msgspec.json.Decoder(_Failed).decode,
    HTTP: msgspec.json.Decoder(_Exchange).decode,
    DOM: msgspec.json.Decoder(_Touched).decode,
}
"""What of the details counts, by event type."""


def strip_query(url: str) -> str:
    """A URL without its query and fragment, which would make a group of each call."""
    return url.partition("?")[0].partition("#")[0]
