"""The network Send: HTTP/1.1 over gevent sockets, one connection per request in flight, kept and used again.

Rule: what is timed is the write and the wait for the answer, and a connection's opening where it needs a new one.
Connections are taken newest first, so only as many are open as were ever in flight together. A request is never sent
twice without the caller knowing.

Why not Locust's FastHttpUser: its failure path decodes the whole request body on every answer that is not 2xx, and its
pool looks at sockets with select(), which fails from descriptor 1024 on; both would bend what we measure.
"""

from __future__ import annotations

import select
import ssl
from typing import Any
from urllib.parse import urlsplit

import gevent
import httptools
from gevent import monkey, socket
from gevent import ssl as gevent_ssl

from loadgen.model import Request, Response
from loadgen.swarm.deadlines import Deadlines, Overdue

RECEIVE_BYTES = 65536
READ = 1  # libev's name for "something to read"


def something_to_read(descriptor: int) -> bool:
    """Ask the system, without giving others their turn: gevent's own poll would, after the clock has started."""
    asked = monkey.get_original("select", "poll")()
    asked.register(descriptor, select.POLLIN)
    return bool(asked.poll(0))


class NoAnswer(Exception):
    """No response came; `cause` is one of refused, timeout, reset, closed, tls, unreachable, malformed."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Network:
    """Sends requests to one origin, `http://host:port` or `https://host`; `timeout` in seconds is a whole request's."""

    def __init__(self, origin: str, timeout: float) -> None:
        parts = urlsplit(origin)
        self._address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        # One context for all connections: each context of its own costs 20 ms to load the certificates.
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._deadlines = Deadlines(timeout)
        self._idle: list[Connection] = []

    def __call__(self, request: Request) -> Response:
        """Send and wait; raises NoAnswer."""
        self._deadlines.start()
        try:
            connection = self._take()
            response = connection.exchange(serialize(request))
        except (Overdue, TimeoutError) as error:  # the system has a TimeoutError of its own
            raise NoAnswer("timeout") from error
        except ConnectionRefusedError as error:
            raise NoAnswer("refused") from error
        except ConnectionError as error:
            raise NoAnswer("reset") from error
        except ssl.SSLError as error:
            raise NoAnswer("tls") from error
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise NoAnswer("malformed") from error
        except OSError as error:
            raise NoAnswer("unreachable") from error
        finally:
            self._deadlines.stop()
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return response

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.quiet():
                return connection
            connection.close()
        return Connection(self._address, self._tls)


class Connection:
    """One keep-alive connection; httptools parses what comes back.

    The event loop watches it from its first moment to its last: started and stopped for each wait, the watching would
    cost more system calls, and whether the peer has closed an idle connection would cost one more to ask.
    """

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext | None) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._socket = gevent_ssl.SSLContext.wrap_socket(tls, self._socket, server_hostname=address[0])
        self._encrypted = tls is not None
        self._answer = Answer()
        self._in_use = self._has_come = False  # has_come: something to read, before anybody waited for it
        self._reader: Any = None  # the greenlet that waits
        self._hub = gevent.get_hub()
        self._watcher = self._hub.loop.io(self._socket.fileno(), READ)
        self._watcher.start(self._on_readable)
        self._surprised = self._proven = False
        self.reusable = False

    def quiet(self) -> bool:
        """Whether nothing has come while it was idle: what comes then is the peer's good-bye.

        The loop tells, but at its next turn; whether the peer closes right after its first answer is asked for.
        """
        first, self._proven = not self._proven, True
        return not self._surprised and not (first and something_to_read(self._socket.fileno()))

    def exchange(self, data: bytes) -> Response:
        """Write a request and read its response."""
        answer, self._in_use = self._answer, True
        try:
            self._send(data)
            while not answer.complete:
                received = self._receive()
                if not received:
                    if answer.ends_with_the_connection:
                        break
                    raise NoAnswer("closed")
                answer.parser.feed_data(received)
        except BaseException:
            self.close()
            raise
        self._in_use = False
        self._watch()
        self.reusable = answer.keep_alive and answer.begun == 1
        return answer.taken()

    def close(self) -> None:
        """Close the socket."""
        self._watcher.close()
        self._socket.close()

    def _on_readable(self) -> None:
        """The loop's word that there is something to read, over and over until it is read."""
        if self._reader is not None:
            self._reader.switch()
            return
        self._watcher.stop()
        if self._in_use:
            self._has_come = True
        else:
            self._surprised = True

    def _watch(self) -> None:
        """Go on watching after something had come before anybody waited for it."""
        if self._has_come:
            self._has_come = False
            self._watcher.start(self._on_readable)

    def _send(self, data: bytes) -> None:
        """Send all of it; gevent's sendall asks for the socket's buffer size each time, a tenth of a request's cost."""
        sent = self._socket.send(data)
        while sent < len(data):
            sent += self._socket.send(data[sent:])

    def _receive(self) -> bytes:
        """What has come, after a wait for it: gevent's recv tries first, which finds nothing this soon after a send."""
        if not self._encrypted and not self._has_come:  # encrypted, it may be in the TLS layer already
            self._reader = gevent.getcurrent()
            try:
                self._hub.switch()
            finally:
                self._reader = None
        self._watch()
        received: bytes = self._socket.recv(RECEIVE_BYTES)
        return received


class Answer:
    """What httptools calls while it parses a connection's responses, one after the other."""

    __slots__ = ("begun", "body", "complete", "headed", "headers", "keep_alive", "parser", "status")
    complete: bool
    status: int

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self._forget()

    @property
    def ends_with_the_connection(self) -> bool:
        """Whether its body is what comes until the connection is closed (RFC 9112, 6.3)."""
        framed = {"content-length", "transfer-encoding"} & {name for name, _ in self.headers}
        return self.headed and not framed

    def taken(self) -> Response:
        """The response, and room for the next."""
        response = Response(self.status, tuple(self.headers), b"".join(self.body))
        self._forget()
        return response

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_headers_complete(self) -> None:
        if not self.complete:
            self.headed, self.status = True, self.parser.get_status_code()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        if 100 <= self.status < 200 and not self.complete:  # 100 Continue, 103 Early Hints: the answer follows
            self._forget()
            return
        self.complete = True
        self.keep_alive = self.parser.should_keep_alive()  # the parser forgets it when the message is over

    def _forget(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.body: list[bytes] = []
        self.begun = self.status = 0
        self.complete = self.keep_alive = self.headed = False


def serialize(request: Request) -> bytes:
    """The request as bytes on an HTTP/1.1 connection."""
    head = "".join([f"{name}: {value}\r\n" for name, value in request.headers])
    return (
        f"{request.method} {request.target} HTTP/1.1\r\n{head}content-length: {len(request.body)}\r\n\r\n".encode(
            "latin-1"
        )
        + request.body
    )
