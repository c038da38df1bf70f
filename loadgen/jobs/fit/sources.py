"""Read recorded traffic from files of any known form, plain or gzip, or from a live monitor.

Rule: a file's form is recognized by its content, and the file is read as a stream. Lines that are JSON objects are read
one by one. In a document (one JSON value over many lines, or one very long line) a search finds the texts that hold an
event or, if there are none, the objects. The endpoint's store is recognized by SQLite's first bytes.
"""

from __future__ import annotations

import gzip
import re
import sqlite3
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.fit.formats import BYTE_ORDERS, GZIP, HEAD, SPACE, Feed, decode_utf16, describe_head, unquote
from loadgen.jobs.fit.recorded import Recorded, Recorder
from loadgen.jobs.inputs import parse_moment
from loadgen.jobs.progress import OnProgress, Ticker
from loadgen.jobs.targets import open_account, reach_target
from loadgen.rum.quotas import RETENTION_SECONDS
from loadgen.verb_options import FitOptions


def read_sources(paths: Sequence[Path], asked: FitOptions, on_progress: OnProgress) -> Recorded:
    """Read all files, and the live monitor if one is named."""
    if not paths and asked.monitor is None:
        raise LoadgenError("nothing to fit: name a file with RUM events, or an app monitor with --monitor NAME")
    recorder = Recorder()
    for path in paths:
        read_file(path, recorder, make_reading_progress(path, on_progress))
    if asked.monitor is not None:
        with reach_target(asked.target, asked.proxy, asked.ca_bundle):
            read_monitor(asked, recorder, on_progress)
    return recorder.finish()


def make_reading_progress(path: Path, on_progress: OnProgress) -> Callable[[int, int], None]:
    """Return a callback (bytes, events) by which a file's reader reports its progress."""
    size = path.stat().st_size if path.is_file() else 0
    bytes_read = Ticker(on_progress, f"reading {path.name}", size, "bytes")
    events_read = Ticker(on_progress, f"reading {path.name}", None, "events")
    return lambda read, events: bytes_read(read) if size and read else events_read(events)


def read_monitor(asked: FitOptions, recorder: Recorder, on_progress: OnProgress) -> None:
    """Add the events that an app monitor shows to a recorder."""
    from loadgen.aws import read_event_texts

    now = time.time()
    before = parse_moment(asked.before, now)
    after = parse_moment(asked.after, now) if asked.after else now - RETENTION_SECONDS
    if after >= before:
        raise LoadgenError(f"--after {format_moment(after)} is not before --before {format_moment(before)}; give an "
                           "earlier --after, or a later --before")  # fmt: skip
    account = open_account(asked.target, asked.region, on_progress)
    feed, events = Feed(recorder), recorder.counts.events
    tick = Ticker(on_progress, f"reading {asked.monitor}", None, "events")
    assert asked.monitor is not None
    for number, text in enumerate(read_event_texts(account, asked.monitor, int(after * 1000), int(before * 1000)), 1):
        recorder.counts.lines += 1
        recorder.counts.broken_lines += not feed.add_line(text.encode())
        tick(number)
    if recorder.counts.events == events:
        raise LoadgenError(f"app monitor {asked.monitor}: no events between {format_moment(after)} and "
                           f"{format_moment(before)}; give --after and --before of a time with traffic")  # fmt: skip


def format_moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="minutes")


SQLITE = b"SQLite format 3\0"
LONGEST_LINE = 64_000_000
"""Longest line in bytes; a longer one is read as a document."""

CHUNK = 1 << 20
LONGEST_EVENT = 1 << 20
"""Longest text of one event in a document, in bytes."""

LONGEST_OBJECT = 8 << 20
"""Longest event or body in a document that holds them as objects, in bytes."""

QUOTED_EVENT = re.compile(rb'"(\{(?:[^"\\]|\\.)*\})\s*"')
"""A JSON string that holds a JSON object, as in the answers of `aws logs` and GetAppMonitorData."""

TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}"]', re.DOTALL)
"""A JSON string, a brace, or the quote that begins an incomplete string."""

EVENT_KEYS = (b'"RumEvents"', b'"event_type"')

OnRead = Callable[[int, int], None]
"""on_read(bytes of a file read so far, events so far)."""

INSTEAD = (
    "give CloudWatch Logs of RUM, an answer of GetAppMonitorData, PutRumEvents bodies one a line, or the store of a "
    "loadgen endpoint"
)


def read_file(path: Path, recorder: Recorder, on_read: OnRead) -> None:
    """Add a file's events to a recorder. Raises LoadgenError if it cannot be read or holds no RUM events."""
    feed = Feed(recorder)
    before = recorder.counts.events + recorder.counts.duplicates
    useless = recorder.counts.broken_events + recorder.counts.bad_times
    try:
        with path.open("rb") as raw:
            head = raw.read(HEAD)
            raw.seek(0)
            if head.startswith(SQLITE):
                read_store(path, feed, on_read)
            else:
                _read_stream(raw, head, feed, on_read)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, FileNotFoundError):
            raise LoadgenError(f"{path}: no such file; {INSTEAD}") from None
        if isinstance(error, IsADirectoryError):
            raise LoadgenError(f"{path}: is a folder; name the files in it, such as {path}/*.gz") from None
        if recorder.counts.events + recorder.counts.duplicates == before:
            raise LoadgenError(f"{path}: cannot be read ({error}); {INSTEAD}") from None
        recorder.counts.broken_lines += 1  # the file ends early; the events before its end count
    if recorder.counts.events + recorder.counts.duplicates == before:
        if head.startswith(SQLITE):
            raise LoadgenError(f"{path}: the store of an endpoint that was sent no events; send it some, or {INSTEAD}")
        unusable = recorder.counts.broken_events + recorder.counts.bad_times - useless
        if unusable:
            raise LoadgenError(f"{path}: none of its {unusable:,} RUM events tells id, session and time; {INSTEAD}")
        raise LoadgenError(f"{path}: no RUM events in it: it looks like {describe_head(head)}; {INSTEAD}")


def _read_stream(raw: IO[bytes], head: bytes, feed: Feed, on_read: OnRead) -> None:
    """Add the events of a stream."""
    counts = feed.recorder.counts
    before, lines = counts.events + counts.duplicates, (counts.lines, counts.broken_lines)

    def tell() -> None:
        on_read(raw.tell(), counts.events)

    stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if head.startswith(GZIP) else raw
    head = stream.read(HEAD)
    if head.startswith(BYTE_ORDERS):
        stream.seek(0)
        stream = decode_utf16(stream)
        head = stream.read(HEAD)
    for read in choose_readers(head):
        stream.seek(0)
        counts.lines, counts.broken_lines = lines
        read(stream, feed, tell)
        if counts.events + counts.duplicates > before:
            return


def choose_readers(head: bytes) -> tuple[Callable[[IO[bytes], Feed, Callable[[], None]], None], ...]:
    """Return the readers of a file with this head; each is tried if the reader before it found no event."""
    if is_document(head):
        return read_document, read_objects
    return (read_lines,) if b"\n" in head else (read_lines, read_objects)


def is_document(head: bytes) -> bool:
    """Whether a file with this head is one JSON value, rather than one JSON value on each line."""
    start = head.lstrip(SPACE)
    if not start.startswith((b"{", b"[")):
        return False
    *whole, rest = start.split(b"\n")
    if whole or start.startswith(b"["):
        return start.startswith(b"[") or not any(map(is_object, whole))
    return not any(key in rest for key in EVENT_KEYS)


def is_object(line: bytes) -> bool:
    """Whether a line is a JSON object."""
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


def read_lines(stream: IO[bytes], feed: Feed, tell: Callable[[], None]) -> None:
    """Add the events of each line: an event of CloudWatch Logs, perhaps after a time, or a PutRumEvents body."""
    counts = feed.recorder.counts
    while line := stream.readline(LONGEST_LINE):
        counts.lines += 1
        if not feed.add_line(cut_json(line)):
            counts.broken_lines += bool(line.strip())
        if not counts.lines & 0x3FF:
            tell()


def cut_json(line: bytes) -> bytes:
    """Return the JSON object in a line.

    A time or other columns may stand around the object; CSV doubles its quotes, and a JSON string escapes them.
    """
    text = line[max(line.find(b"{"), 0) : line.rfind(b"}") + 1]
    if text.startswith(b'{\\"'):
        return unquote(b'"%s"' % text)
    return text.replace(b'""', b'"') if text.startswith(b'{""') else text


def read_document(stream: IO[bytes], feed: Feed, tell: Callable[[], None]) -> None:
    """Add the event in each JSON string of a document that holds one."""
    counts, rest = feed.recorder.counts, b""
    while chunk := stream.read(CHUNK):
        data, end = rest + chunk, 0
        for match in QUOTED_EVENT.finditer(data):
            end = match.end()
            counts.lines += 1
            counts.broken_lines += not _add_quoted(feed, match[0])
        rest = data[max(end, len(data) - LONGEST_EVENT) :]
        tell()


def _add_quoted(feed: Feed, quoted: bytes) -> bool:
    try:
        return feed.add_line(msgspec.json.decode(quoted, type=str).encode())
    except (msgspec.DecodeError, UnicodeError):
        return False


def read_objects(stream: IO[bytes], feed: Feed, tell: Callable[[], None]) -> None:
    """Add each JSON object of a document in any layout: in a list, one after another, over several lines."""
    counts, rest = feed.recorder.counts, b""
    while len(rest) <= LONGEST_OBJECT and (chunk := stream.read(CHUNK)):
        data, begin, end, depth = rest + chunk, 0, 0, 0
        for match in TOKEN.finditer(data):
            token = match[0]
            if token == b'"':
                break
            if token == b"{":
                begin = begin if depth else match.start()
                depth += 1
            elif token == b"}" and depth:
                depth -= 1
                if not depth:
                    end = match.end()
                    counts.lines += 1
                    counts.broken_lines += not feed.add_line(data[begin:end])
        rest = data[end:]
        tell()


def read_store(path: Path, feed: Feed, on_read: OnRead) -> None:
    """Add the accepted batches of an endpoint's store, which is opened for reading alone."""
    database: sqlite3.Connection | None = None
    try:
        database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        for number, (body, dropped) in enumerate(
            database.execute("SELECT body, dropped FROM batches ORDER BY number"), 1
        ):
            data = gzip.decompress(body) if body.startswith(GZIP) else body
            left_out = frozenset(msgspec.json.decode(dropped)) if dropped else frozenset()
            feed.recorder.counts.lines += 1
            feed.recorder.counts.broken_lines += not feed.add_line(data, left_out)
            if not number & 0xFF:
                on_read(0, feed.recorder.counts.events)
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            raise LoadgenError(f"{path}: an SQLite file that is no store of a loadgen endpoint ({error})") from None
        busy = "locked" in str(error)
        reason = (
            "its endpoint still runs; stop it, or read it live: --monitor NAME --target URL" if busy else str(error)
        )
        raise LoadgenError(f"{path}: the store cannot be read: {reason}") from None
    except sqlite3.DatabaseError as error:
        raise LoadgenError(f"{path}: an SQLite file that is no store of a loadgen endpoint ({error})") from None
    finally:
        if database is not None:
            database.close()
