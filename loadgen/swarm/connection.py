"""One kept HTTP/1.1 connection: a request is written at once, and the event loop reads its response.

Rule: nothing waits for the socket, with TLS or without, but a greenlet that opens it or writes what did not fit in.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import gevent
from gevent import socket
from gevent import ssl as gevent_ssl

from loadgen.model import Request, Response
from loadgen.transport import NoAnswer, ResponseParser, Route, name_cause, not_connected, open_tunnel

RECEIVE_BYTES = 4096  # RUM's answers have less than a kilobyte
RECORD_BYTES = 16384  # of TLS, at most: what is left of a record would wait where the event loop does not see it
TRUSTED_SECONDS = 1.0  # for so long after its last use an idle connection is believed to be open
READ = 1  # libev's name for "something to read"

Outcome = Response | NoAnswer
OnOver = Callable[[Outcome], None]
"""Told how a request ended."""

Begin = Callable[[Request, OnOver], None]
"""How a request is sent by whoever does not wait for its answer; raises what keeps it from being begun."""

log = logging.getLogger("loadgen")


def explain_error(error: Exception) -> NoAnswer:
    """Why no answer came, as a value: without the frames that raised it. An error of loadgen's own is logged."""
    if isinstance(error, NoAnswer):
        return NoAnswer(error.cause, error.sent)
    if not isinstance(error, OSError):
        log.error("sending", exc_info=error)
    return NoAnswer(name_cause(error))


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
    """One keep-alive connection, which its first request opens.

    The event loop watches it from then to its end: to start and stop the watching for each wait would cost more system
    calls, and one more to ask whether the peer has closed an idle connection.
    """

    def __init__(self, route: Route, tls: ssl.SSLContext | None) -> None:
        self._route, self._tls = route, tls
        self._socket: Any = None
        self._helper: gevent.Greenlet | None = None  # it opens the socket, or writes what did not fit into it
        self._parser = ResponseParser()
        self._on_over: OnOver | None = None  # whom to tell the answer; None: idle
        self._trusted_until = 0.0  # by the machine's clock
        self.reusable = False

    def is_quiet(self) -> bool:
        """Whether nothing arrived while the connection was idle: what arrives then means that the peer closes it.

        The event loop tells so, but at its next turn. We look ourselves after the first answer, when some peers close,
        and after a while: a process that stood still would take the peer's time-out for its failure.
        """
        now = perf_counter()
        if now >= self._trusted_until:
            self._read()
        self._trusted_until = now + TRUSTED_SECONDS
        return self.reusable

    def begin(self, data: bytes, on_over: OnOver) -> None:
        """Write a request and let the event loop read its response: `on_over` is told it or an error, maybe at once."""
        self.reusable, self._on_over = False, on_over
        if self._socket is None:
            self._helper = gevent.spawn(self._send_slowly, memoryview(data))
            return
        try:
            sent = self._send(data)
        except BlockingIOError:  # of TLS it is 0 by itself
            sent = 0
        except OSError as error:
            self.end(explain_error(error))
            return
        if sent < len(data):
            self._watcher.stop()  # nothing is read before all is written
            self._helper = gevent.spawn(self._send_slowly, memoryview(data)[sent:])

    def end(self, outcome: Outcome) -> None:
        """Tell how the request ended, if it has not ended yet. Whoever ends it before its answer closes, too."""
        on_over, self._on_over = self._on_over, None
        if on_over is not None:
            on_over(outcome)

    def close(self) -> None:
        """Close the socket, opened or not: in the event loop's greenlet while a request is being written."""
        if self._helper is not None:
            self._helper.throw(gevent.GreenletExit)
        if self._socket is not None:
            self._watcher.close()
            self._socket.close()

    def _send_slowly(self, rest: memoryview) -> None:
        """Open the socket if need be, and write what did not fit into it, in a greenlet of its own.

        gevent's sendall cuts it into pieces, and TLS takes nothing shorter than what it has taken up.
        """
        try:
            if self._socket is None:
                self._open()
            self._socket.setblocking(True)
            while rest:
                rest = rest[self._socket.send(rest) :]
            self._socket.setblocking(False)
            self._watcher.start(self._read)
            self._helper = None
        except Exception as error:
            self._helper = None
            self.end(explain_error(error))

    def _open(self) -> None:
        opened = self._socket = open_socket(self._route, self._tls)
        descriptor: int = opened.fileno()
        self._watcher = gevent.get_hub().loop.io(descriptor, READ)
        self._send: Callable[[bytes], int] = opened.send
        self._receive: Callable[[], bytes] = partial(opened.recv, RECORD_BYTES)
        if self._tls is None:  # go past gevent's socket, whose methods are ready to wait
            self._send, self._receive = partial(os.write, descriptor), partial(os.read, descriptor, RECEIVE_BYTES)

    def _read(self) -> None:
        """Read what has arrived, called by the event loop, and tell the response when it is whole."""
        try:
            self._parser.feed(self._receive())
            if self._on_over is None:
                raise NoAnswer("closed")
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except Exception as error:  # nothing may go up to the event loop: the request must be accounted for
            self.reusable = False
            self._watcher.stop()
            self.end(explain_error(error))
            return
        if self._parser.complete:
            self.reusable = self._parser.reusable
            self.end(self._parser.take())
