"""The endpoint on a socket, in this process (`serve`) or in one of its own (`start`).

Rule: answers wait until what their requests wrote is committed, once for all requests of one turn of the loop; so a 200
means kept, and a commit's cost is shared. The child process gets its settings on stdin, never on its command line, and
ends when its stdin ends: it cannot outlive who started it. It has a session of its own, so that Ctrl-C in a terminal
reaches the parent alone, which decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import msgspec

from loadgen.endpoint.connection import HttpConnection, PendingResponse
from loadgen.endpoint.service import Answer, RumService
from loadgen.endpoint.settings import EndpointSettings
from loadgen.endpoint.store import Store
from loadgen.errors import EndpointError, LoadgenError
from loadgen.model import Noun, Request
from loadgen.wire.sigv4 import Credentials

GRACE_SECONDS = 5.0
"""How long a stopping server waits for answers that are still due."""

BACKLOG = 2048


class CommittingHandler:
    """Takes the requests of all connections and gives each answer back after the commit."""

    def __init__(self, endpoint: RumService, loop: asyncio.AbstractEventLoop) -> None:
        self.settings = endpoint.settings
        self.connections: set[HttpConnection] = set()
        self._endpoint = endpoint
        self._loop = loop
        self._waiting: list[tuple[HttpConnection, PendingResponse, Answer]] = []

    def submit(self, connection: HttpConnection, slot: PendingResponse, request: Request, oversize: bool) -> None:
        """Decide now, answer after the commit of this turn."""
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append((connection, slot, self._endpoint.answer(request, connection.peer, oversize)))

    def flush(self) -> None:
        """Commit, and let the answers go."""
        waiting, self._waiting = self._waiting, []
        try:
            self._endpoint.store.commit()
        except sqlite3.Error as wrong:
            lost = Answer(self._endpoint.not_kept(wrong))
            waiting = [(connection, slot, lost) for connection, slot, _ in waiting]
        for connection, slot, answer in waiting:
            if answer.blow.delay:
                self._loop.call_later(answer.blow.delay, self._leave, connection, slot, answer)
            else:
                self._leave(connection, slot, answer)

    def _leave(self, connection: HttpConnection, slot: PendingResponse, answer: Answer) -> None:
        if answer.blow.drop:
            connection.drop()
        else:
            connection.release(slot, answer.response)


def serve(
    settings: EndpointSettings,
    store_path: Path | str | None,
    host: str,
    port: int,
    on_ready: Callable[[str], None],
    until_stdin_ends: bool = False,
) -> None:
    """Serve in the foreground until SIGTERM or SIGINT; `on_ready` gets the URL once the socket listens."""
    listener = _listening(host, port)
    with listener, contextlib.closing(Store(store_path)) as store:
        asyncio.run(_serve(RumService(settings, store), listener, on_ready, until_stdin_ends))


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as wrong:
        number = getattr(wrong, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else getattr(wrong, "strerror", None) or str(wrong)
        raise EndpointError(f"cannot listen on {host} port {port}: {reason}") from wrong


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


async def _serve(
    endpoint: RumService, listener: socket.socket, on_ready: Callable[[str], None], until_stdin_ends: bool
) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if until_stdin_ends:
        await loop.connect_read_pipe(lambda: _Lifeline(stopped), sys.stdin)
    _allow_many_connections()
    desk = CommittingHandler(endpoint, loop)
    server = await loop.create_server(lambda: HttpConnection(desk, loop), sock=listener, backlog=BACKLOG)
    on_ready(_url(listener))
    await stopped.wait()
    server.close()
    for connection in list(desk.connections):
        connection.shutdown()
    end = loop.time() + GRACE_SECONDS
    while desk.connections and loop.time() < end:
        await asyncio.sleep(0.01)
    desk.flush()


class _Lifeline(asyncio.Protocol):
    """The parent's end of our stdin: when it closes, the parent is gone or wants us gone."""

    def __init__(self, stopped: asyncio.Event) -> None:
        self._stopped = stopped

    def connection_lost(self, exc: Exception | None) -> None:
        self._stopped.set()


def _allow_many_connections() -> None:
    """Each connection is a descriptor; the soft limit is often 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some values: the soft limit then stays
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class StartOrder(Noun):
    """What the child is told on its stdin, as one line of JSON."""

    settings: EndpointSettings
    store_path: str | None
    host: str
    port: int


class StartReport(Noun):
    """What the child says on its stdout, as one line of JSON."""

    url: str = ""
    error: str = ""


class Running:
    """An endpoint in a process of its own; as a context manager it is stopped at the end."""

    def __init__(self, url: str, settings: EndpointSettings, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self.region = settings.region
        self.process = process
        self._credentials = settings.credentials

    @property
    def credentials(self) -> Credentials:
        """The first key that it knows."""
        return self._credentials[0]

    def alive(self) -> bool:
        """The process runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Let it answer what is in flight, commit, and end."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(GRACE_SECONDS * 2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(
    settings: EndpointSettings, store_path: Path | str | None = None, host: str = "127.0.0.1", port: int = 0
) -> Running:
    """Start an endpoint in a process of its own and wait until it listens; raises EndpointError with its reason."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loadgen.endpoint.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None
    order = StartOrder(settings, None if store_path is None else str(store_path), host, port)
    process.stdin.write(msgspec.json.encode(order) + b"\n")
    process.stdin.flush()
    line = process.stdout.readline()
    ready = (
        msgspec.json.decode(line, type=StartReport)
        if line
        else StartReport(error="the local endpoint cannot start: its process ended at once")
    )
    running = Running(ready.url, settings, process)
    if ready.error:
        running.stop()
        raise EndpointError(ready.error)
    return running


def _child() -> None:
    """`python -m loadgen.endpoint.server`: what `start` runs."""
    order = msgspec.json.decode(sys.stdin.readline(), type=StartOrder)

    def say(ready: StartReport) -> None:
        with contextlib.suppress(BrokenPipeError):  # our parent was stopped meanwhile; the end of our stdin stops us
            os.write(sys.stdout.fileno(), msgspec.json.encode(ready) + b"\n")

    try:
        serve(order.settings, order.store_path, order.host, order.port, lambda url: say(StartReport(url)), True)
    except LoadgenError as wrong:
        say(StartReport(error=str(wrong)))


if __name__ == "__main__":
    _child()
