"""Who sends: requests go out in groups, and come back answered in groups.

Rule: what is cheap when it is warm is done for a group at once. After an exchange on a socket the processor's caches
hold the kernel's code, and whatever comes next takes up to three times as long as alone; so a group is signed, then
sent, then read, then recorded. A group is what is due, or has been answered, at one turn of the event loop: whoever is
alone waits for nobody. A sender stands for the right to have one request in flight; its greenlet sends the request only
where the network cannot begin it without one, which is to open a connection.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import gevent
import msgspec
from gevent.event import Event as Signal
from gevent.queue import SimpleQueue

from loadgen import causes
from loadgen.model import Request, Response, Send
from loadgen.results import PreflightResult
from loadgen.swarm.connection_pool import ConnectionPool
from loadgen.swarm.schedule import ScheduledRequest
from loadgen.transport import NoAnswer, allows_origin
from loadgen.wire import Destination

log = logging.getLogger("loadgen")

GROUP = 32
"""Requests that are prepared in one go: the first of them waits half a millisecond for the last."""


class SendOutcome(NamedTuple):
    """What became of one attempt to send a request."""

    response: Response | None
    error: str | None = None  # why there is no answer
    sent: bool = True  # False: this machine could not send it


PENDING = SendOutcome(None)


class Preflight(msgspec.Struct, gc=False):
    """What a browser asks before it sends a batch, and what came of it."""

    request: Request
    started: float = 0.0  # seconds from the run's zero
    finished: float = 0.0
    outcome: SendOutcome = PENDING

    def measure(self, due: float | None) -> PreflightResult:
        """What came of it; its time counts from the run second `due`, or without one from its start."""
        response = self.outcome.response
        allowed = response is not None and allows_origin(response, self.request.header("origin"))
        return PreflightResult(self.finished - (self.started if due is None else due), response is not None, allowed)


class Exchange(msgspec.Struct, gc=False):
    """One attempt to send a batch, and what came of it."""

    due: ScheduledRequest
    request: Request | None  # as it is sent; None when it could not be signed
    started: float = 0.0  # seconds from the run's zero
    finished: float = 0.0
    outcome: SendOutcome = PENDING
    preflight: Preflight | None = None


Attempt = Exchange | Preflight
"""What is sent, and filled in with its moments and its outcome."""


class Senders:
    """Makes exchanges, at most as many at a time as there are senders, and collects those that are over."""

    def __init__(self, send: Send, now: Callable[[], float]) -> None:
        self._send, self._now = send, now
        self._begin = send.begin if isinstance(send, ConnectionPool) else None
        self._ready: SimpleQueue[tuple[Exchange, Attempt, Request] | None] = SimpleQueue()  # for a greenlet
        self._over: list[Exchange] = []
        self._present = self.in_flight = 0  # senders, and exchanges that are handed out and not over
        self._freed, self._ended = Signal(), Signal()
        self._closed = False

    def exchange_next(self) -> bool:
        """Send what needs a greenlet, as one of the senders, up to the next request; False when there will be none."""
        self._present += 1
        self._freed.set()
        try:
            while (waiting := self._ready.get()) is not None:
                exchange, attempt, request = waiting
                attempt.started = self._now()
                ended = ask(self._send, request)
                self._end(exchange, attempt, ended)
                if isinstance(ended, gevent.GreenletExit):
                    raise ended
                if attempt is exchange:
                    return True
            self._ready.put(None)  # for the next sender
            return False
        finally:
            self._present -= 1

    def wait_until_free(self) -> int:
        """How many exchanges may be handed out, once there is one; 0 when the senders are dismissed."""
        while (free := self._present - self.in_flight) <= 0 and not self._closed:
            self._freed.clear()
            self._freed.wait()
        return 0 if self._closed else free

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

    def dismiss(self) -> None:
        """There will be no more exchanges."""
        if not self._closed:
            self._closed = True
            self._freed.set()
            self._ready.put(None)

    def take_back(self) -> list[Exchange]:
        """The exchanges that nobody is there to make: Locust has taken the senders away."""
        if self._present or not self._ready:
            return []
        left = [self._ready.get() for _ in range(len(self._ready))]
        exchanges = [each[0] for each in left if each is not None]
        self.in_flight -= len(exchanges)
        return exchanges

    def _send_next(self, exchange: Exchange) -> None:
        """Send an exchange's preflight, or its request; what the network needs a greenlet for, leave to a sender.

        A target that refuses permission holds nothing back: that is counted.
        """
        preflight = exchange.preflight
        attempt = exchange if preflight is None or preflight.outcome is not PENDING else preflight
        attempt.started = self._now()
        if (request := attempt.request) is None:
            self._end(exchange, attempt, NoAnswer("not signed"))
            return
        on_over = partial(self._end, exchange, attempt)
        try:
            if self._begin is None or not self._begin(request, on_over):
                self._ready.put((exchange, attempt, request))
        except Exception as error:  # of loadgen's own, before anything was sent
            on_over(error)

    def _end(self, exchange: Exchange, attempt: Attempt, ended: Response | BaseException) -> None:
        attempt.outcome, attempt.finished = describe_end(ended), self._now()
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


def ask(send: Send, request: Request) -> Response | BaseException:
    """Send a request and wait for its answer, or for what comes in place of one."""
    try:
        return send(request)
    except (Exception, gevent.GreenletExit) as error:
        return error


def describe_end(ended: Response | BaseException) -> SendOutcome:
    """The answer, or why there is none."""
    if isinstance(ended, Response):
        return SendOutcome(ended)
    if isinstance(ended, NoAnswer):
        own = ended.cause.startswith(causes.OWN)
        return SendOutcome(None, ended.cause, sent=ended.sent or not own)
    if isinstance(ended, gevent.GreenletExit):
        return SendOutcome(None, "stopped")  # Locust took the sender away in the middle of a request
    # an error of loadgen's own: the batch must be accounted for all the same
    log.error("sending", exc_info=ended)
    lacks_memory = isinstance(ended, MemoryError)
    return SendOutcome(None, causes.name_shortage(causes.MEMORY if lacks_memory else type(ended).__name__))
