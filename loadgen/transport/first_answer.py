"""Does the target answer at all? One that takes connections and stays silent is told within ten seconds.

Rule: whoever waits hears what is waited for after two seconds, and the reason after ten. A target that has answered
once is judged by other rules: an outage in the middle is part of the job.
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
"""For a connection, and then for an answer, before anything else is asked of a target."""

NOTICE_SECONDS = 2.0
"""After so long without an answer the caller hears what is waited for."""

OnWait = Callable[[str], None]


def describe_wait(host: str, operation: str, seconds: float) -> str:
    """The line that says what is waited for."""
    return f"waiting for {host} to answer {operation}, at most {seconds:.0f} s"


def start_notice(host: str, operation: str, seconds: float, on_wait: OnWait) -> threading.Timer:
    """A timer that tells after two seconds what is waited for, and for how many at most, unless it is cancelled."""
    timer = threading.Timer(NOTICE_SECONDS, on_wait, (describe_wait(host, operation, seconds),))
    timer.daemon = True
    timer.start()
    return timer


def require_answer(url: str, path: str, on_wait: OnWait | None = None) -> bool:
    """Ask for permission to send, as a browser does; any answer will do. Raises Unreachable when none comes in time.

    `path` follows the URL's own. What goes wrong at once is left to those who send: it is an outcome with a name. True:
    the target does not keep the connection, and leaves it to us to close it, which costs a local port for a while.
    """
    parts = urlsplit(url)
    asked = f"{parts.path.rstrip('/')}{path}"
    headers = (("host", parts.netloc), ("access-control-request-method", "POST"))
    notice = start_notice(parts.netloc, "at all", ANSWER_SECONDS, on_wait or (lambda _: None))
    connection = BlockingConnection(find_route(url), ANSWER_SECONDS)
    try:
        connection(Request("OPTIONS", asked, headers))
    except NoAnswer as error:
        if error.cause == "timeout":
            raise Unreachable(describe_silence(url, "nothing was sent")) from error
    finally:
        notice.cancel()
        connection.close()
    return connection.port_not_kept is not None and is_left_behind(connection.port_not_kept)


def describe_silence(url: str, remedy: str, cause: str = "timeout") -> str:
    """Why a job ends: no answer came, and what that means for what was sent."""
    return f"no answer from {url} in {ANSWER_SECONDS:.0f} s ({cause}); {remedy}"


class FirstAnswer:
    """The wait of a job that sends for the first answer of all to `operation`; `on_wait` hears of it."""

    def __init__(self, url: str, operation: str, on_wait: OnWait) -> None:
        self._url, self._operation, self._on_wait = url, operation, on_wait
        self._came = self._told = False
        self._since: float | None = None

    def note(self) -> None:
        """An answer came, whatever it says."""
        self._came = True

    def check(self, waiting: bool, cause: str) -> None:
        """Raise Unreachable when the wait is over; `waiting`: something was sent; `cause`: why no answer came yet."""
        now = time.monotonic()
        if self._came or not (waiting or self._since):
            return
        self._since = self._since or now
        if now - self._since > ANSWER_SECONDS:
            remedy = "what was sent is in doubt: the same command looks it up and goes on, once it answers"
            raise Unreachable(f"{self._operation}: {describe_silence(self._url, remedy, cause or 'timeout')}")
        if now - self._since > NOTICE_SECONDS and not self._told:
            self._told = True
            self._on_wait(describe_wait(urlsplit(self._url).netloc, self._operation, ANSWER_SECONDS))
