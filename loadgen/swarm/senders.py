"""The senders: requests are sent in groups, and finished exchanges are collected in groups.

Rule: each step (sign, send, read, record) is done for a whole group at once. After an exchange on a socket the
processor's caches hold the kernel's code, and the next step takes up to three times as long as it does in a row of its
own kind. A group is what is due, or was answered, at one turn of the event loop; a single request does not wait for
others. A sender only stands for the right to have one request in flight; it does nothing itself.
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
"""The most requests that are prepared in one go: the first of them waits half a millisecond for the last."""

PENDING = NoAnswer("pending")


class Preflight(msgspec.Struct, gc=False):
    """A CORS preflight that a browser sends before a batch, with its moments and outcome."""

    request: Request
    started: float = 0.0  # seconds from the run's zero
    finished: float = 0.0
    outcome: Outcome = PENDING

    def measure(self, due: float | None) -> PreflightResult:
        """Return the preflight's result. Its latency counts from `due`, in seconds of the run; None: from its start."""
        outcome = self.outcome
        answered = isinstance(outcome, Response)
        allowed = isinstance(outcome, Response) and allows_origin(outcome, self.request.get_header("origin"))
        return PreflightResult(self.finished - (self.started if due is None else due), answered, allowed)


class Exchange(msgspec.Struct, gc=False):
    """One attempt to send a batch, with its moments and outcome."""

    due: ScheduledRequest
    request: Request | None  # as it is sent; None when it could not be signed
    started: float = 0.0  # seconds from the run's zero
    finished: float = 0.0
    outcome: Outcome = PENDING
    preflight: Preflight | None = None


AnyExchange = Exchange | Preflight
"""One HTTP request: its sender fills in its moments and its outcome."""


class Senders:
    """Makes exchanges, at most one for each sender at a time, and collects the finished exchanges."""

    def __init__(self, begin: Begin, now: Callable[[], float]) -> None:
        self._begin, self._now = begin, now
        self._over: list[Exchange] = []
        self._present = self.in_flight = 0  # number of senders; of exchanges that were handed out and are not over
        self._freed, self._ended = Signal(), Signal()

    def serve(self, until: Signal) -> None:
        """Act as one of the senders until the event is set. An exchange in flight goes on when its sender leaves."""
        self._present += 1
        self._freed.set()
        try:
            until.wait()
        finally:
            self._present -= 1

    def wait_until_free(self) -> int:
        """Wait until a sender is free; return how many are."""
        while (free := self._present - self.in_flight) <= 0:
            self._freed.clear()
            self._freed.wait()
        return free

    def hand_out(self, exchanges: list[Exchange]) -> None:
        """Begin exchanges; there must not be more of them than free senders."""
        self.in_flight += len(exchanges)
        for exchange in exchanges:
            self._send_next(exchange)

    def collect(self) -> list[Exchange]:
        """Wait until an exchange is over; return all exchanges that are."""
        self._ended.wait()
        self._ended.clear()
        over, self._over = self._over, []
        return over

    def _send_next(self, exchange: Exchange) -> None:
        """Send an exchange's preflight, or, once that is over, its request, even if the preflight was refused."""
        preflight = exchange.preflight
        attempt = exchange if preflight is None or preflight.outcome is not PENDING else preflight
        attempt.started = self._now()
        on_over = partial(self._end, exchange, attempt)
        try:
            if attempt.request is None:
                raise NoAnswer("not signed")
            self._begin(attempt.request, on_over)
        except Exception as error:  # nothing was sent
            on_over(explain_error(error))

    def _end(self, exchange: Exchange, attempt: AnyExchange, outcome: Outcome) -> None:
        attempt.outcome, attempt.finished = outcome, self._now()
        if attempt is not exchange:
            self._send_next(exchange)
            return
        self.in_flight -= 1
        self._over.append(exchange)
        self._ended.set()
        self._freed.set()


def make_preflight(due: ScheduledRequest, request: Request, destination: Destination) -> Preflight | None:
    """Make the preflight of the visitor's browser for a request; None if the dialect is not a browser's."""
    asked = destination.dialect.make_preflight(request, destination, due.batch.visitor)
    return None if asked is None else Preflight(asked)


def find_shortage(attempt: AnyExchange) -> str | None:
    """Return the cause if this machine had no means to send the attempt; None if it was sent or the target failed."""
    outcome = attempt.outcome
    return outcome.cause if isinstance(outcome, NoAnswer) and outcome.is_own_shortage else None
