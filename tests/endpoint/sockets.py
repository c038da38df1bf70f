"""Raw HTTP over a socket, for tests of what no client library would send."""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from loadgen.endpoint import Endpoint
from loadgen.model import Request
from loadgen.wire.sigv4 import Signer
from tests.endpoint.conftest import KEYS


def dial(endpoint: Endpoint) -> socket.socket:
    """A connection that gives up after 10 seconds."""
    parts = urlsplit(endpoint.url)
    return socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the endpoint closes; empty when it cut the connection."""
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of one answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError(f"closed after {data!r}")
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split(b" ")[1]), body


def signed(endpoint: Endpoint, method: str, path: str, body: Any = None) -> bytes:
    """A signed request as bytes."""
    data = b"" if body is None else json.dumps(body).encode()
    headers = (("host", urlsplit(endpoint.url).netloc), ("content-type", "application/json"))
    request = Signer(KEYS, "us-east-1").sign(Request(method, path, headers, data), time.time())
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers)
    return f"{method} {path} HTTP/1.1\r\n{head}content-length: {len(data)}\r\n\r\n".encode() + data


def ask(endpoint: Endpoint, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
    """One signed request on a connection of its own."""
    with dial(endpoint) as connection:
        connection.sendall(signed(endpoint, method, path, body))
        return read_answer(connection)
