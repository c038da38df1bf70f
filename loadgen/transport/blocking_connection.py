"""The blocking network Send: one keep-alive HTTP/1.1 connection, for one thread."""

from __future__ import annotations

import http.client
import select
import ssl
from urllib.parse import urlsplit

from loadgen.model import Request, Response

TIMEOUT_SECONDS = 30.0


class NoAnswer(Exception):
    """No response came. `sent` False: the request cannot have arrived, as no connection was made."""

    def __init__(self, cause: str, sent: bool) -> None:
        super().__init__(cause)
        self.cause = cause
        self.sent = sent


class Network:
    """Sends requests to one origin, `http://host:port` or `https://host`, one at a time."""

    def __init__(self, origin: str, timeout: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(origin)
        host, port = parts.hostname or "", parts.port
        self._connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
        else:
            self._connection = http.client.HTTPConnection(host, port, timeout=timeout)

    def __call__(self, request: Request) -> Response:
        """Send and wait; raises NoAnswer. A request is never sent twice without the caller knowing."""
        self._connect()
        try:
            self._write(request)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NoAnswer(_cause(error), sent=True) from error
        return Response(answer.status, tuple((name.lower(), value) for name, value in answer.getheaders()), body)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _connect(self) -> None:
        """Make a connection unless the old one is alive: with something to read it has been closed by the peer."""
        connection = self._connection
        if connection.sock is not None:
            watch = select.poll()
            watch.register(connection.sock, select.POLLIN)
            if not watch.poll(0):
                return
            connection.close()
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise NoAnswer(_cause(error), sent=False) from error

    def _write(self, request: Request) -> None:
        connection = self._connection
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(request.body)))
        connection.endheaders(request.body)


def _cause(error: Exception) -> str:
    """Why there is no answer, in one word as `loadgen run` counts it."""
    match error:
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case http.client.RemoteDisconnected():
            return "closed"
        case ConnectionError():
            return "reset"
        case ssl.SSLError():
            return "tls"
        case OSError():
            return "unreachable"
    return "malformed"
