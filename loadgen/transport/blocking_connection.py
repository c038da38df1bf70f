"""Sends from a thread: one keep-alive HTTP/1.1 connection to one origin, one request at a time."""

from __future__ import annotations

import select
import socket
import time

from loadgen.model import Request, Response
from loadgen.transport.answers import NoAnswer, explain_connect_error, name_cause
from loadgen.transport.http1 import MOST_ANSWER_BYTES, ResponseParser, open_tunnel, serialize
from loadgen.transport.route import Route

TIMEOUT_SECONDS = 30.0
RECEIVE_BYTES = 65536


class BlockingConnection:
    """A `Send` to one origin. A request may take `timeout` seconds in all, an answer may have `most_bytes` bytes."""

    def __init__(self, route: Route, timeout: float = TIMEOUT_SECONDS, most_bytes: int = MOST_ANSWER_BYTES) -> None:
        self._socket: socket.socket | None = None
        self._route = route
        self._tls = route.create_tls_context()
        self._timeout = timeout
        self._most_bytes = most_bytes
        self._parser = ResponseParser(most_bytes)
        self.port_not_kept: int | None = None  # local port of the last connection that an answer did not keep

    def __call__(self, request: Request) -> Response:
        """Send a request and wait for its answer; raises NoAnswer. A request is never sent twice."""
        deadline = time.monotonic() + self._timeout
        connected = self._connect()
        stream = _Until(connected, deadline)
        try:
            stream.sendall(serialize(request, self._route.prefix, self._route.proxy_headers))
            while not self._parser.complete:
                self._parser.feed(stream.recv(RECEIVE_BYTES))
        except OSError as error:
            self.close()
            raise NoAnswer(name_cause(error)) from error
        except NoAnswer:
            self.close()
            raise
        reusable = self._parser.reusable
        response = self._parser.take()
        if not reusable:
            self.port_not_kept = int(connected.getsockname()[1])
            self.close()
        return response

    def __del__(self) -> None:
        """Close the socket, for example when its thread has ended: Python warns of a socket that is left open."""
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _connect(self) -> socket.socket:
        """Return the open socket, or a new one if the peer closes it: an idle connection then has something to read."""
        if self._socket is not None and not has_something_to_read(self._socket):
            return self._socket
        self.close()
        self._parser = ResponseParser(self._most_bytes)
        self._socket = self._open()
        return self._socket

    def _open(self) -> socket.socket:
        route = self._route
        try:
            opened = socket.create_connection(route.address, timeout=self._timeout)
        except OSError as error:
            raise explain_connect_error(error, by_proxy=route.proxy is not None) from error
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if route.is_tunnelled:
                open_tunnel(_Until(opened, time.monotonic() + self._timeout), route)
            return self._tls.wrap_socket(opened, server_hostname=route.host) if self._tls else opened
        except OSError as error:
            opened.close()
            raise explain_connect_error(error, by_proxy=False) from error
        except NoAnswer:
            opened.close()
            raise


class _Until:
    """A socket with one deadline for many calls; the socket's own time-out would begin again with each of them."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected, self._deadline = connected, deadline

    def sendall(self, data: bytes) -> None:
        self._limit().sendall(data)

    def recv(self, size: int) -> bytes:
        return self._limit().recv(size)

    def _limit(self) -> socket.socket:
        """Limit the next call on the socket to the time that is left; TimeoutError if none is."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connected.settimeout(left)
        return self._connected


def has_something_to_read(connected: socket.socket) -> bool:
    """Return whether a byte or the end of the connection waits to be read."""
    waiting = select.poll()
    waiting.register(connected, select.POLLIN)
    return bool(waiting.poll(0))
