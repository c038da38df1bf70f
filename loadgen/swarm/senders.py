"""Who sends: requests go out in groups, and come back answered in groups.

Rule: what is cheap when it is warm is done for a group at once. After an exchange on a socket the processor's caches
hold the kernel's code, and whatever comes next takes up to three times as long as alone; so a group is signed, then
sent, then read, then recorded. A group is what is due, or has been answered, at one turn of the event loop: whoever is
alone waits for nobody. A free sender stands for the right to have one request in flight; its greenlet makes the request
only where the network cannot begin it without one.
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
from loadgen.swarm.connection import OnOver
from loadgen.swarm.connection_pool import ConnectionPool
from loadgen.swarm.schedule import ScheduledRequest
from loadgen.transport import NoAnswer, allows_origin
from loadgen.wire import Destination

log = logging.getLogger("loadgen")

GROUP = 32
"""Requests that are prepared in one go: the first of them waits half a millisecond for the last."""

TAKEN_AWAY = "stopped"  # Locust took the sender away in the middle of a request


class SendOutcome(NamedTuple):
    """What became of one attempt to send a request."""

    response: Response | None
    error: str | None = None  # why there is no answer
    sent: bool = True  # False: this machine could not send it


NOT_SIGNED = SendOutcome(None, "not signed")


class Preflight(msgspec.Struct, gc=False):
    """What a browser asks before it sends a batch: filled in by the sender that asks it."""

    request: Request
    started: float = 0.0  # seconds from the run's zero
    finished: float = 0.0
    outcome: SendOutcome = NOT_SIGNED
    over: bool = False

    def end(self, outcome: SendOutcome, now: float) -> None:
        """It is answered, or there is no answer."""
        self.outcome, self.finished, self.over = outcome, now, True

    def measure(self, due: float | None) -> PreflightResult:
        """What came of it; its time counts from the run second `due`, or without one from its start."""
        response = self.outcome.response
        allowed = response is not None and allows_origin(response, self.request.header("origin"))
        return PreflightResult(self.finished - (self.started if due is None else due), response is not None, allowed)


class Exchange(msgspec.Struct, gc=False):
    """One attempt to send a batch: filled in by the sender that makes it."""

    due: ScheduledRequest
    request: Request | None  # as it is sent; None when it could not be signed
    started: float = 0.0  # seconds from the run's zero
    finished: float = 0.0
    outcome: SendOutcome = NOT_SIGNED
    preflight: Preflight | None = None


class Senders:
    """Passes exchanges to the greenlets that make them, and collects the exchanges that are over."""

    def __init__(self, send: Send, now: Callable[[], float]) -> None:
        self._send, self._now = send, now
        self._begin_sending = send.begin if isinstance(send, ConnectionPool) else None
        self._ready: SimpleQueue[Exchange | None] = SimpleQueue()
        self._over: list[Exchange] = []
        self._present = self._idle = 0
        self._begun = 0  # exchanges without a greenlet
        self._freed, self._ended = Signal(), Signal()
        self._closed = False

    def exchange_next(self) -> bool:
        """Make the next exchange, once there is one, as one of the senders; False when there will be none."""
        self._present += 1
        try:
            exchange = self._wait_for_exchange()
            if exchange is None:
                self._ready.put(None)  # for the next sender
                return False
            outcome = self._exchange(exchange)
        finally:
            self._present -= 1
        self._over.append(exchange)
        self._ended.set()
        if outcome.error == TAKEN_AWAY:
            raise gevent.GreenletExit
        return True

    def _exchange(self, exchange: Exchange) -> SendOutcome:
        """Ask for permission where a browser does, and send. The target's refusal holds nothing back: it is counted."""
        preflight, outcome = exchange.preflight, NOT_SIGNED
        if preflight is not None and not preflight.over:
            preflight.started = self._now()
            outcome = ask(self._send, preflight.request)
            preflight.end(outcome, self._now())
        exchange.started = self._now()
        if exchange.request is not None and outcome.error != TAKEN_AWAY:
            outcome = ask(self._send, exchange.request)
        exchange.outcome, exchange.finished = outcome, self._now()
        return outcome

    def wait_until_free(self) -> int:
        """How many senders wait for an exchange, once there is one; 0 when the senders are dismissed."""
        while (free := self._idle - len(self._ready) - self._begun) <= 0 and not self._closed:
            self._freed.clear()
            self._freed.wait()
        return 0 if self._closed else free

    def hand_out(self, exchanges: list[Exchange]) -> None:
        """Give exchanges to as many free senders."""
        for exchange in exchanges:
            self._start(exchange)

    def _start(self, exchange: Exchange) -> None:
        """Begin the next request of an exchange; where a greenlet has to wait for its answer, leave it to a sender."""
        preflight = exchange.preflight
        if exchange.request is None:
            begun = False
        elif preflight is not None and not preflight.over:
            preflight.started = self._now()
            begun = self._begin(preflight.request, partial(self._end_preflight, exchange, preflight))
        else:
            exchange.started = self._now()
            begun = self._begin(exchange.request, partial(self._end, exchange))
        if not begun:
            self._ready.put(exchange)

    def _begin(self, request: Request, on_over: OnOver) -> bool:
        """Send without a greenlet that waits; False where one must."""
        if self._begin_sending is None:
            return False
        self._begun += 1
        try:
            if self._begin_sending(request, on_over):
                return True
        except Exception as error:  # an error of loadgen's own, before anything was sent
            on_over(error)
            return True
        self._begun -= 1
        return False

    def _end_preflight(self, exchange: Exchange, preflight: Preflight, ended: Response | BaseException) -> None:
        self._begun -= 1
        preflight.end(describe_end(ended), self._now())
        self._start(exchange)

    def _end(self, exchange: Exchange, ended: Response | BaseException) -> None:
        self._begun -= 1
        exchange.outcome, exchange.finished = describe_end(ended), self._now()
        self._over.append(exchange)
        self._ended.set()
        self._freed.set()

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
        return [each for each in left if each is not None]

    def _wait_for_exchange(self) -> Exchange | None:
        self._idle += 1
        self._freed.set()
        try:
            exchange: Exchange | None = self._ready.get()
            return exchange
        finally:
            self._idle -= 1


def make_preflight(due: ScheduledRequest, request: Request, destination: Destination) -> Preflight | None:
    """What the visitor's browser asks before a request; None where none is sent by a browser."""
    asked = destination.dialect.make_preflight(request, destination, due.batch.visitor)
    return None if asked is None else Preflight(asked)


def ask(send: Send, request: Request) -> SendOutcome:
    """Send a request and wait for its answer."""
    try:
        return SendOutcome(send(request))
    except (Exception, gevent.GreenletExit) as error:
        return explain_failure(error)


def describe_end(ended: Response | BaseException) -> SendOutcome:
    """The answer, or why there is none."""
    return SendOutcome(ended) if isinstance(ended, Response) else explain_failure(ended)


def explain_failure(error: BaseException) -> SendOutcome:
    """Why there is no answer."""
    if isinstance(error, NoAnswer):
        own = error.cause.startswith(causes.OWN)
        return SendOutcome(None, error.cause, sent=error.sent or not own)
    if isinstance(error, gevent.GreenletExit):
        return SendOutcome(None, TAKEN_AWAY)
    # an error of loadgen's own: the batch must be accounted for all the same
    log.error("sending", exc_info=error)
    return SendOutcome(None, causes.name_shortage(name_own_error(error)))


def name_own_error(error: BaseException) -> str:
    """What this machine lacked, or the type of an error of loadgen's own."""
    return causes.MEMORY if isinstance(error, MemoryError) else type(error).__name__
