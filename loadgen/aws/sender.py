"""Sends what botocore has signed as `transport` sends: its rules for proxies and trust, and the same names of causes.

Rule: a whole answer has ten seconds, however it comes, and an end. botocore by itself waits ten seconds for each piece
of it, and reads as many as come. What may be mended by another try is raised as botocore's own exception, so that it
tries again; what would only take as long again is not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from loadgen.model import Noun, Request
from loadgen.transport import (
    ANSWER_SECONDS,
    PORTS,
    BlockingConnection,
    NoAnswer,
    OnWait,
    find_route,
    printable,
    start_notice,
    unpack,
)
from loadgen.units import format_bytes

TIMEOUT_SECONDS = ANSWER_SECONDS
"""For a connection and the whole answer of one call."""

MOST_ANSWER_BYTES = 64_000_000
"""Of one answer: a page of GetAppMonitorData has 100 events, each of which may be as long as a request's body."""

BRIEF = frozenset({"refused", "reset", "closed", "unreachable", "name resolution"})
"""Causes that end at once and may be gone at the next try."""


CURES = {"proxy: 407": "the proxy wants a user and a password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"}


class NotRumAnswer(Exception):
    """An answer that the RUM API cannot have given, described on one line."""


class CallUnanswered(Exception):
    """No answer came to a call; the message says from where, and why."""


class _Body(Noun):
    """A body that has come, as botocore's response reads it."""

    data: bytes

    def stream(self) -> Iterator[bytes]:
        """All of it."""
        yield self.data


class ControlSender:
    """A handler of botocore's event `before-send`, whose answer it takes in place of sending by itself.

    Each thread keeps one connection to each origin. `on_wait` gets a line when an answer takes long.
    """

    def __init__(self, on_wait: OnWait | None) -> None:
        self._on_wait = on_wait
        self._thread = threading.local()

    def __call__(self, request: Any, event_name: str, **_: Any) -> Any:
        """The answer as botocore's AWSResponse."""
        from botocore.awsrequest import AWSResponse

        operation, parts = event_name.rpartition(".")[2], urlsplit(request.url)
        notice = start_notice(parts.netloc, operation, TIMEOUT_SECONDS, self._on_wait or (lambda _: None))
        try:
            answer = self._connect(f"{parts.scheme}://{parts.netloc}")(read_request(request))
        except NoAnswer as error:
            raise explain_no_answer(error, request.url) from error
        finally:
            notice.cancel()
        body, headers = unpack(answer, MOST_ANSWER_BYTES), dict(answer.headers)  # whoever packed it was not asked to
        if body is not None and body is not answer.body:
            headers.pop("content-encoding", None)
        return AWSResponse(request.url, answer.status, headers, _Body(answer.body if body is None else body))

    def _connect(self, origin: str) -> BlockingConnection:
        """This thread's connection to an origin."""
        kept: dict[str, BlockingConnection] = self._thread.__dict__.setdefault("kept", {})
        if origin not in kept:
            kept[origin] = BlockingConnection(find_route(origin), TIMEOUT_SECONDS, MOST_ANSWER_BYTES)
        return kept[origin]


def read_request(prepared: Any) -> Request:
    """botocore's AWSPreparedRequest as a Request; Host is what its signature covers."""
    parts = urlsplit(prepared.url)
    host = parts.netloc.rpartition("@")[2].lower().removesuffix(f":{PORTS[parts.scheme]}")
    target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    headers = {name.lower(): decode(value) for name, value in prepared.headers.items()}
    headers.pop("content-length", None)  # `serialize` writes it
    body = prepared.body or b""
    return Request(
        prepared.method,
        target,
        tuple(({"host": host} | headers).items()),
        body.encode() if isinstance(body, str) else body,
    )


def decode(value: bytes | str) -> str:
    """A header's value as text."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def explain_no_answer(error: NoAnswer, url: str) -> Exception:
    """What is raised in its place: botocore tries again after its own exceptions alone."""
    from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

    match error.cause:
        case "timeout":
            return CallUnanswered(f"no {'answer' if error.sent else 'connection'} in time from {url} (timeout)")
        case "malformed":
            return NotRumAnswer("it is no HTTP")
        case "endless":
            return NotRumAnswer(f"it has more than {format_bytes(MOST_ANSWER_BYTES)}")
    if error.cause in BRIEF:
        made: Exception = (ConnectionClosedError if error.sent else EndpointConnectionError)(
            endpoint_url=url, error=error
        )
        return made
    cure = f"; {CURES[error.cause]}" if error.cause in CURES else ""
    return CallUnanswered(f'Could not connect to the endpoint URL: "{url}" ({printable(error.cause)}{cure})')
