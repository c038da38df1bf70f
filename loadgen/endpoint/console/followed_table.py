"""A table that follows the endpoint's store and answers questions in a thread of its own.

Rule: the first question reads the store, slice by slice between the requests of other clients; later questions read the
batches that came since. One other thread decodes batches and answers questions, so that the endpoint goes on answering.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from loadgen.endpoint.console.console_table import ConsoleTable
from loadgen.endpoint.store import Store

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
