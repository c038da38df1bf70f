"""What became of every batch, in `ledger.sqlite` in the run's folder: written before a batch is sent, and after.

Rule: a batch is unknown (planned, a function of the seed) → in doubt (committed before its first byte leaves) →
accepted (its 200 was read, or the service shows it). So after kill -9 at any moment, every batch that may have arrived
is here. What is committed outlives the process without fsync; a power cut may cost the last commits.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.seed.identity import Identity, check
from loadgen.model import Noun

FILE, LOCK = "ledger.sqlite", "ledger.lock"
VERSION = 1
SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE batches (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, events BLOB NOT NULL,
    tried REAL NOT NULL, accepted REAL
);
CREATE INDEX doubts ON batches (number) WHERE accepted IS NULL;
CREATE INDEX by_time ON batches (first, number);
"""
ID_BYTES = 16


class Entry(Noun):
    """One batch that was sent, or was about to be; times in Unix seconds."""

    number: int
    id: str
    first: int  # least and greatest timestamp of its events, as sent
    last: int
    events: bytes  # the events' ids, 16 bytes each
    tried: float  # when the last attempt was about to begin
    accepted: float | None = None

    @property
    def ids(self) -> list[bytes]:
        """The events' ids."""
        return [self.events[place : place + ID_BYTES] for place in range(0, len(self.events), ID_BYTES)]


class Totals(Noun):
    """Batches and events by what is known of them."""

    accepted: int = 0
    accepted_events: int = 0
    in_doubt: int = 0
    in_doubt_events: int = 0


class Ledger:
    """The ledger of one run; one writer at a time."""

    def __init__(self, folder: Path, write: bool = False) -> None:
        self.path = folder / FILE
        self._lock = (folder / LOCK).open("w") if write else None
        if self._lock is not None:
            _take(self._lock.fileno(), folder)
        elif not self.path.is_file():
            raise LoadgenError(f"{folder}: has no {FILE}; name the folder of a `loadgen seed`")
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None)
            self._prepare()
        except sqlite3.Error as error:
            raise LoadgenError(f"{self.path}: cannot be opened as a ledger ({error})") from error

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise LoadgenError(f"{self.path}: written by another version of loadgen (format {version})")
        if self._lock is not None:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            if version == 0:
                self._db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT")

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        if self._lock is not None:
            self._lock.close()

    @property
    def identity(self) -> Identity | None:
        """What it belongs to; None while it is new."""
        value = self._about("identity")
        return None if value is None else msgspec.json.decode(value, type=Identity)

    def belong(self, identity: Identity) -> None:
        """Begin with this identity, or refuse if it has another one."""
        kept = self.identity
        if kept is None:
            self.note("identity", msgspec.json.encode(identity))
        else:
            check(kept, identity, str(self.path))

    @property
    def finished(self) -> bool:
        """Whether the whole past was accepted."""
        return self._about("finished") is not None

    def finish(self) -> None:
        """The whole past was accepted."""
        self.note("finished", b"1")

    @property
    def learnt(self) -> float | None:
        """Requests a second that were found to pass, by this run or one before it."""
        value = self._about("learnt")
        return None if value is None else float(value)

    def learn(self, rate: float) -> None:
        """So many requests a second pass."""
        self.note("learnt", str(rate).encode())

    def note(self, key: str, value: bytes) -> None:
        """Keep a fact."""
        self._db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (key, value))

    def fact(self, key: str) -> bytes | None:
        """A fact that was kept."""
        return self._about(key)

    def _about(self, key: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def known(self, number: int) -> Entry | None:
        """A batch by its number."""
        row = self._db.execute("SELECT * FROM batches WHERE number = ?", (number,)).fetchone()
        return None if row is None else _entry(row)

    def doubt(self, entries: Iterable[Entry]) -> None:
        """These are about to be sent: from now on they may have arrived."""
        rows = [(e.number, UUID(e.id).bytes, e.first, e.last, e.events, e.tried) for e in entries]
        if rows:
            with self._db:
                self._db.execute("BEGIN")
                self._db.executemany("INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?, ?, ?, NULL)", rows)

    def accept(self, numbers: Iterable[int], at: float) -> None:
        """These were accepted, known at Unix time `at`."""
        rows = [(at, number) for number in numbers]
        if rows:
            with self._db:
                self._db.execute("BEGIN")
                self._db.executemany("UPDATE batches SET accepted = ? WHERE number = ? AND accepted IS NULL", rows)

    def totals(self) -> Totals:
        """Counts of everything."""
        row = self._db.execute(
            "SELECT count(accepted), coalesce(sum(length(events)) FILTER (WHERE accepted IS NOT NULL), 0),"
            " count(*) - count(accepted), coalesce(sum(length(events)) FILTER (WHERE accepted IS NULL), 0) FROM batches"
        ).fetchone()
        return Totals(row[0], row[1] // ID_BYTES, row[2], row[3] // ID_BYTES)

    def entries(self) -> Iterator[Entry]:
        """All batches in order of their first event."""
        return map(_entry, self._db.execute("SELECT * FROM batches ORDER BY first, number"))


def _take(descriptor: int, folder: Path) -> None:
    """The kernel gives the lock back when the process ends, however it ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise LoadgenError(f"{folder}: another loadgen is seeding from it; wait for it, or stop it") from error


def _entry(row: tuple[int, bytes, int, int, bytes, float, float | None]) -> Entry:
    number, batch_id, first, last, events, tried, accepted = row
    return Entry(number, str(UUID(bytes=bytes(batch_id))), first, last, bytes(events), tried, accepted)
