"""What the endpoint keeps, in one SQLite file or in memory: app monitors, metric definitions, accepted batches.

Rule: a change is durable after `commit` and not before, so a 200 is sent after it (`RumService.handle` commits each
request, the server once for all requests of one pass of its event loop). The journal is a WAL with synchronous=NORMAL:
committed data survives kill -9 of the process; a power cut may lose the last commits but never damages the file. A
batch is kept as it came over the wire, and decoded when it is read.
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
"""Share of the batches that leave a full memory at once."""


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
    times: list[int]  # Unix milliseconds of the accepted events, in the order of the body
    dropped: list[int]  # positions of the other events


class Store:
    """One SQLite connection and a write-through cache of the monitors."""

    def __init__(self, path: Path | str | None = None) -> None:
        """Open a file, or make it, for the owner alone to read; None: in memory. Raises EndpointError."""
        self._open = False  # inside a transaction
        self._spoilt = False
        self._monitors: dict[int, AppMonitor] = {}
        self._by_name: dict[str, AppMonitor] = {}
        self._by_id: dict[str, AppMonitor] = {}
        self.is_in_memory = not path
        self.kept_bytes = 0  # of the bodies kept since the start
        self._rows: list[tuple[Any, ...]] = []  # of batches that are written all at once, before anything else is done
        self._db = open_database(path)
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
        return self._db.execute(statement, values)

    def write_many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement that writes for each row."""
        self._begin()
        self._db.executemany(statement, rows)

    def read(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        if self._rows:
            self._begin()
        return self._db.execute(statement, values).fetchall()

    def _begin(self) -> None:
        """Begin a transaction unless there is one, and write the batches that wait."""
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
        """Undo what was written since the last commit."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._open = self._spoilt = False
        self._rows.clear()
        self._load()

    def close(self) -> None:
        """Commit and close; the log is folded into the file."""
        self.commit()
        self._db.close()

    # App monitors

    def list_monitors(self) -> list[AppMonitor]:
        """All monitors in the order of their names; a deleted one too, until another takes its name."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def list_all_monitors(self) -> list[AppMonitor]:
        """All monitors, deleted ones too, in the order of creation."""
        return list(self._monitors.values())

    def find_named(self, name: str) -> AppMonitor | None:
        """The monitor of a name; a deleted one too, until another takes its name."""
        return self._by_name.get(name)

    def find_active(self, monitor_id: str) -> AppMonitor | None:
        """The monitor of an id, if it has not been deleted."""
        return self._by_id.get(monitor_id)

    def find_ever(self, monitor_id: str) -> AppMonitor | None:
        """The monitor of an id, deleted or not."""
        return next((monitor for monitor in self._monitors.values() if monitor.id == monitor_id), None)

    def find_next_number(self) -> int:
        """The row that the next new monitor gets."""
        return max(self._monitors, default=0) + 1

    def put(self, monitor: AppMonitor) -> None:
        """Keep a new or changed monitor."""
        record = msgspec.json.encode(monitor)
        self.write("INSERT OR REPLACE INTO monitors VALUES (?, ?, ?)", monitor.number, monitor.id, record)
        self._monitors[monitor.number] = monitor
        self._index()

    def remove(self, monitor: AppMonitor) -> None:
        """Forget a monitor and all that was kept for it."""
        self.write("DELETE FROM monitors WHERE number = ?", monitor.number)
        for table in ("destinations", "definitions", "batches", "event_times", "indexed", "counted"):
            self.write(f"DELETE FROM {table} WHERE monitor = ?", monitor.number)
        del self._monitors[monitor.number]
        self._index()

    # Batches

    def keep(self, monitor: AppMonitor, batch: StoredBatch, last: int) -> None:
        """Keep an accepted batch until `last` (Unix milliseconds), the time of its last event, is too long ago."""
        dropped = msgspec.json.encode(batch.dropped) if batch.dropped else None
        times = array("q", batch.times).tobytes()
        self._rows.append((monitor.number, last, len(batch.times), times, dropped, batch.body))
        self.kept_bytes += len(batch.body)

    def count(self, monitor: int, requests: int, events: int, dropped: int) -> None:
        """Count accepted requests and events that are not kept, and events that were dropped, of a monitor's row."""
        self.write(_COUNT, monitor, requests, events, dropped)

    def read_body(self, monitor: AppMonitor, number: int) -> bytes | None:
        """The body of a monitor's batch in a row, if it is there."""
        rows = self.read("SELECT body FROM batches WHERE number = ? AND monitor = ?", number, monitor.number)
        return bytes(rows[0][0]) if rows else None

    def count_accepted(self, monitor: AppMonitor | None) -> tuple[int, int, int]:
        """Accepted requests and events of a monitor, or of all, and their dropped events since the start."""
        where, values = ("WHERE monitor = ?", (monitor.number,)) if monitor else ("", ())
        kept = self.read(f"SELECT count(*), coalesce(sum(events), 0) FROM batches {where}", *values)[0]
        sums = "coalesce(sum(requests), 0), coalesce(sum(events), 0), coalesce(sum(dropped), 0)"
        counted = self.read(f"SELECT {sums} FROM counted {where}", *values)[0]
        return kept[0] + counted[0], kept[1] + counted[1], counted[2]


# What leaves the store: whatever a client can make grow has a bound here or in the settings (README, "Bounds")


def expire(store: Store, now: float, retention: float) -> None:
    """Drop batches whose last event is older than `retention` seconds, and monitors deleted so long ago."""
    before = int((now - retention) * 1000)
    store.write("DELETE FROM event_times WHERE batch IN (SELECT number FROM batches WHERE last < ?)", before)
    store.write("DELETE FROM batches WHERE last < ?", before)
    for monitor in _list_deleted(store):
        if (monitor.deleted or 0.0) < now - retention:
            store.remove(monitor)


def forget_deleted_monitors(store: Store) -> None:
    """Keep a bounded number of deleted monitors, the latest ones."""
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
    """Deleted monitors, the one deleted first at the front."""
    deleted = [monitor for monitor in store.list_all_monitors() if monitor.deleted is not None]
    return sorted(deleted, key=lambda monitor: monitor.deleted or 0.0)
