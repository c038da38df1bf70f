"""What the endpoint keeps, in one SQLite file or in memory: app monitors, metric definitions, accepted batches.

Rule: a change is durable after `commit` and not before, so a 200 is sent after the commit (the server commits once for
all requests of one pass of its event loop). The journal is a WAL with synchronous=NORMAL: committed data survives
kill -9 of the process; a power cut may lose the last commits but never damages the file. A batch is stored as it was
received and decoded when it is read.
"""

from __future__ import annotations

import contextlib
import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from loadgen.endpoint.store_file import open_database
from loadgen.errors import EndpointError
from loadgen.model import Noun

_INSERT = "INSERT INTO batches (monitor, last, events, times, dropped, body) VALUES (?, ?, ?, ?, ?, ?)"
_COUNT = (
    "INSERT INTO counted VALUES (?, ?, ?, ?) ON CONFLICT (monitor) DO UPDATE SET"
    " requests = requests + excluded.requests, events = events + excluded.events, dropped = dropped + excluded.dropped"
)

DELETED_MONITORS = 1000
"""Deleted app monitors that the ledger still knows; with one more, the one deleted first is forgotten."""

DROPPED_SHARE = 0.1
"""Share of the batches that a full store in memory drops at once."""


class AppMonitor(Noun):
    """An app monitor as the store keeps it."""

    number: int  # the monitor's row
    name: str
    id: str
    created: str  # ISO 8601, UTC, such as 2026-11-25T18:48:45.123456Z
    modified: str
    domains: tuple[str, ...]
    listed: bool  # the domains were given as DomainList, not as Domain
    configuration: dict[str, Any]
    custom_events: bool
    cw_log: bool
    platform: str
    deobfuscation: dict[str, Any] | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    active: bool = False  # the monitor has received events
    policy: str | None = None
    policy_revision: str | None = None
    policy_pinned: bool = False  # the caller chose a revision id, so later writers must name it
    deleted: float | None = None  # Unix time


class StoredBatch(Noun):
    """A batch to store: the body as it was received, and which of its events were accepted."""

    body: bytes
    times: list[int]  # Unix milliseconds of the accepted events, in the order of the body
    dropped: list[int]  # positions of the other events


class Store:
    """The endpoint's stored data: one SQLite connection and a write-through cache of the monitors."""

    def __init__(self, path: Path | str | None = None, instead: str = "give --store another file") -> None:
        """Open or create the SQLite file at `path`; None: in memory. EndpointError says what to do `instead`."""
        self._open = False  # inside a transaction
        self._spoilt = False  # a write failed, so the next commit must fail
        self._monitors: dict[int, AppMonitor] = {}
        self._by_name: dict[str, AppMonitor] = {}
        self._by_id: dict[str, AppMonitor] = {}
        self.is_in_memory = not path
        self.kept_bytes = 0  # of the bodies kept since the start
        self.writes = 0  # statements since the start, except those that insert batches
        self._rows: list[tuple[Any, ...]] = []  # new batches: they are inserted together, before any other statement
        self._db = open_database(path, instead)
        try:
            self._load()
        except (sqlite3.Error, msgspec.DecodeError) as wrong:
            self._db.close()
            raise EndpointError(f"store {path}: a damaged file: a monitor in it cannot be read ({wrong})") from wrong

    def _load(self) -> None:
        self._monitors.clear()
        for (record,) in self._db.execute("SELECT record FROM monitors"):
            monitor = msgspec.json.decode(record, type=AppMonitor)
            self._monitors[monitor.number] = monitor
        self._index()

    def _index(self) -> None:
        present = [monitor for monitor in self._monitors.values() if monitor.deleted is None]
        self._by_name = {monitor.name: monitor for monitor in self._monitors.values()}
        self._by_name |= {monitor.name: monitor for monitor in present}
        self._by_id = {monitor.id: monitor for monitor in present}

    # Transactions

    def write(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement that writes; the next commit makes it durable."""
        self._begin()
        self.writes += 1
        return self._db.execute(statement, values)

    def write_many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement that writes for each row."""
        self._begin()
        self._db.executemany(statement, rows)

    def read(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        if self._rows:
            self._begin()
        return self._db.execute(statement, values).fetchall()

    def _begin(self) -> None:
        """Begin a transaction unless one is open, and insert the new batches."""
        if not self._open:
            self._db.execute("BEGIN")
            self._open = True
        if self._rows:
            rows, self._rows = self._rows, []
            try:
                self._db.executemany(_INSERT, rows)
            except sqlite3.Error:
                self.spoil()
                raise

    @property
    def has_uncommitted(self) -> bool:
        """Whether something was written since the last commit."""
        return self._open or bool(self._rows)

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo the writes of the `with` block if it raises; earlier writes of the transaction stay."""
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
        """Make the next commit fail: SQLite refused a write and may have undone earlier ones."""
        self._spoilt = True

    def commit(self) -> None:
        """Make all writes so far durable; on failure undo those since the last commit and raise sqlite3.Error."""
        if not self.has_uncommitted:
            return
        try:
            if self._spoilt:
                raise sqlite3.OperationalError("a write of this transaction failed")
            self._begin()
            self._db.execute("COMMIT")
        except sqlite3.Error:
            self.rollback()
            raise
        self._open = False

    def rollback(self) -> None:
        """Undo the writes since the last commit."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._open = self._spoilt = False
        self._rows.clear()
        self._load()

    def close(self) -> None:
        """Commit and close the database; SQLite then merges its write-ahead log into the file."""
        self.commit()
        self._db.close()

    # App monitors

    def list_monitors(self) -> list[AppMonitor]:
        """Return all monitors by name. A deleted monitor is among them until another monitor takes its name."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def list_present(self) -> list[AppMonitor]:
        """Return the monitors that are not deleted, by name."""
        return [monitor for monitor in self.list_monitors() if monitor.deleted is None]

    def list_all_monitors(self) -> list[AppMonitor]:
        """Return all monitors, deleted ones too, in the order of creation."""
        return list(self._monitors.values())

    def find_named(self, name: str) -> AppMonitor | None:
        """Return the monitor with this name, even if it is deleted and no other monitor has taken the name."""
        return self._by_name.get(name)

    def find_active(self, monitor_id: str) -> AppMonitor | None:
        """Return the monitor with this id unless it has been deleted."""
        return self._by_id.get(monitor_id)

    def find_ever(self, monitor_id: str) -> AppMonitor | None:
        """Return the monitor with this id, deleted or not."""
        return next((monitor for monitor in self._monitors.values() if monitor.id == monitor_id), None)

    def find_next_number(self) -> int:
        """Return the row that the next new monitor gets."""
        return max(self._monitors, default=0) + 1

    def put(self, monitor: AppMonitor) -> None:
        """Write a new or changed monitor."""
        record = msgspec.json.encode(monitor)
        self.write("INSERT OR REPLACE INTO monitors VALUES (?, ?, ?)", monitor.number, monitor.id, record)
        self._monitors[monitor.number] = monitor
        self._index()

    def remove(self, monitor: AppMonitor) -> None:
        """Delete a monitor with everything that is stored for it."""
        self.write("DELETE FROM monitors WHERE number = ?", monitor.number)
        for table in ("destinations", "definitions", "batches", "event_times", "indexed", "counted"):
            self.write(f"DELETE FROM {table} WHERE monitor = ?", monitor.number)
        del self._monitors[monitor.number]
        self._index()

    # Batches

    def keep(self, monitor: AppMonitor, batch: StoredBatch, last: int) -> None:
        """Store an accepted batch; it expires when `last`, its last event's time in Unix milliseconds, is too old."""
        dropped = msgspec.json.encode(batch.dropped) if batch.dropped else None
        times = array("q", batch.times).tobytes()
        self._rows.append((monitor.number, last, len(batch.times), times, dropped, batch.body))
        self.kept_bytes += len(batch.body)

    def count(self, monitor: int, requests: int, events: int, dropped: int) -> None:
        """Add to the counts of the monitor in row `monitor`: its requests and events that are not kept, and drops."""
        self.write(_COUNT, monitor, requests, events, dropped)

    def read_body(self, monitor: AppMonitor, number: int) -> bytes | None:
        """Return the body of a monitor's batch in row `number`; None if there is none."""
        rows = self.read("SELECT body FROM batches WHERE number = ? AND monitor = ?", number, monitor.number)
        return bytes(rows[0][0]) if rows else None

    def count_accepted(self, monitor: AppMonitor | None) -> tuple[int, int, int]:
        """Count requests and events accepted, and events dropped since the start, of a monitor or of all (None)."""
        where, values = ("WHERE monitor = ?", (monitor.number,)) if monitor else ("", ())
        kept = self.read(f"SELECT count(*), coalesce(sum(events), 0) FROM batches {where}", *values)[0]
        sums = "coalesce(sum(requests), 0), coalesce(sum(events), 0), coalesce(sum(dropped), 0)"
        counted = self.read(f"SELECT {sums} FROM counted {where}", *values)[0]
        return kept[0] + counted[0], kept[1] + counted[1], counted[2]


# What leaves the store: whatever a client can make grow has a bound here or in the settings (README, "Bounds")


def expire(store: Store, now: float, retention: float) -> None:
    """Delete batches whose last event is older than `retention` seconds, and monitors that were deleted before that."""
    before = int((now - retention) * 1000)
    store.write("DELETE FROM event_times WHERE batch IN (SELECT number FROM batches WHERE last < ?)", before)
    store.write("DELETE FROM batches WHERE last < ?", before)
    for monitor in _list_deleted(store):
        if (monitor.deleted or 0.0) < now - retention:
            store.remove(monitor)


def forget_deleted_monitors(store: Store) -> None:
    """Delete all but the latest DELETED_MONITORS of the deleted monitors."""
    for monitor in _list_deleted(store)[:-DELETED_MONITORS]:
        store.remove(monitor)


def make_room(store: Store, limit: int) -> None:
    """Drop the oldest batches of a store in memory that holds more than `limit` bytes; the ledger still counts them."""
    if store.kept_bytes <= limit or not store.is_in_memory:
        return
    first, last = store.read("SELECT min(number), max(number) FROM batches")[0]
    end = first + int((last - first) * DROPPED_SHARE)
    for number, requests, events in store.read(
        "SELECT monitor, count(*), sum(events) FROM batches WHERE number <= ? GROUP BY monitor", end
    ):
        store.count(number, requests, events, 0)
    store.kept_bytes -= store.read("SELECT sum(length(body)) FROM batches WHERE number <= ?", end)[0][0]
    store.write("DELETE FROM event_times WHERE batch <= ?", end)
    store.write("DELETE FROM batches WHERE number <= ?", end)


def _list_deleted(store: Store) -> list[AppMonitor]:
    """Return the deleted monitors in the order of their deletion."""
    deleted = [monitor for monitor in store.list_all_monitors() if monitor.deleted is not None]
    return sorted(deleted, key=lambda monitor: monitor.deleted or 0.0)
