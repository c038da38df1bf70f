"""The ledger of a seeding: the state of every batch, in `ledger.sqlite` in the run's folder.

Rule: a batch is unknown (planned, a function of the seed) → in doubt (committed before its first byte leaves) →
accepted (its 200 was read, or the service shows it). So after kill -9 at any moment, the ledger has every batch that
may have arrived. Commits survive the process without fsync; a power cut may lose the last commits.

A ledger belongs to one identity: the same identity gives the same batches, so that a run can go on. If the identity
differs, an error names both values and what to do, and nothing is changed.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from uuid import UUID

import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.seed.period import PastPeriod
from loadgen.model import Noun
from loadgen.scenario import Scenario

FILE, LOCK = "ledger.sqlite", "ledger.lock"
VERSION = 2
SCHEMA = """
CREATE TABLE facts (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE batches (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, events BLOB NOT NULL,
    tried REAL NOT NULL, accepted REAL
);
CREATE INDEX in_doubt ON batches (number) WHERE accepted IS NULL;
CREATE INDEX by_time ON batches (first, number);
"""
ID_BYTES = 16
OWNER_ONLY = 0o600
OTHER_FOLDER = "name another folder"

RUN_TAG = "loadgen:run"
"""Key of the tag on every app monitor that a run creates; its value is the run's id."""

NON_TRAFFIC_FIELDS: dict[str, bool | dict[str, bool]] = dict.fromkeys(
    ("description", "thresholds", "seed", "duration"), True
)
"""Fields of a scenario that change no byte of a period's traffic."""

MONITOR_TRAFFIC_FIELDS = frozenset({"domain", "sample_rate", "telemetries", "custom_events", "version"})


class SeedIdentity(Noun):
    """Everything that determines the batches of a seeding, and the app monitor that gets them."""

    run: str  # UUID, the value of the tag RUN_TAG
    scenario: str
    fingerprint: str  # of the scenario's traffic, factors on the command line included
    seed: int
    target: str  # data plane URL
    region: str
    monitor: str
    monitor_id: str  # empty until the monitor is created
    period_as_given: str  # as on the command line, such as "--days 7"
    period: PastPeriod


def fingerprint_traffic(scenario: Scenario) -> str:
    """Return 16 hex digits that change whenever the scenario's traffic changes."""
    monitor = {name: True for name in type(scenario.monitor).model_fields if name not in MONITOR_TRAFFIC_FIELDS}
    text = scenario.model_dump_json(exclude={**NON_TRAFFIC_FIELDS, "monitor": monitor})
    return blake2b(text.encode(), digest_size=8).hexdigest()


def check_identity(kept: SeedIdentity, wanted: SeedIdentity, where: str) -> None:
    """Raise LoadgenError if a ledger belongs to another identity, with one line for each difference."""
    found = [
        f"it belongs to {name} {ours}, not {theirs or 'none'}; {advice}, or "
        for name, ours, theirs, advice in _list_identity_fields(kept, wanted)
        if ours != theirs
    ]
    if kept.monitor_id and kept.monitor_id != wanted.monitor_id:
        now = f"one that was made since has its name (id {wanted.monitor_id})" if wanted.monitor_id else "it is gone"
        found.append(f"its events went to the app monitor {kept.monitor} with the id {kept.monitor_id}; {now}; ")
    if kept.period_as_given != wanted.period_as_given and kept.period != wanted.period:
        found.append(
            f"it belongs to the period {kept.period} ({kept.period_as_given}), not {wanted.period} "
            f"({wanted.period_as_given}); ask for that one again ({kept.period_as_given}), or "
        )
    if found:
        other = "give --out another folder to begin a new one; nothing was changed"
        raise LoadgenError(*(f"{where}: {line}{other}" for line in found))


def _list_identity_fields(kept: SeedIdentity, wanted: SeedIdentity) -> list[tuple[str, object, object, str]]:
    """Return the fields that must be equal: name, both values, and what to do if they differ."""
    undo = "undo the change of the scenario (or of --rate, --sample-rate)"
    return [
        ("scenario", kept.scenario, wanted.scenario, f"seed {kept.scenario}"),
        ("traffic with the fingerprint", kept.fingerprint, wanted.fingerprint, undo),
        ("seed", kept.seed, wanted.seed, f"give --seed {kept.seed}"),
        ("target", kept.target, wanted.target, "give the same --target and region"),
        ("app monitor", kept.monitor, wanted.monitor, f"give --monitor {kept.monitor}"),
    ]


class BatchEntry(Noun):
    """The entry of a batch that was sent or was about to be sent; times in Unix seconds."""

    number: int
    id: str
    first: int  # first and last timestamp of the batch's events, as sent
    last: int
    events: bytes  # the events' ids, 16 bytes each
    tried: float  # time just before the last attempt
    accepted: float | None = None  # time at which acceptance was known; None: in doubt

    @property
    def ids(self) -> list[bytes]:
        """The ids of the batch's events, 16 bytes each."""
        return [self.events[place : place + ID_BYTES] for place in range(0, len(self.events), ID_BYTES)]


class LedgerTotals(Noun):
    """Counts of batches and events that were accepted or are in doubt."""

    accepted: int = 0
    accepted_events: int = 0
    in_doubt: int = 0
    in_doubt_events: int = 0


UNWRITABLE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})


class BatchLedger:
    """The ledger of one run, for a `with` statement; one writer at a time.

    Raises LoadgenError when the folder has no ledger, another process writes it, or it is damaged.
    """

    def __init__(self, folder: Path, write: bool = False) -> None:
        self.path = folder / FILE
        self._lock = (folder / LOCK).open("w") if write else None
        if self._lock is not None:
            _lock_file(self._lock.fileno(), folder)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, OWNER_ONLY))
        elif not self.path.is_file():
            raise LoadgenError(f"{folder}: has no {FILE}; name the folder of a `loadgen seed`")
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None)
            self._prepare()
        except sqlite3.Error as error:
            raise self._explain_damage(error) from error

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        self._is_empty = version == tables == 0  # a process died before it created the tables
        if not self._is_empty and version != VERSION:
            raise LoadgenError(f"{self.path}: no ledger of this version of loadgen (format {version}); {OTHER_FOLDER}")
        if self._lock is not None:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            if self._is_empty:
                self._db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT")
                self._is_empty = False

    def __enter__(self) -> BatchLedger:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._db.close()
        if self._lock is not None:
            self._lock.close()
        if isinstance(error, sqlite3.DatabaseError):
            raise self._explain_damage(error) from error

    def _explain_damage(self, reason: object) -> LoadgenError:
        if getattr(reason, "sqlite_errorcode", 0) & 0xFF in UNWRITABLE:
            return LoadgenError(f"{self.path}: cannot be written ({reason}); make room, and the same command goes on")
        return LoadgenError(f"{self.path}: cannot be read as a ledger ({reason}); {OTHER_FOLDER}")

    @property
    def identity(self) -> SeedIdentity | None:
        """The identity that the ledger belongs to; None while the ledger is new."""
        value = self.read_fact("identity")
        try:
            return None if value is None else msgspec.json.decode(value, type=SeedIdentity)
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._explain_damage(error) from error

    def keep_identity(self, identity: SeedIdentity) -> None:
        """Store the identity that the ledger belongs to."""
        self.keep_fact("identity", msgspec.json.encode(identity))

    def claim(self, identity: SeedIdentity) -> None:
        """Store the identity in a new ledger; raise LoadgenError if the ledger belongs to another identity."""
        kept = self.identity
        if kept is None:
            self.keep_identity(identity)
        else:
            check_identity(kept, identity, str(self.path))

    @property
    def finished(self) -> bool:
        """Whether the whole past was accepted."""
        return self.read_fact("finished") is not None

    @property
    def learned_rate(self) -> float | None:
        """Requests a second that this run or an earlier one learned to be the quota; None if none was learned."""
        value = self.read_fact("learned_rate")
        try:
            return None if value is None else float(value)
        except ValueError as error:
            raise self._explain_damage(error) from error

    def keep_fact(self, key: str, value: bytes) -> None:
        """Store a fact under its key: identity, finished, learned_rate, probe."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, value))

    def read_fact(self, key: str) -> bytes | None:
        """Return the fact that is stored under a key; None if there is none."""
        if self._is_empty:
            return None
        row = self._db.execute("SELECT CAST(value AS BLOB) FROM facts WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def find_entry(self, number: int) -> BatchEntry | None:
        """Return the entry of a batch by its number; None if it was never about to be sent."""
        row = self._db.execute("SELECT * FROM batches WHERE number = ?", (number,)).fetchone()
        return None if row is None else self._read_entry(row)

    def mark_in_doubt(self, entries: Iterable[BatchEntry]) -> None:
        """Store the entries of batches that are about to be sent: from now on they may have arrived."""
        rows = [(e.number, UUID(e.id).bytes, e.first, e.last, e.events, e.tried) for e in entries]
        if rows:
            with self._db:
                self._db.execute("BEGIN")
                self._db.executemany("INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?, ?, ?, NULL)", rows)

    def mark_accepted(self, numbers: Iterable[int], at: float) -> None:
        """Record that batches were accepted; `at` is the Unix time at which that was known."""
        rows = [(at, number) for number in numbers]
        if rows:
            with self._db:
                self._db.execute("BEGIN")
                self._db.executemany("UPDATE batches SET accepted = ? WHERE number = ? AND accepted IS NULL", rows)

    def count_totals(self) -> LedgerTotals:
        """Count the ledger's batches and events."""
        row = self._db.execute(
            "SELECT count(accepted), coalesce(sum(length(events)) FILTER (WHERE accepted IS NOT NULL), 0),"
            " count(*) - count(accepted), coalesce(sum(length(events)) FILTER (WHERE accepted IS NULL), 0) FROM batches"
        ).fetchone()
        return LedgerTotals(row[0], row[1] // ID_BYTES, row[2], row[3] // ID_BYTES)

    def read_entries(self) -> Iterator[BatchEntry]:
        """Yield the entries of all batches in the order of their first event."""
        return map(self._read_entry, self._db.execute("SELECT * FROM batches ORDER BY first, number"))

    def _read_entry(self, row: tuple[object, ...]) -> BatchEntry:
        """Read an entry from its row; in a damaged or foreign file any column may hold any type."""
        names = BatchEntry.__struct_fields__
        try:
            values = dict(zip(names, row, strict=True)) | {"id": str(UUID(bytes=row[1]))}  # type: ignore[arg-type]
            return msgspec.convert(values, BatchEntry, builtin_types=(bytes,))
        except (ValueError, TypeError) as error:
            raise self._explain_damage(error) from error


def _lock_file(descriptor: int, folder: Path) -> None:
    """Lock the folder; the kernel releases the lock when the process ends, however it ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise LoadgenError(f"{folder}: another loadgen is seeding from it; wait for it, or stop it") from error
