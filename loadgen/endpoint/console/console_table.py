"""The console's table of events in DuckDB, which follows the endpoint's store, and the scope of a view: its rows.

Rule: the first question reads the store, slice by slice between the requests of other clients; later questions read the
batches that came since, in the order of their rows. Rows of batches that have left the store leave the table. One other
thread decodes batches and answers questions, so that the endpoint goes on answering. The
room's README has the measurements by which DuckDB was chosen over Arrow's compute functions.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from loadgen.endpoint.console.columns import COLUMNS, DIMENSIONS, Row, StoredRow, Words, read_rows
from loadgen.endpoint.service_error import ValidationException
from loadgen.endpoint.settings import YEAR_10000
from loadgen.endpoint.store import Store
from loadgen.model import Noun

MOST_EVENTS = 5_000_000
"""Events at most, at about 100 bytes of memory each; beyond, the oldest batches leave the table."""

CUT_SHARE = 10
"""A full table drops one in this many batches at once."""

_NUMPY = {"INTEGER": "i4", "BIGINT": "i8", "DOUBLE": "f8"}

_CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "threads": 2,
}
"""DuckDB's settings: it may compute, but read no file and fetch nothing."""


class ConsoleTable:
    """A table of events as rows of numbers, with the words that the numbers stand for."""

    def __init__(self) -> None:
        import duckdb  # the import takes 0.1 s, so it waits until somebody opens the console

        self.words = Words()
        self.last_batch = 0  # the highest row of the store that the table has
        self.events = 0
        self.first_batch = 0  # the table has no events of rows before this one
        self.is_cut = False  # whether older events have left the full table
        self.unreadable = 0  # batches that could not be decoded: the file is damaged
        self._db = duckdb.connect(":memory:", config=_CONFIGURATION)
        self._db.execute(f"CREATE TABLE events ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")

    def append(self, stored: Sequence[StoredRow]) -> None:
        """Add the events of batches; their rows follow those added before."""
        import numpy as np  # imported late, as duckdb is

        rows: list[Row] = []
        for each in stored:
            try:
                rows += read_rows(each, self.words)
            except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.unreadable += 1
        self.last_batch = max(self.last_batch, stored[-1][0]) if stored else self.last_batch
        if not rows:
            return
        chunk = {
            name: np.array(values, dtype=_NUMPY[COLUMNS[name]])
            for name, values in zip(COLUMNS, zip(*rows, strict=True), strict=True)
        }
        self._db.register("chunk", chunk)
        names = ", ".join("nullif(value, 'NaN'::DOUBLE)" if name == "value" else name for name in COLUMNS)
        self._db.execute(f"INSERT INTO events SELECT {names} FROM chunk")
        self._db.unregister("chunk")
        self.events += len(rows)
        if self.events > MOST_EVENTS:
            self._cut()

    def _cut(self) -> None:
        """Delete the events of the oldest tenth of the batches."""
        first, last = self.ask("SELECT min(batch), max(batch) FROM events", [])[0]
        self.drop_before(first + (last - first) // CUT_SHARE + 1)
        self.is_cut = True

    def drop_before(self, batch: int) -> None:
        """Delete the events of batches before a row: these batches have left the store."""
        self._db.execute("DELETE FROM events WHERE batch < ?", [batch])
        self.first_batch = batch
        self.events = self.ask("SELECT count(*) FROM events", [])[0][0]

    def clear(self) -> None:
        """Delete all events: the store was replaced, so its rows are other batches now."""
        self._db.execute("DELETE FROM events")
        self.last_batch = self.first_batch = self.events = 0

    def ask(self, question: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of an SQL query."""
        return self._db.execute(question, list(values)).fetchall()

    def ask_named(self, question: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the rows of an SQL query, each a dict by column name."""
        found = self._db.execute(question, list(values))
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


STEPS_MS = tuple(
    seconds * 1000
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
)
"""Lengths that the equal parts of a plot's time may have, in milliseconds."""

MOST_PARTS = 120


class Scope(Noun):
    """The events that a view is about: those of a monitor from `start` to before `end`, in Unix milliseconds."""

    monitor: int  # AppMonitor.number
    start: int
    end: int
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()  # column: the values that an event may have in it

    @property
    def length(self) -> int:
        """Length of the scope in milliseconds."""
        return self.end - self.start

    @property
    def before(self) -> Scope:
        """The scope of the same length that ends where this one starts."""
        return msgspec.structs.replace(self, start=self.start - self.length, end=self.start)

    @property
    def step(self) -> int:
        """Length of one part of a plot in milliseconds."""
        day = STEPS_MS[-1]
        return next(
            (step for step in STEPS_MS if self.length / step <= MOST_PARTS), -(-self.length // MOST_PARTS // day) * day
        )

    @property
    def size(self) -> int:
        """Number of parts of a plot."""
        return -(-self.length // self.step)

    def write_condition(self, words: Words) -> tuple[str, list[Any]]:
        """Return the WHERE condition of an SQL query for the scope, and its values."""
        parts, values = ["monitor = ? AND ms >= ? AND ms < ?"], [self.monitor, self.start, self.end]
        for column, texts in self.filters:
            numbers = [number for text in texts if (number := words.find(text)) is not None]
            parts.append(f"{column} IN ({', '.join('?' * len(numbers))})" if numbers else "FALSE")
            values += numbers
        return " AND ".join(parts), values


def read_scope(query: dict[str, list[str]], monitor: int) -> Scope:
    """Read a scope from a query's from, to, page, browser, os, device, country; raises ValidationException."""
    start, end = (read_integer(query, name, 0, YEAR_10000) for name in ("from", "to"))
    if start >= end:
        raise ValidationException("'from' must be before 'to', both in Unix milliseconds")
    filters = tuple((column, tuple(query[column])) for column in DIMENSIONS if query.get(column))
    return Scope(monitor, start, end, filters)


def read_integer(query: dict[str, list[str]], name: str, low: int, high: int, default: int | None = None) -> int:
    """Read a whole number from the query string; raises ValidationException unless it is from `low` to `high`."""
    text = query.get(name, [""])[-1]
    if not text and default is not None:
        return default
    try:
        number = int(text[:20])
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise ValidationException(f"'{name}' must be a whole number from {low} to {high}")
    return number


SLICE = 100
"""Batches read from the store at once."""

PATIENCE_SECONDS = 0.25
"""Seconds that a view waits for new batches to be read; then it shows what the table has so far."""


class FollowedTable:
    """The console's table of a store, created by the first question. `close` ends its thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, "console")
        self._table: ConsoleTable | None = None
        self._reading: asyncio.Task[None] | None = None
        self.newest = 0  # the highest row of the store's batches

    def close(self) -> None:
        """End the thread without waiting for its remaining work."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def ask(self, question: Callable[..., Any], *values: Any) -> Any:
        """Call `question(table, *values)` in the table's thread, after the table has read new batches for a moment."""
        table = await self.follow()
        return await asyncio.get_running_loop().run_in_executor(self._thread, question, table, *values)

    async def follow(self) -> ConsoleTable:
        """Let the table read new batches of the store; return when it has them all, or after PATIENCE_SECONDS."""
        loop = asyncio.get_running_loop()
        if self._table is None:
            self._table = await loop.run_in_executor(self._thread, ConsoleTable)
        if self._reading is None or self._reading.done():
            self._reading = loop.create_task(self._read_store(self._table))
        await asyncio.wait({self._reading}, timeout=PATIENCE_SECONDS)
        if self._reading.done():
            self._reading.result()
        return self._table

    async def _read_store(self, table: ConsoleTable) -> None:
        run = asyncio.get_running_loop().run_in_executor
        while True:
            while self._store.has_uncommitted:  # the server commits at the end of this pass of its event loop
                await asyncio.sleep(0)
            first, newest = self._store.read("SELECT min(number), max(number) FROM batches")[0]
            self.newest = newest or 0
            if self.newest < table.last_batch:
                await run(self._thread, table.clear)
            elif first is not None and table.first_batch < first:
                await run(self._thread, table.drop_before, first)
            rows = self._store.read(
                "SELECT number, monitor, times, dropped, body FROM batches WHERE number > ? ORDER BY number LIMIT ?",
                *(table.last_batch, SLICE),
            )
            if not rows:
                return
            await run(self._thread, table.append, rows)
