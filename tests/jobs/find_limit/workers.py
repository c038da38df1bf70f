"""A target on a real socket: so many workers that each take a fixed time a request; whoever comes waits in line."""

from __future__ import annotations

import asyncio
import heapq
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
GONE = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


class Workers:
    """The line before the workers: each request's end is known when it comes."""

    def __init__(self, workers: int, service_seconds: float) -> None:
        self._free = [0.0] * workers
        self._service = service_seconds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One kept connection."""
        loop = asyncio.get_running_loop()
        while head := await self._head(reader):
            await reader.readexactly(self._length(head))
            if head.startswith(b"POST"):
                done = max(heapq.heappop(self._free), loop.time()) + self._service
                heapq.heappush(self._free, done)
                await asyncio.sleep(done - loop.time())
            writer.write(ANSWER if head.startswith(b"POST") else GONE)
        writer.close()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    @staticmethod
    def _length(head: bytes) -> int:
        lines = head.lower().split(b"\r\n")
        return next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length")), 0)


@contextmanager
def serving(workers: int, service_seconds: float) -> Iterator[str]:
    """Its URL while it serves, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    line = Workers(workers, service_seconds)
    starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(line.serve, "127.0.0.1", 0), loop)
    server = starting.result(10)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
