"""What the endpoint keeps, in one SQLite file or in memory: app monitors, metric definitions, accepted batches.

Rule: a change is durable after `commit` and not before, so a 200 is sent after it (`RumService.handle` commits each
request, the server once for all requests of one pass of its event loop). The journal is a WAL with synchronous=NORMAL:
committed data survives kill -9 of the process; a power cut may lose the last commits but never damages the file. A
batch is kept as it came over the wire, and decoded when it is read.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec

from loadgen.errors import EndpointError
from loadgen.model import Noun

VERSION = 2
"""PRAGMA user_version of the file."""

SCHEMA = """
CREATE TABLE monitors (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record BLOB NOT NULL);
CREATE TABLE destinations (
    monitor INTEGER NOT NULL, destination TEXT NOT NULL, arn TEXT NOT NULL, role TEXT NOT NULL,
    PRIMARY KEY (monitor, destination, arn)
);
CREATE TABLE definitions (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, monitor INTEGER NOT NULL, destination TEXT NOT NULL,
    arn TEXT NOT NULL, record BLOB NOT NULL
);
CREATE INDEX definitions_of ON definitions (monitor, destination, arn, number);
CREATE TABLE batches (
    number INTEGER PRIMARY KEY, monitor INTEGER NOT NULL, last INTEGER NOT NULL, events INTEGER NOT NULL,
    times BLOB NOT NULL, dropped BLOB, body BLOB NOT NULL
);
CREATE INDEX batches_of ON batches (monitor, number, events);
CREATE TABLE event_times (
    monitor INTEGER NOT NULL, at INTEGER NOT NULL, batch INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (monitor, at, batch, position)
) WITHOUT ROWID;
CREATE TABLE indexed (monitor INTEGER PRIMARY KEY, batch INTEGER NOT NULL);
"""

_INSERT = "INSERT INTO batches (monitor, last, events, times, dropped, body) VALUES (?, ?, ?, ?, ?, ?)"
_COUNTED = (
    "CREATE TEMP TABLE counted (monitor INTEGER PRIMARY KEY, requests INTEGER NOT NULL, events INTEGER NOT NULL,"
    " dropped INTEGER NOT NULL)"
)
_COUNT = (
    "INSERT INTO counted VALUES (?, ?, ?, ?) ON CONFLICT (monitor) DO UPDATE SET"
    " requests = requests + excluded.requests, events = events + excluded.events, dropped = dropped + excluded.dropped"
)
_CHECKPOINT_PAGES = 8192
"""32 MiB of log before it is folded into the file, so that the fold's fsync is rare under load."""


class AppMonitor(Noun):
    """An app monitor as kept."""

    number: int  # its row
    name: str
    id: str
    created: str  # ISO 8601, UTC, such as 2026-11-25T18:48:45.123456Z
    modified: str
    domains: tuple[str, ...]
    listed: bool  # given as DomainList
    configuration: dict[str, Any]
    custom_events: bool
    cw_log: bool
    platform: str
    deobfuscation: dict[str, Any] | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    active: bool = False  # it has received events
    policy: str | None = None
    policy_revision: str | None = None
    policy_pinned: bool = False  # the caller chose a revision id, so later writers must name it
    deleted: float | None = None  # Unix time


class StoredBatch(Noun):
    """A batch to keep: the body as it came over the wire, and which of its events were accepted."""

    body: bytes
    times: tuple[int, ...]  # Unix milliseconds of the accepted events, in the order of the body
    dropped: tuple[int, ...] = ()  # positions of the other events


Integer64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What SQLite takes as an integer; tokens of clients hold such numbers."""


class EventPlace(NamedTuple):
    """Where an event is kept; places compare as their events do, by time and then by acceptance."""

    at: Integer64  # Unix milliseconds
    batch: Integer64  # its row
    position: Integer64  # in the batch


class Store:
    """One SQLite connection and a write-through cache of the monitors."""

    def __init__(self, path: Path | str | None = None) -> None:
        self._open = False  # inside a transaction
        self._spoilt = False
        try:
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=0.0, check_same_thread=False)
        except sqlite3.Error as wrong:
            raise EndpointError(f"store {path}: {_explain(wrong)}") from wrong
        try:
            self._prepare()
        except (sqlite3.Error, EndpointError) as wrong:
            self._db.close()
            raise EndpointError(f"store {path}: {_explain(wrong)}") from wrong
        self._monitors: dict[int, AppMonitor] = {}
        self._by_name: dict[str, AppMonitor] = {}
        self._by_id: dict[str, AppMonitor] = {}
        self._load()

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise EndpointError(f"written by another version of loadgen (format {version})")
        if version == 0 and self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise EndpointError("an SQLite file of another program")
        # One process owns the file: no shared-memory index, and a second endpoint is told so at once.
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        self._db.execute("BEGIN IMMEDIATE")
        if version == 0:
            for statement in SCHEMA.split(";")[:-1]:
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version={VERSION}")
        self._db.execute("COMMIT")
        self._db.execute("PRAGMA temp_store=MEMORY")
        self._db.execute(_COUNTED)

    def _load(self) -> None:
        self._monitors.clear()
        for (record,) in self._db.execute("SELECT record FROM monitors"):
            self._remember(msgspec.json.decode(record, type=AppMonitor))
        self._index()

    def _remember(self, monitor: AppMonitor) -> None:
        self._monitors[monitor.number] = monitor

    def _index(self) -> None:
        present = [monitor for monitor in self._monitors.values() if monitor.deleted is None]
        self._by_name = {monitor.name: monitor for monitor in self._monitors.values()}
        self._by_name |= {monitor.name: monitor for monitor in present}
        self._by_id = {monitor.id: monitor for monitor in present}

    # Transactions

    def write(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement that writes; the next commit makes it durable."""
        self._begin()
        return self._db.execute(statement, values)

    def read(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self._db.execute(statement, values).fetchall()

    def _begin(self) -> None:
        if not self._open:
            self._db.execute("BEGIN")
            self._open = True

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo what the block wrote when it raises; what was written before stays."""
        self._begin()
        self._db.execute("SAVEPOINT attempt")
        try:
            yield
        except Exception:
            self._db.execute("ROLLBACK TO attempt")
            self._load()
            raise
        finally:
            self._db.execute("RELEASE attempt")

    def spoil(self) -> None:
        """Make the next commit fail: SQLite refused a write and may have undone others."""
        self._spoilt = True

    def commit(self) -> None:
        """Make everything written so far durable; on failure undo it and raise sqlite3.Error."""
        if not self._open:
            return
        try:
            if self._spoilt:
                raise sqlite3.OperationalError("a write of this transaction failed")
            self._db.execute("COMMIT")
        except sqlite3.Error:
            self.rollback()
            raise
        self._open = False

    def rollback(self) -> None:
        """Undo what was written since the last commit."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._open = self._spoilt = False
        self._load()

    def close(self) -> None:
        """Commit and close; the log is folded into the file."""
        self.commit()
        self._db.close()

    # App monitors

    def list_monitors(self) -> list[AppMonitor]:
        """All monitors in the order of their names; a deleted one too, until another takes its name."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def find_named(self, name: str) -> AppMonitor | None:
        """The monitor of a name; a deleted one too, until another takes its name."""
        return self._by_name.get(name)

    def find_active(self, monitor_id: str) -> AppMonitor | None:
        """The monitor of an id, if it has not been deleted."""
        return self._by_id.get(monitor_id)

    def find_ever(self, monitor_id: str) -> AppMonitor | None:
        """The monitor of an id, deleted or not."""
        return next((monitor for monitor in self._monitors.values() if monitor.id == monitor_id), None)

    def next_number(self) -> int:
        """The row that the next new monitor gets."""
        return max(self._monitors, default=0) + 1

    def put(self, monitor: AppMonitor) -> None:
        """Keep a new or changed monitor."""
        record = msgspec.json.encode(monitor)
        self.write("INSERT OR REPLACE INTO monitors VALUES (?, ?, ?)", monitor.number, monitor.id, record)
        self._remember(monitor)
        self._index()

    # Batches

    def keep(self, monitor: AppMonitor, batch: StoredBatch, now: int) -> None:
        """Keep an accepted batch; `now` (Unix milliseconds) says when it expires if none of its events was accepted."""
        times = batch.times
        self._begin()
        values = struct.pack(f"<{len(times)}q", *times)
        dropped = msgspec.json.encode(batch.dropped) if batch.dropped else None
        row = (monitor.number, max(times, default=now), len(times), values, dropped, batch.body)
        self._db.execute(_INSERT, row)

    def count(self, monitor: AppMonitor, requests: int, events: int, dropped: int) -> None:
        """Count accepted requests and events that are not kept, and events that were dropped."""
        self.write(_COUNT, monitor.number, requests, events, dropped)

    def read_batch(self, number: int) -> bytes:
        """The body of the batch in a row."""
        return bytes(self.read("SELECT body FROM batches WHERE number = ?", number)[0][0])

    def index_events(self, monitor: AppMonitor, limit: int) -> bool:
        """Index the times of accepted events, so that they can be read by time; False: more than `limit` batches wait.

        Done when events are read and not when they come, because most runs never read them.
        """
        done = self.read("SELECT batch FROM indexed WHERE monitor = ?", monitor.number)
        rows = self.read(
            "SELECT number, times, dropped FROM batches WHERE monitor = ? AND number > ? ORDER BY number LIMIT ?",
            *(monitor.number, done[0][0] if done else 0, limit),
        )
        if rows:
            self._begin()
            self._db.executemany("INSERT INTO event_times VALUES (?, ?, ?, ?)", _list_times(monitor.number, rows))
            self._db.execute("INSERT OR REPLACE INTO indexed VALUES (?, ?)", (monitor.number, rows[-1][0]))
        return len(rows) < limit

    def read_places(self, monitor: AppMonitor, before: EventPlace, after: int, limit: int) -> list[EventPlace]:
        """Places of indexed events, the newest first: those below `before` and not older than `after`."""
        rows = self.read(
            "SELECT at, batch, position FROM event_times WHERE monitor = ? AND at BETWEEN ? AND ?"
            " AND (at, batch, position) < (?, ?, ?) ORDER BY at DESC, batch DESC, position DESC LIMIT ?",
            *(monitor.number, after, before.at, before.at, before.batch, before.position, limit),
        )
        return [EventPlace(*row) for row in rows]

    def count_accepted(self, monitor: AppMonitor | None) -> tuple[int, int, int]:
        """Accepted requests and events of a monitor, or of all, and their dropped events since the start."""
        where, values = ("WHERE monitor = ?", (monitor.number,)) if monitor else ("", ())
        kept = self.read(f"SELECT count(*), coalesce(sum(events), 0) FROM batches {where}", *values)[0]
        sums = "coalesce(sum(requests), 0), coalesce(sum(events), 0), coalesce(sum(dropped), 0)"
        counted = self.read(f"SELECT {sums} FROM counted {where}", *values)[0]
        return kept[0] + counted[0], kept[1] + counted[1], counted[2]

    def expire(self, before: int) -> None:
        """Drop batches whose last event is older than `before` (Unix milliseconds)."""
        self.write("DELETE FROM event_times WHERE batch IN (SELECT number FROM batches WHERE last < ?)", before)
        self.write("DELETE FROM batches WHERE last < ?", before)


def _list_times(monitor: int, rows: list[tuple[Any, ...]]) -> Iterator[tuple[int, int, int, int]]:
    """Rows of `event_times` for rows (number, times, dropped) of `batches`."""
    for number, values, marks in rows:
        dropped = frozenset(msgspec.json.decode(marks)) if marks else frozenset()
        times = struct.unpack(f"<{len(values) // 8}q", values)
        positions = (position for position in range(len(times) + len(dropped)) if position not in dropped)
        for at, position in zip(times, positions, strict=True):
            yield monitor, at, number, position


def _explain(wrong: Exception) -> str:
    text = str(wrong)
    if "locked" in text:
        return "in use by another endpoint"
    if "not a database" in text:
        return "not an SQLite file"
    if "unable to open" in text:
        return "cannot be opened: is the folder there, and writable?"
    return text
