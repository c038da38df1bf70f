"""Read RUM events in all their written forms into a Recorder.

Rule: the members of an object tell its form, so a file may mix forms. A PutRumEvents body has `RumEvents`; an event of
CloudWatch Logs or GetAppMonitorData has `event_type`; a proxy's log has one of these as `body`; the answers of `aws
logs`, a subscription and GetAppMonitorData have them as texts in `events`, `logEvents`, `Events` or `results`; an
export of the console of Logs Insights has each as `@message`.
"""

from __future__ import annotations

import io
from typing import IO, Any, cast

import msgspec

from loadgen.jobs.fit.reading.event_details import KNOWN_TYPES
from loadgen.jobs.fit.reading.metadata import VisitorFacts, decode_json, read_page, read_visitor
from loadgen.jobs.fit.reading.recorded import Recorder
from loadgen.rum import events as rum

NOBODY = VisitorFacts(*(None for _ in VisitorFacts._fields))


class _User(msgspec.Struct):
    userId: str | None = None
    sessionId: str | None = None


class _Monitor(msgspec.Struct, frozen=True):
    id: str = ""
    version: object = None


class _BodyEvent(msgspec.Struct):
    id: str
    timestamp: float
    type: str
    details: str
    metadata: str = "{}"


class _Cell(msgspec.Struct):
    field: str = ""
    value: str = ""


class _Message(msgspec.Struct):
    message: str = ""


class _Line(msgspec.Struct):
    """An object of any form; the members of the other forms are missing."""

    # a PutRumEvents body
    BatchId: str | None = None
    AppMonitorDetails: _Monitor = _Monitor()
    UserDetails: _User | None = None
    RumEvents: list[msgspec.Raw] | None = None
    SessionMetadata: str | None = None
    # an event as RUM stores it
    application_id: str = ""
    application_version: object = None
    event_id: str | None = None
    event_timestamp: float | None = None
    event_type: str | None = None
    event_details: msgspec.Raw = msgspec.Raw(b"{}")
    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    user_details: _User | None = None
    sessionId: str | None = None
    userId: str | None = None
    batch_id: str | None = None
    # objects that contain bodies or events
    body: msgspec.Raw = msgspec.Raw(b"")
    message: msgspec.Raw = msgspec.Raw(b"")
    insights: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="@message")
    events: list[_Message] | None = None
    logEvents: list[_Message] | None = None
    Events: list[str] | None = None
    results: list[list[_Cell]] | None = None


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_event = msgspec.json.Decoder(_BodyEvent).decode
_decode_any = msgspec.json.Decoder(Any).decode

EVENT_NAMES = frozenset(("RumEvents", "event_type"))
"""A member that each PutRumEvents body has, and one that each event has as RUM stores it."""

MILLISECONDS = 1e11
"""Times from here on are in milliseconds since 1970, smaller ones in seconds: it stands for 1973 and for 5138."""

MOST_UNKNOWN = 100
"""Unknown event types, and app monitors, that are distinguished at most."""


class Feed:
    """A reader of objects of any form, which adds their events to a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def add_line(self, data: bytes, dropped: frozenset[int] = frozenset(), depth: int = 0) -> bool:
        """Add the events of a JSON object; False if it holds none. `dropped`: positions in a body to leave out."""
        monitors = self.recorder.counts.monitors
        line = decode_json(_decode_line, data)
        if line is None:
            return False
        if (monitor := line.application_id or line.AppMonitorDetails.id) and len(monitors) < MOST_UNKNOWN:
            monitors.add(monitor)
        if line.RumEvents is not None:
            return self._add_body(line, dropped)
        if line.event_type is not None:
            return self._add_logged(line)
        return depth < 2 and self._add_inner(line, depth + 1)

    def _add_inner(self, line: _Line, depth: int) -> bool:
        """Add the events that an object contains in other objects or texts."""
        texts: list[bytes] = []
        for raw in (line.body, line.message, line.insights):
            if raw:
                texts.append(unquote(bytes(raw)))
        texts += [each.message.encode() for each in (*(line.events or ()), *(line.logEvents or ()))]
        texts += [each.encode() for each in line.Events or ()]
        texts += [cell.value.encode() for row in line.results or () for cell in row if cell.field == "@message"]
        return bool(sum([self.add_line(text[max(text.find(b"{"), 0) :], depth=depth) for text in texts]))

    def _add_body(self, line: _Line, dropped: frozenset[int]) -> bool:
        user = line.UserDetails
        if user is None or not user.sessionId:
            return False
        recorder = self.recorder
        visitor = read_visitor(line.SessionMetadata) if line.SessionMetadata else None
        batch, session = recorder.place_batch(line.BatchId), -1
        for position, raw in enumerate(line.RumEvents or ()):
            if position in dropped:
                continue
            event = decode_json(_decode_event, raw)
            page = read_page(event.metadata) if event else None
            if event is None or page is None:
                recorder.counts.broken_events += 1
            elif recorder.is_new(event.id):
                if session < 0:
                    known = visitor or read_visitor(event.metadata) or NOBODY
                    session = recorder.open_session(user.sessionId, user.userId, known, line.AppMonitorDetails.version)
                self._count_unknown_type(event.type)
                recorder.add_event(session, read_time(event.timestamp), event.type, batch, page, event.details)
        return True

    def _add_logged(self, line: _Line) -> bool:
        recorder, user = self.recorder, line.user_details
        session_id = line.sessionId or (user.sessionId if user else None)
        if not session_id or line.event_timestamp is None or line.event_type is None or line.event_id is None:
            recorder.counts.broken_events += 1
            return True
        if not recorder.is_new(line.event_id):
            return True
        text = unquote(bytes(line.metadata))
        page, visitor = read_page(text), read_visitor(text)
        if page is None or visitor is None:
            recorder.counts.broken_events += 1
            return True
        user_id = line.userId or (user.userId if user else None)
        session = recorder.open_session(session_id, user_id, visitor, line.application_version)
        self._count_unknown_type(line.event_type)
        at, batch = read_time(line.event_timestamp), recorder.place_batch(line.batch_id)
        recorder.add_event(session, at, line.event_type, batch, page, unquote(bytes(line.event_details)))
        return True

    def _count_unknown_type(self, name: str) -> None:
        if name.startswith(rum.EVENT_PREFIX) and name not in KNOWN_TYPES:
            unknown = self.recorder.counts.unknown_types
            if name in unknown or len(unknown) < MOST_UNKNOWN:
                unknown[name] = unknown.get(name, 0) + 1


def read_time(stamp: float) -> float:
    """Return a time in Unix seconds, from seconds or milliseconds."""
    return stamp if stamp < MILLISECONDS else stamp / 1000


def explain_object(line: bytes) -> str:
    """Say why a JSON object cannot be read as RUM events; "" if its members have the right types."""
    try:
        _decode_line(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return str(error)
    return ""


def unquote(data: bytes) -> bytes:
    """Return a JSON value as it is, but the text inside if it is a JSON string."""
    if data[:1] != b'"':
        return data
    try:
        return str(_decode_any(data)).encode()
    except (msgspec.DecodeError, UnicodeError):
        return b""


GZIP = b"\x1f\x8b"
BYTE_ORDERS = b"\xff\xfe", b"\xfe\xff"
"""The byte order marks with which UTF-16 begins, as PowerShell and Windows' editors write it."""

HEAD = 65_536
"""Bytes of a file's head from which its form is recognized."""

SPACE = b"\xef\xbb\xbf \t\r\n"
"""Bytes that may stand before JSON, the byte order mark of UTF-8 included."""


class _Utf16(io.RawIOBase):
    """A stream of UTF-16 with a byte order mark, read as UTF-8."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(stream, "utf-16", "replace", newline="\n")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._text.seek(offset, whence)

    def tell(self) -> int:
        return self._text.tell()

    def readinto(self, buffer: Any) -> int:
        data = self._text.read(len(buffer) // 4).encode()
        buffer[: len(data)] = data
        return len(data)


def decode_utf16(stream: IO[bytes]) -> IO[bytes]:
    """Return a stream of UTF-16 with a byte order mark as a stream of UTF-8."""
    return cast(IO[bytes], io.BufferedReader(_Utf16(stream), HEAD))
