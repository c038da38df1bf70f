"""Create or open the store's SQLite file, check it, and explain in words what is wrong with it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from loadgen.errors import EndpointError

MAGIC = b"SQLite format 3\0"
"""How an SQLite file begins (sqlite.org, "Database File Format", 1.3.1)."""

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

COUNTED = (
    "CREATE TEMP TABLE counted (monitor INTEGER PRIMARY KEY, requests INTEGER NOT NULL, events INTEGER NOT NULL,"
    " dropped INTEGER NOT NULL)"
)
"""A table of counts since the start: accepted requests and events that are not kept, and dropped events."""

CHECKPOINT_PAGES = 8192
"""32 MiB of log before it is folded into the file, so that the fold's fsync is rare under load."""

EXPLANATIONS = {
    "locked": "in use by another endpoint",
    "not a database": "not an SQLite file",
    "unable to open": "cannot be opened: is the folder there, and writable?",
    "readonly": "cannot be written: the file or its folder is read-only",
    "malformed": "a damaged SQLite file",
    "no such table": "a damaged SQLite file: a table is missing",
    "full": "the disk is full",
}
"""Explanations that help the user, by a part of SQLite's own message."""


def open_database(path: Path | str | None, instead: str) -> sqlite3.Connection:
    """Open the store's file, or create it with access for its owner alone; None: in memory.

    Raises EndpointError, whose message ends with what to do `instead`.
    """
    database: sqlite3.Connection | None = None
    try:
        if path:
            _make_file(Path(path))
        database = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=0.0, check_same_thread=False)
        _prepare(database)
    except (sqlite3.Error, OSError, ValueError, EndpointError) as wrong:  # ValueError: a null byte in the name
        if database is not None:
            database.close()
        raise EndpointError(f"store {path}: {_explain(wrong)}; {instead}") from wrong
    return database


def _prepare(database: sqlite3.Connection) -> None:
    problem = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise EndpointError(f"a damaged SQLite file: {problem.splitlines()[-1]}")
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, VERSION):
        raise EndpointError(f"written by another version of loadgen (format {version})")
    if version == 0 and database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise EndpointError("an SQLite file of another program")
    # One process owns the file: no shared-memory index, and a second endpoint is told so at once.
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    database.execute("BEGIN IMMEDIATE")
    if version == 0:
        for statement in SCHEMA.split(";")[:-1]:
            database.execute(statement)
        database.execute(f"PRAGMA user_version={VERSION}")
    database.execute("COMMIT")
    database.execute("PRAGMA temp_store=MEMORY")
    database.execute(COUNTED)


def _make_file(path: Path) -> None:
    """Create the file. An existing file must be SQLite's or empty, because SQLite overwrites a very short file."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise EndpointError("not a regular file") from None
        with path.open("rb") as file:
            if file.read(len(MAGIC)) not in (b"", MAGIC):
                raise EndpointError("not an SQLite file") from None


def _explain(wrong: Exception) -> str:
    """Return in words why a store cannot be opened."""
    if isinstance(wrong, OSError):
        return f"cannot be opened: {os.strerror(wrong.errno or 0)}"
    text = str(wrong)
    return next((words for part, words in EXPLANATIONS.items() if part in text), text)
