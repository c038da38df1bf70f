"""Threads that send: each has a connection of its own, takes a signed request, and says how it went.

How fast requests may go: a given quota, or one learned from 429s (additive increase, multiplicative decrease). Pure.

Rule: `now` is an argument, seconds of any steady clock. Requests are spaced evenly, never saved up, so that a bucket of
the same rate on the other side does not run dry. Between two throttled moments the other side's bucket was empty twice,
so what it accepted in between, per second, is its rate: that is how a quota is learned.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, Queue, SimpleQueue
from threading import Thread

from loadgen.model import Noun, Request, Response, Send
from loadgen.transport import FOREIGN, Accept, NoAnswer, describe_answer, name_outcome, parse_retry_after


class Attempt(Noun):
    """How one attempt at a batch went."""

    number: int
    status: int | None  # None: no answer
    arrived: bool  # False: it certainly was not looked at
    accepted: bool = False
    foreign: bool = False  # an answer that RUM cannot have given, whatever its status
    retry_after: float | None = None  # seconds
    error: str = ""

    @property
    def is_in_doubt(self) -> bool:
        """Whether the batch may have been accepted all the same."""
        return self.arrived and (self.status is None or self.status >= 500 or self.foreign)


class SenderThreads:
    """`count` threads; `connect` makes a Send for each, `accept` says which answers mean accepted."""

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
        """Send a request as soon as a thread is free."""
        self._requests.put((number, request))

    def collect(self, wait: float) -> list[Attempt]:
        """The attempts that have ended, after waiting at most so many seconds for one."""
        found = []
        try:
            found.append(self._attempts.get(timeout=max(wait, 0.0)))
            while True:
                found.append(self._attempts.get_nowait())
        except Empty:
            return found

    def close(self) -> None:
        """End the threads that have nothing in flight; the others end with the process."""
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
            except Exception as error:  # a thread must not die silently: the batch would stay in flight for ever
                attempt = Attempt(number, None, True, error=repr(error))
            self._attempts.put(attempt)


def read_attempt(number: int, response: Response, accept: Accept = "rum") -> Attempt:
    """What a response says of the attempt that it answers."""
    outcome = name_outcome(response, accept)
    if outcome is None:
        return Attempt(number, response.status, True, accepted=True)
    foreign = outcome.startswith(FOREIGN)
    text = describe_answer(response) if foreign else f"{outcome} {response.body[:300].decode(errors='replace')}"
    retry_after = parse_retry_after(response.header("retry-after"), time.time())
    return Attempt(number, response.status, True, foreign=foreign, retry_after=retry_after, error=text)


def explain_foreign(attempt: Attempt) -> str:
    """One line for answers that do not come from RUM."""
    return (
        f"PutRumEvents: not RUM's answer: {attempt.error}; a log-in page, a proxy or another service stands there. "
        "What was sent is in doubt: the same command looks it up and goes on, once RUM answers"
    )


def explain_refusal(attempt: Attempt) -> str:
    """One line for an answer that no retry mends."""
    advice = {
        403: "the credentials lack rum:PutRumEvents on this app monitor, or are wrong or expired",
        404: "the app monitor is gone",
    }.get(attempt.status or 0, "the request was refused")
    return f"PutRumEvents: {advice} ({attempt.error}); what was accepted is kept, run the same command again to go on"


SHARE = 0.97
"""Of the quota that is used; the rest is for clocks that differ and for answers that were lost."""

START = 10.0
"""Requests a second to begin with when the quota is not known; doubled every second until the first 429."""

DECREASE = 0.7
INCREASE = 1.0  # requests a second, each second, after the first 429
RAISE = 1.01  # of what was learned, every RAISE_SECONDS without a 429: a quota may have been raised
RAISE_SECONDS = 300.0
EPISODE_SECONDS = 1.0  # 429s so close together are one event: the requests were on their way, and teach nothing
SLOWEST = 0.2
LATE_SECONDS = 0.05  # lateness of the sender that may be caught up
FIRST_BACKOFF = 0.1  # seconds after the second failure in a row; doubled with each
LONGEST_BACKOFF = 10.0


class RateLimiter:
    """When the next request may go."""

    def __init__(self, quota: float | None, now: float, learned: float | None = None) -> None:
        """Keep to a given quota; else to what an earlier run has `learned`, its ceiling; else learn the quota."""
        self.ceiling = learned if quota is None else quota * SHARE
        self.rate = START if self.ceiling is None else self.ceiling
        self._given = quota is not None
        self._throttled_before = learned is not None
        self._next = now
        self._grown = now
        self._quiet_until = now  # 429s before belong to an episode that was counted
        self._raised = now
        self._episode: float | None = None
        self._accepted = 0  # since the last episode
        self._failures = 0  # in a row

    @property
    def learned(self) -> float | None:
        """The ceiling, when it was not given."""
        return None if self._given else self.ceiling

    def compute_wait(self, now: float) -> float:
        """Seconds until the next request may go; 0 or less when it may go now."""
        return self._next - now

    def take(self, now: float) -> None:
        """Spend the right to send one request now."""
        self._raise_rate(now)
        self._next = max(self._next, now - LATE_SECONDS) + 1.0 / self.rate

    def note_accepted(self) -> None:
        """A request was accepted."""
        self._accepted += 1
        self._failures = 0

    def note_throttled(self, retry_after: float | None, now: float) -> None:
        """A request was answered 429."""
        self.hold(retry_after or 1.0, now)
        if now < self._quiet_until:
            return
        self._learn(now)
        self._throttled_before = True
        self.rate = max(SLOWEST, self.rate * DECREASE)
        if self.ceiling is not None:
            self.rate = min(self.rate, self.ceiling)
        self._quiet_until = now + EPISODE_SECONDS
        self._grown = self._raised = now

    def note_failed(self, now: float) -> None:
        """A request got a 5xx or no answer: from the second in a row on wait, longer with each."""
        self._failures += 1
        if self._failures > 1:
            pause = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(self._failures - 2, 10))
            self.hold(pause, now)

    def hold(self, seconds: float, now: float) -> None:
        """Let nothing go for so long."""
        self._next = max(self._next, now + seconds)

    def _learn(self, now: float) -> None:
        since = None if self._episode is None else now - self._episode
        if since is not None and not self._given:
            self.ceiling = max(SLOWEST, SHARE * self._accepted / since)
        self._episode, self._accepted = now, 0

    def _raise_rate(self, now: float) -> None:
        """Raise the rate for the time that went by since the last 429."""
        passed = now - self._grown
        if passed < 1.0:
            return
        self._grown = now
        self.rate = self.rate + INCREASE * passed if self._throttled_before else self.rate * 2.0
        if self.ceiling is None:
            return
        if not self._given and now - self._raised > RAISE_SECONDS:
            self._raised = now
            self.ceiling *= RAISE
        self.rate = min(self.rate, self.ceiling)
