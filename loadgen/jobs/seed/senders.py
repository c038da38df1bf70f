"""Threads that send signed requests, each over its own connection, and report each attempt."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, Queue, SimpleQueue
from threading import Thread

from loadgen.causes import FOREIGN
from loadgen.model import Noun, Request, Response, Send
from loadgen.options import Accept
from loadgen.transport import NoAnswer, describe_answer, name_outcome, parse_retry_after


class Attempt(Noun):
    """The outcome of one attempt to send a batch."""

    number: int
    status: int | None  # None: no answer
    arrived: bool  # False: the service certainly did not get the request
    accepted: bool = False
    foreign: bool = False  # the answer cannot come from RUM, whatever its status
    retry_after: float | None = None  # seconds
    error: str = ""

    @property
    def is_in_doubt(self) -> bool:
        """Whether the batch may have been accepted although no valid answer says so."""
        return self.arrived and (self.status is None or self.status >= 500 or self.foreign)


class SenderThreads:
    """A pool of `count` threads. `connect` makes a Send for each; `accept` says which answers mean accepted."""

    def __init__(self, connect: Callable[[], Send], count: int, accept: Accept = "rum") -> None:
        self.count = count
        self._accept = accept
        self._connect = connect
        self._requests: SimpleQueue[tuple[int, Request] | None] = SimpleQueue()
        self._attempts: Queue[Attempt] = Queue()
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, number: int, request: Request) -> None:
        """Queue a request; a thread sends it as soon as one is free."""
        self._requests.put((number, request))

    def collect(self, wait: float) -> list[Attempt]:
        """Return the attempts that have ended, after waiting at most `wait` seconds for the first."""
        found = []
        try:
            found.append(self._attempts.get(timeout=max(wait, 0.0)))
            while True:
                found.append(self._attempts.get_nowait())
        except Empty:
            return found

    def close(self) -> None:
        """End the threads that are not sending; threads that wait for an answer end with the process."""
        for _ in self._threads:
            self._requests.put(None)

    def _work(self) -> None:
        send = self._connect()
        while (waiting := self._requests.get()) is not None:
            number, request = waiting
            try:
                attempt = read_attempt(number, send(request), self._accept)
            except NoAnswer as error:
                attempt = Attempt(number, None, error.sent, error=error.cause)
            except Exception as error:  # if the thread died silently, the batch would stay in flight for ever
                attempt = Attempt(number, None, True, error=repr(error))
            self._attempts.put(attempt)


def read_attempt(number: int, response: Response, accept: Accept) -> Attempt:
    """Return the outcome of an attempt from its response."""
    outcome = name_outcome(response, accept)
    if outcome is None:
        return Attempt(number, response.status, True, accepted=True)
    foreign = outcome.startswith(FOREIGN)
    text = describe_answer(response) if foreign else f"{outcome} {response.body[:300].decode(errors='replace')}"
    retry_after = parse_retry_after(response.get_header("retry-after"), time.time())
    return Attempt(number, response.status, True, foreign=foreign, retry_after=retry_after, error=text)


def explain_foreign(attempt: Attempt) -> str:
    """Explain in one line that an answer does not come from RUM, and what to do."""
    return (
        f"PutRumEvents: not RUM's answer: {attempt.error}; a log-in page, a proxy or another service stands there. "
        "What was sent is in doubt: the same command looks it up and goes on, once RUM answers"
    )


def explain_refusal(attempt: Attempt) -> str:
    """Explain in one line a refusal that a retry would not change."""
    advice = {
        403: "the credentials lack rum:PutRumEvents on this app monitor, or are wrong or expired",
        404: "the app monitor is gone",
    }.get(attempt.status or 0, "the request was refused")
    return f"PutRumEvents: {advice} ({attempt.error}); what was accepted is kept, run the same command again to go on"
