"""One kept HTTP/1.1 connection: a request is written at once, and the event loop reads its response.

Rule: a greenlet opens a connection, and after that nothing waits for the socket, with TLS or without.
"""

from __future__ import annotations

import os
import select
import ssl
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import gevent
from gevent import monkey, socket
from gevent import ssl as gevent_ssl
from gevent.hub import Waiter

from loadgen.model import Response
from loadgen.transport import ResponseParser, Route, not_connected, open_tunnel

RECEIVE_BYTES = 4096  # RUM's answers have less than a kilobyte
RECORD_BYTES = 16384  # of TLS, at most: what is left of a record would wait where the event loop does not see it
TRUSTED_SECONDS = 1.0  # for so long after its last use an idle connection is believed to be open
READ = 1  # libev's name for "something to read"

OnOver = Callable[[Response | BaseException], None]
"""Told how a request ended: its response, or the error in place of one."""


def has_something_to_read(descriptor: int) -> bool:
    """Ask the system without a switch to other greenlets: gevent's own poll would switch, with the clock started."""
    asked = monkey.get_original("select", "poll")()
    asked.register(descriptor, select.POLLIN)
    return bool(asked.poll(0))


def open_socket(route: Route, tls: ssl.SSLContext | None) -> Any:
    """A socket that is connected to the target, through the route's proxy if it has one; raises NoAnswer."""
    try:
        opened = socket.create_connection(route.address)
    except OSError as error:
        raise not_connected(error, by_proxy=route.proxy is not None) from error
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if route.is_tunnelled:
            open_tunnel(opened, route)
        if tls is None:
            return opened
        tls.sslsocket_class = gevent_ssl.SSLSocket
        return gevent_ssl.SSLContext.wrap_socket(tls, opened, server_hostname=route.host)
    except BaseException as error:
        opened.close()
        raise not_connected(error, by_proxy=False) if isinstance(error, OSError) else error from error


class GeventConnection:
    """One keep-alive connection.

    The event loop watches it from its first moment to its last: to start and stop the watching for each wait would
    cost more system calls, and one more to ask whether the peer has closed an idle connection.
    """

    def __init__(self, route: Route, tls: ssl.SSLContext | None) -> None:
        self._socket = open_socket(route, tls)
        self._socket.setblocking(False)
        self._descriptor: int = self._socket.fileno()
        if tls is None:  # go past gevent's socket, whose methods are ready to wait
            self._send: Callable[[bytes], int] = partial(os.write, self._descriptor)
            self._receive: Callable[[], bytes] = partial(os.read, self._descriptor, RECEIVE_BYTES)
        else:
            self._send, self._receive = self._socket.send, partial(self._socket.recv, RECORD_BYTES)
        self._parser = ResponseParser()
        self._on_over: OnOver | None = None  # whom to tell the answer; None: idle
        self._surprised = False
        self._trusted_until = 0.0  # by the machine's clock
        self.reusable = False
        self._watcher = gevent.get_hub().loop.io(self._descriptor, READ)
        self._watcher.start(self._read)

    def is_quiet(self) -> bool:
        """Whether nothing arrived while the connection was idle: what arrives then means that the peer closes it.

        The event loop tells so, but at its next turn. We ask the system after the first answer, when some peers close,
        and after a while: a process that stood still would take the peer's time-out for its failure.
        """
        now = perf_counter()
        asks, self._trusted_until = now >= self._trusted_until, now + TRUSTED_SECONDS
        return not self._surprised and not (asks and has_something_to_read(self._descriptor))

    def exchange(self, data: bytes) -> Response:
        """Write a request and wait for its response; raises what `begin` tells in place of one."""
        waiter = Waiter()
        self.begin(data, waiter.switch)
        ended: Response | BaseException = waiter.get()
        if isinstance(ended, BaseException):
            raise ended
        return ended

    def begin(self, data: bytes, on_over: OnOver) -> None:
        """Write a request and let the event loop read its response: `on_over` is told it or an error, maybe at once."""
        self.reusable, self._on_over = False, on_over
        try:
            sent = self._send(data)
        except BlockingIOError:  # of TLS it is 0 by itself
            sent = 0
        except OSError as error:
            self._tell(error)
            return
        if sent < len(data):
            self._watcher.stop()  # nothing is read before all is written
            gevent.spawn(self._send_rest, memoryview(data)[sent:])

    def throw(self, error: BaseException) -> None:
        """End what `begin` has begun: by this name `Deadlines` ends a greenlet, too."""
        self._tell(error)

    def close(self) -> None:
        """Close the socket."""
        self._watcher.close()
        self._socket.close()

    def _send_rest(self, rest: memoryview) -> None:
        """Write what did not fit into the socket's buffer, in a greenlet of its own.

        gevent's sendall cuts it into pieces, and TLS takes nothing shorter than what it has taken up.
        """
        self._socket.setblocking(True)
        try:
            while rest:
                rest = rest[self._socket.send(rest) :]
            self._socket.setblocking(False)
            self._watcher.start(self._read)
        except OSError as error:
            gevent.get_hub().loop.run_callback(self._tell, error)  # as all others, from the event loop

    def _read(self) -> None:
        """Read what has arrived, called by the event loop, and tell the response when it is whole."""
        if self._on_over is None:
            self._surprised = True
            self._watcher.stop()
            return
        try:
            self._parser.feed(self._receive())
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except Exception as error:  # nothing may go up to the event loop: the request must be accounted for
            self._tell(error)
            return
        if self._parser.complete:
            self.reusable = self._parser.reusable
            self._tell(self._parser.take())

    def _tell(self, ended: Response | BaseException) -> None:
        on_over, self._on_over = self._on_over, None
        if on_over is not None:  # else it is over: its time was up while the rest of it was written
            on_over(ended)
