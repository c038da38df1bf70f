"""One kept HTTP/1.1 connection on a gevent socket: a request is written, its response read.

A greenlet exchanges a request for a response, or the event loop reads the response to what was begun without one.
"""

from __future__ import annotations

import os
import select
import ssl
from collections.abc import Callable
from typing import Any

import gevent
from gevent import monkey, socket
from gevent import ssl as gevent_ssl

from loadgen.model import Response
from loadgen.transport import ResponseParser, Route, not_connected, open_tunnel

RECEIVE_BYTES = 65536
ANSWER_BYTES = 4096  # read at once by the event loop: RUM's answers have less than a kilobyte
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
        return gevent_ssl.SSLContext.wrap_socket(tls, opened, server_hostname=route.host)
    except OSError as error:
        opened.close()
        raise not_connected(error, by_proxy=False) from error
    except BaseException:
        opened.close()
        raise


class GeventConnection:
    """One keep-alive connection.

    The event loop watches it from its first moment to its last: to start and stop the watching for each wait would
    cost more system calls, and one more to ask whether the peer has closed an idle connection.
    """

    def __init__(self, route: Route, tls: ssl.SSLContext | None) -> None:
        self._socket = open_socket(route, tls)
        self._encrypted = tls is not None
        self._parser = ResponseParser()
        self._in_use = self._has_arrived = False  # has_arrived: something to read, before a greenlet waited for it
        self._reader: Any = None  # the greenlet that waits
        self._on_end: OnOver | None = None  # whom to tell the answer, where no greenlet waits
        self._sending = False  # a part of a request is not written yet
        self._hub = gevent.get_hub()
        self._watcher = self._hub.loop.io(self._socket.fileno(), READ)
        self._watcher.start(self._on_readable)
        self._surprised = self._proven = False
        self.reusable = False

    def is_quiet(self) -> bool:
        """Whether nothing arrived while the connection was idle: what arrives then means that the peer closes it.

        The event loop tells so, but at its next turn. After the first answer we ask the system: some peers close then.
        """
        first, self._proven = not self._proven, True
        return not self._surprised and not (first and has_something_to_read(self._socket.fileno()))

    def exchange(self, data: bytes) -> Response:
        """Write a request and read its response, in a greenlet that waits."""
        parser, self._in_use, self.reusable = self._parser, True, False
        self._send(data)
        while not parser.complete:
            parser.feed(self._receive())
        self._watch()
        return self._take_response()

    def begin(self, data: bytes, on_end: OnOver) -> None:
        """Write a request and have the event loop read its response: `on_end` is told it or an error, soon or at once.

        `os.write` and `os.read` go past gevent's socket, whose methods are ready to wait.
        """
        self._in_use, self.reusable, self._on_end = True, False, on_end
        try:
            sent = os.write(self._socket.fileno(), data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._tell(error)
            return
        if sent < len(data):
            self._sending = True
            gevent.spawn(self._send_rest, data[sent:])

    def throw(self, error: BaseException) -> None:
        """End what `begin` has begun: by this name `Deadlines` ends a greenlet, too."""
        self._tell(error)

    def close(self) -> None:
        """Close the socket."""
        self._watcher.close()
        self._socket.close()

    def _on_readable(self) -> None:
        """Called by the event loop while there is something to read, again and again until it is read."""
        if self._reader is not None:
            self._reader.switch()
            return
        if self._on_end is not None and not self._sending:
            self._read()
            return
        self._watcher.stop()
        if self._in_use:
            self._has_arrived = True
        else:
            self._surprised = True

    def _read(self) -> None:
        """Read what has arrived, and tell the response when it is whole."""
        try:
            self._parser.feed(os.read(self._socket.fileno(), ANSWER_BYTES))
        except BlockingIOError:
            return
        except Exception as error:  # nothing may go up to the event loop: the request must be accounted for
            self._tell(error)
            return
        if self._parser.complete:
            self._tell(self._take_response())

    def _tell(self, ended: Response | BaseException) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:  # else it is over: its time was up while the rest of it was written
            on_end(ended)

    def _take_response(self) -> Response:
        self._in_use, self.reusable = False, self._parser.reusable
        return self._parser.take()

    def _send_rest(self, data: bytes) -> None:
        """Write what did not fit into the socket's buffer, in a greenlet of its own, before anything is read."""
        try:
            self._send(data)
        except OSError as error:
            self._tell(error)
            return
        self._sending = False
        self._watch()

    def _watch(self) -> None:
        """Watch again, after `_on_readable` stopped because no greenlet waited."""
        if self._has_arrived:
            self._has_arrived = False
            self._watcher.start(self._on_readable)

    def _send(self, data: bytes) -> None:
        """Send all of it. gevent's sendall asks for the socket's buffer size each time, a tenth of a request's cost."""
        sent = self._socket.send(data)
        while sent < len(data):
            sent += self._socket.send(data[sent:])

    def _receive(self) -> bytes:
        """Wait, then read. gevent's recv reads before it waits, and finds nothing this soon after a send."""
        if not self._encrypted and not self._has_arrived:  # encrypted, it may be in the TLS layer already
            self._reader = gevent.getcurrent()
            try:
                self._hub.switch()
            finally:
                self._reader = None
        self._watch()
        received: bytes = self._socket.recv(RECEIVE_BYTES)
        return received
