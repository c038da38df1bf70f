"""The check that a target answers at all: a target that accepts connections and stays silent is found in 10 seconds.

Rule: after 2 seconds a line says what is waited for, after 10 seconds an error gives the reason. A target that has
answered once follows other rules: an outage in the middle is part of the job.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from loadgen.errors import Unreachable
from loadgen.model import Request
from loadgen.transport.answers import NoAnswer
from loadgen.transport.blocking_connection import BlockingConnection
from loadgen.transport.limits import is_left_behind
from loadgen.transport.route import find_route

ANSWER_SECONDS = 10.0
"""Seconds to wait for a connection, and then for the first answer of a target."""

NOTICE_SECONDS = 2.0
"""Seconds without an answer after which the caller gets a line on what is waited for."""

OnWait = Callable[[str], None]


def describe_wait(host: str, operation: str, seconds: float) -> str:
    """Return the line that says what is waited for."""
    return f"waiting for {host} to answer {operation}, at most {seconds:.0f} s"


def start_notice(host: str, operation: str, seconds: float, on_wait: OnWait) -> threading.Timer:
    """Start a timer that calls `on_wait` with a line after NOTICE_SECONDS, unless it is cancelled before."""
    timer = threading.Timer(NOTICE_SECONDS, on_wait, (describe_wait(host, operation, seconds),))
    timer.daemon = True
    timer.start()
    return timer


def require_answer(url: str, path: str, on_wait: OnWait | None = None) -> bool:
    """Send a CORS preflight and accept any answer. Raises Unreachable if no answer comes in ANSWER_SECONDS.

    `path` follows the URL's own path. An immediate failure is no error here: it will be the outcome of the requests.
    Return True if the target does not keep the connection and lets us close it: that blocks a local port for a while.
    """
    parts = urlsplit(url)
    target = f"{parts.path.rstrip('/')}{path}"
    headers = (("host", parts.netloc), ("access-control-request-method", "POST"))
    notice = start_notice(parts.netloc, "at all", ANSWER_SECONDS, on_wait or (lambda _: None))
    connection = BlockingConnection(find_route(url), ANSWER_SECONDS)
    try:
        connection(Request("OPTIONS", target, headers))
    except NoAnswer as error:
        if error.cause == "timeout":
            raise Unreachable(describe_silence(url, "nothing was sent")) from error
    finally:
        notice.cancel()
        connection.close()
    return connection.port_not_kept is not None and is_left_behind(connection.port_not_kept)


def describe_silence(url: str, remedy: str, cause: str = "timeout") -> str:
    """Say that no answer came; `remedy` says what that means for the requests sent so far."""
    return f"no answer from {url} in {ANSWER_SECONDS:.0f} s ({cause}); {remedy}"


class FirstAnswer:
    """The wait of a sending job for the first answer to `operation`; `on_wait` gets a line if it takes long."""

    def __init__(self, url: str, operation: str, on_wait: OnWait) -> None:
        self._url, self._operation, self._on_wait = url, operation, on_wait
        self._answered = self._notified = False
        self._since: float | None = None

    def note(self) -> None:
        """Record that an answer came, whatever its status."""
        self._answered = True

    def check(self, waiting: bool, cause: str) -> None:
        """Raise Unreachable after ANSWER_SECONDS; `waiting`: a request was sent; `cause`: why no answer came yet."""
        now = time.monotonic()
        if self._answered or not (waiting or self._since):
            return
        self._since = self._since or now
        if now - self._since > ANSWER_SECONDS:
            remedy = "what was sent is in doubt: the same command looks it up and goes on, once it answers"
            raise Unreachable(f"{self._operation}: {describe_silence(self._url, remedy, cause or 'timeout')}")
        if now - self._since > NOTICE_SECONDS and not self._notified:
            self._notified = True
            self._on_wait(describe_wait(urlsplit(self._url).netloc, self._operation, ANSWER_SECONDS))
