"""The greenlets that send: requests go out to them in groups, and come back answered in groups.

Rule: what is cheap when it is warm is done for a group at once. After an exchange on a socket the processor's caches
hold the kernel's code, and whatever comes next takes up to three times as long as alone; so a group is signed, then
sent, then read, then recorded. A group is what is due, or has been answered, at one turn of the event loop: whoever is
alone waits for nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

import gevent
import msgspec
from gevent.event import Event as Signal
from gevent.queue import SimpleQueue

from loadgen import causes
from loadgen.model import Request, Response, Send
from loadgen.swarm.schedule import ScheduledRequest
from loadgen.transport import NoAnswer

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


class Exchange(msgspec.Struct, gc=False):
    """One attempt to send a batch: filled in by the sender that makes it."""

    due: ScheduledRequest
    request: Request | None  # as it is sent; None when it could not be signed
    started: float = 0.0  # seconds from the run's zero
    finished: float = 0.0
    outcome: SendOutcome = NOT_SIGNED


class Senders:
    """Passes exchanges to the greenlets that make them, and collects the exchanges that are over."""

    def __init__(self, send: Send, now: Callable[[], float]) -> None:
        self._send, self._now = send, now
        self._ready: SimpleQueue[Exchange | None] = SimpleQueue()
        self._over: list[Exchange] = []
        self._present = self._idle = 0
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
            exchange.started = self._now()
            exchange.outcome = outcome = NOT_SIGNED if exchange.request is None else ask(self._send, exchange.request)
            exchange.finished = self._now()
        finally:
            self._present -= 1
        self._over.append(exchange)
        self._ended.set()
        if outcome.error == TAKEN_AWAY:
            raise gevent.GreenletExit
        return True

    def wait_until_free(self) -> int:
        """How many senders wait for an exchange, once there is one; 0 when the senders are dismissed."""
        while (free := self._idle - len(self._ready)) <= 0 and not self._closed:
            self._freed.clear()
            self._freed.wait()
        return 0 if self._closed else free

    def hand_out(self, exchanges: list[Exchange]) -> None:
        """Give exchanges to as many free senders."""
        for exchange in exchanges:
            self._ready.put(exchange)

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


def ask(send: Send, request: Request) -> SendOutcome:
    """Send a request and wait for its answer."""
    try:
        return SendOutcome(send(request))
    except NoAnswer as error:
        own = error.cause.startswith(causes.OWN)
        return SendOutcome(None, error.cause, sent=error.sent or not own)
    except gevent.GreenletExit:
        return SendOutcome(None, TAKEN_AWAY)
    except Exception as error:  # an error of loadgen's own: the batch must be accounted for all the same
        log.exception("sending")
        return SendOutcome(None, causes.name_shortage(name_own_error(error)))


def name_own_error(error: Exception) -> str:
    """What this machine lacked, or the type of an error of loadgen's own."""
    return causes.MEMORY if isinstance(error, MemoryError) else type(error).__name__
