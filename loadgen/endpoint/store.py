"""What the endpoint keeps, in one SQLite file or in memory: app monitors, metric definitions, accepted batches.

Rule: a change is durable after `commit` and not before, so a 200 is sent after it (`RumService.handle` commits each
request, the server once for all requests of one pass of its event loop). The journal is a WAL with synchronous=NORMAL:
committed data survives kill -9 of the process; a power cut may lose the last commits but never damages the file. A
batch is kept as it came over the wire, and decoded when it is read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from loadgen.errors import EndpointError
from loadgen.model import Noun

VERSION = 1
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
    number INTEGER PRIMARY KEY, monitor INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    events INTEGER NOT NULL, dropped BLOB, zipped INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX batches_of ON batches (monitor, number, first, last, events);
"""

_INSERT = "INSERT INTO batches (monitor, first, last, events, dropped, zipped, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
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
    created: str  # ISO 8601, seconds, UTC
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
    """A batch as kept; times in Unix milliseconds."""

    number: int
    first: int
    last: int
    dropped: tuple[int, ...]  # positions of events that were not accepted
    zipped: bool
    body: bytes


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

    def keep(
        self, monitor: AppMonitor, first: int, last: int, events: int, dropped: bytes | None, zipped: bool, body: bytes
    ) -> None:
        """Keep an accepted batch; `first` and `last` are the least and greatest event times in Unix milliseconds."""
        self._begin()
        self._db.execute(_INSERT, (monitor.number, first, last, events, dropped, zipped, body))

    def count(self, monitor: AppMonitor, requests: int, events: int, dropped: int) -> None:
        """Count accepted requests and events that are not kept, and events that were dropped."""
        self.write(_COUNT, monitor.number, requests, events, dropped)

    def read_batches(self, monitor: AppMonitor, start: int, first: int, last: int) -> Iterator[StoredBatch]:
        """Batches from row `start` on that may hold events between `first` and `last`, in the order of acceptance."""
        rows = self._db.execute(
            "SELECT number, first, last, dropped, zipped, body FROM batches"
            " WHERE monitor = ? AND number >= ? AND last >= ? AND first <= ? ORDER BY number",
            (monitor.number, start, first, last),
        )
        for number, low, high, dropped, zipped, body in rows:
            yield StoredBatch(
                number, low, high, tuple(msgspec.json.decode(dropped)) if dropped else (), bool(zipped), body
            )

    def count_accepted(self, monitor: AppMonitor | None) -> tuple[int, int, int]:
        """Accepted requests and events of a monitor, or of all, and their dropped events since the start."""
        where, values = ("WHERE monitor = ?", (monitor.number,)) if monitor else ("", ())
        kept = self.read(f"SELECT count(*), coalesce(sum(events), 0) FROM batches {where}", *values)[0]
        sums = "coalesce(sum(requests), 0), coalesce(sum(events), 0), coalesce(sum(dropped), 0)"
        counted = self.read(f"SELECT {sums} FROM counted {where}", *values)[0]
        return kept[0] + counted[0], kept[1] + counted[1], counted[2]

    def expire(self, before: int) -> None:
        """Drop batches whose last event is older than `before` (Unix milliseconds), and monitors long deleted."""
        self.write("DELETE FROM batches WHERE last < ?", before)


def _explain(wrong: Exception) -> str:
    text = str(wrong)
    if "locked" in text:
        return "in use by another endpoint"
    if "not a database" in text:
        return "not an SQLite file"
    if "unable to open" in text:
        return "cannot be opened: is the folder there, and writable?"
    return text
