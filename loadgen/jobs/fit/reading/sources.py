"""Read recorded traffic from files of any known form, plain or gzip, or from a live monitor.

Rule: a file's form is recognized by its content, and the file is read as a stream. The endpoint's store is recognized
by SQLite's first bytes.
"""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.fit.reading.formats import BYTE_ORDERS, GZIP, HEAD, Feed, decode_utf16
from loadgen.jobs.fit.reading.recorded import ReadCounts, Recorded, Recorder
from loadgen.jobs.fit.reading.stream_readers import choose_readers
from loadgen.jobs.fit.reading.unread import describe_head
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
    broken, bad_times = recorder.counts.broken_events, recorder.counts.bad_times
    try:
        with open_seekable(path) as raw:
            head = raw.read(HEAD)
            raw.seek(0)
            if head.startswith(SQLITE) and not path.is_file():
                raise LoadgenError(f"{path}: an SQLite file from a pipe; name the file of the store")
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
        recorder.counts.damaged.append(path.name)
    if recorder.counts.events + recorder.counts.duplicates == before:
        if head.startswith(SQLITE):
            raise LoadgenError(f"{path}: the store of an endpoint that was sent no events; send it some, or {INSTEAD}")
        if late := recorder.counts.bad_times - bad_times:
            raise LoadgenError(f"{path}: its {late:,} RUM events have times before 2010 or after 2100; "
                               "give times in milliseconds since 1970, as RUM does")  # fmt: skip
        if number := recorder.counts.broken_events - broken:
            raise LoadgenError(
                f"{path}: none of its {number:,} RUM events has id, session, time and metadata; {INSTEAD}"
            )
        raise LoadgenError(f"{path}: no RUM events in it: it looks like {describe_head(head)}; {INSTEAD}")


def open_seekable(path: Path) -> IO[bytes]:
    """Open a file to be read; a pipe is copied to a temporary file first, since a form may be tried after another."""
    raw = path.open("rb")
    if raw.seekable():
        return raw
    with raw:
        copy = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
        shutil.copyfileobj(raw, copy)
    copy.seek(0)
    return copy


def _read_stream(raw: IO[bytes], head: bytes, feed: Feed, on_read: OnRead) -> None:
    """Add the events of a stream."""
    counts = feed.recorder.counts
    lines, broken_lines, before, furthest = counts.lines, counts.broken_lines, count_known(counts), 0

    def tell() -> None:
        nonlocal furthest
        furthest = max(furthest, raw.tell())  # a second reader begins again
        on_read(furthest, counts.events)

    stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if head.startswith(GZIP) else raw
    head = stream.read(HEAD)
    if head.startswith(BYTE_ORDERS):
        stream.seek(0)
        stream = decode_utf16(stream)
        head = stream.read(HEAD)
    for read in choose_readers(head):
        stream.seek(0)
        counts.lines, counts.broken_lines = lines, broken_lines
        read(stream, feed, tell)
        if count_known(counts) > before:
            return


def count_known(counts: ReadCounts) -> int:
    """Count the events that were recognized as RUM's, usable or not."""
    return counts.events + counts.duplicates + counts.broken_events + counts.bad_times


def read_store(path: Path, feed: Feed, on_read: OnRead) -> None:
    """Add the accepted batches of an endpoint's store, which is opened for reading alone."""
    database: sqlite3.Connection | None = None
    try:
        database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        batches = database.execute("SELECT body, dropped FROM batches ORDER BY number")
        for number, (body, dropped) in enumerate(batches, 1):
            data = gzip.decompress(body) if body.startswith(GZIP) else body
            left_out = frozenset(msgspec.json.decode(dropped)) if dropped else frozenset()
            feed.recorder.counts.lines += 1
            feed.recorder.counts.broken_lines += not feed.add_line(data, left_out)
            if not number & 0xFF:
                on_read(0, feed.recorder.counts.events)
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            raise LoadgenError(f"{path}: an SQLite file that is no store of a loadgen endpoint ({error})") from None
        busy = "its endpoint still runs; stop it, or read it live: --monitor NAME --target URL"
        reason = busy if "locked" in str(error) else str(error)
        raise LoadgenError(f"{path}: the store cannot be read: {reason}") from None
    except sqlite3.DatabaseError as error:
        raise LoadgenError(f"{path}: an SQLite file that is no store of a loadgen endpoint ({error})") from None
    finally:
        if database is not None:
            database.close()
