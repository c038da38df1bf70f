"""The console's table, kept in step with the endpoint's store, and asked in a thread of its own.

Rule: the first question reads the store, slice by slice between the requests of other clients, and later ones read what
came since. Batches are decoded and questions answered in one other thread, so that the endpoint goes on answering.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from loadgen.endpoint.console.console_table import ConsoleTable
from loadgen.endpoint.store import Store

SLICE = 100
"""Batches that are read from the store at once."""

PATIENCE_SECONDS = 0.25
"""How long a view waits for what the store has got; then it shows what was read so far."""


class FollowedTable:
    """The table of a store, made when somebody asks for the first time. `close` ends its thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, "console")
        self._table: ConsoleTable | None = None
        self._reading: asyncio.Task[None] | None = None
        self.newest = 0  # the highest row of the store

    def close(self) -> None:
        """End the thread, without waiting for what it still has to do."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def ask(self, question: Callable[..., Any], *values: Any) -> Any:
        """Ask the table in its thread, after it has read on for a moment."""
        table = await self.follow()
        return await asyncio.get_running_loop().run_in_executor(self._thread, question, table, *values)

    async def follow(self) -> ConsoleTable:
        """Let the table read what the store has got; come back when it has, or when patience ends."""
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
            while self._store.has_uncommitted:  # the server commits in this pass of its event loop
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
