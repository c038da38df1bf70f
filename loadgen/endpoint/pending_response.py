"""A response that a connection of the server owes, and its bytes in HTTP/1.1."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from loadgen.model import Response

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class PendingResponse:
    """A place in a connection's order of responses, empty until the response is there."""

    __slots__ = ("close", "data", "without_body")

    def __init__(self, close: bool, without_body: bool) -> None:
        self.close = close  # the connection ends with this response
        self.without_body = without_body  # the response to a HEAD
        self.data: bytes | None = None  # None: not filled yet

    def fill(self, response: Response) -> None:
        """Set `data` to the bytes of the response."""
        head = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
        end = "connection: close\r\n\r\n" if self.close else "\r\n"
        line, date, length = _LINES[response.status], _format_date(int(time.time())), len(response.body)
        data = f"{line}{date}{head}content-length: {length}\r\n{end}".encode("latin-1", "replace")
        self.data = data if self.without_body else data + response.body


@lru_cache(1)
def _format_date(second: int) -> str:
    """Return the line of the header Date, which every server with a clock sends (RFC 9110, section 6.6.1).

    The AWS SDKs read it from a refusal: a client whose clock is wrong then signs with the endpoint's time.
    """
    return f"date: {formatdate(second, usegmt=True)}\r\n"
