"""The endpoint on a socket. `python -m loadgen.endpoint.server` is the process that an `Endpoint` starts.

Rule: a response waits until its request's writes are committed. There is one commit for all requests of one pass of the
event loop, so a 200 means that the events are stored, and requests share the cost of a commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import resource
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from loadgen.endpoint.access_log import AccessEntry, AccessLog
from loadgen.endpoint.connection import HttpConnection, PendingResponse
from loadgen.endpoint.console import Console
from loadgen.endpoint.service import Reply, RumService
from loadgen.endpoint.settings import EndpointSettings, ServerArguments, StartReport
from loadgen.endpoint.store import Store
from loadgen.errors import EndpointError, LoadgenError
from loadgen.model import Request

GRACE_SECONDS = 5.0
"""Seconds that a stopping server waits for responses that are still due."""

BACKLOG = 2048

READ_BYTES = 256 * 1024
"""Bytes read from a connection at once, as many as asyncio reads; but into one buffer, which saves page faults."""


CONSOLE_STORE = "name a file that `loadgen serve --store FILE` wrote; while one runs, its own console shows it"
"""What to do instead of opening a store that cannot be opened to be read only, which is `loadgen console`."""

Answered = tuple[HttpConnection, PendingResponse, Reply, AccessEntry | None]
"""A request whose response waits for the commit, and its entry of the access log."""


class CommittingHandler:
    """The owner of all connections: it answers their requests and releases each response after the commit."""

    def __init__(self, service: RumService, console: Console, loop: asyncio.AbstractEventLoop) -> None:
        self.settings = service.settings
        self.connections: set[HttpConnection] = set()
        self.unfinished_bytes = 0
        self.received = memoryview(bytearray(READ_BYTES))
        self._service = service
        self._console = console
        self._loop = loop
        self._console_tasks: set[asyncio.Task[None]] = set()  # the console's answers in progress
        self._waiting: list[Answered] = []
        self._log = AccessLog(service.settings.access_log, service.name_monitor)

    def submit(self, connection: HttpConnection, pending: PendingResponse, request: Request, oversize: bool) -> None:
        """Answer a request now and send the response after this pass's commit; the console answers in a task."""
        if self._console.takes(request) and not oversize:
            task = self._loop.create_task(self._answer_console(connection, pending, request))
            self._console_tasks.add(task)
            task.add_done_callback(self._console_tasks.discard)
            return
        if not self._waiting:
            self._loop.call_soon(self.flush)
        entry = self._log.begin(request)
        reply = self._service.reply(request, connection.peer, oversize)
        self._waiting.append((connection, pending, reply, entry))

    async def _answer_console(self, connection: HttpConnection, pending: PendingResponse, request: Request) -> None:
        entry = self._log.begin(request)
        reply = Reply(await self._console.answer(request, connection.peer))
        self._release((connection, pending, reply, entry))

    def flush(self) -> None:
        """Commit, and release the responses that wait for the commit."""
        waiting, self._waiting = self._waiting, []
        try:
            self._service.commit()
        except sqlite3.Error as wrong:
            failure = Reply(self._service.report_failed_commit(wrong))
            waiting = [(connection, pending, failure, entry) for connection, pending, _, entry in waiting]
        for answered in waiting:
            if delay := answered[2].fault.delay:
                self._loop.call_later(delay, self._release, answered)
            else:
                self._release(answered)

    def _release(self, answered: Answered) -> None:
        connection, pending, reply, entry = answered
        if reply.fault.drop:
            connection.drop()
        else:
            connection.release(pending, reply.response)
        self._log.finish(entry, reply)


def serve(
    settings: EndpointSettings,
    store_path: Path | str | None,
    host: str,
    port: int,
    on_ready: Callable[[str], None],
    until_stdin_ends: bool = False,
) -> None:
    """Serve in this process until SIGTERM or SIGINT; `on_ready` gets the URL once the socket listens."""
    stated = {"instead": CONSOLE_STORE} if settings.read_only else {}
    listener = _listen(host, port, "--port" if settings.read_only else "--host or --port")
    with listener, contextlib.closing(Store(store_path, **stated)) as store:
        asyncio.run(_serve(RumService(settings, store), listener, on_ready, until_stdin_ends))


def _listen(host: str, port: int, options: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError, TypeError, ValueError) as wrong:  # UnicodeError of a long name is a ValueError
        number = getattr(wrong, "errno", None) or 0
        told = (getattr(wrong, "strerror", None) or str(wrong)).partition(" (while")[0]
        reason = os.strerror(number) if number > 0 else told
        raise EndpointError(f"cannot listen on {host} port {port}: {reason}; give another {options}") from wrong


def _read_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


async def _serve(
    service: RumService, listener: socket.socket, on_ready: Callable[[str], None], until_stdin_ends: bool
) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    stdin_pipe = None
    if until_stdin_ends:
        stdin_pipe, _ = await loop.connect_read_pipe(lambda: _StdinWatch(stopped), sys.stdin)
    _raise_descriptor_limit()
    gc.freeze()  # objects loaded by now stay: no collection needs to scan them again
    console = Console(service, is_live=not service.settings.read_only)
    handler = CommittingHandler(service, console, loop)
    server = await loop.create_server(lambda: HttpConnection(handler, loop), sock=listener, backlog=BACKLOG)
    on_ready(_read_url(listener))
    await stopped.wait()
    server.close()
    for connection in list(handler.connections):
        connection.shutdown()
    end = loop.time() + GRACE_SECONDS
    while handler.connections and loop.time() < end:
        await asyncio.sleep(0.01)
    handler.flush()
    console.close()
    if stdin_pipe is not None:
        stdin_pipe.close()


class _StdinWatch(asyncio.Protocol):
    """A reader of stdin that stops the server when stdin closes: the parent has ended or wants the server to end."""

    def __init__(self, stopped: asyncio.Event) -> None:
        self._stopped = stopped

    def connection_lost(self, exc: Exception | None) -> None:
        self._stopped.set()


def _raise_descriptor_limit() -> None:
    """Raise the soft limit of descriptors, often 1024, to the hard limit: each connection takes a descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some values: the soft limit then stays
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _main() -> None:
    """Read the arguments from stdin, serve, and report on stdout."""
    line = sys.stdin.buffer.readline()  # bytes: PYTHONIOENCODING is about the caller's text
    if not line.endswith(b"\n"):  # the parent ended before it had written the arguments
        return

    def write_report(report: StartReport) -> None:
        with contextlib.suppress(BrokenPipeError):  # the parent has ended; the end of stdin stops this process
            os.write(sys.stdout.fileno(), msgspec.json.encode(report) + b"\n")

    try:
        given = msgspec.convert(json.loads(line), ServerArguments)
        serve(
            given.settings, given.store_path, given.host, given.port, lambda url: write_report(StartReport(url)), True
        )
    except (LoadgenError, msgspec.ValidationError) as wrong:
        write_report(StartReport(error=str(wrong).encode(errors="replace").decode()))


if __name__ == "__main__":
    _main()
