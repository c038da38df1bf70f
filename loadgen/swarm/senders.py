"""Who sends: requests go out in groups, and come back answered in groups.

Rule: what is cheap when it is warm is done for a group at once. After an exchange on a socket the processor's caches
hold the kernel's code, and whatever comes next takes up to three times as long as alone; so a group is signed, then
sent, then read, then recorded. A group is what is due, or has been answered, at one turn of the event loop: whoever is
alone waits for nobody. A sender is the right to have one request in flight, and does nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
from gevent.event import Event as Signal

from loadgen.model import Request, Response
from loadgen.results import PreflightResult
from loadgen.swarm.connection import Begin, Outcome, explain_error
from loadgen.swarm.schedule import ScheduledRequest
from loadgen.transport import NoAnswer, allows_origin
from loadgen.wire import Destination

GROUP = 32
"""Requests that are prepared in one go: the first of them waits half a millisecond for the last."""

PENDING = NoAnswer("pending")


class Preflight(msgspec.Struct, gc=False):
    """What a browser asks before it sends a batch, and what came of it."""

    request: Request
    started: float = 0.0  # seconds from the run's zero
    finished: float = 0.0
    outcome: Outcome = PENDING

    def measure(self, due: float | None) -> PreflightResult:
        """What came of it; its time counts from the run second `due`, or without one from its start."""
        outcome = self.outcome
        answered = isinstance(outcome, Response)
        allowed = isinstance(outcome, Response) and allows_origin(outcome, self.request.header("origin"))
        return PreflightResult(self.finished - (self.started if due is None else due), answered, allowed)


class Exchange(msgspec.Struct, gc=False):
    """One attempt to send a batch, and what came of it."""

    due: ScheduledRequest
    request: Request | None  # as it is sent; None when it could not be signed
    started: float = 0.0  # seconds from the run's zero
    finished: float = 0.0
    outcome: Outcome = PENDING
    preflight: Preflight | None = None


Attempt = Exchange | Preflight
"""What is sent, and filled in with its moments and its outcome."""


class Senders:
    """Makes exchanges, at most as many at a time as there are senders, and collects those that are over."""

    def __init__(self, begin: Begin, now: Callable[[], float]) -> None:
        self._begin, self._now = begin, now
        self._over: list[Exchange] = []
        self._present = self.in_flight = 0  # senders, and exchanges that are handed out and not over
        self._freed, self._ended = Signal(), Signal()

    def serve(self, until: Signal) -> None:
        """Be one of the senders. What is in flight when one leaves is over all the same, in its time."""
        self._present += 1
        self._freed.set()
        try:
            until.wait()
        finally:
            self._present -= 1

    def wait_until_free(self) -> int:
        """How many exchanges may be handed out, once there is one."""
        while (free := self._present - self.in_flight) <= 0:
            self._freed.clear()
            self._freed.wait()
        return free

    def hand_out(self, exchanges: list[Exchange]) -> None:
        """Make exchanges, as many as are free."""
        self.in_flight += len(exchanges)
        for exchange in exchanges:
            self._send_next(exchange)

    def collect(self) -> list[Exchange]:
        """Wait for exchanges that are over, and take them all."""
        self._ended.wait()
        self._ended.clear()
        over, self._over = self._over, []
        return over

    def _send_next(self, exchange: Exchange) -> None:
        """Send an exchange's preflight, or its request. A target that refuses permission holds nothing back."""
        preflight = exchange.preflight
        attempt = exchange if preflight is None or preflight.outcome is not PENDING else preflight
        attempt.started = self._now()
        on_over = partial(self._end, exchange, attempt)
        try:
            if attempt.request is None:
                raise NoAnswer("not signed")
            self._begin(attempt.request, on_over)
        except Exception as error:  # before anything was sent
            on_over(explain_error(error))

    def _end(self, exchange: Exchange, attempt: Attempt, outcome: Outcome) -> None:
        attempt.outcome, attempt.finished = outcome, self._now()
        if attempt is not exchange:
            self._send_next(exchange)
            return
        self.in_flight -= 1
        self._over.append(exchange)
        self._ended.set()
        self._freed.set()


def make_preflight(due: ScheduledRequest, request: Request, destination: Destination) -> Preflight | None:
    """What the visitor's browser asks before a request; None where none is sent by a browser."""
    asked = destination.dialect.make_preflight(request, destination, due.batch.visitor)
    return None if asked is None else Preflight(asked)


def find_shortage(attempt: Attempt) -> str | None:
    """What this machine lacked to send it; None if it was sent, or the target did not take it."""
    outcome = attempt.outcome
    return outcome.cause if isinstance(outcome, NoAnswer) and outcome.is_own_shortage else None
